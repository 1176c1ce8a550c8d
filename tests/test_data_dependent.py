"""Initial weights that depend on data."""

import numpy as np
import pytest
from frameworks import ALL, installed

import oneseed
from oneseed import initializers as I

needs_torch = pytest.mark.skipif(not installed("torch"), reason="torch is not installed")


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


@needs_torch
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
        ({"initializer": lambda shape, dtype: None}, TypeError, "`initializer` must take `axes` and `path`"),
        ({"axes": "i"}, ValueError, "names 1 axes"),
        ({"axes": {"v": "i o"}}, ValueError, "there is no 'v'"),
    ]:
        with pytest.raises(error, match=message):
            oneseed.lsuv(weights, output, **keywords)
