"""Refusals for tests, as a user reads them: the code, what was got, what was expected, and what to do."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from transmodal.errors import TransmodalError


def refusal(act: Callable[[], object]) -> str:
    """Return the line that the command line prints of an error."""
    with pytest.raises(TransmodalError) as caught:
        act()
    return caught.value.line()
