"""What all initializers share: the call, the checks before it, the configuration."""

import inspect
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple, Self

from oneseed import checks, config, registry, seeds
from oneseed.checks import Shape
from oneseed.distributions import Distribution, Fill, Structured
from oneseed.draws import Draw
from oneseed.dtypes import COMPLEX, FLOATS, INTEGERS, dtype_name, numpy_dtype
from oneseed.fans import Layout, fans, layout_of
from oneseed.seeds import SeedGenerator
from oneseed.stream.paths import Part, Path, as_path

Tensor = Any

CHECKED = Fill, Structured
"""The distributions that know which dtypes hold their values."""

AS_GIVEN = tuple(range(checks.MAX_RANK))
"""The order of the axes of a tensor without a layout."""


class Target(NamedTuple):
    """The whole tensor that a distribution is for, checked."""

    shape: Shape
    dtype: str
    layout: Layout | None
    fan_in: int
    fan_out: int


class Initializer:
    """Base class of all initializers: from a shape to a tensor.

    A custom initializer overrides ``__call__(shape, dtype=None)``, and `get_config` if it takes
    arguments; `from_config` needs no writing when the keys are the constructor's arguments. It then works
    wherever a built-in one does.

    Examples
    --------
    >>> import numpy as np
    >>> import oneseed
    >>> class Checkers(oneseed.initializers.Initializer):
    ...     def __init__(self, period):
    ...         self.period = period
    ...
    ...     def __call__(self, shape, dtype=None):
    ...         return (np.indices(shape).sum(0) % self.period).astype(dtype or oneseed.floatx())
    ...
    ...     def get_config(self):
    ...         return {"period": self.period}
    >>> Checkers(2).clone()((2, 3))
    array([[0., 1., 0.],
           [1., 0., 1.]], dtype=float32)
    """

    seed: int | SeedGenerator | None = None
    dtype: Any = None
    """What a dtype of None means at a call; None is `oneseed.floatx`."""

    def __call__(
        self,
        shape: Sequence[int],
        dtype: Any = None,
        *,
        axes: str | None = None,
        path: str | Sequence[Part] | None = None,
        backend: str | None = None,
        device: Any = None,
        partition_shape: Sequence[int] | None = None,
        partition_offset: Sequence[int] | None = None,
    ) -> Tensor:
        """Make a tensor.

        Parameters
        ----------
        shape : sequence of int
            The shape of the whole tensor; sizes may be 0, and ``()`` is a scalar.
        dtype : str or dtype, optional
            The dtype, named in any framework's way. None is `oneseed.floatx`.
        axes : str, optional
            Names of the axes, such as "h w i o" or "o i": names that begin with ``i`` are inputs, with ``o``
            outputs, with ``e``, ``b`` or ``g`` batch axes, all others spatial. They decide the fans and the
            logical order of the elements. None means Keras's rules.
        path : str or sequence of str and int, optional
            The parameter's name: each path has a stream of its own.
        backend : str, optional
            The backend; None is the one in force.
        device : object, optional
            The device in the framework's own terms; None is the framework's default.
        partition_shape, partition_offset : sequence of int, optional
            Ask for a block of the whole tensor, by its shape and its first element. Both or neither.

        Returns
        -------
        tensor
            The framework's own tensor, of shape `partition_shape` if that is given, else `shape`.

        Raises
        ------
        TypeError
            If an argument is of the wrong type.
        ValueError
            If one is out of range, malformed, or does not fit the others.
        ImportError
            If the backend's framework is not installed.
        """
        engine = registry.load(config.backend() if backend is None else backend)
        where = engine.device(device)
        name = dtype_name(self.dtype if dtype is None else dtype)
        engine.check_dtype(name)
        draw = self._draw(shape, name, axes, path, partition_shape, partition_offset, advance=True)
        return engine.draw(draw, where)

    def describe(
        self,
        shape: Sequence[int],
        dtype: Any = None,
        axes: str | None = None,
        path: str | Sequence[Part] | None = None,
        partition_shape: Sequence[int] | None = None,
        partition_offset: Sequence[int] | None = None,
    ) -> Draw:
        """Return what a call with the same arguments would draw, without drawing.

        Parameters
        ----------
        shape : sequence of int
            The shape of the whole tensor.
        dtype : str or dtype, optional
            The dtype.
        axes : str, optional
            Names of the axes.
        path : str or sequence of str and int, optional
            The parameter's name.
        partition_shape, partition_offset : sequence of int, optional
            A block of the whole tensor.

        Returns
        -------
        Draw
            The distribution with its numbers, the fans, the dtype and the address.

        Raises
        ------
        TypeError
            If an argument is of the wrong type.
        ValueError
            If one is out of range, malformed, or does not fit the others.

        Examples
        --------
        >>> import oneseed
        >>> draw = oneseed.initializers.HeUniform(seed=7).describe((3, 3, 64, 128))
        >>> draw.fan_in, draw.distribution
        (576, Uniform(low=-0.10206207261596575, high=0.10206207261596575))
        """
        name = dtype_name(self.dtype if dtype is None else dtype)
        return self._draw(shape, name, axes, path, partition_shape, partition_offset, advance=False)

    def _draw(
        self,
        shape: Any,
        name: str,
        axes: Any,
        path: Any,
        partition_shape: Any,
        partition_offset: Any,
        advance: bool | seeds.Ahead,
    ) -> Draw:
        whole, layout, parts, offset, block = checked_call(shape, name, axes, path, partition_shape, partition_offset)
        rng = config.rng()
        if rng == "native" and self.seed is not None:
            given = getattr(self, "_given", None)
            _check_native(name, given, axes=axes, path=path, partition_shape=partition_shape)
        fan_in, fan_out = self._fans(whole, layout)
        order = layout.order if layout else AS_GIVEN[: len(whole)]
        distribution = self._distribution(Target(whole, name, layout, fan_in, fan_out))
        if rng == "native" and self.seed is not None and not distribution.in_keras:
            raise ValueError(
                f"`rng` must be 'portable' for this distribution, {distribution.name!r}: with 'native' the draws are "
                "Keras's, which has none such. Received: rng='native'"
            )
        # All that can be refused has been, once the distribution is checked: a refused draw must not be counted.
        if isinstance(distribution, CHECKED):
            distribution.check(name)
        seed = None
        if self.seed is not None:
            seed, parts = seeds.address(self.seed, parts, advance)
        return Draw(distribution, whole, name, seed, parts, order, fan_in, fan_out, offset, block, rng)

    def _fans(self, shape: Shape, layout: Layout | None) -> tuple[int, int]:
        return fans(shape, layout)

    def _distribution(self, target: Target) -> Distribution:
        """Return the distribution for a tensor: the one thing a built-in initializer decides."""
        raise NotImplementedError(
            f"{type(self).__name__} must override `__call__(shape, dtype=None)`, as initializers do."
        )

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments.

        Returns
        -------
        dict
            Plain data from which `from_config` builds an equal initializer.
        """
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Build an initializer from its configuration.

        Parameters
        ----------
        config : dict
            As from `get_config`. A "dtype", which Keras 1 and 2 stored, is read past.

        Returns
        -------
        Initializer
            A new initializer. One without a seed draws a new one.

        Raises
        ------
        TypeError
            If `config` is not a dict.
        ValueError
            If it has keys that the constructor does not know, or lacks some that it needs.

        Examples
        --------
        >>> import oneseed
        >>> init = oneseed.initializers.RandomUniform(-1, 1, seed=3)
        >>> oneseed.initializers.RandomUniform.from_config(init.get_config()).get_config()
        {'seed': 3, 'minval': -1, 'maxval': 1}
        """
        if not isinstance(config, dict):
            raise TypeError(f"`config` must be a dict. Received: config={config!r}")
        known = inspect.signature(cls).parameters
        if any(parameter.kind is parameter.VAR_KEYWORD for parameter in known.values()):
            return cls(**config)
        arguments = {key: value for key, value in config.items() if key != "dtype" or key in known}
        for key in arguments:
            if key not in known:
                accepted = ", ".join(map(repr, sorted(known))) or "none"
                raise ValueError(
                    f"The configuration of {cls.__name__} must have no keys but its arguments: {accepted}."
                    f"{checks.nearest(str(key), known)} Received: config={config!r}"
                )
        if missing := [key for key in required(cls) if key not in arguments]:  # type: ignore[arg-type]
            raise ValueError(
                f"The configuration of {cls.__name__} must have the keys {', '.join(map(repr, missing))} too. "
                f"Received: config={config!r}"
            )
        return cls(**arguments)

    def clone(self) -> Self:
        """Return a new initializer of the same configuration.

        Returns
        -------
        Initializer
            An int seed is kept; a SeedGenerator starts anew; without a seed a new one is drawn.
        """
        return self.from_config(self.get_config())

    def __repr__(self) -> str:
        """Show the configuration."""
        arguments = ", ".join(f"{key}={value!r}" for key, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"


class RandomInitializer(Initializer):
    """What initializers with a seed share."""

    seed: int | SeedGenerator

    def __init__(self, seed: int | SeedGenerator | None = None) -> None:
        self._given = seed
        self.seed = seeds.resolve(seed)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments; a seed of None stays None."""
        given = self._given
        if isinstance(given, SeedGenerator):
            from oneseed.initializers.serialization import serialize_seed

            return {"seed": serialize_seed(given)}
        if seeds.is_framework_seed(given):
            raise TypeError(f"A framework's own seed cannot be stored; give an int as `seed`. Received: seed={given!r}")
        return {"seed": None if given is None else int(given)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Build an initializer from its configuration; a serialized SeedGenerator is rebuilt."""
        if isinstance(config, dict) and isinstance(config.get("seed"), dict):
            from oneseed.initializers.serialization import deserialize_seed

            config = {**config, "seed": deserialize_seed(config["seed"])}
        return super().from_config(config)


@cache
def required(cls: type) -> tuple[str, ...]:
    """Return the names of the constructor's arguments that have no default."""
    return tuple(
        name
        for name, parameter in inspect.signature(cls).parameters.items()
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    )


def check_float(dtype: str) -> None:
    """Refuse dtypes that are no floats."""
    if dtype not in FLOATS:
        raise ValueError(
            f"`dtype` must be a float dtype for this initializer, one of {', '.join(FLOATS)}. Received: dtype={dtype!r}"
        )


def check_real(dtype: str) -> None:
    """Refuse dtypes that are neither floats nor integers."""
    if dtype not in FLOATS + INTEGERS:
        raise ValueError(
            f"`dtype` must be a float or integer dtype, one of {', '.join(sorted(FLOATS + INTEGERS))}. "
            f"Received: dtype={dtype!r}"
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
    if dtype not in FLOATS + COMPLEX:
        raise ValueError(
            "`dtype` must be a float or complex dtype for this initializer, one of "
            f"{', '.join(sorted(FLOATS + COMPLEX))}. Received: dtype={dtype!r}"
        )


def _check_native(dtype: str, seed: Any, **arguments: Any) -> None:
    """Refuse what Keras's own draws do not have."""
    if not (seed is None or isinstance(seed, SeedGenerator)) and not (hasattr(seed, "__index__") and seed < 2**32):
        raise ValueError(
            f"`seed` must be an integer in [0, 2**32) or a SeedGenerator, with rng='native'. Received: seed={seed!r}"
        )
    for argument, value in arguments.items():
        if value is not None:
            raise ValueError(
                f"`{argument}` must be None with rng='native', which draws as Keras does; use rng='portable'. "
                f"Received: {argument}={value!r}"
            )
    if dtype not in config.FLOATX:
        raise ValueError(
            f"`dtype` must be a float dtype, one of {', '.join(config.FLOATX)}, with rng='native': Keras "
            f"draws no others; use rng='portable'. Received: dtype={dtype!r}"
        )


def _block(shape: Shape, partition_shape: Any, partition_offset: Any) -> tuple[Shape, Shape]:
    """Check a block and return its offset and shape."""
    if partition_shape is None and partition_offset is None:
        return (0,) * len(shape), shape
    if partition_shape is None or partition_offset is None:
        raise ValueError(
            "`partition_shape` and `partition_offset` must be given together. Received: "
            f"partition_shape={partition_shape!r}, partition_offset={partition_offset!r}"
        )
    block = checks.shape(partition_shape, "partition_shape")
    offset = checks.counts(partition_offset, "partition_offset")
    fits = len(block) == len(offset) == len(shape) and all(
        at + size <= extent for at, size, extent in zip(offset, block, shape, strict=True)
    )
    if not fits:
        raise ValueError(
            f"`partition_offset` + `partition_shape` must lie within the shape {shape}, on every axis. "
            f"Received: partition_shape={partition_shape!r}, partition_offset={partition_offset!r}"
        )
    return offset, block
