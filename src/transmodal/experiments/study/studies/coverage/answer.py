"""The study itself: every run calibrated on validation subjects, and its intervals held against others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import Field

from transmodal.cohorts.store import Cohort
from transmodal.counts import counted
from transmodal.errors import UsageError
from transmodal.evaluation.drawing.words import enumerated, number
from transmodal.evaluation.external.sites import ALL_CASES
from transmodal.evaluation.statistics.paired_tests import too_few
from transmodal.experiments.study.bench import Bench, Entrant
from transmodal.experiments.study.record import Omission, StudyFigure
from transmodal.experiments.study.studies._base import Findings, Study, StudyOptions
from transmodal.experiments.study.studies.coverage import figures
from transmodal.experiments.study.studies.coverage.figures import GroupCoverage
from transmodal.experiments.study.studies.coverage.measure import CoverageItem, SubjectGroup, measure_coverage
from transmodal.experiments.study.units import Content, WorkUnit

TEST, SITE = "test subjects", "another site"
PROTOCOL = (
    "Each run is calibrated on the validation subjects of the cohort as `transmodal calibrate` does: split-conformal, with the subject "
    "as the unit. Then the test subjects, and all subjects of another site's cohort, are translated with the interval of each level as "
    "`translate --interval` writes it, and the voxels of the region where the run translates are counted whose measured value lies "
    "between both ends. A level counts as held where the misses are at least a fifth of those stated and at most twice as many, which "
    "for 95 % is a share of 90 to 99 %. Runs of one recipe that differ in their seed are also taken together as an ensemble, "
    "whose intervals are as wide as its runs disagree. Means over subjects, intervals by a bootstrap over subjects and seeds."
)


class CoverageOptions(StudyOptions):
    """Options of the study.

    Attributes:
        levels: stated, each between 0 and 1.
        site: prepared cohort of another site, all of whose cases are taken; empty takes none.
    """

    levels: tuple[float, ...] = Field(
        (0.8, 0.9, 0.95), min_length=1, description="stated, each between 0 and 1"
    )
    site: str = Field("", description="prepared cohort of another site, all of whose cases are taken")


def answer(bench: Bench[CoverageOptions]) -> Findings:
    """Return what the intervals of every run hold of subjects that had no part in training and calibration.

    Raises:
        UsageError: E004 for a split that calibrates or trains, E001 for a level that is none.
        TransmodalError: as `measure.measure_coverage`.
    """
    levels = bench.options.levels
    if not all(0 < level < 1 for level in levels):
        raise UsageError(
            "E001", f"--option levels={list(levels)}", "numbers between 0 and 1", "Correct them."
        )
    if bench.split in ("train", "validation") or (
        bench.split == ALL_CASES and not bench.material.training_cohort
    ):
        raise UsageError(
            "E004",
            f"coverage of the split {bench.split}",
            "subjects that neither trained nor calibrated",
            "Leave --split out, or name the cohort that calibrates: --training-cohort COHORT.",
        )
    contents = {row: _measure(bench, row, teams) for row, teams in _teams(bench).items()}
    coverages = [coverage for row, runs in contents.items() for coverage in figures.take(row, runs)]
    units = {row: str(runs[0]["unit"]) for row, runs in contents.items()}
    highest = max(coverage.level for coverage in coverages)
    few = min(coverage.n for coverage in coverages)
    return Findings(
        PROTOCOL,
        (_headline(coverages), *_sentences(coverages, highest, units)),
        tuple(figure for row in contents for figure in _figures_of(coverages, row, units[row])),
        figures.TABLES,
        (figures.chart(highest),),
        tuple(_omissions(bench, contents)),
        (
            _correction(next(iter(contents.values()))[0]),
            *((f"Intervals: {too_few(few)}.",) if too_few(few) else ()),
        ),
    )


def _teams(bench: Bench[CoverageOptions]) -> dict[str, list[tuple[Entrant, ...]]]:
    """Return the runs of every row, one by one; and as a row of its own those that translate together."""
    teams: dict[str, list[tuple[Entrant, ...]]] = {}
    for row, entrants in bench.rows().items():
        teams[row] = [(entrant,) for entrant in entrants]
        if len(entrants) > 1:
            teams[f"{row}, {len(entrants)} runs together"] = [tuple(entrants)]
    return teams


def _measure(bench: Bench[CoverageOptions], row: str, teams: Sequence[tuple[Entrant, ...]]) -> list[Content]:
    calibration = bench.material.training_cohort or bench.cohort.folder
    groups = [SubjectGroup(TEST, bench.cohort.folder, bench.split)]
    if bench.options.site:
        groups.append(SubjectGroup(SITE, Path(bench.options.site), ALL_CASES))
    digests = [Cohort.open(place).digest() for place in (calibration, *(group.cohort for group in groups))]
    units = {
        ", ".join([row, *(f"seed {entrant.seed}" for entrant in team)]): WorkUnit(
            measure_coverage,
            CoverageItem(
                tuple(entrant.folder for entrant in team),
                Path(calibration),
                tuple(groups),
                bench.options.levels,
                bench.device,
            ),
            {
                "weights": [entrant.weights_sha256 for entrant in team],
                "cohorts": digests,
                "split": bench.split,
                "levels": list(bench.options.levels),
                "device": bench.device,
            },
        )
        for team in teams
    }
    return list(bench.units.complete(f"coverage of {row}", units).values())


def _figures_of(coverages: Sequence[GroupCoverage], row: str, unit: str) -> Iterator[StudyFigure]:
    yield from figures.figures([coverage for coverage in coverages if coverage.row == row], unit)


def _headline(coverages: Sequence[GroupCoverage]) -> str:
    parts = []
    for group in (TEST, SITE):
        own = [coverage for coverage in coverages if coverage.group == group]
        levels = dict.fromkeys(coverage.level for coverage in own)
        counts = [
            f"at {100 * level:g} % in {sum(c.holds for c in own if c.level == level)} of "
            f"{counted(sum(c.level == level for c in own), 'row')}"
            for level in levels
        ]
        if counts:
            parts.append(f"on {'the test subjects' if group == TEST else group} {enumerated(counts)}")
    return f"The share of voxels inside their interval is as stated {'; '.join(parts)}."


def _correction(content: Content) -> str:
    """Say by how much intervals are wider because so few subjects calibrated them."""
    n = int(content["subjects"])
    parts = [
        f"{100 * float(level):g} %: {100 * float(level) * (n + 1) / n:.1f} %" for level in content["levels"]
    ]
    return (
        f"{counted(n, 'validation subject')} calibrated, and the next subject may be unlike all of them. So an interval is as wide as "
        f"it takes to hold a greater share of their voxels than is stated ({', '.join(parts)}); with more subjects the two come "
        "together, and a share above the stated one is no fault of the network."
    )


def _sentences(coverages: Sequence[GroupCoverage], level: float, units: dict[str, str]) -> Iterator[str]:
    for coverage in coverages:
        if coverage.level != level:
            continue
        ends = coverage.interval
        spread = "" if ends is None else f" ({100 * ends.low:.1f} to {100 * ends.high:.1f})"
        outcome = (
            "it holds"
            if coverage.holds
            else "more than stated"
            if coverage.mean > level
            else "it does not hold"
        )
        yield (
            f"{coverage.row}, {coverage.group}: {100 * coverage.mean:.1f} %{spread} of the voxels lie in their interval of {100 * level:g} %, "
            f"{100 * coverage.worst:.1f} % in the worst of {counted(coverage.n, 'subject')}: {outcome}. Mean width "
            f"{number(coverage.width)} {units[coverage.row]}."
        )


def _omissions(bench: Bench[CoverageOptions], contents: dict[str, list[Content]]) -> Iterator[Omission]:
    if not bench.options.site:
        yield Omission(part=SITE, reason="no cohort of one was named: --option site=COHORT")
    first = next(iter(contents.values()))[0]
    for level in bench.options.levels:
        if f"{level:g}" not in first["levels"]:
            yield Omission(
                part=f"{100 * level:g} %",
                reason=f"{first['subjects']} validation subjects promise at most {100 * first['highest_level']:.1f} %",
            )


STUDY = Study(
    name="coverage",
    about="Do intervals that were calibrated on validation subjects hold on test subjects, and on another site?",
    reading=(
        "A translation gives one value for each voxel; an interval says between which two the measured value lies, such as in 95 of 100 "
        "cases. Its width is learned from subjects that the network has not learned from. If test subjects come from the same scanner and "
        "population, close to 95 of 100 voxels lie inside, whatever the network is worth: a poor one has wide intervals. A share far below "
        "means that the promise is broken; one near 100 % means that the interval is wider than it had to be. The worst subject shows that "
        "the promise is one for the group and not for each person. On another site nothing is promised, and the figures show what is lost."
    ),
    needs="runs",
    answer=answer,
    options=CoverageOptions,
    command="runs/unet runs/mrnet --cohort cohort -o studies/coverage --option site=elsewhere",
)
