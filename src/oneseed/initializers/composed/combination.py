"""Initializers made of others: added up, scaled, or with arguments of the call bound beforehand."""

from collections.abc import Sequence
from typing import Any

from oneseed import checks
from oneseed.checks import Shape
from oneseed.composites import Combination
from oneseed.draws import Distribution
from oneseed.dtypes import INTEGERS, dtype_name, unrounded_dtype
from oneseed.fans import Layout, parse
from oneseed.initializers.composed.composite import CompositeInitializer, check_on_host, resolved, several
from oneseed.initializers.known import known
from oneseed.initializers.serialization import serialize
from oneseed.initializers.targets import Target, describes
from oneseed.stream.paths import Part, as_path


class _Combined(CompositeInitializer):
    def _combine(self, parts: Sequence[tuple[Any, float, Part | None]], target: Target) -> Combination:
        dtype = target.dtype
        if dtype in INTEGERS or dtype == "bool":
            raise ValueError(
                f"`dtype` must be a float or complex dtype for this initializer. Received: dtype={dtype!r}"
            )
        # The terms are not rounded before they are added: a half is drawn as float32.
        wide = unrounded_dtype(dtype)
        draws = tuple(target.part(initializer, name=name, dtype=wide) for initializer, _, name in parts)
        check_on_host(draws, type(self).__name__)
        return Combination(draws, tuple(factor for _, factor, _ in parts))


@known(
    "sum",
    group="Made of others",
    formula="`w = w1 + w2 + ...`",
    use="A structure and noise, such as an identity that is not exact.",
    example="Sum([Identity(), RandomNormal(stddev=0.2, seed=7)])",
    shape=(24, 24),
)
class Sum(_Combined):
    """Add up tensors, such as an identity and noise.

    Each part is drawn at the path of the whole with its number behind it, so that equal initializers give different
    values. The parts are drawn in the dtype, halves in float32; they are added in float64 in their order, and the sum
    is rounded once to the dtype, halves by way of float32. It is computed on the host.

    Parameters
    ----------
    initializers : sequence of initializers
        The terms, at least one, or whatever `get` makes initializers of.

    Raises
    ------
    TypeError
        If an argument is of another type. At the call, if a term's seed is a framework's own.
    ValueError
        If there are no terms. At the call, if the dtype is neither a float nor complex, a term refuses the shape, or a
        sum is beyond the largest value of the dtype.

    References
    ----------
    Le, Jaitly and Hinton, "A simple way to initialize recurrent networks of rectified linear units", 2015, whose
    identities are the usual first term.

    Examples
    --------
    >>> import oneseed
    >>> noise = oneseed.initializers.RandomNormal(stddev=0.01, seed=7)
    >>> w = oneseed.initializers.Sum([oneseed.initializers.Identity(), noise])((4, 4))
    >>> bool((w.diagonal() > 0.9).all())
    True
    """

    def __init__(self, initializers: Sequence[Any]) -> None:
        self.initializers = several("initializers", initializers)

    def distribution_for(self, target: Target) -> Combination:
        """Return the terms' draws, added up."""
        return self._combine([(term, 1.0, number) for number, term in enumerate(self.initializers)], target)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments, the initializers as plain data."""
        return {"initializers": [serialize(initializer) for initializer in self.initializers]}


@known(
    "scaled",
    group="Made of others",
    formula="`w = factor * w1`",
    use="Rules of depth: what the layers of a deep network are multiplied with.",
    example="Scaled(Orthogonal(seed=7), 0.1)",
    shape=(24, 24),
)
class Scaled(_Combined):
    """Multiply what another initializer makes by `factor`; its variance by ``factor**2``.

    The values are those of `initializer` for the same call, halves in float32, times the factor in float64, rounded
    once to the dtype, halves by way of float32. It is computed on the host; where the scale can be given to the
    initializer itself, as to `VarianceScaling`, that is the faster way.

    Parameters
    ----------
    initializer : initializer
        What is scaled, or whatever `get` makes one of.
    factor : float or scalar tensor
        The factor.

    Raises
    ------
    TypeError
        If an argument is of another type. At the call, if the seed is a framework's own.
    ValueError
        If `factor` is NaN, infinite or not a scalar. At the call, if the dtype is neither a float nor complex, the
        initializer refuses the shape, or a product is beyond the largest value of the dtype.

    Examples
    --------
    >>> import oneseed
    >>> orthogonal = oneseed.initializers.Orthogonal(seed=7)
    >>> half = oneseed.initializers.Scaled(orthogonal, 0.5)
    >>> bool((half((4, 4)) == orthogonal((4, 4)) / 2).all())
    True
    """

    def __init__(self, initializer: Any, factor: Any) -> None:
        self.initializer = resolved("initializer", initializer)
        self.factor = checks.scalar("factor", factor)

    def distribution_for(self, target: Target) -> Combination:
        """Return the draw of the initializer, times the factor."""
        return self._combine([(self.initializer, float(self.factor), None)], target)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments, the initializer as plain data."""
        return {"initializer": serialize(self.initializer), "factor": self.factor}


@known(
    "partial",
    group="Made of others",
    formula="`w = w1` with `axes`, `dtype` and `path` given beforehand",
    use="Layers that call their initializers with a shape and a dtype alone.",
    example='Partial(Identity(shift=4), axes="o i")',
    shape=(24, 24),
)
class Partial(CompositeInitializer):
    """Bind arguments of the call beforehand, for callers that give a shape and a dtype only, such as layers.

    What the call itself gives takes precedence.

    Parameters
    ----------
    initializer : initializer
        An initializer that is told axes and path: a built-in one or one that overrides `distribution_for`, or whatever
        `get` makes one of.
    axes : str, optional
        Names of the axes.
    dtype : str or dtype, optional
        The dtype where the call gives none.
    path : str or sequence of str and int, optional
        The parameter's name.

    Raises
    ------
    TypeError
        If an argument is of another type, or `initializer` is a function, or a custom one with a `__call__` of its own.
    ValueError
        If `axes`, `dtype` or `path` is malformed.

    Examples
    --------
    >>> import oneseed
    >>> init = oneseed.initializers.Partial("he_normal", axes="o i h w")
    >>> init.describe((128, 64, 3, 3)).fan_in
    576
    """

    def __init__(
        self, initializer: Any, axes: str | None = None, dtype: Any = None, path: str | Sequence[Part] | None = None
    ) -> None:
        self.initializer = resolved("initializer", initializer)
        if not describes(self.initializer):
            raise TypeError(
                "`initializer` must take `axes` and `path`, as built-in ones do and those that override "
                "`distribution_for`; bind a function's arguments with "
                f"functools.partial. Received: initializer={initializer!r}"
            )
        if axes is not None:
            parse(axes)
        # What was bound before stays bound, unless it is bound again here.
        self.axes = self._axes = self.initializer._axes if axes is None else axes
        self.dtype = self.initializer.dtype if dtype is None else dtype_name(dtype)
        self.path = self._path = self.initializer._path if path is None else list(as_path(path))

    @property
    def seed(self) -> Any:  # type: ignore[override]
        """The seed of the initializer."""
        return self.initializer.seed

    @property
    def _given(self) -> Any:
        return getattr(self.initializer, "_given", None)

    def fans_for(self, shape: Shape, layout: Layout | None) -> tuple[int, int]:
        """Return the fans that the initializer sees."""
        found: tuple[int, int] = self.initializer.fans_for(shape, layout)
        return found

    def distribution_for(self, target: Target) -> Distribution:
        """Return the distribution of the initializer."""
        found: Distribution = self.initializer.distribution_for(target)
        return found

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments, the initializer as plain data."""
        return {"initializer": serialize(self.initializer), "axes": self.axes, "dtype": self.dtype, "path": self.path}
