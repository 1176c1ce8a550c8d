"""The `oneseed` command."""

from oneseed.cli.app import main

__all__ = ["main"]
