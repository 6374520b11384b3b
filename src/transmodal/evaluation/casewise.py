"""Translate and score case by case: rows, regions, pictures, hashes."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from transmodal.cohorts.store import PreparedCase
from transmodal.errors import InputError, UsageError
from transmodal.evaluation import per_case
from transmodal.evaluation.drawing.viewer_pages import add_page
from transmodal.evaluation.learned.base import NO_LEARNED_METRICS, LearnedMetrics
from transmodal.evaluation.measures import clipping, disagreement, organs, regional
from transmodal.evaluation.measures.disagreement import DisagreementRow
from transmodal.evaluation.measures.gallery import CasePictures, Gallery, draw_case
from transmodal.evaluation.measures.histogram import Counts
from transmodal.evaluation.measures.organs import OrganRow
from transmodal.evaluation.measures.regional import RegionRow
from transmodal.evaluation.participants import CaseTranslation, Participants, translate
from transmodal.evaluation.records.store import TargetHashes, VolumeStore, hash_target
from transmodal.evaluation.result import Evaluation
from transmodal.evaluation.score import STANDARD
from transmodal.evaluation.task import EvaluationTask
from transmodal.metrics.protocol import MetricValue
from transmodal.metrics.registry import any_needs, higher_is_better
from transmodal.metrics.table import Row
from transmodal.progress import StageProgress
from transmodal.viewing.folder import ViewerFolder
from transmodal.volumes import Volume
from transmodal.volumes.bounds import Clipped


def evaluate_cases(
    participants: Participants,
    cases: Sequence[PreparedCase],
    task: EvaluationTask,
    *,
    metrics: Sequence[str] = STANDARD,
    learned: LearnedMetrics = NO_LEARNED_METRICS,
    store: VolumeStore | None = None,
    pages: ViewerFolder | None = None,
    progress: StageProgress | None = None,
) -> Evaluation:
    """Translate and score every case by every participant.

    Args:
        participants: models and oracles.
        cases: the cases to score.
        task: target, sources and cohort.
        metrics: that are taken; MAE, or the first of them without it, chooses the best and the worst case to show.
        learned: metrics that need a network.
        store: keeps the synthetic volumes; None keeps none.
        pages: viewer pages, of which every case gets one; None writes none.
        progress: told how far it is.

    Raises:
        InputError: E132 without cases, E131 for a case without a modality.
        UsageError: E004 for two participants of one name, or none.
    """
    names = [participant.name for participant in participants.everyone]
    _check(names, cases, task)
    primary = "mae" if "mae" in metrics else metrics[0]
    gallery = Gallery(f"{primary.upper()} of {names[0]}", higher_is_better=higher_is_better(primary))
    scorer = _CaseScorer(participants, task, metrics, learned, store)
    results: list[_CaseResult] = []
    for n, case in enumerate(cases, start=1):
        volumes = scorer.translate(case)
        figures = scorer.measure(case, volumes)
        results.append(scorer.score(case, volumes, figures))
        primary_value = next(figure.value for figure in figures[names[0]] if figure.metric == primary)
        gallery.add(scorer.show(case, volumes), primary_value)
        if pages is not None:
            add_page(pages, case, task, volumes.target, volumes.synthetic, volumes.disagreements)
        if progress is not None:
            progress("evaluate", n, len(cases))
    return replace(_evaluation(scorer, results, gallery.cases()), viewer=pages)


@dataclass(frozen=True, slots=True)
class _CaseVolumes:
    """One case's target, as it is compared, and the participants' translations of it, by name."""

    target: Volume
    synthetic: Mapping[str, Volume]
    disagreements: Mapping[str, Volume]
    clipped: Mapping[str, Clipped]
    seconds: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class _CaseResult:
    """Everything that is taken of one case, without its pictures; mappings are by participant."""

    case: str
    rows: Sequence[Row]
    slices_excluded: int
    hashes: TargetHashes
    clipped: Mapping[str, Clipped]
    seconds: Mapping[str, float]
    disagreements: Sequence[DisagreementRow]
    errors: Mapping[str, Counts]
    regions: Sequence[RegionRow]
    organs: Sequence[OrganRow]


@dataclass(frozen=True, slots=True)
class _CaseScorer:
    """Translates and scores one case at a time."""

    participants: Participants
    task: EvaluationTask
    metrics: Sequence[str]
    learned: LearnedMetrics
    store: VolumeStore | None

    def translate(self, case: PreparedCase) -> _CaseVolumes:
        """Translate a case by every participant; stored volumes come back as a reader will find them."""
        translations: dict[str, CaseTranslation] = {}
        seconds = {}
        for participant in self.participants.everyone:
            start = time.perf_counter()
            translations[participant.name] = translate(participant, case)
            seconds[participant.name] = time.perf_counter() - start
        synthetic = {name: translation.volume for name, translation in translations.items()}
        disagreements = {
            name: translation.disagreement
            for name, translation in translations.items()
            if translation.disagreement is not None
        }
        clipped = {name: translation.clipped for name, translation in translations.items()}
        if self.store is not None:
            keep, keep_disagreement = self.store.keep, self.store.keep_disagreement
            synthetic = {name: keep(name, case, volume) for name, volume in synthetic.items()}
            disagreements = {
                name: keep_disagreement(name, case, volume) for name, volume in disagreements.items()
            }
        return _CaseVolumes(per_case.read_target(case, self.task), synthetic, disagreements, clipped, seconds)

    def measure(self, case: PreparedCase, volumes: _CaseVolumes) -> dict[str, list[MetricValue]]:
        """Return the figures of every participant."""
        return {
            name: per_case.measure_case(case, volumes.target, volume, self.task, self.metrics)
            + per_case.stamp_adaptation(
                self.learned.measure(per_case.build_pair(case, name, volumes.target, volume, self.task)),
                self.task,
            )
            for name, volume in volumes.synthetic.items()
        }

    def score(
        self, case: PreparedCase, volumes: _CaseVolumes, figures: Mapping[str, Sequence[MetricValue]]
    ) -> _CaseResult:
        """Return everything that is taken of a case."""
        first = next(iter(figures.values()))
        excluded = [figure.slices_excluded for figure in first if figure.slices_excluded is not None]
        models = {model.name: volumes.synthetic[model.name] for model in self.participants.models}
        target, task = volumes.target, self.task
        return _CaseResult(
            case.id,
            [
                per_case.build_row(case, name, figure)
                for name, measured in figures.items()
                for figure in measured
            ],
            excluded[0] if excluded else 0,
            hash_target(case, task.target),
            {name: volumes.clipped[name] for name in models},
            volumes.seconds,
            [
                disagreement.row(case, target, volumes.synthetic[name], spread, name)
                for name, spread in volumes.disagreements.items()
            ],
            {name: per_case.count_case_errors(case, target, volume, task) for name, volume in models.items()},
            [
                row
                for name, volume in models.items()
                for row in regional.rows(case, target, volume, name, task.unit, task.labels)
            ],
            [
                row
                for name, volume in (models if any_needs(self.metrics, "labels") else {}).items()
                for row in organs.rows(case, target, volume, name, task.labels, task.data_range)
            ],
        )

    def show(self, case: PreparedCase, volumes: _CaseVolumes) -> CasePictures:
        """Return the pictures of a case; the models' errors set the limit of the error maps, without models the oracles'."""
        task, limiting = self.task, self.participants.models or self.participants.oracles
        return draw_case(
            case,
            task.sources,
            (task.target, volumes.target),
            volumes.synthetic,
            [participant.name for participant in limiting],
            volumes.disagreements,
            task.units,
        )


def _evaluation(
    scorer: _CaseScorer, results: Sequence[_CaseResult], gallery: tuple[CasePictures, ...]
) -> Evaluation:
    """Put the results of all cases together."""
    participants, task, store = scorer.participants, scorer.task, scorer.store
    models = [model.name for model in participants.models]
    clipped = {name: [result.clipped[name] for result in results] for name in models}
    return Evaluation(
        replace(task, notes=(*task.notes, *clipping.note_clipped(clipped, task.unit))),
        tuple(models),
        tuple(oracle.name for oracle in participants.oracles),
        tuple(row for result in results for row in result.rows),
        gallery,
        {result.case: result.slices_excluded for result in results},
        participants.records,
        {name: path for name, path in participants.curves.items() if path.is_file()},
        {
            participant.name: {result.case: result.seconds[participant.name] for result in results}
            for participant in participants.everyone
        },
        {name: np.sum([result.errors[name] for result in results], axis=0) for name in models},
        tuple(row for result in results for row in result.regions),
        {result.case: result.hashes for result in results},
        store.volumes if store is not None else {},
        scorer.learned.split_figures(),
        scorer.learned.record(),
        disagreements=tuple(row for result in results for row in result.disagreements),
        spreads=store.disagreements if store is not None else {},
        organs=tuple(row for result in results for row in result.organs),
    )


def _check(names: Sequence[str], cases: Sequence[PreparedCase], task: EvaluationTask) -> None:
    if not names or len(set(names)) < len(names):
        raise UsageError("E004", f"entrants {names}", "one or more, of different names", "Name the runs.")
    if not cases:
        raise InputError(
            "E132",
            f"no {task.split} case in cohort {task.cohort}",
            "one or more",
            "Choose another --split, or split the cohort with a share for it.",
        )
