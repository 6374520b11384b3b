"""Other contrasts: the same recipe trained for other targets, against the mean of the training subjects' targets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from transmodal.evaluation.statistics.paired_tests import describe, holm, paired
from transmodal.experiments.study.bench import Bench, Entrant
from transmodal.experiments.study.parts import (
    PERCENT_OF_RANGE,
    PartResult,
    PartTraining,
    complete_parts,
    training_patients,
)
from transmodal.experiments.study.record import StudyFigure, StudyTable
from transmodal.recipes.load import load

CONTRASTS = "Other contrasts"
ORACLE = "mean_target"
GAIN = "gain over the mean target"
_SEED = 2024
TABLE = StudyTable(
    name=CONTRASTS,
    caption="The same recipe trained for each target on the whole training side: mean over the test subjects, MAE in "
    f"{PERCENT_OF_RANGE}; and how much lower its MAE is than that of the mean of the training subjects' targets in its place, "
    "with a 95 % interval and the p of a paired Wilcoxon test, Holm-corrected. A gain above 0 is good.",
    group_heading="target",
    decimals=3,
)


class ContrastFindings(NamedTuple):
    """Figures and sentences of the targets, and the runs that they are of; empty where none were asked for."""

    figures: tuple[StudyFigure, ...] = ()
    sentences: tuple[str, ...] = ()
    tables: tuple[StudyTable, ...] = ()
    entrants: tuple[Entrant, ...] = ()


def answer(bench: Bench[Any], names: Mapping[str, str], targets: Sequence[str]) -> ContrastFindings:
    """Train each recipe for its own target and for others, and score it beside the mean target.

    Args:
        bench: of the study.
        names: rows by recipe.
        targets: beside the recipe's own; none asks for nothing.

    Raises:
        TransmodalError: as `parts.complete_parts`.
    """
    if not targets:
        return ContrastFindings()
    cases = tuple(case for ids in training_patients(bench.cohort, _SEED).values() for case in ids)
    places, trainings = [], []
    for recipe, row in names.items():
        for target in dict.fromkeys((load(recipe, bench.changes).task.target, *targets)):
            places.append((row, target))
            trainings.append(PartTraining(f"{row}, to {target}", recipe, cases, (f"task.target={target}",)))
    results = dict(zip(places, complete_parts(bench, trainings, oracles=(ORACLE,)), strict=True))
    figures = tuple(_draw(results))
    runs = tuple(run for result in results.values() for run in result.entrants)
    return ContrastFindings(figures, tuple(_tell(figures)), (TABLE,), runs)


def _draw(results: Mapping[tuple[str, str], PartResult]) -> Iterator[StudyFigure]:
    gains = {
        place: paired(result.values("mae", result.patients(), ORACLE), result.values("mae"))
        for place, result in results.items()
    }
    corrected = dict(zip(gains, holm([gain.p for gain in gains.values()]), strict=True))
    for (row, target), result in results.items():
        for metric, heading in (("mae", "MAE"), ("ssim", "SSIM")):
            description = describe(result.values(metric))
            yield StudyFigure(
                table=CONTRASTS,
                row=row,
                group=target,
                figure=heading,
                value=description.mean,
                interval=description.of_mean,
                n=description.n,
            )
        gain = gains[row, target]
        yield StudyFigure(
            table=CONTRASTS,
            row=row,
            group=target,
            figure=GAIN,
            value=gain.mean,
            interval=gain.interval,
            n=gain.n,
            p=corrected[row, target],
        )


def _tell(figures: Sequence[StudyFigure]) -> Iterator[str]:
    for figure in figures:
        if figure.figure != GAIN or figure.value is None:
            continue
        place = f"{figure.row} to {figure.group} by the same recipe"
        if figure.interval is None:
            yield f"{place}: too few subjects to say whether it beats the mean target."
        elif figure.interval[0] > 0:
            yield f"{place}: the error is {figure.value:.2f} {PERCENT_OF_RANGE} lower than that of the mean target."
        elif figure.interval[1] < 0:
            yield f"{place}: the error is {-figure.value:.2f} {PERCENT_OF_RANGE} greater than that of the mean target."
        else:
            yield f"{place}: not shown to differ from the mean target."
