"""The door through which backends come: entry points, and names registered in the process."""

import json
import os
import subprocess
import sys
from importlib.metadata import Distribution, EntryPoint
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import oneseed
from oneseed import config, registry, requirements
from oneseed_numpy import backend as numpy_backend


class FakeDistribution(Distribution):
    """A distribution that offers one extra and nothing else."""

    def __init__(self, name, extra="fancy"):
        required = f"Requires-Dist: numpy>=2\nRequires-Dist: {extra}-framework>=1.2; extra == '{extra}'\n"
        self._text = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\nProvides-Extra: {extra}\n{required}"

    def read_text(self, filename):
        return self._text if filename == "METADATA" else None

    def locate_file(self, path):
        raise NotImplementedError


def entry(name, value, distribution):
    made = EntryPoint(name, value, registry.GROUP)
    vars(made)["dist"] = FakeDistribution(distribution)
    return made


@pytest.fixture
def entries(monkeypatch):
    """Stand in for the installed entry points; what the test loads is forgotten after it."""
    found = [entry("numpy", "oneseed_numpy:backend", "oneseed")]
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: found if group == registry.GROUP else [])
    monkeypatch.setattr(registry, "_loaded", {})
    monkeypatch.setattr(registry, "_registered", {})
    registry._entry_points.cache_clear()
    yield found
    registry._entry_points.cache_clear()


def test_a_package_named_after_its_backend_is_loaded_without_a_look_at_entry_points(entries):
    assert registry.load("numpy").name == "numpy"
    assert registry._entry_points.cache_info().currsize == 0


@pytest.mark.parametrize("name", ["keras", "pytest", "no_such", "numpy.engine", "../numpy"])
def test_other_packages_and_names_are_not_backends(entries, name):
    with pytest.raises(ValueError, match=r"^`backend` must be one of 'numpy'\."):
        registry.load(name)


def test_without_entry_points_packages_on_the_search_path_are_used(entries, monkeypatch, tmp_path):
    entries.clear()
    assert registry.load("numpy").name == "numpy"
    assert config.available_backends() == ("numpy",)
    with pytest.raises(ValueError, match=r"^`backend` must be one of 'numpy'\. "):
        registry.load("no_such")
    (tmp_path / "oneseed_fancy.py").write_text("import no_such_framework.arrays")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ImportError, match=r"The backend 'fancy' needs .* pip install no_such_framework$"):
        registry.load("fancy")


def test_the_command_and_the_version_where_nothing_is_installed():
    places = [Path(find_spec(name).origin).parents[1] for name in ("oneseed", "oneseed_numpy")]
    program = (
        "import importlib.metadata as m, sys; found = m.Distribution.from_name; "
        "m.entry_points = lambda **asked: []; "
        "m.version = lambda name: found('no-such-distribution').version; "
        "import oneseed, oneseed.cli; print(oneseed.__version__); oneseed.cli.main(['parity', '--json'])"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, places))}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=env, check=False)
    version, _, report = done.stdout.partition("\n")
    assert (done.returncode, version) == (0, "0+unknown"), done.stderr
    assert {check["backend"] for check in json.loads(report)["checks"]} == {"numpy"}


def test_numpy_comes_through_the_entry_point():
    assert "numpy" in config.available_backends()
    assert type(registry.load("numpy")) is numpy_backend
    assert registry.load("numpy") is registry.load("numpy")


def test_a_strangers_backend_is_found_and_used(entries):
    entries.append(entry("loopback", f"{__name__}:Loopback", "oneseed-loopback"))
    assert config.available_backends() == ("loopback", "numpy")
    init = oneseed.initializers.HeNormal(seed=7)
    for _ in range(3):  # a repeated call, too, is a call of its `draw`
        made = init((3, 3), backend="loopback")
        assert isinstance(made, Tagged)
        assert (made == oneseed.initializers.HeNormal(seed=7)((3, 3))).all()


class Tagged(np.ndarray):
    """A framework's own array type."""


class Loopback(numpy_backend):
    name = "loopback"

    def draw(self, draw, device=None):
        return super().draw(draw, device).view(Tagged)

    def is_tensor(self, x):
        return isinstance(x, Tagged)


def test_an_unknown_name_names_the_nearest(entries):
    with pytest.raises(ValueError, match=r"must be one of 'numpy'\. Did you mean 'numpy'\? Received: backend='numppy'"):
        registry.load("numppy")


def test_a_missing_framework_names_the_command(entries):
    entries.append(entry("fancy", "no_such_framework.adapter:backend", "oneseed"))
    entries.append(entry("plain", "no_such_framework.adapter:backend", "oneseed-plain"))
    with pytest.raises(ImportError, match=r"pip install 'fancy-framework>=1\.2'$"):
        oneseed.set_backend("fancy")
    with pytest.raises(ImportError, match=r"pip install no_such_framework$"):
        oneseed.initializers.Zeros()((1,), backend="plain")
    assert config.backend() == "numpy"


def test_commands_that_install_are_written_in_one_place():
    backends = (f"oneseed_{name}" for name in ("jax", "keras", "numpy", "tensorflow", "torch"))
    folders = [Path(find_spec(name).origin).parent for name in ("oneseed", *backends)]
    files = {file for folder in folders for file in folder.rglob("*.py")}
    assert {file.name for file in files if "pip install" in file.read_text(encoding="utf-8")} == {"requirements.py"}
    assert requirements.pip(*requirements.of_extra("no such", "other")) == "pip install other"


def test_a_broken_adapter_breaks_nothing_until_it_is_asked_for(entries):
    entries.append(entry("broken", "no_such_module:backend", "oneseed-broken"))
    assert "broken" in config.available_backends()
    assert oneseed.initializers.Zeros()((1,)) == 0


def test_two_distributions_with_one_name_are_an_error_that_names_both(entries):
    for owner in ("oneseed-one", "oneseed-other"):
        entries.append(entry("loopback", f"{__name__}:Loopback", owner))
    with pytest.raises(ValueError, match="claimed by oneseed-one and oneseed-other"):
        registry.load("loopback")


def test_no_other_distribution_replaces_a_package_named_after_its_backend(entries):
    entries.append(entry("numpy", f"{__name__}:Loopback", "oneseed-other"))
    assert type(registry.load("numpy")) is numpy_backend


def test_one_distribution_seen_twice_is_no_conflict(entries):
    entries.append(entry("numpy", "oneseed_numpy:backend", "oneseed"))
    assert registry.load("numpy").name == "numpy"


def test_registered_in_the_process(entries):
    config.register_backend("mine", Loopback)
    config.register_backend("mine", Loopback)
    config.register_backend("by-name", "oneseed_numpy:backend")
    assert config.available_backends() == ("by-name", "mine", "numpy")
    with oneseed.using(backend="mine"):
        assert isinstance(oneseed.initializers.Ones()((2,)), np.ndarray)
    assert oneseed.initializers.Ones()((2,), backend="by-name").sum() == 2


@pytest.mark.parametrize(
    "name, target, error, message",
    [
        ("numpy", Loopback, ValueError, "is taken"),
        ("mine", "oneseed_numpy", ValueError, "module:attribute"),
        ("mine", 3, TypeError, "str or a callable"),
        (3, Loopback, TypeError, "`name` must be a str"),
    ],
)
def test_registering_nonsense(entries, name, target, error, message):
    with pytest.raises(error, match=message):
        config.register_backend(name, target)
    assert config.available_backends() == ("numpy",)


def test_a_name_is_registered_for_one_target(entries):
    config.register_backend("mine", Loopback)
    with pytest.raises(ValueError, match="is taken"):
        config.register_backend("mine", numpy_backend)
