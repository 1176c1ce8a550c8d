"""What `oneseed init` does: read parameters, plan, write files or say what would be written."""

import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from oneseed import checkpoint
from oneseed.checkpoint import durable, folder, sources
from oneseed.checkpoint.blocks import BLOCK
from oneseed.checkpoint.manifest import Checkpoint, planned
from oneseed.checkpoint.writing import threads
from oneseed.cli.progress import Progress, clock, size
from oneseed.cli.scheme_choice import chosen
from oneseed.models.plan import Plan

Facts = dict[str, Any]

GOES_ON = "Files that are complete stay; --resume goes on with them."


@dataclass(frozen=True)
class Asked:
    """What is to be written."""

    plan: Plan
    scheme: str
    seed: int
    shard_size: int
    format: str
    files: dict[str, bytes]
    notes: tuple[str, ...]

    def planned(self) -> Checkpoint:
        """Return the files."""
        return planned(self.plan, self.seed, self.shard_size, self.format, self.scheme)


def run(
    source: Path | None,
    scheme: str | None,
    arguments: dict[str, Any],
    seed: int | None,
    out: Path | None,
    dtype: str | None,
    shard_size: str | None,
    part: tuple[int, int] | None,
    resume: bool,
    plan: bool,
    folder_to_show: Path | None,
) -> tuple[Facts, Callable[[Facts, Console], None]]:
    """Do what the options ask for; return what came of it as plain data, and the function that prints it."""
    if folder_to_show is not None:
        options = {
            "SOURCE": source,
            "--scheme": scheme,
            "--set": arguments or None,
            "--seed": seed,
            "--out": out,
            "--dtype": dtype,
            "--shard-size": shard_size,
            "--part": part,
            "--resume": resume or None,
            "--plan": plan or None,
        }
        if given := [name for name, value in options.items() if value is not None]:
            raise ValueError(f"--status takes a folder and nothing else but --json. Received: {', '.join(given)}")
        return status(folder_to_show), show_status
    needed = {"SOURCE": source, "--scheme": scheme, **({} if plan else {"--seed": seed, "--out": out})}
    if absent := [name for name, value in needed.items() if value is None]:
        raise ValueError(
            f"`oneseed init` needs {', '.join(absent)}; or --status and a folder. See `oneseed init --help`."
        )
    assert source is not None
    assert scheme is not None
    limit = folder.size_of("5GB" if shard_size is None else shard_size)
    found = sources.read(source, dtype)
    rules, name = chosen(scheme, arguments, found)
    # What is planned does not depend on the seed.
    asked = Asked(found.plan(rules, dtype), name, seed or 0, limit, found.format, found.files, found.notes)
    if plan:
        return preview(asked, part), show_preview
    assert out is not None
    return write(asked, out, part, resume), show_written


def part_of(text: str | None) -> tuple[int, int] | None:
    """Read "3/8"."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise ValueError(f"--part must be i/n, with i from 1 to n, such as 3/8. Received: --part {text}")
    return int(match[1]), int(match[2])


def write(given: Asked, out: Path, part: tuple[int, int] | None, resume: bool) -> Facts:
    """Write the files, and return what was done as plain data."""
    start = time.monotonic()
    files = given.planned()
    _check_others(given.files, out)
    try:
        with Progress("writing") as progress:
            done = checkpoint.write(
                given.plan,
                given.seed,
                out,
                shard_size=given.shard_size,
                part=part,
                resume=resume,
                format=given.format,
                scheme=given.scheme,
                progress=progress,
            )
        for name, data in given.files.items():
            durable.put(out / name, data)
    except KeyboardInterrupt:  # which ends the command with status 130, without a word
        print(f"oneseed: Interrupted. {GOES_ON}", file=sys.stderr)
        raise
    except OSError as error:
        if error.errno is None:  # a refusal of ours
            raise
        raise OSError(f"{error.strerror}: {error.filename!r}. {GOES_ON}") from error
    sizes = {file.name: file.size for file in files.files}
    return {
        "directory": str(out),
        "seed": given.seed,
        "scheme": given.scheme,
        "plan": files.digest,
        "written": list(done.written),
        "kept": list(done.kept),
        "damaged": [item.as_dict() for item in done.damaged],
        "missing": [item.as_dict() for item in done.missing],
        "complete": done.complete,
        "bytes": sum(sizes[name] for name in done.written),
        "seconds": round(time.monotonic() - start, 3),
        "notes": list(given.notes),
    }


def _check_others(files: dict[str, bytes], out: Path) -> None:
    """Refuse a folder whose files of these names hold something else, such as the model's own configuration."""
    for name, data in files.items():
        file = out / name
        if file.exists() and not (file.is_file() and file.read_bytes() == data):
            raise ValueError(
                f"--out has another {name}, which would be written over; write to an empty folder, or remove that "
                f"file. Received: --out {out}"
            )


def show_written(facts: Facts, console: Console) -> None:
    """Print what was done."""
    for row in facts["damaged"]:
        console.print(f"{row['file']} was written again: {row['reason']}")
    kept = f", {len(facts['kept'])} were there" if facts["kept"] else ""
    rate = size(round(facts["bytes"] / max(facts["seconds"], 1e-3)))
    console.print(
        f"{len(facts['written'])} files written{kept}: {size(facts['bytes'])} in {clock(facts['seconds'])}, {rate}/s"
    )
    state = "complete" if facts["complete"] else f"not complete, {len(facts['missing'])} files are missing"
    console.print(f"{facts['directory']}: {state}; seed {facts['seed']}, scheme {facts['scheme']}")
    for note in facts["notes"]:
        console.print(note)


def preview(given: Asked, part: tuple[int, int] | None) -> Facts:
    """Return what would be written as plain data."""
    files = given.planned()
    first, count = part or (1, 1)
    own = files.files[first - 1 :: count]
    return {
        "scheme": given.scheme,
        "files": [{"file": file.name, "tensors": len(file.tensors), "bytes": file.size} for file in own],
        "bytes": sum(file.size for file in own),
        "memory": {"blocks": 2 * threads() * BLOCK, "whole": files.memory},
        "notes": list(given.notes),
        "parameters": given.plan.as_dict()["parameters"],
    }


def show_preview(facts: Facts, console: Console) -> None:
    """Print what would be written: rules, files, bytes, memory."""
    rules: dict[tuple[str, str], list[int]] = {}
    for row in facts["parameters"]:
        rules.setdefault((row["rule"], row["initializer"]), []).append(row["bytes"])
    table = Table("rule", "initializer", "parameters", "bytes")
    for (rule, initializer), sizes in rules.items():
        table.add_row(rule, initializer, str(len(sizes)), f"{sum(sizes):,}")
    console.print(table)
    table = Table("file", "tensors", "bytes")
    for row in facts["files"]:
        table.add_row(row["file"], str(row["tensors"]), f"{row['bytes']:,}")
    console.print(table)
    memory = facts["memory"]
    console.print(f"{len(facts['files'])} files, {facts['bytes']:,} bytes; scheme {facts['scheme']}")
    whole = (
        f", and {size(memory['whole'])} and more for a matrix that is computed as a whole" if memory["whole"] else ""
    )
    console.print(f"memory: {size(memory['blocks'])} for blocks{whole}; nothing was written")
    for note in facts["notes"]:
        console.print(note)


def status(out: Path) -> Facts:
    """Return what a folder has of its checkpoint as plain data."""
    found = checkpoint.status(out)
    wrong = {item.file: item.reason for item in found.missing}
    return {
        "directory": str(out),
        "seed": found.seed,
        "plan": found.digest,
        "complete": found.complete,
        "files": [
            {"file": name, "bytes": count, "state": wrong.get(name, "complete")} for name, count in found.files.items()
        ],
    }


def show_status(facts: Facts, console: Console) -> None:
    """Print what a folder has."""
    table = Table("file", "bytes", "state")
    for row in facts["files"]:
        table.add_row(row["file"], f"{row['bytes']:,}", row["state"])
    console.print(table)
    there = sum(row["state"] == "complete" for row in facts["files"])
    state = "complete" if facts["complete"] else "not complete"
    console.print(f"{facts['directory']}: {there} of {len(facts['files'])} files, {state}; seed {facts['seed']}")
