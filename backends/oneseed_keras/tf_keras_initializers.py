"""oneseed's initializers as tf_keras's own: `keras_initializers` for what was Keras 2.

Importing this module registers them. `get`, `serialize` and `deserialize` are here as in `tf_keras.initializers`, for
which it can stand.
"""

from collections.abc import Sequence
from copy import copy
from typing import Any

import tensorflow as tf
import tf_keras
from tensorflow.python.util.tf_export import keras_export

from oneseed import checks
from oneseed.initializers.base import Initializer, Tensor
from oneseed.seeds import SeedGenerator
from oneseed.stream.paths import Part, as_path
from oneseed_keras import classes, variables


class KerasInitializer(Initializer, describes=True):
    """What the classes here share: TensorFlow's tensors, whole, as blocks, or as DTensors."""

    _number = 0
    """The number of the generator's draw of which blocks are being made."""

    def __call__(  # type: ignore[override]
        self,
        shape: Sequence[int],
        dtype: Any = None,
        *,
        axes: str | None = None,
        path: str | Sequence[Part] | None = None,
        partition_shape: Sequence[int] | None = None,
        partition_offset: Sequence[int] | None = None,
        layout: Any = None,
    ) -> Tensor:
        """Make a tensor.

        Parameters
        ----------
        shape : sequence of int
            The shape of the whole tensor.
        dtype : str or dtype, optional
            The dtype; None is `tf_keras.backend.floatx`.
        axes : str, optional
            Names of the axes, as in `oneseed.initializers.Initializer`.
        path : str or sequence of str and int, optional
            The parameter's name, as there.
        partition_shape, partition_offset : sequence of int, optional
            Ask for a block of the whole tensor, as TensorFlow's ShardedVariables do. With a SeedGenerator, the block
            that begins the tensor takes a new draw, and those that follow are of the same one.
        layout : tf.experimental.dtensor.Layout, optional
            How a DTensor is distributed; each device gets its own block, and none is made elsewhere.

        Returns
        -------
        tf.Tensor
            The tensor, or the block.

        Raises
        ------
        TypeError
            If an argument is of the wrong type.
        ValueError
            If one is out of range, malformed, or does not fit the others.
        """
        dtype = tf_keras.backend.floatx() if dtype is None else dtype
        if partition_shape is None and partition_offset is None and layout is None:
            return super().__call__(shape, dtype, axes=axes, path=path, backend="tensorflow")
        if layout is None:
            blocks: list[Any] = [(partition_shape, partition_offset, None)]
        elif partition_shape is None and partition_offset is None:
            blocks = variables.blocks(checks.shape(shape), layout)
        else:
            raise ValueError(f"`layout` must be None where a block is asked for. Received: layout={layout!r}")
        for block, offset, _ in blocks:  # what can be refused is, before a draw is counted
            self.describe(shape, dtype, axes, path, block, offset)
        one: Any = self
        if isinstance(self.seed, SeedGenerator):
            if layout is not None or not any(blocks[0][1]):
                self._number = self.seed.next()
            one, path = copy(self), (*as_path(path), self._number)
            one.seed = self.seed.seed
        make = super(KerasInitializer, one).__call__
        pieces = [
            make(
                shape,
                dtype,
                axes=axes,
                path=path,
                backend="tensorflow",
                device=device,
                partition_shape=block,
                partition_offset=offset,
            )
            for block, offset, device in blocks
        ]
        return pieces[0] if layout is None else tf.experimental.dtensor.pack(pieces, layout)


CLASSES = classes.classes(tf_keras, KerasInitializer, __name__)
"""The classes by all their names."""

# In its .h5 files tf_keras writes the exported name of a class, or else __name__, and reads it without the module: a
# RandomNormal of oneseed would become its own. So oneseed's own classes get exported names too.
for _cls in set(CLASSES.values()):
    _plain = _cls.stands_for  # type: ignore[attr-defined]
    _name = f"oneseed-initializers>{_plain.__name__}"
    keras_export(f"keras.{_name}")(_plain)
    tf_keras.saving.get_custom_objects()[_name] = _plain

globals().update(CLASSES)
get = classes.getter(tf_keras, CLASSES)
serialize = tf_keras.initializers.serialize
deserialize = tf_keras.initializers.deserialize


def __getattr__(name: str) -> Any:
    """Tell type checkers that there are more names than they can see."""
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
