"""Waiting for what a test needs to happen: by the event, with patience for a machine that has much else to do."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE_SECONDS = 300.0
"""Only a test that fails waits as long."""


def wait_for(condition: Callable[[], object]) -> None:
    """Wait until something holds.

    Raises:
        TimeoutError: where patience ends.
    """
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("it does not come to hold")
        time.sleep(0.02)
