"""The library against the reference, to the bit, at random addresses of random tensors."""

import itertools
import math
from typing import NamedTuple

import numpy as np
import pytest
import reference
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oneseed import distributions, initializers, registry
from oneseed.draws import Draw

# The same examples at every run: a value that is wrong is wrong for everyone, and no run is red by chance.
settings.register_profile(
    "deterministic",
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.too_slow],
)
deterministic = settings.get_profile("deterministic")

FLOATS = ("float16", "bfloat16", "float32", "float64")
INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
LARGEST = 2**63 - 1
AXIS_NAMES = ("i", "in", "i2", "o", "out", "e", "b", "batch", "g", "h", "w", "d", "x", "time")

every_float = pytest.mark.parametrize("dtype", FLOATS)


# What is drawn at random ----------------------------------------------------------------------------------------------


class Place(NamedTuple):
    """A block of a tensor, and the address of its values."""

    shape: tuple
    axes: str | None
    offset: tuple
    block: tuple
    seed: int
    path: tuple

    @property
    def stream(self):
        return reference.stream_of(self.path)

    @property
    def coordinates(self):
        """The block's elements in the order in which they lie."""
        return itertools.product(*(range(at, at + size) for at, size in zip(self.offset, self.block, strict=True)))

    @property
    def indices(self):
        return [reference.logical_index(self.shape, self.axes, at) for at in self.coordinates]

    def call(self, initializer, dtype):
        """Return the block's bit patterns, through the public call."""
        array = initializer(
            self.shape,
            dtype,
            axes=self.axes,
            path=self.path,
            backend="numpy",
            partition_shape=self.block,
            partition_offset=self.offset,
        )
        return self.patterns(array, dtype)

    def execute(self, distribution, dtype):
        """Return the same for a distribution that no initializer asks for, through the backend."""
        order = tuple(reference.logical_axes(len(self.shape), self.axes))
        draw = Draw(distribution, self.shape, dtype, self.seed, self.path, order, 1, 1, self.offset, self.block)
        return self.patterns(registry.load("numpy").draw(draw), dtype)

    def patterns(self, array, dtype):
        assert array.dtype.name == dtype
        assert array.shape == self.block
        return reference.patterns(array)

    def expected(self, element, dtype):
        """Return the bit patterns of ``element(seed, stream, i)``."""
        return [reference.bits(element(self.seed, self.stream, i), dtype) for i in self.indices]


def product_of(sizes):
    """Multiply sizes as far as they count for indices: a zero hides no other."""
    return math.prod(max(size, 1) for size in sizes)


@st.composite
def shapes(draw):
    """Shapes of a few elements, now and then of none, and up to the largest there are."""
    rank = draw(st.sampled_from([1, 2, 3, 4, 2, 3, 4, 0]))
    kind = draw(st.sampled_from(["small", "huge", "full", "medium", "full", "small", "huge", "empty"]))
    largest = {"small": 6, "empty": 6, "medium": 300, "huge": 2**33, "full": 2**40}[kind]
    sizes = []
    for _ in range(rank):
        sizes.append(
            draw(st.integers(min(2, LARGEST // product_of(sizes)), min(largest, LARGEST // product_of(sizes))))
        )
    if rank and kind == "full":
        sizes[-1] = LARGEST // product_of(sizes[:-1])  # indices up to 2**63
    if rank and kind == "empty":
        sizes[0] = 0
    return tuple(draw(st.permutations(sizes)))


@st.composite
def places(draw):
    shape = draw(shapes())
    names = draw(st.lists(st.sampled_from(AXIS_NAMES), min_size=len(shape), max_size=len(shape), unique=True))
    position = draw(st.sampled_from(["anywhere", "end", "anywhere", "start"]))
    block, offset = [], []
    for size in shape:
        block.append(draw(st.integers(min(size, 1), min(size, 4, 16 // product_of(block)))))
        least = size - block[-1] if position == "end" else 0
        offset.append(draw(st.integers(least, 0 if position == "start" else size - block[-1])))
    axes = draw(st.sampled_from([" ".join(names), None, " ".join(names)]))
    return Place(shape, axes, tuple(offset), tuple(block), draw(seeds), draw(paths))


seeds = st.integers(0, 2**64 - 1) | st.sampled_from([0, 2**32 - 1, 2**32, 2**64 - 1])
paths = st.lists(st.text(max_size=8) | st.integers(0, 2**64 - 1), max_size=3).map(tuple)
float_dtypes = st.sampled_from(FLOATS)
magnitudes = st.floats(1e-3, 1e3)
# Next to ordinary ones, offsets that are zero: as they are, negative, and only after rounding to float32.
offsets = magnitudes | magnitudes.map(lambda x: -x) | st.sampled_from([0.0, -0.0, 1e-60])
stddevs = st.floats(1e-6, 1e3) | st.sampled_from([1.0, 0.05, 1.2533141373155003])


@st.composite
def intervals(draw):
    """Bounds of a uniform distribution: wide, narrow, about zero, one-sided, and with no room at all."""
    low = draw(offsets)
    kind = draw(st.sampled_from(["wide", "narrow", "symmetric", "positive", "negative", "empty"]))
    width = draw(st.floats(1e-6, 1e-3) if kind == "narrow" else magnitudes)
    return {
        "symmetric": (-width, width),
        "positive": (0.0, width),
        "negative": (-width, 0.0),
        "empty": (low, low),
    }.get(kind, (low, low + width))


@st.composite
def integer_ranges(draw):
    dtype = draw(st.sampled_from(INTEGERS))
    limits = np.iinfo(dtype)
    low = draw(st.integers(int(limits.min), int(limits.max)) | st.sampled_from([int(limits.min), 0]))
    room = min(2**32, int(limits.max) + 1 - low)
    return dtype, low, low + draw(st.integers(1, room) | st.just(room))


# Distributions --------------------------------------------------------------------------------------------------------


@deterministic
@given(places(), float_dtypes, offsets, stddevs)
def test_random_normal(place, dtype, mean, stddev):
    found = place.call(initializers.RandomNormal(mean, stddev, place.seed), dtype)
    assert found == place.expected(lambda *at: reference.normal(*at, mean, stddev, dtype), dtype)


@deterministic
@given(places(), float_dtypes, offsets, stddevs)
def test_truncated_normal(place, dtype, mean, stddev):
    found = place.call(initializers.TruncatedNormal(mean, stddev, place.seed), dtype)
    assert found == place.expected(lambda *at: reference.truncated_normal(*at, mean, stddev, dtype), dtype)


bounds_in_stddevs = st.tuples(st.floats(-4.5, 4.5), st.floats(0.01, 9.0)).map(lambda pair: (pair[0], sum(pair)))
unbounded = st.sampled_from([(-math.inf, math.inf), (-1.0, math.inf), (-math.inf, 0.5), (3.0, math.inf)])


@deterministic
@given(places(), float_dtypes, offsets, stddevs, bounds_in_stddevs | unbounded)
def test_truncated_normal_of_any_window(place, dtype, mean, stddev, bounds):
    found = place.execute(distributions.TruncatedNormal(mean, stddev, *bounds), dtype)
    assert found == place.expected(lambda *at: reference.truncated_normal(*at, mean, stddev, dtype, *bounds), dtype)


@deterministic
@given(places(), float_dtypes, intervals())
def test_random_uniform(place, dtype, interval):
    found = place.call(initializers.RandomUniform(*interval, place.seed), dtype)
    assert found == place.expected(lambda *at: reference.uniform(*at, *interval, dtype), dtype)


@deterministic
@given(places(), integer_ranges())
def test_random_integers(place, case):
    dtype, low, high = case
    found = place.call(initializers.RandomUniform(low, high, place.seed), dtype)
    assert found == place.expected(lambda *at: reference.integers(*at, low, high), dtype)


def expected_fans(shape, axes):
    """Return the fans: Keras's rules, or the products that a pattern says."""
    if axes is None:
        field = math.prod(shape[:-2])
        return (shape[-2] * field, shape[-1] * field) if len(shape) > 1 else (math.prod(shape),) * 2
    fan_in = fan_out = 1
    for size, name in zip(shape, axes.split(), strict=True):
        fan_in *= 1 if name[0] in "oebg" else size
        fan_out *= 1 if name[0] in "iebg" else size
    return fan_in, fan_out


NAMED = {
    "GlorotNormal": (1.0, "fan_avg", "truncated_normal"),
    "GlorotUniform": (1.0, "fan_avg", "uniform"),
    "HeNormal": (2.0, "fan_in", "truncated_normal"),
    "HeUniform": (2.0, "fan_in", "uniform"),
    "LecunNormal": (1.0, "fan_in", "truncated_normal"),
    "LecunUniform": (1.0, "fan_in", "uniform"),
}
scalings = st.tuples(
    st.floats(1e-3, 1e3),
    st.sampled_from(["fan_in", "fan_out", "fan_avg"]),
    st.sampled_from(["truncated_normal", "untruncated_normal", "uniform", "normal"]),
)


@deterministic
@given(places(), float_dtypes, st.sampled_from(sorted(NAMED)) | scalings)
def test_variance_scaling(place, dtype, which):
    if isinstance(which, str):
        scale, mode, distribution = NAMED[which]
        initializer = getattr(initializers, which)(seed=place.seed)
    else:
        scale, mode, distribution = which
        initializer = initializers.VarianceScaling(scale, mode, distribution, place.seed)
    fan_in, fan_out = expected_fans(place.shape, place.axes)
    n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[mode]
    variance = scale / max(1.0, n)
    if dtype == "float16" and variance < 1e-10:
        dtype = "bfloat16"  # the bounds would round to 0, and the sign of a zero is not defined

    def element(*at):
        if distribution == "uniform":
            limit = math.sqrt(3 * variance)
            return reference.uniform(*at, -limit, limit, dtype)
        if distribution == "untruncated_normal":
            return reference.normal(*at, 0.0, math.sqrt(variance), dtype)
        # Keras's constant: the standard deviation that is left after truncation to two standard deviations.
        return reference.truncated_normal(*at, 0.0, math.sqrt(variance) / 0.87962566103423978, dtype)

    assert place.call(initializer, dtype) == place.expected(element, dtype)


@deterministic
@given(places())
def test_description_has_the_address(place):
    draw = initializers.RandomNormal(seed=place.seed).describe(
        place.shape, "float32", place.axes, place.path, place.block, place.offset
    )
    assert (draw.seed, draw.stream, draw.path) == (place.seed, place.stream, place.path)
    assert (draw.fan_in, draw.fan_out) == expected_fans(place.shape, place.axes)
    if place.indices:
        assert draw.first == place.indices[0]


# Rare words -----------------------------------------------------------------------------------------------------------


def rows_of_the_table():
    """Return words at both ends of every row of the float32 quantile table, on both sides of the median."""
    tails = {1, 2**31 - 1, 2**31 - 64, 2**31 - 65}  # and where rounding to float32 leaves the last row but one
    for exponent, part in itertools.product(range(31), range(16)):
        start = (16 + part) * 2**exponent // 16
        tails |= {max(start - 1, 1), start, start + 1}
    return sorted({word for v in tails if v < 2**31 for word in (v, v ^ 0xFFFFFFFF)} | {0, 0xFFFFFFFF})


@pytest.fixture
def numbered_streams(monkeypatch):
    """Let a path of one integer be the stream itself: at which words lie can be computed, but not from a hash."""
    monkeypatch.setattr("oneseed.draws.stream_number", lambda path: path[0])


def element_at(initializer_class, address, dtype, *parameters):
    seed, stream, i = address
    array = initializer_class(*parameters, seed=seed)(
        (LARGEST,), dtype, path=(stream,), backend="numpy", partition_shape=(1,), partition_offset=(i,)
    )
    return reference.patterns(array)[0]


@pytest.mark.usefixtures("numbered_streams")
def test_every_row_of_the_quantile_table():
    for count, wanted in enumerate(rows_of_the_table()):
        address = reference.address_of(wanted, lane=count % 4, attempt=0)
        assert reference.word(*address) == wanted
        assert element_at(initializers.RandomUniform, address, "uint32", 0, 2**32) == wanted
        # For float64 the word is the upper half: all rows from 2**32 on, and for the first words a random one below.
        for dtype in ("float32", "float64"):
            expected = reference.bits(reference.normal(*address, 0.0, 1.0, dtype), dtype)
            assert element_at(initializers.RandomNormal, address, dtype, 0.0, 1.0) == expected, (hex(wanted), dtype)


EXTREMES = (0, 1, 2, 3, 2**31 - 1, 2**31, 2**31 + 1, 2**32 - 3, 2**32 - 2, 2**32 - 1)


@pytest.mark.usefixtures("numbered_streams")
@every_float
@pytest.mark.parametrize("wanted", EXTREMES)
def test_extreme_words(wanted, dtype):
    address = reference.address_of(wanted, lane=2, attempt=0)
    for mean, stddev in ((0.0, 1.0), (3.0, 0.02), (-0.7, 100.0), (0.1, 0.3)):
        expected = reference.bits(reference.normal(*address, mean, stddev, dtype), dtype)
        assert element_at(initializers.RandomNormal, address, dtype, mean, stddev) == expected
        expected = reference.bits(reference.truncated_normal(*address, mean, stddev, dtype), dtype)
        assert element_at(initializers.TruncatedNormal, address, dtype, mean, stddev) == expected
    for low, high in ((0.0, 1.0), (-1.0, 1.0), (2.0, 3.0), (-0.05, 0.05), (-3.0, 0.0)):
        value = reference.uniform(*address, low, high, dtype)
        assert reference.rounded(low, dtype) <= value < reference.rounded(high, dtype)
        assert element_at(initializers.RandomUniform, address, dtype, low, high) == reference.bits(value, dtype)


@pytest.mark.usefixtures("numbered_streams")
@every_float
@pytest.mark.parametrize("bounds", [(-2.0, 2.0), (-0.5, 0.5), (-2.5, 0.25), (-1.5, 1.5), (0.0, 0.01), (1.0, 2.0)])
def test_no_value_leaves_its_window(bounds, dtype):
    # At the ends of these windows the table's error or the shift would take float32 values past a bound.
    for wanted, (mean, stddev) in itertools.product((0, 2**32 - 1), ((0.0, 1.0), (0.1, 0.3), (-0.7, 100.0))):
        seed, stream, i = reference.address_of(wanted, lane=3, attempt=0)
        place = Place((LARGEST,), None, (i,), (1,), seed, (stream,))
        (found,) = place.execute(distributions.TruncatedNormal(mean, stddev, *bounds), dtype)
        value = reference.truncated_normal(seed, stream, i, mean, stddev, dtype, *bounds)
        assert found == reference.bits(value, dtype)


@pytest.mark.usefixtures("numbered_streams")
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])  # float64 takes a second word as well
@pytest.mark.parametrize("wanted", [*EXTREMES[:5], 0x01234567, 0x6789ABCD])
def test_complement_of_a_word_negates_the_sample(wanted, dtype):
    below, above = (
        reference.from_bits(
            element_at(initializers.RandomNormal, reference.address_of(word, lane=0, attempt=0), dtype, 0.0, 0.3), dtype
        )
        for word in (wanted, wanted ^ 0xFFFFFFFF)
    )
    assert below == -above
    # Next to the median the sample is 0 itself, with the same sign of zero for both words.
    assert below < 0 or wanted == 2**31 - 1
