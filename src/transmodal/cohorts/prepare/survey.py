"""A survey of cases before they are prepared: their images and their faults, in one pass that writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

import numpy as np

from transmodal.cohorts.case import Case, CaseMaker
from transmodal.cohorts.case_files import CaseFiles
from transmodal.cohorts.prepare import validate
from transmodal.cohorts.quality.image_similarity import Detail, detail
from transmodal.cohorts.quality.pair_notes import PairMeasures
from transmodal.cohorts.quality.pairs import measure_pairs
from transmodal.cohorts.units import unit_of_values
from transmodal.errors import TransmodalError
from transmodal.modalities import modality_of
from transmodal.parallel import spread
from transmodal.progress import StageProgress
from transmodal.volumes import Volume
from transmodal.volumes.intensity import IntensitySpec

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class CaseSurvey:
    """The images and the faults of one case.

    Attributes:
        id: name of the case.
        patient: whose it is.
        images: one line for each image.
        faults: one line for each thing that would stop its preparation.
        pending: steps of its preparation, such as registration, that were not tried.
        pairs: how its contrasts lie on one another; empty where the case has faults.
        details: of each image, to find copies by (`cohorts.quality.image_similarity`); None for one too small to tell.
    """

    id: str
    patient: str
    images: tuple[str, ...]
    faults: tuple[str, ...]
    pending: tuple[str, ...] = ()
    pairs: PairMeasures = field(default_factory=dict)
    details: Mapping[str, Detail | None] = field(default_factory=dict, compare=False, repr=False)


def survey(
    cases: Sequence[CaseMaker],
    *,
    intensity: Mapping[str, IntensitySpec] | None = None,
    progress: StageProgress | None = None,
    workers: int = 1,
) -> list[CaseSurvey]:
    """Read every image of every case and check it as `prepare` would; write nothing.

    Every fault of a case is listed, not only the first. An image that lies on another grid until it is
    registered is checked by itself; the registration is not tried.

    Args:
        cases: of a layout.
        intensity: intensity maps that `prepare` will be called with, by modality.
        progress: called after each case.
        workers: processes.

    Returns:
        The surveys, in the order of the cases.

    Raises:
        ResourceError: E402 naming the case whose process died.
    """
    numbered = {f"{number} {case.id}": case for number, case in enumerate(cases)}
    surveys: dict[str, CaseSurvey] = {}
    for name, result in spread(partial(survey_case, intensity=dict(intensity or {})), numbered, workers):
        surveys[name] = result
        if progress is not None:
            progress(result.id, len(surveys), len(numbered))
    return [surveys[name] for name in numbered]


def survey_case(case: CaseMaker, intensity: Mapping[str, IntensitySpec] | None = None) -> CaseSurvey:
    """Survey one case; `intensity` as in `survey`."""
    maps = intensity or {}
    if isinstance(case, CaseFiles):
        return _survey_files(case, maps)
    faults: list[str] = []
    loaded = _try(case.load, faults)
    if loaded is None:
        return CaseSurvey(case.id, case.patient, (), tuple(faults))
    _try(partial(_check, loaded, maps), faults)
    return CaseSurvey(
        case.id,
        case.patient,
        _describe(_all_volumes(loaded)),
        tuple(faults),
        (),
        _measure_pairs(loaded, faults),
        _details(loaded.volumes),
    )


def _survey_files(case: CaseFiles, maps: Mapping[str, IntensitySpec]) -> CaseSurvey:
    faults: list[str] = []
    images = {name: _try(partial(case.read, path), faults) for name, path in case.paths().items()}
    volumes = {name: volume for name, volume in images.items() if volume is not None}
    moved = frozenset().union(*(step.moved for step in case.steps))
    loaded = _build_case(case, {name: volume for name, volume in volumes.items() if name not in moved})
    for step in case.steps:
        if not step.waits:
            loaded = _try(partial(step, loaded), faults) or loaded
    for alone in (_build_case(case, {name: volumes[name]}) for name in sorted(moved & volumes.keys())):
        _try(partial(_check, alone, maps), faults)
    if loaded.volumes:
        _try(partial(_check, loaded, maps), faults)
    return CaseSurvey(
        case.id,
        case.patient,
        _describe(volumes),
        tuple(faults),
        tuple(step.waits for step in case.steps if step.waits),
        _measure_pairs(loaded, faults),
        _details({name: volumes[name] for name in case.volumes if name in volumes}),
    )


def _check(case: Case, maps: Mapping[str, IntensitySpec]) -> None:
    """Check a case as `prepare` does before it writes."""
    _, voxels = validate.check(validate.drop_rgb_channels(case))
    for modality in case.volumes:
        unit_of_values(modality, voxels[modality], maps.get(modality))


def _measure_pairs(case: Case, faults: Sequence[str]) -> PairMeasures:
    return {} if faults else measure_pairs(case.volumes)


def _details(volumes: Mapping[str, Volume]) -> dict[str, Detail | None]:
    return {name: detail(volume) for name, volume in volumes.items() if np.isfinite(volume.voxels).all()}


def _build_case(case: CaseFiles, volumes: Mapping[str, Volume]) -> Case:
    """Return a case of the images that there are."""
    modalities = {name: volume for name, volume in volumes.items() if name in case.volumes}
    bare = Case(case.id, case.patient, modalities, simulated=case.simulated, group=case.group)
    return replace(bare, mask=volumes.get("mask"), segmentation=volumes.get("segmentation"))


def _try(work: Callable[[], Result], faults: list[str]) -> Result | None:
    try:
        return work()
    except TransmodalError as error:
        faults.append(error.line())
        return None


def _all_volumes(case: Case) -> dict[str, Volume]:
    extra = {"mask": case.mask, "segmentation": case.segmentation}
    return {**case.volumes, **{name: volume for name, volume in extra.items() if volume is not None}}


def _describe(volumes: Mapping[str, Volume]) -> tuple[str, ...]:
    lines = []
    for name, volume in volumes.items():
        spacing = " x ".join(f"{mm:.3g}" for mm in volume.spacing)
        shape = " x ".join(map(str, volume.grid.shape))
        grey = "" if modality_of(name).is_colour or volume.in_grey() is volume else ", grey stored as RGB"
        low, high = float(volume.voxels.min()), float(volume.voxels.max())
        lines.append(
            f"{name}: {shape} of {spacing} mm, {volume.orientation}, {volume.voxels.dtype}, {low:g} to {high:g}{grey}"
        )
    return tuple(lines)
