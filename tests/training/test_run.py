from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from transmodal.checkpoint import CohortMark
from transmodal.errors import UsageError
from transmodal.recipes.load import load
from transmodal.recipes.schema import Recipe
from transmodal.training import run as room
from transmodal.training.run import Run, lock, open_run, versions

HEADS = CohortMark("heads", "ab12")


def test_a_new_run_says_what_it_is(tiny: Callable[..., Recipe], run_folder: Path) -> None:
    run = open_run(run_folder, tiny(), HEADS, {"cases": 3})

    record = json.loads(run.record.read_text())
    assert record["cohort"] == {"name": "heads", "digest": "ab12"}
    assert record["plan"] == {"cases": 3}
    assert record["seed"] == 2024
    assert record["versions"] == versions()
    assert "Not a medical device" in record["intended_use"]
    assert load(run_folder / "recipe.yaml") == tiny()
    assert open_run(run_folder, tiny(), HEADS, {}) == run


@pytest.mark.parametrize(
    ("key", "value"), [("workers", 3), ("checkpoint_minutes", 3), ("loggers", ["tensorboard", "mlflow"])]
)
def test_where_and_how_may_change(
    tiny: Callable[..., Recipe], run_folder: Path, key: str, value: object
) -> None:
    open_run(run_folder, tiny(), HEADS, {})
    open_run(run_folder, tiny(**{key: value}), HEADS, {})


def test_another_recipe_is_refused_by_key(tiny: Callable[..., Recipe], run_folder: Path) -> None:
    open_run(run_folder, tiny(), HEADS, {})
    for other, key in (
        (tiny(epochs=9), "training.epochs"),
        (tiny(players={"generator": {"lr": 0.1}}), "training.players.generator"),
        (tiny(precision="bf16-mixed"), "training.precision"),
        (tiny("pix2pix"), "translator, settings.width"),
    ):
        with pytest.raises(UsageError, match="another recipe") as caught:
            open_run(run_folder, other, HEADS, {})
        assert caught.value.code == "E005"
        assert key.split(",")[0] in caught.value.got


def test_a_setting_that_there_was_not_yet_is_at_its_default(
    tiny: Callable[..., Recipe], run_folder: Path
) -> None:
    run = open_run(run_folder, tiny(), HEADS, {})
    record = json.loads(run.record.read_text())
    assert record["recipe"]["windows"].pop("plane_channels") is False
    run.record.write_text(json.dumps(record))
    assert open_run(run_folder, tiny(), HEADS, {}) == run
    told = tiny(changes={"windows": {"axes": ["z", "x"], "plane_channels": True}})
    with pytest.raises(UsageError, match=r"windows\.plane_channels differ"):
        open_run(run_folder, told, HEADS, {})
    record["recipe"]["windows"]["colour"] = "red"  # of a later version
    run.record.write_text(json.dumps(record))
    with pytest.raises(UsageError, match=r"windows\.colour"):
        open_run(run_folder, tiny(), HEADS, {})


def test_another_cohort_is_refused(tiny: Callable[..., Recipe], run_folder: Path) -> None:
    open_run(run_folder, tiny(), HEADS, {})
    open_run(run_folder, tiny(), CohortMark("moved", "ab12"), {})

    with pytest.raises(UsageError, match="cohort heads") as caught:
        open_run(run_folder, tiny(), CohortMark("heads", "ff"), {})
    assert caught.value.code == "E005"


def test_a_folder_that_is_no_run_is_left_alone(tiny: Callable[..., Recipe], tmp_path: Path) -> None:
    (tmp_path / "thesis.docx").write_text("years")
    with pytest.raises(UsageError, match="no run"):
        open_run(tmp_path, tiny(), HEADS, {})
    with pytest.raises(UsageError, match="is a file"):
        open_run(tmp_path / "thesis.docx", tiny(), HEADS, {})
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.docx"]


def test_a_start_that_was_interrupted_does_not_stand_in_the_way(
    tiny: Callable[..., Recipe], run_folder: Path
) -> None:
    run_folder.mkdir(parents=True)
    (run_folder / ".partial-abc").write_text("half")

    with lock(open_run(run_folder, tiny(), HEADS, {})):
        assert not (run_folder / ".partial-abc").exists()


def test_a_start_that_was_killed_behind_its_record_gets_its_recipe(
    tiny: Callable[..., Recipe], run_folder: Path
) -> None:
    run = open_run(run_folder, tiny(), HEADS, {})
    recipe = (run.folder / "recipe.yaml").read_bytes()
    (run.folder / "recipe.yaml").unlink()
    open_run(run_folder, tiny(workers=1), HEADS, {})
    assert (run.folder / "recipe.yaml").read_bytes() == recipe


def test_what_a_killed_save_left_is_removed(tiny: Callable[..., Recipe], run_folder: Path) -> None:
    run = open_run(run_folder, tiny(), HEADS, {})
    (run.last.parent / ".old-x" / "last").mkdir(parents=True)
    (run.last.parent / ".partial-x").mkdir()
    run.last.mkdir()
    (run.last / "newer").touch()
    with lock(run):
        assert [path.name for path in run.last.parent.iterdir()] == ["last"]
        assert (run.last / "newer").exists()


def test_what_lost_its_name_to_a_kill_gets_it_back(tiny: Callable[..., Recipe], run_folder: Path) -> None:
    """Where names cannot be exchanged in one step, the older folder waits aside for a moment."""
    run = open_run(run_folder, tiny(), HEADS, {})
    (run.last.parent / ".old-x" / "best").mkdir(parents=True)
    with lock(run):
        assert [path.name for path in run.last.parent.iterdir()] == ["best"]


def test_a_place_that_cannot_be_made(tiny: Callable[..., Recipe], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="which is a file") as caught:
        open_run(tmp_path / "file" / "run", tiny(), HEADS, {})
    assert caught.value.code == "E005"


def test_two_trainings_do_not_share_a_folder(
    tiny: Callable[..., Recipe], run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "PATIENCE_SECONDS", 0.3)
    run = open_run(run_folder, tiny(), HEADS, {})
    with lock(run):
        # A lock belongs to the opened file: a second opening stands for a second process.
        with pytest.raises(UsageError, match="another process") as caught, lock(Run(run_folder)):
            pytest.fail("two trainings in one folder")
        assert caught.value.code == "E005"
    with lock(run):
        pass
