"""Whole models in JAX: a tree of parameters, or of what stands for them, filled by a scheme."""

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jax.sharding import PartitionSpec, Sharding

from oneseed import checks, registry
from oneseed.draws import Draw
from oneseed.models.entry import Entry, Parameter
from oneseed.models.fill import run
from oneseed.models.names import Names
from oneseed_jax.drawing.devices import one_device, sharding_of
from oneseed_jax.drawing.dispatch import together
from oneseed_jax.drawing.keys import check, value_of
from oneseed_jax.models.layer_axes import axes_of
from oneseed_jax.models.leaves import Leaf, Tree, is_nnx, is_weight, named, walk

if TYPE_CHECKING:
    from oneseed.models.plan import Plan
    from oneseed.models.scheme import Scheme


PLACES = Sharding | PartitionSpec


def initialize(
    tree: Tree,
    scheme: "Scheme",
    *,
    seed: Any,
    names: Names = None,
    axes: Mapping[str, str | None] | None = None,
    shardings: Any = None,
) -> Tree:
    """Fill a model's parameters by a scheme, and return them as a new tree of the same structure.

    The leaves are arrays, or `jax.ShapeDtypeStruct` as from `jax.eval_shape`, ``nnx.eval_shape`` and
    ``eqx.filter_eval_shape``, so that nothing is drawn twice. Everything that is not an array of floats or complex
    numbers stays as it is. So does state: variables of Flax NNX other than ``nnx.Param``, collections of Flax Linen
    beside ``"params"``, and what layers of Equinox start with; rules with ``state=True`` are for it. What stays and has
    no values yet has none afterwards.

    A parameter's name is the keys on the way to it, joined with "/": keys of dicts, attributes of modules, and numbers
    in sequences, such as "layers/0/kernel". Flax's boxes, such as ``nnx.Param`` and ``nn.Partitioned``, add nothing to
    it. A "/" inside a key, as in Haiku's names of modules, stays.

    On a CPU, oneseed's host kernels fill the memory of the arrays; elsewhere, and with shardings, compiled functions
    do, of which parameters of one shape, dtype, kind of distribution and sharding share one. Then each device makes its
    own part, without the others. What is computed on the host, such as orthogonal matrices, is made whole, one
    parameter at a time, and then cut.

    Parameters
    ----------
    tree : pytree
        Dicts of parameters (Flax Linen, Haiku), an ``nnx.State``, or a module of Flax NNX or Equinox.
    scheme : Scheme
        What each parameter gets.
    seed : int or jax.Array
        The seed, or a key of JAX, typed or raw. Where a key is does not decide where the parameters go.
    names : mapping, callable or sequence of pairs, optional
        From the names here to the logical ones, by which rules match and parameters draw; see `Scheme.plan`.
    axes : mapping of str to str, optional
        Names of the axes, by the names here; they come before those of `axes_of`.
    shardings : Sharding, PartitionSpec, pytree or callable, optional
        Where the parameters go: one sharding for all, a tree of shardings with the same keys, or a function from a
        name here to a sharding or None. Without one, a parameter goes where its leaf is or says to be, and else where
        JAX makes arrays. Under `jax.set_mesh` each may be a PartitionSpec, and leaves may say that they are on an
        abstract mesh, as those of `jax.eval_shape` do there: both mean the mesh that is set.

    Returns
    -------
    pytree
        The tree with new leaves. A module of Flax NNX is a new one, in which shared variables are shared again.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If two parameters have one name, names, axes or shardings do not fit, a sharding has a mesh without devices that
        is not set, parameters are unmatched, or an initializer refuses one. Nothing has been drawn then.

    Examples
    --------
    >>> import jax
    >>> import oneseed
    >>> params = {"dense": {"kernel": jax.ShapeDtypeStruct((8, 2), "float32")}}
    >>> scheme = oneseed.Scheme([oneseed.Rule("*/kernel", "he_normal")])
    >>> filled = initialize(params, scheme, seed=7)
    >>> expected = oneseed.initializers.HeNormal(seed=7)((8, 2), path="dense/kernel")
    >>> bool((filled["dense"]["kernel"] == expected).all())
    True
    """
    from oneseed.models.scheme import check_scheme

    check_scheme(scheme)
    graph = None
    known = axes_of(tree)
    if is_nnx(tree):
        # The module as a tree would have a leaf for each use of a shared variable.
        graph, tree = sys.modules["flax.nnx"].split(tree)
    engine = registry.load("jax")
    found = _by_name(walk(tree))
    plan = _plan(found, known, scheme, names, axes)
    draws = plan.draws(_seed(seed))
    places = _places(shardings, {entry.name: found[entry.name] for entry, _ in draws}, found, tree)
    for entry, _ in draws:
        engine.check_dtype(entry.dtype)
    leaves, structure = jax.tree.flatten(tree)

    at_once = together([draw for _, draw in draws], [places[entry.name] for entry, _ in draws])
    made = {entry.name: values for (entry, _), values in zip(draws, at_once, strict=True)}

    def put(entry: Entry, draw: Draw) -> None:
        values = made[entry.name]
        leaves[found[entry.name].place] = engine.draw(draw, places[entry.name]) if values is None else values

    run(draws, put)
    filled = jax.tree.unflatten(structure, leaves)
    return filled if graph is None else sys.modules["flax.nnx"].merge(graph, filled)


def plan_of(tree: Tree, scheme: "Scheme", names: Names = None, axes: Mapping[str, str | None] | None = None) -> "Plan":
    """Return what `initialize` would do with a tree, which may be abstract, as from `jax.eval_shape`.

    Parameters
    ----------
    tree : pytree
        The tree.
    scheme : Scheme
        What each parameter gets.
    names, axes : optional
        As in `initialize`.

    Returns
    -------
    Plan
        A row for each parameter; `oneseed.checkpoint.write` writes their values as files.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If two parameters have one name, names or axes do not fit, or an initializer refuses a parameter.

    Examples
    --------
    >>> import jax
    >>> import oneseed
    >>> params = {"dense": {"kernel": jax.ShapeDtypeStruct((8, 2), "float32")}}
    >>> plan_of(params, oneseed.Scheme([oneseed.Rule("*/kernel", "he_normal")]))[0].fan_in
    8
    """
    from oneseed.models.scheme import check_scheme

    check_scheme(scheme)
    known = axes_of(tree)
    if is_nnx(tree):
        tree = sys.modules["flax.nnx"].split(tree)[1]
    return _plan(_by_name(walk(tree)), known, scheme, names, axes)


def _plan(
    found: Mapping[str, Leaf],
    known: Mapping[str, str],
    scheme: "Scheme",
    names: Names,
    axes: Mapping[str, str | None] | None,
) -> "Plan":
    from oneseed.models.scheme import plan_weights

    params = {name: Parameter(leaf.shape, leaf.dtype, state=leaf.state) for name, leaf in found.items()}
    return plan_weights(scheme, params, known=known, names=names, axes=axes)


def _by_name(leaves: list[Leaf]) -> dict[str, Leaf]:
    found: dict[str, Leaf] = {}
    for leaf in leaves:
        if leaf.name in found:
            raise ValueError(
                f"`tree` must have one parameter of each name; rename a key. Received: two of the name {leaf.name!r}"
            )
        found[leaf.name] = leaf
    return found


def _seed(seed: Any) -> Any:
    """Check a key or scalar, and return it as an integer where it has a value."""
    if not isinstance(seed, jax.Array | np.ndarray):
        return seed
    check("seed", seed)
    number = value_of(seed)
    return seed if number is None else number


def _places(shardings: Any, drawn: Mapping[str, Leaf], leaves: Mapping[str, Leaf], tree: Tree) -> dict[str, Any]:
    """Return the device or sharding of each parameter that is drawn; None where JAX chooses."""
    if shardings is None:
        given: dict[str, Any] = {}
    elif isinstance(shardings, PLACES):
        given = dict.fromkeys(drawn, shardings)
    elif callable(shardings):
        given = {name: shardings(name) for name in drawn}
    else:
        given = dict(named(shardings, lambda node: isinstance(node, PLACES)))
        # Such a tree may also say where counters and other state go, which stay as they are.
        everything = dict(named(tree, is_weight))
        if unknown := [name for name in given if name not in everything]:
            raise ValueError(
                f"`shardings` must have the keys of the tree.{checks.nearest(unknown[0], leaves)} "
                f"Received: shardings with {unknown[0]!r}"
            )
    for name, place in given.items():
        if not isinstance(place, PLACES | None):
            raise TypeError(
                "`shardings` must give a jax.sharding.Sharding, a jax.sharding.PartitionSpec or None for each "
                f"parameter. Received: {place!r} for {name!r}"
            )
    return {name: _place(name, given.get(name), leaf) for name, leaf in drawn.items()}


def _place(name: str, given: Any, leaf: Leaf) -> Any:
    place = leaf.sharding if given is None else given
    if place is None:
        return None
    try:
        return one_device(sharding_of("shardings", place, leaf.shape))
    except ValueError as error:
        raise ValueError(f"The parameter {name!r} cannot be placed: {error}") from None
