"""Threads that draw together: any number makes the same bits, and none writes once a draw is over, however it ended."""

import multiprocessing
import os
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest
from frameworks import REQUIRED

import oneseed
from oneseed.initializers import Orthogonal, RandomNormal
from oneseed_numpy import engine, plain, threads

if engine.kernels is None:
    assert "kernel" not in REQUIRED, "the kernels were not built, though this session must test them"
    pytest.skip("the kernels were not built", allow_module_level=True)

INIT = RandomNormal(0.3, 1.0, seed=7)
SHAPE = (2047, 1023)


def expected(axes=None):
    draw = INIT.describe(SHAPE, axes=axes)
    values = np.empty(SHAPE, np.float32)
    plain.fill(draw, values)
    return values


@pytest.mark.parametrize("count", [1, 2, 3, 8, 100])
@pytest.mark.parametrize("axes", [None, "o i"])
def test_any_number_of_threads(monkeypatch, count, axes):
    monkeypatch.setattr(engine, "THREADS", count)
    assert INIT(SHAPE, axes=axes).tobytes() == expected(axes).tobytes()


def test_threads_share_the_parts_of_one_call(monkeypatch):
    monkeypatch.setattr(engine, "THREADS", 1)
    alone = Orthogonal(seed=3)((700, 600), "float64")
    monkeypatch.setattr(engine, "THREADS", 4)
    assert Orthogonal(seed=3)((700, 600), "float64").tobytes() == alone.tobytes()


def test_draws_of_several_threads_at_once(monkeypatch):
    monkeypatch.setattr(engine, "THREADS", 3)
    found = []

    def work():
        found.extend(oneseed.fingerprint(INIT(SHAPE)) for _ in range(3))

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert set(found) == {oneseed.fingerprint(expected())}
    assert len(found) == 12


def test_a_job_that_is_over_writes_nothing():
    jobs = []
    out = np.empty(SHAPE, np.float32)
    arguments = engine._arguments(INIT.describe(SHAPE), out)
    engine.kernels.draw(*arguments, 2, lambda job, helpers: jobs.append((job, helpers)))
    assert out.tobytes() == expected().tobytes()
    out[:] = 0
    [(job, helpers)] = jobs
    assert helpers == 1
    engine.kernels.help(job)
    assert not out.any()
    with pytest.raises(ValueError, match="PyCapsule"):
        engine.kernels.help(None)


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_an_error_before_helpers_begin(error):
    jobs = []
    out = np.zeros(SHAPE, np.float32)

    def ask(job, helpers):
        jobs.append(job)
        raise error

    with pytest.raises(error):
        engine.kernels.draw(*engine._arguments(INIT.describe(SHAPE), out), 3, ask)
    engine.kernels.help(jobs[0])
    assert not out.any()
    assert INIT(SHAPE).tobytes() == expected().tobytes()


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_an_error_while_helpers_are_at_work(error):
    # How far they get depends on the machine; that the caller returns only once they have stopped does not.
    out = np.zeros((4000, 4000), np.float32)

    def ask(job, helpers):
        engine.helpers.ask(job, helpers)
        time.sleep(0.002)
        raise error

    with pytest.raises(error):
        engine.kernels.draw(*engine._arguments(INIT.describe(out.shape), out), 3, ask)
    then = out.copy()
    time.sleep(0.05)
    assert (out == then).all()
    assert INIT(SHAPE).tobytes() == expected().tobytes()


INTERRUPTED = textwrap.dedent(
    """
    import signal, sys, threading, time
    import numpy as np
    import oneseed
    from oneseed.initializers import RandomNormal
    from oneseed_numpy import engine

    signal.signal(signal.SIGINT, signal.default_int_handler)  # which a process in the background ignores
    engine.THREADS = int(sys.argv[1])
    init = RandomNormal(0.3, 1.0, seed=7)
    out = np.zeros((20000, 20000), np.float32)
    draw = init.describe(out.shape)
    try:
        threading.Timer(float(sys.argv[2]), signal.raise_signal, [signal.SIGINT]).start()
        while True:
            engine.fill(draw, out)
    except KeyboardInterrupt:
        then = out[::50].copy()
        time.sleep(0.05)
        assert (out[::50] == then).all()
    print(oneseed.fingerprint(init((300, 700))))
    """
)


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("after", [0.001, 0.03, 0.2])
def test_control_c(count, after):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", INTERRUPTED, str(count), str(after)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.stdout.strip(), done.returncode) == (oneseed.fingerprint(INIT((300, 700))), 0), done.stderr


def drawn_in_a_child(queue):
    queue.put(oneseed.fingerprint(INIT(SHAPE)))


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::RuntimeWarning")
def test_a_fork_while_others_draw(monkeypatch):
    monkeypatch.setattr(engine, "THREADS", 3)
    INIT(SHAPE)
    over = threading.Event()

    def work():
        while not over.is_set():
            INIT(SHAPE)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        context = multiprocessing.get_context("fork")
        queue = context.SimpleQueue()
        children = [context.Process(target=drawn_in_a_child, args=(queue,)) for _ in range(4)]
        for child in children:
            child.start()
        for child in children:
            child.join(30)
        assert [child.exitcode for child in children] == [0] * 4
        assert {queue.get() for _ in children} == {oneseed.fingerprint(expected())}
    finally:
        over.set()
        worker.join()


def test_where_no_thread_can_be_started(monkeypatch):
    class Refused:
        def __init__(self, **arguments):
            pass

        def start(self):
            raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threads, "Thread", Refused)
    out = np.empty(SHAPE, np.float32)
    helpers = threads.Helpers(engine.kernels.help)
    engine.kernels.draw(*engine._arguments(INIT.describe(SHAPE), out), 4, helpers.ask)
    assert out.tobytes() == expected().tobytes()


LIMITED = textwrap.dedent(
    """
    import resource
    import numpy as np
    import oneseed
    from oneseed.initializers import RandomNormal
    from oneseed_numpy import engine

    engine.THREADS = 64
    out = np.zeros((8188, 4092), np.float32)
    draw = RandomNormal(0.3, 1.0, seed=7).describe(out.shape)
    with open("/proc/self/statm") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    none = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + 2**25, none[1]))  # room for the stacks of a few threads
    engine.fill(draw, out)
    resource.setrlimit(resource.RLIMIT_AS, none)
    print(oneseed.fingerprint(out))
    """
)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_limit_on_memory():
    done = subprocess.run([sys.executable, "-c", LIMITED], capture_output=True, text=True, check=False, timeout=60)
    assert (done.stdout.strip(), done.returncode) == (oneseed.fingerprint(INIT((8188, 4092))), 0), done.stderr


def test_the_number_of_threads(monkeypatch):
    monkeypatch.delenv("ONESEED_NUM_THREADS", raising=False)
    assert 1 <= threads.available() <= (os.cpu_count() or 1)
    monkeypatch.setenv("ONESEED_NUM_THREADS", "3")
    assert threads.available() == 3
    for wrong in ("0", "-1", "many", "1.5", "99999999"):
        monkeypatch.setenv("ONESEED_NUM_THREADS", wrong)
        with pytest.raises(ValueError, match=r"`ONESEED_NUM_THREADS` must .*Received: ONESEED_NUM_THREADS="):
            threads.available()


def test_the_process_ends_while_threads_wait():
    code = """if True:
        import oneseed
        from oneseed_numpy import engine
        engine.THREADS = 4
        oneseed.initializers.HeNormal(7)((2000, 2000))
    """
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
