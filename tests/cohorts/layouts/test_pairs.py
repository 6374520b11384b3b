from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from transmodal.cohorts.layouts import pairs
from transmodal.cohorts.layouts.pairs import Options
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.errors import InputError, UsageError
from transmodal.volumes import Volume, io


def write(path: Path, seed: int = 0, shape: tuple[int, int, int] = (5, 6, 4)) -> Volume:
    path.parent.mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng([seed, *path.name.encode()])
    values = draw.random(shape) - 0.5  # negative as well, as CT has to be
    volume = Volume(values.astype(np.float32), np.diag([1.5, 1.0, 2.0, 1.0]))
    io.write(volume, path)
    return volume


def test_a_folder_per_modality(tmp_path: Path) -> None:
    written = {
        (m, c): write(tmp_path / m / f"{c}.nii.gz", n) for n, m in enumerate(("t1", "ct")) for c in "ab"
    }
    mask = Volume(np.ones((5, 6, 4), np.uint8), np.diag([1.5, 1.0, 2.0, 1.0]))
    (tmp_path / "mask").mkdir()
    io.write(mask, tmp_path / "mask" / "a.nii.gz")
    write(tmp_path / "t1" / "c.nii.gz")
    write(tmp_path / "deep" / "t1" / "d.nii.gz")
    found = pairs.find(tmp_path)
    assert [one.id for one in found.cases] == ["a", "b"]
    assert found.left_out == ["c (no ct)"]
    assert found.ignored == ["deep/t1/d.nii.gz (no image of a pair by its place or name)"]
    cohort = prepare(found.cases, tmp_path / "cohort", PrepareOptions(ratios=(1, 0, 0)))
    assert cohort.modalities == ("ct", "t1")
    first, second = (one.load() for one in found.cases)
    assert first.mask is not None
    assert second.mask is None
    for name in ("t1", "ct"):
        np.testing.assert_array_equal(first.volumes[name].voxels, written[name, "a"].voxels)
    assert [one.id for one in pairs.find(tmp_path, Options(need=("t1",))).cases] == ["a", "b", "c"]


def test_t1_and_fa_by_their_endings(tmp_path: Path) -> None:
    for case in ("sub-NDARINV1_ses-1", "sub-NDARINV1_ses-2", "sub-NDARINV2"):
        written = [write(tmp_path / "x" / f"{case}.{ending}.nii.gz") for ending in ("brain", "FA")]
    (tmp_path / "x" / "notes.txt").write_text("x")
    found = pairs.find(tmp_path)
    assert [(one.id, one.patient) for one in found.cases] == [
        ("sub-NDARINV1_ses-1", "sub-NDARINV1"),
        ("sub-NDARINV1_ses-2", "sub-NDARINV1"),
        ("sub-NDARINV2", "sub-NDARINV2"),
    ]
    assert found.ignored == ["x/notes.txt (no image of a pair by its place or name)"]
    loaded = found.cases[2].load()
    for name, volume in zip(("t1", "fa"), written, strict=True):
        np.testing.assert_array_equal(loaded.volumes[name].voxels, volume.voxels)


def test_endings_can_be_told_and_the_longest_counts(tmp_path: Path) -> None:
    for name in ("p-7_x", "p-7_y_x"):
        write(tmp_path / f"{name}.nii")
    options = Options(endings=("t1:_x", "t2:_y_x"), patient=r"p-(\d)")
    (one,) = pairs.find(tmp_path, options).cases
    assert (one.id, one.patient) == ("p-7", "7")
    assert one.volumes == {"t1": tmp_path / "p-7_x.nii", "t2": tmp_path / "p-7_y_x.nii"}


def test_a_table(tmp_path: Path) -> None:
    for name in ("1.nii", "2.nii", "3.nii", "m.nii"):
        write(tmp_path / "images" / name)
    table = tmp_path / "pairs.csv"
    table.write_text(
        "case,patient,group,t1,ct,mask\nv1,anna,north,images/1.nii,images/2.nii,images/m.nii\n"
        "v2,anna,north,images/3.nii,,\n"
    )
    found = pairs.find(tmp_path)
    (one,) = found.cases
    assert (one.id, one.patient, one.group) == ("v1", "anna", "north")
    assert one.mask == tmp_path / "images" / "m.nii"
    assert found.left_out == ["v2 (no ct)"]
    assert pairs.find(tmp_path, Options(table=str(table))).cases == found.cases


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("case,t1\nv1,gone.nii\n", "E100", "v1 without t1"),
        ("name,t1\nv1,1.nii\n", "E103", "no column case"),
        ("case,t1\nv1,1.nii\nv1,1.nii\n", "E103", "the case 'v1'"),
        ("case,1st\nv1,1.nii\n", "E103", "images in the column '1st'"),
        ("case,t1\n,1.nii\n", "E103", "the case ''"),
        ("case,t1,T1\nv1,1.nii,1.nii\n", "E103", "two files of t1"),
        ("case,t1\nv1,\n", "E131", r"v1 \(no image\)"),
    ],
)
def test_a_wrong_table_is_said(text: str, code: str, said: str, tmp_path: Path) -> None:
    write(tmp_path / "1.nii")
    (tmp_path / "pairs.csv").write_text(text)
    with pytest.raises(InputError, match=said) as caught:
        pairs.find(tmp_path)
    assert caught.value.code == code


def test_pairs_on_other_grids_are_refused_by_case(tmp_path: Path) -> None:
    write(tmp_path / "t1" / "anna.nii")
    write(tmp_path / "ct" / "anna.nii", shape=(5, 6, 5))
    with pytest.raises(InputError, match=r"case anna: .*Register or resample") as caught:
        prepare(pairs.find(tmp_path).cases, tmp_path / "cohort")
    assert caught.value.code == "E130"


@pytest.mark.parametrize("wrong", [{"endings": ("t1",)}, {"endings": ("T 1:x",)}, {"patient": "("}])
def test_other_values_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as caught:
        Options(**wrong)
    assert caught.value.code == "E001"


def picture(path: Path, kind: str = "L") -> np.ndarray[Any, np.dtype[np.uint8]]:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng([*path.as_posix()[-20:].encode()]).integers(0, 255, (6, 8), np.uint8)
    Image.fromarray(pixels).convert(kind).save(path, dpi=(96, 96))
    return pixels


@pytest.mark.parametrize("ending", ["png", "tif"])
def test_pictures_are_cases_of_one_slice(ending: str, tmp_path: Path) -> None:
    """They used to be passed over: no pair was found."""
    t1 = picture(tmp_path / "t1" / f"sub-1_x.{ending}")
    t2 = picture(tmp_path / "t2" / f"sub-1_x.{ending}", "RGB")
    picture(tmp_path / "t1" / f"b.{ending}")
    picture(tmp_path / "t2" / f"b.{ending}")
    (tmp_path / "mask").mkdir()
    inside = np.zeros((6, 8), np.uint8)
    inside[2:, 3:] = 255
    Image.fromarray(inside).save(tmp_path / "mask" / f"sub-1_x.{ending}")
    _, maker = pairs.find(tmp_path).cases
    case = maker.load()
    assert (case.id, case.patient) == ("sub-1_x", "sub-1")
    np.testing.assert_array_equal(case.volumes["t1"].voxels[:, :, 0].T, t1)
    np.testing.assert_array_equal(case.volumes["t2"].voxels[:, :, 0].T, t2)
    assert case.mask is not None
    np.testing.assert_array_equal(case.mask.voxels[:, :, 0].T, inside)
    assert (case.volumes["t1"].spacing, case.volumes["t1"].orientation) == ((1.0, 1.0, 1.0), "LPS")
    assert case.notes == {"assumed_spacing_mm": 1.0, "t2 grey_stored_as_rgb": 1.0}
    said = pairs.find(tmp_path, Options(spacing_mm=("0.5", "3"))).cases[1].load()
    assert (said.volumes["t2"].spacing, "assumed_spacing_mm" in said.notes) == ((0.5, 0.5, 3.0), False)
    cohort = prepare(pairs.find(tmp_path).cases, tmp_path / "cohort", PrepareOptions(ratios=(1, 0, 0)))
    assert cohort.cases()[1].volume("t1").voxels.shape == (8, 6, 1)


def test_a_table_names_pictures_and_says_their_group(tmp_path: Path) -> None:
    t1 = picture(tmp_path / "in" / "1.png")
    picture(tmp_path / "in" / "2.png")
    (tmp_path / "pairs.csv").write_text("case,patient,group,t1,t2\na,p,Guys,in/1.png,in/2.png\n")
    case = pairs.find(tmp_path).cases[0].load()
    assert (case.patient, case.group) == ("p", "Guys")
    np.testing.assert_array_equal(case.volumes["t1"].voxels[:, :, 0].T, t1)


def test_pictures_beside_volumes_are_overviews_of_them(tmp_path: Path) -> None:
    for name in ("t1", "t2"):
        write(tmp_path / name / "a.nii.gz", len(name))
        picture(tmp_path / name / "a.png")
    found = pairs.find(tmp_path)
    assert [one.id for one in found.cases] == ["a"]
    assert len(found.ignored) == 2


def test_pictures_that_cannot_be_taken(tmp_path: Path) -> None:
    picture(tmp_path / "1.png")
    write(tmp_path / "2.nii.gz")
    (tmp_path / "pairs.csv").write_text("case,t1,t2\na,1.png,2.nii.gz\n")
    with pytest.raises(InputError, match=r"the picture 1.png and the volume 2.nii.gz") as mixed:
        pairs.find(tmp_path)
    assert mixed.value.code == "E130"
    (tmp_path / "pairs.csv").write_text("case,t1,t2\na,1.png,1.png\n")
    with pytest.raises(UsageError, match="consists of pictures") as registered:
        pairs.find(tmp_path, Options(onto="t1"))
    assert registered.value.code == "E004"
    with pytest.raises(UsageError) as spaced:
        Options(spacing_mm=("x",))
    assert spaced.value.code == "E001"


def test_a_cell_of_5000_characters_is_no_path(tmp_path: Path) -> None:
    for name in ("t1", "ct"):
        write(tmp_path / f"a_{name}.nii.gz")
    table = tmp_path / "pairs.csv"
    table.write_text(f"case,t1,ct,note\na,a_t1.nii.gz,a_ct.nii.gz,{'x' * 5000}\n")
    found = pairs.find(tmp_path)
    assert [case.id for case in found.cases] == ["a"]
    assert found.ignored == ["pairs.csv: column note (names no image)"]
    table.write_text(f"case,t1,ct\na,a_t1.nii.gz,{'x' * 5000}.nii.gz\n")
    with pytest.raises(InputError) as refused:
        pairs.find(tmp_path)
    assert refused.value.code == "E100"


def test_names_that_are_no_utf_8_are_written_out(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9")
    try:
        for seed, modality in enumerate(("t1", "ct")):
            path = tmp_path / "data" / modality / "a.nii.gz"
            write(path, seed)
            path.rename(path.with_name(f"{name}.nii.gz"))
    except OSError:
        pytest.skip("this file system takes names of UTF-8 alone")
    cases = pairs.find(tmp_path / "data").cases
    options = PrepareOptions(ratios=(1, 0, 0))
    cohort = prepare(cases, tmp_path / "cohort", options)
    entry = cohort.case(cohort.split.train[0]).entry
    assert entry.id.startswith("caf-")
    origin = entry.volumes["t1"].origin
    assert origin is not None
    assert origin.name == "caf%xe9.nii.gz"
    with pytest.raises(UsageError, match="no UTF-8") as refused:
        prepare(cases, tmp_path / name, options)
    assert refused.value.code == "E005"
