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
from transmodal.experiments.study.studies.few_pairs.budget import Budgeted, PairKind, give_steps
from transmodal.experiments.study.studies.few_pairs.curves import PairCurve
from transmodal.training.planning.pairing import ORDER


class Options(StudyOptions):
    """Options of the study."""

    counts: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        (1, 2, 4, 8, 16),
        min_length=2,
        description="training subjects; those that the cohort has not are left out",
    )
    steps: int = Field(800, ge=1, description="training steps of every run, whatever it learns from")


def answer(bench: Bench[Options]) -> Findings:
    """Return quality by the number of training subjects, with pairs, without, and with both.

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
    trainings = []
    for recipe, row in names.items():
        kind, changes = budgets[recipe].kind, budgets[recipe].changes
        for count in counts:
            if kind == "half-paired":  # the same order, by which the first are told their pairs
                name = f"{row}, {count} of {counts[-1]} subjects with pairs"
                learned, own = cases[: counts[-1]], (*changes, f"training.paired_patients={count}")
            else:
                name, learned, own = f"{row}, {count} subjects", cases[:count], changes
            trainings.append(PartTraining(name, recipe, tuple(case for ids in learned for case in ids), own))
    return dict(zip(places, complete_parts(bench, trainings), strict=True))


def _curve(
    row: str, budget: Budgeted, counts: tuple[int, ...], results: Mapping[tuple[str, int], PartResult]
) -> PairCurve:
    values = {metric: [results[row, count].values(metric) for count in counts] for metric in METRICS}
    return PairCurve(row, budget.kind, counts, values)


def _omissions(
    bench: Bench[Options], counts: tuple[int, ...], names: Mapping[str, str], budgets: Mapping[str, Budgeted]
) -> tuple[Omission, ...]:
    n = len(training_patients(bench.cohort, ORDER))
    count_omissions = [
        Omission(part=f"{count} subjects", reason=f"the cohort has {n} to learn from")
        for count in sorted(set(bench.options.counts) - set(counts))
    ]
    if _of_kind("half-paired", names, budgets):
        return tuple(count_omissions)
    kinds: tuple[tuple[PairKind, str], ...] = (
        ("pairs", "takes subjects with source and target alone"),
        ("no pairs", "draws targets from other places and has no weight for pairs"),
    )
    reason = "; ".join(
        f"{enumerated(rows)} {why}" for kind, why in kinds if (rows := _of_kind(kind, names, budgets))
    )
    return (
        *count_omissions,
        Omission(part="half-paired", reason=f"no recipe here learns from both at once: {reason}"),
    )


def _of_kind(kind: PairKind, names: Mapping[str, str], budgets: Mapping[str, Budgeted]) -> list[str]:
    """Return the rows of one kind."""
    return [names[recipe] for recipe, budget in budgets.items() if budget.kind == kind]


def _protocol(bench: Bench[Options], names: Mapping[str, str], budgets: Mapping[str, Budgeted]) -> str:
    unpaired, both = (_of_kind(kind, names, budgets) for kind in ("no pairs", "half-paired"))
    unpaired_note = (
        f" {enumerated(unpaired)} learns from sources and targets of the same subjects, but never of one place: what it has "
        "seen of people is the same, what lies on what is not told."
        if unpaired
        else ""
    )
    both_note = (
        f" {enumerated(both)} learns from images of all subjects of the largest number, and is told the pairs of the first of them: "
        "the number is that of subjects with pairs. Windows of both kinds are drawn as often as there are of them."
        if both
        else ""
    )
    return (
        f"Every run takes {bench.options.steps} steps, whatever it learns from. Training subjects are taken in one drawn order, so "
        "that those of a count are among those of the next, the same for every recipe and seed; no checkpoint is chosen on "
        f"validation subjects, since they are pairs too. Scored on the whole test side as `evaluate` does.{unpaired_note}{both_note} Errors are mean absolute "
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
        "price where it beats one that has only a few pairs. A half-paired one has those few pairs and all other people's images "
        "besides; it is worth its price where it beats both. Test subjects are few, and the training subjects are one draw: "
        "which people came first is not in the intervals."
    ),
    needs="recipes",
    answer=answer,
    options=Options,
    recipes=(
        "t1-to-t2-small",
        "t1-to-t2-pix2pix-small",
        "t1-to-t2-cyclegan-small",
        "t1-to-t2-cyclegan-half-paired",
    ),
    command="t1-to-t2-pix2pix-small t1-to-t2-cyclegan-small --cohort cohort --seeds 1,2 -o studies/few-pairs",
)
