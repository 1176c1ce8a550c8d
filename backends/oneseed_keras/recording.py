"""A Keras model's own start: the initializers that its variables are made with."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np

from oneseed.distributions import Normal, TruncatedNormal, Uniform
from oneseed.host_arrays import to_numpy
from oneseed.initializers import Initializer, get
from oneseed.initializers import TruncatedNormal as Truncated
from oneseed.initializers.elementwise.stored import Stored
from oneseed.initializers.sequences.recurrent import UnitForgetBias
from oneseed.models.folding import Simple, filled, initializer, limited
from oneseed.models.rule import Rule
from oneseed.models.scheme import Scheme
from oneseed_keras.models import _by_name, _checked, _state, axes_of
from oneseed_keras.variables import wholes


def recorded_scheme(build: Callable[[], Any]) -> Scheme:
    """Return the scheme of a Keras model's own start: the initializers that its variables are made with.

    The model is built without values, so that it may be larger than any memory. Fans are those that Keras reads from
    the shape, also where a layer's axes say something else, and seeds of the initializers are left out: the seed of
    `initialize` takes their place. A bias that a layer computes, as LSTM's does, is recognised or stored.

    Parameters
    ----------
    build : callable
        Builds the model of Keras 3, without arguments, with its variables: ``lambda: keras.Sequential([...])``.

    Returns
    -------
    Scheme
        The scheme, on the names that `initialize` takes.

    Raises
    ------
    TypeError
        If `build` is not callable, or does not return a built layer of Keras.
    ValueError
        If an initializer is a function whose values differ from one call to the next, or is not known, or if `build`
        assigns to a variable, as ``load_weights`` and ``load_model`` do.

    Examples
    --------
    >>> import keras
    >>> import oneseed_keras
    >>> def build():
    ...     return keras.Sequential([keras.layers.Input((8,)), keras.layers.Dense(2, name="head")], name="net")
    >>> oneseed_keras.recorded_scheme(build).match("net/head/bias")[0].initializer
    Zeros()
    """
    if not callable(build) or hasattr(build, "trainable_weights"):
        raise TypeError(f"`build` must be a function that builds a model. Received: build={build!r}")
    with ThreadPoolExecutor(1, "oneseed-keras") as pool:
        model, made_with, assigned = pool.submit(_built, build).result()
    found = _by_name(_checked(model))
    axes, state = axes_of(model), {id(weight) for weight in wholes(_state(model))}
    rules, refused = [], []
    for name, weight in found.items():
        if id(weight) in assigned:
            refused.append(f"{name}: a value that is assigned to the variable after it was made")
            continue
        try:
            drawn, layout = _initializer(made_with.get(id(weight)), tuple(weight.shape), str(weight.dtype))
        except (TypeError, ValueError) as error:
            refused.append(f"{name}: {error}")
            continue
        known = axes.get(name)
        rules.append(Rule(name, drawn, axes=layout or (known and str(known)), state=id(weight) in state))
    if refused:
        raise ValueError("`build` must use initializers that can be recorded. Not recorded:\n" + "\n".join(refused))
    return Scheme(rules)


def _built(build: Callable[[], Any]) -> tuple[Any, dict[int, Any], set[int]]:
    """Build a model whose variables get no values, in a thread of its own.

    Returns
    -------
    tuple
        The model, what each variable is made with, by its identity, and those that are assigned a value afterwards.
    """
    import keras

    # Leaving the scope would make the values. The scope is the thread's own, and ends with it.
    scope = keras.StatelessScope().__enter__()
    with _noted() as made_with:
        return build(), {key: how for key, (how, _) in made_with.items()}, set(scope.state_mapping)


@contextmanager
def _noted() -> Iterator[dict[int, tuple[Any, Any]]]:
    import keras

    # On TensorFlow a variable has bases of TensorFlow's too.
    *_, base = (
        cls for cls in keras.Variable.__mro__ if cls.__module__.startswith("keras.") and "__init__" in vars(cls)
    )
    original = base.__init__
    made_with: dict[int, tuple[Any, Any]] = {}

    def init(self: Any, initializer: Any, *args: Any, **kwargs: Any) -> None:
        made_with[id(self)] = initializer, self
        original(self, initializer, *args, **kwargs)

    base.__init__ = init
    try:
        yield made_with
    finally:
        base.__init__ = original


def _initializer(how: Any, shape: tuple[int, ...], dtype: str) -> tuple[Any, str | None]:
    """Return the initializer of a variable, and its axes where they are not the layer's."""
    import keras

    if how is None:
        raise ValueError("a variable that was made before the model was built")
    if isinstance(how, keras.initializers.Initializer):
        found = get(_without_seed(keras.initializers.serialize(how)))
        if not isinstance(found, Initializer):
            raise ValueError(f"an initializer that is not known, {how!r}")
        return _plain(found, shape, dtype)
    if not callable(how):
        return _table(to_numpy(how)), None
    first, second = (np.asarray(to_numpy(how(shape, dtype))) for _ in range(2))
    if not np.array_equal(first, second):
        raise ValueError(f"a function whose values differ from one call to the next, {how!r}")
    gates = UnitForgetBias()
    if len(shape) == 1 and shape[0] % 4 == 0 and np.array_equal(first, gates(shape, dtype, backend="numpy")):
        return gates, None
    return _table(first), None


def _without_seed(config: Any) -> Any:
    inner = {key: value for key, value in config["config"].items() if key != "seed"}
    return {**config, "config": inner}


def _plain(found: Initializer, shape: tuple[int, ...], dtype: str) -> tuple[Any, str | None]:
    """Return an initializer that does not go by axes: Keras reads fans and matrices from the shape alone."""
    drawn = found.describe(shape, dtype).distribution
    if isinstance(drawn, Uniform):
        return initializer(limited(Simple("uniform", (drawn.low, drawn.high)))), None
    if isinstance(drawn, Normal):
        return initializer(limited(Simple("normal", (drawn.mean, drawn.stddev)))), None
    if isinstance(drawn, TruncatedNormal):
        return Truncated(drawn.mean, drawn.stddev, lower=drawn.lower, upper=drawn.upper), None
    rank = len(shape)
    return found, " ".join([*(f"s{axis}" for axis in range(rank - 2)), "i o"]) if rank > 1 else None


def _table(array: Any) -> Any:
    first: Any = array.flat[0] if array.size else None
    return filled(first.item()) if first is not None and (array == first).all() else Stored(array)
