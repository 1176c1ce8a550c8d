"""Another name of `oneseed_keras.keras_initializers`."""

import sys

from oneseed_keras import keras_initializers

sys.modules[__name__] = keras_initializers
