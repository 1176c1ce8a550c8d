"""`assert_same_everywhere`: what passes, and what a failure says."""

import subprocess
import sys

import numpy as np
import pytest
from frameworks import ALL

import oneseed
from oneseed import seeds
from oneseed.initializers import HeNormal, RandomNormal
from oneseed.testing import assert_same_everywhere
from oneseed_numpy.adapter import NumpyBackend


@pytest.mark.parametrize("name", ALL)
def test_draws_are_the_same_everywhere(name):
    assert_same_everywhere(lambda: HeNormal(7)((3, 4), axes="o i", path="w"), backends=[name])


@pytest.fixture
def changed():
    """Register a backend whose mode "compiled" changes what was drawn."""

    def register(change):
        class Other(NumpyBackend):
            name = "other"

            def modes(self):
                return {"eager": lambda make: make(), "compiled": lambda make: change(make().copy())}

        oneseed.config.register_backend("other", Other)

    return register


def failure(f, **arguments):
    with pytest.raises(AssertionError) as caught:
        assert_same_everywhere(f, **arguments)
    return str(caught.value).splitlines()


def test_the_first_element_that_differs_is_shown(changed):
    def change(array):
        array[1, 2] = np.nextafter(array[1, 2], np.float32(9))
        array[2, 0] = -array[2, 0]
        return array

    changed(change)
    expected = HeNormal(7)((3, 4))
    found = change(expected.copy())[1, 2]
    bits = [f"0x{int(value.view('u4')):08x}" for value in (found, expected[1, 2])]
    assert failure(lambda: HeNormal(7)((3, 4)), backends=["other"]) == [
        "The values are not those that the NumPy backend draws:",
        "other, compiled: 2 of 12 values differ (16.67%), the first at (1, 2), 1 ulp apart:",
        f"    {found!s} = {bits[0]}",
        f"    {expected[1, 2]!s} = {bits[1]} in NumPy's answer",
        "equal: numpy, eager; other, eager",
    ]


def test_zeros_of_different_signs_and_parts_of_complex_numbers(changed):
    changed(lambda array: -array)
    lines = failure(lambda: oneseed.initializers.Zeros()((2,), "complex64"), backends=["other"])
    assert lines[1] == "other, compiled: 2 of 2 values differ (100.00%), the first at (0,):"
    assert lines[2].endswith("= 0x80000000 0x80000000")
    assert lines[3].endswith("= 0x00000000 0x00000000 in NumPy's answer")


@pytest.mark.parametrize(
    "change, reason",
    [
        (lambda array: array.astype("float64"), "other, compiled: the dtype is float64, not float32"),
        (lambda array: array.T.copy(), "other, compiled: the shape is (4, 3), not (3, 4)"),
    ],
    ids=["dtype", "shape"],
)
def test_another_dtype_or_shape(changed, change, reason):
    changed(change)
    assert failure(lambda: HeNormal(7)((3, 4)), backends=["other"])[1] == reason


def test_a_draw_that_is_another_one_at_each_call():
    generator = seeds.SeedGenerator(3)
    lines = failure(lambda: RandomNormal(seed=generator)((3,)))
    assert lines[0] == "Two calls do not draw the same values; draw with an int as the seed:"
    assert lines[1].startswith("numpy, eager: 3 of 3 values differ (100.00%), the first at (0,), ")
    assert len(lines) == 4  # no other backend was asked


def test_an_error_says_where_it_was_raised(changed):
    changed(lambda array: array / None)
    with pytest.raises(TypeError) as caught:
        assert_same_everywhere(lambda: HeNormal(7)((3,)), backends=["other"])
    assert caught.value.__notes__ == [
        "oneseed.testing.assert_same_everywhere: this was raised on 'other', in the mode 'compiled'"
    ]


@pytest.mark.parametrize(
    "f, arguments, error, reason",
    [
        (HeNormal(7)((3,)), {}, TypeError, "`f` must be a function without arguments"),
        (lambda: [1.0], {"backends": ["numpy"]}, TypeError, "`f` must draw on the backend in force"),
        (lambda: HeNormal(7)((3,)), {"backends": "numpy"}, TypeError, "`backends` must be a sequence of names"),
        (lambda: HeNormal(7)((3,)), {"backends": ["nunpy"]}, ValueError, "Did you mean 'numpy'?"),
    ],
    ids=["no function", "no tensor", "a str", "an unknown backend"],
)
def test_what_cannot_be_compared(f, arguments, error, reason):
    with pytest.raises(error) as caught:
        assert_same_everywhere(f, **arguments)
    assert reason in str(caught.value)


def test_all_that_can_be_loaded_are_compared(monkeypatch):
    def lacking():
        raise ImportError("no framework", name="no_framework")

    asked = []
    monkeypatch.setattr(oneseed.registry, "available_backends", lambda: ("lacking", "numpy", "other"))
    oneseed.config.register_backend("lacking", lacking)
    oneseed.config.register_backend("other", "oneseed_numpy:backend")
    assert_same_everywhere(lambda: asked.append(oneseed.config.backend()) or HeNormal(7)((3,)))
    assert asked == ["numpy", "numpy", "other"]
    with pytest.raises(ImportError):
        assert_same_everywhere(lambda: HeNormal(7)((3,)), backends=["lacking"])


def test_oneseed_testing_is_there_without_another_import():
    code = "import oneseed, sys; oneseed.testing.assert_same_everywhere; assert 'pytest' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
