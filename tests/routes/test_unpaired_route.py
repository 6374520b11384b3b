"""Two sets of pictures of different patients: prepared, trained on, and judged by what needs no pair."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from transmodal import cli
from transmodal.errors import InputError
from transmodal.evaluation.request import EvaluationRequest, ScoringOptions
from transmodal.evaluation.run import evaluate
from transmodal.evaluation.unpaired.evaluate import evaluate_unpaired

RECIPE = """
name: without-pairs
translator: cyclegan
task: {source: [t1], target: t2}
windows: {kind: slice, axes: [z], size: [32, 32]}
settings: {width: 4, blocks: 1, pool: 2}
training:
  epochs: 1
  batch: 2
  samples_per_epoch: 4
  device: cpu
"""


def draw_set(folder: Path, patient: str, seed: int, *, bright: bool) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    i, j = np.meshgrid(np.linspace(-1, 1, 24), np.linspace(-1, 1, 28), indexing="ij")
    for n in range(3):
        head = i**2 + j**2 < 0.8
        grey = np.where(head, 120 + 60 * np.sin(3 * i + seed + n) * (1 if bright else -1), 0)
        Image.fromarray(grey.astype(np.uint8)).save(folder / f"{patient}_{n}.png")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prepare and train as a user of CycleGAN's data would."""
    folder = tmp_path_factory.mktemp("unpaired")
    for side, patients in (("train", (1, 2)), ("test", (3,))):
        for patient in patients:
            draw_set(folder / "sets" / f"{side}A", f"a{patient}", patient, bright=True)
            draw_set(folder / "sets" / f"{side}B", f"b{patient}", patient, bright=False)
    words = ["prepare", "slices", str(folder / "sets"), "-o", str(folder / "cohort")]
    told = ["--with", "a=t1", "--with", "b=t2"]
    assert cli.run([*words, *told]) == 3  # no pair, and the line says what to add
    assert cli.run([*words, *told, "--with", "unpaired=true"]) == 0
    (folder / "recipe.yaml").write_text(RECIPE)
    torch.set_num_threads(1)
    cohort = str(folder / "cohort")
    assert cli.run(["train", str(folder / "recipe.yaml"), "--cohort", cohort, "-o", str(folder / "run")]) == 0
    return folder


def test_evaluation_takes_what_needs_no_pair_and_says_so(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["evaluate", str(place / "run"), "--cohort", str(place / "cohort")]
    assert cli.run(words) == 0
    shown = capsys.readouterr().out
    assert "1 case of t1, 1 of t2, no pairs" in shown
    assert "Not taken" in shown
    written = json.loads((place / "run" / "evaluation" / "unpaired.json").read_text())
    assert [(row["case"], row["metric"]) for row in written["rows"]] == [("test-a3-t1", "cycle_error")]
    assert 0 < written["rows"][0]["value"] < 1
    assert written["target_cases"] == ["test-b3-t2"]
    page = (place / "run" / "evaluation" / "unpaired.html").read_text()
    assert page.count("data:image/png;base64,") == 2
    assert "Not a medical device" in page
    assert not (place / "run" / "evaluation" / "evaluation.json").exists()


def test_sets_of_slices_are_compared_by_kid(place: Path, tmp_path: Path) -> None:
    words = ["evaluate", str(place / "run"), "--cohort", str(place / "cohort"), "-o", str(tmp_path / "e")]
    assert cli.run([*words, "--metrics", "cycle_error,kid", "--weights", "inception=random"]) == 0
    (figure,) = json.loads((tmp_path / "e" / "unpaired.json").read_text())["splits"]
    assert (figure["metric"], figure["n_slices"]) == ("kid", 3)
    assert np.isfinite(figure["value"])


def test_what_needs_pairs_is_refused(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["evaluate", str(place / "run"), "--cohort", str(place / "cohort")]
    assert cli.run([*words, "--metrics", "psnr"]) == 2
    assert "error[E004]: psnr on cases without pairs" in capsys.readouterr().err
    assert cli.run([*words, "--viewer"]) == 2
    assert "error[E004]: --viewer without a pair" in capsys.readouterr().err


def test_a_translator_of_pairs_says_which_case_lacks_what(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [
        "train",
        str(place / "recipe.yaml"),
        "--cohort",
        str(place / "cohort"),
        "-o",
        str(tmp_path / "run"),
    ]
    assert cli.run([*words, "--set", "translator=pix2pix", "--set", "settings={width: 4, levels: 4}"]) == 3
    assert "no t2" in capsys.readouterr().err


def test_the_function_of_pairs_names_the_function_without(place: Path) -> None:
    with pytest.raises(InputError, match="evaluate_unpaired") as caught:
        evaluate([place / "run"], place / "cohort", EvaluationRequest(scoring=ScoringOptions(oracles=())))
    assert caught.value.code == "E131"
    assert evaluate_unpaired([place / "run"], place / "cohort").cycles.keys() == {"cyclegan"}
