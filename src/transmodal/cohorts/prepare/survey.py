"""Survey: what was found of each case and what is wrong with it, in one pass that writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

import numpy as np

from transmodal.cohorts.case import Case, CaseFiles, CaseMaker
from transmodal.cohorts.prepare import validate
from transmodal.cohorts.quality.image_similarity import Detail, detail
from transmodal.cohorts.quality.pairs import notes_of
from transmodal.cohorts.units import unit_of_values
from transmodal.errors import TransmodalError
from transmodal.modalities import modality_of
from transmodal.parallel import spread
from transmodal.volumes import Volume
from transmodal.volumes.intensity import IntensitySpec

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Finding:
    """One case.

    Attributes:
        id: name of the case.
        patient: whose it is.
        found: what it has, one line for each image.
        wrong: one line for each thing that would stop its preparation.
        waiting: what preparing it will do first, such as registration, and was not tried.
        pairs: how its contrasts lie on one another, as `cohorts.quality.pairs` judges it; empty where something is wrong.
        details: what of each image is compared to find copies (`cohorts.quality.image_similarity`); None for one too small to tell.
    """

    id: str
    patient: str
    found: tuple[str, ...]
    wrong: tuple[str, ...]
    waiting: tuple[str, ...] = ()
    pairs: Mapping[str, float] = field(default_factory=dict)
    details: Mapping[str, Detail | None] = field(default_factory=dict, compare=False, repr=False)


def survey(
    cases: Sequence[CaseMaker],
    *,
    intensity: Mapping[str, IntensitySpec] | None = None,
    progress: Callable[[str, int, int], None] | None = None,
    workers: int = 1,
) -> list[Finding]:
    """Read every image of every case and check it as `prepare` would; write nothing.

    All that is wrong with a case is said, not only the first thing. What lies on another grid until it is
    registered is checked by itself; the registration is not tried.

    Args:
        cases: what a layout found.
        intensity: intensity maps that will be asked of `prepare`, by modality.
        progress: told of each case.
        workers: processes.

    Returns:
        The findings, in the order of the cases.

    Raises:
        ResourceError: E402 naming the case whose process died.
    """
    named = {f"{number} {case.id}": case for number, case in enumerate(cases)}
    findings: dict[str, Finding] = {}
    for name, finding in spread(partial(look, intensity=dict(intensity or {})), named, workers):
        findings[name] = finding
        if progress is not None:
            progress(finding.id, len(findings), len(named))
    return [findings[name] for name in named]


def look(case: CaseMaker, intensity: Mapping[str, IntensitySpec] | None = None) -> Finding:
    """Survey one case; `intensity` as in `survey`."""
    maps = intensity or {}
    if isinstance(case, CaseFiles):
        return _of_files(case, maps)
    wrong: list[str] = []
    loaded = _tried(case.load, wrong)
    volumes = {} if loaded is None else _volumes(loaded)
    if loaded is not None:
        _tried(partial(_check, loaded, maps), wrong)
    placed, details = _placed(loaded, wrong), _details({} if loaded is None else loaded.volumes)
    return Finding(case.id, case.patient, _described(volumes), tuple(wrong), (), placed, details)


def _of_files(case: CaseFiles, maps: Mapping[str, IntensitySpec]) -> Finding:
    wrong: list[str] = []
    read = {what: _tried(partial(case.read, path), wrong) for what, path in case.paths().items()}
    volumes = {what: volume for what, volume in read.items() if volume is not None}
    elsewhere = frozenset().union(*(step.moved for step in case.steps))
    loaded = _case(case, {what: volume for what, volume in volumes.items() if what not in elsewhere})
    for step in case.steps:
        if not step.waits:
            loaded = _tried(partial(step, loaded), wrong) or loaded
    for alone in (_case(case, {what: volumes[what]}) for what in sorted(elsewhere & volumes.keys())):
        _tried(partial(_check, alone, maps), wrong)
    if loaded.volumes:
        _tried(partial(_check, loaded, maps), wrong)
    waiting = tuple(step.waits for step in case.steps if step.waits)
    placed, details = (
        _placed(loaded, wrong),
        _details({name: volumes[name] for name in case.volumes if name in volumes}),
    )
    return Finding(case.id, case.patient, _described(volumes), tuple(wrong), waiting, placed, details)


def _check(case: Case, maps: Mapping[str, IntensitySpec]) -> None:
    """Check a case as `prepare` does before it writes."""
    _, voxels = validate.check(validate.greyed(case))
    for modality in case.volumes:
        unit_of_values(modality, voxels[modality], maps.get(modality))


def _placed(case: Case | None, wrong: Sequence[str]) -> Mapping[str, float]:
    return {} if case is None or wrong else notes_of(case.volumes)


def _details(volumes: Mapping[str, Volume]) -> dict[str, Detail | None]:
    return {name: detail(volume) for name, volume in volumes.items() if np.isfinite(volume.voxels).all()}


def _case(case: CaseFiles, volumes: Mapping[str, Volume]) -> Case:
    chosen = {what: volume for what, volume in volumes.items() if what in case.volumes}
    empty = Case(case.id, case.patient, chosen, simulated=case.simulated, group=case.group)
    return replace(empty, mask=volumes.get("mask"), segmentation=volumes.get("segmentation"))


def _tried(work: Callable[[], Result], wrong: list[str]) -> Result | None:
    try:
        return work()
    except TransmodalError as error:
        wrong.append(error.line())
        return None


def _volumes(case: Case) -> dict[str, Volume]:
    extra = {"mask": case.mask, "segmentation": case.segmentation}
    return {**case.volumes, **{what: volume for what, volume in extra.items() if volume is not None}}


def _described(volumes: Mapping[str, Volume]) -> tuple[str, ...]:
    lines = []
    for what, volume in volumes.items():
        spacing = " x ".join(f"{mm:.3g}" for mm in volume.spacing)
        shape = " x ".join(map(str, volume.grid.shape))
        grey = "" if modality_of(what).is_colour or volume.in_grey() is volume else ", grey stored as RGB"
        low, high = float(volume.voxels.min()), float(volume.voxels.max())
        lines.append(
            f"{what}: {shape} of {spacing} mm, {volume.orientation}, {volume.voxels.dtype}, {low:g} to {high:g}{grey}"
        )
    return tuple(lines)
