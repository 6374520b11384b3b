"""The study itself: trains on the first subjects of one order, more with every step, and says what more bring."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from transmodal.errors import InputError
from transmodal.evaluation.drawing.words import enumerated
from transmodal.evaluation.statistics.paired_tests import too_few
from transmodal.experiments.study.bench import Bench
from transmodal.experiments.study.parts import (
    METRICS,
    PERCENT_OF_RANGE,
    PartResult,
    PartTraining,
    complete_parts,
    list_scored_patients,
    name_rows,
    training_patients,
)
from transmodal.experiments.study.record import Omission
from transmodal.experiments.study.studies._base import Findings, Study, StudyOptions
from transmodal.experiments.study.studies.few_pairs import curves
from transmodal.experiments.study.studies.few_pairs.budget import Budgeted, give_steps
from transmodal.experiments.study.studies.few_pairs.curves import PairCurve

ORDER = 2024
"""Seed of the order in which training subjects are taken."""


class Options(StudyOptions):
    """Options of the study."""

    counts: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        (1, 2, 4, 8, 16),
        min_length=2,
        description="training subjects; those that the cohort has not are left out",
    )
    steps: int = Field(800, ge=1, description="training steps of every run, whatever it learns from")


def answer(bench: Bench[Options]) -> Findings:
    """Return quality by the number of training subjects, with pairs and without.

    Raises:
        InputError: E132 for a cohort with too few training subjects, or none to score.
        UsageError: as `budget.give_steps` and `parts.complete_parts`.
        TransmodalError: as trainings and evaluations.
    """
    patients = training_patients(bench.cohort, ORDER)
    counts = tuple(sorted({count for count in bench.options.counts if count <= len(patients)}))
    if len(counts) < 2:
        raise InputError(
            "E132",
            f"{len(patients)} training subjects for counts of {', '.join(map(str, bench.options.counts))}",
            "two counts or more that it has",
            "Name fewer: --option counts=[1, 2].",
        )
    scored = list_scored_patients(bench.cohort)
    names = name_rows(bench.recipes)
    budgets = {
        recipe: give_steps(recipe, bench.changes, bench.options.steps, bench.cohort) for recipe in names
    }
    results = _train(bench, counts, names, budgets)
    pair_curves = [_curve(row, budgets[recipe], counts, results) for recipe, row in names.items()]
    differences = curves.draw_differences(pair_curves)
    figures = (*curves.draw_gains(pair_curves), *differences, *curves.draw_quality(pair_curves))
    table_names = {figure.table for figure in figures}
    return Findings(
        _protocol(bench, names, budgets),
        tuple(curves.tell(pair_curves, differences)),
        figures,
        tuple(table for table in curves.TABLES if table.name in table_names),
        (curves.CHART,),
        _omissions(bench, counts, names, budgets),
        (f"Intervals: {too_few(len(scored))}.",) if too_few(len(scored)) else (),
        tuple(run for result in results.values() for run in result.entrants),
    )


def _train(
    bench: Bench[Options], counts: tuple[int, ...], names: Mapping[str, str], budgets: Mapping[str, Budgeted]
) -> dict[tuple[str, int], PartResult]:
    """Return the runs of every recipe and count; the subjects of a count are among those of the next."""
    cases = list(training_patients(bench.cohort, ORDER).values())
    places = [(row, count) for row in names.values() for count in counts]
    trainings = [
        PartTraining(
            f"{row}, {count} subjects",
            recipe,
            tuple(case for ids in cases[:count] for case in ids),
            budgets[recipe].changes,
        )
        for recipe, row in names.items()
        for count in counts
    ]
    return dict(zip(places, complete_parts(bench, trainings), strict=True))


def _curve(
    row: str, budget: Budgeted, counts: tuple[int, ...], results: Mapping[tuple[str, int], PartResult]
) -> PairCurve:
    values = {metric: [results[row, count].values(metric) for count in counts] for metric in METRICS}
    return PairCurve(row, budget.is_paired, counts, values)


def _omissions(
    bench: Bench[Options], counts: tuple[int, ...], names: Mapping[str, str], budgets: Mapping[str, Budgeted]
) -> tuple[Omission, ...]:
    n = len(training_patients(bench.cohort, ORDER))
    count_omissions = [
        Omission(part=f"{count} subjects", reason=f"the cohort has {n} to learn from")
        for count in sorted(set(bench.options.counts) - set(counts))
    ]
    kinds = [
        (
            [names[recipe] for recipe, budget in budgets.items() if budget.is_paired],
            "takes subjects with source and target alone",
        ),
        (
            [names[recipe] for recipe, budget in budgets.items() if not budget.is_paired],
            "draws targets from other places and has no term for pairs",
        ),
    ]
    reason = "; ".join(f"{enumerated(rows)} {why}" for rows, why in kinds if rows)
    return (
        *count_omissions,
        Omission(part="half-paired", reason=f"no recipe here learns from both at once: {reason}"),
    )


def _protocol(bench: Bench[Options], names: Mapping[str, str], budgets: Mapping[str, Budgeted]) -> str:
    unpaired = [names[recipe] for recipe, budget in budgets.items() if not budget.is_paired]
    unpaired_note = (
        f" {enumerated(unpaired)} learns from sources and targets of the same subjects, but never of one place: what it has "
        "seen of people is the same, what lies on what is not told."
        if unpaired
        else ""
    )
    return (
        f"Every run takes {bench.options.steps} steps, whatever it learns from. Training subjects are taken in one drawn order, so "
        "that those of a count are among those of the next, the same for every recipe and seed; no checkpoint is chosen on "
        f"validation subjects, since they are pairs too. Scored on the whole test side as `evaluate` does.{unpaired_note} Errors are mean absolute "
        f"errors inside the evaluation mask, in {PERCENT_OF_RANGE}. Intervals by a bootstrap over subjects and seeds."
    )


STUDY = Study(
    name="few-pairs",
    about="How good is a translation by the number of subjects that it learned from, with pairs and without?",
    reading=(
        "A pair is a person who was measured in both contrasts, and pairs are what is scarce. Each curve shows the error on "
        "the same test subjects by how many people a translator learned from, all with as many training steps: where "
        "the curve is flat, more people would not have helped on this budget, and where it still falls at its end they would. A translator "
        "without pairs sees the same people's images in both contrasts, but never which belong together; it is worth its "
        "price where it beats one that has only a few pairs. Test subjects are few, and the training subjects are one draw: "
        "which people came first is not in the intervals."
    ),
    needs="recipes",
    answer=answer,
    options=Options,
    recipes=("t1-to-t2-small", "t1-to-t2-pix2pix-small", "t1-to-t2-cyclegan-small"),
    command="t1-to-t2-pix2pix-small t1-to-t2-cyclegan-small --cohort cohort --seeds 1,2 -o studies/few-pairs",
)
