"""The functions of `torch.nn.init`, drawing from oneseed's stream.

``from oneseed_torch import init`` replaces ``from torch.nn import init``: every function has the same name and
arguments, fills a tensor in place and returns it. Three keyword-only arguments are new:

- `seed`, an int or a SeedGenerator: the same seed gives the same values on every device, in every process and for every
  shard. Without one each call takes a new seed, which `oneseed.set_random_seed` makes reproducible.
- `path`, the parameter's name: each path has a stream of its own under one seed.
- `axes`, the names of the tensor's axes, if they are not those of PyTorch's weights.

With `generator`, PyTorch draws its own numbers.

A tensor of two or more axes is read as a weight, "o i" and then spatial axes, and its elements are numbered in the
logical order of the layer: spatial axes first, then inputs, then outputs. So after
``init.xavier_uniform_(linear.weight, seed=7)`` the weight is the transposed kernel that
``oneseed.initializers.GlorotUniform(seed=7)((in_features, out_features))`` gives, in NumPy or in a Keras layer. The
elements of a vector are numbered in their order. Conventions are PyTorch's: the normal distributions of Xavier and
Kaiming are not truncated, the bounds of `trunc_normal_` are values, and the rows of an orthogonal matrix are the
outputs.

On the meta device, and for fake tensors of which no program is recorded, nothing is drawn or counted. Each rank
fills its own part of a DTensor, without communication; together the parts are the whole.
"""

from oneseed_torch.init.constants import constant_, dirac_, eye_, ones_, zeros_
from oneseed_torch.init.deprecated import (
    constant,
    dirac,
    eye,
    kaiming_normal,
    kaiming_uniform,
    normal,
    orthogonal,
    sparse,
    uniform,
    xavier_normal,
    xavier_uniform,
)
from oneseed_torch.init.fans import (
    _calculate_correct_fan as _calculate_correct_fan,
)
from oneseed_torch.init.fans import (
    _calculate_fan_in_and_fan_out as _calculate_fan_in_and_fan_out,
)
from oneseed_torch.init.fans import (
    _no_grad_fill_ as _no_grad_fill_,
)
from oneseed_torch.init.fans import (
    _no_grad_normal_ as _no_grad_normal_,
)
from oneseed_torch.init.fans import (
    _no_grad_trunc_normal_ as _no_grad_trunc_normal_,
)
from oneseed_torch.init.fans import (
    _no_grad_uniform_ as _no_grad_uniform_,
)
from oneseed_torch.init.fans import (
    _no_grad_zero_ as _no_grad_zero_,
)
from oneseed_torch.init.gains import calculate_gain
from oneseed_torch.init.matrices import orthogonal_, sparse_
from oneseed_torch.init.random import normal_, trunc_normal_, uniform_
from oneseed_torch.init.scaling import kaiming_normal_, kaiming_uniform_, xavier_normal_, xavier_uniform_

__all__ = [
    "calculate_gain",
    "constant",
    "constant_",
    "dirac",
    "dirac_",
    "eye",
    "eye_",
    "kaiming_normal",
    "kaiming_normal_",
    "kaiming_uniform",
    "kaiming_uniform_",
    "normal",
    "normal_",
    "ones_",
    "orthogonal",
    "orthogonal_",
    "sparse",
    "sparse_",
    "trunc_normal_",
    "uniform",
    "uniform_",
    "xavier_normal",
    "xavier_normal_",
    "xavier_uniform",
    "xavier_uniform_",
    "zeros_",
]
