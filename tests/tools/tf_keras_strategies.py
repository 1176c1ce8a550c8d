"""Kernels of tf_keras's layers under TensorFlow's strategies: mirrored, cut into ShardedVariables, and DTensors."""

import socket
from contextlib import contextmanager

import numpy as np
import tensorflow as tf
import tf_keras

import oneseed
from oneseed import initializers as plain

MAKE = {
    "HeNormal": lambda module: module.HeNormal(seed=7),
    "Orthogonal": lambda module: module.Orthogonal(seed=8),
    "Constant": lambda module: module.Constant(np.arange(6.0)),
    "HeNormal of a generator": lambda module: module.HeNormal(oneseed.SeedGenerator(4)),
}


def kernels(initializers, scope, **arguments):
    """Build two layers in turn with each initializer; yield the kernel and the portable draw on NumPy."""
    for name, make in MAKE.items():
        init, portable = make(initializers), make(plain)
        for _ in range(2):
            with scope():
                dense = tf_keras.layers.Dense(6, use_bias=False, kernel_initializer=init, **arguments)
                dense.build((None, 8))
            yield name, dense.kernel, oneseed.fingerprint(portable((8, 6), "float32", backend="numpy"))


def mirrored(initializers):
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    for name, kernel, wanted in kernels(initializers, strategy.scope):
        devices = [copy.device.rpartition("/")[2] for copy in kernel.values]
        yield name, devices, [oneseed.fingerprint(copy.numpy()) for copy in kernel.values], [wanted] * 2


def dtensors(initializers):
    dtensor = tf.experimental.dtensor
    mesh = dtensor.create_mesh([("x", 2), ("y", 2)], devices=[f"CPU:{number}" for number in range(4)])
    whole = dtensor.Layout.replicated(mesh, rank=2)
    for specs in (["x", "y"], ["y", dtensor.UNSHARDED], [dtensor.UNSHARDED, "x"], [dtensor.UNSHARDED] * 2):
        layout = dtensor.Layout(specs, mesh)
        for name, kernel, wanted in kernels(initializers, lambda: dtensor.default_mesh(mesh), kernel_layout=layout):
            assert dtensor.fetch_layout(kernel) == layout
            copies = [oneseed.fingerprint(copy.numpy()) for copy in dtensor.unpack(dtensor.relayout(kernel, whole))]
            yield name, specs, copies, [wanted] * 4


def sharded(initializers):
    """The partitioner cuts the kernel in three."""
    with parameter_servers(3) as strategy:
        for name, kernel, wanted in kernels(initializers, strategy.scope):
            parts = [part.numpy() for part in kernel.variables]
            yield name, [len(part) for part in parts], [oneseed.fingerprint(np.concatenate(parts))], [wanted]


@contextmanager
def parameter_servers(shards):
    """Run two parameter servers in this process; give the strategy, which cuts each variable into `shards`."""
    jobs = {"worker": 1, "ps": 2}
    cluster = tf.train.ClusterSpec({job: [f"localhost:{_port()}" for _ in range(count)] for job, count in jobs.items()})
    servers = [
        tf.distribute.Server(cluster, job_name=job, task_index=task)
        for job, count in jobs.items()
        for task in range(count)
    ]
    yield tf.distribute.ParameterServerStrategy(
        tf.distribute.cluster_resolver.SimpleClusterResolver(cluster, rpc_layer="grpc"),
        variable_partitioner=tf.distribute.experimental.partitioners.FixedShardsPartitioner(shards),
    )
    del servers


def _port():
    with socket.socket() as taken:
        taken.bind(("localhost", 0))
        return taken.getsockname()[1]
