"""Evaluate trained runs and oracles on a cohort's split: rows, summary, pictures, report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from transmodal.cohorts.quality import assumed_spacing
from transmodal.cohorts.store import Cohort, PreparedCase
from transmodal.errors import InputError, UsageError
from transmodal.evaluation.casewise import evaluate_cases
from transmodal.evaluation.computable import check_cases
from transmodal.evaluation.external.sites import (
    Sites,
    build_task_of_sites,
    find_sites,
    namesakes,
    read_internal_test,
    select_cases,
    summarise_internal_test,
)
from transmodal.evaluation.external.strata import InternalTest, Strata
from transmodal.evaluation.measures.reference_mask import choose, has_masks, mask_cases
from transmodal.evaluation.memory import ADVICE, estimate_evaluation
from transmodal.evaluation.oracles import fit as oracles
from transmodal.evaluation.oracles.fit import Oracle
from transmodal.evaluation.participants import Participants, exceeds_training_window
from transmodal.evaluation.records.store import VolumeStore
from transmodal.evaluation.report.write import write
from transmodal.evaluation.request import EvaluationRequest, ScoringOptions
from transmodal.evaluation.result import Evaluation
from transmodal.evaluation.runs import LoadedRuns, load_runs
from transmodal.evaluation.task import EvaluationTask, build_task, lacks_pairs, reference_units
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
    progress: StageProgress | None = None,
    announce: Callable[[str], None] | None = None,
) -> Evaluation:
    """Score trained runs beside oracles that need no learning.

    Args:
        runs: folders of runs of one task, by the name they have in tables; a plain sequence names them by
            their translators.
        cohort: a prepared cohort, the one that the runs learned from or another.
        request: which cases are scored, how they are translated, which figures are taken beside which oracles.
        output: folder for the files of `report.write.write`; None writes nothing.
        progress: told how far it is.
        announce: told on one line how much memory the work takes.

    Raises:
        ResourceError: E402 where memory does not suffice.
        UsageError: E004 when the runs have different targets, the target to be normalised has a unit, or passes are
            asked for that no run can do, E001 for what is no axis, E002 for an unknown oracle.
        InputError: E132 when the split is empty or there is nothing to fit oracles on, E131 and E136 for cases
            that lack what a metric needs, or are in another unit than the runs'.
    """
    request.scoring.check()
    if output is not None:
        outputs.check_folder(output)
    scored = _open(cohort)
    loaded = load_runs(runs, request.translation)
    sites = _find_sites(scored, loaded, request)
    cases, task, strata = _prepare_cases(sites, loaded, request)
    _check_memory(loaded, cases, request, announce)
    fitted = _fit_oracles(request.scoring, sites, loaded, progress)
    participants = Participants(loaded.translators, fitted, loaded.records, loaded.curves)
    task = _complete_task(task, request, sites, loaded, cases)
    evaluation = evaluate_cases(
        participants,
        cases,
        task,
        metrics=request.scoring.metrics,
        learned=request.scoring.learned,
        store=_volume_store(output) if request.save_volumes else None,
        progress=progress,
    )
    internal = _internal_test(sites, loaded, participants, task, request.scoring, progress)
    evaluation = replace(evaluation, strata=strata, internal_test=internal)
    if output is not None:
        write(evaluation, output)
    return evaluation


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
    cohort = cohort.named_for([*preprocessing.sources, preprocessing.target])
    task = build_task(cohort, preprocessing, preprocessing.sources, split)
    if scoring.target_normalised:
        task = replace(task, reference=reference_units(preprocessing))
    training = cohort.cases("train")
    participants = Participants((), [oracles.fit(name, training, preprocessing) for name in scoring.oracles])
    cases, task = _mask_cases(cohort, cohort.cases(split), task, preprocessing)
    evaluation = evaluate_cases(participants, cases, task, metrics=scoring.metrics)
    if output is not None:
        write(evaluation, output)
    return evaluation


def _find_sites(scored: Cohort, loaded: LoadedRuns, request: EvaluationRequest) -> Sites:
    """Return the scored cohort, known to have pairs, and the training cohort, with modalities named as the runs do."""
    split, training = request.selection.split, request.selection.training_cohort
    scored = scored.named_for(loaded.modalities)
    _check_pairs(scored, split, loaded.preprocessing)
    training = None if training is None else _open(training).named_for(loaded.modalities)
    return find_sites(scored, training, loaded.records, split)


def _prepare_cases(
    sites: Sites, loaded: LoadedRuns, request: EvaluationRequest
) -> tuple[list[PreparedCase], EvaluationTask, Strata | None]:
    """Return the cases to score with their evaluation mask, the task, and the strata of the patients.

    Raises:
        UsageError, InputError: for cases without a mask or labels that a metric needs, in another unit, or without a phenotype.
    """
    cases = select_cases(sites.scored, request.selection.split)
    for model in loaded.models:
        assumed_spacing.check(cases, model.preprocessing.spacing_mm, "")
    phenotypes = request.selection.phenotypes
    strata = phenotypes.of(cases) if phenotypes is not None else None
    task = build_task_of_sites(sites, loaded.preprocessing, loaded.sources, request.selection.split)
    cases, task = _mask_cases(sites.scored, cases, task, loaded.preprocessing)
    has_mask = task.mask is not None or has_masks(sites.scored)
    check_cases(request.scoring.metrics, task.target, cases, has_mask=has_mask)
    return cases, task, strata


def _mask_cases(
    cohort: Cohort, cases: Sequence[PreparedCase], task: EvaluationTask, preprocessing: Preprocessing
) -> tuple[list[PreparedCase], EvaluationTask]:
    """Return cases with their evaluation mask, and the task that names it."""
    mask = choose(cohort, cases, preprocessing.target, preprocessing.region)
    within = list(cases) if mask is None else mask_cases(cohort, cases, mask.modality, (mask.kind,))
    return within, replace(task, mask=mask)


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
    needed = estimate_evaluation(loaded.models, cases, scoring.metrics, n_oracles=len(scoring.oracles))
    needed.check("this evaluation", ADVICE)
    if announce is not None:
        announce(needed.line())


def _fit_oracles(
    scoring: ScoringOptions, sites: Sites, loaded: LoadedRuns, progress: StageProgress | None
) -> list[Oracle]:
    """Fit the oracles on the training cohort; none where it is not known."""
    if sites.training is None:
        return []
    cases = sites.training.cases("train")
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


def _internal_test(
    sites: Sites,
    loaded: LoadedRuns,
    participants: Participants,
    task: EvaluationTask,
    scoring: ScoringOptions,
    progress: StageProgress | None,
) -> InternalTest | None:
    """Return the figures on the training cohort's test patients; None where that cohort itself is scored."""
    if not sites.is_external:
        return None
    cohort, preprocessing = sites.training, loaded.preprocessing
    test_cases = [] if cohort is None else cohort.cases("test")
    if cohort is None or not test_cases:
        return read_internal_test(loaded.folders, loaded.records)
    internal = build_task(cohort, preprocessing, loaded.sources, "test")
    internal = replace(internal, reference=task.reference)
    test_cases, internal = _mask_cases(cohort, test_cases, internal, preprocessing)
    return summarise_internal_test(
        evaluate_cases(
            participants,
            test_cases,
            internal,
            metrics=scoring.metrics,
            learned=scoring.learned,
            progress=_at_training_site(progress),
        )
    )


def _check_pairs(cohort: Cohort, split: str, preprocessing: Preprocessing) -> None:
    if lacks_pairs(select_cases(cohort, split), preprocessing.sources, preprocessing.target):
        raise InputError(
            "E131",
            f"no {split} case of {cohort.manifest.name} has both {preprocessing.sources[0]} and {preprocessing.target}",
            "pairs to score",
            "What needs no pair is taken by transmodal.evaluation.unpaired.evaluate_unpaired; the command evaluate does so "
            "by itself.",
        )


def _open(cohort: Cohort | Path) -> Cohort:
    return cohort if isinstance(cohort, Cohort) else Cohort.open(cohort)


def _at_training_site(progress: StageProgress | None) -> StageProgress | None:
    """Report every stage as the training site's."""
    return (
        None if progress is None else lambda _, completed, total: progress("training site", completed, total)
    )


def _volume_store(output: Path | None) -> VolumeStore:
    if output is None:
        raise UsageError("E004", "volumes to keep and no folder", "a folder for them", "Give an output.")
    return VolumeStore(output)
