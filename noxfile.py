# /// script
# requires-python = ">=3.11"
# dependencies = ["nox>=2025.2.9"]
# ///
"""Everything that is checked: `nox` runs it all, each session in an environment of its own."""

import os
import re
import shutil
from pathlib import Path

import nox

# virtualenv and pip, whatever else is installed, so that every machine resolves the same way.
nox.options.default_venv_backend = "virtualenv"
nox.options.error_on_missing_interpreters = True
# Most of a framework is never imported; what is, is compiled then, once for all the processes of a session.
os.environ["PIP_NO_COMPILE"] = "1"
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

BACKENDS = ["numpy", "torch", "jax", "tensorflow"]
OWN = {
    "numpy": "numpy",
    "torch": "torch or test_filling or test_triton",
    "jax": "jax or test_pallas",
    "tensorflow": "tensorflow or test_keras_strategies",
}
"""Which tests are for a backend, as pytest's -k: those whose file, name or parameters name it."""

LIBRARIES = {"torch": ["triton", "transformers"], "jax": ["flax", "haiku", "equinox"]}
"""What goes with a framework, by import name; each session must test what it has installed."""

# The examples of a page, and tests that share what is slow to make, stay together.
PARALLEL = ["--numprocesses", "auto", "--dist", "loadfile"]

PROJECT = nox.project.load_toml("pyproject.toml")


def group(name: str) -> list[str]:
    """Return the requirements of a dependency group."""
    return nox.project.dependency_groups(PROJECT, name)


SCHEMAS = [
    ("vendor.github-workflows", ".github/workflows/*.yml"),
    ("custom.github-workflows-require-timeout", ".github/workflows/*.yml"),
    ("vendor.dependabot", ".github/dependabot.yml"),
    ("vendor.github-issue-config", ".github/ISSUE_TEMPLATE/config.yml"),
    ("vendor.github-issue-forms", ".github/ISSUE_TEMPLATE/[!c]*.yml"),
    ("vendor.citation-file-format", "CITATION.cff"),
]
"""The schemas of files that nothing here runs."""


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, formatting, that imports only lead down, and the files that others read by their schemas."""
    session.install("-e", ".", *group("lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports", "--no-cache")
    for schema, pattern in SCHEMAS:
        session.run("check-jsonschema", "--builtin-schema", schema, *map(str, sorted(Path().glob(pattern))))


@nox.session
def typing(session: nox.Session) -> None:
    """Check types."""
    session.install("-e", ".", *group("typing"))
    session.run("mypy")


REACH = Path(".nox", "reach")
"""What each session's tests came to, by which `reach` finds those that were skipped everywhere."""

started: set[str] = set()
"""The sessions of this run that have begun to write there."""


def pytest(session: nox.Session, *arguments: str, required: str = "", **env: str) -> None:
    """Run tests on all cores; what is `required` must not be skipped."""
    outcomes = REACH / f"{session.name}.jsonl"
    if session.name not in started:
        started.add(session.name)
        REACH.mkdir(parents=True, exist_ok=True)
        outcomes.unlink(missing_ok=True)
    session.run(
        *("python", "-m", "pytest", *PARALLEL, *arguments, *session.posargs),
        env={
            "ONESEED_TEST_BACKENDS": required,
            "ONESEED_TEST_REACH": str(outcomes),
            **env,
        },
    )


@nox.session
def core(session: nox.Session) -> None:
    """Run all tests, and the examples of README, docs and docstrings, without a framework; arguments go to pytest."""
    session.install("-e", ".", *group("test"))
    pytest(session)


BITS = ("kernels", "threads", "plans", "repeating", "known_answers", "reference", "blocks", "parity", "orthogonal")
"""The tests of the bits, every known answer and reference, by the names of their files."""


@nox.session
def kernel(session: nox.Session) -> None:
    """Run the tests of the bits in each compiled kernel of this processor, and with none."""
    session.install("-e", ".", *group("test"), env={"ONESEED_REQUIRE_KERNEL": "1"})
    script = "import oneseed.initializers._recall; from oneseed_numpy import _kernel; print(*_kernel.kernels)"
    names = session.run("python", "-c", script, silent=True).split()
    tests = [f"tests/test_{name}.py" for name in BITS]
    for name in names:
        pytest(session, *tests, required="kernel", ONESEED_KERNEL=name)
    pytest(session, *tests, ONESEED_KERNEL="numpy")
    session.run("oneseed", "backends")


@nox.session
def native(session: nox.Session) -> None:
    """Check the known answers in C: on this processor, and where the tools are there on emulated ARM and s390x."""
    session.install("-e", ".", env={"ONESEED_REQUIRE_KERNEL": "1"})
    fast = "-Ofast -march=native -funsigned-char"  # a user's flags, which change no bit
    tools = [("", "cc", "", fast), ("", "clang", "", "-O3")]
    tools += [(f"qemu-{name}", f"{name}-linux-gnu-gcc", "-static", "-O3") for name in ("aarch64", "s390x")]
    for run, compiler, flags, given in tools:
        if not all(shutil.which(tool) for tool in (run, compiler) if tool):
            session.log(f"not checked with {compiler}, which is not installed")
            continue
        options = f"CC={compiler}", f"CFLAGS={given}", f"LDFLAGS={flags}", f"RUN={run}"
        make(session, "check", *options, folder=compiler)


BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


@nox.session
def javascript(session: nox.Session) -> None:
    """Check the page "Try it", stream v1 in JavaScript, under Node, and in Chromium where one is found."""
    session.install("-e", ".", *group("test"), *group("javascript"))
    pytest(session, "tests/test_javascript.py", required="node")
    found = [name for name in BROWSERS if shutil.which(name)]
    if not found:
        session.log("not checked in a browser: no Chromium is installed")
        return
    session.run("python", "tests/tools/check_page.py", found[0])


@nox.session
def sanitize(session: nox.Session) -> None:
    """Call the C library at random under the sanitizers for addresses and undefined behaviour; arguments go to make."""
    if not shutil.which("clang"):
        session.skip("clang is not installed")  # GCC takes very long for the plain kernel with sanitizers
    options = "CC=clang", "CFLAGS=-O1", "SANITIZE=address,undefined"
    make(session, "stress", *options, "SECONDS=10", *session.posargs, folder="sanitized")


def make(session: nox.Session, target: str, *arguments: str, folder: str) -> None:
    """Build and run a target of ``native/`` in a folder of its own."""
    build = Path("build", folder).absolute()
    session.run("make", "-C", "native", target, f"BUILD={build}", "PYTHON=python", *arguments, external=True)


@nox.session
def no_compiler(session: nox.Session) -> None:
    """Install where no compiler is found: it succeeds and NumPy draws the same, unless the kernel is required."""
    hidden = {"CC": str(Path(session.create_tmp(), "no-such-compiler")), "ONESEED_REQUIRE_KERNEL": ""}
    for how in ([], ["-e"]):
        session.install("--force-reinstall", *how, ".", env=hidden)
        session.run("python", "-c", "import oneseed_numpy.engine as e; assert e.kernels is None")
        session.run("python", "-c", "from oneseed.initializers import plans as p; assert p.recall is p.interpreted")
        session.run("oneseed", "parity", "--backend", "numpy")
    session.install("--force-reinstall", ".", env={**hidden, "ONESEED_REQUIRE_KERNEL": "1"}, success_codes=[1])


@nox.session
@nox.parametrize("name", BACKENDS, ids=BACKENDS)
def backend(session: nox.Session, name: str) -> None:
    """Run the tests of one backend beside the real framework, and the real Keras on it."""
    # Keras runs on NumPy only where another framework is installed too, so there it borrows JAX.
    session.install(*group("jax" if name == "numpy" else name), *group("keras"), *group("test"))
    libraries = LIBRARIES.get(name, [])
    if libraries:
        session.install(*group(f"{name}-libraries"))
    session.install("-e", ".")
    required = " ".join([name, "keras", *libraries, *(["tf_keras"] if name == "tensorflow" else [])])
    pytest(session, "tests", "-k", OWN[name], required=required)
    if name != "numpy":  # whose docstrings have no examples
        keras = ["backends/oneseed_keras"] if name == "tensorflow" else []
        # In one process: classes that are made when they are imported come in no fixed order.
        pytest(session, f"backends/oneseed_{name}", *keras, "--numprocesses=0", required=required)
    # Every refusal of the core, with this backend in force: the same type and the same message.
    refusals = [f"tests/test_bad_{name}.py" for name in ("arguments", "numbers", "calls")]
    pytest(session, *refusals, required=name, ONESEED_BACKEND=name, JAX_ENABLE_X64="1")


@nox.session
def together(session: nox.Session) -> None:
    """Run the tests with all frameworks in one process, those that compare frameworks among them.

    After the sessions of the core and the backends in one run of nox, files that took long and passed there are not
    repeated.
    """
    session.install(*group("torch"))
    session.install(*group("jax"), *group("tensorflow"), *group("keras"), *group("test"))
    session.install(*group("torch-libraries"), *group("jax-libraries"))
    session.install("-e", ".")
    libraries = [library for found in LIBRARIES.values() for library in found]
    required = " ".join([*BACKENDS, "keras", "tf_keras", *libraries])
    before = [str(REACH / f"{name}.jsonl") for name in started if name.startswith(("core", "backend"))]
    pytest(session, "tests", "docs", required=required, ONESEED_TEST_BEFORE=os.pathsep.join(before))
    session.run("oneseed", "parity")


LOWEST = {"core": ["safetensors", "plot"], "jax": ["jax"], "tensorflow": ["tensorflow"]}
"""The extras of which the lowest versions are installed together."""


@nox.session
@nox.parametrize("name", list(LOWEST), ids=list(LOWEST))
def lowest(session: nox.Session, name: str) -> None:
    """Run known answers, contract, kernels, JAX's programs and the command with the lowest versions allowed."""
    extras = PROJECT["project"]["optional-dependencies"]
    allowed = PROJECT["project"]["dependencies"] + [each for extra in LOWEST[name] for each in extras[extra]]
    session.install(*(requirement.replace(">=", "==") for requirement in allowed), *group("bits"))
    session.install("-e", ".", env={"ONESEED_REQUIRE_KERNEL": "1"})
    # An old version may be warned of by its own, newer dependencies.
    tests = ["-W", "ignore::DeprecationWarning", "tests/test_known_answers.py", "tests/test_contract.py"]
    if name == "core":
        tests += [f"tests/test_{own}.py" for own in ("kernels", "cli", "cli_catalogue", "plot", "from_file")]
        pytest(session, *tests, required="matplotlib safetensors kernel")
        return
    if name == "jax":  # what depends most on its version
        own = "derivation", "keys", "matrices", "meshes", "operation", "programs", "recording", "trees"
        tests += [f"tests/test_jax_{each}.py" for each in own]
    slow = "not processes_may_end"  # which takes as long as all others
    pytest(session, *tests, "-k", f"{name} and {slow}", required=name)


@nox.session
def mlx(session: nox.Session) -> None:
    """Install the example of a backend, for MLX, as its users would; hold it to the contract and the known answers."""
    session.install("-e", ".", "./examples/oneseed_mlx", *group("test"))
    pytest(session, "-k", "mlx", "tests/test_contract.py", required="mlx")
    session.run("oneseed", "parity", "--backend", "mlx")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation; a broken link is an error."""
    session.install("-e", ".", *group("docs"))
    session.run(
        "mkdocs", "build", "--strict", "--site-dir", session.create_tmp() + "/site", env={"NO_MKDOCS_2_WARNING": "1"}
    )


@nox.session
def wheel(session: nox.Session) -> None:
    """Run the README's first command in an empty environment; build what is released, and test that."""
    readme = Path("README.md").read_text(encoding="utf-8")
    install, _, sample = re.search(r"^\$ (pip install \. && .*)$", readme, re.MULTILINE)[1].partition(" && ")
    session.run(*install.split(), env={"ONESEED_REQUIRE_KERNEL": "1"})
    printed = session.run(*sample.split(), silent=True)
    session.log(printed)
    fingerprint = re.search(r"fingerprint `(\w+)`", readme)[1]
    if fingerprint not in printed:
        session.error(f"the command did not print the fingerprint {fingerprint}")
    folder = Path(session.create_tmp(), "dist").absolute()
    shutil.rmtree(folder, ignore_errors=True)
    session.install(*group("release"), *group("bits"), *PROJECT["build-system"]["requires"])
    # The wheel is made from the archive of sources, which must therefore hold all it takes.
    build = "python", "-m", "build", "--no-isolation", "--outdir", str(folder)
    session.run(*build, env={"ONESEED_REQUIRE_KERNEL": "1"})
    session.run("twine", "check", "--strict", *map(str, folder.iterdir()))
    (built,), (sources,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    if "abi3" not in built.name or built.stat().st_size >= 10**6:
        session.error(f"{built.name} must be for the limited API and below 1 MB: {built.stat().st_size} bytes")
    session.install("--force-reinstall", "--no-deps", str(built))
    shutil.unpack_archive(sources, folder, filter="data")
    unpacked = folder / sources.name.removesuffix(".tar.gz")
    session.run("python", "tests/tools/versions.py", str(built), str(unpacked))
    session.chdir(unpacked)
    tests = "tests/test_known_answers.py", "tests/test_imports.py"
    session.run("python", "-m", "pytest", "-p", "no:cacheprovider", *tests)
    session.run("python", "-W", "error", "-c", "import oneseed.initializers._recall")
    session.run("python", "-W", "error", "-m", "oneseed", "backends")
    session.run("oneseed", "sample", "he_norml", "--shape", "3", success_codes=[2])


@nox.session(venv_backend="none")
def reach(session: nox.Session) -> None:
    """Check that no test was skipped in every session, but for those that need a GPU."""
    session.run("python3", "tests/tools/reach.py", str(REACH), *session.posargs)


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Run the benchmarks; nothing else should run meanwhile."""
    session.install(".")
    session.run("python", "benchmarks/import_time.py")
    session.run("python", "benchmarks/numpy_draws.py")
    session.install(*group("torch"))
    session.install(*group("jax"), *group("tensorflow"), *group("keras"))
    session.run("python", "benchmarks/small.py")
    session.run("python", "benchmarks/cpu.py", "--compare", "benchmarks/cpu.json", *session.posargs)
    session.run("python", "benchmarks/growth.py")
    session.run("python", "benchmarks/checkpoint.py")
    session.install(*group("models"))
    session.run("python", "benchmarks/models.py")
    session.run("python", "benchmarks/jax_compile.py")


if __name__ == "__main__":
    nox.main()
