"""A real browser for pages; see `chromium`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chromium import Browser


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A headless Chromium; without one the test is skipped, or fails where one is demanded."""
    running = Browser(tmp_path_factory.mktemp("chromium"))
    yield running
    running.close()
