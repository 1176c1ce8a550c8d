"""What the operations that this package adds to JAX have in common."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
from jax.extend.core import Primitive

from oneseed_jax.drawing.derivation import batched
from oneseed_jax.drawing.keys import Form

Array = Any


def run(primitive: Primitive, *given: Array, **static: Any) -> list[Array]:
    """Run an operation by itself, as under `jax.vmap` outside of a compiled function."""
    with jax.disable_jit(False):
        found: list[Array] = _compiled(given, primitive, tuple(static.items()))
    return found


@partial(jax.jit, static_argnums=(1, 2))
def _compiled(given: Sequence[Array], primitive: Primitive, static: tuple[tuple[str, Any], ...]) -> list[Array]:
    found: list[Array] = primitive.bind(*given, **dict(static))
    return found


def run_batched(
    primitive: Primitive,
    given: Sequence[Array],
    axes: Sequence[int],
    form: Form,
    derived_by: tuple[int, ...],
    **static: Any,
) -> tuple[list[Array], list[int]]:
    """Make the tensors of many seeds: each result has the axis of the seeds first."""
    given, derived_by = batched(given, axes, form, derived_by)
    found = primitive.bind(*given, form=form, derived_by=derived_by, **static)
    return found, [0] * len(found)
