"""BIDS datasets: names in parts, sessions as cases, and what is left aside."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from transmodal.cohorts import layouts
from transmodal.cohorts.headers.bids_names import write_description
from transmodal.cohorts.layouts.bids import Options, find
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.errors import InputError, UsageError
from transmodal.volumes import Volume, io


def image(path: Path, seed: int = 0, spacing: float = 2.0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    voxels = np.random.default_rng(seed).integers(1, 900, (6, 5, 4)).astype(np.int16)
    io.write(Volume(voxels, np.diag([spacing, 2.0, 2.0, 1.0])), path)


def dataset(folder: Path, *names: str) -> Path:
    """A dataset with images at these places."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dataset_description.json").write_text(
        json.dumps({"Name": "phantoms", "BIDSVersion": "1.10.0", "License": "CC0"})
    )
    for seed, name in enumerate(names):
        image(folder / name, seed)
    return folder


def anat(case: str, suffix: str) -> str:
    return f"{case.replace('_', '/')}/anat/{case}_{suffix}.nii.gz"


def test_sessions_are_cases_and_subjects_patients(tmp_path: Path) -> None:
    cases = ("sub-01_ses-1", "sub-01_ses-2", "sub-02_ses-1")
    folder = dataset(
        tmp_path / "d", *(anat(case, what) for case in cases for what in ("T1w", "T2w", "FLAIR"))
    )
    found = find(folder)
    assert [one.id for one in found.cases] == list(cases)
    assert [one.patient for one in found.cases] == ["sub-01", "sub-01", "sub-02"]
    assert [sorted(one.volumes) for one in found.cases] == [["flair", "t1", "t2"]] * 3
    cohort = prepare(found.cases, tmp_path / "c", PrepareOptions(ratios=(1, 0, 1)))
    assert ("sub-01_ses-1" in cohort.split.train) == ("sub-01_ses-2" in cohort.split.train)


def test_several_images_of_one_modality(tmp_path: Path) -> None:
    folder = dataset(
        tmp_path / "d", anat("sub-01", "T1w"), *(f"sub-02/anat/sub-02_run-{n}_T1w.nii.gz" for n in (1, 2))
    )
    found = find(folder)
    assert [one.id for one in found.cases] == ["sub-01"]
    assert "sub-02_run-2_T1w.nii.gz" in found.left_out[0]
    assert "entities=run-1" in found.left_out[0]
    by_entity = find(folder, Options(entities=("run-2",))).cases
    assert [one.volumes["t1"].name for one in by_entity] == ["sub-01_T1w.nii.gz", "sub-02_run-2_T1w.nii.gz"]
    first = find(folder, Options(several="first")).cases
    assert first[1].volumes["t1"].name == "sub-02_run-1_T1w.nii.gz"


def test_derivatives_join_when_they_are_named(tmp_path: Path) -> None:
    mask = "derivatives/strip/sub-01/anat/sub-01_desc-brain_mask.nii.gz"
    other = "derivatives/other/sub-01/anat/sub-01_T2w.nii.gz"
    folder = dataset(tmp_path / "d", anat("sub-01", "T1w"), mask, other)
    (case,) = find(folder).cases
    assert (case.mask, sorted(case.volumes)) == (None, ["t1"])
    (case,) = find(folder, Options(derivatives=("strip",))).cases
    assert case.mask == folder / mask
    assert sorted(case.volumes) == ["t1"]


def test_spaces_are_not_mixed(tmp_path: Path) -> None:
    folder = dataset(tmp_path / "d", anat("sub-01", "T1w"), "sub-01/anat/sub-01_space-MNI_T1w.nii.gz")
    assert find(folder).cases[0].volumes["t1"].name == "sub-01_T1w.nii.gz"
    assert find(folder, Options(space="MNI")).cases[0].volumes["t1"].name == "sub-01_space-MNI_T1w.nii.gz"


def test_synthetic_images_are_taken_when_asked_for_and_marked(tmp_path: Path) -> None:
    folder = dataset(tmp_path / "d", anat("sub-01", "T1w"), "sub-01/anat/sub-01_desc-synthetic_T2w.nii.gz")
    assert sorted(find(folder).cases[0].volumes) == ["t1"]
    (case,) = find(folder, Options(synthetic=True)).cases
    assert sorted(case.volumes) == ["t1", "t2"]
    assert case.simulated == {"t2"}


def test_groups_come_from_participants(tmp_path: Path) -> None:
    folder = dataset(tmp_path / "d", anat("sub-01", "T1w"), anat("sub-02", "T1w"))
    (folder / "participants.tsv").write_text("participant_id\tsite\nsub-01\tA\nsub-02\tB\n")
    assert [one.group for one in find(folder, Options(group="site")).cases] == ["site A", "site B"]
    (folder / "participants.tsv").write_text("participant_id\tsite\nsub-01\tA\nsub-02\tn/a\n")
    with pytest.raises(InputError, match=r"without site of sub-02") as caught:
        find(folder, Options(group="site"))
    assert caught.value.code == "E103"


def test_cases_that_lack_something_are_left_out_by_name(tmp_path: Path) -> None:
    folder = dataset(tmp_path / "d", anat("sub-01", "T1w"), anat("sub-01", "T2w"), anat("sub-02", "T1w"))
    found = find(folder)
    assert [one.id for one in found.cases] == ["sub-01"]
    assert found.left_out == ["sub-02 (no t2)"]
    assert len(find(folder, Options(need=("t1",))).cases) == 2


def test_registration_is_a_step_that_is_asked_for(tmp_path: Path) -> None:
    folder = dataset(tmp_path / "d", anat("sub-01", "T1w"), anat("sub-01", "T2w"))
    assert find(folder).cases[0].steps == ()
    (case,) = find(folder, Options(onto="t2")).cases
    assert repr(case.steps) == "(Onto(fixed='t2', moving='t1', along=(), limit_mm=2.0),)"


def test_a_folder_that_does_not_say_that_it_is_bids_is_refused(tmp_path: Path) -> None:
    image(tmp_path / "d" / anat("sub-01", "T1w"))
    with pytest.raises(InputError, match=r"dataset_description\.json") as caught:
        find(tmp_path / "d")
    assert caught.value.code == "E100"


@pytest.mark.parametrize("told", ["several=all", "entities=run", "limit_mm=-1"])
def test_settings_that_cannot_be_are_refused(tmp_path: Path, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        layouts.find("bids", tmp_path, [told])
    assert caught.value.code == "E001"


def test_raw_data_are_not_written_into(tmp_path: Path) -> None:
    folder = dataset(tmp_path / "d")
    before = (folder / "dataset_description.json").read_bytes()
    with pytest.raises(InputError, match="derivatives/transmodal"):
        write_description(folder, name="n", version="1", source=folder, note="x")
    assert [path.name for path in folder.iterdir()] == ["dataset_description.json"]
    assert (folder / "dataset_description.json").read_bytes() == before


def test_derivatives_point_to_their_source_without_a_machines_path(tmp_path: Path) -> None:
    folder = dataset(tmp_path / "d")
    for place, wanted in (("d/derivatives/t", "../.."), ("beside", "../d")):
        write_description(tmp_path / place, name="n", version="1", source=folder, note="x")
        content = json.loads((tmp_path / place / "dataset_description.json").read_text())
        assert content["DatasetLinks"] == {"source": wanted}
        assert content["DatasetType"] == "derivative"
        assert str(tmp_path) not in json.dumps(content)
