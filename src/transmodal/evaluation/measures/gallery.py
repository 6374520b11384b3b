"""The cases that a report shows: the first, the best and the worst, kept as strips of three planes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from transmodal.cohorts.store import PreparedCase
from transmodal.evaluation.drawing.figures import DisplayWindow, difference, error_limit, window_of
from transmodal.evaluation.drawing.planes import Frame, Letter, Mask, Strip, canonical, outline
from transmodal.modalities import modality_of
from transmodal.volumes import Volume


class WindowedStrip(NamedTuple):
    """A strip of three planes and the window that it is shown in."""

    strip: Strip
    window: DisplayWindow


@dataclass(frozen=True, slots=True)
class CasePictures:
    """One case as the report shows it.

    Attributes:
        case: id of the case.
        why: why it is shown, such as `worst MAE of unet_regression`.
        sources: strips of the sources, by modality.
        target: strip of the target; synthetic volumes are shown in its window.
        synthetic: strips of the synthetic volumes, by translator, in real units.
        limit: the error maps reach from minus this to plus this.
        border: outline of the evaluation mask, segments in pixels of the strip.
        letters: sides of the patient.
        area: share of each pixel that the evaluation mask covers; None without a mask.
        spreads: strips of the disagreements, in the target's unit, of those translators that have one.
        spread_limit: maps of the disagreement reach from 0 to this.
    """

    case: str
    why: tuple[str, ...]
    sources: Mapping[str, WindowedStrip]
    target: WindowedStrip
    synthetic: Mapping[str, Strip]
    limit: float
    border: tuple[tuple[float, float, float, float], ...]
    letters: tuple[Letter, ...]
    area: Strip | None = None
    spreads: Mapping[str, Strip] = field(default_factory=dict)
    spread_limit: float = 1.0


class Gallery:
    """Keeps the pictures of the first case, the best and the worst; the others are forgotten.

    Args:
        by: the figure that cases are ranked by, such as `MAE of unet_regression`.
        higher_is_better: of that figure.
    """

    def __init__(self, by: str, *, higher_is_better: bool) -> None:
        self._by = by
        self._sign = 1.0 if higher_is_better else -1.0
        self._first: CasePictures | None = None
        self._best: tuple[float, CasePictures] | None = None
        self._worst: tuple[float, CasePictures] | None = None

    def add(self, pictures: CasePictures, value: float) -> None:
        """Keep the pictures of the first case, and of cases better or worse than those so far."""
        rank = self._sign * value
        self._first = self._first or pictures
        if self._best is None or rank > self._best[0]:
            self._best = rank, pictures
        if self._worst is None or rank < self._worst[0]:
            self._worst = rank, pictures

    def cases(self) -> tuple[CasePictures, ...]:
        """Return the first, the best and the worst case; each case once, with all its reasons."""
        if self._first is None or self._best is None or self._worst is None:
            return ()
        extremes = [
            (self._first, "first case"),
            (self._best[1], f"best {self._by}"),
            (self._worst[1], f"worst {self._by}"),
        ]
        reasons: dict[str, list[str]] = {}
        for pictures, why in extremes:
            reasons.setdefault(pictures.case, []).append(why)
        by_case = {pictures.case: pictures for pictures, _ in extremes}
        return tuple(replace(pictures, why=tuple(reasons[case])) for case, pictures in by_case.items())


def draw_case(
    case: PreparedCase,
    sources: Iterable[str],
    target: tuple[str, Volume],
    synthetic: Mapping[str, Volume],
    limiting: Collection[str],
    spreads: Mapping[str, Volume] | None = None,
    units: Mapping[str, str] | None = None,
) -> CasePictures:
    """Draw the pictures of a case for the report.

    Args:
        case: the case.
        sources: its source modalities.
        target: its target modality, and the target as it is compared.
        synthetic: synthetic volumes on the target's grid, by translator.
        limiting: names of those whose errors set the limit of the error maps; the others may go beyond it.
        spreads: their disagreements, as far as there are any; in colour the mean over the channels is shown.
        units: of modalities whose values are not in their own unit.
    """
    modality, compared = target
    truth, mask = canonical(compared), case.mask()
    inside = None if mask is None else canonical(compared.with_voxels(mask)).voxels
    frame = Frame.of(truth.grid, inside if inside is not None else _content(truth))
    own = units or {}
    window = window_of(modality, truth.voxels, inside, unit=own.get(modality, ""))
    goal = WindowedStrip(frame.strip(truth.voxels), window)
    strips = {name: frame.strip(canonical(volume).voxels) for name, volume in synthetic.items()}
    area = None if inside is None else frame.strip(inside)
    strips_of_spreads = {
        name: _grey(frame.strip(canonical(volume).voxels)) for name, volume in (spreads or {}).items()
    }
    return CasePictures(
        case.id,
        (),
        {name: _source(case, name, frame, inside, own.get(name, "")) for name in sources},
        goal,
        strips,
        error_limit([_within(difference(strips[name], goal.strip), area) for name in limiting]),
        () if area is None else tuple(outline(area)),
        tuple(frame.letters()),
        area,
        strips_of_spreads,
        error_limit([_within(strip, area) for strip in strips_of_spreads.values()])
        if strips_of_spreads
        else 1.0,
    )


def _grey(strip: Strip) -> Strip:
    return strip.mean(axis=-1) if strip.ndim == 3 else strip


def _source(case: PreparedCase, name: str, frame: Frame, inside: Mask | None, unit: str) -> WindowedStrip:
    volume = canonical(case.volume(name))
    window = window_of(name, volume.voxels, inside, unit=unit)
    return WindowedStrip(frame.strip(volume.voxels), window._replace(unit=unit or modality_of(name).unit))


def _content(volume: Volume) -> Mask:
    flat = volume.voxels.reshape(*volume.grid.shape, -1)
    return np.asarray((flat != flat.min()).any(axis=-1))


def _within(strip: Strip, area: Strip | None) -> Strip:
    return strip if area is None else strip[np.nan_to_num(area) > 0.5]
