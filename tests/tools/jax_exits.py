"""End Python while draws of compiled functions are in flight; count the processes that did not end well.

``python tests/tools/jax_exits.py 1000`` starts a thousand, as many at a time as there are processors.
"""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

CODE = """
import jax
from jax.sharding import NamedSharding, PartitionSpec
from oneseed_jax import initializers

mesh = jax.make_mesh((jax.device_count(),), ("x",))


def draw(key):
    return initializers.normal()(key, (1000, 1000)), initializers.orthogonal()(key, (512, 384))


made = jax.jit(draw, out_shardings=NamedSharding(mesh, PartitionSpec("x")))
many = [made(jax.random.key(seed)) for seed in range({draws})]
print("in flight", flush=True)
"""
DRAWS = 40, 3, 1, 20, 7
"""How many are in flight at the end of each process, in turn, so that the ends come at different moments."""


def ended_well(number):
    """Start a process, and tell whether it ends by itself and without an error."""
    devices = 1 + number % 2 * 3
    flags = {"XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}", "JAX_PLATFORMS": "cpu"}
    code = CODE.format(draws=DRAWS[number % len(DRAWS)])
    run = [sys.executable, "-c", code]
    try:
        done = subprocess.run(
            run, env={**os.environ, **flags}, capture_output=True, text=True, timeout=120, check=False
        )
    except subprocess.TimeoutExpired:
        print(f"process {number} hangs", file=sys.stderr)
        return False
    well = done.returncode == 0 and done.stdout == "in flight\n"
    if not well:
        print(f"process {number} ended with {done.returncode}: {done.stderr[-2000:]}", file=sys.stderr)
    return well


def main():
    """Start as many processes as asked for; exit with an error if any did not end well."""
    count = int(sys.argv[1])
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        well = sum(pool.map(ended_well, range(count)))
    print(f"{well} of {count} ended well")
    sys.exit(well != count)


if __name__ == "__main__":
    main()
