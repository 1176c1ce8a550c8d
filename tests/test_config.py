"""Settings: defaults of the process, overrides of a scope, and who sees which."""

import asyncio
import os
import subprocess
import sys
import threading

import pytest

import oneseed
from oneseed import config, settings
from oneseed.initializers import Zeros


def test_defaults_are_those_of_keras():
    assert config.backend() == "numpy"
    assert config.floatx() == "float32"
    assert config.epsilon() == 1e-7
    assert config.image_data_format() == "channels_last"
    assert config.rng() == "portable"


def test_setters_store():
    oneseed.set_floatx("bfloat16")
    config.set_epsilon(1e-5)
    config.set_image_data_format("channels_first")
    config.set_rng("portable")
    oneseed.set_backend("numpy")
    assert settings.in_force() == ("numpy", "bfloat16", 1e-5, "channels_first", "portable")
    assert Zeros()((1,)).dtype.name == "bfloat16"


def test_a_setter_is_seen_by_every_thread():
    oneseed.set_floatx("float16")
    seen = []
    thread = threading.Thread(target=lambda: seen.append(oneseed.floatx()))
    thread.start()
    thread.join()
    assert seen == ["float16"]


def test_using_is_undone_also_after_an_error():
    with pytest.raises(ZeroDivisionError), oneseed.using(floatx="float64"):
        1 / (oneseed.floatx() != "float64")
    assert oneseed.floatx() == "float32"


def test_using_nests_and_keeps_what_it_does_not_name():
    with oneseed.using(floatx="float64"), oneseed.using(backend="numpy", rng="portable") as inner:
        assert inner.floatx == "float64"


def test_a_setter_inside_using_changes_the_default_not_the_scope():
    with oneseed.using(floatx="float64"):
        oneseed.set_floatx("float16")
        assert oneseed.floatx() == "float64"
    assert oneseed.floatx() == "float16"


def test_using_is_not_seen_by_other_threads_and_tasks():
    seen = {}

    def work(name):
        with oneseed.using(floatx=name):
            barrier.wait(timeout=10)
            seen[name] = Zeros()((1,)).dtype.name
            barrier.wait(timeout=10)

    names = list(config.FLOATX)
    barrier = threading.Barrier(len(names))
    threads = [threading.Thread(target=work, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {name: name for name in names}

    async def task(name):
        with oneseed.using(floatx=name):
            await asyncio.sleep(0)
            return oneseed.floatx()

    async def tasks():
        return await asyncio.gather(*map(task, names))

    assert asyncio.run(tasks()) == names


def test_using_with_a_bad_value_changes_nothing():
    with pytest.raises(ValueError, match="floatx"), oneseed.using(backend="numpy", floatx="float8"):
        pass
    assert settings.in_force().floatx == "float32"


def run(code, **env):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, **env}, check=False
    )


def test_the_environment_names_the_generator():
    assert run("import oneseed; print(oneseed.config.rng())", ONESEED_RNG="native").stdout == "native\n"
    assert run("import oneseed; print(oneseed.config.rng())", ONESEED_RNG="").stdout == "portable\n"
    failed = run("import oneseed", ONESEED_RNG="nativ")
    assert "`ONESEED_RNG` must be one of 'native', 'portable'. Did you mean 'native'?" in failed.stderr


def test_the_environment_names_the_backend():
    assert run("import oneseed; print(oneseed.config.backend())", ONESEED_BACKEND="other").stdout == "other\n"
    assert run("import oneseed; print(oneseed.config.backend())", ONESEED_BACKEND="").stdout == "numpy\n"
    failed = run("import oneseed; oneseed.initializers.Zeros()((1,))", ONESEED_BACKEND="nunpy")
    assert "Did you mean 'numpy'?" in failed.stderr
    works = "import oneseed; oneseed.set_backend('numpy'); print(oneseed.initializers.Zeros()((1,)))"
    assert run(works, ONESEED_BACKEND="nunpy").stdout == "[0.]\n"


def test_what_the_environment_must_not_hold_is_refused_at_import():
    code = """
import os
for name in ("ONESEED_RNG", "ONESEED_NUM_THREADS", "ONESEED_KERNEL"):
    os.environ[name] = "of another"
    try:
        import oneseed
    except ValueError as error:
        print(error.__cause__ is None, error.__context__ is None, error)
    del os.environ[name]
import oneseed
print(oneseed.initializers.Ones()((1,)))
"""
    done = run(code)
    assert done.stderr == ""
    *refused, last = done.stdout.splitlines()
    assert last == "[1.]"  # once it is mended, in the same process
    for line, name, accepted in zip(
        refused,
        ("ONESEED_RNG", "ONESEED_NUM_THREADS", "ONESEED_KERNEL"),
        ("one of 'native', 'portable'.", "a positive integer.", "one of "),
        strict=True,
    ):
        assert line.startswith(f"True True `{name}` must be {accepted}")
        assert line.endswith(f"Received: {name}='of another'")
    assert "'numpy'" in refused[-1]
