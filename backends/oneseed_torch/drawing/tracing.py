"""Keeping `torch.compile` out of oneseed: a draw is no part of a graph, and tracing NumPy on the way to one is slow."""

from contextlib import suppress
from functools import cache

import torch

PACKAGES = ("oneseed", "oneseed_numpy", "oneseed_torch")


def step_out() -> None:
    """Leave the graph that is being captured, if one is; from then on the compiler traces nothing of oneseed.

    Without this the results are the same, but it warns of oneseed's caches, and compiles its functions anew for each
    other seed.
    """
    if torch.compiler.is_compiling():
        torch.compiler.disable(_skip)()


@cache
def _skip() -> None:
    # The rules have no public name yet, and can be done without.
    with suppress(ImportError, AttributeError):
        from torch._dynamo import trace_rules

        for package in PACKAGES:
            trace_rules.add(package)
