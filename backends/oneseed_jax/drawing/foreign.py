"""The host engine's kernels as XLA calls them from a compiled program."""

import warnings
from collections.abc import Callable, Sequence
from functools import wraps
from threading import Lock
from typing import Any, NamedTuple

import jax
import numpy as np
from numpy.typing import NDArray

from oneseed.distributions import Haar
from oneseed.draws import Draw
from oneseed.host_arrays import host
from oneseed_jax.drawing.makers import make

TARGET = "oneseed_draw"
"""The name by which programs call the kernels. What it stands for must not change: compiled programs are stored."""

FIRST, STEPS = 9, 11
"""Where the index of the first element is among the fields of a draw, and where the steps of its axes begin."""


def once(register: Callable[[], bool]) -> Callable[[], bool]:
    """Call a function once in a process, whatever the number of threads, and keep its answer."""
    lock, answers = Lock(), list[bool]()

    @wraps(register)
    def answer() -> bool:
        if not answers:
            with lock:
                if not answers:
                    answers.append(register())
        return answers[0]

    return answer


@once
def registered() -> bool:
    """Tell whether XLA knows the kernels, after having introduced them; where that fails, say why.

    JAX's CPUs must be in use before: an interface of the wrong version would keep them from being used at all.
    """
    try:
        jax.local_devices(backend="cpu")
        function = host().xla_function(make)
        if function is None:
            return False
        jax.ffi.register_ffi_target(TARGET, function, platform="cpu")
    except Exception as error:  # of whatever kind: the program can be compiled without
        unusable("The kernels of oneseed cannot be called", error)
        return False
    return True


def unusable(problem: str, error: Exception) -> None:
    """Warn that compiled programs draw without the kernels."""
    warnings.warn(
        f"{problem} in programs that JAX compiles for CPUs ({error}); these draw with operations that XLA compiles, "
        "the same bits more slowly.",
        RuntimeWarning,
        stacklevel=3,
    )


def fields_of(draw: Draw) -> tuple[int, ...]:
    """Return a draw as the kernels read it, in numbers of 64 bits: distribution, stream, first index, and steps."""
    what = np.frombuffer(host().packed(draw.distribution, draw.dtype), np.int64)
    address = np.array([draw.stream, draw.first], np.uint64).view(np.int64)
    return *what.tolist(), *address.tolist(), len(draw.strides), *draw.strides


def matrix_fields(haar: Haar, draw: Draw) -> NDArray[np.int64]:
    """Return orthogonal matrices as the kernels read them: rows, columns, gain, and two streams for complex numbers."""
    imaginary = draw._replace(path=(*draw.path, "imag"))
    gain = np.array([haar.gain]).view(np.int64)
    streams = np.array([draw.stream, imaginary.stream], np.uint64).view(np.int64)
    return np.array([haar.rows, haar.columns, *gain, *streams], np.int64)


class Call(NamedTuple):
    """What a call tells the kernels beside the words of seeds."""

    seed: Sequence[int]
    """The form of the words, and the steps from there to the seed."""
    draws: Sequence[Sequence[int]]
    """The fields of each result."""

    def attributes(self) -> dict[str, NDArray[np.int64]]:
        """Return the attributes of the call, as ``native/xla.c`` reads them."""
        fields = [field for draw in self.draws for field in draw]
        return {"seed": np.array(self.seed, np.int64), "draws": np.array(fields, np.int64)}


def lowered(context: Any, words: Any, call: Call) -> Any:
    """Return the results of a call that makes whole tensors, for the lowering of JAX."""
    return jax.ffi.ffi_lowering(TARGET)(context, words, **call.attributes())
