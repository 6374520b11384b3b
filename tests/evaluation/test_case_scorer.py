"""What is taken of one case travels whole, and the first metric chooses what is shown where there is no MAE."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from transmodal.cohorts.store import PreparedCase
from transmodal.evaluation.case_scorer import CaseScorer
from transmodal.evaluation.learned.base import NO_LEARNED_METRICS
from transmodal.evaluation.participants import Participants
from transmodal.evaluation.records.store import VolumeStore
from transmodal.evaluation.task import EvaluationTask
from transmodal.volumes import Volume

TASK = EvaluationTask(("t1",), "fa", 1.0, "mine", "d" * 64, "test", 3)


class Half:
    """Halves the target."""

    name = "half"

    def translate_case(self, case: PreparedCase) -> Volume:
        target = case.volume("fa")
        return target.with_voxels(target.voxels / 2)


@pytest.mark.parametrize(("metrics", "primary"), [(("psnr", "mae"), "mae"), (("psnr", "ssim"), "psnr")])
def test_an_outcome_travels_whole(
    make_case: Callable[..., PreparedCase], tmp_path: Path, metrics: tuple[str, ...], primary: str
) -> None:
    case = make_case(0)
    store = VolumeStore(tmp_path)
    scorer = CaseScorer(Participants([Half()]), TASK, metrics, NO_LEARNED_METRICS, store)
    outcome = scorer.outcome(case, scorer.translate(case))
    assert scorer.primary == primary
    assert outcome.primary == next(row.value for row in outcome.result.rows if row.metric == primary)
    again = pickle.loads(pickle.dumps(outcome))
    assert again.result.rows == outcome.result.rows
    assert again.volumes == {"half": store.volumes["half"][case.id]}
    assert (tmp_path / outcome.volumes["half"][0].file).is_file()

    elsewhere = VolumeStore(tmp_path)
    elsewhere.add(case.id, again.volumes, again.disagreements)
    assert elsewhere.volumes == store.volumes
    assert elsewhere.disagreements == {}


def test_without_a_store_nothing_is_kept(make_case: Callable[..., PreparedCase]) -> None:
    scorer = CaseScorer(Participants([Half()]), TASK, ("mae",), NO_LEARNED_METRICS, None)
    case = make_case(0)
    assert scorer.outcome(case, scorer.translate(case)).volumes == {}
