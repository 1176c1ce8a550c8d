"""Whose a folder is: its manifest is read, and a folder of another checkpoint is refused."""

import re
from collections.abc import Mapping
from pathlib import Path

from oneseed import checks
from oneseed.checkpoint import durable, manifest
from oneseed.checkpoint.checking import described
from oneseed.checkpoint.manifest import Checkpoint

LOADED = re.compile(r"model(-\d+-of-\d+)?\.safetensors(\.index\.json)?")
"""The names by which libraries find a model's weights in a folder."""


def claim(folder: Path, checkpoint: Checkpoint, resume: bool) -> None:
    """Make sure that a folder is for one checkpoint, this one; write its manifest if it is the first to be here."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise NotADirectoryError(
            f"`directory` must be a folder, or not exist yet. Received: directory={str(folder)!r}"
        ) from None
    # The manifest is looked for after the files, since other parts write it before theirs.
    there = [path.name for path in folder.iterdir() if path.name == manifest.INDEX or path.suffix == ".safetensors"]
    if _is_ours(folder, checkpoint, resume):
        _check_foreign(folder, checkpoint)
        return
    _check_others(folder, checkpoint, there, resume)
    if not durable.put_first(folder / manifest.NAME, checkpoint.text()):
        _is_ours(folder, checkpoint, resume)


def foreign(folder: Path, checkpoint: Checkpoint) -> list[str]:
    """Return what libraries might load from a folder in place of a checkpoint's files, sorted."""
    own = {file.name for file in checkpoint.files}
    if checkpoint.index() is not None:
        own.add(manifest.INDEX)
    return sorted(path.name for path in folder.iterdir() if LOADED.fullmatch(path.name) and path.name not in own)


def _is_ours(folder: Path, checkpoint: Checkpoint, resume: bool) -> bool:
    """Tell whether the folder has the manifest of this checkpoint; another one is refused."""
    try:
        found, _ = read(folder)
    except FileNotFoundError:
        return False
    if (how := manifest.difference(checkpoint, found)) is not None:
        raise ValueError(
            f"`directory` must be empty, or hold the same checkpoint: {how}. Nothing was written. "
            f"Received: directory={str(folder)!r}"
        )
    if not resume:
        raise FileExistsError(
            f"{str(folder)!r} has a checkpoint of the same plan, complete or not; to go on with it, resume. Nothing "
            "was written."
        )
    return True


def _check_foreign(folder: Path, checkpoint: Checkpoint) -> None:
    if others := foreign(folder, checkpoint):
        raise ValueError(
            "`directory` must have no weights beside the checkpoint's, which libraries might load in their place: move "
            f"them away. Nothing was written. Received: directory={str(folder)!r} with {others[0]!r}"
        )


def _check_others(folder: Path, checkpoint: Checkpoint, there: list[str], resume: bool) -> None:
    """Refuse files in a folder without a manifest, unless each says itself that it is of this checkpoint."""
    files = {file.name: file for file in checkpoint.files}
    for name in there:
        same = name in files and described(files[name], folder)[1] is None
        same = same or (name == manifest.INDEX and checkpoint.index() is not None)
        if resume and same:
            continue
        raise ValueError(
            "`directory` must be empty, or hold the same checkpoint; it has files of another one, or whose manifest "
            f"is gone. Nothing was written. Received: directory={str(folder)!r} with {name!r}"
        )


def read(folder: Path) -> tuple[Checkpoint, Mapping[str, str] | None]:
    """Return the checkpoint of a folder, and the fingerprints of its tensors if it is complete."""
    path = folder / manifest.NAME
    try:
        checks.regular_file(path)
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(f"There is no checkpoint of oneseed: {str(path)!r} is missing.") from None
    return manifest.parsed(data, str(path))
