"""What is written of an evaluation has a version and reads back as it was written."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from transmodal.evaluation.casewise import evaluate_cases
from transmodal.evaluation.measures.reference_mask import ReferenceMask
from transmodal.evaluation.participants import Participants
from transmodal.evaluation.records import read as records
from transmodal.evaluation.records.schema import VERSION
from transmodal.evaluation.report.write import write
from transmodal.evaluation.task import EvaluationTask
from transmodal.volumes import Volume

TASK = EvaluationTask(("t1",), "fa", 1.0, "mine", "d" * 64, "test", 3, labels={1: "white matter"})


class Paler:
    """Gives the target, darker."""

    name = "paler"

    def translate_case(self, case: Any) -> Volume:  # noqa: ANN401  # fakes stand in for prepared cases
        target: Volume = case.volume("fa")
        return target.with_voxels(target.voxels * 0.9)


def test_the_file_has_a_version_and_reads_back(make_case: Callable[..., Any], tmp_path: Path) -> None:
    evaluation = evaluate_cases(Participants([Paler()]), [make_case(0), make_case(1)], TASK)
    write(evaluation, tmp_path)
    data = json.loads((tmp_path / records.NAME).read_text())
    assert next(iter(data)) == "version"
    assert data["version"] == VERSION
    assert len(data.pop("sha256")) == 64
    content = records.read(tmp_path / records.NAME).content
    assert content.to_json() == evaluation.to_json() == data


def test_parts_that_were_not_asked_for_have_no_key(make_case: Callable[..., Any]) -> None:
    evaluation = evaluate_cases(Participants([Paler()]), [make_case(0)], replace(TASK, labels={}))
    data = evaluation.to_json()
    assert "organs" not in data
    assert data["elsewhere"] is None
    assert list(data["scoring"]) == ["data_range", "reference"]
    masked = replace(evaluation, task=replace(evaluation.task, mask=ReferenceMask("fa", "brain")))
    assert masked.to_json()["scoring"]["mask"] == {"modality": "fa", "kind": "brain"}
    assert list(masked.to_json()["scoring"]) == ["data_range", "mask", "reference"]
