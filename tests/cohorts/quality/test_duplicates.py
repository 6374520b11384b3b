"""Copies among many subjects: planted ones are found, siblings of one atlas are none."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from transmodal.cohorts.case import Case, CaseMaker
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.cohorts.quality import image_similarity
from transmodal.cohorts.quality.duplicates import check, find_detail, find_near_duplicates
from transmodal.cohorts.simulation import atlas
from transmodal.cohorts.split.relations import read_relations
from transmodal.cohorts.split.split import split_from_sides
from transmodal.errors import InputError
from transmodal.volumes import Volume
from transmodal.volumes.geometry.reorient import crop, reorient, resample, working_grid

Ready = Callable[[Case], CaseMaker]
SIBLINGS = 36
PLANTED = 12


def distorted(volume: Volume, number: int) -> Volume:
    """A copy: noised, on another grid, cropped and reoriented, all of it or a part by its number."""
    rng = np.random.default_rng(number)
    if number % 2:
        level = np.percentile(volume.voxels, 99) * 0.03
        noisy = np.hypot(*(rng.normal(0, level, volume.voxels.shape) for _ in range(2)))
        volume = Volume((volume.voxels + noisy).astype(np.float32), volume.affine)
    if number % 3:
        spacing = np.array(working_grid(volume.grid, None).spacing) * rng.uniform(0.8, 1.3, 3)
        volume = resample(volume, working_grid(volume.grid, (float(spacing[0]), *map(float, spacing[1:]))))  # type: ignore[arg-type]  # three
    if number % 4:
        ends = [(round(0.1 * n), round(0.9 * n)) for n in volume.grid.shape]
        i, j, k = (slice(low, high) for low, high in ends)
        volume = crop(volume, (i, j, k))
    return reorient(volume, ("RAS", "PIL", "SRA", "LPI")[number % 4])


@pytest.fixture(scope="module")
def siblings() -> dict[str, Volume]:
    options = atlas.AtlasOptions(spacing_mm=5, modalities=("t1",), segmentation=False, lesions=False)
    return {one.id: one.load().volumes["t1"] for one in atlas.subjects(SIBLINGS, options, seed=404)}


def test_all_planted_copies_are_found_and_no_sibling_is(siblings: dict[str, Volume]) -> None:
    chosen = list(siblings)[:PLANTED]
    copies = {f"{name}~": distorted(siblings[name], number) for number, name in enumerate(chosen)}
    images = {name: {"t1": image_similarity.detail(one)} for name, one in {**siblings, **copies}.items()}
    found = {(one.first, one.second) for one in find_near_duplicates(images)}
    assert found == {(name, f"{name}~") for name in chosen}


def two_people(siblings: dict[str, Volume]) -> list[Case]:
    """Three patients, the last of whom is a copy of the first."""
    a, b = list(siblings.values())[:2]
    images = {"a": a, "b": b, "c": distorted(a, 7)}
    return [Case(name, name, {"t1": one}) for name, one in images.items()]


def test_prepare_refuses_a_copy_on_the_other_side_until_it_is_told(
    siblings: dict[str, Volume], ready: Ready, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    makers = [ready(one) for one in two_people(siblings)]
    sides = {"a": "train", "b": "train", "c": "test"}
    with pytest.raises(InputError, match="--same-patient a=c") as caught:
        prepare(makers, tmp_path / "cohort", sides=sides)
    assert caught.value.code == "E135"
    assert "t1 of a and c" in caught.value.got
    assert not (tmp_path / "cohort" / "cohort.json").exists()
    warned = prepare(makers, tmp_path / "cohort", PrepareOptions(copies="warn"), sides=sides)
    assert len(warned.cases()) == 3
    assert "in test and train: t1 of a and c" in caplog.text
    caplog.clear()
    (tmp_path / "cohort" / "split.json").unlink()
    told_so = prepare(
        makers, tmp_path / "cohort", PrepareOptions(ratios=(1, 1, 0)), relations=read_relations(["a=c"])
    )
    assert told_so.case("c").patient == "a"
    assert not caplog.records


def test_copies_on_one_side_are_named(
    siblings: dict[str, Volume], ready: Ready, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    makers = [ready(one) for one in two_people(siblings)]
    prepare(makers, tmp_path / "cohort", PrepareOptions(ratios=(1, 0, 0)))
    assert "both in train: t1 of a and c" in caplog.text
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_who_does_not_want_it_gets_nothing_kept(
    siblings: dict[str, Volume], ready: Ready, tmp_path: Path
) -> None:
    makers = [ready(one) for one in two_people(siblings)]
    sides = {"a": "train", "b": "train", "c": "test"}
    prepare(makers, tmp_path / "cohort", PrepareOptions(copies="ignore"), sides=sides)
    assert not (tmp_path / "cohort" / "working").exists()


def test_what_an_older_cohort_lacks_is_made(
    siblings: dict[str, Volume], ready: Ready, tmp_path: Path
) -> None:
    makers = [ready(one) for one in two_people(siblings)]
    cohort = prepare(makers, tmp_path / "cohort", PrepareOptions(ratios=(1, 0, 0)))
    images = [(cohort.folder, one.id, one.volumes["t1"]) for one in cohort.manifest.cases]
    for image in images:
        place = find_detail(*image)
        assert place is not None
        place.unlink()
    found = check(cohort.folder, cohort.manifest, cohort.split)
    assert [(one.first, one.second, one.modality) for one in found] == [("a", "c", "t1")]
    assert all(find_detail(*image) for image in images)


def test_cases_on_no_side_do_not_count(siblings: dict[str, Volume], ready: Ready, tmp_path: Path) -> None:
    makers = [ready(one) for one in two_people(siblings)]
    cohort = prepare(makers, tmp_path / "cohort", PrepareOptions(ratios=(1, 0, 0)))
    assert check(cohort.folder, cohort.manifest, split_from_sides({"a": "train", "b": "test"})) == []


def test_images_that_are_kept_together_or_too_small_are_not_compared(siblings: dict[str, Volume]) -> None:
    image = image_similarity.detail(next(iter(siblings.values())))
    images = {"a": {"t1": image}, "b": {"t1": image, "t2": None}, "c": {"t2": None}}
    assert find_near_duplicates(images, {"a": "p", "b": "p", "c": "c"}) == []
    assert len(find_near_duplicates(images, {"a": "p", "b": "q", "c": "c"})) == 1
    assert find_near_duplicates({}) == []
