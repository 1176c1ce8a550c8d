"""A parameter as a plan knows it, and what it gets."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from oneseed.checks import Shape
from oneseed.distributions import Distribution, Fill
from oneseed.draws import Draw
from oneseed.dtypes import numpy_dtype
from oneseed.fans import fans, layout_of
from oneseed.initializers.targets import at_path, draw_of, repeats
from oneseed.models.rule import Rule
from oneseed.models.seeding import called, gets_seed, seeded, takes_seed
from oneseed.seeds import SeedGenerator


class Parameter(NamedTuple):
    """What a plan has to know of a parameter.

    Attributes
    ----------
    shape : tuple of int
        The shape of the whole tensor.
    dtype : str or dtype
        The dtype, named in any framework's way.
    axes : str, optional
        Names of the axes, as at an initializer's call.
    state : bool
        Whether it is not a parameter but a buffer or a running statistic. Only rules with ``state=True`` apply to it;
        without one it is not in the plan.
    frozen : bool
        Whether it is a parameter that is not trained. It keeps its values unless a rule matches its name; `otherwise`
        is not for it.

    Examples
    --------
    >>> import oneseed
    >>> scheme = oneseed.Scheme([oneseed.Rule("*kernel", "he_normal")])
    >>> plan = scheme.plan({"dense/kernel": oneseed.Parameter((64, 128), "float32", "i o")})
    >>> plan[0].fan_in
    64
    """

    shape: Sequence[int]
    dtype: Any
    axes: str | None = None
    state: bool = False
    frozen: bool = False


class Entry(NamedTuple):
    """A row of a plan: a parameter and what it gets.

    Attributes
    ----------
    name : str
        The framework's name.
    logical : str
        The logical name, which rules see and which is the path of the draw.
    tied : tuple of str
        Other names of the same parameter.
    shape : tuple of int
        The shape.
    dtype : str
        The dtype that the parameter gets.
    axes : str or None
        The axes that the initializer is told; None leaves them to it.
    guessed : bool
        Whether the axes are a guess, as of a tensor of three axes or more in a layer of an unknown class.
    rule : Rule or None
        The rule; None where `otherwise` decides, or nothing does.
    initializer : initializer, KEEP or None
        What fills it; None where nothing does.
    planned : Draw or None
        What is drawn, at another seed and perhaps another path; None where nothing is.
    also : tuple of str
        The patterns of later rules that match as well, with another initializer.
    """

    name: str
    logical: str
    tied: tuple[str, ...]
    shape: Shape
    dtype: str
    axes: str | None
    guessed: bool
    rule: Rule | None
    initializer: Any
    planned: Draw | None
    also: tuple[str, ...]

    @property
    def distribution(self) -> Distribution | None:
        """The distribution; None where nothing is drawn."""
        return self.planned.distribution if self.planned else None

    @property
    def fan_in(self) -> int | None:
        """The inputs of an output, as the initializer sees them."""
        return self.planned.fan_in if self.planned else None

    @property
    def fan_out(self) -> int | None:
        """The outputs of an input, as the initializer sees them."""
        return self.planned.fan_out if self.planned else None

    @property
    def matched(self) -> bool:
        """Whether the scheme says what to do."""
        return self.initializer is not None

    @property
    def kept(self) -> bool:
        """Whether the parameter is left alone."""
        return self.matched and self.planned is None

    @property
    def ambiguous(self) -> bool:
        """Whether a later rule with another initializer matches too."""
        return bool(self.also)

    @property
    def source(self) -> str | None:
        """Where the rule comes from; None where it does not say."""
        return self.rule.source if self.rule else None

    @property
    def unreached(self) -> str | None:
        """What does not reach the initializer, or a part of it: "seed" or "axes"; None if all does.

        The seed of a scheme does not reach a function, nor an initializer without a seed whose `__call__` is its own.
        One with a seed gets it, but is not told the axes, where there are some.
        """
        functions = list(called(self.distribution)) if self.distribution else []
        if not all(map(takes_seed, functions)):
            return "seed"
        return "axes" if functions and _matter(self.axes, self.shape) else None

    @property
    def stddev(self) -> float | None:
        """The standard deviation of the values; None where it is not known."""
        if isinstance(self.distribution, Fill):
            return 0.0
        numbers = self.distribution.numbers if self.distribution else {}
        found: float | None = numbers.get("stddev_after_truncation", numbers.get("stddev"))
        return found

    @property
    def bytes(self) -> int:
        """The size of the whole tensor."""
        return math.prod(self.shape) * numpy_dtype(self.dtype).itemsize

    def draw(self, seed: Any) -> Draw:
        """Return the draw at a seed; an initializer with a seed of its own keeps that."""
        path = (self.logical,)
        if self.planned and not isinstance(seed, SeedGenerator) and repeats(self.initializer):
            # Nothing but seed and path is new, and an initializer that was given a seed keeps it.
            new = seed if gets_seed(self.initializer) else self.planned.seed
            return at_path(self.planned._replace(seed=new), path)
        return draw_of(seeded(self.initializer, seed, path=path), self.shape, self.dtype, self.axes, path)

    def as_dict(self) -> dict[str, Any]:
        """Return the row as plain data, fit for JSON."""
        return {
            "name": self.name,
            "logical": self.logical,
            "tied": list(self.tied),
            "shape": list(self.shape),
            "dtype": self.dtype,
            "axes": self.axes,
            "guessed": self.guessed,
            "source": self.source,
            "rule": self.rule.pattern if self.rule else "otherwise" if self.matched else None,
            "initializer": repr(self.initializer) if self.matched else None,
            "distribution": self.distribution.name if self.distribution else None,
            "stddev": self.stddev,
            "fan_in": self.fan_in,
            "fan_out": self.fan_out,
            "bytes": self.bytes,
            "also": list(self.also),
            "unreached": self.unreached,
        }


def _matter(axes: str | None, shape: Shape) -> bool:
    """Tell whether axes say anything else than Keras's rule does."""
    layout = layout_of(shape, axes)
    if layout is None:
        return False
    return fans(shape, layout) != fans(shape, None) or layout.order != tuple(range(len(shape)))
