"""Model cards: written from a run's records, never over a user's own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from transmodal.checkpoint import archive
from transmodal.errors import InputError
from transmodal.exporting import card, file

EARLIER = Path(__file__).parents[1] / "contract" / "earlier"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    shutil.copytree(EARLIER / "run", tmp_path / "run")
    return tmp_path / "run"


def test_a_card_has_the_figures_of_the_evaluations_beside_the_run(run: Path) -> None:
    text = card.write(run).read_text()
    assert "None is recorded" in text
    shutil.copytree(EARLIER / "evaluation", run / "evaluation")
    (run / "evaluation-bad").mkdir()
    (run / "evaluation-bad" / "evaluation.json").write_text('{"summary": 3}')
    (run / "evaluation-worse").mkdir()
    (run / "evaluation-worse" / "evaluation.json").write_text("no JSON")
    card.refresh(run)
    text = (run / card.FILE).read_text()
    assert "| unet_regression | mae | 0.2502 ± 0.017 FA | 2 |" in text
    assert "None is recorded" not in text
    assert "evaluation-bad" not in text
    for part in (
        "Not a medical device",
        "T1 to FA",
        "## Intended use",
        "## Limits",
        "## Licences",
        "Seed 2024",
    ):
        assert part in text
    assert card.write(run).read_text() == text


def test_a_users_own_card_stays_and_goes_along(run: Path) -> None:
    (run / card.FILE).write_text("# Ours\nLicence: CC BY 4.0\n")
    card.refresh(run)
    file.write(run, run / "model.tmz")
    assert (run / card.FILE).read_text() == card.card_of(run / "model.tmz") == "# Ours\nLicence: CC BY 4.0\n"


def test_the_card_of_a_file_is_the_one_inside(run: Path, tmp_path: Path) -> None:
    file.write(run, tmp_path / "model.tmz")
    card.copy(tmp_path / "model.tmz", tmp_path / "card.md")
    assert (tmp_path / "card.md").read_text() == card.card_of(run)
    archive.pack(tmp_path / "bare.tmz", run / "checkpoints" / "best")
    assert "# Model card: tiny" in card.card_of(tmp_path / "bare.tmz")


def test_a_folder_without_checkpoints_has_no_card(tmp_path: Path) -> None:
    card.refresh(tmp_path)
    assert not list(tmp_path.iterdir())
    with pytest.raises(InputError, match="run folder"):
        card.write(tmp_path)
