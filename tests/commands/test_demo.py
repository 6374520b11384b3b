"""`transmodal demo`: its words become options, and its end says what to do next."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from transmodal import cli
from transmodal.commands.demo import read_counts
from transmodal.errors import UsageError
from transmodal.experiments import demo


def test_counts_are_three_numbers() -> None:
    assert read_counts("16:2:4") == (16, 2, 4)
    for text in ("16", "16:2", "a:b:c", "1:2:3:4", ""):
        with pytest.raises(UsageError) as refused:
            read_counts(text)
        assert refused.value.code == "E001"


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ("--subjects 5", "--subjects"),
        ("--task t1-to-pet", "t1-to-pet"),
        ("--spacing-mm 9", "--spacing-mm"),
        ("--workers 0", "--workers"),
        ("--translator nothing", "nothing"),
    ],
)
def test_refusals(
    words: str,
    part: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.run(["demo", *words.split()]) == 2
    assert part in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_words_become_options_and_the_end_names_the_next_call(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls: list[tuple[Path, demo.DemoOptions]] = []

    def run_demo(output: Path, options: demo.DemoOptions, _: object) -> SimpleNamespace:
        calls.append((output, options))
        return SimpleNamespace(
            summary="figures",
            report=Path("r.html"),
            cohort_page=None,
            example=Path("example"),
            sources={"t1": Path("t1.nii.gz"), "t2": Path("t2.nii.gz")},
            run=Path("runs/agi_net"),
        )

    monkeypatch.setattr(demo, "run_demo", run_demo)
    words = (
        "demo -o out --task t1-t2-to-pd --translator agi_net --translator agi_net --subjects 5:1:2 "
        "--set training.epochs=1 --spacing-mm 4 --seed 7 --workers 1"
    )
    assert cli.run(words.split()) == 0
    assert calls == [
        (
            Path("out/t1-t2-to-pd"),
            demo.DemoOptions("t1-t2-to-pd", ("agi_net",), ("training.epochs=1",), (5, 1, 2), 4.0, 7, 1),
        )
    ]
    shown = capsys.readouterr().out
    assert "transmodal translate runs/agi_net t1=t1.nii.gz t2=t2.nii.gz -o synthetic.nii.gz" in shown
    assert "Cohort:" not in shown
