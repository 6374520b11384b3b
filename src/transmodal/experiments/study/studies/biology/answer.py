"""The study itself: evaluates the runs with their volumes, takes regional values, and says what survives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from pydantic import Field

from transmodal.errors import InputError, UsageError
from transmodal.evaluation.oracles.fit import check_names
from transmodal.evaluation.statistics.paired_tests import too_few
from transmodal.experiments.study.bench import Bench
from transmodal.experiments.study.record import Omission, StudyFigure
from transmodal.experiments.study.scored import StudyScoring, score_entrants
from transmodal.experiments.study.studies._base import Findings, Study, StudyOptions
from transmodal.experiments.study.studies.biology import (
    agreement,
    lesions,
    phenotypes,
    sentences,
    signals,
    values,
)
from transmodal.experiments.study.studies.biology.agreement import SubjectAgreement
from transmodal.experiments.study.studies.biology.lesions import LesionTable
from transmodal.experiments.study.studies.biology.phenotypes import PhenotypeTable
from transmodal.experiments.study.studies.biology.signals import SignalFigures
from transmodal.experiments.study.studies.biology.values import Regional


class Options(StudyOptions):
    """Options of the study."""

    oracles: tuple[str, ...] = Field(
        ("mean_target", "lookup"), description="translators that learn no network, beside the runs"
    )
    phenotype: str = Field("", description="column of --phenotypes that is predicted, numbers")


class _Parts(NamedTuple):
    """The parts of the answer."""

    agreement: SubjectAgreement
    signals: SignalFigures | None
    lesions: LesionTable
    phenotypes: PhenotypeTable

    def figures(self) -> tuple[StudyFigure, ...]:
        planted = () if self.signals is None else self.signals.figures
        return (*self.agreement.figures, *planted, *self.lesions.figures, *self.phenotypes.figures)


TABLES = (
    agreement.TABLES[0],
    *signals.TABLES[:2],
    lesions.TABLE,
    phenotypes.TABLE,
    agreement.TABLES[1],
    signals.TABLES[2],
)
CHARTS = (agreement.CHART, *signals.CHARTS)


def answer(bench: Bench[Options]) -> Findings:
    """Return what of a subject's regional biology survives translation.

    Raises:
        UsageError: E002 for an unknown oracle or phenotype, E004 for one of the two words of a phenotype alone.
        InputError: E131 where the cohort has neither virtual subjects nor labels.
        TransmodalError: as `scored.score_entrants`.
    """
    check_names(bench.options.oracles)
    _check_phenotype(bench)
    scored = score_entrants(bench, bench.entrants, StudyScoring(oracles=bench.options.oracles))
    sources = values.list_sources(bench, scored)
    contents = list(values.measure(bench, scored, sources).values())
    rows = values.gather(contents, sources)
    _check(rows, bench)
    parts = _Parts(
        agreement.agree(rows),
        signals.take_signals(rows) if next(iter(rows.values())).linked is not None else None,
        lesions.take_lesions(contents, sources),
        phenotypes.take_phenotypes(rows, bench.material.phenotypes, bench.options.phenotype),
    )
    models = tuple(dict.fromkeys(entrant.row for entrant in bench.entrants))
    target = bench.entrants[0].recipe.task.target
    tables = {figure.table for figure in parts.figures()}
    columns = {(figure.table, figure.figure) for figure in parts.figures() if figure.value is not None}
    return Findings(
        _protocol(bench, target),
        tuple(
            sentences.write(parts.agreement, parts.signals, parts.lesions, parts.phenotypes, models, target)
        ),
        parts.figures(),
        tuple(table for table in TABLES if table.name in tables),
        tuple(chart for chart in CHARTS if (chart.table, chart.figure) in columns),
        tuple(_omissions(bench, parts)),
        (f"Intervals: {reason}.",) if (reason := too_few(len(next(iter(rows.values())).patients))) else (),
    )


def _check(rows: Mapping[str, Regional], bench: Bench[Options]) -> None:
    if not next(iter(rows.values())).regions:
        raise InputError(
            "E131",
            f"cohort {bench.cohort.manifest.name} without regions that every subject has",
            "virtual subjects, or a segmentation with labels per case",
            "Name the virtual subjects with --subjects, or prepare the cohort with a segmentation per case.",
        )


def _check_phenotype(bench: Bench[Options]) -> None:
    if (bench.material.phenotypes is None) != (not bench.options.phenotype):
        lacks = "--option phenotype=COLUMN" if bench.material.phenotypes is not None else "--phenotypes TABLE"
        raise UsageError("E004", f"a phenotype without {lacks}", "table and column", f"Name it: {lacks}")


def _protocol(bench: Bench[Options], target: str) -> str:
    regions = (
        "24 regions of the virtual subjects' template in grey and in white matter, voxels that are at least 70 % the "
        "tissue and hold no lesion"
        if bench.material.subjects is not None
        else "labels of the segmentation inside the evaluation mask"
    )
    return (
        f"Regional means of {target.upper()} in {regions}; a target without a unit is scaled to the training cohort's units "
        "by its own intensities. Figures over subjects, per seed, then averaged over seeds; 95 % intervals by a bootstrap "
        "over subjects and seeds, crossed, percentiles moved out for the number of subjects. ICC(A,1): two-way, absolute "
        "agreement, single measurement. Planted signals: values relative to each region's mean over subjects, centred by region "
        "and by subject; the share recovered is the slope of the synthetic on the signal over that of the measured. A signal's "
        "own draw is correlated after the linked one is taken out; chance shuffles the subjects."
    )


def _omissions(bench: Bench[Options], parts: _Parts) -> list[Omission]:
    unknown = "nothing is known of what was planted; --subjects names the virtual subjects"
    has_subjects = bench.material.subjects is not None
    reasons = {
        "planted signals": ""
        if parts.signals is not None
        else "the target has no parameter of its own in the simulator"
        if has_subjects
        else unknown,
        "lesions": parts.lesions.reason if has_subjects else unknown,
        "prediction of a phenotype": parts.phenotypes.reason,
    }
    if parts.signals is not None and not parts.signals.own:
        reasons["the target's own signal"] = "the sources show it too"
    if parts.signals is not None and not parts.signals.foreign:
        reasons["the source's own signal"] = "the target shows it too"
    return [Omission(part=part, reason=reason) for part, reason in reasons.items() if reason]


STUDY = Study(
    name="biology",
    about="Which part of a person survives translation, and which part is invented?",
    reading=(
        "A synthetic image can look right and still show an average brain in the patient's outline. So each region's mean is "
        "taken in the measured and in the synthetic image of every subject, and the two are compared across subjects. A "
        "correlation near 1 says that whoever is high in the measured image is high in the synthetic one; a slope below 1 says "
        "that the translator shrinks differences. In virtual subjects we know more: one signal was planted in source and "
        "target, so a good translator can recover it; one in the target alone, which nobody can know from the source; and one in "
        "the source alone, which has no business in the synthetic image. Recovering the first is knowledge, showing the last is "
        "invention. The rows mean_target and lookup learn no network: what is no better than they are has learned anatomy, not "
        "biology."
    ),
    needs="runs",
    answer=answer,
    options=Options,
    command="runs/pix2pix runs/unet --cohort cohort --subjects subjects -o studies/biology",
)
