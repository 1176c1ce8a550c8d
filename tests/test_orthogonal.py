"""Small orthogonal matrices: the bits of the definition in every kernel and without one, in every layout."""

import json
import math
from importlib.resources import files

import numpy as np
import orthogonal_oracle
import pytest
from frameworks import installed

import oneseed
from oneseed import initializers as I
from oneseed.distributions.orthogonal import LONGEST_SIDE, MOST_ELEMENTS, is_small
from oneseed_numpy import engine, reflections

CASES = json.loads((files("oneseed.stream") / "data" / "orthogonal.json").read_text(encoding="utf-8"))
KERNELS = engine.kernels.kernels if engine.kernels else ()


@pytest.fixture(params=[*KERNELS, "numpy"])
def maker(request, monkeypatch):
    """Have a kernel make the matrices, or NumPy; return what makes those of an initializer."""
    if request.param == "numpy":
        monkeypatch.setattr(engine, "kernels", None)
        yield request.param
        return
    before = engine.kernels.kernel()
    engine.kernels.use(request.param)
    yield request.param
    engine.kernels.use(before)


def by_numpy(monkeypatch, make):
    with monkeypatch.context() as context:
        context.setattr(engine, "kernels", None)
        return make()


def case_id(case):
    return f"{'complex ' if case['imaginary'] else ''}{case['rows']}x{case['columns']}"


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_known_answers(maker, case):
    shape = case["number"] + 1, case["rows"], case["columns"]
    init = I.Orthogonal(case["gain"], seed=case["seed"])
    assert init.describe(shape, axes="e i o", path=tuple(case["path"])).stream == case["stream"]
    double, single = ("complex128", "complex64") if case["imaginary"] else ("float64", "float32")
    made = init(shape, double, axes="e i o", path=tuple(case["path"]))[-1]
    for row, column, *patterns in case["elements"]:
        assert orthogonal_oracle.patterns(made[row, column].item()) == patterns
    narrow = init(shape, single, axes="e i o", path=tuple(case["path"]))[-1]
    assert narrow.tobytes() == made.astype(single).tobytes()


@pytest.mark.parametrize("case", [case for case in CASES if case["rows"] * case["columns"] < 2000], ids=case_id)
def test_the_known_answers_are_those_of_the_definition(case):
    arguments = (case[key] for key in ("seed", "path", "rows", "columns", "gain", "number"))
    q = orthogonal_oracle.orthogonal(*arguments, case["imaginary"] is not None)
    found = [[i, j, *orthogonal_oracle.patterns(q[i][j])] for i, j, *_ in case["elements"]]
    assert found == case["elements"]
    assert len(found) >= min(16, case["rows"] * case["columns"])


# Around the widths of vectors and tiles, and of the rows that are drawn together, whole or in part.
SIDES = [1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 40]


@pytest.mark.skipif(not KERNELS, reason="the kernels were not built")
def test_kernels_and_numpy_agree(monkeypatch):
    before = engine.kernels.kernel()
    shapes = [(rows, columns) for rows in SIDES for columns in SIDES]
    shapes += [(0, 3), (3, 0), (0, 0), (100, 37), (37, 100)]
    asked = [(shape, dtype) for shape in shapes for dtype in ("float64", "complex128")]
    asked += [(shape, "float32") for shape in ((LONGEST_SIDE, 128), (3, LONGEST_SIDE), (512, 512))]
    asked += [(shape, "complex64") for shape in ((LONGEST_SIDE // 2, 64), (3, LONGEST_SIDE // 2), (256, 256))]

    def make():
        return [I.Orthogonal(0.7, seed=5)(*each, path="w") for each in asked]

    expected = by_numpy(monkeypatch, make)
    try:
        for name in KERNELS:
            engine.kernels.use(name)
            for each, made, right in zip(asked, make(), expected, strict=True):
                assert made.tobytes() == right.tobytes(), (name, each)
    finally:
        engine.kernels.use(before)


@pytest.mark.parametrize(
    ("shape", "axes", "to_logical"),
    [
        ((30, 20), "o i", (1, 0)),
        ((20, 30), "o i", (1, 0)),
        ((5, 6, 7), "e i o", (0, 1, 2)),
        ((6, 5, 7), "i e o", (1, 0, 2)),
        ((7, 6, 5), "o i e", (2, 1, 0)),
        ((5, 4, 3, 2), "o i h w", (2, 3, 1, 0)),
        ((3, 2, 4, 5), "h w i o", (0, 1, 2, 3)),
        ((4, 1, 2, 6), "o1 e i o2", (1, 2, 0, 3)),
        ((2, 4, 2, 6), "e o1 i o2", (0, 2, 1, 3)),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "complex64"])
def test_layouts_and_batches(maker, shape, axes, to_logical, dtype):
    init = I.Orthogonal(1.5, seed=7)
    found = init(shape, dtype, axes=axes, path="w")
    again = init(shape, dtype, axes=axes, path="w")  # as it was prepared
    assert found.tobytes() == again.tobytes()
    haar = init.describe(shape, dtype, axes=axes).distribution
    matrices = found.transpose(to_logical).reshape(haar.count, haar.rows, haar.columns)
    wide = init(matrices.shape, "complex128" if dtype == "complex64" else "float64", axes="e i o", path="w")
    narrow = wide.astype("float32").astype(dtype) if dtype == "bfloat16" else wide.astype(dtype)
    assert matrices.tobytes() == narrow.tobytes()
    # Each is a tensor of the field: element j of matrix t has the index t * s + j.
    last = haar.count - 1
    q = orthogonal_oracle.orthogonal(7, ["w"], haar.rows, haar.columns, 1.5, last, dtype == "complex64")
    assert wide[last].tolist() == q


def test_values_that_are_zero():
    # No sample is -0.0, and a column of zeros is as good as impossible; the definition has an answer for both.
    values = np.array([[[0.0, 1.0, -2.0], [3.0, -0.0, 0.5], [1.0, 2.0, 0.0]], np.zeros((3, 3)), -np.zeros((3, 3))])
    made = np.empty(values.shape)
    reflections.reflect(values, made, 1.0)
    for matrix, found in zip(values, made, strict=True):
        vectors = [matrix[k:, k].tolist() for k in range(3)]
        assert np.array(orthogonal_oracle.real(vectors, 3, 1.0)).tobytes() == found.tobytes()
    np.testing.assert_allclose(made[0] @ made[0].T, np.eye(3), atol=1e-15)
    both = values + 1j * values[[1, 0, 2]]  # with a zero in one part, in the other, and in both
    unitary = np.empty(both.shape, complex)
    reflections.reflect(both, unitary, 1.0)
    for matrix, found in zip(both, unitary, strict=True):
        parts = ([part[k:, k].tolist() for k in range(3)] for part in (matrix.real, matrix.imag))
        assert np.array(orthogonal_oracle.unitary(*parts, 3, 1.0)).tobytes() == found.tobytes()
    np.testing.assert_allclose(unitary[0] @ unitary[0].conj().T, np.eye(3), atol=1e-15)


@pytest.mark.parametrize("cls", [I.DeltaOrthogonal, I.ConvolutionOrthogonal, I.GlorotOrthogonal])
def test_kernels_of_convolutions_are_made_of_them(maker, cls, monkeypatch):
    def make():
        return cls(seed=7)((2, 3, 3, 6, 8), "float64", axes="e h w i o", path="w")

    assert make().tobytes() == by_numpy(monkeypatch, make).tobytes()


def test_where_small_ends():
    assert is_small(512, 512, "float32")
    assert not is_small(512, 513, "float32")
    assert is_small(LONGEST_SIDE, MOST_ELEMENTS // LONGEST_SIDE, "float64")
    assert not is_small(1, LONGEST_SIDE + 1, "float64")
    assert is_small(256, 256, "complex64")
    assert not is_small(256, 257, "complex64")
    assert not is_small(1, LONGEST_SIDE // 2 + 1, "complex128")
    for shape in ((LONGEST_SIDE + 1, 2), (2, LONGEST_SIDE + 1)):  # on both sides of the border
        q = I.Orthogonal(seed=1)(shape, "float64")
        q = q if shape[0] > 2 else q.T
        np.testing.assert_allclose(q.T @ q, np.eye(2), atol=1e-14)
        values = I.RandomNormal(0.0, 1.0, seed=1)(shape, "float64")
        first = values[:, 0] if shape[0] > 2 else values[0]
        np.testing.assert_allclose(q[:, 0], first / math.sqrt(math.fsum(first * first)), atol=1e-14)


@pytest.mark.skipif(not KERNELS, reason="the kernels were not built")
def test_kernels_refuse_what_does_not_fit():
    out = np.zeros((2, 3, 4), np.float32)
    run, sizes, rest = engine.kernels.orthogonal, out.shape, (0, 1.0, 0, 7, 0, None)
    for error, arguments in (
        (TypeError, (out, sizes, out.strides)),
        (TypeError, (out, list(sizes), out.strides, *rest)),
        (TypeError, ("out", sizes, out.strides, *rest)),
        (ValueError, (out, sizes[:2], out.strides[:2], *rest)),
        (ValueError, (out, sizes, out.strides[:2], *rest)),
        (ValueError, (out, (3, 3, 4), out.strides, *rest)),  # beyond the end
        (ValueError, (out, sizes, (48, 16, -4), *rest)),
        (ValueError, (out, sizes, (2**62, 2**62, 2**62), *rest)),
        (ValueError, (out, sizes, out.strides, 0, 1.0, 0, 7, 0, 0)),  # as complex numbers
        (ValueError, (out, sizes, out.strides, 2, 1.0, 0, 7, 0, None)),  # of another dtype
        (ValueError, (out, (1, 513, 512), (0, 0, 0), *rest)),  # too large
        (ValueError, (out, (1, 256, 257), (0, 0, 0), 0, 1.0, 0, 7, 0, 0)),
        (OverflowError, (out, (1, 2**62, 2**62), (0, 0, 2**64), *rest)),
        (ValueError, (out, (1, 2**62, 2**62), (0, 0, 0), *rest)),
        (OverflowError, (out, sizes, out.strides, 0, 1.0, -1, 7, 0, None)),
        (ValueError, (out[:, ::2], (2, 2, 4), out[:, ::2].strides, *rest)),  # not contiguous
    ):
        with pytest.raises(error):
            run(*arguments)
    out.flags.writeable = False
    with pytest.raises((BufferError, ValueError)):
        run(out, sizes, out.strides, *rest)
    assert not out.any()


@pytest.mark.skipif(not installed("torch"), reason="torch is not installed")
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_into_tensors_of_any_strides(dtype, monkeypatch):
    import torch

    from oneseed_torch import init
    from oneseed_torch.init import repeated

    monkeypatch.setattr(repeated, "_known", {})
    kind = getattr(torch, dtype)
    expected = I.Orthogonal(1.5, seed=7)((12, 20), dtype, axes="o i", path="w")
    for tensor in (
        torch.zeros(12, 20, dtype=kind),
        torch.zeros(20, 12, dtype=kind).T,
        torch.zeros(24, 60, dtype=kind)[::2, 1::3],
        torch.zeros(12, 20, dtype=kind, requires_grad=True),
    ):
        for _ in range(2):
            with torch.no_grad():
                tensor.zero_()
            assert init.orthogonal_(tensor, 1.5, seed=7, path="w") is tensor
            assert oneseed.fingerprint(tensor.detach()) == oneseed.fingerprint(expected)
    assert all(map(callable, repeated._known.values())) == bool(KERNELS and dtype != "bfloat16")
    for _ in range(2):  # what is kept of one call is not taken for another one
        plus, minus = (init.orthogonal_(torch.ones(3, 3, dtype=kind), gain, seed=7) for gain in (0.0, -0.0))
        assert not plus.any()
        assert (torch.signbit(plus) ^ torch.signbit(minus)).all()
