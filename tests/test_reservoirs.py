"""Reservoirs: radii, connections and clusters, each against the property that defines it."""

import math

import ml_dtypes
import numpy as np
import pytest
from refusals import refused

from oneseed import initializers as I
from oneseed.config import FLOATX
from oneseed.dtypes import numpy_dtype

EPS = {dtype: float(ml_dtypes.finfo(numpy_dtype(dtype)).eps) for dtype in FLOATX}

every_float = pytest.mark.parametrize("dtype", FLOATX)


@every_float
@pytest.mark.parametrize("distribution", ["uniform", "normal", "bernoulli"])
@pytest.mark.parametrize("connectivity", [0.15, 1.0])
def test_echo_states_have_the_radius_and_the_connections(connectivity, distribution, dtype):
    made = I.EchoState(0.9, connectivity, distribution, 7)((40, 40), dtype).astype("float64")
    assert np.count_nonzero(made) == round(connectivity * 1600)
    # An eigenvalue moves by the error, in norm about sqrt(40) elements', times its condition.
    assert abs(np.linalg.eigvals(made)).max() == pytest.approx(0.9, rel=10 * EPS[dtype])
    if distribution == "bernoulli":
        assert len(np.unique(abs(made))) <= 2


@pytest.mark.parametrize(("direction", "axis"), [("in", 0), ("out", 1)])
def test_units_have_as_many_connections(direction, axis):
    made = I.EchoState(0.9, degree=4, direction=direction, seed=7)((30, 30), "float64")
    assert (np.count_nonzero(made, axis=axis) == 4).all()
    assert len(set(np.count_nonzero(made, axis=1 - axis))) > 2
    assert abs(np.linalg.eigvals(made)).max() == pytest.approx(0.9, rel=1e-12)
    inputs = I.ReservoirInput(degree=4, direction=direction, seed=7)((10, 50))
    assert (np.count_nonzero(inputs, axis=axis) == 4).all()


def test_inputs_have_their_scales():
    scaling = [0.1, 1.0, 20.0]
    plain = I.ReservoirInput(1.0, 0.4, "normal", 7)((3, 500), "float64")
    np.testing.assert_array_equal(
        I.ReservoirInput(scaling, 0.4, "normal", 7)((500, 3), "float64", axes="o i").T,
        plain * np.array(scaling)[:, None],
    )
    assert np.count_nonzero(plain) == 600
    assert set(np.unique(I.ReservoirInput(0.5, seed=7)((3, 50)))) == {-0.5, 0.5}
    assert abs(I.ReservoirInput(0.5, distribution="uniform", seed=7)((3, 50))).max() <= 0.5


def test_radii_of_batches_and_other_topologies():
    made = I.EchoState(1.2, seed=7)((3, 20, 20), "float64", axes="e o i")
    np.testing.assert_allclose(abs(np.linalg.eigvals(made)).max(axis=1), 1.2, rtol=1e-12)
    for init in (I.Cluster(0.5, 0.1, 2, 0.7, seed=7), I.SmallWorld(4, 0.2, 0.7, seed=7)):
        assert abs(np.linalg.eigvals(init((20, 20), "float64"))).max() == pytest.approx(0.7, rel=1e-12)


def test_weights_are_those_of_the_distributions():
    normal = I.RandomNormal(0.0, 1.0, 7)((9, 9), "float64")
    np.testing.assert_array_equal(I.EchoState(None, 1.0, "normal", 7)((9, 9), "float64"), normal)
    np.testing.assert_array_equal(I.EchoState(None, 1.0, "bernoulli", 7)((9, 9), "float64"), np.sign(normal))
    uniform = I.RandomUniform(-1.0, 1.0, 7)((9, 9), "float64")
    np.testing.assert_array_equal(I.EchoState(None, 1.0, "uniform", 7)((9, 9), "float64"), uniform)


def test_without_a_circle_there_is_no_radius():
    with pytest.raises(ValueError, match="`spectral_radius` must be None here") as caught:
        I.EchoState(0.9, 0.0, seed=1)((5, 5))
    assert "Received: spectral_radius=0.9" in str(caught.value)
    np.testing.assert_array_equal(I.EchoState(None, 0.0, seed=1)((5, 5)), np.zeros((5, 5)))


def test_clusters():
    connected = I.Cluster(0.6, 0.05, 4, seed=7)((200, 200)) != 0
    within = np.kron(np.eye(4), np.ones((50, 50))) > 0
    for inside, share in ((within, 0.6), (~within, 0.05)):
        assert abs(connected[inside].mean() - share) < 5 * math.sqrt(share * (1 - share) / inside.sum())
    assert not I.Cluster(0.6, 0.0, 4, seed=7)((200, 200))[~within].any()
    with refused(ValueError, "`clusters` must divide the 5 units", received="clusters=3"):
        I.Cluster(seed=1)((5, 5))


@pytest.mark.parametrize("neighbors", [0, 2, 4, 8])
@pytest.mark.parametrize("rewiring", [0.0, 0.3, 1.0])
def test_small_worlds(neighbors, rewiring):
    made = I.SmallWorld(neighbors, rewiring, seed=7)((30, 30), "float64")
    connected = made != 0
    assert connected.sum() == 30 * neighbors
    assert (connected == connected.T).all()
    assert not connected.diagonal().any()
    steps = np.arange(30)[:, None] - np.arange(30)
    lattice = (np.minimum(steps % 30, -steps % 30) <= neighbors // 2) & (steps != 0)
    if rewiring == 0:
        np.testing.assert_array_equal(connected, lattice)
    elif neighbors:
        moved = (lattice & ~connected).sum() / 2
        # An edge may come to lie where another has left, so that a few fewer are missed than were moved.
        expected = 15 * neighbors * rewiring
        assert 0.7 * expected - 5 * math.sqrt(expected) < moved <= expected + 5 * math.sqrt(expected)
    assert neighbors == 0 or not (made == made.T).all()


def test_a_full_small_world_has_no_room():
    complete = I.SmallWorld(4, 1.0, seed=7)((5, 5)) != 0
    np.testing.assert_array_equal(complete, ~np.eye(5, dtype=bool))


@pytest.mark.parametrize("units", [1, 2, 5])
def test_rings_and_lines(units):
    made = I.Ring(0.5)((units, units), "float64")
    np.testing.assert_array_equal(made, 0.5 * np.roll(np.eye(units), 1, axis=1))
    np.testing.assert_allclose(abs(np.linalg.eigvals(made)), 0.5)
    np.testing.assert_array_equal(I.Line(0.5)((units, units)), 0.5 * np.eye(units, k=1))


def test_rings_and_lines_are_those_of_reservoirpy():
    from scipy import sparse

    weights = np.array([0.5, 1.5, -2.0, 0.25])
    columns = np.arange(4)
    ring = sparse.coo_array((weights, (np.roll(columns, -1), columns)), shape=(4, 4)).toarray()
    np.testing.assert_array_equal(I.Ring(weights)((4, 4), axes="o i"), ring)
    line = sparse.coo_array((weights, (np.arange(1, 5), columns)), shape=(5, 5)).toarray()
    np.testing.assert_array_equal(I.Line(weights.tolist())((5, 5), axes="o i"), line)


@pytest.mark.parametrize(
    ("make", "kind", "words"),
    [
        (lambda: I.Ring("a"), TypeError, "`weights` must hold numbers"),
        (lambda: I.Ring([[1.0]]), ValueError, "`weights` must be a real number, or an array"),
        (lambda: I.Ring([1j]), ValueError, "`weights` must be a real number, or an array"),
        (lambda: I.Ring([math.inf]), ValueError, "`weights` must hold finite numbers"),
        (lambda: I.Line(math.nan), ValueError, "`weights` must be finite"),
        (lambda: I.EchoState(0), ValueError, "`spectral_radius` must be above 0"),
        (lambda: I.EchoState(1.0, 1.5), ValueError, "`connectivity` must lie in [0, 1]"),
        (lambda: I.EchoState(distribution="gaussian"), ValueError, "`distribution` must be one of"),
        (lambda: I.Cluster(-0.1), ValueError, "`p_in` must lie in [0, 1]"),
        (lambda: I.Cluster(p_out=2), ValueError, "`p_out` must lie in [0, 1]"),
        (lambda: I.Cluster(clusters=0), ValueError, "`clusters` must lie in"),
        (lambda: I.EchoState(0.9, 0.5, degree=2), ValueError, "At most one of `connectivity` and `degree`"),
        (lambda: I.EchoState(degree=9, seed=1)((4, 4)), ValueError, "`degree` must be at most 4"),
        (lambda: I.ReservoirInput(degree=-1), ValueError, "`degree` must lie in"),
        (lambda: I.ReservoirInput(direction="up"), ValueError, "`direction` must be one of"),
        (lambda: I.ReservoirInput([1.0, 2.0], seed=1)((3, 4)), ValueError, "one for each of the 3 inputs"),
        (lambda: I.ReservoirInput([np.nan]), ValueError, "`input_scaling` must hold finite numbers"),
        (lambda: I.ReservoirInput(1e5, seed=1)((3, 4), "float16"), ValueError, "`input_scaling` is too large"),
        (lambda: I.SmallWorld(3), ValueError, "`neighbors` must be even"),
        (lambda: I.SmallWorld(-2), ValueError, "`neighbors` must lie in"),
        (lambda: I.SmallWorld(rewiring=1.5), ValueError, "`rewiring` must lie in [0, 1]"),
        (lambda: I.SmallWorld(4, seed=1)((4, 4)), ValueError, "`neighbors` must be less than the 4 units"),
        (lambda: I.Ring([1.0, 2.0])((3, 3)), ValueError, "`weights` must be one number, or 3"),
        (lambda: I.Line([1.0, 2.0, 3.0])((3, 3)), ValueError, "`weights` must be one number, or 2"),
        (lambda: I.Ring(1e5)((3, 3), "float16"), ValueError, "`weights` is beyond the largest float16"),
        (lambda: I.EchoState(1e5, seed=1)((3, 3), "float16"), ValueError, "`spectral_radius` is beyond"),
    ],
)
def test_reservoir_refusals(make, kind, words):
    with refused(kind, words):
        make()


@pytest.mark.parametrize("kind", ["bernoulli", "normal", "uniform"])
def test_what_is_not_connected_is_positive_zero(kind):
    weights = I.ReservoirInput(-1.0, 0.3, kind, seed=7)((5, 40))
    assert (weights == 0).any()
    assert not np.signbit(weights[weights == 0]).any()
    assert (weights == -I.ReservoirInput(1.0, 0.3, kind, seed=7)((5, 40))).all()


@pytest.mark.parametrize("init", [I.EchoState(seed=1), I.Cluster(seed=1), I.SmallWorld(seed=1), I.Ring(), I.Line()])
def test_reservoirs_are_square(init):
    with refused(ValueError, "as many inputs as outputs", received="shape=(6, 3)"):
        init((6, 3))
    with refused(ValueError, "0 spatial axes for a square matrix", received="shape=(3, 6, 6)"):
        init((3, 6, 6))
