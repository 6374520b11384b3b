from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from transmodal.cohorts.layouts import brats
from transmodal.cohorts.layouts.brats import Options
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.errors import InputError, UsageError
from transmodal.volumes import Volume, io

AFFINE = np.array([[-1.0, 0, 0, 0], [0, -1.0, 0, 239], [0, 0, 1.0, 0], [0, 0, 0, 1]])
SHAPE = (6, 7, 5)
OLD = {"t1": "t1", "t1ce": "t1ce", "t2": "t2", "flair": "flair", "segmentation": "seg"}
NEW = {"t1": "t1n", "t1ce": "t1c", "t2": "t2w", "flair": "t2f", "segmentation": "seg"}


def write(folder: Path, case: str, ending: str = ".nii.gz") -> dict[str, Volume]:
    is_new = case.startswith("BraTS-")
    draw = np.random.default_rng([*case.encode()])
    volumes = {}
    for what, suffix in (NEW if is_new else OLD).items():
        voxels = draw.integers(1, 900, SHAPE).astype(np.int16)
        if what == "segmentation":
            voxels = draw.choice([0, 1, 2, 3 if is_new else 4], SHAPE).astype(np.int16)
        volumes[what] = Volume(voxels, AFFINE)
        (folder / case).mkdir(parents=True, exist_ok=True)
        io.write(volumes[what], folder / case / f"{case}{'-' if is_new else '_'}{suffix}{ending}")
    return volumes


@pytest.mark.parametrize(
    ("case", "patient", "ending"),
    [
        ("BraTS20_Training_001", "BraTS20_Training_001", ".nii"),
        ("BraTS2021_00012", "BraTS-GLI-00012", ".nii.gz"),
        ("BraTS-GLI-00012-001", "BraTS-GLI-00012", ".nii.gz"),
        ("BraTS-MEN-00004-000", "BraTS-MEN-00004", ".nii.gz"),
    ],
)
def test_every_release_is_prepared(case: str, patient: str, ending: str, tmp_path: Path) -> None:
    written = write(tmp_path / "release" / "inner", case, ending)
    (tmp_path / "release" / "survival_info.csv").write_text("a,b\n")
    found = brats.find(tmp_path / "release")
    assert found.labels[3] == "enhancing tumour"
    assert brats.find(tmp_path / "release", Options(labels="kept")).labels == {}
    (one,) = found.cases
    assert (one.id, one.patient) == (case, patient)
    assert found.ignored == ["survival_info.csv (of no case)"]
    loaded = one.load()
    assert sorted(loaded.volumes) == ["flair", "t1", "t1ce", "t2"]
    for what, volume in loaded.volumes.items():
        np.testing.assert_array_equal(volume.voxels, written[what].voxels)
    assert loaded.segmentation is not None
    labels = written["segmentation"].voxels
    np.testing.assert_array_equal(loaded.segmentation.voxels, np.where(labels == 4, 3, labels))
    cohort = prepare(found.cases, tmp_path / "cohort", PrepareOptions(ratios=(1, 0, 0)))
    assert cohort.modalities == ("flair", "t1", "t1ce", "t2")


def test_labels_can_be_kept(tmp_path: Path) -> None:
    written = write(tmp_path, "BraTS2021_00000")
    (one,) = brats.find(tmp_path, Options(labels="kept")).cases
    loaded = one.load().segmentation
    assert loaded is not None
    np.testing.assert_array_equal(loaded.voxels, written["segmentation"].voxels)


def test_a_strange_label_is_refused_by_case(tmp_path: Path) -> None:
    written = write(tmp_path, "BraTS2021_00000")["segmentation"]
    path = tmp_path / "BraTS2021_00000" / "BraTS2021_00000_seg.nii.gz"
    io.write(written.with_voxels(np.where(written.voxels == 4, 3, written.voxels)), path)
    with pytest.raises(InputError, match=r"BraTS2021_00000.*label 3.*labels=kept") as caught:
        prepare(brats.find(tmp_path).cases, tmp_path / "cohort")
    assert caught.value.code == "E103"


def test_a_case_without_labels_is_taken_without(tmp_path: Path) -> None:
    write(tmp_path, "BraTS20_Validation_001", ".nii")
    (tmp_path / "BraTS20_Validation_001" / "BraTS20_Validation_001_seg.nii").unlink()
    (one,) = brats.find(tmp_path).cases
    assert one.segmentation is None
    assert one.load().segmentation is None


def test_the_misnamed_labels_of_2020_are_found(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path, "BraTS20_Training_355", ".nii")
    place = tmp_path / "BraTS20_Training_355"
    strange = place / "W39_1998.09.19_Segm.nii"
    (place / "BraTS20_Training_355_seg.nii").rename(strange)
    found = brats.find(tmp_path)
    assert found.cases[0].segmentation == strange
    assert found.ignored == []
    assert "W39_1998.09.19_Segm.nii is taken for its labels" in caplog.text


def test_a_second_segmentation_is_no_misnamed_one(tmp_path: Path) -> None:
    write(tmp_path, "BraTS20_Training_001", ".nii")
    place = tmp_path / "BraTS20_Training_001"
    (place / "A_segm.nii").write_bytes((place / "BraTS20_Training_001_seg.nii").read_bytes())
    found = brats.find(tmp_path)
    assert found.cases[0].segmentation == place / "BraTS20_Training_001_seg.nii"
    assert found.ignored == ["BraTS20_Training_001/A_segm.nii (of no case)"]


def test_missing_contrasts_are_left_out_unless_not_needed(tmp_path: Path) -> None:
    write(tmp_path, "BraTS2021_00000")
    write(tmp_path, "BraTS2021_00001")
    (tmp_path / "BraTS2021_00001" / "BraTS2021_00001_t1ce.nii.gz").unlink()
    found = brats.find(tmp_path)
    assert [one.id for one in found.cases] == ["BraTS2021_00000"]
    assert found.left_out == ["BraTS2021_00001 (no t1ce)"]
    assert len(brats.find(tmp_path, Options(need=("t2", "flair"))).cases) == 2


def test_2021_and_2023_share_patients_by_number(tmp_path: Path) -> None:
    for case in ("BraTS2021_00007", "BraTS-GLI-00007-000", "BraTS-GLI-00007-001", "BraTS-GLI-00008-000"):
        write(tmp_path, case)
    assert [one.patient for one in brats.find(tmp_path).cases] == [
        *["BraTS-GLI-00007"] * 2,
        "BraTS-GLI-00008",
        "BraTS-GLI-00007",
    ]


def test_2020_beside_a_newer_release_needs_a_mapping(tmp_path: Path) -> None:
    for case in ("BraTS20_Training_001", "BraTS20_Training_002", "BraTS2021_00007", "BraTS-GLI-00008-000"):
        write(tmp_path, case)
    with pytest.raises(InputError, match=r"BraTS20_Training_001.*mapping=FILE") as caught:
        brats.find(tmp_path)
    assert caught.value.code == "E135"
    # Joined through the name of 2019, and over two tables, as BraTS publishes them.
    (tmp_path / "name_mapping.csv").write_text(
        "Grade,BraTS_2019_subject_ID,BraTS_2020_subject_ID\n"
        "HGG,BraTS19_A_1,BraTS20_Training_001\nHGG,NA,BraTS20_Training_002\n"
    )
    with pytest.raises(InputError, match="BraTS20_Training_001"):
        brats.find(tmp_path)
    (tmp_path / "BraTS2023_2017_GLI_Mapping.csv").write_text(
        "BraTS2023,BraTS2021,BraTS2020,BraTS2019,Site No\n"
        "BraTS-GLI-00007-000,BraTS2021_00007,NA,BraTS19_A_1,1\n"
        "BraTS-GLI-00008-000,BraTS2021_00008,BraTS20_Training_002,N/A,1\n"
    )
    found = brats.find(tmp_path)
    assert {one.id: one.patient for one in found.cases} == {
        "BraTS20_Training_001": "BraTS-GLI-00007",
        "BraTS2021_00007": "BraTS-GLI-00007",
        "BraTS20_Training_002": "BraTS-GLI-00008",
        "BraTS-GLI-00008-000": "BraTS-GLI-00008",
    }
    assert found.ignored == []
    given = tmp_path / "elsewhere.csv"
    (tmp_path / "BraTS2023_2017_GLI_Mapping.csv").rename(given)
    with pytest.raises(InputError, match="BraTS20_Training_001"):
        brats.find(tmp_path, Options(mapping=str(given)))


@pytest.mark.parametrize("wrong", [{"labels": "2019"}, {"need": ("pd",)}])
def test_other_values_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as caught:
        Options(**wrong)
    assert caught.value.code == "E001"


def test_a_mapping_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    write(tmp_path, "BraTS2021_00007")
    with pytest.raises(InputError, match="nowhere") as caught:
        brats.find(tmp_path, Options(mapping=str(tmp_path / "nowhere.csv")))
    assert caught.value.code == "E100"
    (tmp_path / "mapping.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"mapping\.csv") as caught:
        brats.find(tmp_path)
    assert caught.value.code == "E101"
