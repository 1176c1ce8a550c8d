"""Tensors of files: the elements, blocks of them, and what is no file of numbers."""

import json

import ml_dtypes
import numpy as np
import pytest
from frameworks import ALL, installed
from refusals import refused

from oneseed import initializers as I
from oneseed.host_arrays import to_numpy

FLOATS = ("bfloat16", "float16", "float32", "float64")


@pytest.fixture
def files(tmp_path):
    array = np.arange(-12, 12).reshape(4, 6) / 7
    np.save(tmp_path / "plain.npy", array.astype("float32"))
    np.save(tmp_path / "fortran.npy", np.asfortranarray(array.astype(">f8")))
    np.save(tmp_path / "scalar.npy", np.float64(2.5))
    return tmp_path, array


@pytest.mark.parametrize("backend", ALL)
@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
def test_an_array_of_a_file(files, backend, dtype):
    folder, array = files
    kind = getattr(ml_dtypes, dtype, dtype)
    for name, source in (("plain", array.astype("float32")), ("fortran", array)):
        init = I.FromFile(folder / f"{name}.npy")
        np.testing.assert_array_equal(to_numpy(init((4, 6), dtype, backend=backend)), source.astype(kind))
        block = init((4, 6), dtype, backend=backend, partition_shape=(2, 3), partition_offset=(1, 2))
        np.testing.assert_array_equal(to_numpy(block), source.astype(kind)[1:3, 2:5])


def test_edges_of_files(files):
    folder, _ = files
    assert I.FromFile(str(folder / "scalar.npy"))(()) == 2.5
    init = I.FromFile(folder / "plain.npy")
    assert init((4, 6), partition_shape=(0, 6), partition_offset=(4, 0)).shape == (0, 6)
    again = I.deserialize(json.loads(json.dumps(I.serialize(init))))
    np.testing.assert_array_equal(again((4, 6)), init((4, 6)))
    made = init((4, 6))
    made[...] = 0  # it is a copy, and the file's own memory is not written
    assert init((4, 6)).any()
    assert type(made) is np.ndarray


def test_a_block_reads_its_own_part(files):
    # A file of 64 GiB, which no one could read whole, is sparse: nothing of it is stored but the header.
    folder, _ = files
    path = folder / "large.npy"
    with open(path, "wb") as file:
        np.lib.format.write_array_header_2_0(file, {"descr": "<f4", "fortran_order": False, "shape": (2**17, 2**17)})
        start = file.tell()
        file.seek(start + 4 * (2**34 - 1))
        file.write(np.float32(7).tobytes())
    init = I.FromFile(path)
    made = init((2**17, 2**17), partition_shape=(1, 3), partition_offset=(2**17 - 1, 2**17 - 3))
    assert made.tolist() == [[0, 0, 7]]


@pytest.mark.parametrize("dtype", FLOATS)
def test_a_tensor_of_a_safetensors_file(files, dtype):
    if not installed("safetensors"):
        pytest.skip("safetensors is not installed")
    from safetensors.numpy import save_file

    folder, array = files
    kind = getattr(ml_dtypes, dtype, dtype)
    tensors = {"a": array.astype(kind), "empty": np.zeros((0, 3), kind), "scalar": np.array(0.5, kind)}
    save_file(tensors, folder / "many.safetensors")
    save_file({"a": tensors["a"]}, folder / "one.safetensors")
    for init in (I.FromFile(folder / "one.safetensors"), I.FromFile(folder / "many.safetensors", "a")):
        np.testing.assert_array_equal(init((4, 6), dtype), tensors["a"])
        for offset, block in (((1, 2), (2, 3)), ((4, 0), (0, 6)), ((3, 5), (1, 1))):
            made = init((4, 6), dtype, partition_shape=block, partition_offset=offset)
            cut = tuple(slice(at, at + size) for at, size in zip(offset, block, strict=True))
            np.testing.assert_array_equal(made, tensors["a"][cut], strict=True)
    assert I.FromFile(folder / "many.safetensors", "empty")((0, 3), dtype).shape == (0, 3)
    assert I.FromFile(folder / "many.safetensors", "scalar")((), dtype) == 0.5
    for name in ("b", None):
        with refused(
            ValueError, "`name` must be", "'a', 'empty', 'scalar'", received=f"name={name!r}", may=("allocate",)
        ):
            I.FromFile(folder / "many.safetensors", name)((4, 6))


def test_safetensors_is_asked_for_by_name(files, monkeypatch):
    (files[0] / "x.safetensors").write_bytes(b"")
    monkeypatch.setitem(__import__("sys").modules, "safetensors", None)
    with refused(ImportError, "pip install 'safetensors>=", received="path="):
        I.FromFile(files[0] / "x.safetensors")((2,))


def write(path, content):
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        np.save(path, content, allow_pickle=True)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "must name a .npy file of numbers"),
        (b"hello, world", "must name a .npy file of numbers"),
        (np.array([{}], object), "Python objects"),
        (np.zeros(3, "i4,f4"), "must name a tensor of one of bfloat16"),
        (np.array(["a"]), "must name a tensor of one of bfloat16"),
        (np.zeros(3, ml_dtypes.bfloat16), "not of <V2"),
        (np.zeros(4), "`shape` must be (4,)"),
        (np.full(3, 1e300), "is beyond the largest float32"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_no_file_of_numbers(tmp_path, content, words):
    path = tmp_path / "x.npy"
    write(path, content)
    with pytest.raises(ValueError, match="Received: ") as caught:
        I.FromFile(path)((3,))
    assert words in str(caught.value)


def test_a_file_cut_short(files):
    path = files[0] / "plain.npy"
    path.write_bytes(path.read_bytes()[:-1])
    with refused(ValueError, "must name a .npy file of numbers"):
        I.FromFile(path)((4, 6))


@pytest.mark.parametrize(
    ("arguments", "kind", "words"),
    [
        (("w.pt",), ValueError, "`path` must end in .npy or .safetensors"),
        ((3,), TypeError, "`path` must be a str"),
        ((b"w.npy",), TypeError, "`path` must be a str"),
        (("w.npy", "a"), ValueError, "`name` must be None for a .npy file"),
        (("w.safetensors", 3), TypeError, "`name` must be a str or None"),
    ],
    ids=str,
)
def test_no_path(arguments, kind, words):
    with refused(kind, words):
        I.FromFile(*arguments)


def test_a_file_that_is_not_there(tmp_path):
    with refused(FileNotFoundError, "`path` must name a file that exists", received="path="):
        I.FromFile(tmp_path / "w.npy")((3,))
