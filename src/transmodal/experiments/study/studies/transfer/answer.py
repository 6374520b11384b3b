"""The study itself: trains on each stratum alone, scores on all, and says what a strange one costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import Field

from transmodal.errors import UsageError
from transmodal.evaluation.drawing.words import enumerated
from transmodal.evaluation.statistics.paired_tests import too_few
from transmodal.experiments.study.bench import Bench
from transmodal.experiments.study.parts import (
    PERCENT_OF_RANGE,
    PartResult,
    PartTraining,
    complete_parts,
    name_rows,
)
from transmodal.experiments.study.studies._base import Findings, Study, StudyOptions
from transmodal.experiments.study.studies.transfer import contrasts, crossings
from transmodal.experiments.study.studies.transfer.crossings import Crossing, Place
from transmodal.experiments.study.studies.transfer.strata import ColumnStrata, part_people


class Options(StudyOptions):
    """Options of the study."""

    by: tuple[str, ...] = Field(
        ("field", "head"),
        description="what parts people: field and head of virtual subjects, chance, or columns of --phenotypes, with cuts "
        "as in [site, 'age:40,60']",
    )
    targets: tuple[str, ...] = Field(
        (), description="other targets that the same recipe is trained for, such as [t2, flair]"
    )
    subjects: int = Field(
        0, ge=0, description="training subjects of each group; 0 takes as many as the smallest has"
    )


def answer(bench: Bench[Options]) -> Findings:
    """Return what it costs to be scored on people of another stratum than those learned from.

    Raises:
        UsageError: E004 where nothing is asked for, and as `strata.part_people`.
        InputError: as `strata.part_people`.
        TransmodalError: as `parts.complete_parts`.
    """
    options = bench.options
    if not options.by and not options.targets:
        raise UsageError(
            "E004",
            "--option by=[] without targets",
            "what parts people, or other targets",
            "Name one: --option by=[chance] or --option targets=[t2].",
        )
    columns = [part_people(bench.cohort, column, bench.material) for column in dict.fromkeys(options.by)]
    strata = [column.strata for column in columns]
    names = name_rows(bench.recipes)
    rows = tuple(names.values())
    results = _train(bench, columns, names)
    pairs = crossings.cross(rows, strata, results)
    drops = crossings.draw_drops(pairs)
    contrast_findings = contrasts.answer(bench, names, options.targets)
    return Findings(
        _protocol(bench, columns),
        (*crossings.tell(drops), *contrast_findings.sentences),
        (*drops, *crossings.draw_matrix(rows, strata, results), *contrast_findings.figures),
        (*(crossings.TABLES if pairs else ()), *contrast_findings.tables),
        (crossings.CHART,) if pairs else (),
        tuple(omission for column in columns for omission in column.omissions),
        _caution(pairs),
        (*(run for result in results.values() for run in result.entrants), *contrast_findings.entrants),
    )


def _train(
    bench: Bench[Options], columns: Sequence[ColumnStrata], names: Mapping[str, str]
) -> dict[Place, PartResult]:
    """Return the runs of every recipe and stratum, all of one column with as many training subjects."""
    places: list[Place] = []
    trainings = []
    for recipe, row in names.items():
        for column in columns:
            for stratum in column.strata:
                patients = list(stratum.training)[: _n_training(bench, column)]
                cases = tuple(case for patient in patients for case in stratum.training[patient])
                places.append((row, stratum.column, stratum.name))
                trainings.append(PartTraining(f"{row}, {stratum.column} {stratum.name}", recipe, cases))
    return dict(zip(places, complete_parts(bench, trainings), strict=True))


def _n_training(bench: Bench[Options], column: ColumnStrata) -> int:
    fewest = min(len(stratum.training) for stratum in column.strata)
    return min(fewest, bench.options.subjects) if bench.options.subjects else fewest


def _protocol(bench: Bench[Options], columns: Sequence[ColumnStrata]) -> str:
    groups = enumerated(
        f"{column.strata[0].column} ({', '.join(stratum.name for stratum in column.strata)}: "
        f"{_n_training(bench, column)} training subjects each)"
        for column in columns
    )
    parted = f"People parted by {groups}. " if columns else ""
    return (
        f"{parted}Every recipe is trained on each group alone, the groups of one column with as many subjects and steps, and "
        "scored on the whole test side as `evaluate` does; no checkpoint is chosen on validation subjects. Errors are mean "
        f"absolute errors inside the evaluation mask, in {PERCENT_OF_RANGE}, so that MR contrasts of different training groups can be "
        "compared. The drop takes as many test subjects of one group as of the other and pairs each subject's figures of "
        "both trainings; that one training went better than the other cancels out. Intervals by a bootstrap over "
        "subjects and seeds."
    )


def _caution(pairs: Sequence[Crossing]) -> tuple[str, ...]:
    fewest = min((crossing.difference("mae").n for crossing in pairs), default=None)
    reason = "" if fewest is None else too_few(fewest)
    return (f"The drop: {reason}.",) if reason else ()


STUDY = Study(
    name="transfer",
    about="How much worse is a translation of people of another site, age or field strength than it learned from?",
    reading=(
        "People are parted into groups, such as two sites. A run that learned from the other group is compared with one that "
        "learned from the subjects' own group, on the same subjects and with as many training subjects. Were one group simply harder, or "
        "one training luckier, both comparisons would share it and it would cancel out; a drop above zero therefore says that "
        "it matters where a run learned, and that figures of one site do not hold at another. A drop whose interval "
        "contains zero is not shown, which is no proof that there is none. The second question is whether a recipe that was "
        "made for one contrast learns another: it should beat the mean of the training subjects' targets by far."
    ),
    needs="recipes",
    answer=answer,
    options=Options,
    recipes=("t1-to-t2-small",),
    command="t1-to-t2-small --cohort cohort --subjects subjects --option targets=[flair] --seeds 1,2 -o studies/transfer",
)
