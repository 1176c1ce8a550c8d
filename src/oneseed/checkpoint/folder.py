"""What happens to a folder: files are written into it, resumed, counted and verified."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oneseed import checks
from oneseed.checkpoint import blocks, durable, manifest
from oneseed.checkpoint.checking import MISSING, Difference, described, values_differ
from oneseed.checkpoint.claiming import claim, foreign, read
from oneseed.checkpoint.manifest import Checkpoint, File, planned
from oneseed.checkpoint.sources import FORMATS
from oneseed.checkpoint.writing import Workers, threads, write_file
from oneseed.models.plan import Plan

Progress = Callable[[int, int], None]

UNITS: dict[str, int] = {"": 1, **{f"{unit}B": 1000**power for power, unit in enumerate(("", "K", "M", "G", "T"))}}
UNITS |= {f"{unit}IB": 1024**power for power, unit in enumerate(("K", "M", "G", "T"), 1)}

SHARD_SIZE = "5GB"


@dataclass(frozen=True)
class Written:
    """What `write` did.

    Attributes
    ----------
    written : tuple of str
        The files that were made.
    kept : tuple of str
        Those that were there, complete.
    damaged : tuple of Difference
        What was wrong with files that were there, and were made again.
    missing : tuple of Difference
        Those that other parts have still to make.
    complete : bool
        Whether the checkpoint is complete, with its index and its manifest.
    """

    written: tuple[str, ...]
    kept: tuple[str, ...]
    damaged: tuple[Difference, ...]
    missing: tuple[Difference, ...]
    complete: bool


@dataclass(frozen=True)
class Status:
    """What a folder has of its checkpoint.

    Attributes
    ----------
    seed : int
        The seed.
    digest : str
        The digest of the plan.
    files : dict of str to int
        The sizes of all files of tensors.
    missing : tuple of Difference
        Those that are not there, or are not what the plan says, as far as size and header tell.
    complete : bool
        Whether the checkpoint is complete, with its index and its manifest.
    """

    seed: int
    digest: str
    files: dict[str, int]
    missing: tuple[Difference, ...]
    complete: bool


def write(
    plan: Plan,
    seed: int,
    directory: str | os.PathLike[str],
    *,
    shard_size: int | str = SHARD_SIZE,
    part: tuple[int, int] | None = None,
    resume: bool = False,
    format: str = "pt",
    scheme: str | None = None,
    progress: Progress | None = None,
) -> Written:
    """Write a model's initial weights as .safetensors files, block by block, whatever their size.

    The values are those that `oneseed_torch.initialize_` and its siblings give a model of this plan, to the bit. The
    folder has ``model.safetensors``, or ``model-00001-of-00030.safetensors`` and so on with
    ``model.safetensors.index.json``, and ``oneseed.json``, the manifest: seed, rules, parameters and their
    fingerprints. Tied parameters are written once, under their first name.

    Each file is written under a temporary name, synced and renamed, so that a file under its final name is complete.
    Only the plan and the seed decide what is written. So `resume` continues an interrupted run, and several processes
    or hosts may write one folder as parts without communication. The part that finds all files writes the index and
    completes the manifest.

    Parameters
    ----------
    plan : Plan
        What each parameter gets.
    seed : int
        The seed, in ``[0, 2**64)``.
    directory : str or os.PathLike
        The folder; it is made if need be.
    shard_size : int or str
        The most bytes of values in a file, such as ``"5GB"`` (5 * 10**9) or ``"512MiB"``. A larger tensor has a file
        of its own.
    part : tuple of int, optional
        ``(i, n)``, i from 1 to n: write every n-th file, beginning with the i-th. What other parts have written, and
        what this one has written before, may be there.
    resume : bool
        Go on where the folder has files of the same plan. Those that are there are verified, and what is damaged is
        written again.
    format : {"pt", "flax", "mlx", "np", "tf"}
        What "format" is in the files' metadata, which libraries look at.
    scheme : str, optional
        A name of the scheme, for the manifest.
    progress : callable, optional
        ``progress(done, total)`` is called after each block, with bytes of this part.

    Returns
    -------
    Written
        What was done.

    Raises
    ------
    TypeError
        If an argument is of another type, or an initializer cannot be stored.
    ValueError
        If parameters have no rule, are to be kept, or have a dtype that the files lack, or an initializer that the seed
        does not reach; if an argument is out of range; or if the folder has something else: another seed, scheme or
        shape. Nothing is written then.
    FileExistsError
        If the folder has a checkpoint of this plan, and neither `resume` nor `part` is given.
    OSError
        If a file cannot be written. Those that are complete stay.

    Examples
    --------
    >>> import tempfile
    >>> import oneseed
    >>> scheme = oneseed.Scheme([oneseed.Rule("*.weight", "he_normal", axes="o i")])
    >>> plan = scheme.plan({"fc.weight": oneseed.Parameter((8, 2), "float32")})
    >>> folder = tempfile.mkdtemp()
    >>> oneseed.checkpoint.write(plan, 7, folder).written
    ('model.safetensors',)
    >>> oneseed.checkpoint.verify(folder) is None
    True
    """
    checks.one_of("format", format, FORMATS)
    checks.boolean("resume", resume)
    if progress is not None and not callable(progress):
        raise TypeError(f"`progress` must be callable, or None. Received: progress={checks.shown(progress)}")
    first, count = _part(part)
    if not isinstance(plan, Plan):
        raise TypeError(f"`plan` must be a Plan, as from Scheme.plan. Received: plan={plan!r}")
    checkpoint = planned(plan, seed, size_of(shard_size), format, scheme)
    folder = Path(directory)
    own = checkpoint.files[first - 1 :: count]
    claim(folder, checkpoint, resume or part is not None)
    durable.remove_unfinished(folder, {manifest.NAME, manifest.INDEX, *(file.name for file in own)})
    counted = _Counted(progress, sum(file.values for file in own))
    written: list[str] = []
    kept: list[str] = []
    damaged: list[Difference] = []
    with Workers(counted.add, threads()) as workers:
        for file in own:
            before = counted.done
            found = _wrong(file, folder, workers)
            if found is None:
                kept.append(file.name)
                continue
            counted.done = before
            if found.reason != MISSING:
                damaged.append(found)
            write_file(file, folder, workers)
            written.append(file.name)
    missing = _finish(folder, checkpoint)
    return Written(tuple(written), tuple(kept), tuple(damaged), missing, not missing)


def verify(
    directory: str | os.PathLike[str], *, quick: bool = False, progress: Progress | None = None
) -> Difference | None:
    """Make every value of a checkpoint again, and compare its files bit by bit.

    Parameters
    ----------
    directory : str or os.PathLike
        A folder that `write` has filled.
    quick : bool
        Compare the fingerprints of what the files hold with those of the manifest, and make no value.
    progress : callable, optional
        ``progress(done, total)`` is called after each block, with bytes.

    Returns
    -------
    Difference or None
        The first that is wrong, in the order of the files: a file that is missing, not the planned one or cut off; or
        the first tensor whose values differ, with its first element that does. None if all is as it was written.

    Raises
    ------
    TypeError
        If `quick` is not True or False.
    FileNotFoundError
        If the folder has no manifest.

    Examples
    --------
    >>> import tempfile
    >>> import oneseed
    >>> scheme = oneseed.Scheme([oneseed.Rule("*", "he_normal")])
    >>> folder = tempfile.mkdtemp()
    >>> _ = oneseed.checkpoint.write(scheme.plan({"w": oneseed.Parameter((8, 2), "float32")}), 7, folder)
    >>> with open(f"{folder}/model.safetensors", "r+b") as file:
    ...     _ = file.seek(-4, 2), file.write(b"abcd")
    >>> oneseed.checkpoint.verify(folder).element
    (7, 1)
    """
    checks.boolean("quick", quick)
    folder = Path(directory)
    try:
        checkpoint, prints = read(folder)
    except ValueError as error:
        return Difference(manifest.NAME, str(error))
    if (wrong := _wrong_outside(folder, checkpoint, prints)) is not None or prints is None:
        return wrong
    counted = _Counted(progress, sum(file.values for file in checkpoint.files))
    with Workers(counted.add, 2 if quick else threads()) as workers:
        found = (values_differ(file, folder, workers, prints, lambda _: quick) for file in checkpoint.files)
        return next((wrong for wrong in found if wrong is not None), None)


def status(directory: str | os.PathLike[str]) -> Status:
    """Tell which files of a checkpoint are there, by their sizes and headers alone.

    Parameters
    ----------
    directory : str or os.PathLike
        The folder.

    Returns
    -------
    Status
        What there is and what is missing.

    Raises
    ------
    FileNotFoundError
        If the folder has no manifest.
    ValueError
        If the manifest is damaged.
    """
    folder = Path(directory)
    checkpoint, prints = read(folder)
    wrong = tuple(wrong for file in checkpoint.files if (wrong := described(file, folder)[1]) is not None)
    sizes = {file.name: file.size for file in checkpoint.files}
    complete = not wrong and prints is not None and _wrong_index(folder, checkpoint) is None
    return Status(checkpoint.manifest["seed"], checkpoint.digest, sizes, wrong, complete)


class _Counted:
    """Count the bytes that are done, and report them if asked."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self.done = 0
        self._progress, self._total = progress, total

    def add(self, more: int) -> None:
        self.done += more
        if self._progress is not None:
            self._progress(self.done, self._total)


def size_of(value: Any) -> int:
    """Return a number of bytes given as such, or with a unit as in "5GB" or "512MiB"."""
    if not isinstance(value, str):
        return checks.index("shard_size", value, 1, checks.MAX_SIZE)
    match = re.fullmatch(r"(\d{1,18})\s*([A-Za-z]*)", value.strip())
    if match is None or match[2].upper() not in UNITS or int(match[1]) == 0:
        raise ValueError(
            "`shard_size` must be a number of bytes above 0, with a unit or without: 5GB, 512MiB, 1000000. "
            f"Received: shard_size={value!r}"
        )
    return int(match[1]) * UNITS[match[2].upper()]


def _part(part: Any) -> tuple[int, int]:
    if part is None:
        return 1, 1
    if not isinstance(part, tuple) or len(part) != 2:
        raise TypeError(f"`part` must be a tuple of two integers, (i, n), or None. Received: part={part!r}")
    count = checks.index("part", part[1], 1, checks.MAX_SIZE)
    return checks.index("part", part[0], 1, count + 1), count


def _wrong(file: File, folder: Path, workers: Workers) -> Difference | None:
    """Return what is wrong with a file that may be there already.

    Values are made again, which takes less time than their fingerprints, but for those that take long to make.
    """
    prints, wrong = described(file, folder)
    return values_differ(file, folder, workers, prints, blocks.made_whole) if wrong is None else wrong


def _wrong_outside(folder: Path, checkpoint: Checkpoint, prints: Mapping[str, str] | None) -> Difference | None:
    """Return what is wrong with a checkpoint, values apart."""
    for file in checkpoint.files:
        told, wrong = described(file, folder)
        if wrong is not None:
            return wrong
        for name, digits in told.items():
            if prints is not None and prints[name] != digits:
                how = "in its header is not the fingerprint of the manifest"
                return Difference(file.name, how, name, None, prints[name], digits)
    if prints is None:
        return Difference(manifest.NAME, "not completed, though all files are there; write again with resume")
    if others := foreign(folder, checkpoint):
        return Difference(others[0], "not a file of this checkpoint, but libraries might load it")
    return _wrong_index(folder, checkpoint)


def _wrong_index(folder: Path, checkpoint: Checkpoint) -> Difference | None:
    expected = checkpoint.index()
    if expected is None or _content(folder / manifest.INDEX) == expected:
        return None
    return Difference(manifest.INDEX, "missing, or not the one that was written")


def _content(path: Path) -> bytes | None:
    try:
        checks.regular_file(path)
        return path.read_bytes()
    except (FileNotFoundError, ValueError):
        return None


def _finish(folder: Path, checkpoint: Checkpoint) -> tuple[Difference, ...]:
    """Write index and manifest if all files are there; else return what is missing."""
    prints: dict[str, str] = {}
    missing = []
    for file in checkpoint.files:
        found, wrong = described(file, folder)
        prints |= found
        if wrong is not None:
            missing.append(wrong)
    if not missing:
        for name, data in ((manifest.INDEX, checkpoint.index()), (manifest.NAME, checkpoint.text(prints))):
            if data is not None and _content(folder / name) != data:
                durable.put(folder / name, data)
    return tuple(missing)
