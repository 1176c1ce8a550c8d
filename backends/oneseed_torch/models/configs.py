"""The parameters of transformers' models, from a config.json: built on the meta device, with no value made."""

import json
import logging
from typing import Any

import torch

from oneseed.checkpoint.sources import Source
from oneseed.dtypes import FLOATS, dtype_name
from oneseed.models.entry import Parameter
from oneseed.requirements import pip
from oneseed_torch.models.modules import plan_of
from oneseed_torch.models.recording import recorded_scheme


def source_of_config(config: dict[str, Any], where: str, dtype: str | None = None) -> Source:
    """Return the parameters of the model that a configuration describes.

    The model is the class of transformers that "architectures" names; code that comes with a model is never run.

    Parameters
    ----------
    config : dict
        What the config.json holds.
    where : str
        The file's name, for messages.
    dtype : str, optional
        The dtype of the model; None is that of the configuration, else float32.

    Returns
    -------
    Source
        The parameters with the axes of their layers, ties, and a config.json that goes with the weights.

    Raises
    ------
    ImportError
        If transformers is not installed.
    ValueError
        If the configuration names no model of transformers, or one that cannot be built from it.
    """
    try:
        import transformers
    except ImportError:
        raise ImportError(
            f"{where!r} is a configuration of transformers, which is not installed; install it with: "
            f"{pip('transformers')}"
        ) from None
    cls = _model_class(config, where, transformers)
    chosen = dtype or config.get("dtype") or config.get("torch_dtype") or "float32"
    kind = dtype_name(str(chosen).removeprefix("torch."))
    if kind not in FLOATS:
        raise ValueError(f"{where!r} must have a float dtype. Received: dtype={kind!r}")

    def build() -> Any:
        settings = transformers.CONFIG_MAPPING[config["model_type"]].from_dict(dict(config))
        return cls._from_config(settings, dtype=getattr(torch, kind))

    verbosity = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity(logging.ERROR)
    try:
        with torch.device("meta"):
            model = build()
        model.tie_weights()
    except Exception as error:  # whatever a class of transformers makes of a configuration that does not fit it
        reason = " ".join(str(error).split())
        raise ValueError(f"{where!r} cannot be built as {cls.__name__}: {type(error).__name__}: {reason}") from error
    finally:
        transformers.logging.set_verbosity(verbosity)
    params = {name: Parameter(tuple(parameter.shape), parameter.dtype) for name, parameter in model.named_parameters()}
    buffers = [name for name in model.state_dict() if name in dict(model.named_buffers())]
    notes = (f"Buffers are not part of the files: {', '.join(buffers)}.",) if buffers else ()
    data = {key: value for key, value in config.items() if key != "torch_dtype"} | {"dtype": kind}
    return Source(
        params,
        files={"config.json": (json.dumps(data, indent=2, ensure_ascii=False) + "\n").encode()},
        notes=notes,
        own=lambda: recorded_scheme(build),
        planner=lambda scheme: plan_of(model, scheme),
    )


def _model_class(config: dict[str, Any], where: str, transformers: Any) -> Any:
    kind, names = config.get("model_type"), config.get("architectures")
    if not isinstance(kind, str) or kind not in transformers.CONFIG_MAPPING:
        foreign = " It names code of its own, which is never run." if "auto_map" in config else ""
        raise ValueError(
            f"{where!r} must have the 'model_type' of a model that transformers {transformers.__version__} "
            f"has.{foreign} Received: model_type={kind!r}"
        )
    name = names[0] if isinstance(names, list) and len(names) == 1 else None
    cls = getattr(transformers, name, None) if isinstance(name, str) else None
    if not isinstance(cls, type) or not issubclass(cls, transformers.PreTrainedModel):
        raise ValueError(
            f"{where!r} must have 'architectures', a list of one class of transformers, such as 'GPT2LMHeadModel'. "
            f"Received: architectures={names!r}"
        )
    return cls
