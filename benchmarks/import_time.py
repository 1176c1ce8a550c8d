"""What `import oneseed` adds to `import numpy`, in milliseconds: medians of fresh interpreters, run alternately."""

import platform
import statistics
import subprocess
import sys
import time

REPEATS = 15


def run(code: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return (time.perf_counter() - start) * 1e3


def main() -> None:
    """Measure and print."""
    codes = ("import numpy", "import numpy, oneseed")
    times: dict[str, list[float]] = {code: [] for code in codes}
    for _ in range(REPEATS):
        for code in codes:
            times[code].append(run(code))
    alone, both = (statistics.median(times[code]) for code in codes)
    print(f"Python {platform.python_version()}: numpy {alone:.0f} ms, numpy and oneseed {both:.0f} ms")
    print(f"import oneseed adds {both - alone:.0f} ms")


if __name__ == "__main__":
    main()
