"""Whether a function draws the same values on every backend and in each of its modes."""

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oneseed import registry
from oneseed.checks import shown
from oneseed.config import using
from oneseed.dtypes import FLOATS
from oneseed.host_arrays import HOST
from oneseed.testing.weights import differences, ordered

Array = NDArray[Any]


def assert_same_everywhere(f: Callable[[], Any], *, backends: Sequence[str] | None = None) -> None:
    """Check that a function draws the same bits on every backend, eagerly and compiled.

    The answer is what the NumPy backend draws. The function must then draw it again there, and on each other backend in
    each of its modes: "eager", each compiler of the framework, and each kind of device that it does not take by itself.

    Parameters
    ----------
    f : callable
        A function without arguments that draws a tensor on the backend in force and returns it. It is called with each
        backend in force, traced by compilers where a mode compiles, and so must not name a backend.
    backends : sequence of str, optional
        The backends, of `oneseed.config.available_backends`. None takes all whose framework is installed.

    Raises
    ------
    AssertionError
        If dtype, shape or bits differ; for each backend and mode the first element that differs, with its place, its
        values and their bits.
    TypeError
        If `f` is not callable, or returns anything but a tensor of the backend in force.
    ValueError
        If a backend is not known.
    ImportError
        If the framework of a backend in `backends` is not installed.

    Notes
    -----
    An error that `f` raises has a note that says where. PyTorch's compiler cannot be loaded after TensorFlow in one
    process; a program that imports TensorFlow by itself must import `torch` and `triton` before it.

    Examples
    --------
    >>> from oneseed.initializers import HeNormal
    >>> from oneseed.testing import assert_same_everywhere
    >>> assert_same_everywhere(lambda: HeNormal(seed=7)((64, 32), axes="o i"), backends=["numpy"])
    """
    __tracebackhide__ = True
    if not callable(f):
        raise TypeError(f"`f` must be a function without arguments. Received: f={shown(f)}")
    if isinstance(backends, str) or not all(isinstance(name, str) for name in backends or ()):
        raise TypeError(f"`backends` must be a sequence of names. Received: backends={shown(backends)}")
    expected = _drawn(f, HOST, "eager")
    equal: list[str] = []
    wrong: list[str] = []
    for name in _names(backends):
        for mode in registry.load(name).modes():
            difference = _difference(expected, _drawn(f, name, mode))
            (wrong if difference else equal).append(f"{name}, {mode}{difference}")
        if name == HOST and wrong:
            message = "Two calls do not draw the same values; draw with an int as the seed:"
            raise AssertionError("\n".join([message, *wrong]))
    if wrong:
        message = "The values are not those that the NumPy backend draws:"
        raise AssertionError("\n".join([message, *wrong, f"equal: {'; '.join(equal)}"]))


def _names(backends: Sequence[str] | None) -> Iterator[str]:
    """Give the backends to compare, NumPy first; of those that are not asked for by name, the ones that load.

    Each is loaded when the one before has run. They come from the end of the alphabet, since what PyTorch's compiler
    needs cannot be loaded after TensorFlow.
    """
    yield HOST
    for name in reversed(registry.available_backends()) if backends is None else dict.fromkeys(backends):
        try:
            registry.load(name)
        except ImportError:
            if backends is not None:
                raise
            continue
        if name != HOST:
            yield name


def _drawn(f: Callable[[], Any], name: str, mode: str) -> Array:
    engine = registry.load(name)
    with using(backend=name):
        try:
            tensor = engine.modes()[mode](f)
            if not engine.is_tensor(tensor):
                raise TypeError(
                    f"`f` must draw on the backend in force, and return a tensor of it. "
                    f"Received: {type(tensor).__module__}.{type(tensor).__name__} on {name!r}"
                )
            return np.array(engine.to_numpy(tensor))
        except Exception as error:
            error.add_note(f"oneseed.testing.assert_same_everywhere: this was raised on {name!r}, in the mode {mode!r}")
            raise


def _difference(expected: Array, found: Array) -> str:
    """Say what differs, in a few lines; nothing if nothing does."""
    for what, of_expected, of_found in (
        ("dtype", expected.dtype.name, found.dtype.name),
        ("shape", expected.shape, found.shape),
    ):
        if of_expected != of_found:
            return f": the {what} is {of_found}, not {of_expected}"
    differs = differences(expected, found)
    if not differs.any():
        return ""
    count = int(differs.sum())
    at = tuple(np.argwhere(differs)[0].tolist())
    apart = ""
    if expected.dtype.name in FLOATS:
        apart = f", {abs(int(ordered(expected[differs][:1])[0]) - int(ordered(found[differs][:1])[0]))} ulp apart"
    return (
        f": {count} of {expected.size} values differ ({count / expected.size:.2%}), the first at {at}{apart}:\n"
        f"    {found[at]!s} = {_bits(found[at])}\n"
        f"    {expected[at]!s} = {_bits(expected[at])} in NumPy's answer"
    )


def _bits(value: Any) -> str:
    """Return the bit pattern of a number in hexadecimal digits, those of both parts of a complex one."""
    data = value.tobytes()
    size = len(data) // 2 if value.dtype.kind == "c" else len(data)
    parts = (int.from_bytes(data[start : start + size], sys.byteorder) for start in range(0, len(data), size))
    return " ".join(f"0x{part:0{2 * size}x}" for part in parts)
