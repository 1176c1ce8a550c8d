"""Where Keras's initializers of oneseed put a tensor, and of which kind it is."""

import pickle

import numpy as np

import oneseed
from oneseed.initializers import Constant, HeNormal, Orthogonal

POLICIES = ("float32", "float16", "bfloat16", "float64", "mixed_float16", "mixed_bfloat16")


def to_numpy(keras, x):
    return keras.ops.convert_to_numpy(x) if hasattr(keras, "ops") else x.numpy()


def fingerprint(keras, x):
    return oneseed.fingerprint(to_numpy(keras, x))


def policies(keras, initializers):
    """For each dtype policy the dtype of a kernel and its fingerprint, found and expected; or the refusal."""
    for policy in POLICIES:
        dense = keras.layers.Dense(3, kernel_initializer=initializers.HeNormal(seed=7), dtype=policy)
        dtype = "float32" if policy.startswith("mixed") else policy
        try:
            dense.build((None, 5))
        except ValueError as error:
            yield policy, str(error)
            continue
        found = to_numpy(keras, dense.kernel)
        wanted = HeNormal(seed=7)((5, 3), dtype, backend="numpy").astype(found.dtype)
        yield policy, [found.dtype.name, oneseed.fingerprint(found), oneseed.fingerprint(wanted)]


def default_dtype(keras, initializers):
    """The dtype where none is given, after Keras's default has been changed and oneseed's has not."""
    floatx = keras.backend.floatx()
    keras.backend.set_floatx("float16")
    made = initializers.HeNormal(seed=7)((2, 3))
    keras.backend.set_floatx(floatx)
    return fingerprint(keras, made), oneseed.fingerprint(HeNormal(seed=7)((2, 3), "float16"))


def shared(keras, initializers):
    """The kernels of two layers that share an initializer, with a number and with a generator as its seed."""
    for seed in (7, oneseed.SeedGenerator(7)):
        pair = [keras.layers.Dense(3, kernel_initializer=init) for init in [initializers.HeNormal(seed=seed)] * 2]
        for dense in pair:
            dense.build((None, 5))
        yield [fingerprint(keras, dense.kernel) for dense in pair]


def names(keras, initializers):
    """What strings stand for, here and in Keras itself, and that classes and instances are taken as they are."""
    yield type(initializers.get("xavier_uniform")) is initializers.GlorotUniform
    yield type(initializers.get("oneseed>he_normal")) is initializers.HeNormal
    yield (
        type(initializers.get(initializers.deserialize(initializers.serialize(initializers.Ones()))))
        is initializers.Ones
    )
    yield initializers.get(None) is None
    for name in ("oneseed>HeNormal", "oneseed>he_normal"):
        yield type(keras.initializers.get(name)) is initializers.HeNormal
    yield type(keras.initializers.get(initializers.HeNormal)) is initializers.HeNormal
    yield type(keras.initializers.get("he_normal")) is keras.initializers.HeNormal
    yield all(isinstance(made, type) for made in initializers.CLASSES.values())
    yield all(issubclass(made, keras.initializers.Initializer) for made in initializers.CLASSES.values())
    yield issubclass(initializers.GlorotUniform, keras.initializers.VarianceScaling)
    again = pickle.loads(pickle.dumps(initializers.HeNormal(seed=7)))
    yield type(again) is initializers.HeNormal and again.get_config() == initializers.HeNormal(seed=7).get_config()


def refusals(calls):
    """The message of each refusal, and how many draws of the generator were counted."""
    generator = oneseed.SeedGenerator(7)
    for arguments in calls:
        init = arguments.pop("cls")(seed=generator)
        try:
            init(**arguments)
        except (TypeError, ValueError) as error:
            yield f"{type(error).__name__}: {error}", generator.count


def device(keras, initializers):
    """Where a tensor is that was made in a scope of Keras's."""
    name = keras.backend.backend()
    with keras.device("meta" if name == "torch" else "cpu:1"):
        made = initializers.HeNormal(seed=7)((2, 3))
    return str(getattr(made, "device", None))


def distributed(keras, initializers):
    """Kernels that Keras's JAX backend distributes over four devices: their cut and fingerprint, found and expected."""
    mesh = keras.distribution.DeviceMesh((2, 2), ("batch", "model"), keras.distribution.list_devices())
    layouts = keras.distribution.LayoutMap(mesh)
    layouts[".*kernel"] = ("batch", "model")
    parallel = keras.distribution.ModelParallel(layout_map=layouts, batch_dim_name="batch")
    cases = [
        (initializers.HeNormal(seed=7), [HeNormal(seed=7)] * 2),
        (initializers.Orthogonal(seed=8), [Orthogonal(seed=8)] * 2),
        (initializers.Constant(np.arange(6.0)), [Constant(np.arange(6.0))] * 2),
        (initializers.HeNormal(oneseed.SeedGenerator(4)), [HeNormal(oneseed.SeedGenerator(4))] * 2),
    ]
    cases[-1][1][1] = cases[-1][1][0]  # the same generator goes on
    with parallel.scope():
        for init, expected in cases:
            for wanted in expected:
                dense = keras.layers.Dense(6, kernel_initializer=init)
                dense.build((None, 4))
                sharding = dense.kernel.value.sharding
                shards = sorted(str(shard.index) for shard in dense.kernel.value.addressable_shards)
                assert len(set(shards)) == 4, shards
                portable = wanted((4, 6), "float32", backend="numpy")
                yield list(sharding.spec), fingerprint(keras, dense.kernel), oneseed.fingerprint(portable)
