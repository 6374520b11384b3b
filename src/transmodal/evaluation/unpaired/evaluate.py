"""Take the figures of runs that need no pair: cycle errors by case, FID and KID of two sets of slices.

No synthetic volume is held against a target here: there is none of its patient. MAE, PSNR, SSIM and all else that
needs a pair are not taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from transmodal.cohorts.store import Cohort, PreparedCase
from transmodal.errors import InputError, UsageError
from transmodal.evaluation.learned import fid
from transmodal.evaluation.learned.base import Scale
from transmodal.evaluation.learned.fid import InceptionDistances
from transmodal.evaluation.report import unpaired
from transmodal.evaluation.runs import LoadedRuns, TranslationOptions, load_runs
from transmodal.evaluation.score import range_of, unit_of
from transmodal.evaluation.unpaired.cycle import cycle_error
from transmodal.evaluation.unpaired.result import CYCLE, METRICS, UnpairedEvaluation, write
from transmodal.inference.preprocessing import Preprocessing, preprocess_case
from transmodal.modalities import modality_in
from transmodal.progress import StageProgress
from transmodal.volumes import Volume

_PICTURES = 3


@dataclass(frozen=True, slots=True)
class UnpairedOptions:
    """The cases, how runs are loaded, and the figures.

    Attributes:
        split: `train`, `validation` or `test`.
        checkpoint: `best` or `last`.
        device: where models run; None takes an accelerator where there is one.
        metrics: out of `METRICS`; runs without a way back have no cycle error.
        inception: path of the Inception network's weights, or `random`, for `fid` and `kid`.
    """

    split: str = "test"
    checkpoint: str = "best"
    device: str | None = None
    metrics: Sequence[str] = (CYCLE,)
    inception: str | None = None


STANDARD = UnpairedOptions()


def evaluate_unpaired(
    runs: Sequence[Path],
    cohort: Cohort | Path,
    options: UnpairedOptions = STANDARD,
    *,
    output: Path | None = None,
    progress: StageProgress | None = None,
) -> UnpairedEvaluation:
    """Take the figures of runs that need no pair.

    Args:
        runs: folders of runs of one task.
        cohort: prepared, with cases that have the sources and others that have the target.
        options: which cases, how runs are loaded, which figures.
        output: folder for `unpaired.json` and `unpaired.html`; None writes nothing.
        progress: told how far it is.

    Raises:
        UsageError: E004 for metrics that need pairs, or weights that are missing; as `runs.load_runs`.
        InputError: E132 where the split has no case with the sources, or none with the target for `fid` and `kid`.
    """
    _check_metrics(options.metrics)
    store = cohort if isinstance(cohort, Cohort) else Cohort.open(cohort)
    loaded = load_runs(runs, TranslationOptions(options.checkpoint, options.device))
    preprocessing = loaded.preprocessing
    store = store.named_for([*preprocessing.sources, preprocessing.target])
    with_sources, with_target = _select_cases(store, options, preprocessing)
    distances = _open_distances(loaded, with_target, options)
    cycles, pictures = _translate(loaded, with_sources, distances, options, progress)
    evaluation = UnpairedEvaluation(
        preprocessing.sources,
        preprocessing.target,
        store.manifest.name,
        store.digest(),
        options.split,
        tuple(case.id for case in with_sources),
        tuple(case.id for case in with_target),
        loaded.records,
        cycles,
        () if distances is None else distances.split_figures(),
        pictures,
        _notes(preprocessing, list(loaded.folders), cycles, distances is None),
    )
    if output is not None:
        write(evaluation, output)
    return evaluation


def _select_cases(
    cohort: Cohort, options: UnpairedOptions, preprocessing: Preprocessing
) -> tuple[list[PreparedCase], list[PreparedCase]]:
    """Return the cases with the sources, and those with the target.

    Raises:
        InputError: E132 where there are too few of them.
    """
    cases = cohort.cases(options.split)
    with_sources = [case for case in cases if set(preprocessing.sources) <= set(case.modalities)]
    with_target = [case for case in cases if preprocessing.target in case.modalities]
    if not with_sources or (_set_metrics(options) and not with_target):
        raise InputError(
            "E132",
            f"no {options.split} case with the {'target' if with_sources else 'sources'} in cohort "
            f"{cohort.manifest.name}",
            "one or more",
            "Choose another --split, or split the cohort with cases of both kinds on it.",
        )
    return with_sources, with_target


def _set_metrics(options: UnpairedOptions) -> tuple[str, ...]:
    """Return the metrics that hold two sets of slices against each other."""
    return tuple(metric for metric in fid.METRICS if metric in options.metrics)


def _open_distances(
    loaded: LoadedRuns, cases: Sequence[PreparedCase], options: UnpairedOptions
) -> InceptionDistances | None:
    """Open the metrics of sets and show them the measured targets; None where none is asked for."""
    metrics, preprocessing = _set_metrics(options), loaded.preprocessing
    if not metrics:
        return None
    distances = InceptionDistances(metrics, options.inception, loaded.models[0].device)
    scale = _scale(preprocessing)
    for case in cases:
        target = case.volume(preprocessing.target)
        region = case.region(preprocessing.target, preprocessing.region)
        distances.add_measured(case.id, target, region, scale)
    return distances


def _translate(
    loaded: LoadedRuns,
    cases: Sequence[PreparedCase],
    distances: InceptionDistances | None,
    options: UnpairedOptions,
    progress: StageProgress | None,
) -> tuple[dict[str, dict[str, float]], dict[str, unpaired.Picture]]:
    """Return cycle errors by run and case, and the first cases' pictures; show synthetic volumes to the metrics of sets."""
    scale = _scale(loaded.preprocessing)
    cycles: dict[str, dict[str, float]] = {}
    pictures: dict[str, unpaired.Picture] = {}
    for n, case in enumerate(cases, start=1):
        synthetic: dict[str, Volume] = {}
        for participant in loaded.translators:
            name, model = participant.name, participant.model
            preprocessed = preprocess_case(model.preprocessing, case)
            synthetic[name] = participant.translate_case(case)
            if distances is not None:
                distances.add_synthetic(name, case.id, synthetic[name], preprocessed.region, scale)
            if CYCLE in options.metrics and model.has_way_back:
                cycles.setdefault(name, {})[case.id] = cycle_error(model, preprocessed)
        if n <= _PICTURES:
            pictures[case.id] = unpaired.picture(case, loaded.preprocessing, synthetic)
        if progress is not None:
            progress("evaluate", n, len(cases))
    return cycles, pictures


def _scale(preprocessing: Preprocessing) -> Scale:
    own = preprocessing.units.get(preprocessing.target, "")
    unit = unit_of(preprocessing.target, own)
    return Scale(
        modality_in(unit).background, range_of(preprocessing.target, preprocessing.target_map, own), unit
    )


def _check_metrics(metrics: Sequence[str]) -> None:
    for metric in metrics:
        if metric not in METRICS:
            raise UsageError(
                "E004",
                f"{metric} on cases without pairs",
                f"{', '.join(METRICS)}, which need none",
                f"Leave {metric} out of --metrics, or evaluate on a cohort of pairs.",
            )


def _notes(
    preprocessing: Preprocessing, names: Sequence[str], cycles: Mapping[str, object], no_sets: bool
) -> list[str]:
    notes = [
        f"Not taken: figures that hold a synthetic {preprocessing.target} against the {preprocessing.target} of its own patient, since there is none."
    ]
    notes += [f"{name} has no way back, and so no cycle error." for name in names if name not in cycles]
    if no_sets:
        notes.append("FID and KID: --metrics cycle_error,fid,kid --weights inception=FILE.")
    return notes
