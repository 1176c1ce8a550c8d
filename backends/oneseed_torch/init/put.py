"""What all functions share: from the arguments to the values in the tensor's memory."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch

from oneseed import config, seeds
from oneseed.dtypes import COMPLEX, FLOATS, dtype_name
from oneseed.initializers.base import RandomInitializer
from oneseed.seeds import SeedGenerator
from oneseed.stream.paths import Part, as_path
from oneseed_torch.drawing.recording import note
from oneseed_torch.drawing.shards import is_distributed
from oneseed_torch.drawing.writing import layout_of_weights, no_values, parts_to_write, shape_of, write

Tensor = Any
DRAWN = (*FLOATS, *COMPLEX)
Seed = int | SeedGenerator | None
PathLike = str | Sequence[Part] | None


def put(tensor: Tensor, make: Callable[..., RandomInitializer], seed: Seed, path: PathLike, axes: str | None) -> Tensor:
    """Draw into a tensor.

    Parameters
    ----------
    tensor : torch.Tensor
        The tensor. One that holds no values, on the meta device or fake, is left as it is, and nothing is counted.
    make : callable
        Builds the initializer; takes `seed`.
    seed : int, SeedGenerator or None
        The seed.
    path : str, sequence of str and int, or None
        The path.
    axes : str or None
        The layout; None is that of PyTorch's weights.

    Returns
    -------
    torch.Tensor
        `tensor` itself.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If one is malformed or out of range, or does not fit the tensor.
    """
    shape = shape_of(tensor)
    if config.rng() != "portable":
        raise ValueError(
            "oneseed_torch.init draws from the portable stream alone; give `generator` for PyTorch's own numbers. "
            f"Received: rng={config.rng()!r}"
        )
    if 0 in shape and str(tensor.dtype).removeprefix("torch.") not in DRAWN:
        return tensor  # as in PyTorch: where there is nothing to draw, any dtype holds it
    _check_shared(tensor, seed)
    empty = no_values(tensor)
    # Found before the draw is made: what is refused here must not be counted.
    parts = [] if empty else parts_to_write(tensor)
    initializer = make(seed=0 if empty and seed is None else seed)
    if not isinstance(initializer.seed, int | SeedGenerator):
        raise TypeError(
            f"`seed` must be an integer, a SeedGenerator or None for a new one. Received: seed={initializer.seed!r}"
        )
    layout = layout_of_weights(len(shape)) if axes is None else axes
    decide = initializer.describe if empty else initializer.next_draw
    draw = decide(shape, dtype_name(tensor.dtype), layout, path)
    if empty:
        note("draw", draw)
        return tensor
    written = write(draw, tensor, parts)
    return written


def _check_shared(tensor: Tensor, seed: Seed) -> None:
    """Refuse a seed that each rank would choose for itself."""
    given = seed.get_config()["seed"] if isinstance(seed, SeedGenerator) else seed
    if given is None and is_distributed(tensor) and tensor.device_mesh.size() > 1 and not seeds.chosen():
        raise ValueError(
            "`seed` must be given for a DTensor, the same on all ranks, or oneseed.set_random_seed be called on all of "
            f"them: without either each rank draws with a seed of its own. Received: seed={seed!r}"
        )


def from_generator(function: Callable[..., Tensor], generator: Any, **ours: Any) -> Callable[..., Tensor]:
    """Return PyTorch's own function, with its generator, where nothing of oneseed's is asked for as well."""
    if not isinstance(generator, torch.Generator):
        raise TypeError(f"`generator` must be a torch.Generator or None. Received: generator={generator!r}")
    for argument, value in ours.items():
        if value is not None:
            raise ValueError(
                f"`{argument}` must be None where `generator` is given, which asks for PyTorch's own numbers; leave "
                f"one of the two out. Received: {argument}={value!r}"
            )
    return partial(function, generator=generator)


def check_unused(seed: Seed, path: PathLike) -> None:
    """Check seed and path where nothing is drawn, without counting a draw."""
    if seed is not None:
        seeds.resolve(seed)
    as_path(path)
