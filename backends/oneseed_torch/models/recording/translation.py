"""From operations of PyTorch on draws to the steps of a program that every backend can run."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from oneseed.models.folding import SIMPLE
from oneseed.models.graphs import Node, broadcast, constant, reshaped, step, transposed
from oneseed_torch.adapter import TorchBackend
from oneseed_torch.models.recording.generators import Untranslated, drawn
from oneseed_torch.models.recording.geometry import Ref, box, covers, disjoint
from oneseed_torch.models.recording.log import Event, Log
from oneseed_torch.models.recording.moves import moved, moves, put
from oneseed_torch.models.recording.readings import COPIES, Readings
from oneseed_torch.models.recording.recorder import place

to_numpy = TorchBackend().to_numpy


class Translation:
    """What the events that a tensor depends on do, as a graph of nodes."""

    def __init__(self, log: Log, readings: Readings) -> None:
        self.log, self.readings = log, readings
        self.state: dict[int, list[tuple[Ref, Node]]] = {}

    def of(self, ref: Ref) -> Node:
        """Return the value of a view.

        Raises
        ------
        Untranslated
            If an operation is not known, with its line.
        """
        for at in self.log.needed(ref.storage):
            event = self.log.events[at]
            try:
                self._take(at, event)
            except Untranslated as error:
                raise Untranslated(f"{error} at {place(event.where)}") from None
            except (IndexError, KeyError, TypeError, ValueError) as error:
                raise Untranslated(
                    f"{event.name} in a way that is not known ({error}) at {place(event.where)}"
                ) from None
        return self._read(ref, len(self.log.events))

    def _take(self, at: int, event: Event) -> None:
        reading = self.readings.of_event.get(at)
        target = event.targets[0]
        if reading is not None and reading.kind in SIMPLE and self.readings.is_whole(reading):
            self._write(target, Node("draw", target.size, value=reading))
        elif reading is not None and reading.kind in ("computed", "fill", "nothing"):
            for ref in event.targets:
                self._write(ref, Node("later", ref.size, value=at + 1))
        elif event.random:
            self._write(target, drawn(event, at, lambda given: self._read(given, at)))
        elif event.name in COPIES:
            source = self._read(event.args[1] if event.name == "copy_" else event.args[0], at)
            self._write(target, _cast(broadcast(source, target.size), event.reads[-1].dtype, target.dtype))
        else:
            result = self._operation(event, at)
            for ref, node in zip(event.targets, result, strict=False):
                self._write(ref, node)

    def _operation(self, event: Event, at: int) -> Sequence[Node]:
        rule = OPERATIONS.get(event.name.rstrip("_")) or OPERATIONS.get(event.name)
        if rule is None and not moves(event):
            raise Untranslated(f"{event.name}, which has no counterpart,")

        def value(given: Any) -> Any:
            if isinstance(given, Ref):
                return self._read(given, at)
            if isinstance(given, list | tuple):
                return [value(one) for one in given]
            return given

        if rule is None:
            result: Any = moved(event, value)
        else:
            result = rule(
                *(value(given) for given in event.args),
                **{k: value(v) for k, v in event.kwargs.items() if k not in _IGNORED},
            )
        nodes = result if isinstance(result, list) else [result]
        for node, ref in zip(nodes, event.targets, strict=False):
            if node.shape != ref.size:
                raise Untranslated(f"{event.name}, whose shape came out as {node.shape} for {ref.size},")
        return nodes

    # Memory -----------------------------------------------------------------------------------------------------------

    def _write(self, ref: Ref, node: Node) -> None:
        if self.log.whole(ref):
            self.state[ref.storage] = [(ref, node)]
        else:
            self.state.setdefault(ref.storage, []).append((ref, node))

    def _read(self, ref: Ref, before: int) -> Node:
        found = []
        for held, node in reversed(self.state.get(ref.storage, [])):
            if disjoint(held, ref):
                continue
            found.append((held, node))
            if covers(held, ref):
                break
        if found and all(node.kind == "later" for _, node in found):
            return constant(to_numpy(self.log.value(ref, before)))
        if not found or not covers(found[-1][0], ref):
            found.append((ref, Node("later", ref.size, value=before)))
        base, node = found[-1]
        node = self._settled(base, node)
        for held, value in reversed(found[:-1]):
            part, piece = box(base, held), self._settled(held, value)
            if part is None:
                node = put(node, base, held, piece)
                continue
            starts, stops, steps = ([one[at] for one in part.ranges] for at in range(3))
            values = _as_slice(piece, held, base)
            node = step("put", node, values, shape=node.shape, starts=starts, stops=stops, steps=steps)
        return _view(node, base, ref)

    def _settled(self, ref: Ref, node: Node) -> Node:
        return constant(to_numpy(self.log.value(ref, node.value))) if node.kind == "later" else node


def _as_slice(node: Node, held: Ref, base: Ref) -> Node:
    """Return the values of a view in the shape of the slice of its base that it is."""
    part = box(base, held)
    assert part is not None
    sizes = [len(range(*one)) for one in part.ranges]
    node = reshaped(node, [sizes[axis] for axis in part.order])
    back = [part.order.index(axis) for axis in range(len(sizes))]
    return transposed(node, back)


def _view(node: Node, base: Ref, ref: Ref) -> Node:
    """Return a view of a value that fills another view."""
    if base.dtype != ref.dtype:
        raise Untranslated("a view of values as those of another dtype")
    if (base.size, base.stride, base.offset) == (ref.size, ref.stride, ref.offset):
        return node
    core = ref._replace(stride=tuple(s for n, s in zip(ref.size, ref.stride, strict=True) if s or n == 1),
                        size=tuple(n for n, s in zip(ref.size, ref.stride, strict=True) if s or n == 1))  # fmt: skip
    part = box(base, core)
    if part is None:
        return _taken(node, base, ref)
    if any(one != (0, size, 1) for one, size in zip(part.ranges, base.size, strict=True)):
        sizes = tuple(len(range(*one)) for one in part.ranges)
        starts, stops, steps = ([one[at] for one in part.ranges] for at in range(3))
        node = step("slice", node, shape=sizes, starts=starts, stops=stops, steps=steps)
    node = transposed(node, list(part.order))
    kept = tuple(1 if not s and n > 1 else n for n, s in zip(ref.size, ref.stride, strict=True))
    return broadcast(reshaped(node, kept), ref.size)


def _taken(node: Node, base: Ref, ref: Ref) -> Node:
    """Return a view by the places of its elements, such as a diagonal."""
    places = ref.indices()
    if places is None or not base.dense:
        raise Untranslated("a view that is not a slice")
    # In the order in which they lie in memory.
    order = sorted(range(len(base.size)), key=lambda axis: (-base.stride[axis], -base.size[axis]))
    flat = reshaped(transposed(node, order), (base.elements,))
    taken = step("take", flat, constant(places - base.offset), shape=(ref.elements,), axis=0)
    return reshaped(taken, ref.size)


def _cast(node: Node, before: Any, after: Any) -> Node:
    import torch

    if before == after or after.is_floating_point or after.is_complex:
        return node
    if after == torch.bool:
        return step("ne", node, 0)
    return step("integer", node) if before.is_floating_point else node


# Operations -----------------------------------------------------------------------------------------------------------

_IGNORED = ("dtype", "device", "layout", "pin_memory", "memory_format", "out", "generator")


def _same(operation: str) -> Callable[..., Node]:
    return lambda *operands: step(operation, *operands)


def _sum_of(sign: str) -> Callable[..., Node]:
    def combined(x: Any, y: Any, alpha: Any = 1) -> Node:
        return step(sign, x, y if alpha == 1 else step("mul", y, alpha))

    return combined


def _div(x: Any, y: Any, rounding_mode: str | None = None) -> Node:
    result = step("div", x, y)
    return result if rounding_mode is None else step(rounding_mode, result)


def _clamp(x: Any, low: Any = None, high: Any = None, *, min: Any = None, max: Any = None) -> Node:
    low, high = (min if low is None else low), (max if high is None else high)
    x = x if low is None else step("maximum", x, low)
    return x if high is None else step("minimum", x, high)


def _axes_of(x: Node, axes: Any) -> list[int]:
    if axes is None or axes == []:
        return list(range(len(x.shape)))
    return [axis % len(x.shape) for axis in ([axes] if isinstance(axes, int) else axes)]


def _reduce(operation: str, **more: Any) -> Callable[..., Node]:
    def reduced(x: Node, dim: Any = None, keepdim: bool = False, **_: Any) -> Node:
        axes = _axes_of(x, dim)
        shape = tuple(1 if axis in axes else n for axis, n in enumerate(x.shape) if keepdim or axis not in axes)
        return step(operation, x, shape=shape, axes=axes, keep=keepdim, **more)

    return reduced


def _norm(x: Node, order: Any = 2, dim: Any = None, keepdim: bool = False, **_: Any) -> Node:
    if order not in (2, 2.0, None):
        raise Untranslated(f"a norm of order {order}")
    return _reduce("norm")(x, dim, keepdim)


def _var(x: Node, dim: Any = None, *, correction: Any = 1, keepdim: bool = False, unbiased: bool = True) -> Node:
    return _reduce("var", ddof=correction if unbiased else 0)(x, dim, keepdim)


def _matmul(x: Node, y: Node) -> Node:
    if len(x.shape) == len(y.shape) == 1:
        found: tuple[int, ...] = ()
    elif len(y.shape) == 1:
        found = x.shape[:-1]
    else:
        found = (*x.shape[:-1], y.shape[-1]) if len(x.shape) > 1 else y.shape[1:]
    return step("matmul", x, y, shape=found)


def _cat(tensors: list[Node], dim: int = 0) -> Node:
    axis = dim % len(tensors[0].shape)
    size = sum(node.shape[axis] for node in tensors)
    shape = (*tensors[0].shape[:axis], size, *tensors[0].shape[axis + 1 :])
    return step("concatenate", *tensors, shape=shape, axis=axis)


def _stack(tensors: list[Node], dim: int = 0) -> Node:
    rank = len(tensors[0].shape) + 1
    axis = dim % rank
    shape = (*tensors[0].shape[:axis], 1, *tensors[0].shape[axis:])
    return _cat([reshaped(node, shape) for node in tensors], axis)


def _svd(x: Node, some: bool = False, *_: Any, **__: Any) -> list[Node]:
    rows, columns = x.shape[-2:]
    least, before = min(rows, columns), x.shape[:-2]
    shapes = {"u": (*before, rows, least), "s": (*before, least), "v": (*before, least, columns)}
    return [step("svd", x, shape=shape, which=which) for which, shape in shapes.items()]


def _qr(x: Node, *_: Any, **__: Any) -> list[Node]:
    rows, columns = x.shape[-2:]
    least, before = min(rows, columns), x.shape[:-2]
    return [
        step("qr", x, shape=(*before, rows, least), which="q"),
        step("qr", x, shape=(*before, least, columns), which="r"),
    ]


def _geqrf(x: Node) -> list[Node]:
    rows, columns = x.shape
    shapes = {"a": x.shape, "tau": (min(rows, columns),)}
    return [step("geqrf", x, shape=shape, which=which) for which, shape in shapes.items()]


def _along(operation: str) -> Callable[..., Node]:
    return lambda x, dim=-1, *_: step(operation, x, shape=x.shape, axis=dim % len(x.shape))


def _triangle(operation: str) -> Callable[..., Node]:
    return lambda x, diagonal=0: step(operation, x, shape=x.shape, k=diagonal)


OPERATIONS: dict[str, Callable[..., Any]] = {
    **{name: _same(name) for name in ("abs", "ceil", "cos", "exp", "expm1", "floor", "log", "log1p", "maximum")},
    **{name: _same(name) for name in ("minimum", "mul", "neg", "pow", "remainder", "sigmoid", "sign", "sin", "sqrt")},
    **{name: _same(name) for name in ("tanh", "trunc", "where", "lt", "le", "gt", "ge", "eq", "ne")},
    "__and__": _same("and"),
    "__or__": _same("or"),
    "add": _sum_of("add"),
    "addcmul": lambda x, a, b, value=1: step("add", x, step("mul", step("mul", a, b), value)),
    "addcdiv": lambda x, a, b, value=1: step("add", x, step("mul", step("div", a, b), value)),
    "addmm": lambda x, a, b, beta=1, alpha=1: step("add", step("mul", x, beta), step("mul", _matmul(a, b), alpha)),
    "bitwise_and": _same("and"),
    "bitwise_not": _same("not"),
    "bitwise_or": _same("or"),
    "bmm": _matmul,
    "cat": _cat,
    "clamp": _clamp,
    "clamp_max": lambda x, high: step("minimum", x, high),
    "clamp_min": lambda x, low: step("maximum", x, low),
    "cumsum": _along("cumsum"),
    "diagonal_copy": lambda x: step("diagonal", x, shape=(*x.shape[:-2], min(x.shape[-2:]))),
    "div": _div,
    "dot": _matmul,
    "exp2": lambda x: step("exp", step("mul", x, float(np.log(2)))),
    "flip": lambda x, dims: step("flip", x, shape=x.shape, axes=_axes_of(x, dims)),
    "geqrf": _geqrf,
    "linalg_householder_product": lambda x, tau: step("householder", x, tau, shape=x.shape),
    "lerp": lambda x, y, weight: step("add", x, step("mul", step("sub", y, x), weight)),
    "linalg_inv_ex": lambda x, *_, **__: [step("inverse", x, shape=x.shape)],
    "linalg_qr": _qr,
    "linalg_vector_norm": _norm,
    "_linalg_svd": _svd,
    "linalg_svd": _svd,
    "log10": lambda x: step("div", step("log", x), float(np.log(10))),
    "log2": lambda x: step("div", step("log", x), float(np.log(2))),
    "logical_and": _same("and"),
    "logical_not": _same("not"),
    "logical_or": _same("or"),
    "masked_fill": lambda x, mask, value: step("where", mask, value, x),
    "max": lambda x, *more: _reduce("max")(x, *more) if not more else step("maximum", x, *more),
    "amax": _reduce("max"),
    "mean": _reduce("mean"),
    "min": lambda x, *more: _reduce("min")(x, *more) if not more else step("minimum", x, *more),
    "amin": _reduce("min"),
    "mm": _matmul,
    "mv": _matmul,
    "norm": _norm,
    "reciprocal": lambda x: step("div", 1.0, x),
    "round": lambda x, decimals=0: step("rint", x),
    "rsqrt": lambda x: step("div", 1.0, step("sqrt", x)),
    "rsub": lambda x, y, alpha=1: step("sub", y, step("mul", x, alpha)),
    "sgn": _same("sign"),
    "softplus": lambda x: step("softplus", x),
    "square": lambda x: step("mul", x, x),
    "std": lambda x, *args, **kwargs: step("sqrt", _var(x, *args, **kwargs)),
    "sub": _sum_of("sub"),
    "sum": _reduce("sum"),
    "tril": _triangle("tril"),
    "triu": _triangle("triu"),
    "var": _var,
}
"""For each operation of PyTorch what makes the steps: arguments as there, tensors as nodes."""
