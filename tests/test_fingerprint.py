"""The fingerprint: what it covers, and that it is what it says it is."""

from hashlib import blake2b

import ml_dtypes
import numpy as np
import pytest

import oneseed
from oneseed.initializers import HeNormal


def test_it_is_the_digest_of_dtype_shape_and_values():
    x = np.arange(6, dtype="float32").reshape(2, 3)
    expected = blake2b(b"float32(2, 3)" + x.astype("<f4").tobytes(), digest_size=8).hexdigest()
    assert oneseed.fingerprint(x) == expected
    assert oneseed.fingerprint(x.astype(">f4")) == expected
    assert oneseed.fingerprint(np.asfortranarray(x)) == expected
    assert oneseed.fingerprint(x.T.copy(), "o i") == expected
    assert oneseed.fingerprint(x, "i o") == expected


def test_the_fingerprint_of_the_readme():
    assert oneseed.fingerprint(HeNormal(seed=7)((128, 64, 3, 3), axes="o i h w"), "o i h w") == "bd726f57b38ca74c"


def test_dtype_shape_and_every_value_count():
    x = np.zeros((2, 3), "float32")
    last = x.copy()
    last[-1, -1] = 1e-30
    others = [x.astype("int32"), x.reshape(3, 2), x.reshape(6), last, -x, x.astype("float64")]
    prints = {oneseed.fingerprint(array) for array in [x, *others]}
    assert len(prints) == len(others) + 1


def test_large_arrays_are_read_in_chunks_of_the_same_digest(monkeypatch):
    x = HeNormal(7)((37, 41, 5))
    plain, moved = oneseed.fingerprint(x), oneseed.fingerprint(x.transpose(2, 0, 1), "o i1 i2")
    assert plain == moved
    monkeypatch.setattr("oneseed.digest.CHUNK", 64)
    assert oneseed.fingerprint(x) == plain
    assert oneseed.fingerprint(x.transpose(2, 0, 1), "o i1 i2") == plain


@pytest.mark.parametrize(
    "dtype",
    [ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2, "float16", "bool", "complex64", "uint8"],
)
@pytest.mark.parametrize("shape", [(), (0, 3), (3, 4)])
def test_every_dtype_and_shape(dtype, shape):
    x = np.ones(shape, dtype)
    assert len(oneseed.fingerprint(x)) == 16
    assert oneseed.fingerprint(x.T.copy().T) == oneseed.fingerprint(x)


def test_what_holds_no_numbers_is_refused():
    with pytest.raises(TypeError, match="`x` must hold numbers"):
        oneseed.fingerprint(["a"])
    with pytest.raises(ValueError, match="names 1 axes"):
        oneseed.fingerprint(np.ones((2, 2)), "i")
