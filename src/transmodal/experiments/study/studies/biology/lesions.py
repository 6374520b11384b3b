"""Lesions over subjects: which are still seen, how strong and how large they are, and which were invented, by size."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from transmodal.evaluation.statistics.association import RESAMPLES, Estimate, estimate
from transmodal.evaluation.statistics.bootstrap import SEED
from transmodal.experiments.study.record import StudyFigure, StudyTable
from transmodal.experiments.study.studies.biology.values import Source
from transmodal.experiments.study.units import Content

NAME = "Lesions"
DETECTABLE = 0.8
"""Detectability from which on a lesion counts as seen: four in five voxels of it lie beyond the white matter around."""
SIZES = {"small": (0.0, 5.5), "large": (5.5, np.inf)}
"""Mean radius in mm, from and below."""
TABLE = StudyTable(
    name=NAME,
    caption="Of the planted lesions that the measured image shows: the share still seen in the synthetic one (its voxels lie "
    "beyond the white matter around with a chance of 0.8 or more), contrast and volume relative to the measured image, and "
    "look-alikes per subject where nothing was planted: in the measured image, and in the synthetic one alone. 95 % intervals "
    "over subjects.",
    group_heading="size",
)
STILL, CONTRAST, VOLUME = "still seen", "contrast, synthetic / measured", "volume, synthetic / measured"
VISIBLE = "seen in the measured image"
ALIKE, INVENTED = "look-alikes, measured", "invented"


class LesionTable(NamedTuple):
    """Figures of all translators, the share that is still seen by row and size, and why there are none."""

    figures: tuple[StudyFigure, ...]
    still_visible_shares: Mapping[tuple[str, str], Estimate]
    reason: str = ""


class _Lesion(NamedTuple):
    """One lesion of one subject with the figures of one translator's key."""

    patient: int
    radius_mm: float
    measured: Mapping[str, float]
    synthetic: Mapping[str, float]

    @property
    def is_seen(self) -> bool:
        return self.measured["detectability"] >= DETECTABLE


def take_lesions(contents: Sequence[Content], sources: Sequence[Source]) -> LesionTable:
    """Return what became of the lesions, by translator and size."""
    if not any(content.get("lesions") for content in contents):
        return LesionTable((), {}, "no subject has planted lesions that can be measured")
    figures: list[StudyFigure] = []
    shares = {}
    for row in dict.fromkeys(source.row for source in sources):
        keys = [source.key for source in sources if source.row == row]
        lesions = [lesion for key in keys for lesion in _lesions(contents, key)]
        for size, (low, high) in SIZES.items():
            own = [lesion for lesion in lesions if low <= lesion.radius_mm < high]
            if not own:
                continue
            visible = [lesion for lesion in own if lesion.is_seen]
            shares[row, size] = _mean(
                visible, lambda lesion: lesion.synthetic["detectability"] >= DETECTABLE, len(contents)
            )
            estimates = {
                VISIBLE: _mean(own, lambda lesion: lesion.is_seen, len(contents)),
                STILL: shares[row, size],
                CONTRAST: _mean(visible, lambda lesion: _ratio(lesion, "contrast"), len(contents)),
                VOLUME: _mean(visible, lambda lesion: _ratio(lesion, "volume_ml"), len(contents)),
            }
            figures += _figures(row, size, estimates, len(visible) // len(keys))
        figures += _figures(row, "anywhere", _alike(contents, keys), len(contents))
    return LesionTable(tuple(figures), shares)


def _lesions(contents: Sequence[Content], key: str) -> Iterable[_Lesion]:
    for patient, content in enumerate(contents):
        for entry in content["lesions"]:
            if "figures" in entry:
                pair: Mapping[str, Any] = entry["figures"][key]
                yield _Lesion(patient, entry["radius_mm"], pair["measured"], pair["synthetic"])


def _alike(contents: Sequence[Content], keys: Sequence[str]) -> dict[str, Estimate]:
    counts: dict[str, list[tuple[int, float]]] = {"measured": [], "invented": []}
    for patient, content in enumerate(contents):
        for entry in content["lesions"]:
            for kind, pairs in counts.items():
                pairs += [
                    (patient, entry["look_alikes"][key][kind]) for key in keys if "look_alikes" in entry
                ]
    return {
        ALIKE: _over_patients(counts["measured"], len(contents)),
        INVENTED: _over_patients(counts["invented"], len(contents)),
    }


def _mean(lesions: Sequence[_Lesion], figure: Callable[[_Lesion], float], patients: int) -> Estimate:
    return _over_patients([(lesion.patient, float(figure(lesion))) for lesion in lesions], patients)


def _over_patients(pairs: Sequence[tuple[int, float]], patients: int) -> Estimate:
    """Return the mean over lesions and its interval; a patient is drawn with all its lesions."""
    if not pairs:
        return Estimate(None)
    sums, counts = np.zeros(patients), np.zeros(patients)
    for patient, value in pairs:
        sums[patient] += value
        counts[patient] += 1
    drawn_times = np.random.default_rng(SEED).multinomial(
        patients, np.full(patients, 1 / patients), RESAMPLES
    )
    with np.errstate(invalid="ignore"):
        resampled = (drawn_times @ sums) / (drawn_times @ counts)
    return estimate(float(sums.sum() / counts.sum()), resampled, int((counts > 0).sum()))


def _ratio(lesion: _Lesion, name: str) -> float:
    return lesion.synthetic[name] / lesion.measured[name] if lesion.measured[name] else np.nan


def _figures(row: str, group: str, estimates: Mapping[str, Estimate], n: int) -> list[StudyFigure]:
    return [
        StudyFigure(
            table=NAME,
            row=row,
            group=group,
            figure=name,
            value=share.value,
            interval=share.interval,
            n=n,
            note="" if share.value is not None else "none to be seen",
        )
        for name, share in estimates.items()
    ]
