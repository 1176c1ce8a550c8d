"""What a model's code does to its draws, as a graph: draws and constants, and the steps over them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from oneseed.checks import Shape
from oneseed.initializers import Initializer
from oneseed.initializers.composed.computed import Computed
from oneseed.models.folding import Simple, affine, cut
from oneseed.programs import ELEMENTWISE


@dataclass(eq=False)
class Node:
    """A value of a program: a draw, a constant, or the result of a step."""

    kind: str
    shape: Shape
    operation: str = ""
    operands: tuple["Node", ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    value: Any = None
    """The array of a constant; what the recorder knows of a draw."""


def step(operation: str, *operands: Any, shape: Sequence[int] | None = None, **options: Any) -> Node:
    """Return the result of an operation; numbers are constants, and without a shape operands are broadcast."""
    nodes = tuple(operand if isinstance(operand, Node) else constant(operand) for operand in operands)
    found = np.broadcast_shapes(*(node.shape for node in nodes)) if shape is None else shape
    return Node("step", tuple(found), operation, nodes, options)


def constant(value: Any) -> Node:
    """Return a constant."""
    array = np.asarray(value)
    return Node("constant", array.shape, value=array)


def reshaped(node: Node, shape: Sequence[int]) -> Node:
    """Return a value in another shape."""
    return _shaped("reshape", node, shape)


def broadcast(node: Node, shape: Sequence[int]) -> Node:
    """Return a value repeated to a shape."""
    return _shaped("broadcast", node, shape)


def _shaped(operation: str, node: Node, shape: Sequence[int]) -> Node:
    if node.shape == tuple(shape):
        return node
    return Node("step", tuple(shape), operation, (node,), {"shape": list(shape)})


def transposed(node: Node, order: Sequence[int]) -> Node:
    """Return a value with its axes in another order."""
    if list(order) == sorted(order):
        return node
    return step("transpose", node, shape=tuple(node.shape[axis] for axis in order), order=list(order))


def nodes(node: Node | None) -> list[Node]:
    """Return the nodes below one and itself, each once, operands before what takes them."""
    found: dict[int, Node] = {}
    stack = [(node, False)] if node is not None else []
    while stack:
        one, done = stack.pop()
        if id(one) in found:
            continue
        if done:
            found[id(one)] = one
        else:
            stack.append((one, True))
            stack += [(operand, False) for operand in reversed(one.operands)]
    return list(found.values())


def program(node: Node, draws: Sequence[Node], initializers: Sequence[Initializer]) -> Computed:
    """Return the initializer of a graph, given what its draws are drawn by."""
    found = nodes(node)
    constants = [one for one in found if one.kind == "constant"]
    steps = [one for one in found if one.kind == "step"]
    number = {id(one): at for at, one in enumerate([*draws, *constants, *steps])}
    rows = [(one.operation, [number[id(operand)] for operand in one.operands], one.options) for one in steps]
    return Computed(initializers, rows, [one.value for one in constants])


def elementwise(node: Node) -> bool:
    """Tell whether each element depends on the elements of draws at the same place alone."""
    found = nodes(node)
    return all(one.operation in ELEMENTWISE for one in found if one.kind == "step") and all(
        one.shape == node.shape for one in found if one.kind == "draw"
    )


def simple(node: Node) -> tuple[Simple, Node] | None:
    """Return the distribution that a graph is, with the one draw that it is a function of; None if it is a program.

    A draw's `value` is its distribution. Operations by numbers are folded into it; reshaping it changes nothing.
    """
    if node.kind == "draw":
        return Simple(node.value.kind, node.value.numbers), node
    if node.kind != "step":
        return None
    numbers = [scalar(operand) for operand in node.operands]
    below = [operand for operand, number in zip(node.operands, numbers, strict=True) if number is None]
    alone = len(below) == 1 and (below[0].shape == node.shape or _same_size(node))
    found = simple(below[0]) if alone else None
    if found is None:
        return None
    folded = _folded(node, found[0], numbers)
    return None if folded is None else (folded, found[1])


def scalar(node: Node) -> float | None:
    """Return the number that a constant is everywhere; None if it is not a constant, or not of one number."""
    while node.kind == "step" and node.operation in ("broadcast", "reshape"):
        node = node.operands[0]
    if node.kind != "constant" or not node.value.size or node.value.dtype.kind not in "fiub":
        return None
    first = node.value.flat[0]
    if not (node.value == first).all():
        return None
    return float(first) if node.value.dtype.kind == "b" else float(str(first))


def _same_size(node: Node) -> bool:
    return node.operation in ("reshape", "transpose") and len(node.operands) == 1


def _folded(node: Node, found: Simple, numbers: Sequence[float | None]) -> Simple | None:
    left, right = (*numbers, None)[:2]
    operation, first = node.operation, left is None
    number = right if left is None else left
    if operation == "reshape" or (operation == "transpose" and found.kind in ("normal", "uniform", "truncated")):
        return found
    if operation == "neg":
        return affine(found, -1.0, 0.0)
    if number is None or (operation == "div" and not (first and number)):
        return None
    builder = {
        "add": lambda: affine(found, 1.0, number),
        "div": lambda: affine(found, 1 / number, 0.0),
        "maximum": lambda: cut(found, number, math.inf),
        "minimum": lambda: cut(found, -math.inf, number),
        "mul": lambda: affine(found, number, 0.0),
        "sub": lambda: affine(found, 1.0, -number) if first else affine(found, -1.0, number),
    }.get(operation)
    return None if builder is None else builder()
