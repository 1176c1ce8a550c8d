"""The names without an underscore, which PyTorch keeps for old programs."""

import warnings
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from oneseed_torch.init import constants, matrices, random, scaling

P = ParamSpec("P")
R = TypeVar("R")


def _deprecated(function: Callable[P, R]) -> Callable[P, R]:
    new = function.__name__
    old = new.removesuffix("_")

    @wraps(function)
    def alias(*args: P.args, **kwargs: P.kwargs) -> R:
        warnings.warn(f"`init.{old}` is deprecated, as in PyTorch; use `init.{new}`.", FutureWarning, stacklevel=2)
        return function(*args, **kwargs)

    alias.__name__ = alias.__qualname__ = old
    alias.__module__ = __name__
    alias.__doc__ = f"Do what `{new}` does, with a FutureWarning: the name is deprecated, as in PyTorch."
    return alias


uniform = _deprecated(random.uniform_)
normal = _deprecated(random.normal_)
constant = _deprecated(constants.constant_)
eye = _deprecated(constants.eye_)
dirac = _deprecated(constants.dirac_)
xavier_uniform = _deprecated(scaling.xavier_uniform_)
xavier_normal = _deprecated(scaling.xavier_normal_)
kaiming_uniform = _deprecated(scaling.kaiming_uniform_)
kaiming_normal = _deprecated(scaling.kaiming_normal_)
orthogonal = _deprecated(matrices.orthogonal_)
sparse = _deprecated(matrices.sparse_)
