"""Assertions on tensors and models that are there."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oneseed.checks import shown
from oneseed.dtypes import FLOATS
from oneseed.fans import INPUT, OUTPUT, layout_of, parse
from oneseed.host_arrays import numbers
from oneseed.models.names import logical_names

SHOWN = 20
"""As many parameters a message speaks of at most."""


def assert_same_weights(a: Any, b: Any, axes_a: str | None = None, axes_b: str | None = None) -> None:
    """Check that two tensors hold the same weights to the bit, whatever their frameworks and layouts.

    Parameters
    ----------
    a, b : tensor or array_like
        The weights, of any backends in use.
    axes_a, axes_b : str, optional
        Names of the axes of each, as at an initializer's call: "h w i o" and "o i h w" are compared axis by axis in
        their logical order. None takes the order as it is. Several input axes, or output axes, such as those of an
        attention's heads, equal one axis of their product, as the flat weight has.

    Raises
    ------
    AssertionError
        If dtype, logical shape or values differ: how many, where, and by how many units in the last place.
    TypeError
        If one holds no numbers.
    ValueError
        If the axes do not fit the shape.

    Examples
    --------
    >>> from oneseed.initializers import HeNormal
    >>> from oneseed.testing import assert_same_weights
    >>> init = HeNormal(seed=7)
    >>> keras, torch = init((3, 3, 64, 128)), init((128, 64, 3, 3), axes="o i h w")
    >>> assert_same_weights(keras, torch, axes_a="h w i o", axes_b="o i h w")
    """
    left, right = _logical("a", a, axes_a), _logical("b", b, axes_b)
    if left.shape != right.shape:
        flat = _flat(left, axes_a), _flat(right, axes_b)
        if flat[0].shape == flat[1].shape:
            left, right = flat
    for what, of_left, of_right in (
        ("dtypes", left.dtype.name, right.dtype.name),
        ("logical shapes", left.shape, right.shape),
    ):
        if of_left != of_right:
            raise AssertionError(f"The {what} differ: {of_left} and {of_right}.")
    differs = differences(left, right)
    if differs.any():
        raise AssertionError(_difference(left, right, differs))


def assert_same_model(a: Any, b: Any, *, names: Any = None, axes: Any = None) -> None:
    """Check that two models hold the same weights to the bit, whatever their frameworks, names and layouts.

    Parameters
    ----------
    a, b : mapping of str to tensor
        The parameters of each model by name, of any backends in use, such as ``dict(module.named_parameters())``.
    names : mapping, callable or list of pairs, optional
        From the names of `b` to those of `a`, in any of the forms that `Scheme.plan` takes. A tuple of two gives one
        for `a` and one for `b`, which lead to common names.
    axes : tuple of two mappings of str to str, optional
        Names of the axes by the names of `a`, and by those of `b`; None for either takes all axes as they are.

    Raises
    ------
    AssertionError
        If a parameter of one is missing in the other, or dtype, logical shape or values of one differ; all that do are
        listed.
    TypeError
        If an argument is of another type, or a parameter holds no numbers.
    ValueError
        If names or axes do not fit.

    Examples
    --------
    >>> from oneseed.initializers import HeNormal
    >>> from oneseed.testing import assert_same_model
    >>> init = HeNormal(seed=7)
    >>> keras = {"fc/kernel": init((64, 10), path="fc.weight")}
    >>> torch = {"fc.weight": init((10, 64), axes="o i", path="fc.weight")}
    >>> axes = {"fc.weight": "o i"}, {"fc/kernel": "i o"}
    >>> assert_same_model(torch, keras, names={"fc/kernel": "fc.weight"}, axes=axes)
    """
    for argument, model in (("a", a), ("b", b)):
        if not isinstance(model, Mapping) or not all(isinstance(name, str) for name in model):
            raise TypeError(f"`{argument}` must be a mapping from names to tensors. Received: {type(model).__name__}")
    both = (None, None) if axes is None else axes
    if not isinstance(both, tuple) or len(both) != 2 or not all(isinstance(of, Mapping | None) for of in both):
        raise TypeError(f"`axes` must be a tuple of two mappings, for `a` and for `b`. Received: axes={shown(axes)}")
    of_a, of_b = names if isinstance(names, tuple) and len(names) == 2 else (None, names)
    left, right = _by_logical_name(a, of_a), _by_logical_name(b, of_b)
    axes_a, axes_b = (of or {} for of in both)
    found = [f"{name}: missing in b" for name in left if name not in right]
    found += [f"{name}: missing in a" for name in right if name not in left]
    for name, of_left in left.items():
        if name in right:
            of_right = right[name]
            try:
                assert_same_weights(a[of_left], b[of_right], axes_a.get(of_left), axes_b.get(of_right))
            except AssertionError as difference:
                found.append(f"{name}: {difference}")
    if found:
        more = [f"and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
        raise AssertionError("\n".join([f"The models differ in {len(found)} parameters:", *found[:SHOWN], *more]))


def differences(left: NDArray[Any], right: NDArray[Any]) -> NDArray[np.bool_]:
    """Tell which elements differ, of two arrays of one shape and dtype.

    They are compared as bytes, so that equal NaNs are equal, and zeros of different signs are not.
    """
    size = left.dtype.itemsize
    same = left.reshape(-1, 1).view(np.uint8).reshape(-1, size) == right.reshape(-1, 1).view(np.uint8).reshape(-1, size)
    differ: NDArray[np.bool_] = ~same.all(axis=1).reshape(left.shape)
    return differ


def _by_logical_name(model: Mapping[str, Any], names: Any) -> dict[str, str]:
    """Return the name of each logical name."""
    found: dict[str, str] = {}
    for name, logical in logical_names(model, names).items():
        if logical in found:
            raise ValueError(
                f"`names` must give each parameter a name of its own. "
                f"Received: {shown(logical)} for {shown(found[logical])} and "
                f"{shown(name)}"
            )
        found[logical] = name
    return found


def _logical(argument: str, x: Any, axes: str | None) -> NDArray[Any]:
    array = numbers(argument, x)
    layout = layout_of(array.shape, axes)
    return np.ascontiguousarray(array if layout is None else array.transpose(layout.order)).reshape(
        array.shape if layout is None else [array.shape[axis] for axis in layout.order]
    )


def _flat(array: NDArray[Any], axes: str | None) -> NDArray[Any]:
    """Make one axis of all inputs, and one of all outputs, of an array in logical order."""
    if axes is None:
        return array
    kinds = sorted(parse(axes).kinds)
    shape: list[int] = []
    for at, (size, kind) in enumerate(zip(array.shape, kinds, strict=True)):
        if at and kind == kinds[at - 1] and kind in (INPUT, OUTPUT):
            shape[-1] *= size
        else:
            shape.append(size)
    return array.reshape(shape)


def _difference(left: NDArray[Any], right: NDArray[Any], differs: NDArray[np.bool_]) -> str:
    count = int(differs.sum())
    places = np.argwhere(differs)
    first = tuple(places[0].tolist())
    message = (
        f"{count} of {left.size} values differ ({count / left.size:.2%}), the first at {first} of the logical order: "
        f"{left[first]} and {right[first]}."
    )
    if left.dtype.name in FLOATS:
        ulps = np.abs(ordered(left[differs]) - ordered(right[differs]))
        most = int(ulps.argmax())
        at = tuple(places[most].tolist())
        message += f" The largest difference is {int(ulps[most])} ulp, at {at}: {left[at]} and {right[at]}."
    return message


def ordered(values: NDArray[Any]) -> NDArray[Any]:
    """Number floats in their order, so that neighbours differ by 1, as Python integers: none overflows."""
    width = 8 * values.dtype.itemsize
    bits = values.view(f"i{values.dtype.itemsize}").astype(object)
    return np.where(bits >= 0, bits, -(bits + 2 ** (width - 1)))
