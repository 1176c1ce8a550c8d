"""The arguments of an initializer's call, checked, and the checks that initializers of one kind of dtype share."""

from typing import Any

from oneseed import checks, settings
from oneseed.checks import Shape, shown
from oneseed.distributions import Complex, Fill, Integers, Normal, Structured, TruncatedNormal, Uniform
from oneseed.draws import Distribution
from oneseed.dtypes import FLOATS, INEXACT, INTEGERS, numpy_dtype
from oneseed.fans import Layout, layout_of
from oneseed.seeds import SeedGenerator
from oneseed.stream.paths import Path, as_path

DRAWN = Normal, Uniform, TruncatedNormal, Fill, Structured, Integers, Complex
"""The distributions that a backend can draw."""


def check_float(dtype: str) -> None:
    """Refuse dtypes that are not floats."""
    if dtype not in FLOATS:
        raise ValueError(
            f"`dtype` must be a float dtype for this initializer, one of {', '.join(FLOATS)}. "
            f"Received: dtype={shown(dtype)}"
        )


def check_real(dtype: str) -> None:
    """Refuse dtypes that are neither floats nor integers."""
    if dtype not in FLOATS + INTEGERS:
        raise ValueError(
            f"`dtype` must be a float or integer dtype, one of {', '.join(sorted(FLOATS + INTEGERS))}. "
            f"Received: dtype={shown(dtype)}"
        )


def checked_call(
    shape: Any, dtype: str, axes: Any, path: Any, partition_shape: Any, partition_offset: Any
) -> tuple[Shape, Layout | None, Path, Shape, Shape]:
    """Check the arguments of a call; return the shape, the layout, the path, and a block's offset and shape."""
    whole = checks.shape(shape)
    layout = layout_of(whole, axes)
    parts = as_path(path)
    offset, block = _block(whole, partition_shape, partition_offset)
    if checks.span(block) * numpy_dtype(dtype).itemsize >= checks.MAX_SIZE:
        argument = "shape" if partition_shape is None else "partition_shape"
        raise ValueError(
            f"`{argument}` must have fewer than 2**63 bytes, in {dtype}; ask for a smaller block. "
            f"Received: {argument}={block}"
        )
    return whole, layout, parts, offset, block


def check_inexact(dtype: str) -> None:
    """Refuse dtypes that are neither float nor complex."""
    if dtype not in INEXACT:
        raise ValueError(
            "`dtype` must be a float or complex dtype for this initializer, one of "
            f"{', '.join(sorted(INEXACT))}. Received: dtype={shown(dtype)}"
        )


def check_distribution(kind: str, distribution: Any) -> None:
    """Refuse what a class of initializers returns in place of a distribution that backends know."""
    if not isinstance(distribution, DRAWN):
        raise TypeError(
            f"`distribution_for` of {kind} must return a distribution of oneseed.distributions, or of a subclass of "
            f"Structured. Received: {shown(distribution)}"
        )


def check_seeded(kind: str, distribution: Distribution, seed: int | SeedGenerator | None) -> None:
    """Refuse random values of an initializer without a seed."""
    if seed is None and distribution.random:
        raise TypeError(
            f"{kind} must have a seed for the distribution {distribution.name!r}: derive the class "
            "from oneseed.initializers.RandomInitializer, and call super().__init__(seed). Received: seed=None"
        )


def check_native(dtype: str, seed: Any, **arguments: Any) -> None:
    """Refuse what Keras's own draws do not have."""
    if not (seed is None or isinstance(seed, SeedGenerator)) and not (hasattr(seed, "__index__") and seed < 2**32):
        raise ValueError(
            f"`seed` must be an integer in [0, 2**32) or a SeedGenerator, with rng='native'. "
            f"Received: seed={shown(seed)}"
        )
    for argument, value in arguments.items():
        if value is not None:
            raise ValueError(
                f"`{argument}` must be None with rng='native', which draws as Keras does; use rng='portable'. "
                f"Received: {argument}={shown(value)}"
            )
    if dtype not in settings.FLOATX:
        raise ValueError(
            f"`dtype` must be a float dtype, one of {', '.join(settings.FLOATX)}, with rng='native': Keras "
            f"draws no others; use rng='portable'. Received: dtype={shown(dtype)}"
        )


def _block(shape: Shape, partition_shape: Any, partition_offset: Any) -> tuple[Shape, Shape]:
    """Check a block and return its offset and shape."""
    if partition_shape is None and partition_offset is None:
        return (0,) * len(shape), shape
    if partition_shape is None or partition_offset is None:
        raise ValueError(
            "`partition_shape` and `partition_offset` must be given together. Received: "
            f"partition_shape={shown(partition_shape)}, partition_offset={shown(partition_offset)}"
        )
    block = checks.shape(partition_shape, "partition_shape")
    offset = checks.counts(partition_offset, "partition_offset")
    fits = len(block) == len(offset) == len(shape) and all(
        at + size <= extent for at, size, extent in zip(offset, block, shape, strict=True)
    )
    if not fits:
        raise ValueError(
            f"`partition_offset` + `partition_shape` must lie within the shape {shape}, on every axis. "
            f"Received: partition_shape={shown(partition_shape)}, partition_offset={shown(partition_offset)}"
        )
    return offset, block


def check_in_keras(name: str, distribution: Distribution, seeded: bool) -> None:
    """Refuse distributions that Keras does not have, for its own numbers are asked for."""
    if any(part.seed is not None for draw in distribution.draws for part in draw.leaves):
        raise ValueError(
            f"`rng` must be 'portable' for {name}, whose parts draw on streams of their own. Received: rng='native'"
        )
    if seeded and not distribution.in_keras:
        raise ValueError(
            f"`rng` must be 'portable' for this distribution, {distribution.name!r}: with 'native' the draws are "
            "Keras's, which does not have it. Received: rng='native'"
        )
