"""A model's initial weights as files: written without the model in memory, resumable, verifiable.

`write` makes sharded .safetensors files with the index that Hugging Face's libraries read, and a manifest from which
`verify` makes every value again.
"""

from oneseed.checkpoint.checking import Difference
from oneseed.checkpoint.folder import Status, Written, status, verify, write

__all__ = ["Difference", "Status", "Written", "status", "verify", "write"]
