"""Disks that are full, read-only or particular, and runs that are interrupted: no half file is left."""

import errno
import os
import signal
import subprocess
import sys

import pytest
from checkpoints import SCHEME, digests, plan, stored, values

from oneseed import Parameter, checkpoint
from oneseed.checkpoint import blocks, durable


def test_a_full_disk_costs_the_file_and_no_other(tmp_path, monkeypatch):
    folder = tmp_path / "out"
    real, written = os.pwrite, []

    def full(descriptor, data, offset):
        written.append(len(data))
        if len(written) > 12:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(descriptor, data, offset)

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(OSError, match=r"No space left on device: '.*model-0000") as error:
        checkpoint.write(plan(), 7, folder, shard_size=3000)
    assert error.value.errno == errno.ENOSPC
    there = digests(folder)
    assert not [name for name in there if name.endswith(durable.ENDING)]
    assert 1 < len(there) < 7
    monkeypatch.undo()
    done = checkpoint.write(plan(), 7, folder, shard_size=3000, resume=True)
    assert set(done.kept) == set(there) - {"oneseed.json"}
    checkpoint.write(plan(), 7, tmp_path / "whole", shard_size=3000)
    assert digests(folder) == digests(tmp_path / "whole")


def test_a_limit_of_the_system_is_one_line(tmp_path):
    """A real refusal by the kernel, where no disk can be filled: files above a size are not written."""
    # The program limits itself: `preexec_fn` would fork this process, of which JAX warns once it has threads.
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (10**6, 10**6)); "
        "from oneseed.cli import main; main(sys.argv[1:])"
    )
    (tmp_path / "p.json").write_text('[{"name": "w", "shape": [1000, 1000], "dtype": "float32"}]')
    (tmp_path / "s.toml").write_text(SCHEME.to_toml())
    done = subprocess.run(
        [sys.executable, "-c", code, "init", "p.json", "--scheme", "s.toml", "--seed", "7", "--out", "out"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("oneseed: File too large: 'out/model.safetensors'. Files that are complete stay")
    assert len(done.stderr.splitlines()) == 1
    assert os.listdir(tmp_path / "out") == ["oneseed.json"]


def test_a_read_only_folder_is_one_line(tmp_path, run, monkeypatch):
    (tmp_path / "p.json").write_text('[{"name": "w", "shape": [3], "dtype": "float32"}]')
    (tmp_path / "s.toml").write_text(SCHEME.to_toml())
    arguments = ("init", tmp_path / "p.json", "--scheme", tmp_path / "s.toml", "--seed", 7, "--out")
    real = os.open

    def read_only(path, flags, *rest, **more):  # root may write everywhere, so that the system would not refuse
        if flags & os.O_CREAT and str(path).startswith(str(tmp_path / "out")):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
        return real(path, flags, *rest, **more)

    monkeypatch.setattr(os, "open", read_only)
    status, _, err = run(*arguments, tmp_path / "out")
    assert status == 2
    assert "Read-only file system" in err
    assert len(err.splitlines()) == 1
    status, _, err = run(*arguments, "/dev/full")
    assert status == 2
    assert "must be a folder" in err
    status, _, err = run(*arguments, "/proc/nothing/here")
    assert status == 2
    assert len(err.splitlines()) == 1


def test_ctrl_c_ends_between_blocks_and_leaves_no_half_file(tmp_path, interruptible, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK", 64)

    def progress(done, total):
        if done > total // 2:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        checkpoint.write(plan(), 7, tmp_path, shard_size=3000, progress=progress)
    there = digests(tmp_path)
    assert not [name for name in there if name.endswith(durable.ENDING)]
    done = checkpoint.write(plan(), 7, tmp_path, shard_size=3000, resume=True)
    assert set(done.kept) == set(there) - {"oneseed.json"}
    assert checkpoint.verify(tmp_path) is None


@pytest.mark.parametrize("direct", ["as it is", "refused at once", "refused later", "unaligned memory"])
def test_past_the_cache_of_files_or_through_it(tmp_path, monkeypatch, direct):
    """Tensors of many pages at odd places; some file systems refuse the way past the cache, at once or later."""
    monkeypatch.setattr(blocks, "BLOCK", 1 << 15)
    flag = getattr(os, "O_DIRECT", 0)
    opened, pwrite, past = os.open, os.pwrite, set()

    def open_(path, flags, *rest, **more):
        if flags & flag and direct == "refused at once":
            raise OSError(errno.EINVAL, "Invalid argument")
        descriptor = opened(path, flags, *rest, **more)
        if flags & flag:
            past.add(descriptor)
        return descriptor

    def pwrite_(descriptor, data, offset):
        if descriptor in past and direct == "refused later":
            if offset % 3:
                raise OSError(errno.EINVAL, "Invalid argument")
            data = data[:100]  # a file system that is full
        return pwrite(descriptor, data, offset)

    monkeypatch.setattr(os, "open", open_)
    monkeypatch.setattr(os, "pwrite", pwrite_)
    if direct == "unaligned memory":
        monkeypatch.setattr(blocks, "PAGE", 8)
    shapes = {"a": (5,), "b": (300, 401), "c": (7, 11), "d": (4096, 3), "e": (1, 50_000), "f": (33, 4096)}
    its = plan(params={name: Parameter(shape, "float16") for name, shape in shapes.items()}, tied={})
    for folder, size in ((tmp_path / "a", "5GB"), (tmp_path / "b", 300_000)):
        checkpoint.write(its, 7, folder, shard_size=size)
        for name, array in values(of=its).items():
            assert stored(folder)[name].tobytes() == array.tobytes(), name
        assert checkpoint.verify(folder) is None
