"""Tensors that are computed as a whole, on the host, where the seed is known only when a program runs.

In a program for CPUs they are calls of the kernels, which make small orthogonal matrices and have Python make all else.
On other platforms, and where the kernels cannot be called, JAX's own callback calls Python.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax._src import dispatch
from jax.extend.core import Primitive
from jax.interpreters import batching, mlir
from jax.sharding import Mesh, PartitionSpec
from numpy.typing import NDArray

from oneseed.distributions import Haar
from oneseed.distributions.orthogonal import is_small
from oneseed.draws import Draw
from oneseed.dtypes import numpy_dtype, unrounded_dtype
from oneseed_jax.drawing import foreign
from oneseed_jax.drawing.arrays import rounded
from oneseed_jax.drawing.derivation import operands, words_from
from oneseed_jax.drawing.devices import batched_type, cuts
from oneseed_jax.drawing.keys import Form, halves_of
from oneseed_jax.drawing.makers import Maker, named
from oneseed_jax.drawing.primitives import run, run_batched

Array = Any


def computed(draw: Draw) -> Array:
    """Return the block of a draw from a structured distribution, with a traced seed.

    Parameters
    ----------
    draw : Draw
        The draw.

    Returns
    -------
    jax.Array of the draw's dtype, shape ``draw.block``
        The values, traced.
    """
    given, form, derived_by = operands(draw.seed)
    values: Array
    (values,) = host_draw_p.bind(*given, form=form, derived_by=derived_by, maker=Maker(draw))
    return values


host_draw_p = Primitive("oneseed_host_draw")
host_draw_p.multiple_results = True
dispatch.prim_requires_devices_during_lowering.add(host_draw_p)


def _types(words: Any, *first: Any, maker: Maker, **static: Any) -> list[Any]:
    return [batched_type(words, maker.draw.block, maker.draw.dtype)]


host_draw_p.def_abstract_eval(_types)
host_draw_p.def_impl(partial(run, host_draw_p))
batching.primitive_batchers[host_draw_p] = partial(run_batched, host_draw_p)


# Lowering -------------------------------------------------------------------------------------------------------------


def _kind(words: Array, maker: Maker) -> jax.ShapeDtypeStruct:
    """Return shape and dtype of the tensors for the seeds of which these are the words."""
    return jax.ShapeDtypeStruct(words.shape[:-1] + maker.draw.block, numpy_dtype(maker.draw.dtype))


def _by_callback(*given: Array, form: Form, derived_by: Sequence[int], maker: Maker) -> list[Array]:
    """Have JAX call Python, on any platform."""
    words = given[0]

    def stacked(*given: Array) -> Array:
        return jnp.stack(halves_of(words_from(given, derived_by), form))

    def make(halves: Any) -> NDArray[Any]:
        seeds = np.ascontiguousarray(halves).view(np.uint64)
        tensors = maker(seeds.reshape(-1))
        return np.stack(tensors).reshape(kind.shape) if tensors else np.empty(kind.shape, kind.dtype)

    for _ in range(words.ndim - 1):
        stacked = jax.vmap(stacked)
    kind = _kind(words, maker)
    return [jax.pure_callback(make, kind, stacked(*given))]


def _by_python(words: Array, *, seed: NDArray[np.int64], maker: Maker) -> list[Array]:
    """Have the kernels call Python."""
    return [jax.ffi.ffi_call(foreign.TARGET, _kind(words, maker))(words, seed=seed, computed=named(maker))]


def _by_kernels(words: Array, *, seed: NDArray[np.int64], maker: Maker) -> list[Array]:
    """Make small orthogonal matrices whole, in the logical order of axes; return the block of the draw, rounded."""
    draw, haar = maker.draw, maker.draw.distribution
    assert isinstance(haar, Haar)
    dtype = unrounded_dtype(draw.dtype)
    kind = jax.ShapeDtypeStruct(words.shape[:-1] + tuple(draw.shape[axis] for axis in draw.order), numpy_dtype(dtype))
    whole = jax.ffi.ffi_call(foreign.TARGET, kind)(words, seed=seed, orthogonal=foreign.matrix_fields(haar, draw))
    batch = words.ndim - 1
    places = [*range(batch), *(batch + int(axis) for axis in np.argsort(draw.order))]
    block = whole.transpose(places)[(..., *draw.slices)]
    return [block if dtype == draw.dtype else rounded(block, draw.dtype)]


def _lowered(context: Any, words: Any, *first: Any, derived_by: tuple[int, ...], maker: Maker, **static: Any) -> Any:
    if context.module_context.lowering_parameters.for_export:
        name = maker.draw.distribution.name
        raise ValueError(
            f"oneseed computes the distribution {name!r} on the host, by a call that jax.export "
            "cannot store. Draw it outside of the exported function and pass it as an argument, or give its "
            "initializer an integer as seed, so that the values themselves are stored. Received: a seed that the "
            "exported function computes"
        )
    call = partial(_by_callback, derived_by=() if first else derived_by, maker=maker, **static)
    return _on_each_device(context, words, context.avals_in[0], call)


def _lowered_for_cpus(
    context: Any, *given: Any, form: Form, derived_by: tuple[int, ...], maker: Maker, **static: Any
) -> Any:
    if context.module_context.lowering_parameters.for_export or not foreign.registered():
        return _lowered(context, *given, form=form, derived_by=derived_by, maker=maker, **static)
    haar = maker.draw.distribution
    small = isinstance(haar, Haar) and is_small(haar.rows, haar.columns, maker.draw.dtype)
    call = partial(_by_kernels if small else _by_python, seed=np.array([form, *derived_by], np.int64), maker=maker)
    return _on_each_device(context, given[-1], context.avals_in[-1], call)


def _on_each_device(context: Any, words: Any, given: Any, call: Callable[[Array], list[Array]]) -> Any:
    axes = context.module_context.axis_context
    mapped: frozenset[Any] = getattr(axes, "manual_axes", frozenset())
    if not cuts(context) or not (mapped or getattr(axes, "device_assignment", None)):
        return mlir.lower_fun(call, multiple_results=True)(context.replace(avals_in=[given]), words)
    # Each device calls and keeps its part. A callback of the first one alone would go through all of them whole.
    mesh, whole = jax.sharding.get_abstract_mesh() if mapped else _mesh(axes), PartitionSpec()
    left = set(mesh.axis_names) - mapped
    call = jax.shard_map(call, mesh=mesh, axis_names=left, in_specs=whole, out_specs=whole, check_vma=False)
    untyped = context.replace(avals_in=[jax.core.ShapedArray(given.shape, given.dtype)])
    return mlir.lower_fun(call, multiple_results=True)(untyped, words)


def _mesh(axes: Any) -> Mesh:
    """Return the mesh of a program: that in force, that of its shardings, or else one of all its devices."""
    in_force = jax.sharding.get_abstract_mesh()
    around = axes.abstract_mesh if in_force.empty else in_force
    devices = np.array(axes.device_assignment)
    if around is None:
        return Mesh(devices, ("devices",))
    return Mesh(devices.reshape(around.axis_sizes), around.axis_names, around.axis_types)


mlir.register_lowering(host_draw_p, _lowered)
mlir.register_lowering(host_draw_p, _lowered_for_cpus, platform="cpu")
