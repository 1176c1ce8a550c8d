"""Draws in programs for several devices: each makes its part of the tensors, whatever XLA's partitioner decides.

A draw is then a call whose configuration is all that is static of it, as text. The partitioner asks what it is on one
device, and gets a call of the kernels. No pointer is in the program, so that JAX's persistent cache knows it again.
"""

import json
from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import jax
import numpy as np
from jax.extend.mlir import ir
from jax.extend.mlir.dialects import stablehlo
from numpy.typing import NDArray

from oneseed.checks import Shape
from oneseed_jax.drawing.foreign import FIRST, STEPS, TARGET, Call, once, unusable

PARTITIONED = "oneseed_partitioned_draw"
"""The name of the call that the partitioner replaces."""


@once
def registered() -> bool:
    """Tell whether the partitioner knows the call, after having introduced it; where that fails, say why."""
    try:
        from jaxlib import xla_client

        xla_client.register_custom_call_partitioner(PARTITIONED, _as_used, _on_one_device, _as_given, True)
    except Exception as error:  # of whatever kind: the program can be compiled without
        unusable("XLA does not let oneseed cut its draws", error)
        return False
    return True


def lowered(context: Any, words: Any, call: Call) -> Any:
    """Return the results of a call that the partitioner replaces, for the lowering of JAX."""
    (given,) = context.avals_in
    pairs = list(zip(context.avals_out, call.draws, strict=True))
    # Seeds and results are cut alike along batch axes, which one result alone can decide.
    groups = [[pair] for pair in pairs] if given.ndim > 1 else [pairs]
    return [value for group in groups for value in _call(words, given, group, call.seed)]


def _call(words: Any, given: Any, group: Sequence[tuple[Any, Sequence[int]]], seed: Sequence[int]) -> Any:
    shapes = [aval.shape for aval, _ in group]
    configuration = {"batch": given.ndim - 1, "seed": seed, "draws": [fields for _, fields in group]}
    operation = stablehlo.CustomCallOp(
        [ir.Type.parse(_type(aval.shape, aval.dtype)) for aval, _ in group],
        [words],
        call_target_name=ir.StringAttr.get(PARTITIONED),
        has_side_effect=ir.BoolAttr.get(False),
        api_version=ir.IntegerAttr.get(ir.IntegerType.get_signless(32), 2),
        called_computations=ir.ArrayAttr.get([]),
        backend_config=ir.StringAttr.get(json.dumps(configuration)),
    )
    if jax.config.jax_use_shardy_partitioner:
        operation.attributes["sdy.sharding_rule"] = ir.Attribute.parse(_rule(given.shape, shapes))
    return operation.results


def _rule(words: Shape, results: Sequence[Shape]) -> str:
    """Return how operand and results are cut, for Shardy: along batch axes together, along others freely."""
    batch = len(words) - 1
    sizes = [*words]
    places = []
    for shape in results:
        own = range(len(sizes), len(sizes) + len(shape) - batch)
        places.append([*range(batch), *own])
        sizes += shape[batch:]

    def factors(numbers: Sequence[int]) -> str:
        return f"[{', '.join(_factor(number) for number in numbers)}]"

    known = ", ".join(f"{_factor(number)}={size}" for number, size in enumerate(sizes))
    return (
        f"#sdy.op_sharding_rule<({factors(range(batch + 1))})->({', '.join(map(factors, places))}) {{{known}}} "
        f"need_replication={{{_factor(batch)}}}, custom>"
    )


def _factor(number: int) -> str:
    """Return Shardy's name of a factor: a letter from i to z, then z_1, z_2, ..."""
    letters = ord("z") - ord("i")
    return chr(ord("i") + number) if number <= letters else f"z_{number - letters}"


# What the partitioner asks --------------------------------------------------------------------------------------------


def _as_used(sharding: Any, shape: Any, configuration: bytes) -> Any:
    """Return the sharding for results whose use asks for one: that."""
    return sharding


def _as_given(shapes: Any, shardings: Any, result: Any, configuration: bytes) -> Any:
    """Return the sharding of results of which the use does not say: whole ones."""
    from jaxlib.xla_client import HloSharding

    one = HloSharding.replicate()
    return HloSharding.tuple_sharding(result, [one] * len(result.tuple_shapes())) if result.is_tuple() else one


def _on_one_device(shapes: Any, shardings: Any, result: Any, sharding: Any, configuration: bytes) -> tuple[Any, ...]:
    """Return what the call is on each device: a program, and the shardings that it expects and gives."""
    given = json.loads(configuration)
    batch, call = given["batch"], Call(given["seed"], given["draws"])
    results = result.tuple_shapes() if result.is_tuple() else [result]
    cut = sharding.tuple_elements() if result.is_tuple() else [sharding]
    tiles = [_tiles(one, shape.dimensions()) for one, shape in zip(cut, results, strict=True)]
    firsts = [
        fields[FIRST] + starts[:, batch:] @ np.array(fields[STEPS:], np.int64)
        for fields, (_, starts) in zip(call.draws, tiles, strict=True)
    ]
    parts = max(map(len, firsts))
    attributes = call.attributes()
    if parts > 1:
        table = np.stack([np.broadcast_to(first, parts) for first in firsts], axis=1)
        attributes["firsts"] = table.reshape(-1)
    words = *tiles[0][0][:batch], shapes[0].dimensions()[-1]
    made = [(local, shape.numpy_dtype()) for (local, _), shape in zip(tiles, results, strict=True)]
    return _program(words, made, attributes).encode(), [_of_words(cut[0], batch, shardings[0])], sharding


def _tiles(sharding: Any, shape: Shape) -> tuple[Shape, NDArray[np.int64]]:
    """Return the shape of a device's part, and where in the tensor that of each device begins, shape (devices, axes).

    The last parts of an axis that does not divide reach beyond the tensor; XLA ignores what is there.
    """
    if not sharding.is_tiled():
        return tuple(shape), np.zeros((1, len(shape)), np.int64)
    cuts = sharding.tile_assignment_dimensions()
    local = tuple(-(-size // parts) for size, parts in zip(shape, cuts[: len(shape)], strict=True))
    devices = np.array(sharding.tile_assignment_devices())
    places = np.stack(np.unravel_index(np.arange(prod(cuts)), cuts), axis=1)[:, : len(shape)]
    starts = np.empty((len(devices), len(shape)), np.int64)
    starts[devices] = places * np.array(local, np.int64)
    return local, starts


def _of_words(sharding: Any, batch: int, given: Any) -> Any:
    """Return the sharding of the seeds: along batch axes as the result is cut, else a copy for each device."""
    from jaxlib.xla_client import HloSharding, OpSharding

    if not sharding.is_tiled():
        return given if given.is_replicated() else HloSharding.replicate()
    cuts, kinds = sharding.tile_assignment_dimensions(), list(sharding.subgroup_types())
    if sharding.replicate_on_last_tile_dim() and not kinds:
        kinds = [OpSharding.Type.REPLICATED]
    axes = len(cuts) - len(kinds)
    order = np.array(sharding.tile_assignment_devices(), np.int64)
    order = order.reshape(*cuts[:batch], 1, prod(cuts[batch:axes]), *cuts[axes:])
    return HloSharding.subgroup_with_device_ordering(order, subgroup_types=[OpSharding.Type.REPLICATED, *kinds])


_TYPES = {
    "float64": "f64",
    "float32": "f32",
    "float16": "f16",
    "bfloat16": "bf16",
    "float8_e4m3fn": "f8E4M3FN",
    "float8_e5m2": "f8E5M2",
    **{f"int{bits}": f"i{bits}" for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": f"ui{bits}" for bits in (8, 16, 32, 64)},
}
"""MLIR's names of the dtypes."""


def _type(shape: Shape, dtype: Any) -> str:
    return f"tensor<{''.join(f'{size}x' for size in shape)}{_TYPES[dtype.name]}>"


def _program(words: Shape, results: Sequence[tuple[Shape, Any]], attributes: Mapping[str, NDArray[np.int64]]) -> str:
    """Return the program of a device, which calls the kernels, with its number unless all make the same."""
    operands = {"%words": (words, np.dtype("uint32"))}
    asked = ""
    if "firsts" in attributes:
        operands["%part"] = (), np.dtype("uint32")
        asked = "%part = stablehlo.partition_id : tensor<ui32>"
    given = ", ".join(_type(*operand) for operand in operands.values())
    many = ", ".join(_type(*made) for made in results)
    values = "%values" if len(results) == 1 else ", ".join(f"%values#{number}" for number in range(len(results)))
    bound = "%values" if len(results) == 1 else f"%values:{len(results)}"
    return f"""module @draw {{
  func.func public @main(%words: {_type(*operands["%words"])}) -> ({many}) {{
    {asked}
    {bound} = stablehlo.custom_call @{TARGET}({", ".join(operands)}) {{
      api_version = 4 : i32,
      backend_config = {{{", ".join(f"{name} = {_array(array)}" for name, array in attributes.items())}}},
      operand_layouts = [{", ".join(_layout(len(shape)) for shape, _ in operands.values())}],
      result_layouts = [{", ".join(_layout(len(shape)) for shape, _ in results)}]
    }} : ({given}) -> ({many})
    return {values} : {many}
  }}
}}
"""


def _array(numbers: NDArray[np.int64]) -> str:
    return f"dense<{numbers.tolist()}> : tensor<{len(numbers)}xi64>"


def _layout(rank: int) -> str:
    """Return the row-major layout, the last axis first."""
    return f"dense<{list(reversed(range(rank))) if rank else ''}> : tensor<{rank}xindex>"
