from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from transmodal.cohorts.case import Case, CaseMaker
from transmodal.cohorts.manifest import Manifest
from transmodal.cohorts.options import PrepareOptions
from transmodal.cohorts.prepare.choose_split import GivenSides, choose_split
from transmodal.cohorts.prepare.prepare import prepare
from transmodal.cohorts.split.split import split_from_sides
from transmodal.storage import files

NONE = GivenSides({})


@pytest.fixture
def manifest(a_case: Callable[..., Case], ready: Callable[[Case], CaseMaker], tmp_path: Path) -> Manifest:
    options = PrepareOptions(ratios=(1, 1, 1))
    return prepare([ready(a_case(name)) for name in "abc"], tmp_path / "cohort", options).manifest


def test_given_sides_lose_cases_that_are_left_out(manifest: Manifest, tmp_path: Path) -> None:
    sides = GivenSides({"a": "train", "b": "test", "z": "test"}, within_subject=True)
    left_out = manifest.model_copy(update={"left_out": {"z": "E101: unreadable"}})
    split = choose_split(tmp_path / "split.json", left_out, sides)
    assert (split.by, split.train, split.test) == ("within-subject", ("a",), ("b",))


def test_a_split_that_fits_is_kept_and_another_is_made_again(
    manifest: Manifest, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "split.json"
    first = choose_split(path, manifest, NONE)
    turned = first.model_copy(update={"train": first.test, "test": first.train})
    files.write_json(path, turned.model_dump(mode="json"))
    assert choose_split(path, manifest, NONE) == turned
    other = manifest.model_copy(update={"options": PrepareOptions(ratios=(1, 1, 1), seed=1)})
    assert choose_split(path, other, NONE).seed == 1
    assert "does not fit the cases or the options any more" in caplog.text


def test_a_split_by_hand_is_kept_and_idle_cases_are_counted(
    manifest: Manifest, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "split.json"
    by_hand = split_from_sides({"a": "train", "b": "test"})
    files.write_json(path, by_hand.model_dump(mode="json"))
    with caplog.at_level(logging.WARNING):
        assert choose_split(path, manifest, NONE) == by_hand
    assert "leaves 1 case aside" in caplog.text
