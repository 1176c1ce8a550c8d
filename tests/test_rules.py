"""Recurrent networks, state spaces, rules of depth and width: against the papers' formulas and real layers."""

import math
from fractions import Fraction

import mpmath
import numpy as np
import parts
import pytest
from frameworks import ALL, installed

import oneseed
from oneseed import initializers as I
from oneseed import rules
from oneseed.host import to_numpy

needs = {
    name: pytest.mark.skipif(not installed(name), reason=f"{name} is not installed")
    for name in ("flax", "haiku", "jax", "keras", "torch")
}


def root(value, n):
    """Return the n-th root of a rational number, to the nearest float."""
    with mpmath.workdps(50):
        return float(mpmath.root(mpmath.mpf(value.numerator) / value.denominator, n))


# Rules ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layers", [1, 6, 24, 100, 1000])
def test_rules_of_one_stack(layers):
    n = Fraction(layers)
    for made in (rules.deepnorm(layers).encoder, rules.deepnorm(decoder_layers=layers).decoder):
        assert made == pytest.approx((root(2 * n, 4), root(1 / (8 * n), 4)), rel=1e-14)
    assert rules.deepnorm(layers).decoder is rules.deepnorm(decoder_layers=layers).encoder is None
    for made in (rules.subln(layers).encoder, rules.subln(decoder_layers=layers).decoder):
        with mpmath.workdps(50):
            assert made == pytest.approx((1.0, float(mpmath.sqrt(mpmath.log(2 * layers)))), rel=1e-14)
    encoder, decoder, embedding = rules.tfixup(layers)
    assert (encoder, decoder, embedding) == (pytest.approx(root(Fraction(67**4, 100**4) / n, 4), rel=1e-14), None, None)
    assert rules.tfixup(decoder_layers=layers) == (None, *[pytest.approx(root(1 / (9 * n), 4), rel=1e-14)] * 2)
    assert rules.scaled_normal(layers).stddev == pytest.approx(root(Fraction(1, 2500) / (2 * n), 2), rel=1e-14)
    made = rules.scaled_normal(layers, 0.006, 3, width_mult=4)
    assert made.stddev == pytest.approx(root(Fraction(36, 10**6) / (12 * n), 2), rel=1e-14)
    made = rules.depth_scaled_normal(layers, 0.02)
    assert made.stddev == pytest.approx(root(Fraction(1, 2500) / (2 * (n + 1)), 2), rel=1e-14)


@pytest.mark.parametrize(("n", "m"), [(6, 6), (18, 3), (100, 100)])
def test_rules_of_two_stacks(n, m):
    both = root(Fraction(n**4 * m), 16)
    encoder, decoder = rules.deepnorm(n, m)
    assert encoder == pytest.approx((0.81 * both, 0.87 / both), rel=1e-14)
    assert decoder == pytest.approx((root(Fraction(3 * m), 4), root(Fraction(1, 12 * m), 4)), rel=1e-14)
    with mpmath.workdps(50):
        in_encoder = mpmath.sqrt(mpmath.log(3 * m) * mpmath.log(2 * n) / 3)
        assert rules.subln(n, m).encoder.beta == pytest.approx(float(in_encoder), rel=1e-14)
        assert rules.subln(n, m).decoder.beta == pytest.approx(float(mpmath.sqrt(mpmath.log(3 * m))), rel=1e-14)
    assert rules.tfixup(n, m).embedding == rules.tfixup(n, m).decoder


def test_deepnorm_bounds_the_update_as_its_theorem_says():
    # The expected model update is of order sum of (v**2 + w**2) / alpha**2 over the 2N branches: constant in N.
    for n in (1, 10, 1000):
        alpha, beta = rules.deepnorm(n).encoder
        assert 2 * n * 2 * beta**2 / alpha**2 == pytest.approx(1.0)


@pytest.mark.parametrize(("blocks", "layers", "power"), [(27, 2, 2), (16, 3, 4), (5, 4, 6)])
def test_fixup(blocks, layers, power):
    shape, fan = (3, 3, 16, 32), 9 * 32
    law = rules.fixup(blocks, layers, seed=1).describe(shape).distribution
    assert law.name == "normal"
    assert law.stddev == pytest.approx(root(Fraction(2, fan), 2) * root(Fraction(1, blocks), power), rel=1e-14)
    law = rules.fixup(blocks, layers, mode="fan_in").describe(shape).distribution
    assert law.stddev == pytest.approx(root(Fraction(2, 9 * 16), 2) * root(Fraction(1, blocks), power), rel=1e-14)


def test_rules_of_width():
    assert rules.mup_normal(16, 0.02).stddev == pytest.approx(0.005)
    for finite in (0, 1):
        assert rules.mup_normal(16, 0.02, infinite_dims=finite).stddev == 0.02
    law = rules.mitchell(seed=1).describe((64, 256)).distribution
    assert law.stddev_after_truncation == pytest.approx(1 / 8)
    law = rules.mitchell(layer=7).describe((64, 256)).distribution
    assert law.stddev_after_truncation == pytest.approx(1 / 32)
    law = rules.xavier(0.5).describe((30, 20)).distribution
    assert (law.name, law.stddev) == ("normal", pytest.approx(0.1))


@needs["torch"]
def test_mambas_projections_are_pytorchs_default_rescaled():
    import torch

    torch.manual_seed(1)
    weight = torch.nn.Linear(64, 512).weight / math.sqrt(2 * 8)
    limit = rules.mamba_output(8, residuals=2).describe((512, 64), axes="o i").distribution.limit
    assert 0.999 * limit < weight.abs().max().item() <= limit * (1 + 1e-6)
    made = rules.mamba_dt_weight(16, 2.0)
    assert (made.minval, made.maxval) == (-0.5, 0.5)


def test_the_seed_of_a_rule():
    for make in (rules.xavier, rules.mitchell):
        assert make(seed=3).seed == 3
    for make in (rules.scaled_normal, rules.fixup, rules.mup_normal, rules.mamba_output, rules.mamba_dt_weight):
        np.testing.assert_array_equal(make(4, seed=3)((4, 4)), make(4, seed=3)((4, 4)))
        assert make(4, seed=3).clone().get_config() == make(4, seed=3).get_config()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (rules.deepnorm, ValueError, "must be above 0"),
        (lambda: rules.subln(-1), ValueError, "`encoder_layers` must lie in"),
        (lambda: rules.tfixup(1.5), TypeError, "`encoder_layers` must be an integer"),
        (lambda: rules.fixup(4, 1), ValueError, r"`layers_per_block` must lie in \[2"),
        (lambda: rules.fixup(4, mode="fan"), ValueError, "`mode` must be one of"),
        (lambda: rules.scaled_normal(0), ValueError, "`num_layers` must lie in"),
        (lambda: rules.scaled_normal(2, multiplier=0), ValueError, "`multiplier` must be above 0"),
        (lambda: rules.scaled_normal(2, stddev=-1), ValueError, "`stddev` must be 0 or more"),
        (lambda: rules.depth_scaled_normal(-1), ValueError, "`layer` must lie in"),
        (lambda: rules.mitchell(True), TypeError, "`layer` must be an integer"),
        (lambda: rules.mup_normal(0), ValueError, "`width_mult` must be above 0"),
        (lambda: rules.mup_normal(2, infinite_dims=3), ValueError, "`infinite_dims` must lie in"),
        (lambda: rules.mamba_output(0), ValueError, "`num_layers` must lie in"),
        (lambda: rules.mamba_dt_weight(4, scale=-1), ValueError, "`scale` must be above 0"),
        (lambda: rules.xavier("1"), TypeError, "`gain` must be a real number"),
        (lambda: I.UnitForgetBias(gates="ifcc"), ValueError, "`gates` must hold i, f, o"),
        (lambda: I.UnitForgetBias(gates=4), TypeError, "`gates` must be a str"),
        (lambda: I.UnitForgetBias()((6,)), ValueError, "`shape` must have a multiple of 4"),
        (lambda: I.UnitForgetBias(1e10)((4,), "int8"), ValueError, "the range of int8"),
        (lambda: I.FusedRNN("lsmt", 1, 1), ValueError, "Did you mean 'lstm'"),
        (lambda: I.FusedRNN("gru", 1, 1, projection_size=1), ValueError, "only an LSTM is projected"),
        (lambda: I.FusedRNN("gru", 1, 1, 1), TypeError, "`bidirectional` must be True or False"),
        (lambda: I.FusedRNN("gru", 0, 1), ValueError, "`num_layers` must lie in"),
        (lambda: I.FusedRNN("gru", 1, 1)((10,)), ValueError, "a vector with 9 elements and 3 more for each input"),
        (lambda: I.FusedRNN("gru", 1, 1)((9,)), ValueError, "a vector with 9 elements"),
        (lambda: I.FusedRNN("gru", 1, 1)((3, 4)), ValueError, "must be that of a vector"),
        (lambda: I.FusedRNN("gru", 1, 1)((12,), axes="o"), ValueError, "`axes` must be None"),
        (lambda: I.HiPPO("legz"), ValueError, "`measure` must be one of"),
        (lambda: I.HiPPO(part="C"), ValueError, "`part` must be one of"),
        (lambda: I.HiPPO()((3, 4)), ValueError, "equal sizes of a square matrix"),
        (lambda: I.HiPPO("fout", "B")((3,)), ValueError, "an even one"),
        (lambda: I.HiPPO(part="B")(()), ValueError, "size of the state"),
        (lambda: I.HiPPO()((3, 3), "int8"), ValueError, "must be a float dtype"),
        (lambda: I.S4D()((4,), "float32"), ValueError, "must be 'complex64' or 'complex128'"),
        (lambda: I.S4D(part="real")((4,), "complex64"), ValueError, "must be a float dtype"),
        (lambda: I.S4D("inv", "imag")((1000,), "float16"), ValueError, "beyond the largest float16"),
        (lambda: I.S4D()((), "complex64"), ValueError, "number of pairs"),
        (lambda: I.MambaA()(()), ValueError, "size of the state"),
        (lambda: I.MambaDtBias(0.0), ValueError, "must be above 0, in this order"),
        (lambda: I.MambaDtBias(0.2, 0.1), ValueError, "must be above 0, in this order"),
        (lambda: I.MambaDtBias(dt_init_floor=0), ValueError, "`dt_init_floor` must be above 0"),
        (lambda: I.MambaDtBias()((3,), "int8"), ValueError, "must be a float dtype"),
    ],
)
def test_refusals(make, error, message):
    with pytest.raises(error, match=message) as caught:
        make()
    assert "Received: " in str(caught.value)


# Recurrent networks ---------------------------------------------------------------------------------------------------


@needs["keras"]
def test_the_forget_gate_of_keras():
    import keras

    layer = keras.layers.LSTM(5)
    layer.build((None, 3, 2))
    np.testing.assert_array_equal(to_numpy(layer.cell.bias.value), I.UnitForgetBias()((20,)))


def closed(step, gates, weights):
    """Set the pre-activations of an LSTM by its bias so that only an open forget gate keeps the cell's state."""
    bias = I.UnitForgetBias(50.0, gates)((4 * weights,)) - 25.0  # sigmoid: 1 for the forget gate, 0 for the others
    return step(bias)


@needs["torch"]
def test_the_forget_gate_of_pytorch():
    import torch

    def step(bias):
        cell = torch.nn.LSTMCell(2, 3)
        with torch.no_grad():
            for parameter in cell.parameters():
                parameter.zero_()
            cell.bias_ih.copy_(torch.from_numpy(bias))
            return cell(torch.zeros(1, 2), (torch.zeros(1, 3), torch.full((1, 3), 7.0)))[1].numpy()

    np.testing.assert_allclose(closed(step, "ifgo", 3), 7.0, rtol=1e-6)
    assert (closed(step, "igfo", 3) < 1).all()


@needs["flax"]
def test_the_forget_gate_of_flax():
    import jax.numpy as jnp
    from flax import nnx

    def step(bias):
        cell = nnx.OptimizedLSTMCell(2, 3, rngs=nnx.Rngs(0))
        cell.dense_h.bias[...] = jnp.asarray(bias)
        return np.asarray(cell((jnp.full((1, 3), 7.0), jnp.zeros((1, 3))), jnp.zeros((1, 2)))[0][0])

    np.testing.assert_allclose(closed(step, "ifgo", 3), 7.0, rtol=1e-6)
    assert (closed(step, "igfo", 3) < 1).all()


@needs["haiku"]
def test_the_forget_gate_of_haiku():
    import haiku as hk
    import jax
    import jax.numpy as jnp

    def step(bias):
        def forward(x):
            state = hk.LSTMState(hidden=jnp.zeros((1, 3)), cell=jnp.full((1, 3), 7.0))
            return hk.LSTM(3)(x, state)[1].cell

        network = hk.without_apply_rng(hk.transform(forward))
        parameters = network.init(jax.random.key(0), jnp.zeros((1, 2)))
        ((module, values),) = parameters.items()
        return np.asarray(network.apply({module: {**values, "b": jnp.asarray(bias)}}, jnp.zeros((1, 2))))

    np.testing.assert_allclose(closed(step, "igfo", 3), 7.0, rtol=1e-6)
    assert (closed(step, "ifgo", 3) < 1).all()


@needs["torch"]
@pytest.mark.parametrize("mode", ["gru", "lstm", "rnn_relu", "rnn_tanh"])
@pytest.mark.parametrize("projection", [None, 3])
def test_the_parts_of_a_fused_network_are_pytorchs_parameters(mode, projection):
    import torch

    if projection and mode != "lstm":
        projection = None
    layer = {"gru": torch.nn.GRU, "lstm": torch.nn.LSTM}.get(mode, torch.nn.RNN)
    layer = layer(6, 4, 2, bidirectional=True, **({"proj_size": projection} if projection else {}))
    theirs = {name: tuple(parameter.shape) for name, parameter in layer.named_parameters()}
    size = sum(map(math.prod, theirs.values()))
    init = I.FusedRNN(mode, 2, 4, True, projection, h2h_weight_initializer=I.HeNormal(1))
    parts_ = init.describe((size,)).distribution.parts
    words = {"i2h": "ih", "h2h": "hh", "h2r": "hr", "l": "", "r": "_reverse"}
    ours = {}
    for part in parts_:
        where, kind, role = part.path[0].split("_")
        ours[f"{role}_{words[kind]}_l{where[1:]}{words[where[0]]}"] = part.shape
    assert ours == theirs
    whole = init((size,), path="rnn")
    for start in range(0, size - 40, 17):
        block = init((size,), path="rnn", partition_shape=(start % 41,), partition_offset=(start,))
        np.testing.assert_array_equal(block, whole[start : start + start % 41])
    assert parts_[0].path == ("l0_i2h_weight",)
    np.testing.assert_array_equal(
        whole[: math.prod(parts_[0].shape)].reshape(parts_[0].shape),
        init.i2h_weight_initializer(parts_[0].shape, axes="o i", path=("rnn", "l0_i2h_weight")),
    )


# State spaces ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("measure", ["legs", "legt", "fout"])
@pytest.mark.parametrize("size", [2, 8])
def test_hippo_in_60_digits(measure, size):
    made = I.HiPPO(measure)((size, size), "float64")
    exact = [[float(parts.hippo(measure, "A", (n, k))) for k in range(size)] for n in range(size)]
    np.testing.assert_allclose(made, exact, rtol=3e-16, atol=0)
    vector = I.HiPPO(measure, "B")((3, size), "float64")
    np.testing.assert_array_equal(vector, [[float(parts.hippo(measure, "B", (n,))) for n in range(size)]] * 3)


def test_hippo_remembers():
    """LegS: the state is the Legendre expansion of the input so far; of the constant 1 that is the first polynomial."""
    a, b = (I.HiPPO("legs", part)((6, 6) if part == "A" else (6,), "float64") for part in "AB")
    np.testing.assert_allclose(a @ np.eye(6)[0] + b, 0, atol=1e-12)  # x' = (A x + B u) / t = 0 at x = (1, 0, ...)
    assert sorted(np.linalg.eigvals(a)) == pytest.approx([-6, -5, -4, -3, -2, -1], abs=1e-6)
    for measure, times in (("legs", 1), ("fout", 2)):
        # The symmetric part is of rank one, with B: energy is lost at the end of the window only.
        a, b = I.HiPPO(measure)((6, 6), "float64"), I.HiPPO(measure, "B")((6,), "float64")
        lost = -np.outer(b, b) * times - (np.eye(6) if measure == "legs" else 0)
        np.testing.assert_allclose(a + a.T, lost, atol=1e-12)


def test_s4d_legs_are_the_eigenvalues_of_hippos_normal_part():
    a, b = I.HiPPO("legs")((16, 16), "float64"), I.HiPPO("legs", "B")((16,), "float64")
    values = np.linalg.eigvals(a + np.outer(b, b) / 2)
    values = sorted(values[values.imag > 0], key=lambda value: value.imag)
    np.testing.assert_allclose(I.S4D("legs")((8,), "complex128"), values, rtol=1e-9)
    inverse = I.S4D("inv", "imag")((64,), "float64")[::-1]
    # The inverse law is what they grow like; the paper's figure shows the largest within a third.
    np.testing.assert_allclose(I.S4D("legs", "imag")((64,), "float64")[-8:], inverse[-8:], rtol=1 / 3)


def test_s4d_real_is_mambas():
    real = I.S4D("real", "real")((2, 16), "float64")
    np.testing.assert_allclose(-np.exp(I.MambaA()((2, 16), "float64")), real, rtol=1e-14)


def test_step_sizes_are_log_uniform():
    from scipy.stats import kstest

    bias = I.MambaDtBias(0.001, 0.1, seed=7)((20000,), "float64")
    dt = np.log1p(np.exp(bias))
    assert dt.min() > 0.001 * (1 - 1e-12)
    assert dt.max() < 0.1
    # At a fixed seed; for another one this would fail once in a hundred.
    assert kstest(np.log(dt / 0.001) / math.log(100), "uniform").pvalue > 0.01
    floored = np.log1p(np.exp(I.MambaDtBias(1e-6, 1e-2, seed=7)((2000,), "float64")))
    assert floored.min() == pytest.approx(1e-4, rel=1e-9)
    assert np.isclose(floored, 1e-4, rtol=1e-9).mean() == pytest.approx(0.5, abs=0.05)
    for dtype in ("float32", "float16", "bfloat16"):
        wide = I.MambaDtBias(seed=7)((500,), "float64").astype("float32")
        np.testing.assert_array_equal(I.MambaDtBias(seed=7)((500,), dtype), wide.astype(I.Zeros()((), dtype).dtype))


@needs["jax"]
def test_step_sizes_from_a_key_of_jax():
    import jax

    def make(key):
        return I.MambaDtBias(seed=key)((5,), backend="jax")

    key = jax.random.key(3)
    np.testing.assert_array_equal(jax.jit(make)(key), make(key))


@pytest.mark.parametrize(
    "init",
    [
        I.UnitForgetBias(2.0, "igfo", 0),
        I.FusedRNN("lstm", 2, 3, True, 2, i2h_bias_initializer=I.UnitForgetBias()),
        I.HiPPO("fout", "B"),
        I.S4D("inv", "imag"),
        I.MambaA(),
        I.MambaDtBias(0.01, 0.2, 0.001, seed=3),
    ],
    ids=lambda init: type(init).__name__,
)
def test_data_and_back(init):
    again = I.deserialize(I.serialize(init))
    assert type(again) is type(init)
    assert again.get_config() == init.get_config() == init.clone().get_config()
    assert repr(again) == repr(init)


# Data-dependent -------------------------------------------------------------------------------------------------------


def chain(x, weights, until, xp):
    """Run dense layers with rectifiers between them, as far as the layer `until`, before its nonlinearity."""
    for name, weight in weights.items():
        made = x @ weight
        if name == until:
            return made
        x = xp.maximum(made, 0 * made)
    raise KeyError(until)


@pytest.mark.parametrize("backend", ALL)
def test_lsuv_on_every_backend(backend):
    engine = oneseed.registry.load(backend)
    if backend == "numpy":
        xp = np
    elif backend == "torch":
        import torch as xp
    elif backend == "jax":
        import jax.numpy as xp
    else:
        import tensorflow as xp
    x = oneseed.random.normal((64, 20), seed=1, backend=backend)
    weights = {f"layer{k}": I.Zeros()(shape, backend=backend) for k, shape in enumerate([(20, 30), (30, 30), (30, 5)])}
    made = oneseed.lsuv(weights, lambda now, name: chain(x, now, name, xp), seed=7)
    assert list(made.weights) == list(weights)
    for name, weight in made.weights.items():
        assert engine.is_tensor(weight)
        assert (engine.dtype(weight), engine.shape(weight)) == ("float32", engine.shape(weights[name]))
        variance = float(engine.to_numpy(chain(x, made.weights, name, xp)).var())
        assert variance == pytest.approx(made.variances[name], rel=1e-5)
        assert abs(variance - 1) < 0.02
        matrix = engine.to_numpy(weight).astype("float64")
        gram = matrix @ matrix.T if matrix.shape[0] < matrix.shape[1] else matrix.T @ matrix
        np.testing.assert_allclose(gram / gram[0, 0], np.eye(len(gram)), atol=1e-5)  # still orthogonal
        assert not engine.to_numpy(weights[name]).any()  # nothing is changed in place


@needs["torch"]
def test_lsuv_of_a_module():
    import torch

    torch.manual_seed(1)
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.Tanh(), torch.nn.Flatten(), torch.nn.Linear(288, 4))
    x = torch.rand(32, 3, 8, 8)

    def output(weights, name):
        seen = {}
        module = model.get_submodule(name.rpartition(".")[0])
        hook = module.register_forward_hook(lambda module, args, made: seen.setdefault("output", made))
        torch.func.functional_call(model, weights, (x,))
        hook.remove()
        return seen["output"].detach()

    before = {name: weight for name, weight in model.named_parameters() if weight.ndim > 1}
    axes = {"0.weight": "o i h w", "3.weight": "o i"}
    made = oneseed.lsuv(before, output, axes=axes, tolerance=1e-3)
    for name in before:
        assert output(made.weights, name).var(correction=0).item() == pytest.approx(1, abs=2e-3)
    assert abs(made.variances["3.weight"] - 1) < 1e-3


def test_lsuv_stops_and_refuses():
    x = oneseed.random.normal((50, 6), seed=1)
    weights = {"w": np.zeros((6, 6), "float32")}
    calls = []

    def output(now, name):
        calls.append(name)
        return x @ now[name]

    made = oneseed.lsuv(weights, output, initializer=I.RandomNormal(0, 5, 3), max_iterations=0)
    assert len(calls) == 1
    drawn = I.RandomNormal(0, 5, 3)((6, 6), "float64", path="w").astype("float32")
    np.testing.assert_array_equal(made.weights["w"], drawn)
    assert made.variances["w"] == pytest.approx(float((x @ made.weights["w"]).var()), rel=1e-5)
    # The output does not follow the weight, so its variance never comes to 1.
    made = oneseed.lsuv(weights, lambda now, name: x * 3, max_iterations=4)
    assert made.variances["w"] == pytest.approx(9 * float(x.var()), rel=1e-5)
    for arguments, error, message in [
        (([], output), TypeError, "`weights` must be a mapping"),
        ((weights, None), TypeError, "`output` must be callable"),
        (({"w": [1.0]}, output), TypeError, "must hold tensors of a backend in use"),
        (({"w": np.zeros((2, 2), "int32")}, output), ValueError, "must be of a float dtype"),
        ((weights, lambda now, name: np.zeros(3)), ValueError, "must vary on the batch"),
        ((weights, lambda now, name: np.array([np.inf, 1])), ValueError, "must vary on the batch"),
    ]:
        with np.errstate(invalid="ignore"), pytest.raises(error, match=message):
            oneseed.lsuv(*arguments)
    for keywords, error, message in [
        ({"tolerance": 0}, ValueError, "`tolerance` must be above 0"),
        ({"max_iterations": -1}, ValueError, "`max_iterations` must lie in"),
        ({"initializer": lambda shape, dtype: None}, TypeError, "`initializer` must be a built-in one"),
        ({"axes": "i"}, ValueError, "names 1 axes"),
        ({"axes": {"v": "i o"}}, ValueError, "there is no 'v'"),
    ]:
        with pytest.raises(error, match=message):
            oneseed.lsuv(weights, output, **keywords)
