"""Evaluations of a study, with their volumes: made through `evaluation.run.evaluate`, read back by hash."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from transmodal.cohorts.store import Cohort, PreparedCase
from transmodal.evaluation.measures.reference_mask import MaskedCase
from transmodal.evaluation.per_case import read_target
from transmodal.evaluation.records import read as records
from transmodal.evaluation.records import store
from transmodal.evaluation.records.schema import EvaluationFile
from transmodal.evaluation.records.store import StoredFile
from transmodal.evaluation.request import CaseSelection, EvaluationRequest, ScoringOptions
from transmodal.evaluation.run import evaluate
from transmodal.evaluation.runs import TranslationOptions
from transmodal.evaluation.task import EvaluationTask
from transmodal.evaluation.verify.check import task_of
from transmodal.experiments.study.bench import Bench, Entrant
from transmodal.experiments.study.units import Content, WorkUnit
from transmodal.experiments.trial import is_normalised, slug
from transmodal.inference.passes import BY_RECIPE, Passes
from transmodal.volumes import Volume


class StudyScoring(NamedTuple):
    """Which figures and oracles an evaluation of a study takes, and by which passes runs translate.

    Attributes:
        metrics: of `metrics.registry.names`.
        oracles: scored beside the runs.
        passes: over other axes than the recipe's, or by several draws.
        without: sources without which a run is scored once more.
    """

    metrics: tuple[str, ...] = ("mae",)
    oracles: tuple[str, ...] = ()
    passes: Passes = BY_RECIPE
    without: tuple[str, ...] = ()


STANDARD = StudyScoring()


@dataclass(frozen=True, slots=True)
class Scored:
    """A written evaluation with its volumes.

    Attributes:
        folder: of the evaluation.
        content: of its `evaluation.json`.
        task: sources, target, units.
        cohort: that was scored, with its modalities under the task's names.
    """

    folder: Path
    content: EvaluationFile
    task: EvaluationTask
    cohort: Cohort

    @property
    def names(self) -> tuple[str, ...]:
        """Runs and oracles, by their names in the evaluation."""
        return tuple(self.content.volumes)

    def cases(self) -> list[PreparedCase]:
        """Return the scored cases, with the mask that figures were taken in."""
        mask = self.task.mask
        cases = [self.cohort.case(name) for name in self.content.targets]
        return cases if mask is None else [MaskedCase(case, mask.modality, (mask.kind,)) for case in cases]

    def target(self, case: PreparedCase) -> Volume:
        """Return a case's target as it was compared: targets without a unit in the training cohort's."""
        return read_target(case, self.task)

    def synthetic(self, name: str, case: PreparedCase) -> Volume:
        """Return a stored synthetic volume on the target's grid.

        Raises:
            IntegrityError: E501 when its file has another content than was stored.
        """
        parts = tuple(StoredFile(part.file, part.sha256) for part in self.content.volumes[name][case.id])
        return store.read(self.folder, parts, case.volume(self.task.target).grid, f"{name} for {case.id}")


class _Request(NamedTuple):
    """An evaluation as it travels to a process."""

    entrant: Entrant
    cohort: Path
    training_cohort: Path | None
    split: str
    device: str | None
    scoring: StudyScoring
    folder: Path


def score_entrants(
    bench: Bench[Any],
    entrants: Sequence[Entrant],
    scoring: StudyScoring = STANDARD,
    *,
    stage: str = "evaluations",
) -> dict[str, Scored]:
    """Evaluate runs on the bench's split with their volumes, each in a folder of its own, as far as that is not done.

    Targets without a unit are scored target-normalised, as benchmarks and ablations do.

    Args:
        bench: of the study.
        entrants: the runs.
        scoring: which figures are taken; oracles are scored with the first run.
        stage: of the study; evaluations by other passes need another.

    Returns:
        By the run's label; the run has its row's name in its evaluation.

    Raises:
        TransmodalError: as `evaluation.run.evaluate`.
    """
    units = {}
    for n, entrant in enumerate(entrants):
        own = scoring if n == 0 else scoring._replace(oracles=())
        folder = bench.folder / slug(stage) / slug(entrant.label)
        if not (folder / records.NAME).is_file():
            bench.units.forget(stage, entrant.label)
        request = _Request(
            entrant,
            bench.cohort.folder,
            bench.material.training_cohort,
            bench.split,
            bench.device,
            own,
            folder,
        )
        inputs = {
            "weights": entrant.weights_sha256,
            "row": entrant.row,
            "cohort": bench.cohort.digest(),
            "split": bench.split,
            "scoring": repr(own),
            "device": bench.device,
        }
        units[entrant.label] = WorkUnit(_evaluate, request, inputs)
    bench.units.complete(stage, units)
    return {label: read_scored(unit.item.folder, bench.cohort) for label, unit in units.items()}


def read_scored(folder: Path, cohort: Cohort) -> Scored:
    """Read an evaluation that was written with its volumes.

    Raises:
        InputError: as `evaluation.records.read.read_with_volumes`.
    """
    content, scoring = records.read_with_volumes(folder / records.NAME)
    task = task_of(content, scoring)
    return Scored(folder, content, task, cohort.named_for([*task.sources, task.target]))


def _evaluate(request: _Request) -> Content:
    target = request.entrant.recipe.task.target
    evaluate(
        {request.entrant.row: request.entrant.folder},
        Cohort.open(request.cohort),
        EvaluationRequest(
            selection=CaseSelection(request.split, request.training_cohort),
            translation=TranslationOptions(
                device=request.device, passes=request.scoring.passes, without=request.scoring.without
            ),
            scoring=ScoringOptions(
                metrics=request.scoring.metrics,
                oracles=request.scoring.oracles,
                target_normalised=is_normalised(target),
            ),
            save_volumes=True,
        ),
        output=request.folder,
    )
    return {"folder": request.folder.name}
