"""Everything that an evaluation takes of one case: its translations, figures, regions, hashes and pictures."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from transmodal.cohorts.store import PreparedCase
from transmodal.evaluation import per_case
from transmodal.evaluation.learned.base import LearnedMetrics
from transmodal.evaluation.measures import disagreement, organs, regional
from transmodal.evaluation.measures.disagreement import DisagreementRow
from transmodal.evaluation.measures.gallery import CasePictures, draw_case
from transmodal.evaluation.measures.histogram import Counts
from transmodal.evaluation.measures.organs import OrganRow
from transmodal.evaluation.measures.regional import RegionRow
from transmodal.evaluation.participants import CaseTranslation, Participants, translate
from transmodal.evaluation.records.store import StoredFile, TargetHashes, VolumeStore, hash_target
from transmodal.evaluation.task import EvaluationTask
from transmodal.metrics.protocol import MetricValue
from transmodal.metrics.registry import any_needs
from transmodal.metrics.table import Row
from transmodal.volumes import Volume
from transmodal.volumes.bounds import Clipped


@dataclass(frozen=True, slots=True)
class CaseVolumes:
    """One case's target, as it is compared, and the participants' translations of it, by name."""

    target: Volume
    synthetic: Mapping[str, Volume]
    disagreements: Mapping[str, Volume]
    clipped: Mapping[str, Clipped]
    seconds: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class CaseResult:
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


class CaseOutcome(NamedTuple):
    """Everything that an evaluation takes of a case; it can travel between processes.

    Attributes:
        result: figures and hashes.
        pictures: of the case.
        primary: the figure that chooses which cases are shown.
        volumes: files of the synthetic volumes that were kept, by translator.
        disagreements: files of their disagreements.
    """

    result: CaseResult
    pictures: CasePictures
    primary: float
    volumes: Mapping[str, tuple[StoredFile, ...]]
    disagreements: Mapping[str, tuple[StoredFile, ...]]


@dataclass(frozen=True, slots=True)
class CaseScorer:
    """Translates and scores one case at a time.

    Attributes:
        participants: models and oracles.
        task: target, sources and cohort.
        metrics: that are taken.
        learned: metrics that need a network.
        store: keeps the synthetic volumes; None keeps none.
    """

    participants: Participants
    task: EvaluationTask
    metrics: Sequence[str]
    learned: LearnedMetrics
    store: VolumeStore | None

    @property
    def primary(self) -> str:
        """The metric that chooses which cases are shown: MAE, or the first one without it."""
        return "mae" if "mae" in self.metrics else self.metrics[0]

    def outcome(self, case: PreparedCase, volumes: CaseVolumes) -> CaseOutcome:
        """Return everything that is taken of a translated case."""
        figures = self.measure(case, volumes)
        first = next(participant.name for participant in self.participants.everyone)
        store = self.store or VolumeStore(Path())
        return CaseOutcome(
            self.score(case, volumes, figures),
            self.show(case, volumes),
            next(figure.value for figure in figures[first] if figure.metric == self.primary),
            {name: paths[case.id] for name, paths in store.volumes.items() if case.id in paths},
            {name: paths[case.id] for name, paths in store.disagreements.items() if case.id in paths},
        )

    def translate(self, case: PreparedCase) -> CaseVolumes:
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
        return CaseVolumes(per_case.read_target(case, self.task), synthetic, disagreements, clipped, seconds)

    def measure(self, case: PreparedCase, volumes: CaseVolumes) -> dict[str, list[MetricValue]]:
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
        self, case: PreparedCase, volumes: CaseVolumes, figures: Mapping[str, Sequence[MetricValue]]
    ) -> CaseResult:
        """Return everything that is taken of a case."""
        first = next(iter(figures.values()))
        excluded = [figure.slices_excluded for figure in first if figure.slices_excluded is not None]
        models = {model.name: volumes.synthetic[model.name] for model in self.participants.models}
        target, task = volumes.target, self.task
        return CaseResult(
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

    def show(self, case: PreparedCase, volumes: CaseVolumes) -> CasePictures:
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
