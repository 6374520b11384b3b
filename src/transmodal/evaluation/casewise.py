"""Translate and score case by case: rows, regions, pictures, hashes; here, or spread over other processes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from transmodal.cohorts.store import PreparedCase
from transmodal.errors import InputError, UsageError
from transmodal.evaluation.case_scorer import CaseOutcome, CaseResult, CaseScorer
from transmodal.evaluation.drawing.viewer_pages import add_page
from transmodal.evaluation.learned.base import NO_LEARNED_METRICS, LearnedMetrics
from transmodal.evaluation.measures import clipping
from transmodal.evaluation.measures.gallery import CasePictures, Gallery
from transmodal.evaluation.participants import Participants
from transmodal.evaluation.records.store import VolumeStore
from transmodal.evaluation.result import Evaluation
from transmodal.evaluation.score import STANDARD
from transmodal.evaluation.task import EvaluationTask
from transmodal.metrics.registry import higher_is_better
from transmodal.progress import StageProgress
from transmodal.viewing.folder import ViewerFolder

SpreadCases = Callable[[Sequence[str]], Iterator[tuple[str, CaseOutcome]]]
"""From ids of cases to what is taken of each, with its id, in any order."""
Tell = Callable[[int], None]
"""Called with the number of cases that are complete."""


def evaluate_cases(
    participants: Participants,
    cases: Sequence[PreparedCase],
    task: EvaluationTask,
    *,
    metrics: Sequence[str] = STANDARD,
    learned: LearnedMetrics = NO_LEARNED_METRICS,
    store: VolumeStore | None = None,
    pages: ViewerFolder | None = None,
    spread: SpreadCases | None = None,
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
        spread: works on cases in other processes; None works on them here.
        progress: told how far it is.

    Raises:
        InputError: E132 without cases, E131 for a case without a modality.
        UsageError: E004 for two participants of one name, or none.
    """
    names = [participant.name for participant in participants.everyone]
    _check(names, cases, task)
    scorer = CaseScorer(participants, task, metrics, learned, store)
    primary = scorer.primary
    gallery = Gallery(f"{primary.upper()} of {names[0]}", higher_is_better=higher_is_better(primary))
    tell = None if progress is None else _counting(progress, len(cases))
    outcomes = (
        _one_by_one(scorer, cases, pages, tell)
        if spread is None
        else _in_order(cases, spread([case.id for case in cases]), store, tell)
    )
    results: list[CaseResult] = []
    for outcome in outcomes:
        results.append(outcome.result)
        gallery.add(outcome.pictures, outcome.primary)
    return replace(_evaluation(scorer, results, gallery.cases()), viewer=pages)


def _counting(progress: StageProgress, total: int) -> Tell:
    return lambda n: progress("evaluate", n, total)


def _one_by_one(
    scorer: CaseScorer, cases: Sequence[PreparedCase], pages: ViewerFolder | None, tell: Tell | None
) -> Iterator[CaseOutcome]:
    """Yield what is taken of each case, worked on here, and write its page."""
    for n, case in enumerate(cases, start=1):
        volumes = scorer.translate(case)
        outcome = scorer.outcome(case, volumes)
        if pages is not None:
            add_page(pages, case, scorer.task, volumes.target, volumes.synthetic, volumes.disagreements)
        if tell is not None:
            tell(n)
        yield outcome


def _in_order(
    cases: Sequence[PreparedCase],
    arriving: Iterator[tuple[str, CaseOutcome]],
    store: VolumeStore | None,
    tell: Tell | None,
) -> Iterator[CaseOutcome]:
    """Yield what is taken of each case in the order of the cases, though it comes in any order."""
    waiting, early = deque(case.id for case in cases), dict[str, CaseOutcome]()
    for n, (name, outcome) in enumerate(arriving, start=1):
        early[name] = outcome
        if tell is not None:
            tell(n)
        while waiting and waiting[0] in early:
            next_outcome = early.pop(waiting.popleft())
            if store is not None:
                store.add(next_outcome.result.case, next_outcome.volumes, next_outcome.disagreements)
            yield next_outcome


def _evaluation(
    scorer: CaseScorer, results: Sequence[CaseResult], gallery: tuple[CasePictures, ...]
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
