"""The elements of an array that was computed elsewhere, stored in few characters."""

from typing import Any

from oneseed.initializers.elementwise.constants import Assign
from oneseed.initializers.known import known
from oneseed.initializers.plain_data import packed, unpacked


@known(
    "stored",
    group="Constants and stored values",
    formula="`w = value`, compressed in the configuration",
    use="Tables that a model computes: frequencies of rotary positions, masks.",
    example="Stored(np.outer(np.arange(16), np.arange(24)) % 7)",
    shape=(16, 24),
)
class Stored(Assign):
    """Give the very elements of an array, as `Assign` does; the configuration holds them compressed.

    Tables that a model computes, such as frequencies of rotary positions and masks, take little room so, and come back
    to the bit, also where the function that computed them is not at hand.

    Parameters
    ----------
    value : array_like
        The elements. They are copied, and cast to the dtype of the call.

    Raises
    ------
    TypeError
        If `value` holds no numbers.
    ValueError
        At the call, if the shape is another one or the dtype cannot hold the elements.

    Examples
    --------
    >>> import numpy as np
    >>> import oneseed
    >>> stored = oneseed.initializers.Stored(np.arange(512.0))
    >>> len(str(stored.get_config())) < 1500, stored.clone()((512,))[-1]
    (True, np.float32(511.0))
    """

    def get_config(self) -> dict[str, Any]:
        """Return shape, dtype and the elements, little-endian, compressed by zlib and written in base64."""
        return {"value": packed(self.value)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Stored":
        """Build an initializer from its configuration; ValueError if it does not hold an array."""
        if not isinstance(config, dict) or not isinstance(config.get("value"), dict):
            raise ValueError(f"The configuration must have 'value', a dict. Received: config={config!r}")
        return cls(unpacked(config["value"]))
