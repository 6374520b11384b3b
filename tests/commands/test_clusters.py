from __future__ import annotations

from pathlib import Path

import pytest

from subject_files import write_blob
from transmodal import cli
from transmodal.commands._clusters import working
from transmodal.errors import UsageError


def test_without_a_scheduler_processes_of_this_machine_work() -> None:
    with working("", None, 3) as default, working("", 5, 3) as number:
        assert (default, number) == (3, 5)


def test_a_number_of_processes_beside_a_scheduler_is_refused() -> None:
    with (
        pytest.raises(UsageError, match="--workers 5 with --scheduler local") as caught,
        working("local", 5, 3),
    ):
        pass
    assert caught.value.code == "E004"


@pytest.mark.parametrize(
    "words",
    [
        "atlas -o out",
        "prepare folders data -o out",
        "translate run data -o out",
        "benchmark atlas --cohort . -o out",
        "ablate agi-net --cohort . -o out",
        "study biology t1-to-fa-small --cohort . -o out",
    ],
)
def test_every_verb_that_spreads_work_takes_a_scheduler(
    words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_blob(Path("data/case-1"), 1)
    assert cli.run([*words.split(), "--scheduler", "nowhere"]) == 2
    assert "--scheduler nowhere" in capsys.readouterr().err
