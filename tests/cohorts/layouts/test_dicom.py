"""DICOM of several patients: sorted by headers, pseudonymous, nothing taken that is not clear."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import generate_uid

from transmodal.cohorts import layouts
from transmodal.cohorts.layouts._dicom_case import DicomCase
from transmodal.cohorts.layouts.dicom import Options, find
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.cohorts.prepare.survey import survey
from transmodal.cohorts.store import Cohort
from transmodal.errors import InputError, UsageError
from transmodal.volumes import Volume
from transmodal.volumes.formats.dicom.writing import SeriesAbout, write_series

AFFINE = np.diag([-1.0, -1.5, 2.0, 1.0])


def volume(seed: int, shape: tuple[int, int, int] = (6, 5, 4)) -> Volume:
    return Volume(np.random.default_rng(seed).integers(1, 900, shape).astype(np.int16), AFFINE)


def series(
    folder: Path,
    seed: int,
    patient: str = "ID^1",
    study: str = "1.2.3",
    description: str = "t1_mprage_sag",
    modality: str = "MR",
    *,
    synthetic: bool = False,
) -> Path:
    about = SeriesAbout(modality, description, patient, study, "1.2.9", synthetic=synthetic)
    folder.parent.mkdir(parents=True, exist_ok=True)
    write_series(volume(seed), folder, about)
    return folder


def edit(folder: Path, **changes: object) -> None:
    for path in folder.iterdir():
        one = pydicom.dcmread(path)
        for keyword, value in changes.items():
            setattr(one, keyword, value)
        one.save_as(path)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Two patients, the first with two studies; folders say nothing, files of all series are mixed."""
    root = tmp_path / "archive"
    (root / "mixed").mkdir(parents=True)
    number = 0
    for seed, (patient, study) in enumerate((("ID^1", "1.2.3"), ("ID^1", "1.2.4"), ("Doe^Jane", "1.2.5"))):
        for description in ("t1_mprage_sag", "T2 TSE tra"):
            number += 1
            place = series(tmp_path / "one", 10 * seed + number, patient, study, description)
            for path in place.iterdir():
                path.rename(root / "mixed" / f"IM{number}_{path.stem}")
            place.rmdir()
    (root / "DICOMDIR.txt").write_text("no image")
    return root


def test_series_are_sorted_by_their_headers(archive: Path, tmp_path: Path) -> None:
    found = find(archive)
    assert len(found.cases) == 3
    assert [sorted(one.series) for one in found.cases] == [["t1", "t2"]] * 3
    assert len({one.patient for one in found.cases}) == 2
    assert len({one.id for one in found.cases}) == 3
    assert all(one.id.startswith(one.patient) for one in found.cases)
    assert "DICOMDIR.txt" in " ".join(found.ignored)
    assert pickle.loads(pickle.dumps(found.cases)) == found.cases
    assert [one.fingerprint() for one in find(archive).cases] == [one.fingerprint() for one in found.cases]
    cohort = prepare(found.cases, tmp_path / "cohort", PrepareOptions(ratios=(1, 0, 1)))
    text = "".join(
        path.read_text() for path in (tmp_path / "cohort").rglob("*") if path.suffix in (".json", ".html")
    )
    assert not any(name in text for name in ("ID^1", "Doe", "Jane", "IM1"))
    sides = {cohort.case(one.id).patient: one.id in cohort.split.train for one in found.cases}
    assert sorted(sides.values()) == [False, True]


def test_pseudonyms_under_one_key_are_the_same_in_every_call(archive: Path, tmp_path: Path) -> None:
    key = tmp_path / "lab.key"
    first, again = (find(archive, Options(pseudonym_key=str(key))) for _ in range(2))
    other = find(archive, Options(pseudonym_key=str(tmp_path / "other.key")))
    patients = [
        {case.patient for case in contents.cases} for contents in (first, again, other, find(archive))
    ]
    assert patients[0] == patients[1]
    assert not patients[0] & patients[2]
    assert not patients[0] & patients[3]
    assert key.stat().st_mode & 0o777 == 0o600


def test_voxels_and_places_are_those_of_the_series(tmp_path: Path) -> None:
    series(tmp_path / "a" / "s", 3)
    (case,) = find(tmp_path / "a").cases
    loaded = case.load()
    np.testing.assert_array_equal(loaded.volumes["t1"].voxels, volume(3).voxels)
    np.testing.assert_allclose(loaded.volumes["t1"].affine, AFFINE, atol=1e-9)
    cohort = prepare([case], tmp_path / "cohort", PrepareOptions(ratios=(1, 0, 0)))
    assert isinstance(cohort, Cohort)
    assert cohort.case(case.id).volume("t1").voxels.shape == (6, 5, 4)


@pytest.mark.parametrize(
    ("modality", "description", "wanted"),
    [
        ("CT", "anything", "ct"),
        ("MR", "t2_tirm_tra_dark-fluid", "flair"),
        ("MR", "AX T2 FLAIR", "flair"),
        ("MR", "3D MPRAGE", "t1"),
        ("MR", "MP2RAGE UNI", "t1"),
        ("MR", "Ax FSPGR", "t1"),
        ("MR", "T1 SE post Gd", "t1ce"),
        ("MR", "t1_mprage +C", "t1ce"),
        ("MR", "PD tra", "pd"),
        ("MR", "t2_tse", "t2"),
        ("MR", "T2* GRE", ""),
        ("MR", "ep2d_diff_trace ADC", ""),
        ("MR", "survey", ""),
    ],
)
def test_modalities_by_description(tmp_path: Path, modality: str, description: str, wanted: str) -> None:
    series(tmp_path / "s", 1, description=description, modality=modality)
    if wanted:
        (case,) = find(tmp_path).cases
        assert list(case.series) == [wanted]
    else:
        with pytest.raises(InputError, match="its modality is not clear") as caught:
            find(tmp_path)
        assert caught.value.code == "E131"


def test_a_contrast_agent_makes_t1_another_modality(tmp_path: Path) -> None:
    edit(series(tmp_path / "s", 1), ContrastBolusAgent="agent")
    assert list(find(tmp_path).cases[0].series) == ["t1ce"]


def test_what_series_are_can_be_told(tmp_path: Path) -> None:
    series(tmp_path / "s", 1, description="Survey_X7")
    (case,) = find(tmp_path, Options(series=("pd:*x?",))).cases
    assert list(case.series) == ["pd"]


def test_localizers_and_synthetic_images_are_left_aside(tmp_path: Path) -> None:
    series(tmp_path / "good", 1)
    edit(series(tmp_path / "scout", 2), ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    series(tmp_path / "made", 3, description="T2 made", synthetic=True)
    found = find(tmp_path)
    assert [list(one.series) for one in found.cases] == [["t1"]]
    assert any("a localizer" in line for line in found.ignored)
    assert any("synthetic" in line for line in found.ignored)
    (case,) = find(tmp_path, Options(synthetic=True)).cases
    assert sorted(case.series) == ["t1", "t2"]
    assert case.simulated == frozenset({"t2"})


def test_several_series_of_one_modality(tmp_path: Path) -> None:
    series(tmp_path / "one", 1)
    write_series(
        volume(2, (6, 5, 9)), tmp_path / "two", SeriesAbout("MR", "t1 other", "ID^1", "1.2.3", "1.2.9")
    )
    with pytest.raises(InputError, match="several of t1"):
        find(tmp_path)
    (case,) = find(tmp_path, Options(several="largest")).cases
    assert len(case.series["t1"]) == 9


def test_contrasts_of_several_studies_are_one_case_by_patient(tmp_path: Path) -> None:
    series(tmp_path / "mr", 1)
    series(tmp_path / "ct", 2, study="1.2.77", modality="CT", description="Head")
    with pytest.raises(InputError, match="case=patient") as caught:
        find(tmp_path)
    assert caught.value.code == "E131"
    (case,) = find(tmp_path, Options(case="patient")).cases
    assert sorted(case.series) == ["ct", "t1"]
    assert case.id == case.patient


def test_a_case_that_lacks_something_is_left_out_by_name(tmp_path: Path) -> None:
    series(tmp_path / "a1", 1)
    series(tmp_path / "a2", 2, description="t2")
    series(tmp_path / "b1", 3, patient="other", study="1.2.6")
    found = find(tmp_path)
    assert len(found.cases) == 1
    assert [line.partition(" ")[2] for line in found.left_out] == ["(no t2)"]
    assert len(find(tmp_path, Options(need=("t1",))).cases) == 2


def test_a_table_decides(tmp_path: Path) -> None:
    uids = {}
    for name in ("x", "y"):
        path = next(series(tmp_path / "data" / name, len(uids), patient="", description="odd").iterdir())
        uids[name] = pydicom.dcmread(path).SeriesInstanceUID
    series(tmp_path / "data" / "z", 9)
    table = tmp_path / "series.csv"
    table.write_text(
        f"series,modality,case,patient,group\n{uids['x']},t1,visit-1,anna,siteA\n{uids['y']},fa,visit-1,anna,siteA\n"
    )
    found = find(tmp_path / "data", Options(table=str(table)))
    (case,) = found.cases
    assert (case.id, case.patient, case.group, sorted(case.series)) == (
        "visit-1",
        "anna",
        "siteA",
        ["fa", "t1"],
    )
    assert any("not in the table" in line for line in found.ignored)
    table.write_text(
        f"series,modality,case,patient\n{uids['x']},t1,visit-1,anna\n{uids['y']},fa,visit-1,ben\n"
    )
    with pytest.raises(InputError, match="2 patients"):
        find(tmp_path / "data", Options(table=str(table)))


@pytest.mark.parametrize(
    "text", ["series,what\n1,t1\n", "series,modality\n1,T 1\n", "series,modality\n1,t1\n1,t2\n", ""]
)
def test_tables_that_cannot_be_are_refused(tmp_path: Path, text: str) -> None:
    series(tmp_path / "data" / "s", 1)
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(InputError) as caught:
        find(tmp_path / "data", Options(table=str(tmp_path / "t.csv")))
    assert caught.value.code == "E103"


def test_series_that_do_not_say_whose_they_are_are_refused(tmp_path: Path) -> None:
    series(tmp_path / "s", 1, patient="")
    with pytest.raises(InputError, match="without PatientID") as caught:
        find(tmp_path)
    assert caught.value.code == "E103"


def test_a_series_of_two_patients_or_of_none_is_refused(tmp_path: Path) -> None:
    folder = series(tmp_path / "s", 1)
    one = pydicom.dcmread(folder / "0001.dcm")
    one.PatientID = "another"
    one.save_as(folder / "0001.dcm")
    with pytest.raises(InputError, match="another PatientID"):
        find(tmp_path)
    del one.SeriesInstanceUID
    one.save_as(folder / "0001.dcm")
    with pytest.raises(InputError, match="without SeriesInstanceUID"):
        find(tmp_path)


def test_a_damaged_file_is_not_passed_over(tmp_path: Path) -> None:
    folder = series(tmp_path / "s", 1)
    path = folder / "0002.dcm"
    path.write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"0002\.dcm") as caught:
        find(tmp_path)
    assert caught.value.code == "E102"


def test_other_grids_are_refused_or_registered_when_asked(tmp_path: Path) -> None:
    series(tmp_path / "a", 1)
    write_series(volume(2, (6, 5, 9)), tmp_path / "b", SeriesAbout("MR", "t2", "ID^1", "1.2.3", "1.2.9"))
    (finding,) = survey(find(tmp_path).cases)
    assert any("E130" in line for line in finding.faults)
    (case,) = find(tmp_path, Options(onto="t2", limit_mm=3.0)).cases
    assert [repr(step) for step in case.steps] == ["Onto(fixed='t2', moving='t1', along=(), limit_mm=3.0)"]
    assert isinstance(case, DicomCase)
    assert case.fingerprint() != find(tmp_path).cases[0].fingerprint()


@pytest.mark.parametrize("told", ["series=t1", "series=T1:x", "case=visit", "several=all", "limit_mm=0"])
def test_settings_that_cannot_be_are_refused(tmp_path: Path, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        layouts.find("dicom", tmp_path, [told])
    assert caught.value.code == "E001"


def test_another_file_of_the_series_changes_the_fingerprint(archive: Path) -> None:
    before = find(archive).cases[0]
    path = next(iter(before.series.values()))[0]
    after = path.with_name("copy")
    shutil.copy(path, after)
    one = pydicom.dcmread(after)
    one.SOPInstanceUID = generate_uid()
    one.ImagePositionPatient[2] += 100
    one.save_as(after)
    assert find(archive).cases[0].fingerprint() != before.fingerprint()
