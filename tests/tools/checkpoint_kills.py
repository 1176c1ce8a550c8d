"""Kill writers of a checkpoint at random moments, go on, and compare the files with those of an uninterrupted run.

``python checkpoint_kills.py FOLDER MOMENTS`` kills one writer at each of so many moments over the run; then eight
parts at once, three of which are killed and started again. Processes are forked, so that a moment costs no start.
"""

import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from checkpoints import digests

from oneseed import Parameter, Rule, Scheme, checkpoint
from oneseed.checkpoint import blocks

SCHEME = Scheme([Rule("*b", "zeros"), Rule("*q", "orthogonal"), Rule("*", "he_normal")])
LAYER = {"w": (300, 200), "v": (200, 300), "q": (60, 60), "b": (300,)}
PLAN = SCHEME.plan(
    {
        f"h.{k}.{name}": Parameter(shape, "bfloat16", "o i"[: 2 * len(shape) - 1])
        for k in range(12)
        for name, shape in LAYER.items()
    }
)
FILE = 200_000

blocks.BLOCK = 1 << 15  # as many blocks as a large tensor has


def start(folder, **options):
    """Write in a process of its own; return its id."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        checkpoint.write(PLAN, 7, folder, shard_size=FILE, **options)
        status = 0
    finally:
        os._exit(status)


def ended(child):
    """Wait for a process; return whether it was killed."""
    _, status = os.waitpid(child, 0)
    killed = os.WIFSIGNALED(status)
    assert killed or os.waitstatus_to_exitcode(status) == 0, "a writer failed"
    return killed


def kill(child, after):
    """Kill a process after some seconds; return whether it was still there."""
    time.sleep(after)
    os.kill(child, signal.SIGKILL)
    return ended(child)


def check(folder, expected, what):
    """Compare the files of a folder, and that there are no others."""
    found = digests(folder)
    assert found == expected, f"{what}: {set(found.items()) ^ set(expected.items())}"
    assert checkpoint.status(folder).complete


def main():
    home, moments = Path(sys.argv[1]), int(sys.argv[2])
    assert not ended(start(home / "whole"))
    expected = digests(home / "whole")
    begin = time.perf_counter()
    assert not ended(start(home / "again"))
    seconds = time.perf_counter() - begin
    killed = half = 0
    for moment in range(moments):
        folder = home / f"killed{moment}"
        was_there = kill(start(folder), seconds * random.random())
        killed += was_there
        seconds *= 1.02 if was_there else 0.95  # the machine may have other work at one time than at another
        there = len(list(folder.glob("*.safetensors"))) if folder.exists() else 0
        half += 0 < there < len(expected) - 2
        assert not ended(start(folder, resume=True))
        check(folder, expected, f"killed at moment {moment} of {moments}")
        shutil.rmtree(folder)
    folder = home / "often"
    for _ in range(10):  # again and again in one folder
        kill(start(folder, resume=True), seconds * random.random() / 3)
    assert not ended(start(folder, resume=True))
    check(folder, expected, "killed often")
    folder = home / "parts"
    for child in [start(folder, part=(k, 8)) for k in range(1, 9)]:
        assert not ended(child)
    check(folder, expected, "eight parts")
    folder = home / "some killed"
    children = [start(folder, part=(k, 8)) for k in range(1, 9)]
    for child in children[2:5]:
        kill(child, seconds * random.random() / 8)
    again = [start(folder, part=(k, 8)) for k in (3, 4, 5)]
    for child in (*children[:2], *children[5:], *again):
        ended(child)
    check(folder, expected, "eight parts, three of them killed")
    print(f"{killed} of {moments} killed, {half} with some files and not all")


if __name__ == "__main__":
    main()
