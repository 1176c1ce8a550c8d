"""What says that a parameter is left alone."""

from enum import Enum


class Keep(Enum):
    """What stands in the place of an initializer for parameters that are left alone."""

    KEEP = "keep"

    def __repr__(self) -> str:
        """Show the name under which it is exported."""
        return "KEEP"


KEEP = Keep.KEEP
"""Leave a parameter as it is: what a `Rule`, or the `otherwise` of a `Scheme`, may have in the place of an initializer.

It draws nothing. On PyTorch's meta device, where there are no values to keep, it is refused.
"""
