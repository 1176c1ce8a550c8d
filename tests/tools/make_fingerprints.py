"""Write the fingerprints that `oneseed parity` compares with, as the NumPy backend makes them.

Run it as ``python tests/tools/make_fingerprints.py src/oneseed/stream/data/fingerprints.json``. The values never change
for a case that is there; `tests/test_parity.py` checks them against the slow reference.
"""

import json
import sys
from pathlib import Path

import oneseed
from oneseed.cli import parity


def main() -> None:
    with oneseed.using(backend="numpy", rng="portable"):
        known = {
            case: {dtype: oneseed.fingerprint(parity.draw(case, dtype)) for dtype in parity.DTYPES}
            for case in parity.CASES
            if case not in parity.COMPUTED_HERE
        }
    Path(sys.argv[1]).write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
