"""What the tests of kept draws share."""

import oneseed


def twice(init, *args, **kwargs):
    """Call twice, and return what both calls gave."""
    first, second = init(*args, **kwargs), init(*args, **kwargs)
    assert oneseed.fingerprint(first) == oneseed.fingerprint(second)
    return second


def same(a, b):
    assert a.dtype == b.dtype
    assert a.shape == b.shape
    return a.tobytes() == b.tobytes()
