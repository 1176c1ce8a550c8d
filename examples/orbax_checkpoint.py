"""The start of a run with Orbax on several processes, and no seed checkpoint.

A model of Flax is a tree of shapes with shardings; the devices of each process draw their own parts of it, and Orbax
saves. Another number of processes restores that, or draws the same weights itself. Run it with
``python examples/orbax_checkpoint.py``; it starts two processes with two devices each, on the CPU.
"""

import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp
from flax import nnx
from jax.sharding import Mesh, NamedSharding, PartitionSpec

import oneseed
import oneseed_jax
from oneseed import Rule, Scheme

SCHEME = Scheme([Rule("*bias", "zeros"), Rule("*scale", "ones"), Rule("*", "lecun_normal")])
SEED = 7
PROCESSES, DEVICES = 2, 2


class Block(nnx.Module):
    """A feed-forward layer."""

    def __init__(self, width: int, rngs: nnx.Rngs) -> None:
        self.norm = nnx.LayerNorm(width, rngs=rngs)
        self.up = nnx.Linear(width, 4 * width, rngs=rngs)
        self.down = nnx.Linear(4 * width, width, rngs=rngs)


def abstract() -> Any:
    """Return the parameters of three blocks, as shapes with a sharding over all devices of all processes."""
    mesh = Mesh(np.array(jax.devices()), ("model",))
    tree = nnx.state(nnx.eval_shape(lambda: nnx.List([Block(64, nnx.Rngs(0)) for _ in range(3)])))

    def placed(leaf: jax.ShapeDtypeStruct) -> jax.ShapeDtypeStruct:
        spec = PartitionSpec("model") if leaf.shape[0] % len(jax.devices()) == 0 else PartitionSpec()
        return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=NamedSharding(mesh, spec))

    return jax.tree.map(placed, tree)


def save(process: int, meeting: str, folder: str) -> None:
    """Draw the parts of this process's devices, and save with the other processes."""
    jax.distributed.initialize(meeting, PROCESSES, process)
    params = oneseed_jax.initialize(abstract(), SCHEME, seed=SEED)
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(Path(folder, "start"), params)
    if process == 0:
        leaf = params[0]["up"]["kernel"]
        print(f"{len(jax.devices())} devices of {jax.process_count()} processes saved; each has {leaf.sharding.spec}")


def restore(folder: str) -> None:
    """Restore in this one process, and compare with what it draws itself."""
    tree = abstract()
    with ocp.StandardCheckpointer() as checkpointer:
        restored = checkpointer.restore(Path(folder, "start"), tree)
    drawn = oneseed_jax.initialize(tree, SCHEME, seed=SEED)
    assert jax.tree.all(jax.tree.map(lambda a, b: bool((a == b).all()), restored, drawn))
    kernel = restored[0]["up"]["kernel"][...]
    print("restored by one process, and drawn by it: equal;", oneseed.fingerprint(kernel))


def main() -> None:
    """Start the processes, wait for them, and restore."""
    with tempfile.TemporaryDirectory() as folder:
        with socket.socket() as free:
            free.bind(("localhost", 0))
            meeting = f"localhost:{free.getsockname()[1]}"
        flags = f"--xla_force_host_platform_device_count={DEVICES}"
        command = [sys.executable, __file__]
        started = [
            subprocess.Popen(
                [*command, str(process), meeting, folder],
                env={**os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"},
            )
            for process in range(PROCESSES)
        ]
        assert [process.wait() for process in started] == [0] * PROCESSES
        restore(folder)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        save(int(sys.argv[1]), *sys.argv[2:])
    else:
        main()
