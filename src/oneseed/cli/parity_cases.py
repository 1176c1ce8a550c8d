"""What `oneseed parity` draws, and the answers that come with the package."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from oneseed import initializers
from oneseed.digest import fingerprint
from oneseed.dtypes import COMPLEX, FLOAT8
from oneseed.initializers import Initializer
from oneseed.settings import FLOATX


@dataclass(frozen=True)
class Case:
    """A draw, in one dtype or several.

    Attributes
    ----------
    initializer : Initializer
        What draws.
    shape : tuple of int
        The shape of the tensor.
    axes : str or None
        The names of its axes.
    dtypes : tuple of str
        The dtypes.
    call : mapping
        Further arguments of the call: a path, a block.
    logical : bool
        Whether the fingerprint is that of the logical order of the axes, and so the same in every layout.
    """

    initializer: Initializer
    shape: tuple[int, ...]
    axes: str | None = None
    dtypes: tuple[str, ...] = FLOATX
    call: Mapping[str, Any] = field(default_factory=dict)
    logical: bool = False

    def draw(self, dtype: str) -> Any:
        """Draw on the backend in force."""
        return self.initializer(self.shape, dtype, axes=self.axes, **self.call)

    def digest(self, tensor: Any) -> str:
        """Return the fingerprint of what was drawn."""
        return fingerprint(tensor, self.axes if self.logical else None)


FLOATING = (*FLOATX, *FLOAT8)

WHOLE = ("int8", "int32", "int64", "uint8", "uint64")

PAIR = ("bfloat16", "float32")
"""The dtypes of cases in which the dtype is not the point."""

_HE = initializers.HeNormal(7)
_FAR = {"partition_shape": (3, 5), "partition_offset": (2**31 - 3, 2**31 - 9)}

CASES: dict[str, Case] = {
    "random_normal": Case(initializers.RandomNormal(0.25, 0.5, seed=1), (37, 41), dtypes=(*FLOATING, *COMPLEX)),
    "random_uniform": Case(initializers.RandomUniform(-0.5, 2.0, seed=2), (37, 41), dtypes=(*FLOATING, "complex64")),
    "truncated_normal": Case(
        initializers.TruncatedNormal(-1.0, 0.5, seed=3), (37, 41), dtypes=(*FLOATING, "complex128")
    ),
    "variance_scaling": Case(
        initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal", seed=4), (37, 41), "o i"
    ),
    "glorot_normal": Case(initializers.GlorotNormal(5), (37, 41), "i o"),
    "glorot_uniform": Case(initializers.GlorotUniform(6), (37, 41), "o i"),
    "he_normal": Case(_HE, (3, 3, 19, 23), "h w i o"),
    "he_uniform": Case(initializers.HeUniform(8), (23, 19, 3, 3), "o i h w"),
    "lecun_normal": Case(initializers.LecunNormal(2**64 - 1), (5, 19, 23), "e i o"),
    "lecun_uniform": Case(initializers.LecunUniform(2**32), (1511,)),
    "zeros": Case(initializers.Zeros(), (37, 41)),
    "ones": Case(initializers.Ones(), (37, 41)),
    "constant": Case(initializers.Constant([0.1, 0.2, 0.3]), (37, 3)),
    "identity": Case(initializers.Identity(0.7), (37, 41)),
    "orthogonal": Case(initializers.Orthogonal(1.5, seed=9), (37, 41)),
    "stft": Case(initializers.STFT(), (32, 1, 17)),
    "integers": Case(initializers.RandomUniform(0, 100, seed=10), (37, 41), dtypes=WHOLE),
    "path": Case(_HE, (37, 41), None, PAIR, {"path": "encoder/kernel"}),
    "layout": Case(_HE, (23, 19, 3, 3), "o i h w", PAIR, logical=True),
    "block": Case(_HE, (37, 41), "o i", PAIR, {"partition_shape": (5, 41), "partition_offset": (7, 0)}),
    "far_block": Case(initializers.LecunNormal(11), (2**31, 2**31), None, ("float32",), _FAR),
}
"""A draw of every class that Keras has too, in each kind of dtype, and what else is promised of a draw."""

MEANINGS = {
    "integers": "uniform integers",
    "path": "he_normal for a parameter's name",
    "layout": "he_normal in PyTorch's layout; its answer is that of Keras's layout",
    "block": "a block of he_normal, as a shard is",
    "far_block": "a block that begins after 2**61 elements",
}
"""What the cases are that are not called as their class."""


@cache
def answers() -> dict[str, dict[str, str]]:
    """Return the fingerprints that come with the package, by case and dtype."""
    known: dict[str, dict[str, str]] = json.loads((files("oneseed.stream") / "data" / "fingerprints.json").read_text())
    return known


def answer(case: str, dtype: str) -> str:
    """Return the fingerprint that a case must have."""
    return answers()[case][dtype]
