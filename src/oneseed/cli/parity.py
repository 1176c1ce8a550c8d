"""Whether the backends of this machine make the known answers."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any

from oneseed import initializers, registry
from oneseed.config import using
from oneseed.digest import fingerprint
from oneseed.host_arrays import HOST
from oneseed.initializers import Initializer
from oneseed.protocol import Backend

DTYPES = ("bfloat16", "float16", "float32", "float64")

CASES: dict[str, tuple[Initializer, tuple[int, ...], str | None]] = {
    "random_normal": (initializers.RandomNormal(0.25, 0.5, seed=1), (37, 41), None),
    "random_uniform": (initializers.RandomUniform(-0.5, 2.0, seed=2), (37, 41), None),
    "truncated_normal": (initializers.TruncatedNormal(-1.0, 0.5, seed=3), (37, 41), None),
    "variance_scaling": (initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal", seed=4), (37, 41), "o i"),
    "glorot_normal": (initializers.GlorotNormal(5), (37, 41), "i o"),
    "glorot_uniform": (initializers.GlorotUniform(6), (37, 41), "o i"),
    "he_normal": (initializers.HeNormal(7), (3, 3, 19, 23), "h w i o"),
    "he_uniform": (initializers.HeUniform(8), (23, 19, 3, 3), "o i h w"),
    "lecun_normal": (initializers.LecunNormal(2**64 - 1), (5, 19, 23), "e i o"),
    "lecun_uniform": (initializers.LecunUniform(2**32), (1511,), None),
    "zeros": (initializers.Zeros(), (37, 41), None),
    "ones": (initializers.Ones(), (37, 41), None),
    "constant": (initializers.Constant([0.1, 0.2, 0.3]), (37, 3), None),
    "identity": (initializers.Identity(0.7), (37, 41), None),
    "orthogonal": (initializers.Orthogonal(1.5, seed=9), (37, 41), None),
    "stft": (initializers.STFT(), (32, 1, 17), None),
}
"""One draw of every class that Keras has too, with its layout."""

COMPUTED_HERE = ("orthogonal",)
"""Draws whose last bit depends on the machine's linear algebra; NumPy's result on this machine is the answer."""


@dataclass(frozen=True)
class Check:
    """One draw on one backend in one mode, and what came of it.

    Attributes
    ----------
    case, dtype, backend, mode : str
        What was drawn, and how.
    expected, found : str
        The known fingerprint and the one that came out; None where nothing did.
    refusal : str or None
        Why the backend does not have the dtype, as its `check_dtype` says.
    error : str or None
        The error of a draw that failed.
    """

    case: str
    dtype: str
    backend: str
    mode: str
    expected: str
    found: str | None
    refusal: str | None = None
    error: str | None = None

    @property
    def agrees(self) -> bool:
        """Whether the bits are the known ones."""
        return self.found == self.expected

    @property
    def wrong(self) -> bool:
        """Whether they are not, though the backend has the dtype."""
        return not self.agrees and self.refusal is None


def all_agree(checks: list[Check]) -> bool:
    """Tell whether backends make the known answers: nothing is wrong, and each has made at least one."""
    able = {item.backend for item in checks if item.agrees}
    return able == {item.backend for item in checks} != set() and not any(item.wrong for item in checks)


def draw(case: str, dtype: str) -> Any:
    """Draw a case on the backend in force."""
    initializer, shape, axes = CASES[case]
    return initializer(shape, dtype, axes=axes)


@cache
def answers() -> dict[str, dict[str, str]]:
    """Return the fingerprints that come with the package, by case and dtype."""
    known: dict[str, dict[str, str]] = json.loads((files("oneseed.stream") / "data" / "fingerprints.json").read_text())
    return known


def answer(case: str, dtype: str) -> str:
    """Return the fingerprint that a case must have."""
    if case in COMPUTED_HERE:
        with using(backend=HOST, rng="portable"):
            return fingerprint(draw(case, dtype))
    return answers()[case][dtype]


def plan(backends: list[str]) -> list[tuple[str, str, str, str]]:
    """List what there is to check on these backends, as case, dtype, backend and mode."""
    return [
        (case, dtype, backend, mode)
        for backend in backends
        for mode in registry.load(backend).modes()
        for case in CASES
        for dtype in DTYPES
    ]


def check(planned: list[tuple[str, str, str, str]]) -> Iterator[Check]:
    """Make each draw and compare its fingerprint.

    A dtype that the backend's `check_dtype` refuses is not a failure of the backend; any other error is.

    Parameters
    ----------
    planned : list of tuple
        From `plan`.

    Yields
    ------
    Check
        What came of each draw.
    """
    for case, dtype, backend, mode in planned:
        engine = registry.load(backend)
        yield _checked(Check(case, dtype, backend, mode, answer(case, dtype), None), engine, engine.modes()[mode])


def _checked(item: Check, engine: Backend, run: Callable[[Callable[[], Any]], Any]) -> Check:
    asking: list[str] = []

    def make() -> Any:
        # Asked where the draw is made: the answer may depend on the device that the mode sets.
        asking.append(item.dtype)
        engine.check_dtype(item.dtype)
        asking.clear()
        return draw(item.case, item.dtype)

    try:
        with using(backend=item.backend, rng="portable"):
            return replace(item, found=fingerprint(run(make)))
    except Exception as error:  # of whatever kind: a backend under test may be broken in any way
        if asking and isinstance(error, ValueError):
            return replace(item, refusal=str(error))
        return replace(item, error=f"{type(error).__name__}: {error}")
