"""Write the fingerprints that `oneseed parity` compares with, as the NumPy backend makes them.

Run it as ``python tests/tools/make_fingerprints.py src/oneseed/stream/data/fingerprints.json``. The values never change
for a case that is there; `tests/test_parity.py` checks them against the slow reference.
"""

import json
import sys
from pathlib import Path

import oneseed
from oneseed.cli import parity_cases


def main() -> None:
    with oneseed.using(backend="numpy", rng="portable"):
        known = {
            name: {dtype: case.digest(case.draw(dtype)) for dtype in case.dtypes}
            for name, case in parity_cases.CASES.items()
        }
    Path(sys.argv[1]).write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
