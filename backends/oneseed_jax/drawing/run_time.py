"""Tensors that are computed as a whole, on the host, where the seed is known only when a program runs."""

from functools import partial
from threading import Lock
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax._src import dispatch
from jax.extend.core import Primitive
from jax.interpreters import batching, mlir
from jax.sharding import Mesh, PartitionSpec
from numpy.typing import NDArray

from oneseed.distributions import Structured
from oneseed.draws import Draw
from oneseed.dtypes import numpy_dtype
from oneseed.host_arrays import host
from oneseed_jax.drawing.devices import batched_type, cuts
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
    low, high = halves(draw.seed)
    # What held on to a traced seed would leak it.
    values: Array = host_draw_p.bind(jnp.stack([low, high]), make=_AtRunTime(distribution, draw._replace(seed=0)))
    return values


class _AtRunTime:
    """Makes the tensors of a draw when the program runs; devices that ask for the same at the same time share one."""

    def __init__(self, distribution: Structured, draw: Draw) -> None:
        self.distribution, self.draw = distribution, draw
        self._counting, self._making = Lock(), Lock()
        self._asking = 0
        self._last: tuple[bytes, NDArray[Any]] | None = None

    def __call__(self, words: Any) -> NDArray[Any]:
        """Return the tensors for an array of seeds, each as its low and high half, shape ``(*batch, 2)``."""
        seeds = np.asarray(words)
        with self._counting:
            self._asking += 1
        try:
            with self._making:
                if self._last is None or self._last[0] != seeds.tobytes():
                    self._last = seeds.tobytes(), self._values(seeds)
                return self._last[1]
        finally:
            with self._counting:
                self._asking -= 1
                if not self._asking:
                    self._last = None

    def _values(self, seeds: NDArray[np.uint32]) -> NDArray[Any]:
        batch = seeds.shape[:-1]
        out = np.empty(batch + self.draw.block, numpy_dtype(self.draw.dtype))
        for at in np.ndindex(batch):
            low, high = seeds[at].tolist()
            out[at] = self.distribution.checked_values(self.draw._replace(seed=high << 32 | low), host())
        return out


host_draw_p = Primitive("oneseed_host_draw")
dispatch.prim_requires_devices_during_lowering.add(host_draw_p)


def _type(words: Any, *, make: _AtRunTime) -> Any:
    return batched_type(words, make.draw.block, make.draw.dtype)


def _called(words: Array, *, make: _AtRunTime) -> Array:
    kind = jax.ShapeDtypeStruct(words.shape[:-1] + make.draw.block, numpy_dtype(make.draw.dtype))
    return jax.pure_callback(make, kind, words)


def _lowered(context: Any, words: Any, *, make: _AtRunTime) -> Any:
    if context.module_context.lowering_parameters.for_export:
        raise ValueError(
            f"oneseed computes the distribution {make.distribution.name!r} on the host, by a callback that "
            "jax.export cannot store. Draw it outside of the exported function and pass it as an argument, or give its "
            "initializer an integer as seed, so that the values themselves are stored. Received: a seed that the "
            "exported function computes"
        )
    call = partial(_called, make=make)
    axes = context.module_context.axis_context
    if not cuts(context) or not getattr(axes, "device_assignment", None):
        return mlir.lower_fun(call, multiple_results=False)(context, words)
    # Each device calls and keeps its part. A call of the first one alone would go through all of them whole.
    call = jax.shard_map(call, mesh=_mesh(axes), in_specs=PartitionSpec(), out_specs=PartitionSpec(), check_vma=False)
    (given,) = context.avals_in
    untyped = context.replace(avals_in=[jax.core.ShapedArray(given.shape, given.dtype)])
    return mlir.lower_fun(call, multiple_results=False)(untyped, words)


def _mesh(axes: Any) -> Mesh:
    """Return the mesh of a program: that in force, that of its shardings, or else one of all its devices."""
    in_force = jax.sharding.get_abstract_mesh()
    around = axes.abstract_mesh if in_force.empty else in_force
    devices = np.array(axes.device_assignment)
    if around is None:
        return Mesh(devices, ("devices",))
    return Mesh(devices.reshape(around.axis_sizes), around.axis_names, around.axis_types)


host_draw_p.def_abstract_eval(_type)
host_draw_p.def_impl(_called)
mlir.register_lowering(host_draw_p, _lowered)
batching.primitive_batchers[host_draw_p] = lambda given, axes, make: (
    host_draw_p.bind(jnp.moveaxis(given[0], axes[0], 0), make=make),
    0,
)
