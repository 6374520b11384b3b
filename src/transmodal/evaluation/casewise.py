"""Translate and score case by case: rows, regions, pictures, hashes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from transmodal.cohorts.store import PreparedCase
from transmodal.errors import InputError, UsageError
from transmodal.evaluation import per_case
from transmodal.evaluation.learned.base import NOBODY, Judges
from transmodal.evaluation.measures import clipping, disagreement, organs, regional
from transmodal.evaluation.measures.gallery import Gallery, scene_of
from transmodal.evaluation.measures.histogram import Counts
from transmodal.evaluation.participants import CaseTranslation, CaseTranslator, Participants, translate
from transmodal.evaluation.records import store as stored
from transmodal.evaluation.result import Evaluation
from transmodal.evaluation.score import STANDARD
from transmodal.evaluation.task import EvaluationTask
from transmodal.metrics.registry import any_needs, higher_is_better
from transmodal.metrics.table import Row
from transmodal.progress import StageProgress
from transmodal.volumes.bounds import Clipped


def evaluate_cases(
    entrants: Participants,
    cases: Sequence[PreparedCase],
    task: EvaluationTask,
    *,
    metrics: Sequence[str] = STANDARD,
    primary: str = "mae",
    judges: Judges = NOBODY,
    keeper: stored.VolumeStore | None = None,
    progress: StageProgress | None = None,
) -> Evaluation:
    """Translate and score every case by every entrant.

    Args:
        entrants: models and oracles.
        cases: what to score on.
        task: what is evaluated on what.
        metrics: what to take.
        primary: metric that chooses the best and the worst case to show.
        judges: what takes metrics that need a network.
        keeper: stores the synthetic volumes; None stores none.
        progress: told how far it is.

    Raises:
        InputError: E132 without cases, E131 for a case without a modality.
        UsageError: E004 for two entrants of one name, or none.
    """
    everyone = [*entrants.models, *entrants.oracles]
    _check(everyone, cases, task)
    gallery = Gallery(f"{primary.upper()} of {everyone[0].name}", higher_is_better=higher_is_better(primary))
    rows: list[Row] = []
    seconds: dict[str, dict[str, float]] = {entrant.name: {} for entrant in everyone}
    excluded: dict[str, int] = {}
    errors: dict[str, Counts] = {}
    regions: list[regional.RegionRow] = []
    colours: list[organs.OrganRow] = []
    by_organ = any_needs(metrics, "labels")
    disagreements: list[disagreement.DisagreementRow] = []
    targets: dict[str, stored.TargetHashes] = {}
    clipped: dict[str, list[Clipped]] = {model.name: [] for model in entrants.models}
    for n, case in enumerate(cases, start=1):
        given = {one.name: _timed(one, case, seconds[one.name]) for one in everyone}
        made = {name: one.volume for name, one in given.items()}
        for name, of_cases in clipped.items():
            of_cases.append(given[name].clipped)
        spreads = {name: one.disagreement for name, one in given.items() if one.disagreement is not None}
        if keeper is not None:
            made = {name: keeper.keep(name, case, volume) for name, volume in made.items()}
            spreads = {name: keeper.keep_disagreement(name, case, one) for name, one in spreads.items()}
        targets[case.id] = stored.hash_target(case, task.target)
        truth = per_case.truth(case, task)
        taken = {
            name: per_case.figures(case, truth, volume, task, metrics)
            + judges.figures(per_case.pair(case, name, truth, volume, task))
            for name, volume in made.items()
        }
        rows += [per_case.row(case, name, one) for name, measured in taken.items() for one in measured]
        first = taken[everyone[0].name]
        excluded[case.id] = next((one.slices_excluded for one in first if one.slices_excluded is not None), 0)
        disagreements += [
            disagreement.row(case, truth, made[name], spread, name) for name, spread in spreads.items()
        ]
        judged = [one.name for one in entrants.models or entrants.oracles]
        for model in entrants.models:
            counts = per_case.errors(case, truth, made[model.name], task)
            errors[model.name] = errors.get(model.name, 0) + counts
            if by_organ:
                colours += organs.rows(
                    case, truth, made[model.name], model.name, task.labels, task.data_range
                )
            regions += regional.rows(case, truth, made[model.name], model.name, task.unit, task.labels)
        scene = scene_of(case, task.sources, (task.target, truth), made, judged, spreads, task.units)
        gallery.add(scene, next(one.value for one in first if one.metric == primary))
        if progress is not None:
            progress("evaluate", n, len(cases))
    return Evaluation(
        replace(task, notes=(*task.notes, *clipping.notes(clipped, task.unit))),
        tuple(model.name for model in entrants.models),
        tuple(oracle.name for oracle in entrants.oracles),
        tuple(rows),
        gallery.scenes(),
        excluded,
        entrants.records,
        {name: path for name, path in entrants.curves.items() if path.is_file()},
        seconds,
        errors,
        tuple(regions),
        targets,
        keeper.kept if keeper is not None else {},
        judges.splits(),
        judges.record(),
        disagreements=tuple(disagreements),
        spreads=keeper.spreads if keeper is not None else {},
        organs=tuple(colours),
    )


def _check(everyone: Sequence[CaseTranslator], cases: Sequence[PreparedCase], task: EvaluationTask) -> None:
    names = [entrant.name for entrant in everyone]
    if not names or len(set(names)) < len(names):
        raise UsageError("E004", f"entrants {names}", "one or more, of different names", "Name the runs.")
    if not cases:
        raise InputError(
            "E132",
            f"no {task.split} case in cohort {task.cohort}",
            "one or more",
            "Choose another --split, or split the cohort with a share for it.",
        )


def _timed(entrant: CaseTranslator, case: PreparedCase, seconds: dict[str, float]) -> CaseTranslation:
    start = time.perf_counter()
    made = translate(entrant, case)
    seconds[case.id] = time.perf_counter() - start
    return made
