"""The commands of README and docs are tests: those of `oneseed` print what is shown."""

import json
import os
import shlex
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from sybil import Sybil
from sybil.parsers.markdown import CodeBlockParser, SkipParser

from oneseed import registry, seeds, settings
from oneseed.initializers import plans

pytest_plugins = ["oneseed_pytest", "pytester"]  # the first may be loaded already, by its entry point


@pytest.fixture(autouse=True)
def settings_restored(monkeypatch):
    """Undo what a test or an example changes for the whole process."""
    monkeypatch.setattr(settings, "_defaults", settings._defaults)
    monkeypatch.setattr(registry, "_registered", dict(registry._registered))
    monkeypatch.setattr(registry, "_loaded", dict(registry._loaded))
    plans.held.clear()  # draws by backends of these names
    yield
    seeds._unseeded.start(None)


def pytest_runtest_logreport(report):
    """Note what each test came to, where nox wants to know it: a test must not be skipped in all of its sessions."""
    if "PYTEST_XDIST_WORKER" not in os.environ and (report.when == "call" or report.skipped):
        note(report)


def pytest_collectreport(report):
    """Note the files that are skipped as a whole."""
    if report.skipped:
        note(report)


LONG = 5
"""Seconds from which a file that other sessions have passed is not repeated in the one with all frameworks."""


def pytest_collection_modifyitems(config, items):
    """Leave out what has passed in the sessions before, whose files nox names, where a file took long in one of them.

    By file, not by test: what tests share is counted as the time of the first of them. The examples of a page build on
    each other, and all stay.
    """
    passed, long = set(), set()
    for file in filter(None, os.environ.get("ONESEED_TEST_BEFORE", "").split(os.pathsep)):
        seconds = Counter()
        for result in map(json.loads, Path(file).read_text(encoding="utf-8").splitlines()):
            if result["outcome"] == "passed":
                passed.add(result["test"])
                seconds[file_of(result["test"])] += result["seconds"]
        long |= {each for each, total in seconds.items() if total >= LONG and each.endswith(".py")}
    done = {item for item in items if item.nodeid in passed and file_of(item.nodeid) in long}
    config.hook.pytest_deselected(items=list(done))
    items[:] = [item for item in items if item not in done]


def file_of(test):
    """Return the file of a test, by its name."""
    return test.partition("::")[0]


def note(report):
    """Append a line to the file of this session's outcomes, if there is one."""
    file = os.environ.get("ONESEED_TEST_REACH")
    if file:
        reason = report.longrepr[2] if report.skipped and isinstance(report.longrepr, tuple) else ""
        result = {"test": report.nodeid, "outcome": report.outcome, "reason": reason}
        line = json.dumps({**result, "seconds": getattr(report, "duration", 0)})
        with open(file, "a", encoding="utf-8") as stream:
            stream.write(f"{line}\n")


# These commands install packages. The test session is the last, and runs the others by itself.
RUN_BY_NOX = (
    "pip install .",
    "pip install . && oneseed sample he_normal --shape 3,3,64,128 --seed 7",
    "pip install nox && nox",
)


def run_console(example):
    """Run each command of the block, and compare what follows it."""
    for block in f"\n{example.parsed}".split("\n$ ")[1:]:
        command, _, expected = block.partition("\n")
        if command in RUN_BY_NOX:
            continue
        program, *arguments = shlex.split(command)
        assert program == "oneseed", f"no way to run: {command}"
        done = subprocess.run(
            [sys.executable, "-m", "oneseed", *arguments],
            capture_output=True,
            text=True,
            encoding="utf-8",
            env={"PYTHONIOENCODING": "utf-8", "COLUMNS": "100"},
            check=False,
        )
        printed = done.stdout + done.stderr
        if expected.strip():
            shown = [line.strip() for line in expected.strip().splitlines()]
            found = [line.strip() for line in printed.strip().splitlines()]
            for want, got in zip(shown, found, strict=True):
                head, dots, _ = want.partition("...")
                assert got.startswith(head) if dots else got == want
        else:
            assert done.returncode == 0, printed


# The Python of the pages runs in interpreters of its own: tests/test_pages.py.
pytest_collect_file = Sybil(
    parsers=[CodeBlockParser("console", run_console), SkipParser()],
    patterns=["README.md", "docs/*.md", "docs/*/*.md"],
    path=str(Path(__file__).parent),
).pytest()
