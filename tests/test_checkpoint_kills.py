"""Writers that are killed, and several at once on one folder: the files are those of one uninterrupted run."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from checkpoints import PARAMS, SCHEME, digests, plan

from oneseed import checkpoint
from oneseed.checkpoint import durable, folder

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked")


def test_kill_at_any_moment_and_go_on(tmp_path):
    tool = Path(__file__).parent / "tools" / "checkpoint_kills.py"
    command = [sys.executable, "-W", "error", str(tool), str(tmp_path), "100"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    killed, moments, half = map(int, re.findall(r"\d+", done.stdout))
    assert killed > moments // 3
    assert half > moments // 10


def test_commands_as_parts(tmp_path):
    rows = [
        {"name": n, "shape": p.shape, "dtype": p.dtype, **({"axes": p.axes} if p.axes else {})}
        for n, p in PARAMS.items()
    ]
    (tmp_path / "p.json").write_text(json.dumps({"parameters": rows}))
    (tmp_path / "s.toml").write_text(SCHEME.to_toml())
    command = [
        sys.executable,
        "-m",
        "oneseed",
        "init",
        "p.json",
        "--scheme",
        "s.toml",
        "--seed",
        "7",
        "--shard-size",
        "3kB",
    ]
    started = [
        subprocess.Popen(
            [*command, "--out", "parts", "--part", f"{k}/3", "--json"], cwd=tmp_path, stdout=subprocess.PIPE
        )
        for k in (1, 2, 3)
    ]
    facts = [json.loads(process.communicate()[0]) for process in started]
    assert [process.returncode for process in started] == [0] * 3
    assert any(its["complete"] for its in facts)
    subprocess.run([*command, "--out", "whole"], cwd=tmp_path, check=True, capture_output=True)
    assert digests(tmp_path / "parts") == digests(tmp_path / "whole")


def test_each_part_writes_its_own_files_and_the_last_completes(tmp_path):
    names = list(checkpoint.write(plan(), 7, tmp_path / "whole", shard_size=3000).written)
    out = tmp_path / "out"
    written = []
    for k in (2, 3, 1):
        done = checkpoint.write(plan(), 7, out, shard_size=3000, part=(k, 3))
        assert list(done.written) == names[k - 1 :: 3]
        written += done.written
        assert {item.file for item in done.missing} == set(names) - set(written)
        assert done.complete == (k == 1)
        assert checkpoint.status(out).complete == (k == 1)
        if k != 1:
            assert checkpoint.verify(out).reason == "missing"
            assert not (out / "model.safetensors.index.json").exists()
    assert digests(out) == digests(tmp_path / "whole")
    done = checkpoint.write(plan(), 7, out, shard_size=3000, part=(99, 99))
    assert (done.written, done.kept, done.complete) == ((), (), True)


def test_what_a_killed_writer_left_is_removed_and_what_a_living_one_writes_is_not(tmp_path):
    whole = tmp_path / "whole"
    checkpoint.write(plan(), 7, whole)
    out = tmp_path / "out"
    out.mkdir()
    left = out / f".model.safetensors.host.1.abc{durable.ENDING}"
    left.write_bytes(b"half")
    other = out / f".model-00009-of-00009.safetensors.host.1.abc{durable.ENDING}"
    other.write_bytes(b"of another part")
    with durable.complete(out / "model.safetensors") as descriptor:
        durable.write_all(descriptor, b"data", 0)
        durable.remove_unfinished(out, {"model.safetensors"})
        assert not left.exists()
        assert len(list(out.glob(f".model.safetensors*{durable.ENDING}"))) == 1
        assert not (out / "model.safetensors").exists()
    assert (out / "model.safetensors").read_bytes() == b"data"
    assert other.exists()


def test_two_writers_of_one_manifest(tmp_path, monkeypatch):
    """A part that finds no manifest, while another one with another seed writes its own, is refused."""
    real = durable.put_first

    def late(path, data):
        monkeypatch.setattr(durable, "put_first", real)
        checkpoint.write(plan(), 8, tmp_path, shard_size=3000, part=(1, 2))
        return real(path, data)

    monkeypatch.setattr(folder.durable, "put_first", late)
    with pytest.raises(ValueError, match="the seed is 8 there, and 7 here"):
        checkpoint.write(plan(), 7, tmp_path, shard_size=3000, part=(2, 2))
    assert checkpoint.status(tmp_path).seed == 8


@pytest.mark.parametrize("there", [False, True])
def test_a_file_system_without_hard_links(tmp_path, monkeypatch, there):
    def refused(*paths):
        if there:
            (tmp_path / "x").write_bytes(b"theirs")
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    assert durable.put_first(tmp_path / "x", b"ours") is not there
    assert digests(tmp_path).keys() == {"x"}
    assert (tmp_path / "x").read_bytes() == (b"theirs" if there else b"ours")
