"""A plugin for pytest: tests that run on every backend.

pytest imports this module in each run where oneseed is installed, so it imports nothing but pytest: oneseed, NumPy and
the frameworks come with the first test that asks for them.

It adds

- the fixture `backend`: the test runs once on each backend, which is in force; the value is its name. A backend whose
  framework is not installed is skipped. A fixture of this name in a conftest.py or a test module replaces it.
- the option ``--oneseed-backends=numpy,torch``, which names the backends of that fixture. None of them may be missing.
- the marker ``needs_backend(name, mode=None)``: the test is skipped where the framework is not installed, or lacks the
  mode, such as "cuda" of "torch" or "sharded" of "jax".
- the marker ``needs_dtype(*names)``: a test with the fixture `backend` is skipped on a backend that lacks one of the
  dtypes, as JAX lacks "float64" until that is enabled.

`oneseed.testing.assert_same_everywhere` needs no plugin.
"""

import importlib.util
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest

OPTION = "--oneseed-backends"
NAME = "_oneseed_backend"

MARKERS = (
    "needs_backend(name, mode=None): skip the test where a backend of oneseed, or a mode of it, is missing",
    "needs_dtype(*names): skip the test on a backend that lacks one of these dtypes; with the fixture `backend`",
)


def pytest_addoption(parser: Any) -> None:
    """Add the option."""
    group = parser.getgroup("oneseed")
    group.addoption(OPTION, metavar="NAMES", help="the backends of the fixture `backend`: numpy,torch; by default all")


def pytest_configure(config: Any) -> None:
    """Make the markers known, and check the option where it is given."""
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    if names := _chosen(config):
        known = _registry().available_backends()
        if unknown := [name for name in names if name not in known]:
            raise pytest.UsageError(f"{OPTION} must name some of {', '.join(known)}. Received: {', '.join(unknown)}")


def pytest_generate_tests(metafunc: Any) -> None:
    """Repeat a test that uses the fixture on each backend."""
    if NAME in metafunc.fixturenames:
        metafunc.parametrize(NAME, _chosen(metafunc.config) or _registry().available_backends())


def pytest_runtest_setup(item: Any) -> None:
    """Skip a test for what this machine lacks."""
    for marker in item.iter_markers("needs_backend"):
        _need(*marker.args, **marker.kwargs)


def _need(name: str, mode: str | None = None) -> None:
    engine = _loaded(name)
    if mode is not None and mode not in engine.modes():
        pytest.skip(f"the backend {name!r} has the modes {', '.join(engine.modes())} here, and not {mode!r}")


def _backend(request: Any, _oneseed_backend: str) -> Iterator[str]:
    """Put each backend in force in turn; return its name."""
    from oneseed.config import using
    from oneseed.dtypes import dtype_name

    engine = _loaded(_oneseed_backend, skip=not _chosen(request.config))
    with using(backend=_oneseed_backend):
        for marker in request.node.iter_markers("needs_dtype"):
            for dtype in map(dtype_name, marker.args):  # an unknown name is an error, not a reason to skip
                try:
                    engine.check_dtype(dtype)
                except ValueError as error:
                    pytest.skip(str(error))
        yield _oneseed_backend


backend = pytest.fixture(name="backend")(_backend)


def _chosen(config: Any) -> list[str]:
    """Return the backends that the option names."""
    return [name.strip() for name in (config.getoption(OPTION) or "").split(",") if name.strip()]


def _registry() -> Any:
    from oneseed import registry

    return registry


def _loaded(name: str, skip: bool = True) -> Any:
    """Load a backend; one whose framework is not installed skips the test, or is an error."""
    if name == "tensorflow" and name not in sys.modules:
        # PyTorch and Triton come first: the other way round their libraries clash in one process.
        for first in ("torch", "triton"):
            if importlib.util.find_spec(first) is not None:
                import_module(first)
    try:
        return _registry().load(name)
    except ImportError as error:
        if not skip:
            raise
        pytest.skip(str(error))
