"""Keeping `torch.compile` out of what it cannot trace: the core, and the code that draws."""

from contextlib import suppress
from functools import cache

PACKAGES = ("oneseed", "oneseed_numpy", "oneseed_torch.drawing", "oneseed_torch.models")


def keep_out() -> None:
    """Have the compiler skip oneseed's modules from here on; it runs this itself, and puts nothing in its graph.

    Without this the values are the same, but it warns of oneseed's caches, and compiles its functions for each seed.
    """
    _skip()


@cache
def _skip() -> None:
    # The rules have no public name, and can be done without.
    with suppress(ImportError, AttributeError):
        from torch._dynamo import trace_rules

        for package in PACKAGES:
            trace_rules.add(package)


# As `torch.compiler.assume_constant_result` does, which would import the compiler.
vars(keep_out)["_dynamo_marked_constant"] = True
