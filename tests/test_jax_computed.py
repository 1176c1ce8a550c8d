"""Tensors that Python computes while a program that JAX compiled for a CPU runs, and what may happen meanwhile."""

import os
import pickle
import subprocess
import sys
import textwrap
import threading
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pytest
from frameworks import installed

if not installed("jax"):
    pytest.skip("jax is not installed", allow_module_level=True)

import jax
import jax.numpy as jnp

from oneseed import initializers
from oneseed.distributions import Structured
from oneseed_jax import initializers as door
from oneseed_jax.drawing import makers
from oneseed_jax.drawing.keys import as_int
from oneseed_numpy import engine

pytestmark = pytest.mark.skipif(engine.kernels is None, reason="the kernels are not in use")
KEY = jax.random.key(7)
LARGE = (2049, 3)
"""The shape of a matrix that the kernels do not make."""


def numpy_orthogonal(seed, shape=LARGE, dtype="float32"):
    return initializers.Orthogonal(seed=seed)(shape, dtype, backend="numpy")


def orthogonal(key, shape=LARGE, dtype="float32"):
    return door.orthogonal()(key, shape, dtype)


@dataclass(frozen=True, eq=False, slots=True)
class Applied(Structured):
    """What a function makes of the seed, everywhere."""

    function: Any

    def values(self, draw, host):
        return np.full(draw.block, self.function(draw.seed), draw.dtype)


class Apply(initializers.RandomInitializer):
    def __init__(self, function, seed=None):
        super().__init__(seed)
        self.function = function

    def distribution_for(self, target):
        return Applied(self.function)


def applied(function):
    return jax.jit(lambda key: Apply(function, seed=key)((2, 3), backend="jax"))


def in_a_process(code, **environment):
    run = [sys.executable, "-c", textwrap.dedent(code)]
    variables = {**os.environ, "JAX_PLATFORMS": "cpu", **environment}
    done = subprocess.run(run, env=variables, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return done


# Values ---------------------------------------------------------------------------------------------------------------

INITIALIZERS = {
    "orthogonal": (partial(initializers.Orthogonal, 1.3), LARGE, {}),
    "wide": (initializers.Orthogonal, (3, 2049), {"partition_shape": (2, 5), "partition_offset": (1, 3)}),
    "kernel": (initializers.DeltaOrthogonal, (3, 3, 4, 5), {}),
    "reservoir": (initializers.EchoState, (9, 9), {}),
    "sparse": (partial(initializers.Sparse, 0.5), (9, 7), {}),
    "features": (initializers.OrthogonalFeatures, (9, 7), {}),
    "ball": (initializers.PositiveUnitBall, (9, 7), {"axes": "o i"}),
    "empty": (initializers.EchoState, (0, 0), {}),
}


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", INITIALIZERS)
def test_the_values_of_the_host(name, dtype):
    kind, shape, call = INITIALIZERS[name]

    def draw(key):
        return kind(seed=key)(shape, dtype, backend="jax", path="a", **call)

    compiled = jax.jit(draw).lower(KEY).compile()
    assert "callback" not in compiled.as_text()
    wanted = kind(seed=7)(shape, dtype, backend="numpy", path="a", **call)
    found = np.asarray(compiled(KEY))
    assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape)
    rtol = 1e-5 if dtype == "float32" else 1e-2  # of what is made of BLAS's products
    np.testing.assert_allclose(found.astype("float32"), wanted.astype("float32"), rtol=rtol, atol=1e-6)


def test_wide_and_complex_ones():
    with jax.enable_x64(True):
        for dtype in "float64", "complex64", "complex128":
            found = jax.jit(partial(orthogonal, dtype=dtype))(KEY)
            np.testing.assert_allclose(found, numpy_orthogonal(7, dtype=dtype), atol=1e-6)


def test_every_transformation():
    keys = jax.random.split(KEY, (2, 3))
    wanted = np.stack([numpy_orthogonal(as_int(key)) for key in keys.reshape(-1)]).reshape(2, 3, *LARGE)
    close = partial(np.testing.assert_allclose, atol=1e-6)
    every = jax.vmap(jax.vmap(orthogonal))
    close(every(keys), wanted)
    close(jax.jit(every)(keys), wanted)
    close(jax.lax.map(orthogonal, keys[0]), wanted[0])
    close(jax.jit(lambda keys: jax.lax.scan(lambda sum, key: (sum, orthogonal(key)), 0.0, keys)[1])(keys[0]), wanted[0])
    choose = jax.jit(lambda which, key: jax.lax.cond(which, orthogonal, lambda key: jnp.zeros(LARGE), key))
    close(choose(True, keys[0, 1]), wanted[0, 1])
    added = jax.jit(lambda given, key: given + orthogonal(key), donate_argnums=0)
    close(added(jnp.zeros(LARGE), keys[1, 1]), wanted[1, 1])
    slope = jax.grad(jax.checkpoint(lambda x, key: (x * orthogonal(key)).sum()))
    close(slope(jnp.zeros(LARGE), keys[1, 2]), wanted[1, 2])
    assert jax.eval_shape(orthogonal, KEY).shape == LARGE


# Errors ---------------------------------------------------------------------------------------------------------------


def test_an_error_of_the_function_is_that_of_the_program():
    def fail(seed):
        raise LookupError(f"no value of {seed}: é")

    made = applied(fail)
    for seed in 7, 8:  # and nothing of the first one stays
        with pytest.raises(jax.errors.JaxRuntimeError, match=f"oneseed: (?s:.*)LookupError: no value of {seed}: é"):
            jax.block_until_ready(made(jax.random.key(seed)))
    np.testing.assert_array_equal(applied(lambda seed: seed)(KEY), np.full((2, 3), 7))


def test_a_wrong_answer_of_a_distribution():
    class Wrong(Applied):
        def values(self, draw, host):
            return np.zeros(5)

    class Init(Apply):
        def distribution_for(self, target):
            return Wrong(None)

    with pytest.raises(jax.errors.JaxRuntimeError, match="`values` of Wrong must return an array of shape"):
        jax.block_until_ready(jax.jit(lambda key: Init(None, seed=key)((2, 3), backend="jax"))(KEY))


def test_a_program_of_another_process(monkeypatch):
    compiled = jax.jit(orthogonal).lower(KEY).compile()
    monkeypatch.setattr(makers, "_makers", {})
    with pytest.raises(jax.errors.JaxRuntimeError, match="this program was compiled in another process"):
        jax.block_until_ready(compiled(KEY))


def test_exports_are_refused():
    with pytest.raises(ValueError, match=r"jax\.export"):
        jax.export.export(jax.jit(orthogonal))(KEY)


# Names ----------------------------------------------------------------------------------------------------------------


def test_the_same_draws_have_one_name_and_others_another():
    jax.jit(orthogonal)(KEY)
    before = len(makers._makers)
    jax.jit(lambda key: orthogonal(key) * 2)(jax.random.key(8))
    assert len(makers._makers) == before
    functions = [lambda seed, n=n: n for n in range(3)]
    for _ in range(2):
        for n, function in enumerate(functions):
            assert np.asarray(applied(function)(KEY))[0, 0] == n
    assert len(makers._makers) == before + 3
    assert not any(maker._shared for maker in makers._makers.values())


def answer(seed):
    return 1


def test_a_function_that_is_defined_again(monkeypatch):
    first = applied(answer)
    assert first(KEY)[0, 0] == 1

    def again(seed):
        return 2

    again.__qualname__, again.__module__ = answer.__qualname__, __name__
    monkeypatch.setattr(sys.modules[__name__], "answer", again)
    assert pickle.dumps(again) == pickle.dumps(answer)
    assert applied(again)(KEY)[0, 0] == 2
    assert first(KEY)[0, 0] == 1


def test_distributions_without_a_hash():
    for value in 1.0, 2.0:

        @dataclass(frozen=True)
        class Listed(Structured):
            values_: list

            def values(self, draw, host):
                return np.full(draw.block, self.values_[0], draw.dtype)

        class Init(Apply):
            def distribution_for(self, target, listed=Listed):
                return listed([self.function])

        made = jax.jit(lambda key, init=Init, value=value: init(value, seed=key)((2, 3), backend="jax"))
        assert made(KEY)[0, 0] == value


def test_the_persistent_cache_knows_them(tmp_path):
    code = """
        import jax
        import numpy as np
        from oneseed import initializers
        from oneseed_jax import initializers as door

        hits = []
        jax.monitoring.register_event_listener(lambda name, **more: hits.append(name.endswith("/cache_hits")))

        @jax.jit
        def made(key):
            return door.orthogonal()(key, (2049, 3)), initializers.EchoState(seed=key)((9, 9), backend="jax")

        compiled = made.lower(jax.random.key(7)).compile()
        print(sum(hits))
        wanted = initializers.Orthogonal(seed=7)((2049, 3), backend="numpy")
        np.testing.assert_allclose(compiled(jax.random.key(7))[0], wanted, atol=1e-6)
    """
    cache = {
        "JAX_COMPILATION_CACHE_DIR": str(tmp_path),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "0",
        "JAX_ENABLE_COMPILATION_CACHE": "true",
    }
    first, second = (int(in_a_process(code, **cache).stdout) for _ in range(2))
    assert second > first


# Threads and the end of the process -----------------------------------------------------------------------------------


def test_threads_that_draw_and_wait_at_once():
    inner = jax.jit(orthogonal)
    nested = applied(lambda seed: float(inner(jax.random.key(seed))[0, 0]))
    wanted, problems = [numpy_orthogonal(seed) for seed in range(3)], []

    def work(turn):
        try:
            for seed in range(3):
                found = jax.block_until_ready(inner(jax.random.key(seed)))
                np.testing.assert_allclose(found, wanted[seed], atol=1e-6)
                np.testing.assert_allclose(nested(jax.random.key(seed))[0, 0], wanted[seed][0, 0], atol=1e-6)
                np.testing.assert_allclose(orthogonal(jax.random.key(seed)), wanted[seed], atol=1e-6)
        except BaseException as problem:
            problems.append(problem)

    workers = [threading.Thread(target=work, args=(turn,)) for turn in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not problems


ENDING = """
    import atexit, threading, time
    import jax
    from oneseed import initializers
    from oneseed.distributions import Structured
    import numpy as np

    begun, end = threading.Event(), threading.Event()

    class Slow(Structured):
        def values(self, draw, host):
            begun.set()
            end.wait()
            time.sleep(0.2)
            print("made", flush=True)
            return np.zeros(draw.block, draw.dtype)

    class Init(initializers.RandomInitializer):
        def distribution_for(self, target):
            return Slow()

    made = jax.jit(lambda key: Init(seed=key)((600, 600), backend="jax"))

    def later():
        print("closed", flush=True)
        worker.join()  # for Python does not end well with a thread of its own inside of JAX
        try:
            made(jax.random.key(8)).block_until_ready()
        except Exception as error:  # of a kind that depends on the version
            print(error, flush=True)

    atexit.register(later)  # before oneseed registers its own at the first call, so that it runs after that
    compiled = made.lower(jax.random.key(7)).compile()

    def call():
        made(jax.random.key(7)).block_until_ready()

    worker = threading.Thread(target=call, daemon=True)
    worker.start()
    begun.wait()
    atexit.register(end.set)  # the last one that is registered is the first one that runs
"""


def test_the_end_waits_for_what_is_at_work_and_refuses_what_comes_later():
    done = in_a_process(ENDING)
    first, second, error = done.stdout.splitlines()
    assert (first, second) == ("made", "closed")
    assert "Python is about to end" in error


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_fork_does_not_wait_for_what_is_at_work_in_its_parent():
    code = """
        import os, sys
        from types import SimpleNamespace
        from oneseed_numpy import engine

        def close():
            print("closed by the", "parent" if child else "child", flush=True)

        engine.kernels = SimpleNamespace(xla=lambda threads, make: make, close_xla=close)
        assert engine.xla_function(print) is print
        child = os.fork()
        if child:
            assert os.waitpid(child, 0)[1] == 0
    """
    assert in_a_process(code).stdout == "closed by the parent\n"
