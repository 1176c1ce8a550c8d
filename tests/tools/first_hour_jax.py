"""The first hour of a reader who knows JAX and Flax: a result, a proof, a sharded model, from the docs alone."""

import os

os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=4"

import jax
from flax import nnx
from jax.sharding import NamedSharding, PartitionSpec

import oneseed
import oneseed_jax
from oneseed.testing import assert_same_model
from oneseed_jax import initializers

# A first result: start/jax.md.
kernel = initializers.he_normal()(jax.random.key(7), (3, 3, 3, 8))
print("first", oneseed.fingerprint(kernel))


# A proof: the same page.
class Net(nnx.Module):
    def __init__(self, rngs):
        self.stem = nnx.Conv(3, 8, (3, 3), rngs=rngs)
        self.head = nnx.Linear(8, 12, rngs=rngs)


def parameters(model):
    return {"/".join(map(str, path)): value[...] for path, value in nnx.to_flat_state(nnx.state(model, nnx.Param))}


shapes = nnx.eval_shape(lambda: Net(nnx.Rngs(0)))
scheme = oneseed.Scheme([oneseed.Rule("*/bias", "zeros"), oneseed.Rule("*/kernel", "glorot_uniform")])
model = oneseed_jax.initialize(shapes, scheme, seed=7)
axes = oneseed_jax.axes_of(model)
for name, parameter in parameters(model).items():
    print(name, oneseed.fingerprint(parameter, axes.get(name)))

# A sharded model: the same page.
mesh = jax.make_mesh((4,), ("model",))
spread = {"head/kernel": PartitionSpec(None, "model")}
sharded = oneseed_jax.initialize(
    shapes, scheme, seed=7, shardings=lambda name: NamedSharding(mesh, spread.get(name, PartitionSpec()))
)
assert [shard.data.shape for shard in sharded.head.kernel[...].addressable_shards] == [(8, 3)] * 4
assert_same_model(parameters(model), parameters(sharded))
