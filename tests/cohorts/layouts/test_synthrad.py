from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from transmodal.cohorts.layouts import synthrad
from transmodal.cohorts.layouts.synthrad import Options
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.errors import InputError, UsageError
from transmodal.volumes import Volume, io

AFFINE = np.diag([-1.0, -1.0, 2.5, 1.0])
SHAPE = (7, 9, 5)


def write(place: Path, ending: str, *, source: str = "mr", seed: int = 0) -> dict[str, Volume]:
    """Write a patient as the challenge does; HU beyond the challenge's clip on purpose."""
    draw = np.random.default_rng(seed)
    ct = draw.integers(-1500, 4000, SHAPE).astype(np.int16)
    ct[0, 0, 0], ct[1, 0, 0] = -1500, 4000
    mask = np.zeros(SHAPE, np.uint8)
    mask[1:6, 2:8, 1:4] = 1
    made: dict[str, NDArray[Any]] = {
        source: draw.integers(1, 900, SHAPE).astype(np.int16),
        "ct": ct,
        "mask": mask,
    }
    place.mkdir(parents=True)
    volumes = {what: Volume(voxels, AFFINE) for what, voxels in made.items()}
    for what, volume in volumes.items():
        io.write(volume, place / f"{what}{ending}")
    return volumes


def test_2023_is_prepared_as_it_is(tmp_path: Path) -> None:
    release = tmp_path / "SynthRAD2023"
    written = {
        "1BA001": write(release / "Task1" / "brain" / "1BA001", ".nii.gz", seed=1),
        "1PC012": write(release / "Task1" / "pelvis" / "1PC012", ".nii.gz", seed=2),
        "2BB003": write(release / "Task2" / "brain" / "2BB003", ".nii.gz", source="cbct", seed=3),
    }
    (release / "Task1" / "brain" / "overview").mkdir()
    (release / "Task1" / "brain" / "overview" / "1BA001_train.png").write_bytes(b"x")
    found = synthrad.find(release)
    assert [(one.id, one.patient, one.group) for one in found.cases] == [(name, name, "") for name in written]
    assert found.left_out == []
    assert found.ignored == []
    cohort = prepare(found.cases, tmp_path / "cohort", PrepareOptions(ratios=(1, 0, 0)))
    assert {case.id: sorted(case.entry.volumes) for case in cohort.cases()} == {
        "1BA001": ["ct", "mr"],
        "1PC012": ["ct", "mr"],
        "2BB003": ["cbct", "ct"],
    }
    loaded = found.cases[0].load()
    for what in ("mr", "ct"):
        np.testing.assert_array_equal(loaded.volumes[what].voxels, written["1BA001"][what].voxels)
        assert loaded.volumes[what].voxels.dtype == np.int16
    assert loaded.mask is not None
    np.testing.assert_array_equal(loaded.mask.voxels, written["1BA001"]["mask"].voxels)


def test_2025_is_clipped_as_its_second_release(tmp_path: Path) -> None:
    written = write(tmp_path / "Task2" / "HN" / "2HNB101", ".mha", source="cbct")
    (case,) = synthrad.find(tmp_path).cases
    loaded = case.load()
    np.testing.assert_array_equal(loaded.volumes["ct"].voxels, np.clip(written["ct"].voxels, -1024, 3071))
    assert loaded.volumes["ct"].voxels.dtype == np.int16
    (kept,) = synthrad.find(tmp_path, Options(clip="none")).cases
    np.testing.assert_array_equal(kept.load().volumes["ct"].voxels, written["ct"].voxels)
    assert kept.fingerprint() != case.fingerprint()


def test_a_clip_and_what_is_outside_can_be_told(tmp_path: Path) -> None:
    written = write(tmp_path / "1BA001", ".nii.gz")
    (case,) = synthrad.find(tmp_path, Options(clip="-1000:2000", outside="air", group="centre")).cases
    loaded = case.load()
    inside = written["mask"].voxels > 0
    ct, mr = loaded.volumes["ct"].voxels, loaded.volumes["mr"].voxels
    assert (ct[~inside] == -1024).all()
    np.testing.assert_array_equal(ct[inside], np.clip(written["ct"].voxels[inside], -1000, 2000))
    assert (mr[~inside] == 0).all()
    np.testing.assert_array_equal(mr[inside], written["mr"].voxels[inside])
    assert case.group == "centre A of B"


def test_incomplete_cases_are_left_out_by_name(tmp_path: Path) -> None:
    for name in ("1BA001", "1BA002", "1BA003"):
        write(tmp_path / "brain" / name, ".nii.gz")
    (tmp_path / "brain" / "1BA002" / "mr.nii.gz").rename(tmp_path / "brain" / "1BA002" / "mri.nii.gz")
    (tmp_path / "brain" / "1BA003" / "ct.nii.gz").unlink()
    found = synthrad.find(tmp_path)
    assert [one.id for one in found.cases] == ["1BA001"]
    assert found.left_out == ["1BA002 (no mr)", "1BA003 (no ct)"]
    assert found.ignored == ["brain/1BA002/mri.nii.gz (neither mr, cbct, ct nor mask of a case)"]
    test_set = synthrad.find(tmp_path, Options(need=()))
    assert [one.id for one in test_set.cases] == ["1BA001", "1BA003"]


def test_nothing_complete_names_cases_and_remedy(tmp_path: Path) -> None:
    write(tmp_path / "1BA001", ".nii.gz")
    (tmp_path / "1BA001" / "ct.nii.gz").unlink()
    with pytest.raises(InputError, match=r"1BA001 \(no ct\).*--with need") as caught:
        synthrad.find(tmp_path)
    assert caught.value.code == "E131"


def test_one_patient_in_two_places_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "one" / "1BA001", ".nii.gz")
    write(tmp_path / "two" / "1BA001", ".nii.gz")
    with pytest.raises(InputError, match="1BA001 has two files of ct") as caught:
        synthrad.find(tmp_path)
    assert caught.value.code == "E103"


def test_air_needs_a_mask_on_the_grid(tmp_path: Path) -> None:
    write(tmp_path / "1BA001", ".nii.gz")
    options: dict[str, Any] = {"need": ("ct",), "outside": "air"}
    io.write(Volume(np.ones((7, 9, 6), np.uint8), AFFINE), tmp_path / "1BA001" / "mask.nii.gz")
    with pytest.raises(InputError, match="two grids") as caught:
        synthrad.find(tmp_path, Options(**options)).cases[0].load()
    assert caught.value.code == "E130"
    (tmp_path / "1BA001" / "mask.nii.gz").unlink()
    with pytest.raises(InputError, match="no mask") as caught:
        synthrad.find(tmp_path, Options(**options)).cases[0].load()
    assert caught.value.code == "E131"


@pytest.mark.parametrize(
    "wrong", [{"clip": "much"}, {"clip": "3:1"}, {"outside": "x"}, {"need": ("mr",)}, {"group": "x"}]
)
def test_other_values_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as caught:
        Options(**wrong)
    assert caught.value.code == "E001"
