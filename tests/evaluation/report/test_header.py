"""The report's head says what was scored, what models learned from, and whether they beat the oracles."""

from __future__ import annotations

from dataclasses import replace

from transmodal.evaluation.report import header
from transmodal.evaluation.result import Evaluation


def test_the_head_says_who_learned_from_what(evaluation: Evaluation) -> None:
    text = header.section(evaluation)
    assert "unet and pix2pix, scored on 3 test cases of the cohort <em>atlas</em>" in text
    assert "the oracles learned from the cohort&rsquo;s 16 training cases" in text
    assert "<b>Simulated data.</b> FA is simulated" in text
    assert "One anatomy, warped." in text


def test_a_model_of_another_cohort_is_said_to_be_one(evaluation: Evaluation) -> None:
    records = {"unet": {"cohort": {"name": "<theirs>", "digest": "e" * 64}}}
    assert "unet learned from the cohort <em>&lt;theirs&gt;</em>" in header.section(
        replace(evaluation, records=records)
    )


def test_two_cohorts_of_one_name_are_told_apart_in_the_first_sentence(evaluation: Evaluation) -> None:
    records = {"unet": {"cohort": {"name": "atlas", "digest": "e" * 64}}}
    text = header.section(replace(evaluation, records=records))
    own = evaluation.task.digest[:8]
    assert f"scored on 3 test cases of the cohort <em>atlas</em> (hash {own}). " in text
    assert "unet learned from another cohort <em>atlas</em> (hash eeeeeeee)" in text
    fitted = replace(evaluation, records={}, task=replace(evaluation.task, fitted_on="atlas"))
    assert f"of the cohort <em>atlas</em> (hash {own}). The oracles learned from another cohort" in (
        header.section(fitted)
    )


def test_all_cases_are_no_split(evaluation: Evaluation) -> None:
    whole = replace(evaluation, task=replace(evaluation.task, split="all"))
    assert "scored on all 3 cases of" in header.section(whole)
