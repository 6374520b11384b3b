"""Doses as files: what is compared is written with the hashes of what it came from."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dicom_files import series
from rt_files import dose as rt_dose
from rt_files import slab, structure_set
from transmodal.errors import InputError, TransmodalError, UsageError
from transmodal.evaluation.doses.files import compare_dose_files
from transmodal.storage import files
from transmodal.volumes import Volume, io

AFFINE = np.diag([3.0, 3.0, 3.0, 1.0])


@pytest.fixture
def dose(tmp_path: Path) -> Path:
    i, j, k = np.meshgrid(*[np.linspace(-1, 1, 10)] * 3, indexing="ij")
    voxels = (60 * np.exp(-2 * (i**2 + j**2 + k**2))).astype(np.float32)
    io.write(Volume(voxels, AFFINE), tmp_path / "dose.nii.gz")
    return tmp_path / "dose.nii.gz"


def test_a_dose_agrees_with_itself_and_the_record_has_the_hashes_of_its_files(
    dose: Path, tmp_path: Path
) -> None:
    out, gamma = tmp_path / "new" / "dose.json", tmp_path / "new" / "gamma.nii.gz"
    comparison = compare_dose_files(dose, dose, output=out, gamma_map=gamma)
    assert comparison.gamma.pass_percent == 100
    record = json.loads(out.read_text())
    assert record["inputs"] == {
        name: {"sha256": files.sha256_file(dose)} for name in ("reference", "evaluated")
    }
    assert record["gamma_map"] == {"name": "gamma.nii.gz", "sha256": files.sha256_file(gamma)}
    assert np.abs(io.read(gamma).voxels).max() == 0


def test_without_places_nothing_is_written(dose: Path, tmp_path: Path) -> None:
    assert compare_dose_files(dose, dose).structures == ()
    assert list(tmp_path.iterdir()) == [dose]


def test_places_are_looked_at_before_the_doses_are_read(tmp_path: Path) -> None:
    with pytest.raises(TransmodalError) as caught:
        compare_dose_files(tmp_path / "none.nii", tmp_path / "none.nii", output=tmp_path)
    assert caught.value.code == "E005"


def test_structures_on_another_grid_are_refused(dose: Path, tmp_path: Path) -> None:
    io.write(Volume(np.ones((4, 4, 4), np.uint8), AFFINE), tmp_path / "organs.nii.gz")
    with pytest.raises(InputError, match="the structures of shape") as caught:
        compare_dose_files(dose, dose, tmp_path / "organs.nii.gz")
    assert caught.value.code == "E130"


def test_a_structure_set_is_filled_drawn_and_named(tmp_path: Path) -> None:
    folder = rt_dose(tmp_path / "rd")
    contours = structure_set(tmp_path / "rs.dcm", {"PTV": slab(-9, 23, [-30.0, -27.5])})
    out, drawing = tmp_path / "dose.json", tmp_path / "new" / "dvh.svg"
    comparison = compare_dose_files(folder, folder, contours, output=out, dvh_drawing=drawing)
    assert [structure.name for structure in comparison.structures] == ["PTV"]
    record = json.loads(out.read_text())
    assert record["inputs"]["structures"] == {"sha256": files.sha256_file(contours)}
    assert "CANARY" not in out.read_text()
    assert ">PTV</text>" in drawing.read_text()


def test_a_drawing_without_structures_is_refused(dose: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="without --structures") as caught:
        compare_dose_files(dose, dose, dvh_drawing=tmp_path / "dvh.svg")
    assert caught.value.code == "E004"


def test_an_export_with_images_and_structures_beside_the_dose_is_taken(tmp_path: Path) -> None:
    contours = {"PTV": slab(-9, 23, [-30.0, -27.5])}
    plans = [rt_dose(tmp_path / name) for name in ("on_ct", "on_sct")]
    (first, second) = (next(plan.iterdir()) for plan in plans)
    for plan in plans:
        structure_set(plan / "rs.dcm", contours)
        for path in series(tmp_path / f"ct_{plan.name}", "CT").iterdir():
            path.rename(plan / path.name)
    comparison = compare_dose_files(*plans, plans[0], output=tmp_path / "dose.json")
    assert comparison.gamma.pass_percent == 100
    assert [structure.name for structure in comparison.structures] == ["PTV"]
    record = json.loads((tmp_path / "dose.json").read_text())
    used = {"reference": first, "evaluated": second, "structures": plans[0] / "rs.dcm"}
    assert record["inputs"] == {name: {"sha256": files.sha256_file(path)} for name, path in used.items()}
    assert compare_dose_files(first, second, plans[0]).structures == comparison.structures
    rt_dose(plans[0])
    with pytest.raises(InputError, match="on_ct holds 2 doses") as caught:
        compare_dose_files(*plans)
    assert "Name the file" in caught.value.remedy
    assert compare_dose_files(first, second).gamma.pass_percent == 100
