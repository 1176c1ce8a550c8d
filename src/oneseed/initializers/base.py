"""What all initializers share: the call, what is drawn by it, the configuration."""

from collections.abc import Sequence
from typing import Any, ClassVar, Self

from oneseed import registry, seeds, settings
from oneseed.checks import Shape, shown
from oneseed.composites import Called
from oneseed.draws import Distribution, Draw
from oneseed.dtypes import dtype_name
from oneseed.fans import Layout, fans
from oneseed.initializers import followed, plans
from oneseed.initializers.calls import check_distribution, check_in_keras, check_native, check_seeded, checked_call
from oneseed.initializers.configs import Configured
from oneseed.initializers.targets import AS_GIVEN, Call, Target
from oneseed.seeds import Ahead, SeedGenerator
from oneseed.stream.paths import Part

Tensor = Any


class Initializer(Configured):
    """Base class of all initializers: from a shape to a tensor.

    A custom initializer overrides `distribution_for`, which returns a distribution of `oneseed.distributions` for a
    tensor. All the rest then works as for the initializers of this package, which do the same: `axes`, `path`, blocks,
    dtypes, every backend, compiled functions, `describe`, schemes, and the initializers that are made of others. One
    with random values derives from `RandomInitializer`, which holds the seed.

    A class may override ``__call__(shape, dtype=None)`` instead, as in Keras. Then nothing is known of what it draws:
    seeds of schemes, axes and paths do not reach it.

    `get_config` is overridden if the constructor takes arguments; `from_config` needs no writing where the keys are the
    constructor's arguments.

    Examples
    --------
    >>> import numpy as np
    >>> import oneseed
    >>> from oneseed.distributions import Elementwise, Uniform
    >>> class Triangular(oneseed.initializers.RandomInitializer):
    ...     def __init__(self, width=1.0, seed=None):
    ...         super().__init__(seed)
    ...         self.width = width
    ...
    ...     def distribution_for(self, target):
    ...         limit = self.width / max(1, target.fan_in) ** 0.5
    ...         return Elementwise(Uniform(0.0, 1.0), lambda u: limit * np.sqrt(u), "triangular")
    ...
    ...     def get_config(self):
    ...         return {**super().get_config(), "width": self.width}
    >>> init = Triangular(2.0, seed=7)
    >>> bool((init((64, 8), axes="i o").T == init((8, 64), axes="o i")).all())
    True
    >>> init.clone()
    Triangular(seed=7, width=2.0)
    """

    seed: int | SeedGenerator | None = None
    dtype: Any = None
    """What a dtype of None means at a call; None is `oneseed.floatx`."""
    _axes: str | None = None
    """Names of the axes where a call gives none."""
    _path: Sequence[Part] | None = None
    """The path where a call gives none."""
    _describes: ClassVar[bool] = False
    """Whether a call draws what `describe` says."""
    _declared: ClassVar[bool] = False
    """Whether the class says so of its own `__call__`."""
    _repeats: ClassVar[bool] = False
    """Whether only its attributes, the call and the settings decide what an initializer with an int seed draws."""

    def __init_subclass__(cls, describes: bool = False, repeats: bool = False, **others: Any) -> None:
        """Note whether the class draws what it describes.

        Parameters
        ----------
        describes : bool
            Whether a class with a `__call__` of its own draws what `describe` says all the same.
        repeats : bool
            Whether nothing but the attributes, the call and the settings decides what is drawn with an int as the
            seed, and seed and path nothing but the values: a draw may then be kept for the next call, and for another
            seed. Subclasses that define more than a constructor must say so too.
        **others
            For other bases.
        """
        super().__init_subclass__(**others)
        cls._repeats = repeats or plans.inherits(cls)
        if "__call__" in vars(cls):
            cls._declared = bool(describes)
        own = next(base for base in cls.__mro__ if "__call__" in vars(base))
        known = cls.distribution_for is not Initializer.distribution_for
        cls._describes = known and (own is Initializer or vars(own).get("_declared", False))

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
        for reader, reads in registry.readers:
            if reads():
                given = shape, dtype, axes, path, backend, device, partition_shape, partition_offset
                return followed.made(reader, self, *given)
        set_ = settings.in_force()
        asked = self.dtype if dtype is None else dtype
        whole = device is None and partition_shape is None and partition_offset is None
        if whole:
            make = plans.recall(self, shape, asked, axes, path, backend, set_)
            if make is not None:
                return make()
        state = dict(self.__dict__)
        engine = registry.load(set_.backend if backend is None else backend)
        where = engine.device(device)
        name = dtype_name(asked)
        engine.check_dtype(name)
        call = Call(shape, name, axes, path, partition_shape, partition_offset, set_.rng, True)
        draw = self._draw(call)
        # What repeats the call makes the first one sooner, too.
        asked_for = shape, asked, axes, path, backend
        make = plans.keep(self, state, asked_for, set_, engine, draw) if whole and self._repeats else None
        return engine.draw(draw, where) if make is None else make()

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
        rng = settings.in_force().rng
        return self._described(Call(shape, name, axes, path, partition_shape, partition_offset, rng, False))

    def next_draw(
        self,
        shape: Sequence[int],
        dtype: Any = None,
        axes: str | None = None,
        path: str | Sequence[Part] | None = None,
        partition_shape: Sequence[int] | None = None,
        partition_offset: Sequence[int] | None = None,
    ) -> Draw:
        """Return what `describe` returns, and count it where the seed is a SeedGenerator: the caller will execute it.

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
            What a backend executes.

        Raises
        ------
        TypeError
            If an argument is of the wrong type.
        ValueError
            If one is out of range, malformed, or does not fit the others. Nothing is counted then.

        Examples
        --------
        >>> import oneseed
        >>> init = oneseed.initializers.HeUniform(seed=oneseed.SeedGenerator(7))
        >>> init.next_draw((3, 2)).path, init.next_draw((3, 2)).path
        ((0,), (1,))
        """
        name = dtype_name(self.dtype if dtype is None else dtype)
        rng = settings.in_force().rng
        return self._described(Call(shape, name, axes, path, partition_shape, partition_offset, rng, True))

    def fans_for(self, shape: Shape, layout: Layout | None) -> tuple[int, int]:
        """Return the fans of a tensor; override it where they are not those that the axes say.

        Parameters
        ----------
        shape : tuple of int
            The shape of the whole tensor.
        layout : Layout or None
            What `axes` says of it.

        Returns
        -------
        tuple of int
            ``(fan_in, fan_out)``.

        Examples
        --------
        >>> import oneseed
        >>> oneseed.initializers.HeNormal().fans_for((3, 3, 64, 128), None)
        (576, 1152)
        """
        return fans(shape, layout)

    def distribution_for(self, target: Target) -> Distribution:
        """Return the distribution for a tensor: the one thing that an initializer decides.

        Parameters
        ----------
        target : Target
            The tensor: ``target.shape``, ``target.dtype``, ``target.fan_in``, ``target.fan_out`` and more.

        Returns
        -------
        Distribution
            A distribution of `oneseed.distributions`, or a subclass of `oneseed.distributions.Structured`.

        Raises
        ------
        ValueError
            If there is none for this shape or dtype.

        Examples
        --------
        >>> import oneseed
        >>> from oneseed.distributions import Uniform
        >>> class Small(oneseed.initializers.RandomInitializer):
        ...     def distribution_for(self, target):
        ...         limit = 1 / max(1, target.fan_in)
        ...         return Uniform(-limit, limit)
        >>> Small(seed=7).describe((50, 10)).distribution
        Uniform(low=-0.02, high=0.02)
        """
        raise NotImplementedError(
            f"{type(self).__name__} must override `distribution_for(target)`, or `__call__(shape, dtype=None)`."
        )

    def _described(self, call: Call) -> Draw:
        """Return the draw of a call; of a class with a `__call__` of its own, that this is called for the tensor."""
        if self._describes or type(self).__call__ is Initializer.__call__:
            return self._draw(call)
        *given, _, _ = call
        shape, layout, parts, offset, block = checked_call(*given)
        order = layout.order if layout else AS_GIVEN[: len(shape)]
        return Draw(Called(self), shape, call.dtype, None, parts, order, *fans(shape, layout), offset, block)

    def _draw(self, call: Call) -> Draw:
        whole, name, axes, path, partition, first, rng, advance = call
        axes = self._axes if axes is None else axes
        path = self._path if path is None else path
        shape, layout, parts, offset, block = checked_call(whole, name, axes, path, partition, first)
        order = layout.order if layout else AS_GIVEN[: len(shape)]
        native = rng == "native" and self.seed is not None
        if native:
            check_native(name, getattr(self, "_given", None), axes=axes, path=path, partition_shape=partition)
        fan_in, fan_out = self.fans_for(shape, layout)
        ahead = advance if isinstance(advance, Ahead) else Ahead()
        target = Target(shape, name, layout, fan_in, fan_out, axes, parts, ahead)
        distribution = self.distribution_for(target)
        check_distribution(type(self).__name__, distribution)
        if rng == "native":
            check_in_keras(type(self).__name__, distribution, native)
        check_seeded(type(self).__name__, distribution, self.seed)
        # All that can be refused has been, once the distribution is checked: a refused draw must not be counted.
        distribution.check(name)
        if advance is True and ahead:
            distribution = self.distribution_for(target._replace(advance=True))
        seed = None
        if self.seed is not None:
            seed, parts = seeds.address(self.seed, parts, advance)
        return Draw(distribution, shape, name, seed, parts, order, fan_in, fan_out, offset, block, rng)


class RandomInitializer(Initializer):
    """Base class of initializers with a seed.

    Parameters
    ----------
    seed : int, SeedGenerator or None
        The seed; see the page "Seeds".

    Raises
    ------
    TypeError
        If `seed` is of another type.
    ValueError
        If it is out of range.

    Examples
    --------
    >>> import oneseed
    >>> from oneseed.distributions import Normal
    >>> class UnitNormal(oneseed.initializers.RandomInitializer):
    ...     def distribution_for(self, target):
    ...         return Normal(0.0, 1.0)
    >>> UnitNormal(seed=0)((2,))
    array([-0.25581595,  1.1775912 ], dtype=float32)
    """

    seed: int | SeedGenerator

    def __init__(self, seed: int | SeedGenerator | None = None) -> None:
        self._given = seed
        self.seed = seeds.resolve(seed)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments; a seed of None stays None."""
        given = self._given
        if isinstance(given, SeedGenerator):
            return {"seed": seeds.serialized(given)}
        if seeds.is_framework_seed(given):
            raise TypeError(
                f"A framework's own seed cannot be stored; give an int as `seed`. Received: seed={shown(given)}"
            )
        return {"seed": None if given is None else int(given)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Build an initializer from its configuration; a serialized SeedGenerator is rebuilt."""
        if isinstance(config, dict) and isinstance(config.get("seed"), dict):
            config = {**config, "seed": seeds.deserialized(config["seed"])}
        return super().from_config(config)
