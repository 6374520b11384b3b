"""Checkpoints: a folder of safetensors and a manifest that binds them by hash. Nothing is ever unpickled.

Comes in: a translator at one moment of its training. Goes out: the same, after every byte is checked. Open first:
`content`, then `folder`; `manifest` is the format.
"""

from transmodal.checkpoint.content import Checkpoint, CohortMark, Fingerprint, State
from transmodal.checkpoint.folder import (
    check_frozen,
    is_whole,
    load,
    peek,
    previous,
    restore_weights,
    save,
    verify,
)
from transmodal.checkpoint.manifest import MANIFEST, OPTIMIZERS, WEIGHTS

__all__ = [
    "MANIFEST",
    "OPTIMIZERS",
    "WEIGHTS",
    "Checkpoint",
    "CohortMark",
    "Fingerprint",
    "State",
    "check_frozen",
    "is_whole",
    "load",
    "peek",
    "previous",
    "restore_weights",
    "save",
    "verify",
]
