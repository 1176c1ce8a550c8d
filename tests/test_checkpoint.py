"""Initial weights as files: what is in them, and what is never done to a folder."""

import json

import numpy as np
import pytest
from checkpoints import PARAMS, SCHEME, digests, plan, stored, values
from safetensors import safe_open

import oneseed
from oneseed import KEEP, Parameter, Rule, Scheme, checkpoint
from oneseed.checkpoint import blocks, headers
from oneseed.dtypes import numpy_dtype

SIZES = ("5GB", 3000)


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
        for resume in (False, True):
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


def test_what_cannot_be_written_is_refused_before(tmp_path, monkeypatch):
    folder = tmp_path / "new"
    for its, kind, said in (
        (Scheme([]).plan(PARAMS), ValueError, "no rule for embed.weight, h.0.w.*none"),
        (Scheme([Rule("h.*", KEEP), *SCHEME.rules]).plan(PARAMS), ValueError, "KEEP for h.0.w, h.0.b"),
        (SCHEME.plan({"w": Parameter((2,), "complex128")}), ValueError, "'w' of complex128"),
        (SCHEME.plan({"__metadata__": Parameter((2,), "float32")}), ValueError, "no tensor of the name '__metadata__'"),
        (SCHEME.plan({"w": Parameter((2,), "float32")}, tied={"a\ud800": "w"}), ValueError, r"Unicode.*'a\\ud800'"),
        (SCHEME.plan({"\udfff": Parameter((2,), "float32")}, names={"\udfff": "w"}), ValueError, "names in Unicode"),
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
        ({"scheme": 3}, TypeError, "`scheme` must be a str"),
        ({"scheme": "\ud800"}, ValueError, "`scheme` must be a name in Unicode"),
        ({"progress": 3}, TypeError, "`progress` must be callable"),
    ):
        with pytest.raises(kind, match=said):
            checkpoint.write(plan(), 7, folder, **arguments)
    for seed in (-1, 2**64, 1.5, None, "7"):
        with pytest.raises((ValueError, TypeError), match="seed"):
            checkpoint.write(plan(), seed, folder)
    with monkeypatch.context() as patched:
        patched.setattr(headers, "LONGEST", 1000)
        with pytest.raises(ValueError, match="must have a header of at most 1,000 bytes; use a smaller shard size"):
            checkpoint.write(plan(), 7, folder)
    ready = plan()
    with oneseed.using(rng="native"), pytest.raises(ValueError, match="`rng` must be 'portable'"):
        checkpoint.write(ready, 7, folder)
    assert not folder.exists()


@pytest.mark.parametrize("text, size", [("5GB", 5 * 10**9), ("512MiB", 2**29), ("7", 7), ("3 kb", 3000), (9, 9)])
def test_sizes(text, size):
    from oneseed.checkpoint.folder import size_of

    assert size_of(text) == size


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
