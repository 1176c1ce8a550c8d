"""The pytest plugin, in suites of its users."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import oneseed
from oneseed import registry


def lacking():
    """Stand for a backend whose framework is not installed."""
    raise ImportError("The backend 'lacking' needs a package")


@pytest.fixture
def suite(pytester, monkeypatch):
    """Run tests of a user in this process, with three backends, one of which lacks its framework."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setattr(registry, "available_backends", lambda: ("lacking", "numpy", "other"))
    oneseed.config.register_backend("lacking", lacking)
    oneseed.config.register_backend("other", "oneseed_numpy:backend")

    def run(text, *options):
        pytester.makepyfile(text)
        return pytester.runpytest_inprocess("-p", "oneseed_pytest", "-p", "no:cacheprovider", "-rs", "-v", *options)

    return run


USED = """
import oneseed

def test_drawn(backend):
    assert oneseed.config.backend() == backend
    assert oneseed.initializers.HeNormal(7)((2,)).shape == (2,)

def test_after():
    assert oneseed.config.backend() == "numpy"
"""


def test_a_test_runs_on_each_backend(suite):
    result = suite(USED)
    result.assert_outcomes(passed=3, skipped=1)
    result.stdout.fnmatch_lines(["*test_drawn?lacking? SKIPPED*", "*test_drawn?numpy? PASSED*"])
    result.stdout.fnmatch_lines(["*SKIPPED*The backend 'lacking' needs a package*"])


def test_backends_that_are_asked_for_must_be_there(suite):
    suite(USED, "--oneseed-backends=numpy").assert_outcomes(passed=2)
    suite(USED, "--oneseed-backends=other,lacking").assert_outcomes(passed=2, errors=1)
    result = suite(USED, "--oneseed-backends=nunpy")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--oneseed-backends must name some of lacking, numpy, other. Received: nunpy"])


def test_a_fixture_of_the_users_own_replaces_it(suite):
    result = suite(
        """
        import pytest

        @pytest.fixture
        def backend():
            return "mine"

        def test_mine(backend):
            assert backend == "mine"

        @pytest.mark.parametrize("backend", ["a", "b"])
        def test_parametrized(backend):
            assert backend in "ab"
        """
    )
    result.assert_outcomes(passed=3)


def test_markers_skip_what_the_machine_lacks(suite):
    result = suite(
        """
        import pytest

        @pytest.mark.needs_backend("lacking")
        def test_backend():
            assert False

        @pytest.mark.needs_backend("numpy", mode="cuda")
        def test_mode():
            assert False

        @pytest.mark.needs_backend("numpy", mode="eager")
        def test_there():
            pass

        @pytest.mark.needs_dtype("float32", "float8_e5m2")
        def test_dtype(backend, monkeypatch):
            assert False

        @pytest.fixture(autouse=True)
        def narrow(monkeypatch):
            def check_dtype(self, dtype):
                if dtype == "float8_e5m2":
                    raise ValueError("there is no float8")

            from oneseed_numpy.adapter import NumpyBackend
            monkeypatch.setattr(NumpyBackend, "check_dtype", check_dtype)
        """,
        "--strict-markers",
        "--oneseed-backends=numpy",
    )
    result.assert_outcomes(passed=1, skipped=3)
    result.stdout.fnmatch_lines(["*the backend 'numpy' has the modes eager here, and not 'cuda'"])
    result.stdout.fnmatch_lines(["*there is no float8"])


def test_a_dtype_that_does_not_exist_is_an_error(suite):
    result = suite(
        """
        import pytest

        @pytest.mark.needs_dtype("float46")
        def test_dtype(backend):
            pass
        """,
        "--oneseed-backends=numpy",
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*`dtype` must be one of *Received: dtype='float46'"])


def test_pytest_loads_it_by_itself_and_nothing_else_with_it():
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (module,) = project["entry-points"]["pytest11"].values()
    code = f"import {module}, sys; print(*({{'oneseed', 'numpy', 'torch'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == []
