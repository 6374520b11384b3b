"""One case's figures are taken again from its stored volumes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from transmodal.errors import IntegrityError
from transmodal.evaluation.casewise import evaluate_cases
from transmodal.evaluation.participants import Participants
from transmodal.evaluation.records import read as records
from transmodal.evaluation.records.store import TargetHashes, VolumeStore, hash_target
from transmodal.evaluation.report.write import write
from transmodal.evaluation.task import EvaluationTask
from transmodal.evaluation.verify.cases import CaseChecker
from transmodal.evaluation.verify.tally import Tally
from transmodal.volumes import Volume

TASK = EvaluationTask(("t1",), "fa", 1.0, "mine", "d" * 64, "test")


class Darker:
    """Gives the target, darker."""

    name = "darker"

    def translate_case(self, case: Any) -> Volume:  # noqa: ANN401  # fakes stand in for prepared cases
        target: Volume = case.volume("fa")
        return target.with_voxels(target.voxels * np.float32(0.9))


@pytest.fixture
def case(make_case: Callable[..., Any]) -> Any:  # noqa: ANN401  # a fake
    return make_case(0)


@pytest.fixture
def checker(case: Any, tmp_path: Path) -> CaseChecker:  # noqa: ANN401  # a fake
    store = VolumeStore(tmp_path)
    write(
        evaluate_cases(Participants([Darker()]), [case], TASK, metrics=("mae", "psnr"), store=store), tmp_path
    )
    path = tmp_path / records.NAME
    return CaseChecker(records.read(path).content, TASK, Tally(path))


def test_every_figure_of_a_case_is_taken_again(checker: CaseChecker, case: Any) -> None:  # noqa: ANN401  # a fake
    assert checker.metrics == ["mae", "psnr"]
    checker.check(case, hash_target(case, "fa"))
    assert checker.keys == set(checker.rows)
    assert checker.n_volumes == 1
    assert checker.tally.n_exact == checker.tally.n_figures >= len(checker.rows)
    assert {row.case for row in checker.regions} == {case.id}
    assert checker.disagreements == []


def test_another_target_another_case_and_another_mask_are_named(
    checker: CaseChecker,
    case: Any,  # noqa: ANN401  # a fake
    make_case: Callable[..., Any],
) -> None:
    hashes = hash_target(case, "fa")
    with pytest.raises(IntegrityError, match="the target of case case-0"):
        checker.check(case, TargetHashes("0" * 64, hashes.mask))
    with pytest.raises(IntegrityError, match="the evaluation mask of case case-0"):
        checker.check(case, hashes._replace(mask=None))
    other = make_case(1)
    with pytest.raises(IntegrityError, match="no volume of darker for case case-1") as refused:
        checker.check(other, hash_target(other, "fa"))
    assert refused.value.code == "E501"
