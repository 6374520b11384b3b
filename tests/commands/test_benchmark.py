"""`transmodal benchmark`: suites are listed, words that cannot be are refused, failures have an exit status."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from transmodal import cli
from transmodal.commands.benchmark import _default_workers, _Logged
from transmodal.experiments.benchmark import run as benchmark
from transmodal.experiments.benchmark import table


def test_suites_are_listed_with_their_entries(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["benchmark", "--list"]) == 0
    every = capsys.readouterr().out
    assert cli.run(["benchmark", "atlas-smoke", "--list"]) == 0
    smoke = capsys.readouterr().out
    assert smoke.startswith("atlas-smoke: ")
    assert smoke in every
    assert "  budget: " in smoke
    assert "seeds: " in smoke


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ("", "without suite, --cohort or -o"),
        ("atlas -o out", "without suite, --cohort or -o"),
        ("atlas --cohort cohort -o out --seeds 1,x", "--seeds 1,x"),
        ("atlas --cohort cohort -o out --only nobody", "no entry 'nobody'"),
        ("nothing --list", "no suite 'nothing'"),
        ("atlas --cohort cohort -o out --workers 0", "--workers"),
    ],
)
def test_refusals(words: str, part: str, folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["benchmark", *words.split()]) == 2
    assert part in capsys.readouterr().err
    assert not Path("out").exists()


def test_failures_end_with_status_1(
    folders: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    parts: list[tuple[list[str], tuple[int, ...]]] = []

    def run(part: SimpleNamespace, cohort: Path, output: Path, **_: object) -> SimpleNamespace:
        parts.append((sorted(part.entries), tuple(part.seeds)))
        output.mkdir()
        failures = {("pix2pix", 2): "error[E402]: no memory"}
        return SimpleNamespace(content={"name": "atlas"}, comparisons={}, failures=failures)

    monkeypatch.setattr(benchmark, "benchmark", run)
    monkeypatch.setattr(table, "write", lambda comparisons, output: [])
    words = "benchmark atlas --cohort cohort -o out --only pix2pix --seeds 2,5"
    assert cli.run(words.split()) == 1
    assert parts == [(["pix2pix"], (2, 5))]
    shown = capsys.readouterr().out
    assert "the first pix2pix with seed 2: error[E402]: no memory" in shown
    assert Path("out/benchmark.json").is_file()


def test_a_log_of_hours_tells_each_count(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    bars = SimpleNamespace(advance=lambda *_: None, say=lines.append)
    logged = _Logged(bars)
    for n in (1, 2):
        logged.advance("trainings", n, 2, "pix2pix")
    logged.say("a note")
    assert lines == ["trainings: 1/2 pix2pix", "a note"]


def test_there_is_a_worker_by_default() -> None:
    assert _default_workers() >= 1
