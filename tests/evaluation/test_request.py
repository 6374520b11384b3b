"""What an evaluation is asked for is checked before anything is fitted or translated."""

from __future__ import annotations

import pytest

from transmodal.errors import UsageError
from transmodal.evaluation.request import EvaluationRequest, ScoringOptions


def test_the_defaults_pass() -> None:
    request = EvaluationRequest()
    request.scoring.check()
    assert request.selection.split == "test"
    assert not request.scoring.target_normalised


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (ScoringOptions(metrics=("mea",)), "E002", "mea"),
        (ScoringOptions(metrics=()), "E001", "no metric"),
        (ScoringOptions(oracles=("lokup",)), "E002", "lokup"),
    ],
)
def test_unknown_names_are_refused(options: ScoringOptions, code: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as refused:
        options.check()
    assert refused.value.code == code
