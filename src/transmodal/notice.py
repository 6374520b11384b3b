"""Notices that every synthetic volume carries."""

from __future__ import annotations

INTENDED_USE = (
    "Not a medical device. For research and retrospective evaluation; "
    "not for diagnosis, planning or any decision about a patient."
)

FROM_SCRATCH = "from scratch"
"""Start of a network without published weights."""

IMPORTED = "imported"
"""Start of a network whose weights are a file of another program."""
