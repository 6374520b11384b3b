"""A plain recipe in a file."""

from __future__ import annotations

from pathlib import Path

import pytest

PLAIN = """
name: mine
translator: pix2pix
task: {source: [t1, t2], target: fa}
data: {intensity: {t1: {method: percentile, low: 1, high: 99}}}
training:
  epochs: 3
  players: {generator: {lr: 2e-4}}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(PLAIN)
    return path
