"""Tensors that are computed as a whole, on the host, where the seed is known only when a program runs.

Small orthogonal matrices are made by the kernels where those can be called; all else by a callback into Python.
"""

from collections.abc import Callable, Sequence
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

from oneseed.distributions import Haar, Structured
from oneseed.distributions.orthogonal import is_small
from oneseed.draws import Draw
from oneseed.dtypes import COMPLEX, numpy_dtype, working_dtype
from oneseed.host_arrays import host
from oneseed_jax.drawing import foreign
from oneseed_jax.drawing.arrays import rounded
from oneseed_jax.drawing.derivation import batched, operands, words_from
from oneseed_jax.drawing.devices import batched_type, cuts
from oneseed_jax.drawing.keys import Form, halves_of

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
    given, form, derived_by = operands(draw.seed)
    # What held on to a traced seed would leak it.
    make = _AtRunTime(distribution, draw._replace(seed=0))
    values: Array = host_draw_p.bind(*given, form=form, derived_by=derived_by, make=make)
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


def _type(words: Any, *first: Any, make: _AtRunTime, **static: Any) -> Any:
    return batched_type(words, make.draw.block, make.draw.dtype)


def _called(*given: Array, form: Form, derived_by: Sequence[int], make: _AtRunTime) -> Array:
    words = given[0]

    def stacked(*given: Array) -> Array:
        return jnp.stack(halves_of(words_from(given, derived_by), form))

    for _ in range(words.ndim - 1):
        stacked = jax.vmap(stacked)
    kind = jax.ShapeDtypeStruct(words.shape[:-1] + make.draw.block, numpy_dtype(make.draw.dtype))
    return jax.pure_callback(make, kind, stacked(*given))


def _by_kernels(words: Array, *, seed: NDArray[np.int64], make: _AtRunTime) -> Array:
    """Make small orthogonal matrices whole, in the logical order of axes; return the block of the draw, rounded."""
    draw, haar = make.draw, make.distribution
    assert isinstance(haar, Haar)
    dtype = draw.dtype if draw.dtype in COMPLEX else working_dtype(draw.dtype)
    kind = jax.ShapeDtypeStruct(words.shape[:-1] + tuple(draw.shape[axis] for axis in draw.order), numpy_dtype(dtype))
    whole = jax.ffi.ffi_call(foreign.TARGET, kind)(words, seed=seed, orthogonal=foreign.matrix_fields(haar, draw))
    batch = words.ndim - 1
    places = [*range(batch), *(batch + int(axis) for axis in np.argsort(draw.order))]
    block = whole.transpose(places)[(..., *draw.slices)]
    return block if dtype == draw.dtype else rounded(block, draw.dtype)


def _lowered(
    context: Any, words: Any, *first: Any, derived_by: tuple[int, ...], make: _AtRunTime, **static: Any
) -> Any:
    if context.module_context.lowering_parameters.for_export:
        raise ValueError(
            f"oneseed computes the distribution {make.distribution.name!r} on the host, by a call that jax.export "
            "cannot store. Draw it outside of the exported function and pass it as an argument, or give its "
            "initializer an integer as seed, so that the values themselves are stored. Received: a seed that the "
            "exported function computes"
        )
    call = partial(_called, derived_by=() if first else derived_by, make=make, **static)
    return _on_each_device(context, words, context.avals_in[0], call)


def _lowered_for_cpus(
    context: Any, *given: Any, form: Form, derived_by: tuple[int, ...], make: _AtRunTime, **static: Any
) -> Any:
    haar = make.distribution
    small = isinstance(haar, Haar) and is_small(haar.rows, haar.columns, make.draw.dtype)
    if context.module_context.lowering_parameters.for_export or not small or not foreign.registered():
        return _lowered(context, *given, form=form, derived_by=derived_by, make=make)
    call = partial(_by_kernels, seed=np.array([form, *derived_by], np.int64), make=make)
    return _on_each_device(context, given[-1], context.avals_in[-1], call)


def _on_each_device(context: Any, words: Any, given: Any, call: Callable[[Array], Array]) -> Any:
    axes = context.module_context.axis_context
    if not cuts(context) or not getattr(axes, "device_assignment", None):
        return mlir.lower_fun(call, multiple_results=False)(context.replace(avals_in=[given]), words)
    # Each device calls and keeps its part. A callback of the first one alone would go through all of them whole.
    call = jax.shard_map(call, mesh=_mesh(axes), in_specs=PartitionSpec(), out_specs=PartitionSpec(), check_vma=False)
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


def _batched(
    given: Sequence[Array], axes: Sequence[int], form: Form, derived_by: tuple[int, ...], make: _AtRunTime
) -> tuple[Array, int]:
    given, derived_by = batched(given, axes, form, derived_by)
    return host_draw_p.bind(*given, form=form, derived_by=derived_by, make=make), 0


host_draw_p.def_abstract_eval(_type)
host_draw_p.def_impl(_called)
mlir.register_lowering(host_draw_p, _lowered)
mlir.register_lowering(host_draw_p, _lowered_for_cpus, platform="cpu")
batching.primitive_batchers[host_draw_p] = _batched
