"""What the parameters of a model are, read from files; no value is loaded, and what a file holds is data."""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from oneseed import checks
from oneseed.checkpoint import headers
from oneseed.checkpoint.headers import NAMES, shortened
from oneseed.dtypes import FLOATS, dtype_name
from oneseed.models.entry import Parameter
from oneseed.models.plan import Plan
from oneseed.models.scheme import Scheme
from oneseed.requirements import of_extra, pip

INDEX = ".safetensors.index.json"
CONFIG = "config.json"

GROUP = "oneseed.sources"
"""The entry points that read what needs a framework: named as the file, ``function(content, path, dtype)``."""

FORMATS = ("flax", "mlx", "np", "pt", "tf")
"""What `format` in a file's metadata may be; transformers reads "flax", "mlx", "pt" and "tf"."""

KEYS = ("name", "shape", "dtype", "axes", "logical", "tied")
DERIVED = (
    *("rule", "source", "initializer", "distribution", "stddev", "fan_in", "fan_out", "bytes", "also"),
    *("guessed", "unreached"),
)
"""What `Plan.as_dict` tells beside a parameter's own keys; it is ignored."""

LARGEST = 1 << 28
"""The longest list or index that is read, in bytes."""


@dataclass(frozen=True)
class Source:
    """The parameters of a model.

    Attributes
    ----------
    params : dict of str to Parameter
        The parameters by name.
    names : dict of str to str
        Logical names that differ from the names.
    tied : dict of str to str
        Further names of parameters.
    format : str
        What `format` in the metadata of files is.
    files : dict of str to bytes
        Files that go with the weights, such as config.json.
    notes : tuple of str
        What a user should know.
    own : callable, optional
        Returns the scheme of the model's own initialization.
    planner : callable, optional
        Returns the plan of a scheme, in place of one from the parameters alone.
    """

    params: dict[str, Parameter]
    names: dict[str, str] = field(default_factory=dict)
    tied: dict[str, str] = field(default_factory=dict)
    format: str = "pt"
    files: dict[str, bytes] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    own: Callable[[], Scheme] | None = None
    planner: Callable[[Scheme], Plan] | None = None

    def plan(self, scheme: Scheme, dtype: str | None = None) -> Plan:
        """Return what a scheme gives the parameters; `dtype` is that of all which hold floats."""
        if self.planner is not None:  # which has built the model in that dtype
            return self.planner(scheme)
        params = self.params
        if dtype is not None:
            if dtype not in FLOATS:
                checks.one_of("dtype", dtype, FLOATS)
            params = {
                name: param._replace(dtype=dtype) if dtype_name(param.dtype) in FLOATS else param
                for name, param in params.items()
            }
        return scheme.plan(params, names=self.names, tied=self.tied)


def read(path: str | os.PathLike[str], dtype: str | None = None) -> Source:
    """Read what the parameters of a model are.

    Parameters
    ----------
    path : str or os.PathLike
        A list of parameters (.json or .toml), a .safetensors file, an index of several (.safetensors.index.json), of
        which headers alone are read, or a transformers config.json.
    dtype : str, optional
        The dtype in which a config.json is built, and of parameters in a list that says none; None is that of the
        configuration, and an error where a list says none.

    Returns
    -------
    Source
        The parameters.

    Raises
    ------
    OSError
        If a file cannot be read.
    ImportError
        If a config.json is to be built, and PyTorch or transformers is missing.
    ValueError
        If the file is of another kind, not a regular file, or malformed, or leads out of its folder.
    """
    file = Path(path)
    if file.name.endswith(INDEX):
        return _index(file)
    if file.suffix == ".safetensors":
        header = headers.read(file)
        return _stored(header.tensors, header.metadata.get("format"), str(file))
    if file.name == CONFIG:
        return _config(file, dtype)
    if file.suffix in (".json", ".toml"):
        return _listed(_loaded(file), str(file), dtype)
    raise ValueError(
        "`source` must be a list of parameters (.json or .toml), a .safetensors file, an index of several "
        f"({INDEX}), or a transformers {CONFIG}. Received: source={str(file)!r}"
    )


def _loaded(file: Path) -> Any:
    checks.regular_file(file)
    if file.stat().st_size > LARGEST:
        raise ValueError(f"{str(file)!r} must have at most {LARGEST:,} bytes.")
    data = file.read_bytes()
    try:
        if file.suffix == ".toml":
            import tomllib

            return tomllib.loads(data.decode())
        return json.loads(data, object_pairs_hook=checks.unique)
    except (ValueError, RecursionError) as error:
        kind = file.suffix[1:].upper()
        raise ValueError(f"{str(file)!r} is not {kind} of unique keys: {shortened(error)}.") from None


def _config(file: Path, dtype: str | None) -> Source:
    data = _loaded(file)
    if not isinstance(data, dict):
        raise ValueError(f"{str(file)!r} is not a configuration: it holds no JSON object.")
    from importlib.metadata import entry_points

    found = tuple(entry_points(group=GROUP, name=CONFIG))
    if len(found) != 1:
        raise ValueError(
            f"One installed package must read a {CONFIG}, by an entry point in {GROUP!r}; there are {len(found)}. "
            "Install oneseed again."
        )
    try:
        reader = found[0].load()
    except ImportError as error:
        raise ImportError(
            f"A {CONFIG} needs a package that cannot be imported ({error}); install it with: "
            f"{pip(*of_extra('torch', 'torch'), 'transformers')}"
        ) from error
    built: Source = reader(data, str(file), dtype)
    return built


def _index(file: Path) -> Source:
    """Return the tensors of an index, as the headers of its files describe them."""
    data = _loaded(file)
    where = f"{str(file)!r} is not an index"
    places = data.get("weight_map") if isinstance(data, dict) else None
    if not isinstance(places, dict) or not all(isinstance(shard, str) for shard in places.values()):
        raise ValueError(f"{where}: it must have the key 'weight_map', from names to files.")
    found: dict[str, headers.Stored] = {}
    formats = set()
    for shard in dict.fromkeys(places.values()):
        header = headers.read(file.parent / inside(shard, where))
        formats.add(header.metadata.get("format"))
        for name, stored in header.tensors.items():
            if name in places and places[name] != shard:
                raise ValueError(
                    f"{where}: it says that {shortened(name)!r} is in {places[name]!r}, but {shard!r} has it."
                )
            found[name] = stored
    if absent := [name for name in places if name not in found]:
        raise ValueError(f"{where}: {shortened(absent[0])!r} is not in {places[absent[0]]!r}.")
    ordered = {name: found[name] for name in [*places, *(name for name in found if name not in places)]}
    return _stored(ordered, formats.pop() if len(formats) == 1 else None, str(file))


def inside(name: str, where: str) -> str:
    """Return the relative path of a file if it stays in its folder; ValueError if it does not."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not parts or ".." in parts or PurePosixPath(name).is_absolute() or Path(name).is_absolute() or ":" in parts[0]:
        raise ValueError(f"{where}: a file must lie in the folder. Received: {shortened(name)!r}")
    if "\0" in name:
        raise ValueError(f"{where}: a file's name must not hold the character 0. Received: {shortened(name)!r}")
    return name


def _stored(tensors: Mapping[str, headers.Stored], kind: str | None, where: str) -> Source:
    params = {}
    for name, stored in tensors.items():
        if stored.dtype not in NAMES:
            raise ValueError(
                f"{where!r} must hold tensors of {', '.join(sorted(NAMES))}. Received: {shortened(name)!r} of "
                f"{stored.dtype}"
            )
        params[_name(name, where)] = Parameter(stored.shape, NAMES[stored.dtype], _axes(kind, len(stored.shape)))
    return Source(params, format=kind if kind in FORMATS else "pt")


def _axes(kind: str | None, rank: int) -> str | None:
    """Return the axes that a file's tensors have, as far as its format tells: PyTorch's begin with the outputs."""
    if kind != "pt" or rank < 2:
        return None
    return " ".join(["o", "i", *(f"s{axis}" for axis in range(rank - 2))])


def _listed(data: Any, where: str, dtype: str | None) -> Source:
    rows = data.get("parameters") if isinstance(data, dict) else data
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError(
            f"{where!r} must hold a list of parameters, under the key 'parameters' or by itself; each has a name, a "
            "shape and a dtype."
        )
    params: dict[str, Parameter] = {}
    names, tied = {}, {}
    for given in rows:
        row = given if dtype is None else {"dtype": dtype, **given}
        name = _checked(row, where)
        if name in params:
            raise ValueError(
                f"{where!r} must give each parameter a name of its own. Received: {shortened(name)!r} twice"
            )
        params[name] = Parameter(tuple(row["shape"]), row["dtype"], row.get("axes"))
        if row.get("logical", name) != name:
            names[name] = row["logical"]
        for alias in row.get("tied", ()):
            if alias in tied or alias == name:
                raise ValueError(f"{where!r} must give a name to one parameter. Received: {shortened(alias)!r} twice")
            tied[_name(alias, where)] = name
    if both := [alias for alias in tied if alias in params]:
        raise ValueError(f"{where!r} must give a name to one parameter. Received: {shortened(both[0])!r} twice")
    return Source(params, names, tied)


def _checked(row: dict[str, Any], where: str) -> str:
    """Check a row of a list of parameters, and return its name."""
    name = row.get("name")
    if not isinstance(name, str):
        raise ValueError(f"{where!r} must give each parameter a name. Received: {shortened(row)}")
    what = f"The parameter {shortened(name)!r} in {where!r}"
    for key in row:
        if key not in (*KEYS, *DERIVED):
            raise ValueError(
                f"{what} must have no keys but {', '.join(KEYS)}.{checks.nearest(key, KEYS)} Received: {key!r}"
            )
    if not headers.whole_numbers(row.get("shape")):
        raise ValueError(f"{what} must have a shape, a list of sizes. Received: shape={shortened(row.get('shape'))}")
    if not isinstance(row.get("dtype"), str):
        raise ValueError(
            f"{what} must have a dtype; --dtype stands in for one that is missing. "
            f"Received: dtype={shortened(row.get('dtype'))}"
        )
    for key in ("axes", "logical"):
        if not isinstance(row.get(key), str | None):
            raise ValueError(f"{what} must have a text as {key!r}. Received: {key}={shortened(row[key])}")
    tied = row.get("tied", [])
    if not isinstance(tied, list) or not all(isinstance(alias, str) for alias in tied):
        raise ValueError(f"{what} must have a list of names as 'tied'. Received: tied={shortened(tied)}")
    return _name(name, where)


def _name(name: str, where: str) -> str:
    """Return a tensor's name if a .safetensors file can hold it."""
    if name == headers.METADATA:
        raise ValueError(f"{where!r} must give no tensor the name {name!r}, which files have for what describes them.")
    if not headers.is_text(name):
        raise ValueError(f"{where!r} must have names in Unicode. Received: {name!r}")
    return name
