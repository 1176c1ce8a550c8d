"""Another name of `oneseed_keras.tf_keras_initializers`."""

import sys

from oneseed_keras import tf_keras_initializers

sys.modules[__name__] = tf_keras_initializers
