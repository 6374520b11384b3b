"""The benchmarks' runner finds every file by itself, and the page of performance says what was measured and no more."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
UNRECORDED = {"translate: ResViT, openvino"}
"""Rows that goals name and the record lacks: the engine is refused."""
LINE: dict[str, Any] = {
    "benchmark": "things",
    "peer": "MONAI 1.6.1 CacheDataset; torchio 1.2.1 Queue",
    "smoke": False,
    "ratio": {"monai": 25.0, "torchio Queue, 2 workers": 2.5},
    "spread": {"monai": [20.0, 30.0]},
    "goal": {"monai": 20, "torchio Queue": 3},
    "ms_per_window": {"ours": 2.0, "ours, 2 workers": 4.0, "monai": 50.0},
    "limits": {"monai": {"gflop": 0.05, "dtype": "float64"}, "torchio Queue": {"mb": 20.0}},
    "reasons": {"torchio Queue": "its workers fork"},
}
ENTRY: dict[str, Any] = {
    "status": 0,
    "lines": [LINE],
    "ceilings": {"float32": 100.0, "float64": 50.0, "gb_per_s": 10.0},
    "origin": {
        "date": "2026-11-28 21:15",
        "commit": "0123456789",
        "machine": "a processor, 2 cores",
        "load": 0.1,
        "load_after": 1.0,
        "seconds": 12,
        "versions": {"numpy": "2.4.6"},
    },
}


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT)
    return importlib.import_module("benchmarks.page")


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT)
    return importlib.import_module("benchmarks.__main__")


def test_a_row_has_its_own_peer_goal_time_and_limit(page: ModuleType) -> None:
    first, second = page.rows({"things": ENTRY})
    assert (first.peer, first.goal, first.ours_ms, first.limit_ms) == (
        "MONAI 1.6.1 CacheDataset",
        20,
        2.0,
        1.0,
    )
    assert (second.peer, second.goal, second.ours_ms, second.limit_ms) == ("torchio 1.2.1 Queue", 3, 4.0, 2.0)
    assert (first.is_short, second.is_short) == (False, True)


def test_no_time_is_a_power_of_ten(page: ModuleType) -> None:
    slow = {**ENTRY, "lines": [{**LINE, "ms_per_window": {"ours": 2163.4, "monai": 5000.0}}]}
    (row,) = (line for line in page.table(page.rows({"things": slow})) if "things: monai" in line)
    assert "| 2,160 |" in row


def test_the_page_says_what_falls_short_and_how_near_the_limit_is(page: ModuleType) -> None:
    text = page.page({"things": ENTRY})
    assert "| things: monai | MONAI 1.6.1 CacheDataset | 25 (20 to 30) | 20 | 2 | 1 |" in text
    assert "| 3, **not met** |" in text
    assert "- things, torchio Queue, 2 workers: 2.5 of 3 (5 at the limit): its workers fork." in text
    assert (
        "- things, monai: 0.05 GFLOP in float64 at 50 GFLOP/s take 1 ms; ours takes 2 ms, so that the limit is 50 % of it."
        in text
    )
    assert "- things, torchio Queue, 2 workers: 20 MB at 10 GB/s take 2 ms; ours takes 4 ms" in text
    assert "| bench_things.py | 2026-11-28 21:15 | 0123456789 |" in text
    bare = {"benchmark": "plain", "peer": "a loop", "smoke": False, "ratio": 1.5, "goal": 2.0}
    text = page.page({"plain": {**ENTRY, "status": 1, "lines": [bare]}})
    assert f"- plain: 1.5 of 2: {page.NO_REASON}." in text
    assert "No limit was worked out for: plain." in text
    assert "its own check fails" in text


def test_every_goal_has_its_figure_and_its_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT)
    goals = importlib.import_module("benchmarks.goals")
    figures = [figure for goal in goals.GOALS for figure in goal.figures]
    figures.sort(key=lambda figure: figure.bound)  # a row may be held against two bounds
    record = {
        figure.row: goals.Measured(1.0, figure.bound - 1)
        if figure.is_time
        else goals.Measured(figure.bound, None)
        for figure in figures
    }
    _, _, *lines = goals.table(record)
    assert len(lines) == len(goals.GOALS)
    assert all("met" in line or goal.words for line, goal in zip(lines, goals.GOALS, strict=True))
    assert not any("**not met**" in line or "not in the record" in line for line in lines)
    slow = {name: goals.Measured(0.4, 1e6) for name in record}
    short = [
        line for line, goal in zip(list(goals.table(slow))[2:], goals.GOALS, strict=True) if goal.figures
    ]
    assert all("**not met**" in line for line in short)
    assert "| 0.4, 0.4 | **not met**: training: pix2pix, batch 1, training: pix2pix, batch 4;" in "\n".join(
        short
    )
    bare = [line for line, goal in zip(list(goals.table({}))[2:], goals.GOALS, strict=True) if goal.figures]
    assert all("not in the record" in line for line in bare)


def test_the_goals_rows_are_those_that_benchmarks_print() -> None:
    """A renamed row would be shown as one that nobody measured."""
    sys.path.insert(0, str(ROOT))
    try:
        page, goals = (importlib.import_module(f"benchmarks.{name}") for name in ("page", "goals"))
    finally:
        sys.path.remove(str(ROOT))
    recorded = {page._work(row) for row in page.rows(page.read_record())}
    named = {figure.row for goal in goals.GOALS for figure in goal.figures}
    assert named - recorded <= UNRECORDED


def test_a_page_without_a_record_shows_no_figure(page: ModuleType) -> None:
    assert page.page({}).endswith("Nothing was measured yet.\n")


def test_a_new_file_is_run_by_itself_and_its_state_is_said(
    runner: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bench_good.py").write_text(
        f"import sys\nassert '--smoke' in sys.argv\nprint({json.dumps(LINE)!r})\n"
    )
    (tmp_path / "bench_peerless.py").write_text("import no_such_peer\n")
    monkeypatch.setattr(runner, "FOLDER", tmp_path)
    monkeypatch.setattr(sys, "argv", ["benchmarks", "--smoke"])
    assert runner.main() == 0
    shown = capsys.readouterr()
    assert "| things: monai |" in shown.out
    assert "peerless: not run, no_such_peer is not installed" in shown.err
    (tmp_path / "bench_wrong.py").write_text("raise SystemExit(1)\n")
    (tmp_path / "bench_broken.py").write_text("import transmodal.no_such_module\n")
    assert runner.main() == 1
    shown = capsys.readouterr()
    assert "wrong failed" in shown.err
    assert "broken failed" in shown.err


def test_a_record_keeps_what_was_not_run_again(
    runner: ModuleType, page: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = tmp_path / "speed" / "record.json"
    for module in (runner, page):
        monkeypatch.setattr(module, "RECORD", record)
        monkeypatch.setattr(module, "PAGE", tmp_path / "performance.md")
    monkeypatch.setattr(page.read_record, "__defaults__", (record,))
    monkeypatch.setattr(runner, "FOLDER", tmp_path)
    (tmp_path / "ceilings.py").write_text(f"print('''{json.dumps({'ceilings': ENTRY['ceilings']})}''')\n")
    for name in ("old", "new"):
        (tmp_path / f"bench_{name}.py").write_text(f"print({json.dumps({**LINE, 'benchmark': name})!r})\n")
    for name in ("old", "new"):
        monkeypatch.setattr(sys, "argv", ["benchmarks", name, "--record"])
        assert runner.main() == 0
    assert set(json.loads(record.read_text())) == {"old", "new"}
    assert "| old: monai |" in (tmp_path / "performance.md").read_text()


def test_names_are_those_of_the_files() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "no-such"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    for path in (ROOT / "benchmarks").glob("bench_*.py"):
        assert path.stem.removeprefix("bench_") in done.stderr
