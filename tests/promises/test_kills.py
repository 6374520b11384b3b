"""Twelve kills over all verbs that write; `python -m tests.promises kills --count 300` goes on over all translators."""

from __future__ import annotations

from pathlib import Path

import pytest

from promises import page
from promises.kills import add_kills, run_kills
from promises.scenes import broken_files, leftovers, result_of
from promises.table import read_promises
from promises.tasks import LOADERS, TRANSLATORS, VERBS, tasks_of, trials

COUNT = 12


def test_kills_go_over_all_verbs_and_translators() -> None:
    planned = trials(300)
    assert {trial.task.verb for trial in trials(COUNT)} == set(VERBS)
    for verb in ("train", "translate", "evaluate", "compare"):
        assert {trial.task.translator for trial in planned if trial.task.verb == verb} == set(TRANSLATORS)
    assert {trial.task.loaders for trial in planned if trial.task.verb == "train"} == {0, LOADERS}
    for verb in ("prepare", "train", "translate", "evaluate", "compare", "atlas"):
        assert {trial.is_timed for trial in planned if trial.task.verb == verb} == {True, False}


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs the processes of Linux")
def test_a_kill_loses_nothing() -> None:
    kept: list[int] = []
    figures = run_kills(trials(COUNT), 1, keep=lambda figures: kept.append(figures["kills"]))
    assert sorted(kept) == kept
    assert kept[-1] == figures["kills"]
    assert not figures["faults"]
    assert figures["kills"] >= COUNT - 1  # a moment may come when the command has ended
    assert figures["most_steps_lost"] <= 1


def test_half_files_and_leftovers_are_noticed(tmp_path: Path) -> None:
    whole = {
        "a.json": b"{}\n",
        "b.html": b"<html></html>\n",
        "c.csv": b"a,b\n",
        "curves.csv": b"a,b\n1,",
        "d.yaml": b"a: 1\n",
    }
    for name, content in whole.items():
        (tmp_path / name).write_bytes(content)
    assert not broken_files(tmp_path)
    for name in ("a.json", "b.html", "c.csv"):
        (tmp_path / name).write_bytes(whole[name][:-2])
    (tmp_path / "e.npy").write_bytes(b"\x93NUMPY")
    (tmp_path / "f.nii.gz").write_bytes(b"\x1f\x8b")
    (tmp_path / "g.safetensors").write_bytes(b"\x08")
    (tmp_path / "h.png").write_bytes(b"\x89PNG")
    (tmp_path / ".partial-x").mkdir()
    (tmp_path / ".partial-x" / "i.json").write_bytes(b"{")
    assert broken_files(tmp_path) == [
        "a.json",
        "b.html",
        "c.csv",
        "e.npy",
        "f.nii.gz",
        "g.safetensors",
        "h.png",
    ]
    assert leftovers(tmp_path) == [".partial-x"]


def test_durations_are_no_part_of_a_result_and_figures_are(tmp_path: Path) -> None:
    def write(folder: str, seconds: str, mae: str) -> dict[str, str]:
        place = tmp_path / folder
        place.mkdir()
        (place / "benchmark.json").write_text(f'{{"training_seconds": {seconds}, "mae": {mae}}}')
        (place / "comparison.md").write_text(f"{mae} in {seconds}")
        (place / "report.html").write_text(f"<p>{mae}; training_seconds {seconds}; {seconds} s</p>")
        return result_of(place)

    assert write("a", "1.5", "0.1") == write("b", "2.5", "0.1")
    assert write("c", "1.5", "0.2")["benchmark.json"] != write("d", "1.5", "0.1")["benchmark.json"]
    (tmp_path / "a" / "benchmark.json").unlink()
    assert "comparison.md" in result_of(tmp_path / "a")


def test_runs_of_kills_are_added_up_each_with_what_it_was_taken_of() -> None:
    fresh = dict.fromkeys(("missed", "partial_files", "leftovers", "left_processes"), 0) | {
        "kills": 3,
        "lost": 1,
        "most_steps_lost": 1,
        "by_verb": {"train": 3},
        "by_translator": {"pix2pix": 3},
        "by_task": {"train pix2pix, 2 loaders": 3},
        "faults": ["train pix2pix, kill 2: lost: a reason"],
    }
    one = add_kills({}, {"date": "2026-11-28", "commit": "a", "seed": 1}, fresh)
    both = add_kills(
        one,
        {"date": "2026-11-29", "commit": "b", "seed": 2},
        {**fresh, "lost": 0, "faults": [], "most_steps_lost": 0},
    )
    assert (both["kills"], both["lost"], both["most_steps_lost"], both["faults"]) == (
        6,
        1,
        1,
        fresh["faults"],
    )
    assert (both["by_verb"], both["by_translator"]) == ({"train": 6}, {"pix2pix": 6})
    assert [(run["commit"], run["seed"], run["kills"], run["lost"]) for run in both["runs"]] == [
        ("a", 1, 3, 1),
        ("b", 2, 3, 0),
    ]
    shown = page.figure_of(
        next(row for row in read_promises() if row.number == 11), {"kills": {"figures": both}}
    )
    assert shown.startswith("1 of 6 kills lost something")
    assert "3 at a, 3 at b" in shown


def test_a_run_goes_on_with_the_commands_that_were_killed_least() -> None:
    killed = {str(trial.task): 1 for trial in trials(20, ["train"])}
    assert len(killed) == 20
    more = {str(trial.task) for trial in trials(12, ["train"], {"by_task": killed})}
    assert not more & set(killed)
    assert {loaders for task in more for loaders in [task.endswith("2 loaders")]} == {True}


def test_trainings_are_counted_by_translator_and_loaders() -> None:
    tasks = {str(task): 1 for task in tasks_of("train")}
    figures = {"by_verb": {"train": 40}, "by_task": {**tasks, "train pix2pix": 3}, "faults": []}
    row = next(row for row in read_promises() if row.number == 12)
    shown = page.figure_of(row, {"kills": {"figures": figures}})
    assert "40 of 40 killed trainings with equal hashes" in shown
    assert f"each of {len(TRANSLATORS)} translators killed at 1 instants or more without, 1 with" in shown
    assert "at 0 instants or more without" in page.figure_of(
        row, {"kills": {"figures": {**figures, "by_task": {}}}}
    )
