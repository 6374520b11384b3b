"""Outcomes of findings have an order, by which the gravest one is taken."""

from __future__ import annotations

from transmodal.cohorts.quality.finding import OUTCOMES, Finding


def test_the_gravest_outcome_comes_last() -> None:
    findings = [Finding("grid", "warn", "thick slices"), Finding("image", "refuse", "no head")]
    assert max(findings, key=lambda finding: OUTCOMES.index(finding.outcome)).text == "no head"
    assert OUTCOMES.index("pass") < min(OUTCOMES.index(finding.outcome) for finding in findings)
