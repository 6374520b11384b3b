"""The command line from image files to the report, and what it says when something is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from subject_files import tiny_recipe
from transmodal import cli
from transmodal.volumes import Volume, io
from transmodal.volumes.geometry.reorient import reorient

RECIPE = tiny_recipe(
    training="{epochs: 1, batch: 4, samples_per_epoch: 16, players: {generator: {lr: 0.003}}}"
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five cases as files, prepared, and a run of a few steps."""
    folder = tmp_path_factory.mktemp("route")
    for n in range(5):
        write_case(folder / "subjects" / f"case-{n}", n)
    (folder / "tiny.yaml").write_text(RECIPE)
    assert (
        cli.run(
            words(
                f"prepare folders {folder}/subjects -o {folder}/cohort --region t1=body --counts 3:1:1 --workers 1"
            )
        )
        == 0
    )
    assert (
        cli.run(words(f"train {folder}/tiny.yaml --cohort {folder}/cohort -o {folder}/run --device cpu")) == 0
    )
    return folder


def words(line: str) -> list[str]:
    return line.split()


def write_case(folder: Path, seed: int) -> None:
    """A lopsided ellipsoid, everyone's of another shape, whose FA follows its T1."""
    folder.mkdir(parents=True)
    draw = np.random.default_rng(seed)
    i, j, k = np.indices((22, 26, 18)).astype(float)
    wide, long = 6.5 + 0.8 * seed, 11 - 0.9 * seed
    inside = ((i - 11) / wide) ** 2 + ((j - 13) / long) ** 2 + ((k - 9 - 0.1 * i) / 7) ** 2 < 1
    t1 = inside * (60 + 30 * np.sin(i / 2 + seed) + 3 * draw.standard_normal(inside.shape))
    fa = inside * np.clip((t1 - 20) / 100, 0, 1)
    affine = np.diag([4.0, 4.0, 4.0, 1.0])
    affine[:3, 3] = (-40, -50, -30)
    for name, voxels in {"t1": t1, "fa": fa, "mask": inside}.items():
        volume = reorient(Volume(voxels.astype(np.float32), affine), ["RAS", "LPI", "SAR"][seed % 3])
        io.write(
            volume if name != "mask" else volume.with_voxels(volume.voxels.astype(np.uint8)),
            folder / f"{name}.nii.gz",
        )


def test_preparing_twice_changes_nothing(place: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (place / "cohort/cases").rglob("*") if path.is_file()}
    assert (
        cli.run(
            words(
                f"prepare folders {place}/subjects -o {place}/cohort --region t1=body --counts 3:1:1 --workers 1"
            )
        )
        == 0
    )
    after = {path: path.stat().st_mtime_ns for path in (place / "cohort/cases").rglob("*") if path.is_file()}
    assert before == after


def test_a_finished_run_is_left_as_it_is(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights = place / "run/checkpoints/last/weights.safetensors"
    before = weights.read_bytes()
    assert cli.run(words(f"train {place}/tiny.yaml --cohort {place}/cohort -o {place}/run --device cpu")) == 0
    assert weights.read_bytes() == before


@pytest.mark.parametrize("suffix", [".nii.gz", ".mha"])
def test_translate_writes_the_sources_grid_and_a_sidecar(place: Path, suffix: str, tmp_path: Path) -> None:
    source = reorient(io.read(place / "subjects/case-4/t1.nii.gz"), "PIR")
    image, output = tmp_path / f"t1{suffix}", tmp_path / f"out/fa{suffix}"
    io.write(source, image)
    assert (
        cli.run(words(f"translate {place}/run {image} -o {output} --axes x,y,z --disagreement --device cpu"))
        == 0
    )
    made = io.read(output)
    np.testing.assert_array_equal(made.affine, io.read(image).affine)
    assert made.voxels.shape == source.voxels.shape
    assert 0 <= made.voxels.min() < made.voxels.max() <= 1
    spread = io.read(tmp_path / f"out/fa_plane_disagreement{suffix}")
    assert spread.grid == made.grid
    record = json.loads((tmp_path / "out/fa.json").read_text())
    assert record["synthetic"] is True
    assert record["passes"] == {"axes": ["x", "y", "z"], "fuse": "mean"}
    assert set(record["origins"]["t1"]) == {"sha256"}
    assert "source_names" not in record
    assert len(record["image"]["sha256"]) == 64
    assert str(tmp_path) not in json.dumps(record)


def test_translate_takes_a_4d_header_with_one_frame(place: Path, tmp_path: Path) -> None:
    source = io.read(place / "subjects/case-4/t1.nii.gz")
    nib.save(nib.Nifti1Image(source.voxels[..., None], source.affine), tmp_path / "four.nii.gz")
    assert cli.run(words(f"translate {place}/run {tmp_path}/four.nii.gz -o {tmp_path}/fa.nii.gz")) == 0
    assert io.read(tmp_path / "fa.nii.gz").voxels.shape == source.voxels.shape


def test_translate_takes_folders_and_cohorts(place: Path, tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    for n in (0, 1):
        io.write(io.read(place / f"subjects/case-{n}/t1.nii.gz"), images / f"c{n}.nii.gz")
    assert cli.run(words(f"translate {place}/run {images} -o {tmp_path}/many")) == 0
    assert sorted(path.name for path in (tmp_path / "many").glob("*.nii.gz")) == [
        "c0_fa.nii.gz",
        "c1_fa.nii.gz",
    ]
    assert cli.run(words(f"translate {place}/run {place}/cohort -o {tmp_path}/test --split test")) == 0
    assert len(list((tmp_path / "test").glob("*.nii.gz"))) == 1


def test_evaluate_writes_rows_with_protocols_and_a_report(place: Path, tmp_path: Path) -> None:
    assert cli.run(words(f"evaluate {place}/run --cohort {place}/cohort -o {tmp_path}/e")) == 0
    evaluation = json.loads((tmp_path / "e/evaluation.json").read_text())
    rows = evaluation["rows"]
    assert {row["translator"] for row in rows} == {"unet_regression", "mean_target", "lookup", "linear_patch"}
    assert {row["metric"] for row in rows} >= {"mae", "psnr", "ssim"}
    for row in rows:
        assert set(row) == {"case", "patient", "translator", "metric", "value", "unit", "protocol"}
    assert "Not a medical device" in (tmp_path / "e/report.html").read_text()
    assert (tmp_path / "e/evaluation.csv").stat().st_size > 0


def _broken(place: Path, folder: Path) -> dict[str, Path]:
    """Images that must be refused, by what is wrong with them."""
    source = io.read(place / "subjects/case-0/t1.nii.gz")
    whole = (place / "subjects/case-0/t1.nii.gz").read_bytes()
    (folder / "cut.nii.gz").write_bytes(whole[: len(whole) // 2])
    series = np.repeat(source.voxels[..., None], 3, axis=3)
    nib.save(nib.Nifti1Image(series, source.affine), folder / "series.nii.gz")
    holed = source.voxels.copy()
    holed[2, 3, 4] = np.nan
    nib.save(nib.Nifti1Image(holed, source.affine), folder / "nan.nii.gz")
    colours = np.random.default_rng(1).integers(0, 255, (6, 6, 6, 3)).astype(np.uint8)
    io.write(Volume(colours, source.affine), folder / "colour.nii.gz")
    (folder / "text.nii.gz").write_text("no image")
    (folder / "empty").mkdir()
    return {
        "E100": folder / "absent.nii.gz",
        "E101": folder / "cut.nii.gz",
        "E102": folder / "text.nii.gz",
        "E120": folder / "nan.nii.gz",
        "E121": folder / "series.nii.gz",
        "E122": folder / "colour.nii.gz",
        "E100 ": folder / "empty",
    }


@pytest.mark.parametrize("code", ["E100", "E101", "E102", "E120", "E121", "E122", "E100 "])
def test_wrong_images_get_one_line_and_leave_nothing(
    place: Path, code: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = _broken(place, tmp_path)[code]
    assert cli.run(words(f"translate {place}/run {image} -o {tmp_path}/made/fa.nii.gz")) == 3
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error[")]
    assert len(lines) == 1
    assert lines[0].startswith(f"error[{code.strip()}]")
    assert not list(tmp_path.rglob("fa*"))


@pytest.mark.parametrize(
    ("line", "status", "code"),
    [
        ("train {0}/unknown-key.yaml --cohort {0}/cohort -o {1}/r", 2, "E003"),
        ("train {0}/tiny.yaml --cohort {0}/cohort -o {1}/r --set training.epoch=2", 2, "E003"),
        ("train {0}/tiny.yaml --cohort {0}/cohort -o {1}/r --set task.target=ct", 3, "E131"),
        ("train {0}/tiny.yaml --cohort {0}/subjects -o {1}/r", 3, "E133"),
        ("train {0}/tiny.yaml --cohort {0}/cohort -o {1}/r --set settings.widht=4", 2, "E003"),
        ("translate {0}/cohort {0}/subjects/case-0/t1.nii.gz -o {1}/fa.nii.gz", 3, "E134"),
        ("translate {0}/run {0}/subjects/case-0/t1.nii.gz -o {1}/fa.png", 2, "E005"),
        ("translate {0}/run {0}/subjects/case-0/t1.nii.gz -o {1}/fa.nii.gz --disagreement", 2, "E004"),
        ("translate {0}/run {0}/subjects/case-0/t1.nii.gz -o {0}/tiny.nii.gz --axes q", 2, "E001"),
        ("evaluate {0}/run --cohort {0}/cohort --split nobody", 2, "E001"),
        ("prepare folders {0}/nowhere -o {1}/c", 3, "E100"),
        ("prepare folders {0}/subjects -o {1}/c --region t1", 2, "E001"),
        ("prepare folders {0}/subjects -o {1}/c --counts 9:1:1 --workers 1", 3, "E132"),
        ("demo --translator nothing -o {1}/d", 2, "E002"),
    ],
)
def test_wrong_calls_get_one_line_with_a_code(
    place: Path, line: str, status: int, code: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "unknown-key.yaml").write_text(RECIPE + "windwos: {}\n")
    assert cli.run(words(line.format(place, tmp_path))) == status
    lines = [one for one in capsys.readouterr().err.splitlines() if one.startswith("error[")]
    assert len(lines) == 1
    assert lines[0].startswith(f"error[{code}]")
    assert not (tmp_path / "fa.nii.gz").exists()


def test_an_output_is_not_overwritten(place: Path, tmp_path: Path) -> None:
    call = f"translate {place}/run {place}/subjects/case-0/t1.nii.gz -o {tmp_path}/fa.nii.gz"
    assert cli.run(words(call)) == 0
    first = (tmp_path / "fa.nii.gz").read_bytes()
    assert cli.run(words(call)) == 0  # it is already there
    assert cli.run(words(call + " --force")) == 2
    assert cli.run(words(call + " --overwrite")) == 0
    assert (tmp_path / "fa.nii.gz").read_bytes() == first
    source = place / "subjects/case-0/t1.nii.gz"
    assert cli.run(words(f"translate {place}/run {source} -o {source} --overwrite")) == 2
