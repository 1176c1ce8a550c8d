"""What an import loads, and what the sources import."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from frameworks import installed

SOURCES = Path(__file__).parents[1]
CORE = sorted((SOURCES / "src" / "oneseed").rglob("*.py"))

# The command line and printed tables are not part of what `import oneseed` loads.
COMMAND = {
    *("app.py", "catalogue.py", "completion.py", "init.py", "parity_table.py", "plan_table.py", "sample_table.py"),
    *("sampling.py", "verify.py"),
}
# What is imported inside a function, where it is needed, beside the standard library and NumPy.
ON_DEMAND = {
    "dtypes.py": {"ml_dtypes"},
    "files.py": {"safetensors"},
    "fourier.py": {"scipy"},
    "plotting.py": {"matplotlib", "ml_dtypes"},
    "fill.py": {"rich"},
    "progress.py": {"rich"},
    "scheme.py": {"tomli_w"},
}


def imported(file):
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0]


@pytest.mark.parametrize("file", CORE, ids=lambda file: str(file.relative_to(SOURCES)))
def test_the_core_imports_the_standard_library_and_numpy(file):
    foreign = set(imported(file)) - set(sys.stdlib_module_names) - {"oneseed", "numpy"}
    allowed = {"typer", "rich"} if file.name in COMMAND else ON_DEMAND.get(file.name, set())
    assert foreign <= allowed


def loaded_by(code):
    listing = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"{code}; import sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return {name.partition(".")[0] for name in listing.stdout.split()}


def test_import_loads_no_framework_and_nothing_heavy():
    extra = loaded_by("import oneseed") - loaded_by("import numpy")
    assert extra - set(sys.stdlib_module_names) == {"oneseed", "oneseed_numpy"}
    code = "import numpy, sys; a = set(sys.modules); import oneseed{}; print(*(set(sys.modules) - a))"
    draw = "; oneseed.initializers.HeNormal()((4, 4), path='w')"
    for then in ("", draw):
        done = subprocess.run([sys.executable, "-c", code.format(then)], capture_output=True, text=True, check=True)
        # What takes long to load, such as OpenSSL, which comes with `hashlib`, and the numbers of `fractions`.
        assert {"importlib.metadata", "_hashlib", "fractions", "zlib"}.isdisjoint(done.stdout.split())


def test_listing_backends_loads_none():
    loaded = loaded_by("import oneseed; oneseed.config.available_backends()")
    assert loaded.isdisjoint({"oneseed_torch", "oneseed_jax", "oneseed_tensorflow"})


def test_float32_draws_need_numpy_alone():
    extra = loaded_by("import oneseed; oneseed.initializers.HeNormal(7)((2, 2))") - loaded_by("import numpy")
    assert extra - set(sys.stdlib_module_names) == {"oneseed", "oneseed_numpy"}


@pytest.mark.parametrize(
    ("package", "names"),
    [
        ("oneseed", ["checkpoint", "distributions", "layouts", "random", "rules", "schemes", "testing"]),
        ("oneseed_torch", ["init"]),
        ("oneseed_jax", ["initializers"]),
    ],
)
def test_a_module_of_a_package_is_there_without_an_import_of_its_own(package, names):
    framework = package.removeprefix("oneseed").removeprefix("_")
    if framework and not installed(framework):
        pytest.skip(f"{framework} is not installed")
    asked = ", ".join(f"{package}.{name}.__name__" for name in names)
    done = subprocess.run(
        [sys.executable, "-c", f"import {package}; print({asked})"], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [f"{package}.{name}" for name in names]


FIRST_USES = {
    "star": "from oneseed.initializers import *; assert sparse is Sparse is I.Sparse and sum(range(3)) == 3",
    "a module": "assert I.convolutions.__name__ == 'oneseed.initializers.convolutions'",
    "a class's module": "import oneseed.initializers.matrices.orthogonal; assert I.orthogonal is I.Orthogonal",
    "dir": "first = dir(I); assert first == dir(I) and set(I.__all__) < set(first)",
    "vars": "I.get('ring'); assert eval('Ring()', vars(I)).get_config() == I.ring().get_config()",
    "no more modules": "assert not hasattr(I, 'random') and not hasattr(I, 'constants') and not hasattr(I, 'scaling')",
    "a name of Python": "assert not hasattr(I, 'range') and not hasattr(I, 'sum') and not hasattr(I, 'Rnig')",
    "one that is replaced": "I.HeNormal = I.Line = int; I.Ring; I.__all__; assert (I.HeNormal, I.Line) == (int, int)",
}
"""What a program may do first, with ``oneseed.initializers`` as ``I``."""


@pytest.mark.parametrize("name", FIRST_USES)
def test_the_first_use_of_an_initializer_that_is_not_loaded(name):
    code = f"import oneseed.initializers as I; assert 'Ring' not in vars(I); {FIRST_USES[name]}"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


INTERRUPTED = """
import oneseed.initializers as I
from oneseed.initializers import known

def enter(name, *aliases, **facts):
    if name == "line":
        raise KeyboardInterrupt
    return entered(name, *aliases, **facts)

entered, known.known = known.known, enter
try:
    I.HiPPO
except KeyboardInterrupt:
    known.known = entered
assert "ring" in known._aliases  # from the same module, which is gone
ring = I.get("ring")
assert type(ring) is I.Ring is I.ring
assert type(I.deserialize(I.serialize(I.Line()))) is I.line
"""


def test_an_import_of_initializers_that_is_interrupted_is_done_again():
    subprocess.run([sys.executable, "-W", "error", "-c", INTERRUPTED], check=True)
