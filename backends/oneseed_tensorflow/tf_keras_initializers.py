"""The names of `oneseed_keras.tf_keras_initializers`, where they were first."""

from oneseed_keras.tf_keras_initializers import *  # noqa: F403
