"""The leaves of the trees that hold a model's parameters, and their names."""

import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.tree_util import DictKey, FlattenedIndexKey, GetAttrKey, SequenceKey, tree_flatten_with_path

from oneseed.checks import Shape

Tree = Any


class Leaf(NamedTuple):
    """An array of a tree, or what stands for one, and its place among the leaves of the tree."""

    name: str
    place: int
    shape: Shape
    dtype: Any
    sharding: Any
    state: bool
    """Whether the tree itself says that this is not a parameter.

    So do variables of Flax NNX other than ``nnx.Param``, collections of Flax Linen beside ``"params"``, and the states
    of Equinox's layers.
    """


def is_nnx(tree: Tree) -> bool:
    """Tell whether a tree is a module of Flax NNX, whose variables may be shared."""
    nnx = sys.modules.get("flax.nnx")
    return nnx is not None and isinstance(tree, nnx.Module)


def walk(tree: Tree) -> list[Leaf]:
    """Return the leaves that are arrays of floats or complex numbers, with their values or without.

    Parameters
    ----------
    tree : pytree
        Any tree; Flax's boxes, such as ``nn.Partitioned`` and ``nnx.Param``, do not count in names.

    Returns
    -------
    list of Leaf
        The leaves in the tree's order.
    """
    leaves: list[Leaf] = []
    place = 0
    collections = _collections(tree)
    for path, node in tree_flatten_with_path(tree, is_leaf=lambda node: _is_box(node) or _is_index(node))[0]:
        state = _is_state(node) or (bool(path) and _part(path[0]) in collections)
        for deeper, leaf in tree_flatten_with_path(node)[0]:
            # A box holds its array as the attribute "value"; what lies in it may be a tree of its own.
            rest = deeper[1:] if _is_box(node) else deeper
            if is_weight(leaf):
                leaves.append(
                    Leaf(name_of((*path, *rest)), place, tuple(leaf.shape), leaf.dtype, _sharding(leaf), state)
                )
            place += 1
    return leaves


def named(tree: Tree, wanted: Callable[[Any], bool]) -> Iterator[tuple[str, Any]]:
    """Give the leaves of a tree that goes with one of parameters, by the same names; `wanted` nodes are leaves."""
    for path, node in tree_flatten_with_path(tree, is_leaf=lambda node: _is_box(node) or wanted(node))[0]:
        for deeper, leaf in tree_flatten_with_path(node, is_leaf=wanted)[0]:
            yield name_of((*path, *(deeper[1:] if _is_box(node) else deeper))), leaf


def _sharding(leaf: Any) -> Any:
    """Return where a leaf is, or says to be, unless that was JAX's own choice."""
    if isinstance(leaf, jax.ShapeDtypeStruct):
        return leaf.sharding
    if isinstance(leaf, jax.Array) and not isinstance(leaf, jax.core.Tracer) and leaf.committed:
        return leaf.sharding
    return None


def is_weight(leaf: Any) -> bool:
    """Tell whether a leaf is, or stands for, an array of floats or complex numbers."""
    dtype = getattr(leaf, "dtype", None)
    return dtype is not None and hasattr(leaf, "shape") and bool(jnp.issubdtype(dtype, jnp.inexact))


def name_of(path: tuple[Any, ...]) -> str:
    """Return the keys of a path, joined with "/"."""
    return "/".join(_part(key) for key in path)


def _part(key: Any) -> str:
    if isinstance(key, DictKey | FlattenedIndexKey):
        return str(key.key)
    if isinstance(key, GetAttrKey):
        return str(key.name)
    return str(key.idx) if isinstance(key, SequenceKey) else str(key).strip("./[]'")


def _is_box(node: Any) -> bool:
    """Tell whether a node is one of Flax's boxes around an array."""
    return isinstance(node, _boxes())


def _is_state(node: Any) -> bool:
    nnx = sys.modules.get("flax.nnx")
    other = nnx is not None and isinstance(node, nnx.Variable) and not isinstance(node, nnx.Param)
    return other or _is_index(node)


def _is_index(node: Any) -> bool:
    """Tell whether a node is where a layer of Equinox keeps the state that it starts with."""
    equinox = sys.modules.get("equinox")
    return equinox is not None and isinstance(node, equinox.nn.StateIndex)


def _collections(tree: Tree) -> set[str]:
    """Return the collections of Flax Linen's variables that hold no parameters."""
    if not isinstance(tree, Mapping) or "params" not in tree:
        return set()
    return {str(key) for key in tree if key != "params"}


def _boxes() -> tuple[type, ...]:
    meta, nnx = sys.modules.get("flax.core.meta"), sys.modules.get("flax.nnx")
    return (*([meta.AxisMetadata] if meta else []), *([nnx.Variable] if nnx else []))
