"""A run is quantized for what it can be used for afterwards, and left alone where that would cost too much."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import transmodal
from transmodal import cli
from transmodal.errors import TransmodalError
from transmodal.quantizing import loss, run

EARLIER = Path(__file__).parent.parent / "contract" / "earlier"


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of a cohort and a run, which is the working directory."""
    shutil.copytree(EARLIER, tmp_path / "earlier")
    monkeypatch.chdir(tmp_path / "earlier")
    return tmp_path / "earlier"


def test_a_quantized_run_translates_evaluates_and_is_reproduced(
    folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = transmodal.quantize("run", "cohort")
    assert made.folder == Path("run/int8/best")
    assert made.loss.psnr_db <= loss.LARGEST_LOSS_DB
    transmodal.translate("run", "source-t1.nii.gz", "float.nii.gz", gate="off")
    transmodal.translate("run", "source-t1.nii.gz", "integers.nii.gz", gate="off", engine="int8")
    by_float, by_integers = (transmodal.read(f"{name}.nii.gz").voxels for name in ("float", "integers"))
    assert 0 < np.sqrt(np.mean((by_float - by_integers) ** 2)) < 0.05
    record = json.loads(Path("integers.json").read_text())
    assert record["engine"] == "int8"
    choice = record["engine_choice"]
    assert 0 < choice["rms_difference"] <= choice["tolerance"]
    assert choice["loss"]["psnr_db"] == made.loss.psnr_db
    assert transmodal.reproduce("integers.json", "source-t1.nii.gz", run="run").is_equal
    evaluation = transmodal.evaluate("run", "cohort", engine="int8", split="validation", oracles="none")
    decibels = next(row.value for row in evaluation.rows if row.metric == "psnr")
    assert decibels == pytest.approx(made.loss.figures[1]["int8"])
    capsys.readouterr()
    assert (
        cli.run(
            [
                "translate",
                "run",
                "source-t1.nii.gz",
                "-o",
                "other.nii.gz",
                "--engine",
                "int8",
                "--translate-with",
                "running",
            ]
        )
        != 0
    )


def test_it_is_refused_where_it_would_cost_too_much_and_nothing_is_left(
    folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loss, "LARGEST_LOSS_DB", -1.0)
    with pytest.raises(TransmodalError, match="costs run too much: PSNR falls by") as refused:
        transmodal.quantize("run", "cohort")
    assert refused.value.code == "E004"
    assert "first and the last operation" in str(refused.value)
    assert not Path("run/int8").exists()


def test_the_cautious_network_is_taken_where_the_bold_one_costs_too_much(
    folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([loss.Loss(1, (), 0.5, {}), loss.Loss(1, (), 0.05, {})])
    monkeypatch.setattr(run, "measure_loss", lambda *_: next(answers))
    made = transmodal.quantize("run", "cohort")
    assert made.kept_float == "first and last"
    assert json.loads((made.folder / "quantized.json").read_text())["kept_float"] == "first and last"


def test_another_cohort_and_a_second_time_are_refused(folders: Path) -> None:
    assert (
        cli.run(
            [
                "resplit",
                "cohort",
                "--counts",
                "2:2:2",
                "--seed",
                "5",
                "-o",
                "other",
                "--workers",
                "1",
                "--quiet",
            ]
        )
        == 0
    )
    with pytest.raises(TransmodalError, match="which the run learned from") as unlike:
        transmodal.quantize("run", "other")
    assert unlike.value.code == "E004"
    transmodal.quantize("run", "cohort")
    with pytest.raises(TransmodalError, match="--overwrite") as taken:
        transmodal.quantize("run", "cohort")
    assert taken.value.code == "E005"
    assert transmodal.quantize("run", "cohort", overwrite=True).folder.is_dir()
    transmodal.export("run", "model.tmz")
    for call in (
        lambda: transmodal.quantize("model.tmz", "cohort"),
        lambda: transmodal.load("model.tmz", engine="int8"),
    ):
        with pytest.raises(TransmodalError, match="a run's folder") as single:
            call()
        assert single.value.code == "E004"
