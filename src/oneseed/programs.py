"""Short programs over random values: what a model's own code does to its draws, step by step, on any backend.

A program is data: a list of steps, each an operation from a fixed table, the numbers of the values that it takes, and
options. Values are numbered: first the draws, then the constants, then the results of the steps; the last is what the
program returns. Everything is computed in float64 (truth values and integers stay what they are), and rounded once.
Element-wise operations give the same bits on every machine; those of linear algebra may differ in their last bits.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from oneseed import checks
from oneseed.composites import Composite
from oneseed.draws import Draw, Host
from oneseed.dtypes import FLOATS, cast_array, narrowed, wide_dtype
from oneseed.exact import functions

Array = NDArray[Any]


class Step(NamedTuple):
    """An operation, the numbers of the values that it takes, and its options."""

    operation: str
    operands: tuple[int, ...]
    options: Mapping[str, Any]


def _safe(function: Callable[..., Array]) -> Callable[..., Array]:
    def quiet(*arrays: Array, **options: Any) -> Array:
        with np.errstate(all="ignore"):
            return function(*arrays, **options)

    return quiet


def _wide(function: Callable[..., Array]) -> Callable[..., Array]:
    return lambda *arrays: function(*(np.asarray(array, np.float64) for array in arrays))


ELEMENTWISE: dict[str, Callable[..., Array]] = {
    "abs": np.abs,
    "add": np.add,
    "and": np.logical_and,
    "ceil": np.ceil,
    "cos": _wide(functions.cos),
    "div": _safe(_wide(np.true_divide)),
    "eq": np.equal,
    "exp": _wide(functions.exp),
    "expm1": _wide(functions.expm1),
    "floor": np.floor,
    "ge": np.greater_equal,
    "gt": np.greater,
    "integer": lambda x: np.trunc(x).astype(np.int64),
    "le": np.less_equal,
    "log": _wide(functions.log),
    "log1p": _wide(functions.log1p),
    "lt": np.less,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "mul": np.multiply,
    "ne": np.not_equal,
    "neg": np.negative,
    "not": np.logical_not,
    "or": np.logical_or,
    "pow": _safe(_wide(functions.power)),
    "remainder": _safe(np.mod),
    "rint": np.rint,
    "sigmoid": _wide(lambda x: 1 / (1 + functions.exp(-x))),
    "sign": np.sign,
    "sin": _wide(functions.sin),
    "softplus": _wide(lambda x: np.maximum(x, 0) + functions.log1p(functions.exp(-np.abs(x)))),
    "sqrt": _safe(_wide(np.sqrt)),
    "sub": np.subtract,
    "tanh": _wide(functions.tanh),
    "trunc": np.trunc,
    "where": np.where,
}
"""Operations whose elements depend on the elements at the same place alone."""


def _norm(x: Array, axes: Sequence[int] | None = None, keep: bool = False) -> Array:
    return np.asarray(np.sqrt(np.sum(np.square(x), axis=_axes(axes), keepdims=keep)))


def _var(x: Array, axes: Sequence[int] | None = None, keep: bool = False, ddof: int = 0) -> Array:
    return np.asarray(np.var(x, axis=_axes(axes), keepdims=keep, ddof=ddof))


def _axes(axes: Sequence[int] | None) -> tuple[int, ...] | None:
    return None if axes is None else tuple(axes)


def _slice(x: Array, starts: Sequence[int], stops: Sequence[int], steps: Sequence[int]) -> Array:
    return x[tuple(map(slice, starts, stops, steps))]


def _put(x: Array, y: Array, starts: Sequence[int], stops: Sequence[int], steps: Sequence[int]) -> Array:
    result = x.astype(np.result_type(x, y), copy=True)
    result[tuple(map(slice, starts, stops, steps))] = y
    return result


def _svd(x: Array, which: str) -> Array:
    result = np.linalg.svd(x, full_matrices=False)
    return np.asarray({"u": result[0], "s": result[1], "v": result[2]}[which])


def _geqrf(x: Array, which: str) -> Array:
    """Return the reflections of a QR decomposition as LAPACK keeps them: below the diagonal, and their factors."""
    compact, factors = np.linalg.qr(x, mode="raw")
    return np.asarray(compact.T if which == "a" else factors)


def _householder(a: Array, factors: Array) -> Array:
    """Return the first columns of the product of reflections."""
    rows, columns = a.shape
    result = np.eye(rows, columns)
    for k in range(len(factors) - 1, -1, -1):
        v = np.concatenate([np.zeros(k), [1.0], a[k + 1 :, k]])
        result = result - factors[k] * np.outer(v, v @ result)
    return result


WHOLE: dict[str, Callable[..., Array]] = {
    "argsort": lambda x: np.argsort(x, kind="stable"),
    "broadcast": lambda x, shape: np.broadcast_to(x, tuple(shape)),
    "concatenate": lambda *arrays, axis: np.concatenate(arrays, axis=axis),
    "cumsum": lambda x, axis: np.cumsum(x, axis=axis),
    "diagonal": lambda x: np.diagonal(x, axis1=-2, axis2=-1),
    "geqrf": _geqrf,
    "householder": _householder,
    "flip": lambda x, axes: np.flip(x, tuple(axes)),
    "inverse": np.linalg.inv,
    "matmul": np.matmul,
    "max": lambda x, axes=None, keep=False: np.max(x, axis=_axes(axes), keepdims=keep),
    "mean": lambda x, axes=None, keep=False: np.asarray(np.mean(x, axis=_axes(axes), keepdims=keep)),
    "min": lambda x, axes=None, keep=False: np.min(x, axis=_axes(axes), keepdims=keep),
    "norm": _norm,
    "put": _put,
    "qr": lambda x, which: np.linalg.qr(x)["qr".index(which)],
    "reshape": lambda x, shape: np.reshape(x, tuple(shape)),
    "slice": _slice,
    "sort": lambda x, axis: np.sort(x, axis=axis, kind="stable"),
    "sum": lambda x, axes=None, keep=False: np.sum(x, axis=_axes(axes), keepdims=keep),
    "svd": _svd,
    "take": lambda x, at, axis: np.take(x, at, axis=axis),
    "transpose": lambda x, order: np.transpose(x, tuple(order)),
    "tril": lambda x, k=0: np.tril(x, k),
    "triu": lambda x, k=0: np.triu(x, k),
    "var": _var,
}
"""Operations that need whole tensors."""

OPERATIONS = {**ELEMENTWISE, **WHOLE}


def checked_steps(steps: Any, first: int) -> tuple[Step, ...]:
    """Return steps, given as sequences or read from a file.

    Parameters
    ----------
    steps : sequence of sequence
        Operation, operands and options of each step.
    first : int
        The number of values before the first step.

    Returns
    -------
    tuple of Step
        The steps.

    Raises
    ------
    TypeError
        If one is not made of a str, ints and a dict.
    ValueError
        If an operation is unknown, or takes a value that is not there yet.
    """
    result = []
    given = checks.listed(steps)
    if given is None:
        raise TypeError(f"`steps` must be a sequence. Received: steps={checks.shown(steps)}")
    for at, step in enumerate(given):
        if not isinstance(step, Sequence) or isinstance(step, str) or len(step) not in (2, 3):
            raise TypeError(f"`steps` must hold an operation, its operands and its options. Received: {step!r}")
        operation, operands, options = step[0], step[1], step[2] if len(step) == 3 else {}
        checks.one_of("steps", operation, tuple(sorted(OPERATIONS)))
        if not isinstance(operands, Sequence) or not all(type(n) is int for n in operands):
            raise TypeError(f"`steps` must name operands by their numbers. Received: {step!r}")
        if not isinstance(options, Mapping):
            raise TypeError(f"`steps` must have dicts as options. Received: {step!r}")
        if any(not 0 <= n < first + at for n in operands):
            raise ValueError(f"`steps` must take values of earlier steps, below {first + at}. Received: {step!r}")
        result.append(Step(operation, tuple(operands), dict(options)))
    return tuple(result)


@dataclass(frozen=True, eq=False, slots=True)
class Program(Composite):
    """What steps make of draws and constants."""

    name: ClassVar[str] = "program"

    constants: tuple[Array, ...]
    steps: tuple[Step, ...]

    def __eq__(self, other: object) -> bool:
        """Compare draws, constants and steps."""
        return (
            isinstance(other, Program)
            and (self.parts, self.steps) == (other.parts, other.steps)
            and len(self.constants) == len(other.constants)
            and all(map(np.array_equal, self.constants, other.constants))
        )

    def __hash__(self) -> int:
        """Hash what is cheap to hash."""
        return hash((self.parts, len(self.constants), len(self.steps)))

    @property
    def numbers(self) -> dict[str, Any]:
        """What `describe` shows."""
        return {"parts": [part.as_dict() for part in self.parts], "steps": [step.operation for step in self.steps]}

    def elementwise(self, shape: tuple[int, ...]) -> bool:
        """Tell whether a block of the tensor can be made from the same blocks of the draws."""
        return (
            all(step.operation in ELEMENTWISE for step in self.steps)
            and all(part.shape == shape for part in self.parts)
            and all(constant.ndim <= len(shape) for constant in self.constants)
        )

    def values(self, draw: Draw, host: Host) -> Array:
        """Take the steps, for the block alone where that is enough."""
        if self.elementwise(draw.shape):
            parts = [part._replace(offset=draw.offset, block=draw.block) for part in self.parts]
            constants = [_cut(constant, draw) for constant in self.constants]
            result, cuts = self._run([host.draw(part) for part in parts], constants), None
        else:
            result, cuts = self._run([host.draw(part) for part in self.parts], list(self.constants)), draw.slices
        if cuts is not None and result.shape != draw.shape:
            raise ValueError(
                f"The steps must make a tensor of shape {draw.shape}. Received: one of shape {result.shape}"
            )
        result = np.broadcast_to(result, draw.block) if cuts is None else result[cuts]
        if draw.dtype not in FLOATS:
            return cast_array(np.ascontiguousarray(result), draw.dtype, "steps")
        return narrowed(np.asarray(result, wide_dtype(draw.dtype)), draw.dtype)

    def _run(self, draws: list[Array], constants: list[Array]) -> Array:
        values = [*(_widened(array) for array in draws), *map(_widened, constants)]
        last = {operand: at for at, step in enumerate(self.steps) for operand in step.operands}
        for at, step in enumerate(self.steps):
            values.append(OPERATIONS[step.operation](*(values[n] for n in step.operands), **step.options))
            for operand in step.operands:
                if last[operand] == at:  # what is not needed any more may be large
                    values[operand] = np.empty(0)
        return values[-1]


def _widened(array: Array) -> Array:
    return array if array.dtype.kind in "biu" else array.astype(np.float64)


def _cut(constant: Array, draw: Draw) -> Array:
    """Return what a block needs of a constant that is broadcast to the shape."""
    constant = constant.reshape((1,) * (len(draw.shape) - constant.ndim) + constant.shape)
    return constant[tuple(slice(1) if n == 1 else cut for n, cut in zip(constant.shape, draw.slices, strict=True))]
