"""The names of `oneseed_keras.keras_initializers`, where they were first."""

from oneseed_keras.keras_initializers import *  # noqa: F403
