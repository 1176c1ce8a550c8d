"""What is kept of a draw is found by the arguments of a call, and is not a part of its initializer."""

import copy
import pickle

import numpy as np
import pytest
from kept import same, twice

import oneseed
from oneseed.initializers import HeNormal, VarianceScaling, Zeros, plans

pytestmark = pytest.mark.usefixtures("recall")

compiled = plans.recall


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_what_is_kept_is_neither_copied_nor_stored(protocol):
    class Slotted(HeNormal):
        __slots__ = ("note",)

    for init in (HeNormal(7), Slotted(7), Zeros()):
        before = vars(init).copy()
        twice(init, (8, 8))
        for other in (copy.copy(init), copy.deepcopy(init)):
            assert id(other) not in plans.held
            assert vars(other) == vars(init) == before
    init = HeNormal(7)
    stored = pickle.dumps(init, protocol)
    twice(init, (8, 8))
    assert pickle.dumps(init, protocol) == stored
    assert vars(pickle.loads(stored)) == vars(init)
    slotted = Slotted(7)
    slotted.note = [1]
    assert copy.copy(slotted).note is slotted.note
    twice(slotted, (8, 8))
    assert copy.copy(slotted).note is slotted.note


def test_what_is_equal_to_text_and_is_none():
    class Equal:
        def __init__(self, text):
            self.text = text

        def __eq__(self, other):
            return other == self.text

        def __hash__(self):
            return hash(self.text)

    init = HeNormal(7)
    twice(init, (3, 4), axes="o i", path="w", backend="numpy")
    for name, text in (("axes", "o i"), ("path", "w"), ("backend", "numpy")):
        with pytest.raises(TypeError):
            init((3, 4), **{"axes": "o i", "path": "w", "backend": "numpy", name: Equal(text)})


class Like:
    """A dtype as frameworks have them: a name and a class of that name, equal to what means something else."""

    name = "float32"

    def __eq__(self, other):
        return True

    def __hash__(self):
        return hash("float64")


Like.__name__ = "DType"


def test_dtypes_and_shapes_of_any_kind():
    class Size(tuple):
        """As PyTorch's."""

    init = HeNormal(7)
    expected = init((3, 4), "float32")
    for dtype in ("float32", "f4", np.float32, np.dtype("float32"), Like(), float, None):
        for shape in ((3, 4), [3, 4], Size((3, 4)), np.array([3, 4]), (np.int64(3), 4)):
            assert same(twice(init, shape, dtype), expected)
    assert twice(init, (3, 4), "float64").dtype == np.float64
    for shape in ([3.0, 4], Size((True, 4)), {3: 4}, "34", 34, None):
        for _ in range(2):
            with pytest.raises((TypeError, ValueError)):
                init(shape, "float32")
    for dtype in ([], {}, object(), 1, True, "float33"):
        for _ in range(2):
            with pytest.raises((TypeError, ValueError)):
                init((3, 4), dtype)


def test_a_changed_list_is_another_shape():
    init, shape = HeNormal(7), [3, 4]
    twice(init, shape)
    shape[0] = 5
    assert twice(init, shape).shape == (5, 4)


ARGUMENTS = {
    "shape": ((3, 4), [3, 4], (), (3,), (3.0, 4), (True, 4), (np.int64(3), 4), "34", 3, None),
    "dtype": ("float32", "float64", np.float32, None, 1, [], Like()),
    "axes": (None, "i o", "o i", 3, []),
    "path": (None, "w", ("w",), ("w", 1), ("w", True), [], 1),
    "backend": (None, "numpy", "other", []),
}


def test_both_find_the_same():
    settings = oneseed.settings.in_force()
    init, rng = VarianceScaling(2.0, "fan_in", "uniform", seed=7), np.random.default_rng(7)
    found = 0
    for _ in range(4000):
        call = [values[rng.integers(len(values)) * (rng.random() < 0.5)] for values in ARGUMENTS.values()]
        set_ = settings._replace(floatx=["float32", "float64"][rng.integers(2)])
        make = compiled(init, *call, set_)
        assert make is plans.interpreted(init, *call, set_)
        found += make is not None
        if rng.random() < 0.3:
            shape, dtype, *others = call
            try:
                init(shape, dtype, **dict(zip(("axes", "path", "backend"), others, strict=True)))
            except (TypeError, ValueError):
                continue
        if rng.random() < 0.02:
            name = ["scale", "mode", "extra"][rng.integers(3)]
            vars(init)[name] = {"scale": [1.0, 1, True], "mode": ["fan_in", "fan_out"], "extra": [None, [1]]}[name][0]
        if rng.random() < 0.02:
            vars(init).pop("extra", None)
    assert 100 < found < 3000


def test_an_interruption_is_not_swallowed(recall):
    class Interrupting:
        def __hash__(self):
            raise KeyboardInterrupt

    init = HeNormal(7)
    twice(init, (3,))
    with pytest.raises(KeyboardInterrupt):
        recall(init, (3,), Interrupting(), None, None, None, oneseed.settings.in_force())
