"""Sockets that pynetdicom leaves open are collected in the test that they are of."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def collect_sockets() -> Iterator[None]:
    """Collect what pynetdicom leaves to Python: the socket of a client that speaks no DICOM, and of an address that is taken."""
    yield
    gc.collect()
