"""Settings of Hypothesis whose number of examples a whole run can raise: `python -m tests.promises tests --examples 5000`."""

from __future__ import annotations

import os

from hypothesis import settings

EXAMPLES = "TRANSMODAL_TEST_EXAMPLES"
"""Environment variable: examples of each property, instead of the few that CI has the time for."""


def examples(number: int) -> settings:
    """Return settings of that many examples, without a limit of time, or of as many as the environment asks for."""
    return settings(deadline=None, max_examples=int(os.environ.get(EXAMPLES, number)))
