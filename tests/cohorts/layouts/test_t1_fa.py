from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from transmodal.cohorts.case import Case
from transmodal.cohorts.case_files import CaseFiles
from transmodal.cohorts.layouts import t1_fa
from transmodal.cohorts.layouts._tensor_case import ByHeader, DiffusionSeries, InUnits, OneGrid, TensorCase
from transmodal.cohorts.layouts.t1_fa import Options
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.cohorts.prepare.survey import survey
from transmodal.cohorts.simulation import atlas, releases
from transmodal.cohorts.steps.coregistration import Coregister
from transmodal.errors import InputError, UsageError
from transmodal.volumes import Grid, Volume, io
from transmodal.volumes.geometry.resampling import resample

ALONE = PrepareOptions(ratios=(1, 0, 0))
SHAPE = (9, 8, 7)
AFFINE = np.diag([-2.0, 2.0, 2.0, 1.0])


def noise(seed: int = 0, shape: tuple[int, int, int] = SHAPE) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.random.default_rng(seed).random(shape).astype(np.float32)


def pair(folder: Path, name: str, fa: Volume | None = None) -> None:
    folder.mkdir(exist_ok=True)
    io.write(Volume(noise(1) * 900, AFFINE), folder / f"{name}.brain.nii.gz")
    io.write(fa or Volume(noise(2), AFFINE), folder / f"{name}.FA.nii.gz")


def empty(folder: Path, *names: str) -> Path:
    for name in names:
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(b"x")
    return folder


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One subject as the atlas writes a series, at 4 mm; T1 has moved."""
    folder = tmp_path_factory.mktemp("series")
    releases.write("diffusion", 1, folder, spacing_mm=4, defects=("unregistered",))
    return folder


@pytest.fixture
def series(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "series"))


@pytest.fixture(scope="module")
def truth() -> Case:
    made = releases.release_of("diffusion").options
    return atlas.subjects(1, atlas.AtlasOptions(4, made.modalities, head=made.head))[0].load()


def test_pairs_as_abcd_has_them(tmp_path: Path) -> None:
    for name in ("sub-NDARINV1", "sub-NDARINV2"):
        pair(tmp_path, name)
    (tmp_path / "sub-NDARINV2.FA.nii.gz").unlink()
    (tmp_path / "notes.csv").write_text("x")
    found = t1_fa.find(tmp_path)
    (case,) = found.cases
    assert isinstance(case, CaseFiles)
    assert (case.id, case.patient, case.steps) == ("sub-NDARINV1", "sub-NDARINV1", (InUnits(), OneGrid()))
    assert found.left_out == ["sub-NDARINV2 (no fa)"]
    assert found.ignored == ["notes.csv (neither T1, FA nor a series by its name)"]
    cohort = prepare(found.cases, tmp_path / "cohort", ALONE)
    assert cohort.cases()[0].entry.notes == {"fa_outside": 0.0}
    np.testing.assert_array_equal(case.load().volumes["fa"].voxels, noise(2))


def test_fa_outside_0_to_1_is_noted_and_kept(tmp_path: Path) -> None:
    voxels = noise(2)
    voxels.flat[:5] = (1.2, 1.1, -0.1, 0, 0)
    pair(tmp_path, "a", Volume(voxels, AFFINE))
    loaded = t1_fa.find(tmp_path).cases[0].load()
    np.testing.assert_array_equal(loaded.volumes["fa"].voxels, voxels)
    assert loaded.notes["fa_outside"] == pytest.approx(3 / 502, abs=1e-6)


@pytest.mark.parametrize(
    ("fa", "code"),
    [
        (Volume(noise(2) * 255, AFFINE), "E103"),
        (Volume(noise(2) - 1, AFFINE), "E103"),
        (Volume(np.zeros((*SHAPE, 3), np.uint8), AFFINE), "E122"),
    ],
)
def test_other_units_are_refused(fa: Volume, code: str, tmp_path: Path) -> None:
    pair(tmp_path, "a", fa)
    assert f"error[{code}]" in survey(t1_fa.find(tmp_path).cases)[0].faults[0]
    with pytest.raises(InputError) as caught:
        prepare(t1_fa.find(tmp_path).cases, tmp_path / "cohort", ALONE)
    assert caught.value.code == code


def test_a_pair_on_two_grids_is_refused_and_the_way_is_told(tmp_path: Path) -> None:
    coarse = Volume(noise(3, (5, 4, 4)), np.diag([-4.0, 4.0, 4.0, 1.0]))
    pair(tmp_path, "a", coarse)
    with pytest.raises(InputError, match="--with onto=fa") as caught:
        t1_fa.find(tmp_path).cases[0].load()
    assert caught.value.code == "E130"
    fine = Volume(noise(1) * 900, AFFINE)
    (case,) = t1_fa.find(tmp_path, Options(onto="fa", by="header")).cases
    loaded = case.load()
    np.testing.assert_array_equal(loaded.volumes["fa"].voxels, coarse.voxels)
    wanted = resample(fine, coarse.grid, fill=float(fine.voxels.min()))
    np.testing.assert_array_equal(loaded.volumes["t1"].voxels, wanted.voxels)
    (case,) = t1_fa.find(tmp_path, Options(onto="t1", by="header")).cases
    loaded = case.load()
    assert loaded.volumes["fa"].grid.same_as(fine.grid)
    assert 0 <= loaded.volumes["fa"].voxels.min() <= loaded.volumes["fa"].voxels.max() <= 1
    (waits,) = survey([case])[0].pending
    assert waits == "fa to be sampled on t1's grid, as the headers lie"
    (case,) = t1_fa.find(tmp_path, Options(onto="fa")).cases
    assert isinstance(case, CaseFiles)
    assert case.steps == (InUnits(), Coregister("fa", "t1"))


def test_headers_of_two_worlds_are_refused(tmp_path: Path) -> None:
    elsewhere = AFFINE.copy()
    elsewhere[0, 3] = 90
    pair(tmp_path, "a", Volume(noise(2), elsewhere))
    with pytest.raises(InputError, match="lies outside t1") as caught:
        t1_fa.find(tmp_path, Options(onto="fa", by="header")).cases[0].load()
    assert caught.value.code == "E130"


def test_a_mask_comes_with_its_pair(tmp_path: Path) -> None:
    pair(tmp_path, "a")
    inside = Volume((noise(5) > 0.3).astype(np.uint8), AFFINE)
    io.write(inside, tmp_path / "a.mask.nii.gz")
    mask = t1_fa.find(tmp_path).cases[0].load().mask
    assert mask is not None
    np.testing.assert_array_equal(mask.voxels, inside.voxels)
    assert t1_fa.find(tmp_path, Options(onto="t1", by="header")).cases[0].load().mask is None


def test_a_series_gives_the_fa_that_it_was_made_from(series: Path, truth: Case, tmp_path: Path) -> None:
    (case,) = t1_fa.find(series).cases
    assert isinstance(case, TensorCase)
    assert (case.id, case.patient, case.steps) == ("sub-0001", "sub-0001", (Coregister("b0", "t1"),))
    loaded = case.load()
    assert sorted(loaded.volumes) == ["fa", "t1"]
    assert np.abs(loaded.volumes["fa"].voxels - truth.volumes["fa"].voxels).max() < 1e-3
    assert loaded.volumes["fa"].grid.same_as(truth.volumes["fa"].grid)
    assert loaded.volumes["t1"].grid == loaded.volumes["fa"].grid
    here, there = (one.volumes["t1"].voxels.ravel().astype(float) for one in (loaded, truth))
    assert np.corrcoef(here, there)[0, 1] > 0.97
    assert loaded.notes["weighted_volumes"] == 15
    assert loaded.notes["registration_mm"] < 2
    assert set(loaded.origins) == {"t1", "fa"}
    cohort = prepare([case], tmp_path / "cohort", ALONE)
    assert cohort.cases()[0].entry.notes["fa_outside"] == 0


def test_oblique_and_turned_series_give_the_same_fa(tmp_path: Path, truth: Case) -> None:
    releases.write("diffusion", 1, tmp_path, spacing_mm=4, defects=("oblique", "axis-order"))
    loaded = t1_fa.find(tmp_path, Options(by="header")).cases[0].load()
    assert np.abs(loaded.volumes["fa"].voxels - truth.volumes["fa"].voxels).max() < 1e-3
    assert not loaded.volumes["fa"].grid.same_as(truth.volumes["fa"].grid)


def test_fa_is_sampled_once_where_that_is_told(series: Path) -> None:
    (case,) = t1_fa.find(series, Options(onto="t1")).cases
    loaded = case.load()
    t1 = io.read(next(series.rglob("*T1w.nii.gz")))
    np.testing.assert_array_equal(loaded.volumes["t1"].voxels, t1.voxels)
    fa = loaded.volumes["fa"]
    assert fa.grid.same_as(t1.grid)
    assert fa.voxels.max() <= 1
    likeness = np.corrcoef((fa.voxels > 0).ravel(), (t1.voxels > 0).ravel())[0, 1]
    assert likeness > 0.8
    (case,) = t1_fa.find(series, Options(onto="none")).cases
    with pytest.raises(InputError, match="two grids"):
        case.load()


def test_a_mask_of_the_series_is_where_fa_is_fitted(series: Path, truth: Case) -> None:
    inside = truth.volumes["t1"].voxels > np.median(
        truth.volumes["t1"].voxels[truth.volumes["t1"].voxels > 0]
    )
    mask = truth.volumes["t1"].with_voxels(inside.astype(np.uint8))
    io.write(mask, series / "sub-0001" / "dwi" / "sub-0001_space-T1w_desc-brain_mask.nii.gz")
    io.write(mask, series / "sub-0001" / "anat" / "sub-0001_desc-brain_mask.nii.gz")
    found = t1_fa.find(series)
    assert len(found.ignored) == 1
    loaded = t1_fa.find(series, Options(by="header")).cases[0].load()
    np.testing.assert_array_equal(loaded.volumes["fa"].voxels > 0, inside & (truth.volumes["fa"].voxels > 0))
    assert loaded.mask is not None
    assert t1_fa.find(series, Options(onto="t1", by="header")).cases[0].load().mask is None


def test_a_raw_series_is_refused_with_the_reason(series: Path) -> None:
    for path in sorted(series.rglob("*_dwi.*")):
        path.rename(path.with_name(path.name.replace("_desc-preproc", "")))
    (case,) = t1_fa.find(series, Options(by="header")).cases
    with pytest.raises(InputError, match=r"looks unprocessed.*--with preprocessed=true") as caught:
        case.load()
    assert caught.value.code == "E100"
    assert "looks unprocessed" in survey([case])[0].faults[0]
    (told,) = t1_fa.find(series, Options(by="header", preprocessed=True)).cases
    assert told.load().volumes["fa"].voxels.max() <= 1
    assert told.fingerprint() != case.fingerprint()
    bvec = next(series.rglob("*.bvec"))
    bvec.with_name(bvec.name.replace(".bvec", ".eddy_rotated_bvecs")).write_bytes(bvec.read_bytes())
    (turned,) = t1_fa.find(series, Options(by="header")).cases
    assert isinstance(turned, TensorCase)
    assert turned.series.bvec.name == "sub-0001_space-T1w_dwi.eddy_rotated_bvecs"
    turned.load()


def test_names_of_qsiprep_and_of_fsl(tmp_path: Path) -> None:
    folder = empty(
        tmp_path,
        "sub-1/ses-a/anat/sub-1_ses-a_desc-preproc_T1w.nii.gz",
        "sub-1/ses-a/anat/sub-1_ses-a_space-MNI152NLin2009cAsym_desc-preproc_T1w.nii.gz",
        "sub-1/ses-a/dwi/sub-1_ses-a_space-T1w_desc-preproc_dwi.nii.gz",
        "sub-1/ses-a/dwi/sub-1_ses-a_space-T1w_desc-preproc_dwi.bval",
        "sub-1/ses-a/dwi/sub-1_ses-a_space-T1w_desc-preproc_dwi.bvec",
        "sub-1/ses-a/dwi/sub-1_ses-a_space-T1w_desc-preproc_dwi.json",
        "sub-1/ses-a/dwi/sub-1_ses-a_space-T1w_desc-brain_mask.nii.gz",
        "raw/sub-1_ses-a_T1w.nii.gz",
        "raw/sub-1_ses-a_dir-AP_dwi.nii.gz",
        "100307/T1w/T1w_acpc_dc_restore_brain.nii.gz",
        "100307/T1w/Diffusion/data.nii.gz",
        "100307/T1w/Diffusion/bvals",
        "100307/T1w/Diffusion/bvecs",
        "100307/T1w/Diffusion/nodif_brain_mask.nii.gz",
        "100408/T1w/T1w_acpc_dc_restore_brain.nii.gz",
        "100408/T1w/Diffusion/data.nii.gz",
        "100408/T1w/Diffusion/bvals",
        "data.nii.gz",
    )
    found = t1_fa.find(folder)
    assert [(one.id, one.patient) for one in found.cases] == [("100307", "100307"), ("sub-1_ses-a", "sub-1")]
    hcp, bids = found.cases
    assert isinstance(hcp, TensorCase)
    assert isinstance(bids, TensorCase)
    place = folder / "100307" / "T1w" / "Diffusion"
    assert hcp.series == DiffusionSeries(
        place / "data.nii.gz", place / "bvals", place / "bvecs", place / "nodif_brain_mask.nii.gz"
    )
    assert bids.t1.name == "sub-1_ses-a_desc-preproc_T1w.nii.gz"
    assert bids.series.mask is not None
    assert found.left_out == ["100408 (no bvec)"]
    assert [line.split(" (")[1] for line in found.ignored] == [
        "neither T1, FA nor a series by its name)",
        "neither T1, FA nor a series by its name)",
        "beside what was preprocessed)",
    ][: len(found.ignored)]
    assert pickle.loads(pickle.dumps(found.cases)) == found.cases


def test_fa_that_is_there_is_not_fitted_again(tmp_path: Path) -> None:
    folder = empty(tmp_path, "a.brain.nii.gz", "a.FA.nii.gz", "a.dwi.nii.gz", "a.dwi.bval", "a.dwi.bvec")
    found = t1_fa.find(folder)
    assert isinstance(found.cases[0], CaseFiles)
    assert found.ignored == ["a.dwi.nii.gz (beside what was preprocessed)"]


def test_two_of_a_kind_are_refused(tmp_path: Path) -> None:
    folder = empty(tmp_path, "x/a.brain.nii.gz", "y/a.brain.nii.gz", "x/a.FA.nii.gz")
    with pytest.raises(InputError) as caught:
        t1_fa.find(folder)
    assert caught.value.code == "E103"


def test_families_stay_together(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = empty(
        tmp_path / "data", *(f"sub-NDARINV{n}.{what}.nii.gz" for n in range(4) for what in ("brain", "FA"))
    )
    table = tmp_path / "families.csv"
    table.write_text(
        "src_subject_id,eventname,rel_family_id\n"
        "NDAR_INV0,baseline,7\nNDAR_INV0,year 1,\nNDAR_INV1,baseline,7\nNDAR_INV2,baseline,8\n"
    )
    cases = t1_fa.find(folder, Options(families=str(table))).cases
    assert all(isinstance(one, CaseFiles) for one in cases)
    assert [one.group for one in cases if isinstance(one, CaseFiles)] == [
        "family 7",
        "family 7",
        "family 8",
        "",
    ]
    assert "does not name sub-NDARINV3" in caplog.text
    table = table.rename(tmp_path / "families.txt")
    table.write_text("patient\tmother\nNDAR_INV0\tx\n")
    with pytest.raises(InputError, match="patient, mother") as caught:
        t1_fa.find(folder, Options(families=str(table)))
    assert caught.value.code == "E103"


@pytest.mark.parametrize(
    "wrong",
    [{"onto": "b0"}, {"by": "eye"}, {"limit_mm": 0.0}, {"b_max": -1.0}, {"patient": "("}],
)
def test_other_values_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as caught:
        Options(**wrong)
    assert caught.value.code == "E001"


def test_steps_leave_a_case_without_fa_alone() -> None:
    """A survey shows steps what lies on the case's grid, and nothing else."""
    case = Case("a", "a", {"t1": Volume(noise(), AFFINE)})
    assert InUnits()(case) is case
    assert OneGrid()(case) is case
    assert ByHeader("t1", ("fa",)).moved == {"fa"}
    assert Grid(SHAPE, AFFINE) == case.volumes["t1"].grid
    json.dumps(case.notes)
