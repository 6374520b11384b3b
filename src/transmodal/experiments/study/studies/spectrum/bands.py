"""Figures and sentences of images: power by octave against the target's, and curves over frequency."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from transmodal.counts import counted
from transmodal.evaluation.statistics.bootstrap import Values
from transmodal.evaluation.statistics.paired_tests import describe, paired_by_run
from transmodal.experiments.study.bench import Entrant
from transmodal.experiments.study.matrices import mean_at, over_patients
from transmodal.experiments.study.record import StudyChart, StudyFigure, StudyTable
from transmodal.experiments.study.studies.spectrum.rings import RINGS, coherent_share, decibels
from transmodal.experiments.study.units import Content

BANDS = "Power by octave"
CURVES = "Power by frequency"
RATIO, COHERENT, TURNED, INVENTED = (
    "synthetic / target, dB",
    "coherent share",
    "turned round",
    "invented power",
)
POWER = "power, dB"
TABLES = (
    StudyTable(
        name=BANDS,
        caption="Power of the synthetic image over the target's, in dB: below 0 it is lost, 0 is right, -3 is half. "
        "Coherent share: of the synthetic image's power, what follows from the target in phase, 0 to 1; turned round: the "
        "same with the target turned by half a turn in its slice, which is chance. Invented power: what is not coherent, "
        "as a share of the target's power. 95 % intervals over subjects and seeds.",
        group_heading="cycles per mm",
    ),
    StudyTable(
        name=CURVES,
        caption="Power by frequency, in dB of the image's own power over all frequencies, so that images of any unit compare.",
        row_heading="image",
        group_heading="cycles per mm",
        is_detail=True,
    ),
)
CHARTS = (
    StudyChart(
        table=CURVES,
        figure=POWER,
        kind="curves",
        caption="Power spectra of sources, target and synthetic images, over cycles per mm (95 % interval over subjects).",
    ),
    StudyChart(
        table=BANDS,
        figure=RATIO,
        caption="Power of the synthetic image over the target's, in dB (95 % interval over subjects). Dashed: as the target.",
        reference=0.0,
    ),
    StudyChart(
        table=BANDS,
        figure=COHERENT,
        caption="Share of the synthetic image's power that is coherent with the target's (95 % interval over subjects).",
        reference=0.0,
    ),
)


class BandValues(NamedTuple):
    """Figures of one octave, `(seeds, patients)` each."""

    ratio_db: Values
    coherent: Values
    turned: Values
    invented: Values


def band_values(seeds: Sequence[Sequence[Content]], rings: slice) -> BandValues:
    """Return the figures of an octave by seed and patient."""
    parts = []
    for contents in seeds:
        cases = [_of_case(content["spectra"]["synthetic"], rings) for content in contents]
        parts.append([over_patients(contents, column) for column in zip(*cases, strict=True)])
    return BandValues(*(np.stack(column) for column in zip(*parts, strict=True)))


def _of_case(spectra: Mapping[str, Sequence[float]], rings: slice) -> tuple[float, float, float, float]:
    power, reference, cross, turned_cross = (
        np.array(spectra[key][rings]) for key in ("power", "reference_power", "cross", "turned_cross")
    )
    whole, of_reference = float(power.sum()), float(reference.sum())
    coherent = coherent_share(cross, power, reference)
    return (
        decibels(whole, of_reference),
        coherent,
        coherent_share(turned_cross, power, reference),
        whole * (1 - coherent) / of_reference if of_reference > 0 else 0.0,
    )


def tell_finest(finest: Sequence[BandValues]) -> str:
    """Say how many translators lose, add and recover power in the finest octave."""
    changes = [_change(values) for values in finest]
    recovered = sum(_is_recovered(values) for values in finest)
    return (
        f"In the finest octave, of {counted(len(finest), 'translator')} {changes.count(-1)} lose power and "
        f"{changes.count(1)} have more than the target; of {recovered} the power is more coherent with the target than by "
        "chance."
    )


def describe_octave(values: BandValues) -> str:
    """Say of an octave whether power is lost or added, and whether it is the target's."""
    ratio = float(values.ratio_db.mean())
    change = {
        -1: f"loses {-ratio:.1f} dB of the target's power",
        0: "power is not shown to differ from the target's",
        1: f"has {ratio:.1f} dB more power than the target",
    }[_change(values)]
    share = f"{100 * values.coherent.mean():.0f} % of the synthetic power is coherent with the target"
    if not _is_recovered(values):
        return f"{change}; {share}, not shown to be more than with the target turned round"
    return f"{change}; {share}, {100 * values.turned.mean():.0f} % with the target turned round"


def _change(values: BandValues) -> int:
    """Return 1 where power is shown to be above the target's, -1 below, 0 where neither is shown."""
    ends = describe(values.ratio_db).of_mean
    return 0 if ends is None else int(ends.low > 0) - int(ends.high < 0)


def _is_recovered(values: BandValues) -> bool:
    ends = paired_by_run(values.coherent, values.turned).interval
    return ends is not None and ends.low > 0


def draw_octave(row: str, group: str, values: BandValues) -> list[StudyFigure]:
    """Return the figures of one octave of a row."""
    columns = zip((RATIO, COHERENT, TURNED, INVENTED), values, strict=True)
    return [mean_at(BANDS, row, group, figure, column) for figure, column in columns]


def draw_curves(
    contents: Mapping[str, Sequence[Content]], rows: Mapping[str, Sequence[Entrant]], edges: Values
) -> list[StudyFigure]:
    """Return the curves of sources and target, which the runs share, and of every run."""
    curves: dict[str, list[Values]] = {}
    for row, seeds in rows.items():
        for entrant in seeds:
            cases = contents[entrant.label]
            for name in cases[0]["spectra"]:
                if name != "synthetic" and all(name in case["spectra"] for case in cases):
                    curves.setdefault(f"source {name}", [_curve(cases, name, "power")])
            curves.setdefault("target", [_curve(cases, "synthetic", "reference_power")])
            curves.setdefault(f"synthetic, {row}", []).append(_curve(cases, "synthetic", "power"))
    middles = (edges[:-1] + edges[1:]) / 2
    return [
        mean_at(CURVES, name, f"{middles[ring]:.4g}", POWER, np.stack(seeds)[:, :, ring])
        for name, seeds in curves.items()
        for ring in range(RINGS)
    ]


def _curve(cases: Sequence[Content], name: str, key: str) -> Values:
    """Return decibels of an image's own power, `(patients, RINGS)`."""
    spectra = [case["spectra"][name][key] for case in cases]
    levels = [[decibels(value, math.fsum(spectrum)) for value in spectrum] for spectrum in spectra]
    return np.stack([over_patients(cases, column) for column in zip(*levels, strict=True)], axis=1)
