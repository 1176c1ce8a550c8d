"""The operations of stream v1 on JAX's arrays."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from numpy.typing import NDArray

from oneseed.dtypes import FLOAT8, numpy_dtype
from oneseed.stream.arrays import Lanes32, Lanes64
from oneseed.stream.narrow import nearest_float8
from oneseed_jax.drawing.devices import explicit_axes

Array = Any


@contextmanager
def own_types() -> Iterator[None]:
    """Use 64-bit types and JAX's standard promotion for what is traced inside, whatever the user's settings are."""
    with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def rounded(x: Array, dtype: str) -> Array:
    """Round float32 to a narrower dtype, also where what follows widens the values again.

    XLA would leave out both conversions, and the rounding with them.
    """
    with own_types():
        if dtype in FLOAT8:
            x = nearest_float8(x, dtype, JaxArrays())
        return lax.optimization_barrier(lax.convert_element_type(x, numpy_dtype(dtype)))


class JaxArrays(Lanes64):
    """`oneseed.stream.arrays.Arrays` for JAX on CPUs: words are multiplied in uint64."""

    def cast(self, x: Array, dtype: str) -> Array:
        """Convert values."""
        return lax.convert_element_type(x, dtype)

    def bits(self, x: Array, dtype: str) -> Array:
        """Read the same bits as another type."""
        return lax.bitcast_convert_type(x, dtype)

    def columns(self, table: NDArray[Any], rows: Array) -> list[Array]:
        """Look up each column; the rows come from numbers of 31 or 63 bits and fit."""
        place = jax.typeof(rows).sharding if explicit_axes() else None
        return [jnp.asarray(column).at[rows].get(mode="promise_in_bounds", out_sharding=place) for column in table.T]

    def clamp(self, x: Array, low: Any, high: Any) -> Array:
        """``max(low, min(x, high))``."""
        return jnp.maximum(jnp.minimum(x, high), low)

    def select(self, which: Array, choices: Sequence[Array]) -> Array:
        """Take each element from the choice that `which` names."""
        return lax.select_n(which.astype(jnp.int32), *choices)


class NarrowArrays(Lanes32, JaxArrays):
    """`JaxArrays` for GPUs and TPUs: words are multiplied in uint32."""
