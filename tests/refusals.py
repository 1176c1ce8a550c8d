"""What the tests of bad input share: an error must come early, from our own code, and say what to do."""

from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

import oneseed
import oneseed_numpy
from oneseed_numpy.adapter import NumpyBackend

HOMES = tuple(Path(package.__file__).parent for package in (oneseed, oneseed_numpy))
ALLOCATORS = ("empty", "full", "ones", "zeros")


@contextmanager
def refused(kind, *words, received=True, reaches_backend=False):
    """Expect an error of exactly this type, with all these words, before anything is allocated or drawn.

    `received` is the end of the message after "Received: ", or True for any. With `reaches_backend` the backend may be
    called, as it must be to refuse a device, but it may not allocate.
    """

    def made(*args, **kwargs):
        raise AssertionError("the input was not refused before something was made")

    with pytest.MonkeyPatch.context() as patch:
        for name in ALLOCATORS:
            patch.setattr(np, name, made)
        if not reaches_backend:
            patch.setattr(NumpyBackend, "draw", made)
        with pytest.raises(kind) as caught:
            yield
    error = caught.value
    message = str(error)
    assert type(error) is kind
    for word in words:
        assert word in message, f"{word!r} is not in the message: {message}"
    assert "Received: " in message, f"the message does not say what was received: {message}"
    if received is not True:
        assert f"Received: {received}" in message, f"not {received!r} but: {message}"
    source = Path(caught.traceback[-1].path)
    assert any(source.is_relative_to(home) for home in HOMES), f"raised in {source}: {message}"
