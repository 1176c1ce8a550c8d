"""Tensors that are computed as a whole, on the host, while a compiled program runs: their seed is known only then."""

from typing import Any

import jax
import numpy as np
from jax.extend.core import Primitive
from jax.interpreters import batching, mlir
from numpy.typing import NDArray

from oneseed.distributions import Structured
from oneseed.draws import Draw
from oneseed.dtypes import numpy_dtype
from oneseed.host_arrays import host
from oneseed_jax.drawing.keys import halves

Array = Any


def computed(distribution: Structured, draw: Draw) -> Array:
    """Return the block of a draw with a traced seed: the result of a callback.

    Parameters
    ----------
    distribution : Structured
        The distribution of the draw.
    draw : Draw
        The draw.

    Returns
    -------
    jax.Array of the draw's dtype, shape ``draw.block``
        The values, traced.
    """
    words = _at_run_time.bind(*halves(draw.seed), name=distribution.name)
    draw = draw._replace(seed=0)  # a callback that held on to the traced seed would leak it

    def values(low: Any, high: Any) -> NDArray[Any]:
        # Under vmap there are arrays of seeds, and their halves have the shape of a batch.
        low, high = np.asarray(low), np.asarray(high)
        out = np.empty(low.shape + draw.block, numpy_dtype(draw.dtype))
        for at in np.ndindex(low.shape):
            out[at] = distribution.checked_values(draw._replace(seed=int(high[at]) << 32 | int(low[at])), host())
        return out

    kind = jax.ShapeDtypeStruct(draw.block, numpy_dtype(draw.dtype))
    return jax.pure_callback(values, kind, *words, vmap_method="broadcast_all")


_at_run_time = Primitive("oneseed_host_draw")
"""The identity on the halves of a seed; it says what cannot be done with the Python callback that follows."""


def _same(*words: Array, name: str) -> list[Array]:
    return list(words)


def _lowered(context: Any, *words: Any, name: str) -> list[Any]:
    if context.module_context.lowering_parameters.for_export:
        raise ValueError(
            f"oneseed computes the distribution {name!r} on the host, by a callback that jax.export cannot store. Draw "
            "it outside of the exported function and pass it as an argument, or give its initializer an integer as "
            "seed, so that the values themselves are stored. Received: a seed that the exported function computes"
        )
    return list(words)


_at_run_time.multiple_results = True
_at_run_time.def_impl(_same)
_at_run_time.def_abstract_eval(_same)
mlir.register_lowering(_at_run_time, _lowered)
batching.primitive_batchers[_at_run_time] = lambda words, axes, name: (_at_run_time.bind(*words, name=name), axes)
