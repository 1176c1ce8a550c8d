"""What surrounds a call does not change it: earlier calls, forks, threads, what users set for their own arithmetic."""

import os
import signal
import subprocess
import sys
import threading
import time
import warnings

import numpy as np
import pytest
import reference
from frameworks import ALL

import oneseed
from oneseed import initializers as I
from oneseed import registry, seeds
from oneseed.distributions import Complex, Fill, Normal, TruncatedNormal, Uniform
from oneseed.distributions.recipes import recipe
from oneseed.host_arrays import to_numpy
from oneseed.initializers import known
from oneseed.stream.sample import Recipe

FLOATS = ("bfloat16", "complex128", "complex64", "float16", "float32", "float64", "float8_e4m3fn", "float8_e5m2")
EXAMPLES = [entry for entry in known.entries().values() if entry.cls is not I.FromFile]
SMALL = [
    "Constant([1e-40, 2.0, 1e-320])",
    "Constant(1e-300)",
    "Assign(np.full(3, 1e-44))",
    "RandomNormal(1e-300, 1e-45, 1)",
    "TruncatedNormal(0.0, 1e-44, 1)",
    "TruncatedNormal(0.0, 1.0, 1, lower=5.0, upper=7.0)",
    "TruncatedNormal(0.0, 1e-10, 1, lower=-1e-9, upper=1e-9, bounds='absolute', std='after')",
    "RandomUniform(-1e-44, 1e-45, 1)",
    "VarianceScaling(1e-80, seed=1)",
    "Scaled(RandomNormal(1.0, 1.0, 1), 1e-42)",
    "Sum([RandomNormal(0.0, 1e-30, 1), RandomNormal(0.0, 1e-44, 1)])",
    "Orthogonal(1e-42, 1)",
    "RandomSign(value=1e-300, seed=1)",
    "MambaDtBias(1e-300, 1e-299, seed=1)",
]
"""Expressions of initializers with values that a narrow dtype flushes or rounds to zero."""

CASES = [
    *((entry.example, entry.shape) for entry in EXAMPLES),
    *((text, (3,) if "Orth" not in text else (3, 3)) for text in SMALL),
]


def everything_forgotten():
    recipe.cache_clear()
    for name, module in list(sys.modules.items()):
        if name.startswith("oneseed."):
            for value in list(vars(module).values()):
                if hasattr(value, "cache_clear") and getattr(value, "__module__", "").startswith("oneseed.exact"):
                    value.cache_clear()


@pytest.mark.parametrize(("example", "shape"), CASES, ids=[text[:40] for text, _ in CASES])
@pytest.mark.parametrize("kernels", [True, False], ids=["kernels", "numpy"])
def test_what_the_user_has_set_for_numpys_errors(example, shape, kernels, monkeypatch):
    if not kernels:
        monkeypatch.setattr("oneseed_numpy.engine.kernels", None)
    init = eval(example, {**vars(I), "np": np})
    for dtype in FLOATS:
        try:
            want = init(shape, dtype, backend="numpy")
        except ValueError:  # not of this dtype
            continue
        for errors in ("raise", "warn"):
            everything_forgotten()
            with np.errstate(all=errors), warnings.catch_warnings(), np.printoptions(precision=1, legacy="1.13"):
                warnings.simplefilter("error")
                again = eval(example, {**vars(I), "np": np})
                found = init(shape, dtype, backend="numpy")
                assert again.describe(shape, dtype).distribution is not None
                assert oneseed.fingerprint(found) == oneseed.fingerprint(want)


def test_arithmetic_of_the_users_functions_is_theirs():
    class Logarithm(I.RandomInitializer):
        def distribution_for(self, target):
            return oneseed.distributions.Elementwise(Uniform(0.0, 1.0), lambda u: np.log(u * 0))

    for init in (Logarithm(1), I.Blockwise([lambda shape, dtype: np.ones(shape) / np.zeros(shape)], [3])):
        with np.errstate(all="raise"), pytest.raises(FloatingPointError):
            init((3,))


# The sign of zero

ZEROS = [
    ("RandomUniform(0.0, 0.0, 1)", "RandomUniform(-0.0, 0.0, 1)"),
    ("RandomUniform(0.0, 0.0, 1)", "RandomUniform(-0.0, -0.0, 1)"),
    ("RandomUniform(0.0, 1e-46, 1)", "RandomUniform(-0.0, 1e-46, 1)"),
    ("RandomNormal(0.0, 0.0, 1)", "RandomNormal(-0.0, 0.0, 1)"),
    ("RandomNormal(0.0, 0.0, 1)", "RandomNormal(0.0, -0.0, 1)"),
    ("TruncatedNormal(0.0, 0.0, 1)", "TruncatedNormal(-0.0, 0.0, 1)"),
    ("TruncatedNormal(0.0, 0.0, 1)", "TruncatedNormal(0.0, -0.0, 1)"),
    ("TruncatedNormal(0.0, 1.0, 1, lower=0.0)", "TruncatedNormal(0.0, 1.0, 1, lower=-0.0)"),
    ("Constant(0.0)", "Constant(-0.0)"),
    ("Constant(0)", "Constant(-0.0)"),
    ("Constant(False)", "Constant(-0.0)"),
    ("Constant([0.0])", "Constant([-0.0])"),
    ("Constant(0j)", "Constant(complex(-0.0, -0.0))"),
    ("Identity(0.0)", "Identity(-0.0)"),
    ("Orthogonal(0.0, 1)", "Orthogonal(-0.0, 1)"),
    ("Scaled(Ones(), 0.0)", "Scaled(Ones(), -0.0)"),
    ("RandomSign(value=0.0, seed=1)", "RandomSign(value=-0.0, seed=1)"),
]


@pytest.mark.parametrize("backend", ALL)
def test_the_sign_of_zero_does_not_depend_on_earlier_calls(backend):
    def made(text):
        return to_numpy(eval(text, vars(I))((4, 4), backend=backend)).tobytes()

    first = {}
    for pair in ZEROS:
        for text in pair:
            everything_forgotten()
            first[text] = made(text)
    for one, other in ZEROS:
        assert [made(text) for text in (other, one, other, one)] == [first[text] for text in (other, one, other, one)]
        for text in (one, other):
            assert first[text] == eval(text, vars(I))((4, 4), backend="numpy").tobytes(), text


def uniform(*bounds):
    return lambda *at: reference.uniform(*at, *bounds, "float32")


@pytest.mark.parametrize("kernels", [True, False], ids=["kernels", "numpy"])
@pytest.mark.parametrize(
    ("text", "element"),
    [
        ("RandomUniform(0.0, 0.0, 1)", uniform(0.0, 0.0)),
        ("RandomUniform(-0.0, 0.0, 1)", uniform(-0.0, 0.0)),
        ("RandomUniform(-0.0, 1e-46, 1)", uniform(-0.0, 1e-46)),
        ("RandomUniform(-1e-46, 0.0, 1)", uniform(-1e-46, 0.0)),
        ("RandomNormal(0.0, 0.0, 1)", lambda *at: reference.normal(*at, 0.0, 0.0, "float32")),
        ("RandomNormal(-0.0, -0.0, 1)", lambda *at: reference.normal(*at, -0.0, -0.0, "float32")),
        ("TruncatedNormal(0.0, 0.0, 1)", lambda *at: reference.truncated_normal(*at, 0.0, 0.0, "float32")),
        ("TruncatedNormal(-0.0, 0.0, 1)", lambda *at: reference.truncated_normal(*at, -0.0, 0.0, "float32")),
        ("TruncatedNormal(0.0, -0.0, 1)", lambda *at: reference.truncated_normal(*at, 0.0, -0.0, "float32")),
    ],
)
def test_the_signs_of_zeros_are_those_of_the_definition(text, element, kernels, monkeypatch):
    if not kernels:
        monkeypatch.setattr("oneseed_numpy.engine.kernels", None)
    found = reference.patterns(eval(text, vars(I))((16,)))
    assert found == [reference.bits(element(1, 0, i), "float32") for i in range(16)]


@pytest.mark.parametrize(("one", "other"), ZEROS)
def test_distributions_are_equal_if_their_bits_are(one, other):
    plus, minus = (eval(text, vars(I)).describe((4, 4)).distribution for text in (one, other))
    assert plus != minus
    assert plus == eval(one, vars(I)).describe((4, 4)).distribution
    assert hash(plus) == hash(eval(one, vars(I)).describe((4, 4)).distribution)


def test_equal_distributions():
    assert Uniform(0, 1) == Uniform(0.0, 1.0) == Uniform(np.float64(0), np.float32(1))
    assert Fill(1) == Fill(1.0) == Fill(True)
    assert Normal(1.0) != TruncatedNormal(1.0) != Uniform(1.0) != 3
    assert Complex(Normal(0.0), Normal()) != Complex(Normal(-0.0), Normal())
    assert Fill(complex(1, 0.0)) != Fill(complex(1, -0.0))
    assert {Uniform(0.0, 1.0): 1}[Uniform(0, 1)] == 1
    scale = np.float32(1)
    zeros = [Recipe("uniform", "float32", "float32", 32, scale, None, zero, scale) for zero in np.float32([0.0, -0.0])]
    assert zeros[0] != zeros[1] != 3
    assert zeros[0] == zeros[0]._replace()
    assert len({*zeros, zeros[0]._replace()}) == 2


# Forks

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")


@forks
@pytest.mark.parametrize("lock", ["seeds", "registry"])
def test_a_fork_while_another_thread_holds_a_lock(lock):
    generator, held, done = oneseed.SeedGenerator(5), threading.Event(), threading.Event()
    expected = oneseed.random.normal((2,), seed=oneseed.SeedGenerator(5))

    def hold():
        with {"seeds": seeds, "registry": registry}[lock]._lock:
            held.set()
            done.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", RuntimeWarning)
        child = os.fork()
    if child == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(20)
        oneseed.config.register_backend("another", "oneseed_numpy:backend")
        drawn = [oneseed.random.normal((2,), seed=seed, backend="another") for seed in (generator, None)]
        os._exit(0 if (drawn[0] == expected).all() and I.HeNormal().seed else 1)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    done.set()
    thread.join()
    assert status == 0, "the child hung" if status == -signal.SIGALRM else status


@forks
def test_forks_amid_threads_that_count(capfd):
    # Many short locks are held at the time of each fork; none of the children waits for one.
    generator, stop = oneseed.SeedGenerator(5), threading.Event()

    def count():
        while not stop.is_set():
            generator.next()
            oneseed.SeedGenerator()

    threads = [threading.Thread(target=count) for _ in range(3)]
    for thread in threads:
        thread.start()
    statuses = []
    for _ in range(20):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            child = os.fork()
        if child == 0:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(20)
            generator.next()
            oneseed.SeedGenerator()
            os._exit(0)
        statuses.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        time.sleep(0.005)
    stop.set()
    for thread in threads:
        thread.join()
    assert statuses == [0] * 20


def test_generators_are_copied_without_a_lock():
    import copy
    import pickle

    generator = oneseed.SeedGenerator(5)
    generator.next()
    for again in (copy.deepcopy(generator), pickle.loads(pickle.dumps(generator))):
        assert (again.seed, again.next(), again.get_config()) == (5, 1, {"seed": 5})
    assert generator.count == 1


def test_optimized_python_draws_the_same():
    code = "import oneseed; print(oneseed.fingerprint(oneseed.initializers.TruncatedNormal(0, 1, 7, lower=5)((8, 8))))"
    code = code.replace("lower=5", "lower=5, upper=6")
    plain, optimized = (
        subprocess.run([sys.executable, *flags, "-c", code], capture_output=True, text=True, check=True).stdout
        for flags in ((), ("-OO",))
    )
    assert plain == optimized
