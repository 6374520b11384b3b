"""Every release that the atlas writer knows prepares with its layout, and its defects are told, not passed on."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from transmodal.cohorts import layouts
from transmodal.cohorts.case import CaseMaker
from transmodal.cohorts.case_files import CaseFiles
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.cohorts.prepare.survey import survey
from transmodal.cohorts.release_files import SIMULATED, measured_modalities
from transmodal.cohorts.simulation import atlas, releases
from transmodal.cohorts.simulation.release.defects import Defect
from transmodal.errors import InputError, UsageError
from transmodal.volumes.geometry.reorient import reorient

ALONE = PrepareOptions(ratios=(1, 0, 0))
MODALITIES = {
    "synthrad2023": ("ct", "mr"),
    "synthrad2025": ("cbct", "ct"),
    "brats2020": ("flair", "t1", "t1ce", "t2"),
    "brats2021": ("flair", "t1", "t1ce", "t2"),
    "brats2023": ("flair", "t1", "t1ce", "t2"),
    "ixi": ("pd", "t1", "t2"),
    "abcd": ("fa", "t1"),
    "diffusion": ("fa", "t1"),
    "korean_human": ("colour", "mr"),
    "dicom": ("ct", "t1"),
    "bids": ("flair", "t1", "t2"),
    "slices": ("t1", "t2"),
}
SPACING_MM = 9
VOLUMES = ("synthrad2023", "brats2023", "ixi", "abcd")
KEPT = cache(atlas.AtlasSubject.load)


@pytest.fixture(autouse=True)
def subjects_are_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(atlas.AtlasSubject, "load", KEPT)


def written(name: str, folder: Path, *defects: Defect) -> layouts.FolderContents[CaseMaker]:
    releases.write(name, 2, folder, spacing_mm=SPACING_MM, defects=defects)
    release = releases.release_of(name)
    return layouts.find(release.layout, folder, release.settings)


def subject(name: str) -> atlas.AtlasSubject:
    """The first, as the writer makes it."""
    options = releases.release_of(name).options
    wider = atlas.AtlasOptions(
        SPACING_MM,
        options.modalities,
        head=options.head,
        segmentation=options.segmentation,
        mask=options.mask,
    )
    return atlas.AtlasSubject(0, wider)


def test_every_release_is_held_to_this() -> None:
    assert set(MODALITIES) == set(releases.RELEASES)


@pytest.mark.parametrize("name", releases.RELEASES)
def test_what_is_written_prepares_with_its_layout(name: str, tmp_path: Path) -> None:
    found = written(name, tmp_path / "data")
    assert len({one.patient for one in found.cases}) == 2
    # Of a body slices are left aside, in the gaps between slabs and where MR has none.
    assert all("slices" in line for line in found.ignored)
    assert (bool(found.ignored), list(found.left_out)) == (name == "korean_human", [])
    cohort = prepare(
        found.cases, tmp_path / "cohort", ALONE, sides=found.sides, within_subject=found.within_subject
    )
    assert cohort.modalities == MODALITIES[name]
    assert (cohort.split.by == "within-subject") == (name == "korean_human")
    case = cohort.case(found.cases[0].id)
    assert len({one.patient for one in cohort.cases()}) == 2
    assert (case.entry.mask is not None) == name.startswith("synthrad")
    assert (case.entry.segmentation is not None) == name.startswith(("brats", "korean"))
    assert ("registration_mm" in case.entry.notes) == (name == "ixi")


def test_what_comes_out_is_what_was_made(tmp_path: Path) -> None:
    """Voxel by voxel where nothing is sampled."""
    pairs = {
        "synthrad2023": {"mr": "t1", "ct": "ct"},
        "brats2021": {},
        "ixi": {"t2": "t2", "pd": "pd"},
        "abcd": {"t1": "t1", "fa": "fa"},
        "diffusion": {"t1": "t1"},
        "bids": {"t1": "t1", "flair": "flair"},
    }
    for name, same in pairs.items():
        truth, found = subject(name).load(), written(name, tmp_path / name).cases[0].load()
        for here, there in same.items():
            np.testing.assert_array_equal(found.volumes[here].voxels, truth.volumes[there].voxels)
            assert found.volumes[here].grid.same_as(truth.volumes[there].grid)
        if name == "brats2021":
            assert found.segmentation is not None
            assert truth.segmentation is not None
            # Lesions, 4 in the file, are the enhancing tumour: 3 in today's numbers.
            np.testing.assert_array_equal(found.segmentation.voxels == 3, truth.segmentation.voxels == 4)


def test_slices_come_out_as_the_volume_that_went_in(tmp_path: Path) -> None:
    found = written("slices", tmp_path).cases[0].load()
    truth = reorient(subject("slices").load().volumes["t1"], "LPS")
    np.testing.assert_array_equal(found.volumes["t1"].voxels, truth.voxels)


@pytest.mark.parametrize("name", [*VOLUMES, "diffusion", "slices"])
def test_what_is_missing_is_left_out_by_name(name: str, tmp_path: Path) -> None:
    found = written(name, tmp_path, "missing")
    assert list(found.left_out) == [f"{SECOND[name]} (no {PART[name]})"]
    assert len(found.cases) == (2 if name == "slices" else 1)
    assert list(found.ignored) == []


@pytest.mark.parametrize("name", [*VOLUMES, "diffusion", "slices"])
def test_a_wrong_name_is_told(name: str, tmp_path: Path) -> None:
    """Where every name is a case's it makes a case of its own, which lacks the rest."""
    found = written(name, tmp_path, "wrong-name")
    assert f"{SECOND[name]} (no {PART[name]})" in found.left_out
    (line,) = [line for line in (*found.ignored, *found.left_out) if "copy of" in line]
    assert line.endswith(")")


SECOND = {
    "synthrad2023": "1BB002",
    "brats2023": "BraTS-GLI-00001-000",
    "ixi": "IXI003-HH-0829",
    "abcd": "sub-NDARINV00000001",
    "diffusion": "sub-0002",
    "slices": "train atlas-0001_000",
}
PART = {"synthrad2023": "mr", "brats2023": "t1", "ixi": "pd", "abcd": "t1", "diffusion": "t1", "slices": "t1"}


@pytest.mark.parametrize("name", VOLUMES)
@pytest.mark.parametrize("defect", ["axis-order", "oblique"])
def test_other_axes_are_no_fault(name: str, defect: Defect, tmp_path: Path) -> None:
    plain = written(name, tmp_path / "plain").cases[1].load()
    found = written(name, tmp_path / "other", defect).cases[1]
    assert isinstance(found, CaseFiles)
    prepare([found], tmp_path / "cohort", ALONE)
    volume = found.load().volumes[PART[name]]
    here, there = (reorient(one) for one in (volume, plain.volumes[PART[name]]))
    np.testing.assert_array_equal(here.voxels, there.voxels)
    assert here.grid.same_as(there.grid) == (defect == "axis-order")


@pytest.mark.parametrize("name", VOLUMES)
def test_what_has_moved_is_refused_by_case(name: str, tmp_path: Path) -> None:
    found = written(name, tmp_path / "data", "unregistered")
    one, other = survey(found.cases)
    assert one.faults == ()
    assert "error[E130]" in other.faults[0]
    with pytest.raises(InputError, match=f"case {found.cases[1].id}: .*1 of 2 are done") as caught:
        prepare(found.cases, tmp_path / "cohort", ALONE)
    assert caught.value.code == "E130"


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        releases.write("brats1999", 1, tmp_path)
    assert caught.value.code == "E002"
    with pytest.raises(UsageError, match="pictures") as caught:
        releases.write("slices", 1, tmp_path, defects=("oblique",))
    assert caught.value.code == "E004"


def test_who_writes_is_told_and_the_folder_says_what_it_is(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    releases.write("abcd", 2, tmp_path, spacing_mm=SPACING_MM, progress=lambda *words: told.append(words))
    assert told == [("atlas-0000", 1, 2), ("atlas-0001", 2, 2)]
    assert "simulated" in (tmp_path / "README.txt").read_text()


@pytest.mark.parametrize("name", releases.RELEASES)
def test_what_no_scanner_measured_stays_marked(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    releases.write(name, 1, folder, spacing_mm=SPACING_MM)
    release = releases.RELEASES[name]
    case = layouts.find(release.layout, folder, release.settings).cases[0]
    real = {"mr", "t1"} if name != "abcd" else {"t1", "fa"}
    assert real & set(MODALITIES[name]) == set(release.measured)
    entry = prepare([case], tmp_path / "cohort", ALONE).cases()[0].entry
    marked = {what for what, volume in entry.volumes.items() if volume.simulated}
    # DICOM says of all that comes from no scanner that it is synthetic.
    assert marked == set(MODALITIES[name]) - (set() if name == "dicom" else real)
    # Of a folder within the release that holds too, and without the mark nothing is known.
    assert measured_modalities(folder / "a" / "b") == set(release.measured)
    (folder / SIMULATED).unlink()
    assert measured_modalities(folder) is None
    plain = layouts.find(release.layout, folder, release.settings).cases[0]
    assert (plain.id, plain.patient) == (case.id, case.patient)
    assert (plain.fingerprint() == case.fingerprint()) == (name == "abcd")
