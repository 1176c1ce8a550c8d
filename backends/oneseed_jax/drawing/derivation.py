"""Keys that a program derives from another key by known numbers, so that a draw can derive them itself.

`jax.random.fold_in` and `jax.random.split` are a hundred operations each in a compiled program, for every parameter of
a model. JAX keeps no public record of how a value came about; what is read here is how its tracers remember the
operation that made them. Whatever is not understood is simply not derived by the draw.
"""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any
from weakref import ref

import jax
import jax.numpy as jnp
import numpy as np

from oneseed.stream.philox import MASK
from oneseed_jax.drawing.devices import trace
from oneseed_jax.drawing.keys import THREEFRY, Form, is_threefry, key_words, words_of

MANY = 64
"""Steps after which the program makes a key: where each key is split from the last one, it then makes few."""


def operands(seed: Any) -> tuple[tuple[Any, ...], Form, tuple[int, ...]]:
    """Return what an operation takes of a seed.

    Parameters
    ----------
    seed : int or jax.Array
        The seed; see `oneseed_jax.drawing.keys.halves` for what is accepted and what is raised.

    Returns
    -------
    given : tuple of array of uint32, shape (n,)
        The words of the seed; and where that is a key that is derived from another, the words of the other. Where the
        operation derives the key by itself, nothing uses its words, and XLA leaves out what would make them. They are
        left out here if the key is one `fold_in` from the other, as in Flax: see `words_from`.
    form : Form
        How words make a seed.
    derived_by : tuple of int
        The numbers by which the key is derived, as `origin` returns them.
    """
    first, derived_by = origin(seed) if is_threefry(seed) else (None, ())
    if _is_folded(seed, derived_by):
        return (_words_of_first(first),), Form.THREEFRY, derived_by
    words, form = words_of(seed)
    return ((words, _words_of_first(first)) if derived_by else (words,)), form, derived_by


def batched(
    given: Sequence[Any], axes: Sequence[int], form: Form, derived_by: tuple[int, ...]
) -> tuple[list[Any], tuple[int, ...]]:
    """Return what an operation takes of many seeds: only here is seen how `jax.vmap` made the keys.

    Parameters
    ----------
    given : sequence of array of uint32
        The operands, with an axis more.
    axes : sequence of int
        Where that is; in the result it is the first one.
    form : Form
        How words make a seed.
    derived_by : tuple of int
        The numbers by which each key is derived from the words of the last operand.

    Returns
    -------
    given : list of array of uint32, shape (many, ..., n)
        The operands.
    derived_by : tuple of int
        The numbers.
    """
    moved = [words if axis == 0 else jnp.moveaxis(words, axis, 0) for words, axis in zip(given, axes, strict=True)]
    first, before = origin(moved[-1]) if form is Form.THREEFRY else (None, ())
    steps = before + derived_by
    if _is_folded(moved[-1], steps):
        return [_words_of_first(first)], steps
    if not before or len(steps) > MANY or (derived_by and len(moved) == 1):
        return moved, derived_by
    return [moved[0], _words_of_first(first)], steps


def _is_folded(key: Any, steps: Sequence[int]) -> bool:
    """Tell whether a key is one `fold_in` from the first one."""
    return len(steps) == 1 and _made_by(_inside(key), "random_fold_in") is not None


def words_from(given: Sequence[Any], derived_by: Sequence[int]) -> Any:
    """Return the words of a seed from what `operands` gave an operation, by JAX's own operations.

    No more of them than the program would have: where that shares them, as a `split` for many keys, it gives the words.

    Parameters
    ----------
    given : sequence of array of uint32, shape (n,)
        The operands.
    derived_by : sequence of int
        The numbers by which the key is derived.

    Returns
    -------
    array of uint32, shape (n,)
        The words.
    """
    if len(given) > 1 or not derived_by:
        return given[0]
    (number,) = derived_by
    key = jax.random.wrap_key_data(given[0], impl=THREEFRY)
    return jax.random.key_data(jax.random.fold_in(key, np.uint32(number)))


_last: list[tuple[Callable[[], Any], Any, Callable[[], Any]]] = [(lambda: None, None, lambda: None)]
"""A key, held weakly, the program in which its words were asked for, and these, held weakly."""


def _words_of_first(key: Any) -> Any:
    """Return the words of a key from which many others of the program are derived: the same ones each time."""
    now = trace()
    last, then, known = _last[0]
    words = known() if key is last() and then == now else None
    if words is None:
        words = key_words(key)
        _last[0] = ref(key), now, ref(words)
    return words


def origin(key: Any) -> tuple[Any, tuple[int, ...]]:
    """Return the key from which a key is derived, and the numbers by which it is.

    Parameters
    ----------
    key : jax.Array
        A key of the generator "threefry2x32", typed or raw, or an array of such that are derived alike.

    Returns
    -------
    key : jax.Array
        The first key or keys, typed or raw.
    numbers : tuple of int
        The number of each step: that of a `fold_in`, or the place among the keys of a `split`, which make the same key
        of a number.
    """
    keys, numbers = [key], list[int]()
    try:
        while (step := _step(keys[-1])) is not None:
            keys.append(step[0])
            numbers.append(step[1])
    except (AttributeError, LookupError, TypeError, ValueError):  # another version of JAX remembers otherwise
        pass
    steps = len(numbers) % MANY
    return keys[steps], tuple(reversed(numbers[:steps]))


def _made_by(value: Any, *names: str) -> Any:
    """Return the operation that made a value, if it has one of these names."""
    made = getattr(value, "parent", None)
    return made if made is not None and made.primitive.name in names else None


def _inside(value: Any) -> Any:
    """Return a value without what only changes between typed and raw keys."""
    while (made := _made_by(value, "random_wrap", "random_unwrap")) is not None:
        (value,) = made.in_tracers
    return value


def _step(key: Any) -> tuple[Any, int] | None:
    """Return the key before the last step, and the step's number; None where there is none that is known."""
    value = _inside(key)
    if (folded := _made_by(value, "random_fold_in")) is not None:
        before, data = folded.in_tracers
        number = _number(data)
        return None if number is None or before.shape != value.shape else (before, number)
    if (squeezed := _made_by(value, "squeeze")) is None:
        return None
    sliced = _made_by(squeezed.in_tracers[0], "slice")
    split = None if sliced is None else _made_by(_inside(sliced.in_tracers[0]), "random_split")
    if split is None or not jax.config.jax_threefry_partitionable:
        return None
    (before,), shape = split.in_tracers, split.params["shape"]
    batch, whole = len(before.shape), sliced.in_tracers[0].shape
    axes = tuple(range(batch, batch + len(shape)))
    first, end = sliced.params["start_indices"], sliced.params["limit_indices"]
    sizes = [1 if axis in axes else size for axis, size in enumerate(whole)]
    if [high - low for low, high in zip(first, end, strict=True)] != sizes:
        return None
    if squeezed.params["dimensions"] != axes or prod(shape) > MASK:
        return None
    return before, int(np.ravel_multi_index([first[axis] for axis in axes], shape))


_found: list[tuple[Callable[[], Any], int]] = [(lambda: None, 0)]
"""The last sum, held weakly, and its value: of a counter that a model increases, the next sum begins there."""


def _number(value: Any) -> int | None:
    """Return the value of a scalar of uint32, or of many equal ones, that is a constant or a sum of such."""
    if value.dtype != np.uint32:
        return None
    whole, total, (last, known) = value, 0, _found[0]
    while (constant := known if value is last() else _literal(value)) is None:
        if (added := _made_by(value, "add")) is None:
            return None
        value, other = added.in_tracers
        if _literal(other) is None:
            value, other = other, value
        term = _literal(other)
        if term is None:
            return None
        total += term
    total += constant
    if whole is not value:
        _found[0] = ref(whole), total
    return total & MASK


def _literal(value: Any) -> int | None:
    """Return what is written into the program as a constant, once or for all of an array."""
    while (made := _made_by(value, "broadcast_in_dim")) is not None:
        value = made.in_tracers[0]
    constant = getattr(getattr(value, "val", None), "val", None)
    return None if constant is None or np.ndim(constant) else int(constant)
