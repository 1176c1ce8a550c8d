"""A draw as one operation of JAX's programs: what it takes and gives, and how it is transformed.

Its operand is the words of a seed, with any number of batch axes before them; and where that is a key that is derived
from another by known numbers, also the words of the other, or these alone. All else is static, so that another seed
compiles nothing. One operation makes any number of tensors of one seed.
"""

import warnings
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir, partial_eval

from oneseed.checks import Shape
from oneseed.draws import Draw
from oneseed_jax.drawing import foreign, partitioning, xla
from oneseed_jax.drawing.derivation import operands, words_from
from oneseed_jax.drawing.devices import batched_type, cuts
from oneseed_jax.drawing.keys import Form, halves_of
from oneseed_jax.drawing.numbers import Kind, packed
from oneseed_jax.drawing.primitives import run, run_batched

Array = Any


class Tensor(NamedTuple):
    """What is static of a draw."""

    kind: Kind
    block: Shape
    strides: Shape
    aligned: bool
    """Whether the first element is the first of its counter's four."""
    numbers: tuple[int, ...]
    """As from `oneseed_jax.drawing.numbers.packed`, without a seed."""
    fields: tuple[int, ...]
    """As from `oneseed_jax.drawing.foreign.fields_of`."""


def bind(draws: Sequence[Draw], kernel: bool = False) -> list[Array]:
    """Add one operation to the program that is recorded, or run it where none is.

    Parameters
    ----------
    draws : sequence of Draw
        Draws from sampled distributions with the same seed, which may be traced.
    kernel : bool
        Whether a GPU makes them by the Pallas kernel.

    Returns
    -------
    list of jax.Array
        The values of each.
    """
    given, form, derived_by = operands(draws[0].seed)
    tensors = tuple(_tensor(draw) for draw in draws)
    found: list[Array] = draw_p.bind(*given, form=form, derived_by=derived_by, tensors=tensors, kernel=kernel)
    return found


def _tensor(draw: Draw) -> Tensor:
    kind, _, numbers = packed(draw._replace(seed=0))
    fields = foreign.fields_of(draw)
    return Tensor(kind, draw.block, draw.strides, draw.first % 4 == 0, tuple(numbers.tolist()), fields)


draw_p = Primitive("oneseed_draw")
draw_p.multiple_results = True


def _types(words: Any, *first: Any, tensors: tuple[Tensor, ...], **static: Any) -> list[Any]:
    return [batched_type(words, tensor.block, tensor.kind.dtype) for tensor in tensors]


def _differentiated(given: Sequence[Array], tangents: Sequence[Any], **static: Any) -> tuple[list[Array], list[Any]]:
    found = draw_p.bind(*given, **static)
    return found, [ad.Zero(jax.typeof(values).to_tangent_aval()) for values in found]


def _without_unused(used: list[bool], equation: Any) -> tuple[list[bool], Any]:
    """Leave out the tensors that nothing uses."""
    if not any(used):
        return [False] * len(equation.invars), None

    def kept(items: Sequence[Any]) -> list[Any]:
        return [item for item, use in zip(items, used, strict=True) if use]

    params = {**equation.params, "tensors": tuple(kept(equation.params["tensors"]))}
    return [True] * len(equation.invars), equation.replace(params=params, outvars=kept(equation.outvars))


draw_p.def_abstract_eval(_types)
draw_p.def_impl(partial(run, draw_p))
batching.primitive_batchers[draw_p] = partial(run_batched, draw_p)
ad.primitive_jvps[draw_p] = _differentiated
partial_eval.dce_rules[draw_p] = _without_unused


# Lowering -------------------------------------------------------------------------------------------------------------


def _made(
    given: Sequence[Array],
    make: Callable[..., Array],
    form: Form,
    derived_by: Sequence[int],
    tensors: Sequence[Tensor],
    **static: Any,
) -> list[Array]:
    """Make the tensors of each seed by a function of a tensor's static part, the seed's halves, and the numbers."""

    def made(*given: Array) -> list[Array]:
        seed = halves_of(words_from(given, derived_by), form)
        return [make(tensor, seed, np.array(tensor.numbers, np.uint32)) for tensor in tensors]

    for _ in range(given[0].ndim - 1):
        made = jax.vmap(made)
    return made(*given)


def _elementwise(*given: Array, **static: Any) -> list[Array]:
    """Make the tensors by operations that XLA compiles, on any platform and however it cuts them."""
    return _made(given, lambda t, *numbers: xla.values(t.kind, t.block, t.strides, *numbers), **static)


def _by_kernel(*given: Array, **static: Any) -> list[Array]:
    """Make the tensors by the kernel for GPUs."""
    from oneseed_jax.drawing import pallas  # and with it Pallas, which takes time to import

    return _made(given, lambda t, *numbers: pallas.by_four(t.kind, t.block, t.aligned, *numbers), **static)


def _lowered_elsewhere(context: Any, *operands: Any, **static: Any) -> Any:
    return mlir.lower_fun(_elementwise, multiple_results=True)(context, *operands, **static)


def _lowered_for_others(context: Any, *operands: Any, **static: Any) -> Any:
    if not context.module_context.lowering_parameters.for_export:
        _warn_of(*context.module_context.platforms)
    return _lowered_elsewhere(context, *operands, **static)


@cache
def _warn_of(*platforms: str) -> None:
    warnings.warn(
        f"oneseed has not been tried on the platform {', '.join(platforms)}. It draws with operations that XLA "
        "compiles, the same bits where these follow IEEE 754.",
        RuntimeWarning,
        stacklevel=2,
    )


def _lowered_for_gpus(context: Any, *operands: Any, kernel: bool, **static: Any) -> Any:
    # Programs that are exported hold only what any version of any platform runs.
    own = kernel and not context.module_context.lowering_parameters.for_export
    made = _by_kernel if own else _elementwise
    return mlir.lower_fun(made, multiple_results=True)(context, *operands, kernel=kernel, **static)


def _lowered_for_cpus(context: Any, *operands: Any, **static: Any) -> Any:
    if context.module_context.lowering_parameters.for_export or not foreign.registered():
        return _lowered_elsewhere(context, *operands, **static)
    cut = cuts(context)
    if cut and not partitioning.registered():
        return _lowered_elsewhere(context, *operands, **static)
    call = foreign.Call([static["form"], *static["derived_by"]], [tensor.fields for tensor in static["tensors"]])
    context = context.replace(avals_in=context.avals_in[-1:])
    return (partitioning if cut else foreign).lowered(context, operands[-1], call)


mlir.register_lowering(draw_p, _lowered_for_others)
mlir.register_lowering(draw_p, _lowered_elsewhere, platform="tpu")
mlir.register_lowering(draw_p, _lowered_for_cpus, platform="cpu")
for _platform in ("cuda", "rocm"):
    mlir.register_lowering(draw_p, _lowered_for_gpus, platform=_platform)
