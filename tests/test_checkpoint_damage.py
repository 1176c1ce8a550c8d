"""What is wrong with the files of a checkpoint is found, named and mended."""

import json
import os

import numpy as np
import pytest
from checkpoints import PARAMS, digests, plan, values

from oneseed import checkpoint
from oneseed.checkpoint import blocks, durable, headers
from oneseed.dtypes import numpy_dtype


def changed(data, at):
    """Return data with another hexadecimal digit at a place."""
    return data[:at] + (b"1" if data[at : at + 1] == b"0" else b"0") + data[at + 1 :]


def damaged(folder):
    """Damage a file in each way; yield what, the file, and what is said of it."""
    files = sorted(folder.glob("*.safetensors"))
    first, second = files[0], files[1]
    whole = first.read_bytes()
    name = list(headers.read(first).tensors)[-1]
    for what, data, said in (
        ("a bit", whole[:-1] + bytes([whole[-1] ^ 1]), name),
        ("cut by a byte", whole[:-1], "bytes in place of"),
        ("longer", whole + b"\0", "bytes in place of"),
        ("cut in its header", whole[:50], "header"),
        ("empty", b"", "header"),
        ("its header", whole[:20] + b"\0" + whole[21:], "header"),
        ("a fingerprint", changed(whole, whole.index(b'fingerprints":"') + 15), "header"),
        ("zeros", bytes(len(whole)), "header"),
        ("another file of the plan", second.read_bytes(), "another file of the same plan, number 2 of"),
    ):
        first.write_bytes(data)
        yield what, first.name, said
        first.write_bytes(whole)


def test_damage_is_found_and_mended(tmp_path):
    checkpoint.write(plan(), 7, tmp_path, shard_size=3000)
    before = digests(tmp_path)
    count = 0
    for what, file, said in damaged(tmp_path):
        for quick in (False, True):
            found = checkpoint.verify(tmp_path, quick=quick)
            assert found.file == file, what
            assert said in str(found), (what, str(found))
        done = checkpoint.write(plan(), 7, tmp_path, shard_size=3000, resume=True)
        assert done.written == (file,), what
        assert [item.file for item in done.damaged] == [file]
        assert digests(tmp_path) == before, what
        count += 1
    assert count == 9


@pytest.mark.parametrize("quick", [False, True])
@pytest.mark.parametrize("name", ["h.0.w", "h.1.b"])  # across its file, and along it
def test_a_file_that_is_cut_while_it_is_read(tmp_path, monkeypatch, quick, name):
    checkpoint.write(plan(params={name: PARAMS[name]}, tied={}), 7, tmp_path)
    path, read_all = tmp_path / "model.safetensors", durable.read_all

    def cut(descriptor, into, offset):
        os.truncate(path, headers.read(path).size + 1)
        return read_all(descriptor, into, offset)

    monkeypatch.setattr(durable, "read_all", cut)
    found = checkpoint.verify(tmp_path, quick=quick)
    assert (found.tensor, found.found == "cut off") == (name, quick)


def test_swapped_files_are_found(tmp_path):
    checkpoint.write(plan(), 7, tmp_path, shard_size=3000)
    before = digests(tmp_path)
    files = sorted(tmp_path.glob("*.safetensors"))
    files[0].rename(tmp_path / "x")
    files[1].rename(files[0])
    (tmp_path / "x").rename(files[1])
    assert "another file of the same plan" in checkpoint.verify(tmp_path).reason
    assert len(checkpoint.write(plan(), 7, tmp_path, shard_size=3000, resume=True).damaged) == 2
    assert digests(tmp_path) == before
    other = tmp_path / "other"
    checkpoint.write(plan(), 8, other, shard_size=3000)
    files[0].write_bytes((other / files[0].name).read_bytes())
    assert "another plan, whose seed is 8" in str(checkpoint.verify(tmp_path))
    assert [item.state for item in states(tmp_path)] == ["wrong", *["there"] * (len(files) - 1)]


def states(folder):
    """Return which files a folder has."""
    found = checkpoint.status(folder)
    wrong = {item.file for item in found.missing}
    return [type("State", (), {"name": n, "state": "wrong" if n in wrong else "there"}) for n in found.files]


@pytest.mark.parametrize(
    "shard_size, name",
    [
        (3000, "model.safetensors"),
        (3000, "model-00001-of-00002.safetensors"),
        (10**6, "model-00001-of-00002.safetensors"),
        (10**6, "model.safetensors.index.json"),
    ],
)
def test_weights_that_libraries_would_load_in_place_of_the_checkpoint_are_found(tmp_path, shard_size, name):
    checkpoint.write(plan(), 7, tmp_path, shard_size=shard_size)
    (tmp_path / "optimizer.safetensors").write_bytes(b"loaded by nobody as the model")
    assert checkpoint.verify(tmp_path) is None
    (tmp_path / name).write_bytes(b"theirs")
    before = digests(tmp_path)
    for quick in (False, True):
        found = checkpoint.verify(tmp_path, quick=quick)
        assert (found.file, found.tensor) == (name, None)
        assert "not a file of this checkpoint" in found.reason
    with pytest.raises(ValueError, match=f"no weights beside the checkpoint's.*{name}"):
        checkpoint.write(plan(), 7, tmp_path, shard_size=shard_size, resume=True)
    assert digests(tmp_path) == before


def test_manifest_and_index_are_verified_too(tmp_path):
    checkpoint.write(plan(), 7, tmp_path, shard_size=3000)
    for name in ("oneseed.json", "model.safetensors.index.json"):
        path = tmp_path / name
        whole = path.read_bytes()
        for data in (b"", b"{", b"[]", whole[:-5], whole.replace(b"h.0.w", b"h.0.v"), whole.replace(b"7", b"8", 1)):
            if data == whole:
                continue
            path.write_bytes(data)
            assert checkpoint.verify(tmp_path).file == name
            path.write_bytes(whole)
    data = json.loads((tmp_path / "oneseed.json").read_text())
    data["parameters"][0]["fingerprint"] = "0" * 16
    (tmp_path / "oneseed.json").write_text(json.dumps(data))
    assert "not the fingerprint" in str(checkpoint.verify(tmp_path))
    with pytest.raises(FileNotFoundError, match="There is no checkpoint"):
        checkpoint.verify(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="There is no checkpoint"):
        checkpoint.status(tmp_path / "nowhere")


@pytest.mark.parametrize("name", [name for name, param in PARAMS.items() if np.prod(param.shape) > 0])
def test_verify_names_the_first_element_that_differs(tmp_path, small_blocks, name):
    checkpoint.write(plan(), 7, tmp_path)
    path = tmp_path / "model.safetensors"
    header = headers.read(path)
    dtype, shape, start, end = header.tensors[name]
    size = numpy_dtype(headers.NAMES[dtype]).itemsize
    count = (end - start) // size
    at = count * 2 // 3
    with open(path, "r+b") as file:
        for element in {at, count - 1}:
            file.seek(header.size + start + element * size)
            byte = file.read(1)[0]
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte ^ 1]))
    found = checkpoint.verify(tmp_path)
    assert (found.tensor, found.element) == (name, tuple(int(index) for index in np.unravel_index(at, shape)))
    assert found.expected == str(values()[name].reshape(-1)[at])
    quick = checkpoint.verify(tmp_path, quick=True)
    assert (quick.tensor, quick.element) == (name, None)


def test_a_matrix_of_another_linear_algebra_is_told_from_damage(tmp_path, monkeypatch):
    checkpoint.write(plan(), 7, tmp_path)
    whole = blocks.whole

    def elsewhere(draw):
        from contextlib import contextmanager

        @contextmanager
        def made():
            with whole(draw) as tensor:
                yield np.nextafter(tensor, np.float32(2))

        return made()

    monkeypatch.setattr(blocks, "whole", elsewhere)
    found = checkpoint.verify(tmp_path)
    assert (found.tensor, found.element) == ("h.1.q", (0, 0))
    assert "than this machine computes" in found.reason
    assert checkpoint.verify(tmp_path, quick=True) is None
