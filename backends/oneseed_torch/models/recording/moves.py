"""Operations that move elements and compute nothing: indexing, and writes to elements that are not a slice.

Where each element comes from is found by the operation itself, run on the numbers of the elements.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils._pytree import tree_map

from oneseed.models.graphs import Node, constant, reshaped, step
from oneseed_torch.models.recording.generators import Untranslated
from oneseed_torch.models.recording.geometry import SMALL, Ref
from oneseed_torch.models.recording.log import Event

READS = frozenset(["gather", "index", "index_select", "repeat", "roll", "rot90", "take"])
WRITES = {
    "fill_diagonal": "fill_value",
    "index_copy": "source",
    "index_fill": "value",
    "index_put": "values",
    "scatter": "src",
}
"""Operations that write elements, and their argument for what is written."""


def moves(event: Event) -> bool:
    """Tell whether an operation only moves elements."""
    name = event.name.rstrip("_")
    return name in READS or name in WRITES


def moved(event: Event, value: Callable[[Any], Any]) -> Node:
    """Return the result of an operation that moves elements.

    Parameters
    ----------
    event : Event
        The operation.
    value : callable
        From arguments to the same with nodes for tensors.

    Returns
    -------
    Node
        The result.

    Raises
    ------
    Untranslated
        If the places depend on random values, elements are added up, or they are too many.
    """
    names = [argument.name for argument in event.function._schema.arguments]
    given = {**dict(zip(names, map(value, event.args), strict=False)), **{k: value(v) for k, v in event.kwargs.items()}}
    given.pop("out", None)
    x, into = given.pop(names[0]), WRITES.get(event.name.rstrip("_"))
    if given.get("accumulate") or given.get("reduce"):
        raise Untranslated(f"{event.name} that adds elements up")
    written = None
    if into is not None:
        into = into if into in given else "value"
        written = given.pop(into)
    mask = _mask(event, given, x)
    if mask is not None and (not isinstance(written, Node) or written.shape == ()):
        return step("where", mask, written, x, shape=x.shape)
    elsewhere = tree_map(lambda one: _tensor(one) if isinstance(one, Node) else one, given, is_leaf=_is_node)
    count = int(np.prod(x.shape))
    if count > SMALL:
        raise Untranslated(f"{event.name} of more than {SMALL} elements")

    def run(source: Any, target: Any = None) -> NDArray[Any]:
        more = {} if into is None else {into: target}
        return np.asarray(event.function(**{names[0]: source}, **more, **elsewhere))

    places = torch.arange(count).reshape(x.shape)
    if written is None:
        return _taken(x, run(places))
    if not isinstance(written, Node) or written.kind == "constant":
        mask = run(torch.zeros(x.shape, dtype=torch.int64), _alike(written, 1)) == 1
        number = torch.from_numpy(np.array(written.value, np.float64)) if isinstance(written, Node) else written
        return _where(x, mask, run(torch.zeros(x.shape, dtype=torch.float64), number))
    return _taken(_joined(x, written), run(places, _numbers(written, count)))


def _mask(event: Event, given: Any, x: Node) -> Node | None:
    """Return the truth values that say which elements of the whole are written to, if that is how it is said."""
    where = given.get("indices")
    if not isinstance(where, list) or len(where) != 1 or not isinstance(where[0], Node) or where[0].shape != x.shape:
        return None
    indices = event.args[1] if len(event.args) > 1 else event.kwargs["indices"]
    return where[0] if indices[0].dtype == torch.bool else None


def _alike(written: Any, number: int) -> Any:
    """Return a number in the form in which something is written."""
    return torch.full(written.shape, number) if isinstance(written, Node) else number


def put(node: Node, base: Ref, held: Ref, piece: Node) -> Node:
    """Return a value after a write to elements that are not a slice of it, such as a diagonal.

    Parameters
    ----------
    node, piece : Node
        The value, and what is written.
    base, held : Ref
        The views that they fill.

    Returns
    -------
    Node
        The value after the write, in the shape of `base`.

    Raises
    ------
    Untranslated
        If it is not known which elements they are.
    """
    to, places = base.indices(), held.indices()
    if to is None or places is None or not base.dense:
        raise Untranslated("a write to elements that are not a slice")
    to, places = (to - base.offset).reshape(base.size), places - base.offset
    if piece.kind == "constant":
        mask, values = np.zeros(base.elements, np.bool_), np.zeros(base.elements, piece.value.dtype)
        mask[places], values[places] = True, piece.value.ravel()
        return _where(node, mask[to], values[to])
    numbers = np.empty(base.elements, np.int64)
    numbers[to.ravel()] = np.arange(base.elements)
    numbers[places] = base.elements + np.arange(held.elements)
    return _taken(_joined(node, piece), numbers[to])


def _where(x: Node, mask: NDArray[Any], values: NDArray[Any]) -> Node:
    kept = values[mask]
    same = kept.size and bool((kept == kept.flat[0]).all())
    return step("where", constant(mask), constant(kept.flat[0] if same else values), x, shape=x.shape)


def _taken(x: Node, places: NDArray[Any]) -> Node:
    flat = reshaped(x, (int(np.prod(x.shape)),))
    taken = step("take", flat, constant(places.ravel()), shape=(places.size,), axis=0)
    return reshaped(taken, places.shape)


def _joined(x: Node, written: Node) -> Node:
    flat = [reshaped(one, (int(np.prod(one.shape)),)) for one in (x, written)]
    return step("concatenate", *flat, shape=(flat[0].shape[0] + flat[1].shape[0],), axis=0)


def _numbers(written: Node, first: int) -> Any:
    count = int(np.prod(written.shape))
    return torch.arange(first, first + count).reshape(written.shape)


def _tensor(node: Node) -> Any:
    if node.kind != "constant":
        raise Untranslated("indexing by random places")
    return torch.from_numpy(np.array(node.value))


def _is_node(x: Any) -> bool:
    return isinstance(x, Node)
