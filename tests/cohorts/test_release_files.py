"""Marks that released files carry."""

from __future__ import annotations

from pathlib import Path

import pytest

from transmodal.cohorts.release_files import SIMULATED, measured_modalities
from transmodal.errors import InputError


def test_a_mark_that_says_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / SIMULATED).write_text('{"measured": "t1"}')
    with pytest.raises(InputError, match="which modalities were measured") as caught:
        measured_modalities(tmp_path)
    assert caught.value.code == "E101"
