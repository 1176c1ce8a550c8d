"""End Python while draws of compiled functions are in flight; count the processes that did not end well.

``python tests/tools/jax_exits.py 1000 fork`` forks a thousand times, as many at a time as there are processors, before
JAX has started a thread. Without ``fork``, each is a new process, which takes longer to start.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

DRAWS = 40, 3, 1, 20, 7
"""How many are in flight at the end of each process, in turn, so that the ends come at different moments."""
SECONDS = 120
"""After these a process is taken to hang."""

in_flight = []


def start(number):
    """Start draws by the kernels, and by Python: on one device or four, and of many seeds at once."""
    devices = 1 + number % 2 * 3
    os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={devices}"
    import jax
    from jax.sharding import NamedSharding, PartitionSpec

    import oneseed
    from oneseed_jax import initializers

    mesh = jax.make_mesh((devices,), ("x",))

    def draw(key):
        large = initializers.orthogonal()(key, (2052, 32))
        if number % 3 == 1:
            large = jax.vmap(lambda key: initializers.orthogonal()(key, (2052, 8)))(jax.random.split(key, 4))
        small = initializers.orthogonal()(key, (256, 128))
        reservoir = oneseed.initializers.EchoState(seed=key)((64, 64), backend="jax")
        return initializers.normal()(key, (1000, 1000)), small, large, reservoir

    made = jax.jit(draw, out_shardings=NamedSharding(mesh, PartitionSpec("x")))
    in_flight.extend(made(jax.random.key(seed)) for seed in range(DRAWS[number % len(DRAWS)]))
    ready = all(array.is_ready() for array in jax.tree.leaves(in_flight))
    print("all made" if ready else "in flight", flush=True)


def started(number):
    """Start a process, and return its exit code and what it printed."""
    run = [sys.executable, __file__, "start", str(number)]
    try:
        done = subprocess.run(run, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return "a timeout", ""
    return done.returncode, done.stdout + done.stderr


def forked(count):
    """Fork as often as asked for, and give the exit code of each child and what it printed."""
    import jax  # noqa: F401  # which uses no device yet

    import oneseed_jax.drawing.run_time
    import oneseed_jax.initializers  # noqa: F401

    running, number = {}, 0
    while number < count or running:
        while number < count and len(running) < os.cpu_count():
            output = tempfile.TemporaryFile()  # noqa: SIM115  # until the child has ended
            child = os.fork()
            if not child:
                os.dup2(output.fileno(), 1)
                os.dup2(output.fileno(), 2)
                start(number)
                sys.exit()
            running[child] = output, time.monotonic()
            number += 1
        time.sleep(0.01)
        for child, (output, since) in list(running.items()):
            ended, status = os.waitpid(child, os.WNOHANG)
            late = not ended and time.monotonic() - since > SECONDS
            if late:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
            if ended or late:
                del running[child]
                output.seek(0)
                yield "a timeout" if late else os.waitstatus_to_exitcode(status), output.read().decode()
                output.close()


def main():
    """Start as many processes as asked for; exit with an error if any did not end well."""
    count = int(sys.argv[1])
    by_fork = sys.argv[2:] == ["fork"]
    ends = forked(count) if by_fork else ThreadPoolExecutor(os.cpu_count()).map(started, range(count))
    well = flying = 0
    for code, printed in ends:
        if code == 0 and printed in ("in flight\n", "all made\n"):
            well += 1
            flying += printed == "in flight\n"
        else:
            print(f"a process ended with {code}: {printed[-4000:]}", file=sys.stderr)
    print(f"{well} of {count} ended well")
    print(f"draws were in flight in {flying}", file=sys.stderr)
    sys.exit(well != count)


if __name__ == "__main__":
    os.environ["JAX_PLATFORMS"] = "cpu"
    if sys.argv[1] == "start":
        start(int(sys.argv[2]))
    else:
        main()
