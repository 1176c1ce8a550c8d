"""Tensors that lie in files."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from oneseed.checks import Shape, nearest, regular_file, shown
from oneseed.distributions import Structured
from oneseed.draws import Draw, Host
from oneseed.dtypes import cast_array, numpy_dtype
from oneseed.initializers.base import Initializer
from oneseed.initializers.composed.npy import mapped, no_numbers
from oneseed.initializers.known import known
from oneseed.initializers.targets import Target
from oneseed.requirements import of_extra, pip

NPY, SAFETENSORS = ".npy", ".safetensors"

DTYPES = {
    "BF16": "bfloat16",
    "BOOL": "bool",
    "C64": "complex64",
    **{f"F{bits}": f"float{bits}" for bits in (16, 32, 64)},
    **{f"I{bits}": f"int{bits}" for bits in (8, 16, 32, 64)},
    **{f"U{bits}": f"uint{bits}" for bits in (8, 16, 32, 64)},
}
"""Names of dtypes in .safetensors files, and ours."""

Slices = tuple[slice, ...]


class Stored(NamedTuple):
    """A tensor in an open file."""

    shape: Shape
    read: Callable[[Slices], NDArray[Any]]
    """Read a part."""


@dataclass(frozen=True, eq=False, slots=True)
class InFile(Structured):
    """The elements of a tensor in a file, read when they are asked for."""

    name: ClassVar[str] = "file"

    path: str
    tensor: str | None

    @property
    def numbers(self) -> dict[str, Any]:
        """What `describe` shows."""
        return {"path_of_file": self.path, "tensor": self.tensor}

    def values(self, draw: Draw, host: Host) -> NDArray[Any]:
        """Read the block, and nothing else of the elements."""
        with opened(self.path, self.tensor) as stored:
            # The safetensors library reads no slices without elements.
            empty = 0 in draw.block
            block = np.empty(draw.block, numpy_dtype(draw.dtype)) if empty else stored.read(draw.slices)
            return cast_array(block, draw.dtype, f"an element of {os.path.basename(self.path)}")


@contextmanager
def opened(path: str, name: str | None) -> Iterator[Stored]:
    """Open a file of one tensor, or of several of which one is named; only their description is read.

    Parameters
    ----------
    path : str
        A .npy or .safetensors file.
    name : str or None
        The tensor's name in a .safetensors file; None is the only one.

    Yields
    ------
    Stored
        The tensor.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ImportError
        If it is a .safetensors file, and that library is not installed.
    ValueError
        If it is not a regular file, is malformed, holds no numbers, or no tensor of that name.
    """
    if not os.path.exists(path):
        raise FileNotFoundError(f"`path` must name a file that exists. Received: path={shown(path)}")
    regular_file(path)
    if path.endswith(NPY):
        array = mapped(path)
        yield Stored(array.shape, lambda slices: np.asarray(array[slices]))
        return
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError:
        raise ImportError(
            f"`path` is a .safetensors file, which needs safetensors; install it with: "
            f"{pip(*of_extra('safetensors', 'safetensors'))}. Received: path={shown(path)}"
        ) from None
    try:
        file: Any = safe_open(path, framework="numpy")
    except SafetensorError as error:
        raise ValueError(f"`path` must name a .safetensors file: {error}. Received: path={shown(path)}") from None
    with file:
        stored = file.get_slice(_name_in(file.keys(), name, path))
        if stored.get_dtype() not in DTYPES:
            raise no_numbers(path, stored.get_dtype())
        numpy_dtype(DTYPES[stored.get_dtype()])  # makes NumPy know bfloat16, which the library asks it for by name
        yield Stored(tuple(stored.get_shape()), lambda slices: np.asarray(stored[slices]))


def _name_in(names: list[str], name: str | None, path: str) -> str:
    if name is None and len(names) == 1:
        return names[0]
    if name in names:
        return name
    some = ", ".join(map(repr, sorted(names)[:10])) + (", ..." if len(names) > 10 else "")
    hint = nearest(name, names) if name else ""
    raise ValueError(
        f"`name` must be that of a tensor in the file, one of {some or 'none'}.{hint} "
        f"Received: name={shown(name)}, path={shown(path)}"
    )


@known(
    "from_file",
    "InitializerFromFile",
    group="Constants and stored values",
    formula="`w` is the tensor in the file",
    use="Pretrained weights or embeddings, read block by block where the tensor is sharded.",
    example='FromFile("w.npy")',
    shape=(16, 24),
)
class FromFile(Initializer):
    """Give the very elements of a tensor in a .npy or .safetensors file; the shape must be the tensor's own.

    The file is opened at each call and mapped into memory, so that a block reads its own part of it. Elements are cast
    to the dtype of the call as `Assign` casts them. Python objects in a .npy file are never loaded.

    Parameters
    ----------
    path : str or os.PathLike
        The file; its name ends in .npy or .safetensors. The latter needs the package safetensors.
    name : str, optional
        The name of the tensor in a .safetensors file; None is for a file that holds one alone.

    Raises
    ------
    TypeError
        If `path` is not a path, or `name` not a str.
    ValueError
        If the file's name has another ending, or `name` is given for a .npy file. At the call, if the file is
        not a regular one, is malformed or holds no numbers, or no tensor of that name, the shape is another one, or the
        dtype cannot hold the elements that are read.
    FileNotFoundError
        At the call, if there is no such file.
    ImportError
        At the call, if safetensors is needed and not installed.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> import oneseed
    >>> path = os.path.join(tempfile.mkdtemp(), "w.npy")
    >>> np.save(path, np.eye(2))
    >>> oneseed.initializers.FromFile(path)((2, 2))
    array([[1., 0.],
           [0., 1.]], dtype=float32)
    """

    def __init__(self, path: str | os.PathLike[str], name: str | None = None) -> None:
        where = path if isinstance(path, str) else os.fspath(path) if isinstance(path, os.PathLike) else None
        if not isinstance(where, str):
            raise TypeError(f"`path` must be a str or an os.PathLike of one. Received: path={shown(path)}")
        if not where.endswith((NPY, SAFETENSORS)):
            raise ValueError(f"`path` must end in {NPY} or {SAFETENSORS}. Received: path={shown(path)}")
        if name is not None and not isinstance(name, str):
            raise TypeError(f"`name` must be a str or None. Received: name={shown(name)}")
        if name is not None and where.endswith(NPY):
            raise ValueError(
                f"`name` must be None for a .npy file, which holds one array. Received: name={shown(name)}"
            )
        self.path = where
        self.name = name

    def distribution_for(self, target: Target) -> InFile:
        """Return the distribution for a tensor."""
        with opened(self.path, self.name) as stored:
            if stored.shape != target.shape:
                raise ValueError(
                    f"`shape` must be {stored.shape}, the shape of the tensor in the file. Received: "
                    f"shape={target.shape}"
                )
        return InFile(self.path, self.name)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"path": self.path, "name": self.name}
