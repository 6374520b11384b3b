"""An evaluation of volumes without a run beside them: the task and the preprocessing that runs would have on the cohort."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from transmodal.cohorts.options import RegionKind
from transmodal.cohorts.store import Cohort, PreparedCase
from transmodal.errors import InputError, UsageError, suggest
from transmodal.evaluation.runs import LoadedRuns, load_runs
from transmodal.inference.preprocessing import Preprocessing
from transmodal.metrics import registry
from transmodal.modalities import ROBUST, modality_of
from transmodal.volumes import intensity
from transmodal.volumes.windows.cut import Cutting

if TYPE_CHECKING:
    from transmodal.evaluation.request import EvaluationRequest


def load_or_plan(
    runs: Mapping[str, Path] | Sequence[Path], scored: Cohort, request: EvaluationRequest
) -> LoadedRuns:
    """Load the runs of an evaluation; where there are predictions alone, plan what runs would have on the cohort.

    Args:
        runs: as `evaluation.run.evaluate` takes them.
        scored: the cohort that is scored on.
        request: with the predictions, and how runs translate.

    Raises:
        UsageError: E004 for predictions of another target than the runs', or for what needs a source where there is
            none, and as `load_runs` and `plan_without_runs`.
    """
    if not runs and request.predictions.folders:
        return _with_sources(plan_without_runs(scored, request.target), request)
    loaded = load_runs(runs, request.translation)
    if request.target not in ("", loaded.preprocessing.target):
        raise UsageError(
            "E004",
            f"--target {request.target} beside runs that make {loaded.preprocessing.target}",
            "predictions of the runs' target",
            "Score them apart.",
        )
    return loaded


def _with_sources(loaded: LoadedRuns, request: EvaluationRequest) -> LoadedRuns:
    """Refuse what needs a source, where references are scored without one.

    Raises:
        UsageError: E004.
    """
    scoring = request.scoring
    needing = [name for name in scoring.metrics if registry.find(name).needs == "source"]
    if not loaded.sources and (needing or scoring.target_normalised):
        raise UsageError(
            "E004",
            f"{f'the metric {needing[0]}' if needing else '--target-normalised'} where there is no source beside the target",
            "a cohort with sources",
            "Leave it out, or score on a prepared cohort with --cohort.",
        )
    return loaded


def plan_without_runs(cohort: Cohort, target: str = "") -> LoadedRuns:
    """Return no runs, and the preprocessing that the shipped recipes have: for oracles, mask and data range.

    Sources are the modalities that every case has beside the target. Sources are looked at where the cohort was prepared
    to. The range of values is the cohort's own map, which runs of it train with; where the cohort sets none, that of the
    training cases' targets, or of all where there are none.

    Args:
        cohort: that is scored on.
        target: modality of the volumes; empty takes the one modality with a unit, or the one that there is.

    Raises:
        UsageError: E002 for a target that the cohort has not, E004 where none is named and several could be meant.
        InputError: E131 without a case that has the target.
    """
    target = choose_target(cohort, target)
    cases = [case for case in cohort.cases() if target in case.modalities]
    if not cases:
        raise InputError("E131", f"no case with {target}", "cases with it", "Name another target.")
    sources = _common_sources(cases, target)
    region = _region(cohort, sources)
    units = dict(cohort.units())
    settings = cohort.manifest.options.intensity
    spec = settings.get(target, ROBUST if units.get(target) else modality_of(target).intensity)
    fitted = [case for case in cohort.cases("train") if target in case.modalities] or cases
    maps = [
        intensity.fit(spec, case.volume(target).voxels, _inside(case, sources, region)) for case in fitted
    ]
    channels = {name: 3 for name in sources if len(cases[0].entry.volumes[name].shape) == 4}
    preprocessing = Preprocessing(
        sources=sources,
        target=target,
        spacing_mm=None,
        region=region,
        specs={name: settings.get(name, modality_of(name).intensity) for name in sources},
        cutting=Cutting("slice"),
        axes=(2,),
        fuse="mean",
        batch=1,
        target_map=intensity.cohort_map(maps),
        units=units,
        source_channels=channels,
    )
    return LoadedRuns({}, [], [], {}, preprocessing)


def choose_target(cohort: Cohort, target: str) -> str:
    """Return the modality that is scored; errors as `plan_without_runs`."""
    names = cohort.modalities
    if target:
        if target not in names:
            raise UsageError(
                "E002",
                f"--target {target}",
                f"one of {', '.join(names)}",
                suggest(target, names, "Name one of them.", cutoff=0.5),
            )
        return target
    with_unit = [name for name in names if modality_of(name).unit]
    candidates = names if len(names) == 1 else with_unit
    if len(candidates) != 1:
        raise UsageError(
            "E004",
            f"predictions on a cohort with {', '.join(names)}",
            "the modality that they are of",
            "Name it with --target.",
        )
    return candidates[0]


def _common_sources(cases: Sequence[PreparedCase], target: str) -> tuple[str, ...]:
    return tuple(
        name
        for name in cases[0].modalities
        if name != target and all(name in case.modalities for case in cases)
    )


def _region(cohort: Cohort, sources: Sequence[str]) -> RegionKind:
    """Return where the first source is looked at; the whole of it where no region was prepared."""
    kinds = cohort.manifest.options.regions.get(sources[0], ()) if sources else ()
    return kinds[0] if kinds else "whole"


def _inside(case: PreparedCase, sources: Sequence[str], region: RegionKind) -> NDArray[np.bool_] | None:
    return case.region(sources[0], region) if sources else case.mask()
