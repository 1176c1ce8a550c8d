"""From draws of PyTorch's generators that no initializer makes by itself to functions of those that one makes."""

from collections.abc import Callable
from typing import Any

import numpy as np

from oneseed.models.graphs import Node, scalar, step
from oneseed_torch.models.recording.geometry import Ref
from oneseed_torch.models.recording.log import Event
from oneseed_torch.models.recording.readings import Reading


class Untranslated(Exception):
    """An operation that has no counterpart among the steps."""


def drawn(event: Event, at: int, read: Callable[[Ref], Node]) -> Node:
    """Express a draw of PyTorch that no initializer makes by itself as a function of a uniform or normal one."""
    target, name = event.targets[0], event.name
    rule = _DRAWS.get(name)
    if rule is None:
        raise Untranslated(f"{name}, whose draws stream v1 does not know,")
    given = event.args[1:] if event.writes else event.args
    args = [read(one) if isinstance(one, Ref) and one != target else one for one in given]

    def draw(kind: str, *numbers: float) -> Node:
        return Node("draw", target.size, value=Reading(kind, numbers, at, target, at))

    def argument(place: int, key: str, otherwise: Any = None) -> Any:
        return args[place] if len(args) > place else event.kwargs.get(key, otherwise)

    return rule(draw, argument, event)


_Draw = Callable[..., Node]
_Argument = Callable[..., Any]


def _bernoulli(draw: _Draw, argument: _Argument, event: Event) -> Node:
    return step("lt", draw("uniform", 0.0, 1.0), argument(0, "p", 0.5))


def _exponential(draw: _Draw, argument: _Argument, event: Event) -> Node:
    return step("div", step("neg", step("log1p", step("neg", draw("uniform", 0.0, 1.0)))), argument(0, "lambd", 1.0))


def _log_normal(draw: _Draw, argument: _Argument, event: Event) -> Node:
    return step("exp", draw("normal", argument(0, "mean", 1.0), argument(1, "std", 2.0)))


def _cauchy(draw: _Draw, argument: _Argument, event: Event) -> Node:
    angle = draw("uniform", -np.pi / 2, np.pi / 2)
    ratio = step("div", step("sin", angle), step("cos", angle))
    return step("add", step("mul", ratio, argument(1, "sigma", 1.0)), argument(0, "median", 0.0))


def _geometric(draw: _Draw, argument: _Argument, event: Event) -> Node:
    waited = step("div", step("log1p", step("neg", draw("uniform", 0.0, 1.0))), float(np.log1p(-argument(0, "p"))))
    return step("add", step("floor", waited), 1)


def _integers(draw: _Draw, argument: _Argument, event: Event) -> Node:
    given = event.args if event.name == "randint" else event.args[1:]
    bounds = [one for one in given if isinstance(one, int)]
    if not bounds:
        raise Untranslated(f"{event.name} without bounds,")
    low, high = (0, bounds[0]) if len(bounds) == 1 else bounds[:2]
    return step("integer", step("add", step("floor", step("mul", draw("uniform", 0.0, 1.0), high - low)), low))


def _permutation(draw: _Draw, argument: _Argument, event: Event) -> Node:
    return step("argsort", draw("uniform", 0.0, 1.0), shape=event.targets[0].size)


def _normal(draw: _Draw, argument: _Argument, event: Event) -> Node:
    numbers = [
        scalar(one) if isinstance(one, Node) else one for one in (argument(0, "mean", 0.0), argument(1, "std", 1.0))
    ]
    if None not in numbers:
        return draw("normal", *numbers)
    return step("add", step("mul", draw("normal", 0.0, 1.0), argument(1, "std", 1.0)), argument(0, "mean", 0.0))


_DRAWS: dict[str, Callable[[_Draw, _Argument, Event], Node]] = {
    "bernoulli": lambda draw, argument, event: step("lt", draw("uniform", 0.0, 1.0), argument(0, "input")),
    "bernoulli_": _bernoulli,
    "cauchy_": _cauchy,
    "exponential_": _exponential,
    "geometric_": _geometric,
    "log_normal_": _log_normal,
    "normal": _normal,
    "randint": _integers,
    "randint_like": _integers,
    "random_": _integers,
    "randperm": _permutation,
}
