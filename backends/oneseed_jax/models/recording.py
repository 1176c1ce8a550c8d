"""A model's own start in JAX, read from the program that its initialization traces to."""

import sys
from collections.abc import Callable, Iterable
from typing import Any

import jax
import numpy as np
from jax.extend import core

from oneseed.initializers import Zeros
from oneseed.initializers.composed.computed import At
from oneseed.initializers.elementwise.stored import Stored
from oneseed.models.folding import Simple, filled, initializer
from oneseed.models.graphs import Node, broadcast, constant, nodes, program, reshaped, scalar, simple, step, transposed
from oneseed.models.rule import Rule
from oneseed.models.scheme import Scheme
from oneseed_jax.models.layer_axes import axes_of
from oneseed_jax.models.leaves import Leaf, is_nnx, walk

DRAWS = {"_uniform": "uniform", "_normal_real": "normal", "_truncated_normal": "truncated", "_orthogonal": "orthogonal"}
"""The functions of `jax.random` and `jax.nn.initializers` that draw, by the names under which JAX traces them."""

INSIDE = ("jaxpr", "call_jaxpr", "fun_jaxpr")


class Unread(Exception):
    """An operation that has no counterpart among the steps."""


def recorded_scheme(init: Callable[..., Any], *args: Any, **kwargs: Any) -> Scheme:
    """Return the scheme of a model's own start: what its init functions draw.

    The function is traced, without memory, and the program is read: normal, uniform, truncated and orthogonal draws are
    recognised exactly, also inside a lambda, scaled, shifted or stacked by ``vmap`` and ``scan``; tables are stored;
    other functions of draws become `oneseed.initializers.Computed`. JAX before 0.10.1 does not name orthogonal draws in
    its programs; these are refused then.

    Parameters
    ----------
    init : callable
        Returns the parameters, or a module of Flax NNX or Equinox: ``lambda key: model.init(key, x)``.
    *args, **kwargs
        Its arguments: a key, and whatever else it takes. Values of `kwargs` are not traced.

    Returns
    -------
    Scheme
        The scheme, on the names that `initialize` gives the parameters.

    Raises
    ------
    TypeError
        If `init` is not callable.
    ValueError
        If a parameter depends on the arguments in another way than by these draws, or on random numbers that are not
        JAX's, by name.

    Examples
    --------
    >>> import jax
    >>> import oneseed_jax
    >>> def init(key):
    ...     return {"kernel": jax.nn.initializers.normal(0.02)(key, (64, 10)), "bias": jax.numpy.zeros(10)}
    >>> scheme = oneseed_jax.recorded_scheme(init, jax.random.key(0))
    >>> scheme.match("kernel")[0].initializer
    RandomNormal(seed=None, mean=0.0, stddev=0.02)
    """
    if not callable(init):
        raise TypeError(f"`init` must be callable. Received: init={init!r}")
    rules, refused = _read(init, args, kwargs)
    again, _ = _read(init, args, kwargs)
    for name, rule in rules.items():
        if rule != again.get(name):
            refused.append(f"{name}: values that are others in another run, as from a generator that is not JAX's")
    if refused:
        raise ValueError("`init` must draw in a way that can be recorded. Not recorded:\n" + "\n".join(refused))
    return Scheme(list(rules.values()))


def _read(init: Callable[..., Any], args: Any, kwargs: Any) -> tuple[dict[str, Rule], list[str]]:
    """Trace a function once; return the rules of its parameters, by name, and what cannot be recorded."""
    found: list[Leaf] = []
    axes: dict[str, str] = {}

    def run(*given: Any) -> list[Any]:
        tree = init(*given, **kwargs)
        axes.update(axes_of(tree))
        if is_nnx(tree):
            tree = sys.modules["flax.nnx"].split(tree)[1]
        found.extend(walk(tree))
        leaves = jax.tree.leaves(tree)
        return [leaves[leaf.place] for leaf in found]

    closed = jax.make_jaxpr(run)(*args)
    given = [Node("given", tuple(var.aval.shape)) for var in closed.jaxpr.invars]
    outputs = _outputs(closed.jaxpr, list(map(_constant, closed.consts)), given)
    rules: dict[str, Rule] = {}
    refused, owners = [], dict[int, tuple[str, Node, str | None]]()
    for leaf, node in zip(found, outputs, strict=True):
        pattern = axes.get(leaf.name)
        try:
            drawn = _initializer(node, leaf.name, None if pattern is None else str(pattern), owners)
        except Unread as error:
            refused.append(f"{leaf.name}: {error}")
            continue
        rules[leaf.name] = Rule(leaf.name, drawn, axes=None if pattern is None else str(pattern), state=leaf.state)
    return rules, refused


def _initializer(node: Node, name: str, axes: str | None, owners: dict[int, tuple[str, Node, str | None]]) -> Any:
    below = nodes(node)
    if any(one.kind == "given" for one in below):
        what = next((one.operation for one in below if one.kind == "given" and one.operation), "")
        raise Unread("values of the arguments, or a draw that is not known" + (f": {what}" if what else ""))
    draws = [one for one in below if one.kind == "draw"]
    if not draws:
        number = scalar(node)
        array = _values(node)
        return filled(number) if number is not None and number == float(array.flat[0]) else _stored(array)
    found = simple(node)
    if found is not None:
        owner = owners.setdefault(id(found[1]), (name, node, axes))
        drawn = initializer(found[0])
        return drawn if owner[0] == name else At(drawn, owner[0], axes=owner[2])
    sources: list[Any] = []
    for one in draws:
        drawn, owner_ = initializer(one.value), owners.get(id(one))
        if owner_ is not None and owner_[1].shape == one.shape:
            sources.append(At(drawn, owner_[0], one.shape, owner_[2]))
        elif one.shape != node.shape:
            sources.append(At(drawn, None, one.shape))
        else:
            sources.append(drawn)
    return program(node, draws, sources)


def _stored(array: Any) -> Any:
    return Stored(array) if array.size else Zeros()


# Reading the program --------------------------------------------------------------------------------------------------


def _outputs(jaxpr: Any, consts: Iterable[Node], given: Iterable[Node]) -> list[Node]:
    """Return what a traced program gives for what it is given."""
    values: dict[Any, Node] = {}

    def read(var: Any) -> Node:
        return _constant(var.val) if isinstance(var, core.Literal) else values[var]

    values.update(zip(jaxpr.constvars, consts, strict=True))
    values.update(zip(jaxpr.invars, given, strict=True))
    for equation in jaxpr.eqns:
        outputs = _equation(equation, [read(var) for var in equation.invars])
        values.update(zip(equation.outvars, outputs, strict=True))
    return [read(var) for var in jaxpr.outvars]


def _equation(equation: Any, operands: list[Node]) -> list[Node]:
    name, params = equation.primitive.name, equation.params
    shapes = [tuple(var.aval.shape) for var in equation.outvars]
    kind = DRAWS.get(params.get("name", "")) if operands and operands[0].kind == "given" else None
    drawn = None if kind is None else _draw(kind, _in_order(params, operands)[1:], shapes[0])
    if drawn is not None:
        return [drawn]
    if name == "scan":
        return _scanned(params, operands, shapes)
    inner = next((params[key] for key in INSIDE if key in params), None)
    if inner is not None and name not in ("while", "cond"):
        consts = list(map(_constant, inner.consts)) if hasattr(inner, "jaxpr") else []
        return _outputs(getattr(inner, "jaxpr", inner), consts, operands)
    below = {one.kind for operand in operands for one in nodes(operand)}
    hidden = name.startswith(("random_", "threefry")) or any(_is_key(var.aval) for var in equation.outvars)
    if hidden or "given" in below or ("draw" in below and name not in OPERATIONS):
        return [Node("given", shape, name) for shape in shapes]
    if name in OPERATIONS:
        return [OPERATIONS[name](operands, params, shapes[0], equation)]
    out = equation.primitive.bind(*(jax.numpy.asarray(_values(one)) for one in operands), **params)
    return [constant(np.asarray(one)) for one in (out if equation.primitive.multiple_results else [out])]


def _in_order(params: Any, operands: list[Node]) -> list[Node]:
    """Return the operands of a draw with its lower end first: JAX sorts those that it calls by their names."""
    names = getattr(getattr(params["jaxpr"].jaxpr, "debug_info", None), "arg_names", None) or ()
    return [operands[0], *operands[:0:-1]] if tuple(names[1:]) == ("maxval", "minval") else operands


def _is_key(value: Any) -> bool:
    return bool(jax.dtypes.issubdtype(value.dtype, jax.dtypes.prng_key))


def _constant(value: Any) -> Node:
    """Return a constant of a program; a key is none, whose values are the draws'."""
    if hasattr(value, "dtype") and _is_key(value):
        return Node("given", tuple(value.shape))
    return constant(np.asarray(value))


def _draw(kind: str, numbers: list[Node], shape: tuple[int, ...]) -> Node | None:
    found = [scalar(one) for one in numbers]
    if any(number is None for number in found):
        return None
    ends = [float(number) for number in found if number is not None]
    if kind == "uniform":
        return Node("draw", shape, value=Simple("uniform", (ends[0], ends[1])))
    if kind == "truncated":
        return Node("draw", shape, value=Simple("truncated", (0.0, 1.0, ends[0], ends[1])))
    return Node("draw", shape, value=Simple("normal", (0.0, 1.0)) if kind == "normal" else Simple("orthogonal", (1.0,)))


def _scanned(params: Any, operands: list[Node], shapes: list[tuple[int, ...]]) -> list[Node]:
    """Return what a loop over layers gives: each of its draws is one draw for all layers, whose keys are their own."""
    consts, carries = params["num_consts"], params["num_carry"]
    body = params["jaxpr"]
    inside = [
        *operands[:consts],
        *(Node("given", tuple(var.aval.shape)) for var in body.jaxpr.invars[consts:]),
    ]
    outputs = _outputs(body.jaxpr, list(map(_constant, body.consts)), inside)
    out = []
    for at, (node, shape) in enumerate(zip(outputs, shapes, strict=True)):
        found = simple(node)
        if at < carries:
            out.append(node if scalar(node) is not None else Node("given", shape, "scan"))
        elif found is not None and found[0].kind != "orthogonal":
            out.append(Node("draw", shape, value=found[0]))
        elif (number := scalar(node)) is not None:
            out.append(broadcast(constant(np.asarray(number)), shape))
        else:
            out.append(Node("given", shape, "scan"))
    return out


def _values(node: Node) -> Any:
    """Return the array of a node without draws."""
    if node.kind == "constant":
        return node.value
    array = _values(node.operands[0])
    return np.broadcast_to(array, node.shape) if node.operation == "broadcast" else np.reshape(array, node.shape)


def _fixed(operands: list[Node]) -> bool:
    """Tell whether operands are known numbers, which JAX itself then computes with."""
    return not any(one.kind == "draw" for operand in operands for one in nodes(operand))


_Rule = Callable[[list[Node], Any, tuple[int, ...], Any], Node]


def _same(operation: str) -> _Rule:
    def rule(operands: list[Node], params: Any, shape: tuple[int, ...], equation: Any) -> Node:
        if _fixed(operands):
            return _computed(operands, params, shape, equation)
        return step(operation, *operands)

    return rule


def _computed(operands: list[Node], params: Any, shape: tuple[int, ...], equation: Any) -> Node:
    numbers = [scalar(one) for one in operands]
    if shape and all(number is not None for number in numbers):
        # One number everywhere stays one: a table of it would take memory.
        dtypes = [var.aval.dtype for var in equation.invars]
        given = [jax.numpy.asarray(number, dtype) for number, dtype in zip(numbers, dtypes, strict=True)]
        return broadcast(constant(np.asarray(equation.primitive.bind(*given, **params))), shape)
    return constant(
        np.asarray(equation.primitive.bind(*(jax.numpy.asarray(_values(one)) for one in operands), **params))
    )


def _broadcast(operands: list[Node], params: Any, shape: tuple[int, ...], equation: Any) -> Node:
    (node,) = operands[:1]
    kept = [1] * len(shape)
    for axis, size in zip(params["broadcast_dimensions"], node.shape, strict=True):
        kept[axis] = size
    return broadcast(reshaped(node, kept), shape)


def _converted(operands: list[Node], params: Any, shape: tuple[int, ...], equation: Any) -> Node:
    if _fixed(operands):
        return _computed(operands, params, shape, equation)
    dtype = np.dtype(params["new_dtype"])
    return (
        operands[0]
        if dtype.kind == "f" or dtype.name.startswith(("bfloat", "float8"))
        else step("integer", operands[0])
    )


def _power(operands: list[Node], params: Any, shape: tuple[int, ...], equation: Any) -> Node:
    return _computed(operands, params, shape, equation) if _fixed(operands) else step("pow", operands[0], params["y"])


def _reshape(operands: list[Node], params: Any, shape: tuple[int, ...], equation: Any) -> Node:
    return reshaped(operands[0], shape)


def _transpose(operands: list[Node], params: Any, shape: tuple[int, ...], equation: Any) -> Node:
    if _fixed(operands):
        return _computed(operands, params, shape, equation)
    return transposed(operands[0], params["permutation"])


def _reduced(operation: str) -> _Rule:
    def rule(operands: list[Node], params: Any, shape: tuple[int, ...], equation: Any) -> Node:
        if _fixed(operands):
            return constant(np.asarray(equation.primitive.bind(jax.numpy.asarray(_values(operands[0])), **params)))
        return step(operation, operands[0], shape=shape, axes=list(params["axes"]))

    return rule


def _passed(operands: list[Node], params: Any, shape: tuple[int, ...], equation: Any) -> Node:
    return operands[0]


def _concatenated(operands: list[Node], params: Any, shape: tuple[int, ...], equation: Any) -> Node:
    return step("concatenate", *operands, shape=shape, axis=int(params["dimension"]))


def _select(operands: list[Node], params: Any, shape: tuple[int, ...], equation: Any) -> Node:
    if _fixed(operands):
        return _computed(operands, params, shape, equation)
    which, *cases = operands
    return step("where", which, cases[1], cases[0])


def _square(operands: list[Node], params: Any, shape: tuple[int, ...], equation: Any) -> Node:
    return _computed(operands, params, shape, equation) if _fixed(operands) else step("mul", operands[0], operands[0])


_NAMES = {
    **{name: name for name in ("abs", "add", "ceil", "cos", "div", "eq", "exp", "expm1", "floor", "ge", "gt", "le")},
    **{name: name for name in ("log", "log1p", "lt", "mul", "ne", "neg", "sign", "sin", "sqrt", "sub", "tanh", "and")},
    **{"logistic": "sigmoid", "max": "maximum", "min": "minimum", "or": "or", "pow": "pow", "round": "rint"},
}
OPERATIONS: dict[str, _Rule] = {
    **{name: _same(operation) for name, operation in _NAMES.items()},
    "broadcast_in_dim": _broadcast,
    "concatenate": _concatenated,
    "convert_element_type": _converted,
    "copy": _passed,
    "copy_p": _passed,
    "integer_pow": _power,
    "optimization_barrier": _passed,
    "reduce_max": _reduced("max"),
    "reduce_min": _reduced("min"),
    "reduce_sum": _reduced("sum"),
    "reshape": _reshape,
    "select_n": _select,
    "sharding_constraint": _passed,
    "square": _square,
    "squeeze": _reshape,
    "stop_gradient": _passed,
    "transpose": _transpose,
}
"""For each primitive of JAX what makes the steps."""
