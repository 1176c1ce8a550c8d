"""What all functions share: from the arguments to the values in the tensor's memory."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch

from oneseed import checks, config, seeds
from oneseed.distributions import Structured
from oneseed.draws import Draw
from oneseed.dtypes import dtype_name
from oneseed.initializers.base import RandomInitializer
from oneseed.seeds import SeedGenerator
from oneseed.stream.paths import Part, as_path
from oneseed_torch.filling import check_memory, fill_, has_no_values
from oneseed_torch.shards import count_change, is_distributed, local_parts
from oneseed_torch.tracing import step_out

Tensor = Any
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
    draw = initializer._draw(shape, dtype_name(tensor.dtype), layout, path, None, None, advance=not empty)
    if empty:
        return tensor
    return write(draw, tensor, parts)


def parts_to_write(tensor: Tensor) -> list[tuple[Tensor, checks.Shape]]:
    """Return what `write` takes of a tensor: its parts on this rank; none of one whose class knows where values lie."""
    return [] if is_wrapper(tensor) else list(local_parts(tensor))


def write(draw: Draw, tensor: Tensor, parts: list[tuple[Tensor, checks.Shape]]) -> Tensor:
    """Fill each part of a tensor with the same part of a whole draw, and return the tensor."""
    if is_wrapper(tensor):
        made = torch.empty(draw.shape, dtype=tensor.dtype, device=tensor.device)
        with torch.no_grad():
            return tensor.copy_(fill_(draw, made))
    if isinstance(draw.distribution, Structured) and len(parts) > 1:
        # Made whole for any block, perhaps: so only once.
        whole = torch.empty(draw.shape, dtype=tensor.dtype, device="cpu")
        fill_(draw, whole)
        with torch.no_grad():
            for part, at in parts:
                cuts = tuple(slice(start, start + size) for start, size in zip(at, part.shape, strict=True))
                part.copy_(whole[cuts])
    else:
        for part, at in parts:
            fill_(draw._replace(offset=at, block=tuple(part.shape)), part)
    count_change(tensor)
    return tensor


def shape_of(tensor: Any) -> checks.Shape:
    """Check what is to be filled and return its shape; what every function does first."""
    step_out()
    if not isinstance(tensor, torch.Tensor):
        raise TypeError(f"`tensor` must be a torch.Tensor. Received: tensor={tensor!r}")
    if torch.nn.parameter.is_lazy(tensor):
        raise ValueError(
            "`tensor` must have a shape; that of a lazy module's parameter is known after its first call. "
            f"Received: tensor={tensor!r}"
        )
    if tensor.layout != torch.strided:
        raise ValueError(f"`tensor` must be dense. Received: a tensor of layout {tensor.layout}")
    check_memory(tensor)
    return tuple(tensor.shape)


def layout_of_weights(rank: int) -> str | None:
    """Return the pattern of PyTorch's weights, outputs before inputs before spatial axes; None below two axes."""
    return None if rank < 2 else " ".join(["o", "i", *(f"s{number}" for number in range(rank - 2))])


def no_values(tensor: Tensor) -> bool:
    """Tell whether a tensor is on the meta device or fake, also as the local part of a DTensor."""
    if is_distributed(tensor):
        with torch.no_grad():
            return has_no_values(tensor.to_local())
    return has_no_values(tensor)


def is_wrapper(tensor: Tensor) -> bool:
    """Tell whether a tensor's values lie in other tensors, in a way that its own class knows."""
    handler = type(tensor).__torch_dispatch__
    return handler is not torch.Tensor.__torch_dispatch__ and not is_distributed(tensor)


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
