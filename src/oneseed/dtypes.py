"""Names of dtypes, and what a value becomes in each of them."""

import cmath
import math
from functools import cache, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oneseed import settings
from oneseed.checks import nearest, shown

FLOAT8 = ("float8_e4m3fn", "float8_e5m2")
FLOATS = (*settings.FLOATX, *FLOAT8)
INTEGERS = ("int16", "int32", "int64", "int8", "uint16", "uint32", "uint64", "uint8")
COMPLEX = ("complex128", "complex64")
NOT_IN_NUMPY = ("bfloat16", *FLOAT8)
"""The dtypes that NumPy has from `ml_dtypes`."""

WITHOUT_INFINITY = ("float8_e4m3fn",)

LARGEST = {"float8_e4m3fn": 448.0, "float8_e5m2": 57344.0}
"""The largest numbers of the dtypes that do not reach as far as float16."""

LEAST = min(LARGEST.values())
"""A number that every float dtype holds."""

SMALL = 65504.0
"""The largest float16, which every other float dtype holds."""

WHOLE = {
    "bfloat16": 2**8,
    "float16": 2**11,
    "float32": 2**24,
    "float64": 2**53,
    "float8_e4m3fn": 2**4,
    "float8_e5m2": 2**3,
}
"""The number up to which a float dtype holds every whole number."""

NUMERIC = tuple(sorted((*FLOATS, *INTEGERS, *COMPLEX, "bool")))

INEXACT = FLOATS + COMPLEX

_CODES = ("b1", "c16", "c8", "f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8")
_C_TYPES = (
    *("half", "single", "double", "csingle", "cdouble", "complex"),
    *("byte", "short", "intc", "intp", "long", "longlong"),
    *("ubyte", "ushort", "uintc", "uintp", "uint", "ulong", "ulonglong"),
)
_ALIASES: dict[str, str] = {
    **{name: name for name in NUMERIC},
    # Fixed strings of NumPy's own: no text from outside reaches its parser, which is not made for strangers.
    **{
        alias: np.dtype(alias).name
        for alias in (*_CODES, *(order + code for order in "<>=|" for code in _CODES), *_C_TYPES, *"?bBhHiIlLqQpPefdFD")
    },
    **{"int": "int32", "int_": np.dtype("int_").name, "bool_": "bool"},
}
"""The dtypes by every name that is understood: NumPy's names, codes and names of C types."""


@cache
def numpy_dtype(name: str) -> np.dtype[Any]:
    """Return the NumPy dtype of a name; those of `NOT_IN_NUMPY` are of `ml_dtypes`."""
    if name in NOT_IN_NUMPY:
        import ml_dtypes

        name = getattr(ml_dtypes, name)
    dtype: np.dtype[Any] = np.dtype(name)
    return dtype


def working_dtype(name: str) -> str:
    """Return the float dtype in which samples of dtype `name` are scaled and shifted."""
    return "float64" if name == "float64" else "float32"


def wide_dtype(name: str) -> str:
    """Return the dtype in which the host computes values of dtype `name` that are rounded only once made."""
    return "complex128" if name in COMPLEX else "float64"


def unrounded_dtype(name: str) -> str:
    """Return the dtype whose roundings are the values of dtype `name`: float32 for halves, float8, and itself."""
    return name if name in COMPLEX else working_dtype(name)


def narrowed(wide: NDArray[Any], dtype: str) -> NDArray[Any]:
    """Round float64 or complex128 values to a dtype: halves and float8 by way of float32, whose roundings they are.

    Parameters
    ----------
    wide : ndarray
        The values.
    dtype : str
        The name of a float or complex dtype.

    Returns
    -------
    ndarray
        The values in the dtype.

    Raises
    ------
    ValueError
        If a finite value is beyond the largest of the dtype.
    """
    with np.errstate(all="ignore"):
        values: NDArray[Any] = wide.astype(numpy_dtype(unrounded_dtype(dtype)), copy=False).astype(
            numpy_dtype(dtype), copy=False
        )
    beyond = np.isfinite(wide) & ~np.isfinite(values)
    if beyond.any():
        raise ValueError(
            f"A value is beyond the largest {dtype}; use a wider dtype, or smaller parts and factors. "
            f"Received: {wide[beyond].flat[0]}"
        )
    return values


def part_dtype(name: str) -> str:
    """Return the dtype of the real and the imaginary part of a complex dtype."""
    return "float64" if name == "complex128" else "float32"


def rounded(value: complex, dtype: str) -> Any:
    """Return a number as a NumPy scalar of a float or complex dtype; float8 is a rounding of float32."""
    number = float(value) if isinstance(value, int) and abs(value) >= 2**63 else value  # which ml_dtypes refuses
    with np.errstate(all="ignore"):
        return numpy_dtype(dtype).type(numpy_dtype("float32").type(number) if dtype in FLOAT8 else number)


def dtype_name(dtype: Any) -> str:
    """Return the canonical name of a dtype given in any framework's way.

    Parameters
    ----------
    dtype : str, type, numpy.dtype, a framework's dtype, or None
        What names the dtype: "float32", ``np.float32``, ``torch.float32``, ``tf.float32``. Python's own
        types mean what they mean in Keras: ``float`` the default float dtype, as None does, ``int`` "int32".

    Returns
    -------
    str
        One of `NUMERIC`.

    Raises
    ------
    TypeError
        If `dtype` does not name a dtype.
    ValueError
        If it names one that holds no numbers, or that no backend has.

    Examples
    --------
    >>> import numpy as np
    >>> dtype_name(np.float32), dtype_name("half"), dtype_name(np.dtype("<i8"))
    ('float32', 'float16', 'int64')
    """
    if dtype is None or dtype is float or (isinstance(dtype, str) and dtype == "float"):
        return settings.in_force().floatx
    try:
        hash(dtype)
    except (TypeError, ValueError):  # not hashable, so no dtype
        raise _not_a_dtype(dtype) from None
    return _dtype_name(dtype)


@lru_cache(maxsize=1024, typed=True)  # TensorFlow's dtypes are equal to numbers, too
def _dtype_name(dtype: Any) -> str:
    # Frameworks' dtypes may equal names and Python's types that they are not.
    if isinstance(dtype, str):
        return _named(dtype, dtype)
    if dtype is int:
        return "int32"
    if isinstance(dtype, np.dtype):
        return _numeric(str(dtype.name), dtype)
    # A framework's dtype prints as "torch.float32", or has a name; its class is called so.
    if type(dtype).__name__.lower() == "dtype":
        return _named(str(getattr(dtype, "name", None) or str(dtype).rpartition(".")[2]), dtype)
    # NumPy would read a class's attribute `dtype` as it reads any text.
    if not isinstance(dtype, type) or isinstance(getattr(dtype, "dtype", None), str | bytes | list | tuple | dict):
        raise _not_a_dtype(dtype)
    try:
        name = np.dtype(dtype).name
    except (TypeError, ValueError):
        raise _not_a_dtype(dtype) from None
    return _numeric(str(name), dtype)


def _named(name: str, dtype: Any) -> str:
    if name not in _ALIASES:
        raise _not_a_dtype(dtype)
    return _ALIASES[name]


def _numeric(name: str, dtype: Any) -> str:
    if name not in NUMERIC:
        raise ValueError(
            f"`dtype` must hold numbers or booleans: one of {', '.join(NUMERIC)}. Received: dtype={shown(dtype)}"
        )
    return name


def _not_a_dtype(dtype: Any) -> Exception:
    hint = nearest(dtype, NUMERIC) if isinstance(dtype, str) else ""
    kind = ValueError if isinstance(dtype, str) else TypeError
    return kind(f"`dtype` must be one of {', '.join(NUMERIC)}.{hint} Received: dtype={shown(dtype)}")


def cast_scalar(value: Any, dtype: str, argument: str) -> Any:
    """Return a Python scalar as a NumPy scalar of `dtype`, as Keras casts it: integers by truncation.

    Parameters
    ----------
    value : bool, int, float or complex
        The number.
    dtype : str
        A name of `NUMERIC`.
    argument : str
        What the number is called in messages.

    Returns
    -------
    numpy scalar
        The value.

    Raises
    ------
    ValueError
        As `check_scalar` says.
    """
    check_scalar(value, dtype, argument)
    if isinstance(value, complex) and dtype not in COMPLEX:
        value = value.real
    if dtype == "bool":
        return np.bool_(value)
    if dtype in INTEGERS:
        return numpy_dtype(dtype).type(math.trunc(value))
    return rounded(value, dtype)


def check_scalar(value: Any, dtype: str, argument: str) -> None:
    """Refuse a Python scalar that a dtype cannot hold.

    Parameters
    ----------
    value : bool, int, float or complex
        The number.
    dtype : str
        A name of `NUMERIC`.
    argument : str
        What the number is called in messages.

    Raises
    ------
    ValueError
        If the dtype cannot hold the number: a finite value that would overflow, NaN or infinity as an
        integer, infinity as a float8_e4m3fn, an imaginary part as a real number.
    """
    if type(value) is float and -LEAST <= value <= LEAST and dtype in FLOATS:  # as most are
        return
    if isinstance(value, complex) and dtype not in COMPLEX:
        if value.imag:
            raise ValueError(
                f"`{argument}` has an imaginary part, which {dtype} cannot hold; use dtype='complex64' or "
                f"'complex128'. Received: {argument}={shown(value)}"
            )
        value = value.real
    if dtype == "bool":
        return
    if dtype in INTEGERS:
        limits = np.iinfo(numpy_dtype(dtype))
        if not math.isfinite(value) or not limits.min <= math.trunc(value) <= limits.max:
            raise ValueError(
                f"`{argument}` must lie in [{limits.min}, {limits.max}], the range of {dtype}. "
                f"Received: {argument}={shown(value)}"
            )
        return
    if dtype in WITHOUT_INFINITY and math.isinf(value):
        raise ValueError(
            f"`{argument}` must be finite or NaN: {dtype} has no infinity. Received: {argument}={shown(value)}"
        )
    if overflows(value, dtype):
        raise ValueError(
            f"`{argument}` is beyond the largest {dtype}; use a wider dtype. Received: {argument}={shown(value)}"
        )


def overflows(value: complex, dtype: str) -> bool:
    """Tell whether a finite number is beyond the largest of a float or complex dtype."""
    small = LARGEST.get(dtype, SMALL)
    if not isinstance(value, complex) and -small <= value <= small:  # nearly every number: asking NumPy takes longer
        return False
    try:
        return cmath.isfinite(value) and not bool(np.isfinite(rounded(value, dtype)))
    except OverflowError:  # an int beyond every float
        return True


def check_array(array: NDArray[Any], dtype: str, argument: str) -> None:
    """Refuse an array with a number that the dtype cannot hold; the rules are those of `cast_scalar`.

    Parameters
    ----------
    array : ndarray
        The numbers.
    dtype : str
        A name of `NUMERIC`.
    argument : str
        What the array is called in messages.

    Raises
    ------
    ValueError
        If one does not fit.
    """
    parts = [array.real, array.imag] if array.dtype.kind == "c" else [array]
    if len(parts) == 2 and dtype not in COMPLEX and parts.pop().any():
        check_scalar(1j, dtype, argument)
    for part in parts:
        finite = part[np.isfinite(part)]
        if finite.size < part.size and dtype in INTEGERS:
            check_scalar(math.nan, dtype, argument)
        if dtype in WITHOUT_INFINITY and np.isinf(part).any():
            check_scalar(math.inf, dtype, argument)
        if finite.size:  # between the extremes everything fits
            check_scalar(finite.min().item(), dtype, argument)
            check_scalar(finite.max().item(), dtype, argument)


def cast_array(array: NDArray[Any], dtype: str, argument: str) -> NDArray[Any]:
    """Return a new array of `dtype`, cast as `cast_scalar` casts a scalar.

    Parameters
    ----------
    array : ndarray
        The numbers.
    dtype : str
        A name of `NUMERIC`.
    argument : str
        What the array is called in messages.

    Returns
    -------
    ndarray
        A copy in the dtype.

    Raises
    ------
    ValueError
        If the dtype cannot hold one of the numbers.
    """
    check_array(array, dtype, argument)
    real = array.real if array.dtype.kind == "c" and dtype not in COMPLEX else array
    with np.errstate(all="ignore"):
        return real.astype(numpy_dtype(dtype))
