"""The progress bar, on a terminal: when it is there, what it shows, and that nothing of it stays."""

import os
import re
import signal
import subprocess
import sys
import threading

import pytest

pty = pytest.importorskip("pty", reason="this system has no pseudo-terminals")

HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"

# Two parameters of a MiB and of three. Each takes as long as the test says: a line on standard input ends it.
SCRIPT = """
import signal, sys
import oneseed
from oneseed import Parameter, Rule, Scheme
from oneseed.models import fill

signal.signal(signal.SIGINT, signal.default_int_handler)
fill.DELAY = float(sys.argv[1])
shapes = {"first": (256, 1024), "second": (3 * 256, 1024)}
params = {name: Parameter(shape, "float32") for name, shape in shapes.items()}
draws = Scheme([Rule("*", "ones")]).plan(params).draws(7)
if sys.argv[2] == "gone":
    sys.stderr = None
try:
    fill.run(draws, lambda entry, draw: (print(entry.name, flush=True), sys.stdin.readline()))
except KeyboardInterrupt as error:
    print(error.__notes__[0])
print("over", flush=True)
"""


class Terminal:
    """The script, and what it writes to a terminal of its own as standard error."""

    def __init__(self, delay, stderr="there", term="xterm", columns="80"):
        own, other = pty.openpty()
        env = {**os.environ, "TERM": term, "COLUMNS": columns}
        self.process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(delay), stderr],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=other,
            env=env,
            text=True,
        )
        os.close(other)
        self.guard = threading.Timer(60, self.process.kill)  # no test waits for ever
        self.guard.daemon = True
        self.guard.start()
        self.written, self.news = "", threading.Condition()
        self.reader = threading.Thread(target=self._read, args=(own,), daemon=True)
        self.reader.start()

    def _read(self, own):
        while True:
            try:
                data = os.read(own, 4096)
            except OSError:  # the other end is closed
                data = b""
            if not data:
                os.close(own)
                return
            with self.news:
                self.written += data.decode()
                self.news.notify()

    def says(self):
        return self.process.stdout.readline().strip()

    def answer(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def shows(self, *wanted):
        """Wait until a line of the bar has all these; return it."""

        def line():
            plain = re.sub(r"\x1b\[[\d;]*m", "", self.written)
            return next((text for text in re.split(r"[\r\n]+", plain) if all(part in text for part in wanted)), None)

        with self.news:
            assert self.news.wait_for(line, timeout=30), self.written[-2000:]
            return line()

    def end(self):
        """Return the last that it says, and all that the terminal got."""
        said = self.process.stdout.read().split("\n")
        assert self.process.wait() == 0
        self.reader.join()
        return said[:-1], self.written


@pytest.fixture
def started():
    """Start scripts, and end those that a failed test leaves behind."""
    made = []

    def start(*args, **options):
        made.append(Terminal(*args, **options))
        return made[-1]

    yield start
    for terminal in made:
        terminal.process.kill()
        terminal.process.communicate()
        terminal.guard.cancel()


def clean(written):
    """Tell whether the bar's one line is gone at the end, and the cursor is there."""
    return written.count(HIDE) == written.count(SHOW) == 1 and written.endswith(f"\n{SHOW}\r\x1b[1A\x1b[2K")


def test_it_is_there_while_the_first_parameter_is_in_work_and_gone_afterwards(started):
    terminal = started(0.1)
    assert terminal.says() == "first"
    terminal.shows("initializing", "  0%", "0.0/4.0 MiB", "-:--:-- left")
    terminal.answer()
    assert terminal.says() == "second"
    line = terminal.shows("initializing", " 25%", "1.0/4.0 MiB", "left")
    assert re.search(r" \d:\d\d:\d\d (\d:\d\d:\d\d|-:--:--) left", line)
    assert len(line) < 80
    terminal.answer()
    said, written = terminal.end()
    assert said == ["over"]
    assert clean(written)


def test_ctrl_c_leaves_the_terminal_as_it_was(started):
    terminal = started(0.1)
    assert terminal.says() == "first"
    terminal.shows("initializing")
    terminal.process.send_signal(signal.SIGINT)
    terminal.answer()
    said, written = terminal.end()
    assert said == ["Initialized before: first (1). Not initialized: second (1).", "over"]
    assert clean(written)


def test_a_narrow_terminal_keeps_it_on_one_line(started):
    terminal = started(0.1, columns="50")
    assert terminal.says() == "first"
    terminal.shows("initializing")
    terminal.answer()
    terminal.answer()
    _, written = terminal.end()
    assert clean(written)
    assert "\x1b[1A" not in written.removesuffix("\x1b[1A\x1b[2K")


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"delay": 60}, id="soon done"),
        pytest.param({"delay": 0.1, "term": "dumb"}, id="dumb terminal"),
        pytest.param({"delay": 0.1, "stderr": "gone"}, id="no standard error"),
    ],
)
def test_nothing_is_written(started, options):
    terminal = started(**options)
    assert terminal.says() == "first"
    with pytest.raises(subprocess.TimeoutExpired):  # longer than delay
        terminal.process.wait(0.7)
    terminal.answer()
    terminal.answer()
    said, written = terminal.end()
    assert (said[-1], written) == ("over", "")


def test_nothing_is_written_to_what_is_no_terminal():
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, "0", "there"], input="\n\n", capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("first\nsecond\nover\n", "")
