"""Name the tests that were skipped in every session: ``python tests/tools/reach.py FOLDER``.

The folder has a file for each session, which conftest.py writes: a line for each test, with what it came to and, if it
was skipped, why. Status 1 if a test was skipped everywhere for another reason than a device that is not here.
"""

import json
import sys
from pathlib import Path

DEVICES = ("no CUDA device", "no GPU", "finds no CUDA device")
"""Words of the reasons for which a test may be skipped on a machine without a GPU."""


def main() -> int:
    """Read the folder that the command names."""
    files = sorted(Path(sys.argv[1]).glob("*.jsonl"))
    if not files:
        sys.exit(f"No session has run: {sys.argv[1]} is empty.")
    ran: set[str] = set()
    skipped: dict[str, str] = {}
    for file in files:
        for line in file.read_text(encoding="utf-8").splitlines():
            test = json.loads(line)
            if not test["test"].startswith("tests/test_"):  # an example of a page, or what tests share
                continue
            if test["outcome"] == "skipped":
                skipped[test["test"]] = test["reason"]
            else:
                ran.add(test["test"])
    ran |= {test.partition("::")[0] for test in ran}  # a file is skipped as a whole
    never = {test: reason for test, reason in skipped.items() if test not in ran}
    devices = [test for test, reason in never.items() if any(words in reason for words in DEVICES)]
    lost = {test: reason for test, reason in never.items() if test not in devices}
    tests = sum("::" in test for test in ran)
    print(f"{len(files)} sessions, {tests} tests ran, {len(devices)} wait for a GPU, {len(lost)} never ran")
    for test, reason in sorted(lost.items()):
        print(f"{test}: {reason}")
    return int(bool(lost))


if __name__ == "__main__":
    sys.exit(main())
