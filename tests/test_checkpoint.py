"""Initial weights as files: what is in them, and what is never done to a folder."""

import errno
import json
import os
import resource
import signal
import subprocess
import sys

import numpy as np
import pytest
from checkpoints import PARAMS, SCHEME, digests, plan, values
from safetensors import safe_open

import oneseed
from oneseed import KEEP, Parameter, Rule, Scheme, checkpoint
from oneseed.checkpoint import blocks, checking, durable, headers
from oneseed.dtypes import numpy_dtype

SIZES = ("5GB", 3000)


def stored(folder):
    """Return the tensors of all files, read by their offsets."""
    found = {}
    for path in folder.glob("*.safetensors"):
        header = headers.read(path)
        data = path.read_bytes()[header.size :]
        for name, (dtype, shape, start, end) in header.tensors.items():
            found[name] = np.frombuffer(data[start:end], numpy_dtype(headers.NAMES[dtype])).reshape(shape)
    return found


@pytest.fixture(params=[None, 64], ids=["one block", "many blocks"])
def small_blocks(request, monkeypatch):
    """Cut tensors into blocks, as large ones are."""
    if request.param:
        monkeypatch.setattr(blocks, "BLOCK", request.param)
        monkeypatch.setattr(blocks, "ELEMENTS", 7)
        monkeypatch.setattr(checking, "MAPPED", 96)
        monkeypatch.setattr(checking, "ROWS", 3)


@pytest.mark.parametrize("size", SIZES)
def test_files_hold_the_values_and_the_manifest_their_fingerprints(tmp_path, small_blocks, size):
    done = checkpoint.write(plan(), 7, tmp_path, shard_size=size)
    assert done.complete
    found, expected = stored(tmp_path), values()
    assert set(found) == set(expected) == set(PARAMS)
    manifest = json.loads((tmp_path / "oneseed.json").read_text())
    prints = {row["name"]: row["fingerprint"] for row in manifest["parameters"]}
    for name, array in expected.items():
        assert found[name].dtype == array.dtype
        assert found[name].tobytes() == array.tobytes(), name
        assert prints[name] == oneseed.fingerprint(array, PARAMS[name].axes), name
    assert (manifest["seed"], manifest["stream"], manifest["complete"]) == (7, 1, True)
    assert checkpoint.verify(tmp_path) is None
    assert checkpoint.verify(tmp_path, quick=True) is None


def test_the_library_reads_the_files(tmp_path):
    checkpoint.write(plan(), 7, tmp_path, shard_size=3000)
    index = json.loads((tmp_path / "model.safetensors.index.json").read_text())
    assert index["metadata"]["total_size"] == sum(array.nbytes for array in values().values())
    assert set(index["weight_map"]) == set(PARAMS)
    names = set()
    for file in set(index["weight_map"].values()):
        with safe_open(tmp_path / file, framework="numpy") as opened:
            names |= set(opened.keys())
            assert opened.metadata()["format"] == "pt"
            assert opened.metadata()["oneseed.seed"] == "7"
            for name in opened.keys():  # noqa: SIM118 - it is no dict
                assert index["weight_map"][name] == file
                assert tuple(opened.get_slice(name).get_shape()) == tuple(PARAMS[name].shape)
                if name.startswith("embed") or name == "h.1.q":
                    assert opened.get_tensor(name).tobytes() == values()[name].tobytes()
    assert names == set(PARAMS)


def test_one_file_has_no_index_and_values_are_aligned(tmp_path):
    checkpoint.write(plan(), 7, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.safetensors", "oneseed.json"]
    header = headers.read(tmp_path / "model.safetensors")
    assert header.size % 8 == 0
    for dtype, _, start, _ in header.tensors.values():
        assert start % numpy_dtype(headers.NAMES[dtype]).itemsize == 0


def test_files_are_cut_by_their_values(tmp_path):
    params = {f"w{k}": Parameter((10,), "float32") for k in range(7)} | {"big": Parameter((100,), "float32")}
    checkpoint.write(SCHEME.plan(params), 7, tmp_path, shard_size=80)
    sizes = [
        sum(t.end - t.start for t in headers.read(path).tensors.values()) for path in sorted(tmp_path.glob("*.s*s"))
    ]
    assert sizes == [80, 80, 80, 40, 400]


def test_the_same_plan_makes_the_same_bytes(tmp_path):
    for name in "ab":
        checkpoint.write(plan(), 7, tmp_path / name, shard_size=3000)
    assert digests(tmp_path / "a") == digests(tmp_path / "b")


def moved(one, other):
    """Return the parameters with two of them in each other's place."""
    names = {one: other, other: one}
    return {names.get(name, name): PARAMS[names.get(name, name)] for name in PARAMS}


def test_other_seeds_schemes_and_shapes_are_refused_by_name(tmp_path):
    checkpoint.write(plan(), 7, tmp_path, shard_size=3000)
    before = digests(tmp_path)
    other = Scheme([Rule("h.0.w", "glorot_normal"), *SCHEME.rules])
    wider = {**PARAMS, "h.0.w": Parameter((41, 24), "bfloat16", "o i")}
    single = {**PARAMS, "h.0.w": Parameter((40, 24), "float32", "o i")}
    turned = {**PARAMS, "h.0.w": Parameter((40, 24), "bfloat16", "i o")}
    more = {**PARAMS, "extra": Parameter((2,), "float32")}
    fewer = {name: param for name, param in PARAMS.items() if name != "mask"}
    for its, seed, size, said in (
        (plan(), 8, 3000, "the seed is 7 there, and 8 here"),
        (plan(other), 7, 3000, "the scheme is another one: 'h.0.w' gets .*HeNormal.* there, and .*GlorotNormal"),
        (plan(params=wider), 7, 3000, r"the shape of 'h.0.w' is \[40, 24\] there, and \[41, 24\] here"),
        (plan(params=single), 7, 3000, "the dtype of 'h.0.w' is bfloat16 there, and float32 here"),
        (plan(params=turned), 7, 3000, "the axes of 'h.0.w' is o i there, and i o here"),
        (plan(params=more), 7, 3000, "the parameter 'extra' is only here"),
        (plan(params=fewer), 7, 3000, "the parameter 'mask' is only there"),
        (plan(tied={}), 7, 3000, "the tied of 'embed.weight' is"),
        (plan(), 7, 4000, "the shard size is 3000 there, and 4000 here"),
        (
            plan(Scheme([*SCHEME.rules[:-1], Rule("?*", "he_normal")])),
            7,
            3000,
            "the scheme has another name or other patterns",
        ),
        (plan(params=moved("h.0.conv.w", "h.1.e")), 7, 3000, "the order of the parameters is another one"),
    ):
        for more in ({"resume": True}, {"part": (1, 2)}, {}):
            with pytest.raises(ValueError, match=f"must be empty, or hold the same checkpoint: {said}"):
                checkpoint.write(its, seed, tmp_path, shard_size=size, **more)
    with pytest.raises(FileExistsError, match="has a checkpoint of the same plan"):
        checkpoint.write(plan(), 7, tmp_path, shard_size=3000)
    assert digests(tmp_path) == before


def test_files_of_others_are_refused(tmp_path):
    for name in ("model.safetensors", "other.safetensors", "model.safetensors.index.json"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / name).write_bytes(b"theirs")
        for resume in (False, True) if name != "model.safetensors.index.json" else (False,):
            with pytest.raises(ValueError, match=f"files of another one.*{name}"):
                checkpoint.write(plan(), 7, folder, resume=resume)
        assert digests(folder).keys() == {name}
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(NotADirectoryError, match="must be a folder"):
        checkpoint.write(plan(), 7, tmp_path / "file")


def test_a_manifest_that_is_gone_is_written_again(tmp_path):
    checkpoint.write(plan(), 7, tmp_path, shard_size=3000)
    before = digests(tmp_path)
    (tmp_path / "oneseed.json").unlink()
    with pytest.raises(ValueError, match="whose manifest is gone"):
        checkpoint.write(plan(), 8, tmp_path, shard_size=3000, resume=True)
    done = checkpoint.write(plan(), 7, tmp_path, shard_size=3000, resume=True)
    assert (done.written, done.complete) == ((), True)
    assert digests(tmp_path) == before


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


def test_what_cannot_be_written_is_refused_before(tmp_path):
    folder = tmp_path / "new"
    for its, kind, said in (
        (Scheme([]).plan(PARAMS), ValueError, "no rule for embed.weight, h.0.w.*none"),
        (Scheme([Rule("h.*", KEEP), *SCHEME.rules]).plan(PARAMS), ValueError, "KEEP for h.0.w, h.0.b"),
        (SCHEME.plan({"w": Parameter((2,), "complex128")}), ValueError, "'w' of complex128"),
        (SCHEME.plan({"__metadata__": Parameter((2,), "float32")}), ValueError, "no tensor of the name '__metadata__'"),
        (SCHEME.plan({}), ValueError, "a plan of none"),
        ("plan", TypeError, "`plan` must be a Plan"),
    ):
        with pytest.raises(kind, match=said):
            checkpoint.write(its, 7, folder)
    for arguments, kind, said in (
        ({"shard_size": "5XB"}, ValueError, "`shard_size` must be a number of bytes"),
        ({"shard_size": 0}, ValueError, "shard_size"),
        ({"shard_size": 1.5}, TypeError, "shard_size"),
        ({"part": (0, 2)}, ValueError, "`part`"),
        ({"part": (3, 2)}, ValueError, "`part`"),
        ({"part": "1/2"}, TypeError, "`part` must be a tuple"),
        ({"resume": 1}, TypeError, "`resume`"),
        ({"format": "torch"}, ValueError, "`format` must be one of"),
    ):
        with pytest.raises(kind, match=said):
            checkpoint.write(plan(), 7, folder, **arguments)
    for seed in (-1, 2**64, 1.5, None, "7"):
        with pytest.raises((ValueError, TypeError), match="seed"):
            checkpoint.write(plan(), seed, folder)
    ready = plan()
    with oneseed.using(rng="native"), pytest.raises(ValueError, match="`rng` must be 'portable'"):
        checkpoint.write(ready, 7, folder)
    assert not folder.exists()


@pytest.mark.parametrize("text, size", [("5GB", 5 * 10**9), ("512MiB", 2**29), ("7", 7), ("3 kb", 3000), (9, 9)])
def test_sizes(text, size):
    from oneseed.checkpoint.folder import size_of

    assert size_of(text) == size


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
    code = "import sys; from oneseed.cli import main; main(sys.argv[1:])"
    (tmp_path / "p.json").write_text('[{"name": "w", "shape": [1000, 1000], "dtype": "float32"}]')
    (tmp_path / "s.toml").write_text(SCHEME.to_toml())
    done = subprocess.run(
        [sys.executable, "-c", code, "init", "p.json", "--scheme", "s.toml", "--seed", "7", "--out", "out"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (10**6, 10**6)),
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


def test_progress_counts_bytes_to_the_end(tmp_path):
    seen = []
    total = sum(array.nbytes for array in values().values())
    checkpoint.write(plan(), 7, tmp_path, shard_size=3000, progress=lambda *counts: seen.append(counts))
    assert seen[-1] == (total, total)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    seen.clear()
    assert checkpoint.verify(tmp_path, progress=lambda *counts: seen.append(counts)) is None
    assert seen[-1] == (total, total)


@oneseed.initializers.register(package="checkpoint_tests")
class Halved(oneseed.initializers.RandomInitializer):
    """A class of a user's, which draws what it likes."""

    def __init__(self, seed=None):
        super().__init__(seed)

    def distribution_for(self, target):
        return oneseed.distributions.Normal(0.0, 0.5)


class Unknown(Halved):
    """One that nobody has registered."""


def test_custom_classes_are_written_where_they_are_registered(tmp_path):
    its = Scheme([Rule("*", Halved())]).plan({"w": Parameter((3, 2), "float32")})
    checkpoint.write(its, 7, tmp_path / "known")
    assert checkpoint.verify(tmp_path / "known") is None
    assert stored(tmp_path / "known")["w"].tobytes() == values(of=its)["w"].tobytes()
    its = Scheme([Rule("*", Unknown())]).plan({"w": Parameter((3, 2), "float32")})
    with pytest.raises((TypeError, ValueError), match="Unknown"):
        checkpoint.write(its, 7, tmp_path / "unknown")
    assert not (tmp_path / "unknown").exists()


@pytest.mark.filterwarnings("ignore:The seed of the scheme does not reach")
def test_what_a_seed_does_not_reach_is_refused(tmp_path):
    class Own(oneseed.initializers.Initializer):
        def __call__(self, shape, dtype=None, **kwargs):
            return np.full(shape, 0.5, dtype)

        def get_config(self):
            return {}

    for initializer in (Own(), np.zeros):
        its = Scheme([Rule("*", initializer)]).plan({"w": Parameter((3, 2), "float32")})
        with pytest.raises(ValueError, match=r"must have values that a seed and a name decide.*for 'w'"):
            checkpoint.write(its, 7, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("shape", [(), (5,), (0,), (3, 4), (1, 9), (2, 3, 4), (3, 0, 2), (2, 1, 5)])
@pytest.mark.parametrize("limit", [1, 2, 5, 7, 12, 100])
def test_pieces_cover_a_tensor_in_order(shape, limit):
    array = np.arange(int(np.prod(shape))).reshape(shape)
    seen = []
    for offset, block in blocks.pieces(shape, limit):
        assert np.prod(block, dtype=int) <= limit
        seen += array[tuple(slice(a, a + n) for a, n in zip(offset, block, strict=True))].ravel().tolist()
    assert seen == list(range(array.size))
