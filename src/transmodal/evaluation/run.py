"""Evaluate trained runs, volumes of other programs, and oracles on a cohort's split: rows, summary, pictures, report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from transmodal.cohorts.quality import assumed_spacing
from transmodal.cohorts.store import Cohort, PreparedCase
from transmodal.errors import UsageError
from transmodal.evaluation.case_scorer import CaseScorer
from transmodal.evaluation.casewise import SpreadCases, evaluate_cases
from transmodal.evaluation.drawing.viewer_pages import open_pages
from transmodal.evaluation.external.internal_test import take_internal_test
from transmodal.evaluation.external.sites import (
    ALL_CASES,
    Sites,
    find_sites,
    mask_site_cases,
    namesakes,
    read_site,
)
from transmodal.evaluation.external.strata import Strata
from transmodal.evaluation.measures.computable import check_cases
from transmodal.evaluation.measures.reference_mask import has_masks
from transmodal.evaluation.memory import ADVICE, estimate_evaluation
from transmodal.evaluation.oracles import fit as oracles
from transmodal.evaluation.oracles.fit import Oracle
from transmodal.evaluation.participants import Participants, exceeds_training_window
from transmodal.evaluation.predictions.alone import load_or_plan
from transmodal.evaluation.predictions.predicted import OpenedPredictions, count_channels, open_predictions
from transmodal.evaluation.records.store import VolumeStore
from transmodal.evaluation.report.write import write
from transmodal.evaluation.request import EvaluationRequest, ScoringOptions
from transmodal.evaluation.result import Evaluation
from transmodal.evaluation.runs import LoadedRuns
from transmodal.evaluation.task import EvaluationTask, check_pairs, reference_units
from transmodal.inference.preprocessing import Preprocessing
from transmodal.progress import StageProgress
from transmodal.storage import outputs

STANDARD = EvaluationRequest()


def evaluate(
    runs: Mapping[str, Path] | Sequence[Path],
    cohort: Cohort | Path,
    request: EvaluationRequest = STANDARD,
    *,
    output: Path | None = None,
    spread: SpreadCases | None = None,
    progress: StageProgress | None = None,
    announce: Callable[[str], None] | None = None,
) -> Evaluation:
    """Score trained runs, and volumes that another program made, beside oracles that need no learning.

    Args:
        runs: folders of runs of one task, by the name they have in tables; a plain sequence names them by
            their translators. None where the request has predictions.
        cohort: a prepared cohort, the one that the runs learned from or another.
        request: which cases are scored, how they are translated, which figures are taken beside which oracles.
        output: folder for the files of `report.write.write`; None writes nothing.
        spread: works on cases in other processes; None works on them here.
        progress: told how far it is.
        announce: told on one line how much memory the work takes.

    Raises:
        ResourceError: E402 where memory does not suffice.
        UsageError: E004 when the runs have different targets, the target to be normalised has a unit, or passes are
            asked for that no run can do, E001 for what is no axis, E002 for an unknown oracle.
        InputError: E132 when the split is empty or there is nothing to fit oracles on, E131 and E136 for cases
            that lack what a metric needs, or are in another unit than the runs', and as
            `predictions.predicted.open_predictions`.
    """
    pages = open_pages(output, is_requested=request.has_viewer)
    opened = open_evaluation(runs, cohort, request, output=output, progress=progress, announce=announce)
    scorer, loaded = opened.scorer, opened.loaded
    evaluation = evaluate_cases(
        scorer.participants,
        opened.cases,
        scorer.task,
        metrics=scorer.metrics,
        learned=scorer.learned,
        store=scorer.store,
        pages=pages,
        spread=spread,
        progress=progress,
    )
    internal = take_internal_test(
        opened.sites, loaded, opened.participants, scorer.task, request.scoring, progress
    )
    evaluation = replace(opened.predictions.untime(evaluation), strata=opened.strata, internal_test=internal)
    if output is not None:
        write(evaluation, output)
    return evaluation


class OpenEvaluation(NamedTuple):
    """An evaluation whose runs are loaded, whose oracles are fitted and whose cases are known.

    Attributes:
        scorer: works on a case.
        cases: that are scored.
        participants: runs and oracles, without predictions.
        predictions: volumes that another program made.
        sites: the scored cohort and the one that the runs learned from.
        loaded: the runs.
        strata: of the patients; None without phenotypes.
    """

    scorer: CaseScorer
    cases: Sequence[PreparedCase]
    participants: Participants
    predictions: OpenedPredictions
    sites: Sites
    loaded: LoadedRuns
    strata: Strata | None


def open_evaluation(
    runs: Mapping[str, Path] | Sequence[Path],
    cohort: Cohort | Path,
    request: EvaluationRequest = STANDARD,
    *,
    output: Path | None = None,
    progress: StageProgress | None = None,
    announce: Callable[[str], None] | None = None,
) -> OpenEvaluation:
    """Load the runs, fit the oracles and prepare the cases of an evaluation; arguments and errors as `evaluate`."""
    request.scoring.check()
    if output is not None:
        outputs.check_folder(output)
    scored = _open(cohort)
    loaded = load_or_plan(runs, scored, request)
    sites = _read_sites(scored, loaded, request)
    cases, task, strata = _prepare_cases(sites, loaded, request)
    roster = [case.id for case in sites.scored.cohort.cases()]
    predictions = open_predictions(request.predictions, cases, roster, task, progress)
    cases = list(predictions.cases)
    _check_memory(loaded, cases, request, announce)
    fitted = _fit_oracles(request.scoring, sites, loaded, progress)
    participants = Participants(loaded.translators, fitted, loaded.records, loaded.curves)
    scorer = CaseScorer(
        predictions.beside(participants),
        predictions.complete(_complete_task(task, request, sites, loaded, cases)),
        request.scoring.metrics,
        request.scoring.learned,
        _volume_store(output) if request.save_volumes else None,
    )
    return OpenEvaluation(scorer, cases, participants, predictions, sites, loaded, strata)


def evaluate_oracles(
    preprocessing: Preprocessing,
    cohort: Cohort,
    scoring: ScoringOptions = STANDARD.scoring,
    *,
    split: str = "test",
    output: Path | None = None,
) -> Evaluation:
    """Score oracles alone, under the protocol of the runs that have the same preprocessing.

    Args:
        preprocessing: how those runs see volumes.
        cohort: a prepared cohort; oracles are fitted on its training split.
        scoring: which figures are taken, of which oracles; metrics that need a network are not taken.
        split: `train`, `validation` or `test`.
        output: folder for the files of `report.write.write`; None writes nothing.

    Raises:
        UsageError: E004 when the target to be normalised has a unit, E002 for an unknown oracle.
        InputError: E132 when the split is empty or there is nothing to fit oracles on.
    """
    scoring.check()
    site = read_site(cohort, preprocessing, preprocessing.sources, split)
    reference = reference_units(preprocessing) if scoring.target_normalised else None
    training = site.cohort.cases("train")
    participants = Participants((), [oracles.fit(name, training, preprocessing) for name in scoring.oracles])
    cases, mask = mask_site_cases(site, preprocessing)
    task = replace(site.task, mask=mask, reference=reference)
    evaluation = evaluate_cases(participants, cases, task, metrics=scoring.metrics)
    if output is not None:
        write(evaluation, output)
    return evaluation


def _read_sites(scored: Cohort, loaded: LoadedRuns, request: EvaluationRequest) -> Sites:
    """Return what is taken from the scored cohort, known to have pairs, and from the training cohort where it is named."""
    training, split = request.selection.training_cohort, request.selection.split
    site = read_site(scored, loaded.preprocessing, loaded.sources, split)
    if loaded.models:
        check_pairs(site.cases, site.task.cohort, split, loaded.preprocessing)
    if training is None:
        return find_sites(site, None, loaded.records)
    home = read_site(_open(training), loaded.preprocessing, loaded.sources, "test")
    return find_sites(site, home, loaded.records)


def _prepare_cases(
    sites: Sites, loaded: LoadedRuns, request: EvaluationRequest
) -> tuple[list[PreparedCase], EvaluationTask, Strata | None]:
    """Return the cases to score with their evaluation mask, the task, and the strata of the patients.

    Raises:
        UsageError, InputError: for cases without a mask or labels that a metric needs, in another unit, or without a phenotype.
    """
    site, phenotypes = sites.scored, request.selection.phenotypes
    for model in loaded.models:
        assumed_spacing.check(site.cases, model.preprocessing.spacing_mm, "")
    strata = phenotypes.of(site.cases) if phenotypes is not None else None
    cases, mask = mask_site_cases(site, loaded.preprocessing)
    task = replace(sites.task(), mask=mask)
    has_mask = mask is not None or has_masks(site.cohort)
    check_cases(request.scoring.metrics, task.target, cases, has_mask=has_mask, unit=task.unit)
    return cases, task, strata


def _check_memory(
    loaded: LoadedRuns,
    cases: Sequence[PreparedCase],
    request: EvaluationRequest,
    announce: Callable[[str], None] | None,
) -> None:
    """Refuse, before the work, what does not fit into memory; say how much it takes.

    Raises:
        ResourceError: E402.
    """
    scoring = request.scoring
    estimate = estimate_evaluation(
        loaded.models,
        cases,
        scoring.metrics,
        n_oracles=len(scoring.oracles) + len(request.predictions.folders),
        n_channels=count_channels(cases, loaded.preprocessing.target),
    )
    estimate.check("this evaluation", ADVICE)
    if announce is not None:
        announce(estimate.line())


def _fit_oracles(
    scoring: ScoringOptions, sites: Sites, loaded: LoadedRuns, progress: StageProgress | None
) -> list[Oracle]:
    """Fit the oracles on the training cohort.

    None where it is not known; beside predictions alone, none where there is no source or training case, or where the
    training cases are scored too.
    """
    if sites.training is None:
        return []
    has_fit = not (sites.training is sites.scored and sites.scored.task.split == ALL_CASES)
    cases = sites.training.cohort.cases("train")
    if not loaded.models and not (has_fit and cases and loaded.preprocessing.sources):
        return []
    return [oracles.fit(name, cases, loaded.preprocessing, progress=progress) for name in scoring.oracles]


def _complete_task(
    task: EvaluationTask,
    request: EvaluationRequest,
    sites: Sites,
    loaded: LoadedRuns,
    cases: Sequence[PreparedCase],
) -> EvaluationTask:
    """Add the notes for a reader of the figures, and the units that the target is scaled to."""
    notes = (
        *task.notes,
        *request.notes,
        *sites.notes(request.scoring.oracles),
        *(namesakes(cases, loaded.records, task.keys) if sites.is_external else ()),
        *exceeds_training_window(loaded.translators, cases),
    )
    reference = reference_units(loaded.preprocessing) if request.scoring.target_normalised else None
    return replace(task, notes=notes, reference=reference)


def _open(cohort: Cohort | Path) -> Cohort:
    return cohort if isinstance(cohort, Cohort) else Cohort.open(cohort)


def _volume_store(output: Path | None) -> VolumeStore:
    if output is None:
        raise UsageError("E004", "volumes to keep and no folder", "a folder for them", "Give an output.")
    return VolumeStore(output)
