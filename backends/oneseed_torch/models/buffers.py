"""Buffers on the meta device, made again: what a scheme says nothing of and a layer's code computes."""

import re
import sys
from typing import Any

from oneseed.models.rule import Rule
from oneseed.models.scheme import Scheme
from oneseed_torch.models.layers import default_scheme
from oneseed_torch.models.recording import record
from oneseed_torch.models.recording.schemes import scheme_of
from oneseed_torch.models.tree import Held, Module, walk


def computed(module: Module, missing: list[Held]) -> Scheme:
    """Return a scheme of the buffers of a module whose making is known.

    Running statistics are what their layers start with. A model of transformers is built from its configuration
    without memory, and its buffers are recorded, such as the frequencies of rotary positions.

    Parameters
    ----------
    module : torch.nn.Module
        The module.
    missing : list of Held
        The buffers that have no values.

    Returns
    -------
    Scheme
        The scheme, which may leave some out.
    """
    known = Scheme([rule for rule in default_scheme(module).rules if rule.state])
    names = [name for one in missing for name in one.logical[:1] if known.match(name, state=True)[0] is None]
    rules = list(known.rules)
    for path, model in _models(module):
        prefix = f"{path}." if path else ""
        wanted = {name.removeprefix(prefix) for name in names if name.startswith(prefix)}
        if wanted:
            rules += [_below(prefix, rule) for rule in _recorded(model, wanted)]
    return Scheme(rules)


def _models(module: Module) -> list[tuple[str, Any]]:
    """Return the models of transformers in a module that are not inside another one, and their paths."""
    home = sys.modules.get("transformers.modeling_utils")
    if home is None:
        return []
    found: list[tuple[str, Any]] = []
    for _, path, layer in walk(module):
        inside = any(not other or path == other or path.startswith(f"{other}.") for other, _ in found)
        if isinstance(layer, home.PreTrainedModel) and not inside:
            found.append((path, layer))
    return found


def _recorded(model: Any, wanted: set[str]) -> list[Rule]:
    """Return the rules of buffers that a model computes from its configuration."""
    try:
        tensors, _ = record(lambda: type(model)(model.config))
    except Exception:  # the constructor may want more; the buffers are named in a warning then
        return []
    told = [one for one in tensors if one.state and not one.refused and set(one.names) & wanted]
    return list(scheme_of(told).rules)


def _below(prefix: str, rule: Rule) -> Rule:
    """Return a rule for a model that is inside another one."""
    pattern = re.escape(prefix) + (rule.pattern if rule.regex else re.escape(rule.pattern))
    return Rule(pattern, rule.initializer, regex=True, axes=rule.axes, state=True, source=rule.source)
