"""What is not a regular file is refused before it is opened: a FIFO would wait for ever, and a device may never end."""

import os
import signal
import socket

import pytest
from checkpoints import digests, plan
from refusals import refused

from oneseed import checkpoint
from oneseed import initializers as I
from oneseed.checkpoint import headers, sources

if not hasattr(os, "mkfifo"):
    pytest.skip("the system has no FIFOs", allow_module_level=True)

KINDS = ("FIFO", "socket", "device", "folder")


@pytest.fixture(autouse=True)
def no_waiting():
    """Fail a test that waits for what nobody writes."""

    def stop(*_):
        raise AssertionError("a file was opened that never ends")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(200)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def put(kind, path, monkeypatch):
    """Put something in the place of a file."""
    if path.exists():
        path.unlink()
    if kind == "FIFO":
        os.mkfifo(path)
    elif kind == "socket":
        monkeypatch.chdir(path.parent)  # a socket's name is short
        with socket.socket(socket.AF_UNIX) as opened:
            opened.bind(path.name)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()


@pytest.mark.parametrize("kind", KINDS)
def test_the_files_of_a_checkpoint(tmp_path, monkeypatch, kind):
    folder = tmp_path / "w"
    checkpoint.write(plan(), 7, folder, shard_size=3000)
    before = digests(folder)
    first, *_ = sorted(folder.glob("*.safetensors"))
    put(kind, first, monkeypatch)
    for quick in (False, True):
        found = checkpoint.verify(folder, quick=quick)
        assert (found.file, found.tensor) == (first.name, None)
        assert f"must be a regular one, not a {kind}. Received: path=" in found.reason
    assert [wrong.file for wrong in checkpoint.status(folder).missing] == [first.name]
    if kind == "folder":
        with pytest.raises(OSError, match=first.name):
            checkpoint.write(plan(), 7, folder, shard_size=3000, resume=True)
    else:
        assert checkpoint.write(plan(), 7, folder, shard_size=3000, resume=True).written == (first.name,)
        assert digests(folder) == before


@pytest.mark.parametrize("kind", KINDS)
def test_the_index_of_a_checkpoint(tmp_path, monkeypatch, kind):
    checkpoint.write(plan(), 7, tmp_path, shard_size=3000)
    put(kind, tmp_path / "model.safetensors.index.json", monkeypatch)
    found = checkpoint.verify(tmp_path, quick=True)
    assert (found.file, found.reason) == ("model.safetensors.index.json", "missing, or not the one that was written")
    assert not checkpoint.status(tmp_path).complete


@pytest.mark.parametrize("kind", KINDS)
def test_the_manifest_of_a_checkpoint(tmp_path, monkeypatch, kind):
    checkpoint.write(plan(), 7, tmp_path)
    before = digests(tmp_path)
    put(kind, tmp_path / "oneseed.json", monkeypatch)
    found = checkpoint.verify(tmp_path)
    assert found.file == "oneseed.json"
    assert f"not a {kind}" in found.reason
    for call in (checkpoint.status, lambda folder: checkpoint.write(plan(), 7, folder, resume=True)):
        with refused(ValueError, f"not a {kind}", received="path="):
            call(tmp_path)
    after = {file.name for file in tmp_path.iterdir() if file.name != "oneseed.json"}
    assert after == set(before) - {"oneseed.json"}


@pytest.mark.parametrize("kind", KINDS)
def test_weights_of_a_folder_without_a_manifest(tmp_path, monkeypatch, kind):
    put(kind, tmp_path / "model.safetensors", monkeypatch)
    with refused(ValueError, "must be empty, or hold the same checkpoint", received="directory="):
        checkpoint.write(plan(), 7, tmp_path, resume=True)
    assert os.listdir(tmp_path) == ["model.safetensors"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_no_writer_has_left_stays(tmp_path, monkeypatch, kind):
    path = tmp_path / ".model.safetensors.host.1.0.unfinished"
    put(kind, path, monkeypatch)
    checkpoint.write(plan(), 7, tmp_path)
    assert path.exists()
    assert checkpoint.verify(tmp_path) is None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["list.json", "list.toml", "w.safetensors", "w.safetensors.index.json", "config.json"])
def test_the_files_that_describe_a_model(tmp_path, monkeypatch, name, kind):
    path = tmp_path / name
    put(kind, path, monkeypatch)
    with refused(ValueError, f"not a {kind}", received=f"path={str(path)!r}"):
        sources.read(path)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["w.npy", "w.safetensors"])
def test_the_file_of_an_initializer(tmp_path, monkeypatch, name, kind):
    path = tmp_path / name
    put(kind, path, monkeypatch)
    with refused(ValueError, f"not a {kind}", received=f"path={str(path)!r}"):
        I.FromFile(path)((3,))


def test_links_to_regular_files_are_followed(tmp_path):
    checkpoint.write(plan(), 7, tmp_path)
    path = tmp_path / "model.safetensors"
    path.rename(tmp_path / "blob")
    path.symlink_to("blob")
    assert headers.read(path).tensors
    assert checkpoint.verify(tmp_path) is None


def test_the_command(tmp_path, monkeypatch, run):
    checkpoint.write(plan(), 7, tmp_path / "w")
    put("FIFO", tmp_path / "w" / "model.safetensors", monkeypatch)
    status, out, err = run("verify", tmp_path / "w")
    assert (status, err) == (1, "")
    assert "must be a regular one, not a FIFO" in " ".join(out.split())
    put("FIFO", tmp_path / "scheme.toml", monkeypatch)
    (tmp_path / "list.json").write_text('[{"name": "w", "shape": [2], "dtype": "float32"}]')
    options = ("--scheme", tmp_path / "scheme.toml", "--seed", 7, "--out", tmp_path / "out")
    status, _, err = run("init", tmp_path / "list.json", *options)
    assert status == 2
    assert "is not a scheme: A file must be a regular one, not a FIFO. Received: path=" in err
    assert err.count("\n") == 1
