from __future__ import annotations

from collections.abc import Callable

import pytest

from phantoms import entry_of
from transmodal.cohorts.manifest import CaseEntry


@pytest.fixture
def entry() -> Callable[..., CaseEntry]:
    """Return a maker of entries of cases that have one image each."""
    return entry_of
