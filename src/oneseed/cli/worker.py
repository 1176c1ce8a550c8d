"""What runs in a process of its own: ``python -m oneseed.cli.worker TASK BACKEND``.

Lines of JSON on standard output are the answer. Whatever a framework prints goes to standard error.
"""

import json
import os
import sys


def main() -> None:
    """Do the task, with the backend."""
    task, name = sys.argv[1:]
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as stream:
        os.dup2(2, 1)
        from oneseed.cli import parity, states  # which may load a backend

        for facts in parity.told(name) if task == "parity" else [{"state": states.state(name)}]:
            print(json.dumps(facts), file=stream, flush=True)


if __name__ == "__main__":
    main()
