"""`transmodal plan`: the words of `train`, without an output."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import transmodal
from transmodal import cli

WORDS = "plan tiny.yaml --cohort cohort --device cpu"


def test_lines_say_what_a_training_takes(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(folders.rglob("*"))
    assert cli.run([*WORDS.split(), "--seconds", "0.01", "--set", "training.epochs=3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["memory", "training", "device", "disk", "time"]
    assert ", 3 epochs: " in lines[1]
    assert [path for path in sorted(folders.rglob("*")) if "working" not in path.parts] == before


def test_json_and_python_say_the_same(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run([*WORDS.split(), "--seconds", "0", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    told = transmodal.plan("tiny.yaml", "cohort", device="cpu", seconds=0).to_json()
    assert content["training"] == told["training"]
    assert content["disk"] == told["disk"]
    assert "time" not in content


def test_many_cases_are_told_by_the_rates_of_a_few(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [*WORDS.split(), "--seconds", "0", "--cases", "100000", "--workers", "8", "--json"]
    assert cli.run(words) == 0
    scale = json.loads(capsys.readouterr().out)["scale"]
    assert (scale["cases"], scale["workers"], scale["measured"]) == (100_000, 8, 4)
    for verb in ("prepare", "translate", "evaluate"):
        rate = scale["verbs"][verb]
        assert rate["bytes"] == 100_000 * rate["bytes_per_case"]
        assert rate["seconds"] == pytest.approx(12_500 * rate["seconds_per_case"], rel=0.01, abs=1)


@pytest.mark.parametrize(
    ("words", "status", "part"),
    [
        ("plan tiny.yaml", 2, "--cohort"),
        ("plan tiny.yaml --cohort gone", 3, "gone"),
        ("plan no-such --cohort cohort", 2, "no-such"),
        ("plan tiny.yaml --cohort cohort --seconds -1", 2, "--seconds"),
        ("plan tiny.yaml --cohort cohort --set training.epoch=1", 2, "training.epochs"),
        ("plan tiny.yaml --cohort cohort --device cuda:99", 4, "cuda:99"),
    ],
)
def test_refusals(
    words: str, status: int, part: str, folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(words.split()) == status
    assert part in capsys.readouterr().err
