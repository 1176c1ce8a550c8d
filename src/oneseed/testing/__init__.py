"""Assertions for users' test suites; with pytest there is a plugin too, `oneseed_pytest`."""

from oneseed.testing.everywhere import assert_same_everywhere
from oneseed.testing.weights import assert_same_model, assert_same_weights

__all__ = ["assert_same_everywhere", "assert_same_model", "assert_same_weights"]
