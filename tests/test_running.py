"""The loop that fills a model: Ctrl-C, threads and errors."""

import signal
import threading

import pytest

from oneseed import Parameter, Rule, Scheme
from oneseed.models.fill import run

THREE = Scheme([Rule("*", "ones")]).plan({name: Parameter((1,), "float32") for name in "abc"}).draws(7)


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_waits_for_the_parameter_in_work():
    done = []

    def put(entry, draw):
        if entry.name == "b":
            signal.raise_signal(signal.SIGINT)
        done.append(entry.name)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt) as caught:
        run(THREE, put)
    assert done == ["a", "b"]
    assert caught.value.__notes__ == ["Initialized before: a, b (2). Not initialized: c (1)."]
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_during_the_last_parameter_is_not_lost():
    with pytest.raises(KeyboardInterrupt) as caught:
        run(THREE, lambda entry, draw: signal.raise_signal(signal.SIGINT) if entry.name == "c" else None)
    assert caught.value.__notes__ == ["Initialized before: a, b, c (3). Not initialized: none."]


def test_another_handler_is_asked_and_an_ignored_signal_stays_so():
    asked, done = [], []

    def put(entry, draw):
        signal.raise_signal(signal.SIGINT)
        done.append(entry.name)

    before = signal.signal(signal.SIGINT, lambda *arguments: asked.append(list(done)))
    try:
        run(THREE, put)
        assert asked == [["a"], ["a", "b"], ["a", "b", "c"]]
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        run(THREE, put)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_threads_leave_signals_alone():
    done = []
    thread = threading.Thread(target=run, args=(THREE, lambda entry, draw: done.append(entry.name)))
    thread.start()
    thread.join()
    assert done == ["a", "b", "c"]


def test_errors_say_where_they_happened():
    def put(entry, draw):
        if entry.name == "b":
            raise MemoryError("no room")

    with pytest.raises(MemoryError) as caught:
        run(THREE, put)
    assert caught.value.__notes__ == [
        "It happened at the parameter 'b', whose values may be neither old nor new.",
        "Initialized before: a (1). Not initialized: c (1).",
    ]
