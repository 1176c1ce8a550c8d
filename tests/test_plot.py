"""Pictures of draws: which kind, what is in them, and what is refused before anything is drawn."""

import builtins
import json
import math
import re
import sys

import numpy as np
import pytest
from frameworks import installed

from oneseed import initializers
from oneseed.cli import plotting
from oneseed.distributions import Integers, Normal, TruncatedNormal, Uniform
from oneseed.initializers.base import Initializer

pytestmark = pytest.mark.skipif(not installed("matplotlib"), reason="needs matplotlib")


def pictured(initializer, shape, dtype="float32", axes=None):
    array = np.asarray(initializer(shape, dtype, axes=axes, backend="numpy"))
    return plotting.picture(array, initializer.describe(shape, dtype, axes), "title")


STARTS = {
    ".png": b"\x89PNG\r\n\x1a\n",
    ".jpg": b"\xff\xd8\xff",
    ".pdf": b"%PDF-",
    ".svg": b"<?xml",
    ".webp": b"RIFF",
    ".PNG": b"\x89PNG\r\n\x1a\n",
}


@pytest.mark.parametrize("suffix", sorted(STARTS))
def test_the_suffix_decides_the_kind_of_file(run, tmp_path, suffix):
    file = tmp_path / f"w{suffix}"
    status, out, err = run("sample", "he_normal", "--shape", "30,40", "--seed", 7, "--plot", file, "--json")
    assert (status, err, json.loads(out)["plot"]) == (0, "", str(file))
    assert file.read_bytes().startswith(STARTS[suffix])
    assert list(tmp_path.iterdir()) == [file]


def test_every_known_suffix_is_tried():
    assert {suffix.lower() for suffix in STARTS} == set(plotting.SUFFIXES)


def test_the_picture_is_named_in_the_tables_too(run, tmp_path):
    status, out, _ = run("sample", "he_normal", "--shape", "3,4", "--plot", tmp_path / "w.png")
    assert status == 0
    assert "w.png" in out.replace("\n", "")


@pytest.mark.parametrize(
    "arguments, reason",
    [
        (("--shape", "3", "--plot", "w.gif"), "--plot must name a file that ends in one of .jpg, .pdf"),
        (("--shape", "3", "--plot", "w"), "--plot must name a file that ends in one of .jpg, .pdf"),
        (("--shape", "3", "--plot", "no/such/w.png"), "--plot must lie in a folder that exists"),
        (("--shape", "0,3", "--plot", "w.png"), "--plot must have elements to show"),
    ],
)
def test_refusals_come_before_a_draw(run, tmp_path, monkeypatch, arguments, reason):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Initializer, "__call__", lambda *_, **__: pytest.fail("drawn"))
    status, out, err = run("sample", "he_normal", *arguments)
    assert (status, out, list(tmp_path.iterdir())) == (2, "", [])
    assert reason in err


def test_without_matplotlib_the_command_says_what_to_install(run, tmp_path, monkeypatch):
    imports = builtins.__import__

    def without(name, *rest):
        if name.partition(".")[0] == "matplotlib":
            raise ImportError(name)
        return imports(name, *rest)

    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", without)
    monkeypatch.setattr(Initializer, "__call__", lambda *_, **__: pytest.fail("drawn"))
    status, out, err = run("sample", "he_normal", "--shape", "3", "--plot", tmp_path / "w.png")
    assert (status, out) == (2, "")
    assert re.fullmatch(
        r"oneseed: A picture needs matplotlib; install it with: pip install 'matplotlib>=[\d.]+'\n", err
    )


HISTOGRAMS = [
    (initializers.RandomNormal(1.0, 0.5, seed=1), 1.0, 0.5),
    (initializers.HeNormal(seed=1), 0.0, math.sqrt(2 / 200)),
    (initializers.TruncatedNormal(0.0, 1.0, 1, lower=5.0, upper=6.0), 5.185, 0.1717),
    (initializers.GlorotUniform(seed=1), 0.0, math.sqrt(2 / 300)),
    (initializers.UniformInt(-1000, 1001, seed=1), 0.0, math.sqrt((2001**2 - 1) / 12)),
    (initializers.MambaDtBias(seed=1), -4.5, None),
]


@pytest.mark.parametrize("initializer, mean, stddev", HISTOGRAMS, ids=lambda value: type(value).__name__)
def test_a_distribution_is_a_histogram_under_its_density(initializer, mean, stddev):
    (axes,) = pictured(initializer, (200, 100)).axes
    (line,) = axes.lines
    x, y = line.get_xdata(), line.get_ydata()
    assert axes.patches
    assert not axes.images
    # The bars and the curve both hold an area of 1, and the curve has the moments of the distribution.
    assert sum(bar.get_width() * bar.get_height() for bar in axes.patches) == pytest.approx(1)
    assert np.trapezoid(y, x) == pytest.approx(1, abs=0.01)
    assert np.trapezoid(y * x, x) == pytest.approx(mean, abs=0.02 * max(1, abs(stddev or 5)))
    if stddev is not None:
        assert np.trapezoid(y * (x - mean) ** 2, x) ** 0.5 == pytest.approx(stddev, rel=0.02)
    # 20,000 values in 60 bins: a bar strays from the curve by a standard error of at most sqrt(60 / 20,000).
    for bar in axes.patches[2:-2]:
        middle = bar.get_x() + bar.get_width() / 2
        assert bar.get_height() == pytest.approx(np.interp(middle, x, y), abs=0.3 * y.max())


def test_each_part_of_a_complex_distribution_has_a_histogram():
    axes = pictured(initializers.GlorotNormal(seed=1), (50, 60), "complex64").axes
    assert [part.get_title() for part in axes] == ["real part", "imaginary part"]
    assert all(part.patches and part.lines for part in axes)


@pytest.mark.parametrize(
    "initializer, masses",
    [
        (initializers.RandomSign(0.25, 3.0, seed=1), {-3.0: 0.75, 3.0: 0.25}),
        (initializers.UniformInt(2, 6, seed=1), dict.fromkeys([2.0, 3.0, 4.0, 5.0], 0.25)),
    ],
)
def test_a_distribution_of_few_values_has_a_bar_for_each(initializer, masses):
    (axes,) = pictured(initializer, (100, 100)).axes
    (line,) = axes.lines
    assert dict(zip(line.get_xdata(), line.get_ydata(), strict=True)) == pytest.approx(masses)
    heights = [bar.get_height() for bar in axes.patches]
    assert heights == pytest.approx(list(masses.values()), abs=0.03)
    assert sum(heights) == pytest.approx(1)


@pytest.mark.parametrize(
    "distribution, at, density",
    [
        (Normal(1.0, 2.0), 3.0, math.exp(-0.5) / (2 * math.sqrt(2 * math.pi))),
        (TruncatedNormal(0.0, 1.0, -1.0, 1.0), 0.0, 1 / math.sqrt(2 * math.pi) / math.erf(1 / math.sqrt(2))),
        (TruncatedNormal(0.0, 1.0, -1.0, 1.0), 1.01, 0.0),
        (Uniform(-2.0, 2.0), 1.0, 0.25),
        (Uniform(-2.0, 2.0), 2.0, 0.0),
        (Integers(0, 1000), 7.0, 0.001),
    ],
)
def test_densities_are_those_of_the_definition(distribution, at, density):
    assert plotting.density_of(distribution)(np.array([at]))[0] == pytest.approx(density, rel=1e-12)


@pytest.mark.parametrize("distribution", [Normal(1.0, 0.0), TruncatedNormal(1.0, 0.0), Uniform(2.0, 2.0)])
def test_what_has_no_density_is_a_heat_map(distribution):
    assert plotting.density_of(distribution) is None


@pytest.mark.parametrize("name, shape", [("zeros", ()), ("ones", (4,)), ("nan", (2, 3)), ("random_normal", (3, 2))])
def test_constants_are_heat_maps(name, shape):
    settings = {"stddev": 0, "mean": 2} if name == "random_normal" else {}
    initializer = initializers.deserialize({"class_name": name, "config": settings})
    axes, _ = pictured(initializer, shape).axes
    shown = axes.images[0].get_array()
    value = initializer((), backend="numpy")
    assert shown.mask.all() if name == "nan" else (shown == value).all()


@pytest.mark.parametrize(
    "name, shape, dtype, text",
    [
        ("zeros", (), "float32", "the element is 0"),
        ("ones", (4, 3), "float8_e4m3fn", "all elements are 1"),
        ("nan", (3,), "float16", "all elements are nan"),
        ("random_sign", (1,), "float32", "the element is -1"),
        ("random_normal", (), "bfloat16", "the element is 0.0612793"),
    ],
)
def test_values_that_are_all_equal_are_named(name, shape, dtype, text):
    initializer = initializers.deserialize({"class_name": name, "config": {"seed": 1} if "random" in name else {}})
    axes, _ = pictured(initializer, shape, dtype).axes
    assert [found.get_text() for found in axes.texts] == [text]
    # A single element is number 0: no axis counts in fractions.
    assert all(tick == int(tick) for tick in axes.get_xticks())


@pytest.mark.parametrize("dtype", ["float8_e4m3fn", "float8_e5m2", "bfloat16"])
def test_the_bins_of_a_narrow_dtype_hold_the_numbers_that_round_into_them(dtype):
    # In bins of equal width, some of them without a number of the dtype, heights would be 0 or twice the density.
    (axes,) = pictured(initializers.RandomNormal(1.0, 0.25, seed=1), (200, 100), dtype).axes
    (line,) = axes.lines
    for bar in axes.patches:
        low, high = bar.get_x(), bar.get_x() + bar.get_width()
        x = np.linspace(low, high, 101)
        density = np.interp(x, line.get_xdata(), line.get_ydata(), left=0, right=0).mean()
        assert bar.get_height() == pytest.approx(density, abs=0.08 * line.get_ydata().max())


def test_a_matrix_is_shown_as_it_is():
    orthogonal = initializers.Orthogonal(seed=3)
    axes, _ = pictured(orthogonal, (5, 7)).axes
    assert (axes.images[0].get_array() == orthogonal((5, 7), backend="numpy")).all()
    # Inputs go down and outputs across, in whichever layout they are stored.
    axes, _ = pictured(orthogonal, (7, 5), axes="o i").axes
    assert (axes.images[0].get_array() == orthogonal((7, 5), axes="o i", backend="numpy").T).all()


@pytest.mark.parametrize("axes, order", [(None, (0, 1, 2, 3)), ("o i h w", (2, 3, 1, 0))])
def test_a_kernel_is_shown_position_by_position(axes, order):
    initializer = initializers.DeltaOrthogonal(seed=3)
    sizes = [3, 2, 4, 5]
    shape = tuple(np.array(sizes)[np.argsort(order)])
    shown = pictured(initializer, shape, axes=axes).axes[0].images[0].get_array()
    kernel = initializer(shape, axes=axes, backend="numpy").transpose(order)
    assert shown.shape == (3 * 5 - 1, 2 * 6 - 1)
    for down in range(3):
        for across in range(2):
            tile = shown[5 * down : 5 * down + 4, 6 * across : 6 * across + 5]
            assert (tile == kernel[down, across]).all()
    assert shown.mask[4].all()
    assert shown.mask[:, 5].all()


OUTPUTS, INPUTS = "position, outputs inside", "position, inputs inside"


@pytest.mark.parametrize(
    "initializer, shape, x, y",
    [
        # A tile of 8 by 6 and the line after it: its middle is element 3.5, or 2.5, of 9 and of 7.
        (initializers.Dirac(), (3, 2, 8, 6), (OUTPUTS, {2.5: "0", 9.5: "1"}), INPUTS),
        (initializers.Dirac(), (3, 8, 6), (OUTPUTS, {2.5: "0", 9.5: "1", 16.5: "2"}), "input"),
        (initializers.Bilinear(), (2, 3, 1, 1), ("position", {0: "0", 1: "1", 2: "2"}), "position"),
        (initializers.STFT(), (16, 1, 9), ("output", None), "position"),
        (initializers.Range(), (4,), ("index", None), ""),
        (initializers.Dirac(), (3, 3, 3, 4, 4), ("inputs by outputs at each position", {}), ""),
    ],
    ids=["plane", "line", "points", "rows", "vector", "volume"],
)
def test_the_axes_number_positions_or_elements(initializer, shape, x, y):
    axes = pictured(initializer, shape).axes[0]
    name, ticks = x
    assert (axes.get_xlabel(), axes.get_ylabel()) == (name, y)
    if ticks is not None:
        labels = [label.get_text() for label in axes.get_xticklabels()]
        assert dict(zip(axes.get_xticks(), labels, strict=True)) == ticks


def test_single_rows_lie_one_below_the_other():
    stft = initializers.STFT()
    shown = pictured(stft, (16, 1, 9)).axes[0].images[0].get_array()
    assert (shown == stft((16, 1, 9), backend="numpy")[:, 0]).all()


def test_positions_of_one_weight_lie_side_by_side():
    bilinear = initializers.Bilinear()
    shown = pictured(bilinear, (8, 6, 1, 1)).axes[0].images[0].get_array()
    assert (shown == bilinear((8, 6, 1, 1), backend="numpy")[..., 0, 0]).all()


@pytest.mark.parametrize("shape", [(2, 3, 4), (2, 3, 2, 2, 3), (2, 2, 2, 3, 2, 3)])
def test_a_mosaic_holds_every_element_once(shape):
    tensor = np.arange(float(np.prod(shape))).reshape(shape)
    laid_out = plotting.mosaic(tensor)
    assert laid_out.ndim == 2
    assert sorted(laid_out[~np.isnan(laid_out)]) == sorted(tensor.reshape(-1))


def test_of_a_large_matrix_the_first_part_is_shown_and_said_to_be():
    axes, _ = pictured(initializers.Identity(), (plotting.LARGEST + 1, 3)).axes
    assert axes.images[0].get_array().shape == (plotting.LARGEST, 3)
    assert "first 2048" in axes.get_title()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float8_e4m3fn", "float64", "int8", "complex128"])
def test_any_dtype(dtype):
    assert pictured(initializers.Identity(), (4, 5), dtype).axes[0].images


def test_a_file_that_fails_leaves_nothing_behind(run, tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    def full(*_, **__):
        raise OSError("No space left on device")

    monkeypatch.setattr(Figure, "savefig", full)
    status, _, err = run("sample", "he_normal", "--shape", "30,40", "--plot", tmp_path / "w.png")
    assert (status, err) == (2, "oneseed: No space left on device\n")
    assert list(tmp_path.iterdir()) == []
