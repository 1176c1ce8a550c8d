"""Whole models of Keras: weights filled in place by a scheme, on any backend of Keras."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from oneseed import registry
from oneseed.draws import Draw
from oneseed.dtypes import FLOATS, dtype_name
from oneseed.models.entry import Entry, Parameter
from oneseed.models.fill import run
from oneseed.models.names import Names
from oneseed_keras.layer_axes import THEIRS, weights_with_axes
from oneseed_keras.variables import assign, check_place, name_of, parts_of, wholes

if TYPE_CHECKING:
    from oneseed.models.plan import Plan
    from oneseed.models.scheme import Scheme


def initialize(
    model: Any,
    scheme: "Scheme",
    *,
    seed: Any,
    names: Names = None,
    axes: Mapping[str, str | None] | None = None,
) -> None:
    """Fill the weights of a built model, or layer, of Keras 3 or tf_keras in place, by a scheme.

    Weights that are trained get what the scheme says. State (running statistics, states of metrics and seeds) stays as
    it is unless a rule with ``state=True`` matches it. Those of frozen layers stay unless a rule matches them;
    `otherwise` is not for them. So do the small matrices of LoRA ("lora_kernel_a"), whose layer works as one without
    LoRA only while "lora_kernel_b" is 0, and the scales of float8, which a step of training overwrites. A kernel that
    is quantized holds no floats, and stays. Keras 3 may be on any of its backends: values are made by that one, and
    given to the variable's `assign`.

    Under TensorFlow's strategies all replicas get the same values. What ParameterServerStrategy cut into a
    ShardedVariable is one weight of the whole shape, under the name without "/part_0", and so is a DTensor: the values
    are those of the uncut model, and each shard or device gets its block without the whole being made.

    A weight's name is the path that Keras shows: in Keras 3 ``variable.path``, such as "dense/kernel", which in a
    Sequential and in a subclass of Model begins with the model's name; in tf_keras ``variable.name`` without the ":0".
    Keras names layers and models without a name by a counter. So name those whose weights must be found again, or map
    their names by `names`.

    Parameters
    ----------
    model : keras.Layer
        The model, built.
    scheme : Scheme
        What each weight gets.
    seed : int or tensor
        The seed.
    names : mapping, callable or sequence of pairs, optional
        From the names here to the logical ones, by which rules match and weights draw; see `Scheme.plan`.
    axes : mapping of str to str, optional
        Names of the axes, by the names here; they come before those of `axes_of`.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If the model has no weights, two have one name, names or axes do not fit, weights are unmatched, an initializer
        refuses one, a rule gives it another dtype, or this is called where it cannot be: by a strategy's `run`, in a
        tf.function with DTensors, or in a graph of TensorFlow 1. Nothing has been drawn then.

    Examples
    --------
    >>> import keras
    >>> import oneseed
    >>> model = keras.Sequential([keras.layers.Input((8,)), keras.layers.Dense(2, name="head")], name="net")
    >>> scheme = oneseed.Scheme([oneseed.Rule("*/kernel", "he_normal")], otherwise="zeros")
    >>> initialize(model, scheme, seed=7)
    >>> expected = oneseed.initializers.HeNormal(seed=7)((8, 2), path="net/head/kernel", backend="numpy")
    >>> oneseed.fingerprint(model.layers[0].kernel.value) == oneseed.fingerprint(expected)
    True
    """
    from oneseed.models.scheme import check_scheme

    check_scheme(scheme)
    found = _by_name(_checked(model))
    check_place()
    engine = registry.load(_backend(model))
    plan = _plan(model, found, scheme, names, axes)
    draws = plan.draws(seed)
    parts = {entry.name: parts_of(found[entry.name]) for entry, _ in draws}

    def put(entry: Entry, draw: Draw) -> None:
        assign(
            found[entry.name],
            (engine.draw(draw._replace(offset=at, block=block), device) for block, at, device in parts[entry.name]),
        )

    run(draws, put)


def plan_of(model: Any, scheme: "Scheme", names: Names = None, axes: Mapping[str, str | None] | None = None) -> "Plan":
    """Return what `initialize` would do with a model, which need not be in memory.

    Parameters
    ----------
    model : keras.Layer or callable
        The model, built; or, for Keras 3, a function that returns it. The function runs in a thread of its own, in
        which Keras makes variables without values, so that a model of any size can be planned.
    scheme : Scheme
        What each weight gets.
    names, axes : optional
        As in `initialize`.

    Returns
    -------
    Plan
        A row for each weight; `oneseed.checkpoint.write` writes their values as files.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If the model has no weights, two have one name, names or axes do not fit, an initializer refuses one, or a rule
        gives it another dtype.

    Examples
    --------
    >>> import keras
    >>> import oneseed
    >>> def build():
    ...     return keras.Sequential([keras.layers.Input((8,)), keras.layers.Dense(2, name="head")], name="net")
    >>> scheme = oneseed.Scheme([oneseed.Rule("*/kernel", "he_normal")], otherwise="zeros")
    >>> [entry.name for entry in plan_of(build, scheme)]
    ['net/head/kernel', 'net/head/bias']
    """
    from oneseed.models.scheme import check_scheme

    check_scheme(scheme)
    if callable(model) and not _packages(model):
        model = _without_values(model)
    return _plan(model, _by_name(_checked(model)), scheme, names, axes)


def _without_values(build: Callable[[], Any]) -> Any:
    """Call a function that builds a model of Keras 3, whose variables get no values."""
    import keras

    def run() -> Any:
        # Leaving the scope would make the values. The scope is the thread's own, and ends with it.
        keras.StatelessScope().__enter__()
        return build()

    with ThreadPoolExecutor(1, "oneseed-keras") as pool:
        return pool.submit(run).result()


def _plan(
    model: Any, found: Mapping[str, Any], scheme: "Scheme", names: Names, axes: Mapping[str, str | None] | None
) -> "Plan":
    from oneseed.models.scheme import plan_weights

    trained = {id(weight) for weight in wholes(model.trainable_weights)}
    state = {id(weight) for weight in wholes(_state(model))}
    params = {}
    for name, weight in found.items():
        frozen = id(weight) not in trained or _is_beside(name, weight)
        params[name] = Parameter(
            tuple(weight.shape), weight.dtype, state=id(weight) in state, frozen=frozen and id(weight) not in state
        )
    plan = plan_weights(scheme, params, known=axes_of(model), names=names, axes=axes)
    for entry in plan:
        if (dtype := dtype_name(params[entry.name].dtype)) != entry.dtype:
            raise ValueError(
                f"The rule for {entry.logical!r} must leave the dtype at {dtype!r}, which a variable of Keras keeps; "
                f"build the model in the other one. Received: dtype={entry.dtype!r}"
            )
    return plan


def axes_of(model: Any) -> dict[str, str]:
    """Return the axes of the weights whose layer is Keras's, by their names.

    Dense and recurrent layers, embeddings, convolutions of all kinds, EinsumDense, and what is made of them, such as
    attention. An embedding is a table whose rows are looked up. Weights of three axes or more in layers of your own are
    a guess (`oneseed.fans.Guess`): a rule that needs fans is refused for them until `axes` says what they are.

    Parameters
    ----------
    model : keras.Layer
        The model, built.

    Returns
    -------
    dict
        Patterns of axes by the names that `initialize` takes. What is not in it has the axes of Keras's rules.

    Raises
    ------
    TypeError
        If `model` is not a layer of Keras.
    ValueError
        If it has no weights.

    Examples
    --------
    >>> import keras
    >>> axes_of(keras.Sequential([keras.layers.Input((8,)), keras.layers.Dense(2, name="head")], name="net"))
    {'net/head/kernel': 'i o'}
    """
    _checked(model)
    return {name_of(weight): pattern for weight, pattern in weights_with_axes(model)}


def _checked(model: Any) -> Any:
    if not _packages(model):
        raise TypeError(f"`model` must be a model or layer of Keras 3 or tf_keras. Received: model={model!r}")
    if not model.weights:
        raise ValueError(f"`model` must be built, so that it has weights; call it once. Received: model={model!r}")
    return model


def _packages(model: Any) -> set[str]:
    """Return which Keras a layer is of."""
    bases = {cls.__module__.partition(".")[0] for cls in type(model).__mro__ if hasattr(cls, "trainable_weights")}
    return bases & THEIRS


def _backend(model: Any) -> str:
    if _packages(model) == {"tf_keras"}:
        return "tensorflow"
    import keras

    return str(keras.backend.backend())


def _is_beside(name: str, weight: Any) -> bool:
    """Tell whether a weight is trained beside those of the layer: a matrix of LoRA, or a scale of float8."""
    return name.rpartition("/")[2].startswith("lora_") or getattr(weight, "overwrite_with_gradient", False)


def _by_name(model: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for weight in _floats(model):
        name = name_of(weight)
        if name in found:
            raise ValueError(
                f"`model` must have one weight of each name; name its layers apart. Received: two of the name {name!r}"
            )
        found[name] = weight
    return found


def _state(model: Any) -> Iterator[Any]:
    """Give the weights that no layer trains, whether it is frozen or not."""
    for layer in model._flatten_layers():
        for kind in ("_non_trainable_variables", "_non_trainable_weights"):
            yield from getattr(layer, kind, ())


def _floats(model: Any) -> Iterator[Any]:
    """Give the weights that an initializer could fill; counters and the states of seeds are not."""
    for weight in wholes(model.weights):
        if dtype_name(weight.dtype) in FLOATS:
            yield weight
