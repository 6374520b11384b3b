"""Cases are linked into another cohort, or copied; damaged arrays are not taken."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from transmodal.cohorts.edit.merge import merge
from transmodal.cohorts.store import Cohort
from transmodal.errors import IntegrityError


def test_without_links_arrays_are_copied(
    cohort: Callable[..., Cohort], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("another disk")

    one, other = cohort("one", "a", "b", "c"), cohort("two", "d", "e", "f")
    monkeypatch.setattr("os.link", refuse)
    merged = merge([one.folder, other.folder], tmp_path / "both", keep_sides=True)
    assert merged.verify() > 0
    assert not (merged.folder / "cases/a/t1.npy").samefile(one.folder / "cases/a/t1.npy")


def test_a_damaged_array_is_not_taken(cohort: Callable[..., Cohort], tmp_path: Path) -> None:
    one, other = cohort("one", "a", "b", "c"), cohort("two", "d", "e", "f")
    array = np.load(other.folder / "cases/e/fa.npy")
    array[1, 1, 1] += 1
    np.save(other.folder / "cases/e/fa.npy", array)
    with pytest.raises(IntegrityError, match=r"two: case e: cases/e/fa\.npy has another content") as caught:
        merge([one.folder, other.folder], tmp_path / "both")
    assert caught.value.code == "E501"
    assert not (tmp_path / "both").exists()
    (other.folder / "cases/e/fa.npy").unlink()
    with pytest.raises(IntegrityError, match="is missing, truncated"):
        merge([one.folder, other.folder], tmp_path / "both")
