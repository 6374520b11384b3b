"""What everything synthetic says of itself."""

from __future__ import annotations

INTENDED_USE = (
    "Not a medical device. For research and retrospective evaluation; "
    "not for diagnosis, planning or any decision about a patient."
)

FROM_SCRATCH = "from scratch"
"""What a network starts from that was given no published weights."""
