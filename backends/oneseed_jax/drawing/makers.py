"""What computes tensors on the host when a compiled program runs, by the name that the program has for it."""

import pickle
import traceback
from contextlib import suppress
from hashlib import sha256
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oneseed.distributions import Structured
from oneseed.draws import Draw
from oneseed.dtypes import numpy_dtype
from oneseed.host_arrays import host

Tensors = list[NDArray[Any]]


class Maker:
    """Makes the tensors of a draw when a program runs; devices that ask for the same at the same time share them.

    Parameters
    ----------
    draw : Draw
        The draw, of a structured distribution. Its seed is ignored.
    """

    def __init__(self, draw: Draw) -> None:
        # What held on to a traced seed would leak it.
        self.draw = draw._replace(seed=0)
        self._lock = Lock()
        self._shared = dict[bytes, _Shared]()

    def __call__(self, seeds: NDArray[np.uint64]) -> Tensors:
        """Return a tensor for each of several seeds."""
        asked = seeds.tobytes()
        with self._lock:
            shared = self._shared.setdefault(asked, _Shared())
            shared.asking += 1
        try:
            with shared.making:
                if shared.tensors is None:
                    shared.tensors = [self._values(seed) for seed in seeds.tolist()]
                return shared.tensors
        finally:
            with self._lock:
                shared.asking -= 1
                if not shared.asking:
                    del self._shared[asked]

    def _values(self, seed: int) -> NDArray[Any]:
        distribution = self.draw.distribution
        assert isinstance(distribution, Structured)
        return distribution.checked_values(self.draw._replace(seed=seed), host())


class _Shared:
    """Tensors that one of those who ask for them makes for all."""

    def __init__(self) -> None:
        self.making, self.asking = Lock(), 0
        self.tensors: Tensors | None = None


_naming = Lock()
_names = dict[tuple[bytes, Draw], bytes]()
_makers = dict[bytes, Maker]()
"""All that programs may ask for, until the process ends: nobody tells when JAX forgets a program."""


def named(maker: Maker) -> NDArray[np.int64]:
    """Return the name of a maker, for the attribute of a call; those of equal draws have the same.

    The name is a digest of the draw, so that it is the same in another process, where JAX may find the program in its
    persistent cache. Of draws that differ in the objects of a function alone, later ones have other names.
    """
    draw = maker.draw
    try:
        content = pickle.dumps(draw)
    except Exception:  # of whatever kind: a function that cannot be stored
        content = repr(draw).encode()
    name = digest = sha256(content).digest()
    with _naming:
        try:
            known = _names.get((digest, draw))
        except TypeError:  # a distribution that has no hash
            known = None
        if known is not None:
            return np.frombuffer(known, np.int64)
        while name in _makers:
            name = sha256(name).digest()
        _makers[name] = maker
        with suppress(TypeError):
            _names[digest, draw] = name
    return np.frombuffer(name, np.int64)


def make(name: bytes, seeds: memoryview, out: memoryview) -> str | None:
    """Write the tensors that a program asks for into its memory: what the kernels call.

    Parameters
    ----------
    name : bytes
        As from `named`.
    seeds : memoryview
        The seeds, in uint64.
    out : memoryview
        The memory for a tensor for each seed, one after the other.

    Returns
    -------
    str or None
        What went wrong, if anything did.
    """
    try:
        maker = _makers.get(name)
        if maker is None:
            return (
                "oneseed: this program was compiled in another process, and asks for a tensor that Python computes, "
                "which is not known here. Compile the function in this process."
            )
        given, draw = np.frombuffer(seeds, np.uint64), maker.draw
        memory = np.frombuffer(out, np.uint8).view(numpy_dtype(draw.dtype)).reshape(-1, *draw.block)
        for at, tensor in enumerate(maker(given)):
            memory[at] = tensor
    except BaseException as error:  # XLA raises it where the result is waited for
        return "oneseed: " + "".join(traceback.format_exception(error))
    return None
