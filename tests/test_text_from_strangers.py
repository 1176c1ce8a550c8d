"""Text that others wrote: dtypes, headers of files, schemes. It ends in a value or a clear error, at once."""

import json
import struct
import subprocess
import sys

import numpy as np
import pytest
from refusals import refused
from schemes_of_tests import scheme_of

import oneseed
from oneseed import Parameter, Rule, Scheme
from oneseed import initializers as I
from oneseed.dtypes import dtype_name

DEADLY = ["m8[Y/0]", "M8[D/0]", "i4, (2", "\x00", "(((f4", "f4" + ",f4" * 5000, "99999999999f4", "f4\x00", "longdouble"]
"""Text at which NumPy's parser of dtypes divides by zero, raises errors of Python's own, or finds a dtype anyway."""


def deep(levels, innermost):
    """Return a config of initializers inside one another."""
    for _ in range(levels):
        innermost = {"class_name": "Scaled", "config": {"initializer": innermost, "factor": 1.0}}
    return innermost


# Dtypes


CALLS = """if 1:
    import sys, oneseed
    from oneseed import initializers as I, backend as K, Parameter, Rule, Scheme

    for text in TEXTS:
        scheme = {"format": "oneseed.scheme", "version": 1}
        scheme["rules"] = [{"pattern": "*", "initializer": "zeros", "dtype": text}]
        partial = {"class_name": "Partial", "config": {"initializer": {"class_name": "Zeros"}, "dtype": text}}
        for call in (
            lambda: I.HeNormal(1).describe((2,), text),
            lambda: I.Zeros()((2,), text),
            lambda: I.Partial("zeros", dtype=text),
            lambda: I.deserialize(partial),
            lambda: K.zeros((2,), text),
            lambda: K.cast(K.ones((2,)), text),
            lambda: K.constant([1], text),
            lambda: Rule("*", "zeros", dtype=text),
            lambda: Scheme.from_config(scheme),
            lambda: Scheme([Rule("*", "zeros")]).plan({"w": Parameter((2,), text)}),
            lambda: oneseed.random.randint((2,), 0, 5, dtype=text),
            lambda: oneseed.set_floatx(text),
        ):
            try:
                call()
            except ValueError as error:
                said = str(error)
                assert ("dtype" in said or "floatx" in said) and "Received: " in said, said[:200]
            else:
                raise AssertionError(text)
    print("lives")
"""


def test_no_text_reaches_the_parser_of_dtypes():
    # In a process of its own, which "m8[Y/0]" would end.
    code = CALLS.replace("TEXTS", repr(DEADLY))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout == "lives\n", (done.returncode, done.stderr[-500:])


def test_an_array_of_data_has_a_dtype_of_the_list():
    for text in DEADLY:
        config = {"value": {"class_name": "__numpy__", "config": {"value": [1.0], "dtype": text}}}
        with refused(ValueError, "'dtype' must be one of"):
            I.deserialize({"class_name": "Constant", "config": config})


def test_the_command_takes_no_other_dtype(run):
    status, _, said = run("sample", "he_normal", "--shape", "2,2", "--dtype", "m8[Y/0]")
    assert status
    assert "dtype" in said


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("half", "float16"),
        ("single", "float32"),
        ("double", "float64"),
        ("f4", "float32"),
        ("<f8", "float64"),
        (">i2", "int16"),
        ("=u4", "uint32"),
        ("|b1", "bool"),
        ("?", "bool"),
        ("e", "float16"),
        ("csingle", "complex64"),
        ("D", "complex128"),
        ("intc", "int32"),
        ("ubyte", "uint8"),
        ("int", "int32"),
        ("bool_", "bool"),
        ("int_", "int64"),
        (np.str_("float32"), "float32"),
    ],
)
def test_names_of_dtypes(text, name):
    assert dtype_name(text) == name


# Files


def npy(header, version=b"\x01\x00", data=bytes(64)):
    length = struct.pack("<H" if version == b"\x01\x00" else "<I", len(header))
    return b"\x93NUMPY" + version + length + header + data


GOOD = b"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }\n"


@pytest.mark.parametrize(
    "content",
    [
        *(npy(GOOD.replace(b"<f4", text.encode()[:50])) for text in DEADLY),
        npy(b"[" * 9000),
        npy(b"{'descr': " + b"(" * 3000),
        npy(b"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2"),
        npy(GOOD.replace(b"(2, 2)", b"(9999999999999999999, 2)")),
        npy(GOOD.replace(b"(2, 2)", b"(" + b"9" * 5000 + b",)")),
        npy(GOOD.replace(b"(2, 2)", b"(-2, 2)")),
        npy(GOOD.replace(b"(2, 2)", b"(4294967296, 1073741824)")),
        npy(GOOD.replace(b"False", b"0")),
        npy(GOOD.replace(b"'<f4'", b"[('a', '<f4')]")),
        npy(GOOD.replace(b"'<f4'", b"'|O'")),
        npy(GOOD, data=b""),
        npy(GOOD, version=b"\x09\x00"),
        npy(GOOD)[:20],
        npy(b"{" + b" " * 70000, version=b"\x02\x00"),
        b"\x93NUMPY",
    ],
    ids=range(24),
)
def test_a_npy_file_of_nonsense(tmp_path, content):
    path = tmp_path / "x.npy"
    path.write_bytes(content)
    with refused(ValueError, "`path` must name a", received="path="):
        I.FromFile(path)((2, 2))


@pytest.mark.parametrize(
    "header", [GOOD, GOOD.replace(b"'", b'"'), GOOD.replace(b" ", b""), GOOD.replace(b"<f4", b"=f4")]
)
@pytest.mark.parametrize("version", [b"\x01\x00", b"\x02\x00", b"\x03\x00"])
def test_a_npy_file_by_another_writer(tmp_path, header, version):
    path = tmp_path / "x.npy"
    path.write_bytes(npy(header, version, np.arange(4, dtype="f4").tobytes()))
    assert I.FromFile(path)((2, 2)).tolist() == [[0, 1], [2, 3]]


@pytest.mark.parametrize("shape", [(0,), (3, 0), (), (1,), (2, 3, 4)])
def test_every_npy_file_of_numpy(tmp_path, shape):
    for dtype in ("?", "i1", "<u2", ">i4", "<i8", "<f2", ">f8", "<c8", "<c16"):
        array = np.array(np.ones(shape, dtype), order="F")
        np.save(tmp_path / "x.npy", array)
        found = I.FromFile(tmp_path / "x.npy")(shape, "complex128")
        np.testing.assert_array_equal(found, array, strict=False)


# Schemes


@pytest.mark.parametrize("read", [Scheme.from_json, Scheme.from_toml])
@pytest.mark.parametrize("text", [None, 3, b"{}", ["{}"]])
def test_a_scheme_is_read_from_a_str(read, text):
    with refused(TypeError, "`text` must be a str", received="text="):
        read(text)


@pytest.mark.parametrize(
    "text", ["", "[", "[" * 100_000, '{"a":' * 100_000, "1" * 5000, "\x00", "{", "nul", "\ud800"], ids=range(9)
)
def test_no_json(text):
    with refused((ValueError), "text" if text not in ("1" * 5000,) else "`", received=""):
        Scheme.from_json(text)


@pytest.mark.parametrize(
    "text", ["[", "a = " + "[" * 100_000, "a = {b = " * 50_000, "=", "a = 1" + "0" * 5000, "\x00"], ids=range(6)
)
def test_no_toml(text):
    with refused(ValueError, "`text` must", received="text="):
        Scheme.from_toml(text)


@pytest.mark.parametrize("levels", [300, 2000])
def test_initializers_nested_too_deep(levels):
    config = deep(levels, {"class_name": "Zeros"})
    for call in (
        lambda: I.deserialize(config),
        lambda: I.get(config),
        lambda: Rule("*", config),
        lambda: Scheme.from_config(scheme_of(initializer=config)),
    ):
        with pytest.raises(ValueError, match=r"nested so deep.*Received: "):
            call()


def test_an_array_nested_too_deep():
    value = 1.0
    for _ in range(5000):
        value = [value]
    data = {"class_name": "__numpy__", "config": {"value": value, "dtype": "float32"}}
    with pytest.raises(ValueError, match="Received: "):
        I.deserialize({"class_name": "Constant", "config": {"value": data}})


@pytest.mark.parametrize(
    ("arguments", "kind", "word"),
    [
        ({"axes": 3}, TypeError, "`axes`"),
        ({"axes": "o i"}, TypeError, "`axes`"),
        ({"axes": [("a", "o")]}, TypeError, "`axes`"),
        ({"axes": {"c": "o"}}, ValueError, "`axes`"),
        ({"axes": {"a": 3}}, TypeError, "`axes`"),
        ({"tied": [("a", "b")]}, TypeError, "`tied`"),
        ({"tied": 3}, TypeError, "`tied`"),
        ({"tied": {"c": ["a"]}}, ValueError, "`tied`"),
        ({"tied": {"c": "d"}}, ValueError, "`tied`"),
        ({"names": 3}, TypeError, "`names`"),
        ({"names": "a"}, TypeError, "`names`"),
        ({"names": {"a": 3}}, TypeError, "`names`"),
        ({"names": [("a",)]}, TypeError, "`names`"),
    ],
    ids=str,
)
def test_arguments_of_a_plan(arguments, kind, word):
    parameters = {name: Parameter((2,), "float32") for name in "ab"}
    with refused(kind, word, received=""):
        Scheme([Rule("*", "zeros")]).plan(parameters, **arguments)


def test_the_longest_message_is_short():
    for call in (
        lambda: Scheme.from_json("{" + "x" * 10**6),
        lambda: I.get("x" * 10**6),
        lambda: I.HeNormal(seed="x" * 10**6),
        lambda: I.RandomNormal(stddev=10**5000),
        lambda: I.HeNormal(seed=10**5000),
        lambda: I.Zeros()((10**5000,)),
        lambda: I.Constant(10**5000)((2,)),
        lambda: oneseed.random.normal((2,), path=10**5000),
        lambda: I.deserialize({"class_name": "HeNormal", "config": {"seed": 10**5000}}),
        lambda: I.deserialize(json.loads(json.dumps(deep(10, {"class_name": "x" * 10**6})))),
    ):
        with pytest.raises((ValueError, TypeError), match="Received") as caught:
            call()
        assert len(str(caught.value)) < 3000
