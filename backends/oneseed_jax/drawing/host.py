"""Draws in host memory: by the host engine, and of tensors that are computed as a whole."""

from collections.abc import Iterator
from dataclasses import replace
from math import prod
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Primitive
from jax.interpreters import batching, mlir
from numpy.typing import NDArray

from oneseed import registry
from oneseed.composites import Composite
from oneseed.distributions import Structured
from oneseed.draws import Draw
from oneseed.dtypes import numpy_dtype
from oneseed.host_arrays import HOST
from oneseed.protocol import HostBackend
from oneseed_jax.drawing.keys import halves, value_of

Array = Any

ALIGNMENT = 64
"""Bytes to which XLA aligns memory, for the widest vectors; such memory it takes over without a copy."""


def sampled(draw: Draw) -> NDArray[Any]:
    """Return the block of a draw from a sampled distribution, with an integer as seed, in memory that JAX takes over.

    Parameters
    ----------
    draw : Draw
        The draw.

    Returns
    -------
    ndarray of the draw's dtype, shape ``draw.block``
        The values.
    """
    dtype = numpy_dtype(draw.dtype)
    size = prod(draw.block) * dtype.itemsize
    memory = np.empty(size + ALIGNMENT, np.uint8)  # NumPy asks for large pages itself
    start = -memory.ctypes.data % ALIGNMENT
    out = memory[start : start + size].view(dtype).reshape(draw.block)
    cast(HostBackend, registry.load(HOST)).fill([(draw, out)])
    return out


def structured(draw: Draw) -> Array:
    """Return the block of a tensor that is computed as a whole: now, or where a seed is traced when the program runs.

    Parameters
    ----------
    draw : Draw
        The draw; its own seed and those of its parts are integers, keys or traced.

    Returns
    -------
    ndarray or jax.Array, of the draw's dtype, shape ``draw.block``
        The values.
    """
    seeds = list(_seeds(draw))
    known = [value_of(seed) for seed in seeds]
    if None not in known:
        return _values(_with_seeds(draw, iter(known)))
    words = jnp.stack([jnp.stack(jax.tree.map(jnp.asarray, halves(seed))) for seed in seeds])

    def values(words: Any) -> NDArray[Any]:
        # Under vmap there are arrays of seeds: words of uint32, shape (*batch, seeds, 2).
        words = np.asarray(words).astype("<u4", order="C")
        whole = words.view("<u8")[..., 0]
        out = np.empty(whole.shape[:-1] + draw.block, numpy_dtype(draw.dtype))
        for at in np.ndindex(whole.shape[:-1]):
            out[at] = _values(_with_seeds(draw, map(int, whole[at])))
        return out

    kind = jax.ShapeDtypeStruct(draw.block, numpy_dtype(draw.dtype))
    words = _at_run_time.bind(words, name=draw.distribution.name)
    return jax.pure_callback(values, kind, words, vmap_method="broadcast_all")


def _values(draw: Draw) -> NDArray[Any]:
    assert isinstance(draw.distribution, Structured)
    return draw.distribution.values(draw)


def _seeds(draw: Draw) -> Iterator[Any]:
    """Give the seed of a draw and those of its parts; None is none."""
    if draw.seed is not None:
        yield draw.seed
    if isinstance(draw.distribution, Composite):
        for part in draw.distribution.parts:
            yield from _seeds(part)


def _with_seeds(draw: Draw, seeds: Iterator[Any]) -> Draw:
    """Return the draw with other seeds, in the order of `_seeds`."""
    if draw.seed is not None:
        draw = draw._replace(seed=next(seeds))
    if isinstance(draw.distribution, Composite):
        parts = tuple(_with_seeds(part, seeds) for part in draw.distribution.parts)
        draw = draw._replace(distribution=replace(draw.distribution, parts=parts))
    return draw


_at_run_time = Primitive("oneseed_host_draw")
"""The identity on the words of seeds, which says that a Python callback follows, and what cannot be done with it."""


def _same(words: Array, *, name: str) -> Array:
    return words


def _lowered(context: Any, words: Any, *, name: str) -> list[Any]:
    if context.module_context.lowering_parameters.for_export:
        raise NotImplementedError(
            f"oneseed computes the distribution {name!r} on the host, which jax.export cannot store in a program. Draw "
            "it outside of the exported function and pass it as an argument, or give its initializer an integer as "
            "seed, so that the values are stored. Received: a key or seed that is an argument of the exported function"
        )
    return [words]


_at_run_time.def_impl(_same)
_at_run_time.def_abstract_eval(_same)
mlir.register_lowering(_at_run_time, _lowered)
batching.primitive_batchers[_at_run_time] = lambda args, axes, name: (_at_run_time.bind(*args, name=name), axes[0])
