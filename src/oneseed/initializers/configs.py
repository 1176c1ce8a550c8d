"""An initializer's configuration: the constructor's arguments as plain data."""

import inspect
from functools import cache
from typing import Any, Self

from oneseed import checks
from oneseed.checks import shown


class Configured:
    """What is built from a configuration, and gives it back."""

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments.

        Returns
        -------
        dict
            Plain data from which `from_config` builds an equal initializer.
        """
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Build an initializer from its configuration.

        Parameters
        ----------
        config : dict
            As from `get_config`. A "dtype", which Keras 1 and 2 stored, is ignored.

        Returns
        -------
        Initializer
            A new initializer. One without a seed draws a new one.

        Raises
        ------
        TypeError
            If `config` is not a dict.
        ValueError
            If it has keys that the constructor does not know, or lacks some that it needs.

        Examples
        --------
        >>> import oneseed
        >>> init = oneseed.initializers.RandomUniform(-1, 1, seed=3)
        >>> oneseed.initializers.RandomUniform.from_config(init.get_config()).get_config()
        {'seed': 3, 'minval': -1, 'maxval': 1}
        """
        if not isinstance(config, dict):
            raise TypeError(f"`config` must be a dict. Received: config={shown(config)}")
        known = inspect.signature(cls).parameters
        if any(parameter.kind is parameter.VAR_KEYWORD for parameter in known.values()):
            return cls(**config)
        arguments = {key: value for key, value in config.items() if key != "dtype" or key in known}
        for key in arguments:
            if key not in known:
                accepted = ", ".join(map(repr, sorted(known))) or "none"
                raise ValueError(
                    f"The configuration of {cls.__name__} must have no keys but its arguments: {accepted}."
                    f"{checks.nearest(str(key), known)} Received: config={shown(config)}"
                )
        if missing := [key for key in required(cls) if key not in arguments]:  # type: ignore[arg-type]
            raise ValueError(
                f"The configuration of {cls.__name__} must have the keys {', '.join(map(repr, missing))} too. "
                f"Received: config={shown(config)}"
            )
        return cls(**arguments)

    def clone(self) -> Self:
        """Return a new initializer of the same configuration.

        Returns
        -------
        Initializer
            An int seed is kept; a SeedGenerator starts again; without a seed a new one is drawn.
        """
        return self.from_config(self.get_config())

    def __repr__(self) -> str:
        """Show the configuration."""
        try:
            config = self.get_config()
        except TypeError:  # of what cannot be stored, such as a framework's own seed
            config = {key: value for key, value in vars(self).items() if not key.startswith("_")}
        arguments = ", ".join(f"{key}={value!r}" for key, value in config.items())
        return f"{type(self).__name__}({arguments})"


@cache
def required(cls: Any) -> tuple[str, ...]:
    """Return the names of the constructor's arguments that have no default."""
    try:
        parameters = inspect.signature(cls).parameters
    except ValueError:  # a class that is not written in Python
        return ()
    return tuple(
        name
        for name, parameter in parameters.items()
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    )
