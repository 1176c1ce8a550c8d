"""Processes and tasks: each draws what it would draw alone."""

import asyncio
import multiprocessing
import os
import subprocess
import sys
import warnings

import pytest
from frameworks import ALL

import oneseed
from oneseed.initializers import HeNormal

WORK = (
    "import sys, oneseed; print(oneseed.fingerprint(oneseed.initializers.HeNormal(7)((64, 32), backend=sys.argv[1])))"
)


@pytest.mark.parametrize("name", ALL)
def test_a_new_process_draws_the_same(name):
    done = subprocess.run(
        [sys.executable, "-c", WORK, name],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    assert done.stdout.strip() == oneseed.fingerprint(HeNormal(7)((64, 32)))


def drawn(queue):
    queue.put((oneseed.fingerprint(HeNormal(7)((64, 32))), HeNormal().seed))


@pytest.mark.parametrize("method", [m for m in ("fork", "spawn") if m in multiprocessing.get_all_start_methods()])
def test_children_draw_the_same_and_take_seeds_of_their_own(method):
    HeNormal()
    context = multiprocessing.get_context(method)
    queue = context.SimpleQueue()
    with warnings.catch_warnings():
        # Python warns of forking with threads, which other tests' frameworks may have started.
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", RuntimeWarning)
        children = [context.Process(target=drawn, args=(queue,)) for _ in range(3)]
        for child in children:
            child.start()
    made = [queue.get() for _ in children]
    for child in children:
        child.join()
    assert {fingerprint for fingerprint, _ in made} == {oneseed.fingerprint(HeNormal(7)((64, 32)))}
    assert len({seed for _, seed in made} | {HeNormal().seed}) == 4


@pytest.mark.parametrize("method", [m for m in ("fork",) if m in multiprocessing.get_all_start_methods()])
def test_a_chosen_seed_survives_a_fork(method):
    oneseed.set_random_seed(1)
    expected = HeNormal().seed
    oneseed.set_random_seed(1)
    context = multiprocessing.get_context(method)
    queue = context.SimpleQueue()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", RuntimeWarning)
        child = context.Process(target=drawn, args=(queue,))
        child.start()
    assert queue.get()[1] == expected
    child.join()


@pytest.mark.parametrize("name", ALL)
def test_tasks_under_different_scopes(name):
    async def task(seed):
        with oneseed.using(backend=name if seed % 2 else "numpy", floatx="float16" if seed % 3 else "float32"):
            await asyncio.sleep(0)
            first = HeNormal(seed)((8, 8))
            await asyncio.sleep(0)
            assert oneseed.fingerprint(first) == oneseed.fingerprint(HeNormal(seed)((8, 8), backend="numpy"))
            return oneseed.config.backend(), oneseed.floatx()

    async def tasks():
        return await asyncio.gather(*map(task, range(12)))

    assert asyncio.run(tasks()) == [
        (name if seed % 2 else "numpy", "float16" if seed % 3 else "float32") for seed in range(12)
    ]
