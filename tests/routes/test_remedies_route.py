"""Errors whose advice is followed: the mistake is made, the advice is taken from the error's own line, and it works."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray

from subject_files import tiny_recipe
from transmodal import cli
from transmodal.volumes import Volume, io
from transmodal.volumes.formats.dicom.writing import SeriesAbout, write_series

RECIPE = tiny_recipe(
    training="{epochs: 1, batch: 4, samples_per_epoch: 8, players: {generator: {lr: 0.003}}}"
)
AFFINE = np.array([[4.0, 0, 0, -40], [0, 4, 0, -50], [0, 0, 4, -30], [0, 0, 0, 1]])


def head(seed: int) -> NDArray[np.float32]:
    """A lopsided ellipsoid, everyone's of another shape."""
    i, j, k = np.indices((22, 26, 18)).astype(float)
    inside = ((i - 11) / (6.5 + seed)) ** 2 + ((j - 13) / (11 - seed)) ** 2 + ((k - 9 - 0.1 * i) / 7) ** 2 < 1
    return (inside * (60 + 30 * np.sin(i / 2 + seed))).astype(np.float32)


def write_case(folder: Path, seed: int) -> None:
    folder.mkdir(parents=True)
    voxels = head(seed)
    io.write(Volume(voxels, AFFINE), folder / "t1.nii.gz")
    io.write(Volume((voxels / 100).clip(0, 1), AFFINE), folder / "fa.nii.gz")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three cases as files, prepared, and a run of a few steps."""
    folder = tmp_path_factory.mktemp("remedies")
    for n in range(3):
        write_case(folder / "subjects" / f"case-{n}", n)
    (folder / "tiny.yaml").write_text(RECIPE)
    for line in (
        f"prepare folders {folder}/subjects -o {folder}/cohort --region t1=body --counts 1:1:1 --workers 1",
        f"train {folder}/tiny.yaml --cohort {folder}/cohort -o {folder}/run --device cpu",
    ):
        assert cli.run(line.split()) == 0
    return folder


def not_finite(path: Path) -> None:
    image = nib.load(path)
    voxels = image.get_fdata(dtype=np.float32)
    voxels[2, 3, 4] = np.nan
    nib.save(nib.Nifti1Image(voxels, image.affine), path)


def forms_apart(path: Path) -> None:
    image = nib.load(path)
    made = nib.Nifti1Image(image.get_fdata(dtype=np.float32), image.affine)
    made.set_sform(image.affine, code=1)
    moved = image.affine.copy()
    moved[0, 3] += 30
    made.set_qform(moved, code=1)
    nib.save(made, path)


def no_form(path: Path) -> None:
    image = nib.load(path)
    made = nib.Nifti1Image(image.get_fdata(dtype=np.float32), None)
    made.header.set_zooms((4, 4, 4))
    made.set_sform(None, code=0)
    made.set_qform(None, code=0)
    nib.save(made, path)


def series(path: Path) -> None:
    image = nib.load(path)
    nib.save(nib.Nifti1Image(np.stack([image.get_fdata(dtype=np.float32)] * 3, axis=3), image.affine), path)


FAULTS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "not-finite": ("E120", not_finite),
    "forms-apart": ("E110", forms_apart),
    "no-form": ("E111", no_form),
    "series": ("E121", series),
}


def advised(error: str) -> list[str]:
    """Return the first option of an error's line with its value; `N` stands for a number of the user's."""
    option, value = re.findall(r"(--[a-z-]+) ([A-Za-z]+)", error)[0]
    return [option, "1" if value == "N" else value]


def refused(line: list[str], code: str, capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert cli.run(line) == 3
    errors = [one for one in capsys.readouterr().err.splitlines() if one.startswith("error[")]
    assert len(errors) == 1
    assert errors[0].startswith(f"error[{code}]"), errors
    return errors[0]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("verb", ["prepare", "dry-run", "translate", "overlap", "dose"])
def test_a_file_that_leaves_something_open_is_read_as_the_error_advises(
    verb: str, fault: str, place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, break_it = FAULTS[fault]
    for n in range(2):
        write_case(tmp_path / "data" / f"case-{n}", n)
    image = tmp_path / "data/case-0/t1.nii.gz"
    labels = tmp_path / "labels.nii.gz"
    io.write(Volume((head(0) > 0).astype(np.float32), AFFINE), labels)
    broken = labels if verb == "overlap" else image
    break_it(broken)
    if fault == "no-form":
        break_it(tmp_path / "data/case-0/fa.nii.gz")
    line = {
        "prepare": f"prepare folders {tmp_path}/data -o {tmp_path}/c --counts 1:0:1 --workers 1",
        "dry-run": f"prepare folders {tmp_path}/data --dry-run --workers 1",
        "translate": f"translate {place}/run {image} -o {tmp_path}/fa.nii.gz --device cpu",
        "overlap": f"overlap {labels} {labels}",
        "dose": f"dose {image} {image}",
    }[verb].split()
    if verb == "dry-run":
        assert cli.run(line) == 3
        (error,) = set(re.findall(rf"error\[{code}\]: t1.*", capsys.readouterr().out))
    else:
        error = refused(line, code, capsys)
    assert cli.run([*line, *advised(error)]) == 0


@pytest.mark.parametrize("image", ["other.nii.gz", "preview.png"])
@pytest.mark.parametrize("named", [False, True], ids=["plain", "t1="])
def test_a_series_with_an_image_beside_it_is_refused_until_one_is_chosen(
    image: str, named: bool, place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The image beside used to be translated, into a folder called `o.nii.gz`."""
    voxels = head(1)
    folder = tmp_path / "scan"
    write_series(
        Volume(voxels.astype(np.int16), AFFINE), folder, SeriesAbout("MR", "t1", "ID", "1.2.3", "1.2.9")
    )
    picture = Volume(voxels[:, :, 8:9].astype(np.uint8), AFFINE)
    io.write(picture if image.endswith("png") else Volume(voxels, AFFINE), folder / image)
    source = f"t1={folder}" if named else f"{folder}"
    line = f"translate {place}/run {source} -o {tmp_path}/o.nii.gz --device cpu".split()
    error = refused(line, "E139", capsys)
    assert image in error
    assert re.search(r"holds DICOM files and", error)
    assert "Name the image file itself" in error
    assert f"move {image} out of the folder" in error
    assert not (tmp_path / "o.nii.gz").exists()
    if image.endswith(".nii.gz"):
        alone = f"translate {place}/run {folder}/{image} -o {tmp_path}/alone.nii.gz --device cpu"
        assert cli.run(alone.split()) == 0
        assert io.read(tmp_path / "alone.nii.gz").grid.same_as(Volume(voxels, AFFINE).grid)
    (folder / image).rename(tmp_path / image)
    assert cli.run(line) == 0
    assert (tmp_path / "o.nii.gz").is_file()


def test_one_of_several_series_is_taken_by_its_number(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Files and folder are called as the patient is: nothing of it gets onto the screen or into the sidecar."""
    folder = tmp_path / "Zzyzxdoe"
    folder.mkdir()
    for n in (1, 2):
        about = SeriesAbout("MR", f"t{n}", "Zzyzxdoe^Jane", "1.2.3", "1.2.9", n)
        write_series(Volume((n * head(1)).astype(np.int16), AFFINE), tmp_path / "part", about)
        for path in sorted((tmp_path / "part").iterdir()):
            path.rename(folder / f"ZZYZXDOE_{n}_{path.name}")
        (tmp_path / "part").rmdir()
    line = f"translate {place}/run {folder} -o {tmp_path}/o.nii.gz --device cpu".split()
    error = refused(line, "E121", capsys)
    assert "2 series" in error
    assert "zzyzx" not in error.lower()
    assert "translate --series" in error
    assert cli.run([*line, "--series", "2"]) == 0
    sidecar = (tmp_path / "o.json").read_text()
    assert "zzyzx" not in sidecar.lower()
    assert '"n_files": 36' in sidecar


def test_a_series_with_an_image_beside_it_is_not_prepared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    voxels, about = head(1), SeriesAbout("MR", "t1", "ID", "1.2.3", "1.2.9")
    write_series(Volume(voxels.astype(np.int16), AFFINE), tmp_path / "scan", about)
    write_case(tmp_path / "scan-files", 1)
    (tmp_path / "scan-files/t1.nii.gz").rename(tmp_path / "scan/t1.nii.gz")
    (tmp_path / "pairs.csv").write_text("case,t1,fa\na,scan,scan-files/fa.nii.gz\n")
    line = f"prepare pairs {tmp_path} -o {tmp_path}/c --split 1:0:0 --workers 1".split()
    assert "scan holds DICOM files" in refused(line, "E139", capsys)
    (tmp_path / "pairs.csv").write_text("case,t1,fa\na,scan/t1.nii.gz,scan-files/fa.nii.gz\n")
    assert cli.run(line) == 0


@pytest.mark.parametrize("source", ["images", "cohort"])
def test_several_images_are_not_written_into_a_folder_named_as_one(
    source: str, place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "images").mkdir()
    for n in (0, 1):
        io.write(Volume(head(n), AFFINE), tmp_path / f"images/c{n}.nii.gz")
    words = {"images": f"{tmp_path}/images", "cohort": f"{place}/cohort"}[source]
    assert cli.run(f"translate {place}/run {words} -o {tmp_path}/o.nii.gz --device cpu".split()) == 2
    error = capsys.readouterr().err
    assert "error[E005]: output o.nii.gz, one image, for the" in error
    assert "Name a folder, such as o" in error
    assert not (tmp_path / "o.nii.gz").exists()
    assert cli.run(f"translate {place}/run {words} -o {tmp_path}/o --device cpu".split()) == 0
    assert list((tmp_path / "o").glob("*.nii.gz"))
