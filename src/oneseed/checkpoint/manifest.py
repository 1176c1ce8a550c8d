"""What a folder is to hold: the plan as data, cut into files, with a digest by which these know each other."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Any

from oneseed import checks, seeds
from oneseed.checkpoint import blocks, headers
from oneseed.checkpoint.headers import CODES, Stored, shortened
from oneseed.checks import shown
from oneseed.digest import DIGEST_BYTES
from oneseed.draws import Draw
from oneseed.dtypes import numpy_dtype
from oneseed.models.entry import Entry, Parameter
from oneseed.models.plan import Plan
from oneseed.models.rule import restored, stored
from oneseed.models.scheme import Scheme

NAME = "oneseed.json"
INDEX = "model.safetensors.index.json"
SINGLE = "model.safetensors"

FORMAT, VERSION = "oneseed.checkpoint", 1
STREAM = 1
"""The version of the stream of random values."""

PREFIX = "oneseed."
"""What the keys of ours in a file's metadata begin with; "format" is for programs that load it."""

FINGERPRINTS = f"{PREFIX}fingerprints"
"""The key of the fingerprints of a file's tensors, in their order, and of a digest of them, which tells of damage."""

BLANK = "0" * (2 * DIGEST_BYTES)
"""What stands for a fingerprint that is not known yet."""


@dataclass(frozen=True)
class File:
    """A file: what its header says, and its tensors in the order of their values."""

    name: str
    stored: Mapping[str, Stored]
    metadata: Mapping[str, str]
    tensors: tuple[tuple[Entry, Draw], ...]

    def header(self, fingerprints: Mapping[str, str] | None = None) -> bytes:
        """Return the bytes before the values, as many whether or not fingerprints are known."""
        known = [BLANK if fingerprints is None else fingerprints[name] for name in self.stored]
        check = blake2b(" ".join(known).encode(), digest_size=DIGEST_BYTES).hexdigest()
        return headers.written(self.stored, {**self.metadata, FINGERPRINTS: " ".join([*known, check])})

    @cached_property
    def begin(self) -> int:
        """The bytes before the values."""
        return len(self.header())

    @property
    def values(self) -> int:
        """The bytes of all values."""
        return sum(entry.bytes for entry, _ in self.tensors)

    @property
    def size(self) -> int:
        """The size of the file."""
        return self.begin + self.values


@dataclass(frozen=True)
class Checkpoint:
    """The files of a plan at a seed, and the manifest, without fingerprints."""

    manifest: dict[str, Any]
    files: tuple[File, ...]

    @property
    def digest(self) -> str:
        """The digest of the plan, which each file carries."""
        found: str = self.manifest["digest"]
        return found

    @property
    def size(self) -> int:
        """The size of all files of tensors."""
        return sum(file.size for file in self.files)

    @property
    def memory(self) -> int:
        """The bytes of the largest tensor that is made as a whole; 0 where there is none."""
        tensors = (tensor for file in self.files for tensor in file.tensors)
        return max((entry.bytes for entry, draw in tensors if blocks.made_whole(draw)), default=0)

    def text(self, fingerprints: Mapping[str, str] | None = None) -> bytes:
        """Return the manifest as JSON; it is that of a complete checkpoint when it has fingerprints."""
        data = self.manifest
        if fingerprints is not None:
            rows = [{**row, "fingerprint": fingerprints[row["name"]]} for row in data["parameters"]]
            data = {**data, "complete": True, "parameters": rows}
        return _json(data)

    def index(self) -> bytes | None:
        """Return the index that Hugging Face's libraries read; None where there is one file."""
        if self.files[0].name == SINGLE:
            return None
        places = {name: file.name for file in self.files for name in file.stored}
        size = sum(file.values for file in self.files)
        return _json({"metadata": {"total_size": size}, "weight_map": dict(sorted(places.items()))})


def planned(plan: Plan, seed: int, shard_size: int, form: str, scheme: str | None = None) -> Checkpoint:
    """Cut a plan into files.

    Parameters
    ----------
    plan : Plan
        The plan.
    seed : int
        The seed.
    shard_size : int
        The most bytes of tensors in a file; a larger tensor has a file of its own.
    form : str
        What "format" is in the files' metadata.
    scheme : str, optional
        The scheme's name.

    Returns
    -------
    Checkpoint
        The files.

    Raises
    ------
    TypeError
        If the seed is not an integer, the scheme's name not a str, or an initializer cannot be stored.
    ValueError
        If a parameter has no rule, is to be kept, or has a dtype or name that files cannot hold; if there is none,
        or a file would have so many that its header is longer than readers accept.
    """
    seed = seeds.check_seed(seed)
    if not isinstance(scheme, str | None):
        raise TypeError(f"`scheme` must be a str, a name, or None. Received: scheme={shown(scheme)}")
    if scheme is not None and not headers.is_text(scheme):
        raise ValueError(f"`scheme` must be a name in Unicode. Received: scheme={shown(scheme)}")
    draws = plan.draws(seed)
    _check(plan)
    groups = _cut([entry for entry, _ in draws], shard_size)
    count = len(groups)
    names = [SINGLE] if count == 1 else [f"model-{k + 1:05}-of-{count:05}.safetensors" for k in range(count)]
    rules, numbers = _rules([entry for entry, _ in draws])
    place = {entry.name: name for name, group in zip(names, groups, strict=True) for entry in group}
    manifest = {
        "format": FORMAT,
        "version": VERSION,
        "stream": STREAM,
        "seed": seed,
        "scheme": {"name": scheme, "rules": rules},
        "shard_size": shard_size,
        "format_of_files": form,
        "files": names,
        "complete": False,
        "parameters": [_row(entry, draw, place[entry.name], numbers[entry.name]) for entry, draw in draws],
    }
    manifest["digest"] = _digest(manifest)
    checkpoint = _checkpoint(manifest, draws)
    for file in checkpoint.files:
        file.header()  # which may be longer than the format allows
    return checkpoint


def parsed(data: bytes, where: str) -> tuple[Checkpoint, dict[str, str] | None]:
    """Read a manifest.

    Parameters
    ----------
    data : bytes
        The text.
    where : str
        The file's name, for messages.

    Returns
    -------
    tuple
        The checkpoint, and the fingerprints by name if it is complete.

    Raises
    ------
    ValueError
        If it is malformed, of another version, or not what was written.
    """
    try:
        manifest = json.loads(data, object_pairs_hook=checks.unique)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{where!r} is not a manifest: {shortened(error)}.") from None
    if not isinstance(manifest, dict) or (manifest.get("format"), manifest.get("version")) != (FORMAT, VERSION):
        raise ValueError(f"{where!r} is not a manifest of format {FORMAT!r} and version {VERSION}.")
    complete = manifest.get("complete") is True
    try:
        prints = {row["name"]: row.pop("fingerprint") for row in manifest["parameters"]} if complete else None
        manifest["complete"] = False
        if manifest["digest"] != _digest(manifest):
            raise ValueError("it is damaged: its digest is not that of what it holds")
        return _checkpoint(manifest, _draws(manifest)), prints
    except (KeyError, TypeError, IndexError, AttributeError, ValueError) as error:
        raise ValueError(f"{where!r} cannot be used: {shortened(error, 300)}.") from None


def difference(asked: Checkpoint, found: Checkpoint) -> str | None:
    """Return in words how two checkpoints differ, the most telling first; None if they do not."""
    if asked.digest == found.digest:
        return None
    ours, theirs = asked.manifest, found.manifest
    rows = {row["name"]: row for row in ours["parameters"]}
    others = {row["name"]: row for row in theirs["parameters"]}
    for found_ in (
        _unlike(ours, theirs, {"stream": "the version of the stream", "seed": "the seed"}),
        next((f"the parameter {shortened(name)!r} is only here" for name in rows if name not in others), None),
        next((f"the parameter {shortened(name)!r} is only there" for name in others if name not in rows), None),
        next((how for name in rows if name in others and (how := _of_rows(rows[name], others[name]))), None),
        next(
            (how for name in rows if name in others and (how := _of_rules(ours, theirs, rows[name], others[name]))),
            None,
        ),
        _unlike(ours, theirs, {"shard_size": "the shard size", "format_of_files": "the format in the metadata"}),
    ):
        if found_ is not None:
            return found_
    if ours["scheme"] != theirs["scheme"]:
        names = [shortened(manifest["scheme"]["name"]) for manifest in (theirs, ours)]
        return f"the scheme has another name or other patterns: {names[0]!r} there, and {names[1]!r} here"
    return "the order of the parameters is another one"


def _unlike(ours: Mapping[str, Any], theirs: Mapping[str, Any], keys: Mapping[str, str]) -> str | None:
    for key, what in keys.items():
        if ours[key] != theirs[key]:
            return f"{what} is {shortened(theirs[key])} there, and {shortened(ours[key])} here"
    return None


def _of_rows(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> str | None:
    name = shortened(ours["name"])
    return _unlike(
        ours, theirs, {key: f"the {key} of {name!r}" for key in ("shape", "dtype", "axes", "logical", "tied")}
    )


def _of_rules(
    ours: Mapping[str, Any], theirs: Mapping[str, Any], row: Mapping[str, Any], other: Mapping[str, Any]
) -> str | None:
    here, there = (held["scheme"]["rules"][by["rule"]]["initializer"] for held, by in ((ours, row), (theirs, other)))
    if here == there:
        return None
    named, named_there = (shortened(json.dumps(initializer), 200) for initializer in (here, there))
    return f"the scheme is another one: {shortened(row['name'])!r} gets {named_there} there, and {named} here"


def _check(plan: Plan) -> None:
    if not len(plan):
        raise ValueError("A checkpoint must have a parameter. Received: a plan of none")
    if kept := [entry.name for entry in plan if entry.kept]:
        raise ValueError(
            "The scheme must have an initializer for each parameter: a checkpoint has no values to keep. "
            f"Received: KEEP for {', '.join(kept)}"
        )
    if foreign := [entry for entry in plan if entry.dtype not in CODES]:
        named = ", ".join(f"{entry.name!r} of {entry.dtype}" for entry in foreign)
        raise ValueError(f"Files of safetensors hold {', '.join(sorted(CODES))}. Received: {named}")
    if own := [entry for entry in plan if entry.unreached == "seed"]:
        named = ", ".join(f"{entry.initializer!r} for {entry.name!r}" for entry in own)
        raise ValueError(
            "A checkpoint's initializers must have values that a seed and a name decide, so that they can be made "
            f"again: override `distribution_for` in place of `__call__`. Received: {shortened(named, 300)}"
        )
    names = [name for entry in plan for name in (entry.name, *entry.tied)]
    if headers.METADATA in names:
        raise ValueError(f"Files of safetensors have no tensor of the name {headers.METADATA!r}. Received: such a one")
    if broken := [name for name in names if not headers.is_text(name)]:
        raise ValueError(f"Files of safetensors have names in Unicode. Received: {shortened(ascii(broken[0]))}")


def _cut(entries: Sequence[Entry], limit: int) -> list[list[Entry]]:
    """Return the tensors of each file, in the plan's order."""
    groups: list[list[Entry]] = [[]]
    size = 0
    for entry in entries:
        if groups[-1] and size + entry.bytes > limit:
            groups.append([])
            size = 0
        groups[-1].append(entry)
        size += entry.bytes
    return groups


def _rules(entries: Sequence[Entry]) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Return the rules in use as data, and the number of each parameter's."""
    rules: list[dict[str, Any]] = []
    known: dict[tuple[int, int], int] = {}
    numbers = {}
    for entry in entries:
        key = id(entry.rule), id(entry.initializer)
        if key not in known:
            known[key] = len(rules)
            pattern, regex = (entry.rule.pattern, entry.rule.regex) if entry.rule else (None, False)
            rules.append({"pattern": pattern, "regex": regex, "initializer": _data(entry)})
        numbers[entry.name] = known[key]
    return rules, numbers


def _data(entry: Entry) -> Any:
    """Return an initializer as data, of which it can be built again."""
    try:
        data = stored(entry.initializer)
        restored(data)
    except (TypeError, ValueError) as error:
        raise type(error)(
            "A checkpoint's initializers must be such as can be stored and read, so that its values can be made again: "
            f"register your own classes. Received: {entry.initializer!r} for {entry.name!r} ({shortened(error, 300)})"
        ) from None
    return data


def _row(entry: Entry, draw: Draw, file: str, rule: int) -> dict[str, Any]:
    return {
        "name": entry.name,
        "logical": entry.logical,
        "tied": list(entry.tied),
        "shape": list(entry.shape),
        "dtype": entry.dtype,
        "axes": entry.axes,
        "order": list(draw.order),
        "rule": rule,
        "distribution": draw.distribution.name,
        "file": file,
    }


def _draws(manifest: Mapping[str, Any]) -> list[tuple[Entry, Draw]]:
    """Return the draws that a manifest stands for."""
    drawn: dict[str, tuple[Entry, Draw]] = {}
    seed = seeds.check_seed(manifest["seed"])
    rules = manifest["scheme"]["rules"]
    rows_of: list[list[dict[str, Any]]] = [[] for _ in rules]
    for row in manifest["parameters"]:
        rows_of[row["rule"]].append(row)
    for rule, rows in zip(rules, rows_of, strict=True):
        plan = Scheme([], otherwise=restored(rule["initializer"])).plan(
            {row["name"]: Parameter(checks.shape(row["shape"]), row["dtype"], row["axes"]) for row in rows},
            names={row["name"]: row["logical"] for row in rows},
            tied={alias: row["name"] for row in rows for alias in row["tied"]},
        )
        drawn.update((entry.name, (entry, draw)) for entry, draw in plan.draws(seed))
    draws = [drawn[row["name"]] for row in manifest["parameters"]]
    if len(drawn) != len(draws):
        raise ValueError("two of its parameters have one name")
    return draws


def _checkpoint(manifest: dict[str, Any], draws: Sequence[tuple[Entry, Draw]]) -> Checkpoint:
    names = manifest["files"]
    for name in names:
        if not headers.is_plain(name):
            raise ValueError(f"its files must lie in its folder. Received: {shortened(name)!r}")
    held: dict[str, list[tuple[Entry, Draw]]] = {name: [] for name in names}
    for (entry, draw), row in zip(draws, manifest["parameters"], strict=True):
        held[row["file"]].append((entry, draw))
    files = []
    for number, (name, tensors) in enumerate(held.items(), 1):
        # The wider dtypes come first, so that the values of all are aligned.
        tensors.sort(key=lambda tensor: -numpy_dtype(tensor[0].dtype).itemsize)
        metadata = {
            "format": manifest["format_of_files"],
            f"{PREFIX}plan": manifest["digest"],
            f"{PREFIX}seed": str(manifest["seed"]),
            f"{PREFIX}stream": str(manifest["stream"]),
            f"{PREFIX}file": f"{number} of {len(names)}",
        }
        places = headers.placed((entry.name, entry.dtype, entry.shape) for entry, _ in tensors)
        files.append(File(name, places, metadata, tuple(tensors)))
    return Checkpoint(manifest, tuple(files))


def _digest(manifest: Mapping[str, Any]) -> str:
    data = {key: value for key, value in manifest.items() if key != "digest"}
    text = json.dumps(data, sort_keys=True, separators=(",", ":"))
    return blake2b(text.encode(), digest_size=16).hexdigest()


def _json(data: Any) -> bytes:
    return (json.dumps(data, indent=2, ensure_ascii=False) + "\n").encode()
