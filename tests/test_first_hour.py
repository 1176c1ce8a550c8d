"""A newcomer from each framework reaches a result, a proof and a sharded model; all three have the same weights."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from frameworks import installed
from test_pages import ROOT, program

from oneseed import fingerprint
from oneseed.initializers import GlorotUniform, HeNormal, TruncatedNormal, Zeros

TOOLS = Path(__file__).parent / "tools"
PAGES = {
    "keras": ("start/keras.md", "models.md"),
    "torch": ("start/torch.md", "torch.md", "models.md"),
    "jax": ("start/jax.md",),
}
"""What each reader has read after docs/index.md."""

RANKS = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node")


def lines(*command, folder=None):
    command = [sys.executable, *map(str, command)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return sorted(done.stdout.splitlines())


def expected():
    glorot = GlorotUniform(seed=7)
    return sorted(
        [
            f"first {fingerprint(HeNormal(seed=7)((3, 3, 3, 8)))}",
            f"stem/kernel {fingerprint(glorot((3, 3, 3, 8), path='stem/kernel'))}",
            f"head/kernel {fingerprint(glorot((8, 12), path='head/kernel'))}",
            f"stem/bias {fingerprint(Zeros()((8,)))}",
            f"head/bias {fingerprint(Zeros()((12,)))}",
        ]
    )


@pytest.mark.parametrize(
    ("reader", "needed"), [("keras", ("keras", "jax")), ("torch", ("torch",)), ("jax", ("jax", "flax"))]
)
def test_a_reader_arrives(reader, needed):
    if missing := [name for name in needed if not installed(name)]:
        pytest.skip(f"{missing[0]} is not installed")
    ranks = (*RANKS, "2") if reader == "torch" else ()
    assert lines(*ranks, TOOLS / f"first_hour_{reader}.py") == expected()


@pytest.mark.parametrize("reader", PAGES)
def test_the_pages_say_all_that_the_reader_uses(reader):
    """What a program takes from oneseed is on the pages of its reader."""
    code = (TOOLS / f"first_hour_{reader}.py").read_text(encoding="utf-8").partition('"""\n')[2]
    read = "".join((ROOT / "docs" / page).read_text(encoding="utf-8") for page in ("index.md", *PAGES[reader]))
    used = set(re.findall(r"\b(?:oneseed|oneseed_\w+|init|initializers)\.(\w+)", code))
    used |= set(re.findall(r"\b(names|axes|device|seed|path|shardings|backend)=", code))
    assert len(used) > 5
    assert not [name for name in sorted(used) if not re.search(rf"\b{name}\b", read)]


def test_the_tutorial_on_devices_runs_on_four_ranks(tmp_path):
    """It compares what four ranks have drawn with one device, and prints what one rank prints."""
    if not installed("torch"):
        pytest.skip("torch is not installed")
    file = tmp_path / "train.py"
    file.write_text(program(ROOT / "docs" / "tutorials" / "fsdp.md"), encoding="utf-8")
    whole = TruncatedNormal(stddev=0.02, seed=7)((256, 64), axes="o i", path="1.up.weight")
    assert f"4 ranks: {fingerprint(whole, 'o i')}" in lines(*RANKS, "4", file, folder=tmp_path)
    assert len(list((tmp_path / "start").glob("*.distcp"))) == 4
