"""`transmodal ablate`: words that cannot be are refused before anything is trained, results are written and printed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli_calls import check_refused
from transmodal import cli
from transmodal.experiments.ablation import run as ablation
from transmodal.experiments.ablation import table


@pytest.mark.parametrize(
    ("words", "status", "part"),
    [
        ("ablate", 2, "'study'"),
        ("ablate no-such-study --cohort cohort -o out", 2, "no-such-study"),
        ("ablate gone.yaml --cohort cohort -o out", 3, "gone.yaml"),
        ("ablate agi-net --cohort cohort -o out --workers 0", 2, "--workers"),
        ("ablate agi-net --cohort gone -o out", 3, "gone"),
        ("ablate agi-net --cohort cohort -o out --seeds one", 2, "--seeds one"),
        ("ablate agi-net --cohort cohort -o out --seeds 1,1", 2, "seeds [1, 1]"),
        ("ablate agi-net --cohort cohort -o out --set training.epoch=1", 2, "training.epoch"),
    ],
)
def test_refusals(
    words: str, status: int, part: str, folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    check_refused(words, status, part, capsys)
    assert not Path("out").exists()


def test_the_result_is_written_and_printed(
    folders: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls: list[tuple[object, ...]] = []

    class Result:
        def to_json(self) -> dict[str, object]:
            return {"name": "study"}

    def ablate(plan: ablation.AblationPlan, *words: object, **more: object) -> Result:
        calls.append((plan.name, plan.seeds, plan.changes[-1], *words, more["workers"]))
        Path("out").mkdir()
        return Result()

    monkeypatch.setattr(ablation, "ablate", ablate)
    monkeypatch.setattr(table, "rows", lambda content: [f"a row of {content['name']}"])
    words = "ablate agi-net --cohort cohort -o out --workers 3 --set training.epochs=1 --seeds 4,5"
    assert cli.run(words.split()) == 0
    assert calls == [("agi-net", (4, 5), "training.epochs=1", Path("cohort"), Path("out"), 3)]
    command = "transmodal ablate agi-net --set training.epochs=1 --seeds 4,5"
    assert json.loads(Path("out/ablation.json").read_text()) == {"name": "study", "command": command}
    assert capsys.readouterr().out == "a row of study\nFigures: out/ablation.json\n"
