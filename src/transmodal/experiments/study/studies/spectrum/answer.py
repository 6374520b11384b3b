"""The study itself: spectra of every run over subjects, and what their figures say."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from transmodal.evaluation.drawing.words import counted
from transmodal.evaluation.statistics.bootstrap import Values
from transmodal.evaluation.statistics.paired_tests import by_patient, describe, paired, too_few
from transmodal.experiments.study.bench import Bench, Entrant
from transmodal.experiments.study.record import Omission, StudyChart, StudyFigure, StudyTable
from transmodal.experiments.study.scored import Scored, score_entrants
from transmodal.experiments.study.studies._base import Findings, Study, StudyOptions
from transmodal.experiments.study.studies.spectrum.rings import (
    OCTAVES,
    RINGS,
    coherent_share,
    frequency_edges,
)
from transmodal.experiments.study.studies.spectrum.spectra import SpectrumItem, in_plane_mm, measure_spectra
from transmodal.experiments.study.units import Content, WorkUnit

BANDS = "Power by octave"
CURVES = "Power by frequency"
RATIO, COHERENT, TURNED, INVENTED = (
    "synthetic / target, dB",
    "coherent share",
    "turned round",
    "invented power",
)
POWER = "power, dB"
QUIET_DB = -120.0
"""Stands for no power at all, which has no logarithm."""
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


PROTOCOL = (
    "Axial slices in the mask's box, less their mean, under a Hann window that also falls to 0 at the mask's rim; power "
    "averaged over directions in 16 rings of frequency up to {highest:.3g} cycles per mm, and over slices of a "
    "case. Octaves leave out the lowest ring, which holds the head's shape. Coherence is taken ring by ring over "
    "directions and slices. Means over subjects of each subject's decibels; intervals by a bootstrap over subjects and "
    "seeds."
)
FEATURES = Omission(
    part="features inside networks",
    reason="spectra are those of images; SAM's features, the stages of MRNet and responses to gratings are not taken",
)


class BandValues(NamedTuple):
    """Figures of one octave, `(seeds, patients)` each."""

    ratio_db: Values
    coherent: Values
    turned: Values
    invented: Values


def answer(bench: Bench[StudyOptions]) -> Findings:
    """Return which frequencies every run loses and invents.

    Raises:
        TransmodalError: as `scored.score_entrants`, and `spectra.measure_spectra`.
    """
    scored = score_entrants(bench, bench.entrants)
    first = scored[bench.entrants[0].label]
    spacing = max(max(in_plane_mm(first.target(case))) for case in first.cases())
    contents = {
        entrant.label: _measure(bench, entrant, scored[entrant.label], spacing) for entrant in bench.entrants
    }
    edges = frequency_edges(spacing)
    figures: list[StudyFigure] = []
    sentences, finest = [], []
    for row, seeds in bench.rows().items():
        cases = [contents[entrant.label] for entrant in seeds]
        for start, stop in OCTAVES:
            values = _band_values(cases, slice(start, stop))
            name = f"{edges[start]:.3g} to {edges[stop]:.3g}"
            figures += _band_figures(row, name, values)
            sentences.append(f"{row}, {name} cycles per mm: {_describe(values)}.")
        finest.append(values)
    figures += _curves(contents, bench.rows(), edges)
    patients = len({content["patient"] for content in contents[bench.entrants[0].label]})
    return Findings(
        PROTOCOL.format(highest=edges[-1]),
        (_headline(finest), *sentences),
        tuple(figures),
        TABLES,
        CHARTS,
        (FEATURES,),
        (f"Intervals: {too_few(patients)}.",) if too_few(patients) else (),
    )


def _measure(bench: Bench[StudyOptions], entrant: Entrant, scored: Scored, spacing: float) -> list[Content]:
    inputs = {"weights": entrant.weights_sha256, "cohort": bench.cohort.digest(), "spacing": spacing}
    units = {
        f"{entrant.label}, {case.id}": WorkUnit(
            measure_spectra,
            SpectrumItem(entrant, scored.folder, bench.cohort.folder, case.id, spacing),
            {**inputs, "row": entrant.row, "case": case.id, "device": bench.device},
        )
        for case in scored.cases()
    }
    return list(bench.units.complete(f"spectra of {entrant.label}", units).values())


def _band_values(seeds: Sequence[Sequence[Content]], rings: slice) -> BandValues:
    """Return the figures of an octave by seed and patient."""
    parts = []
    for contents in seeds:
        cases = [_of_case(content["spectra"]["synthetic"], rings) for content in contents]
        parts.append([_over_patients(contents, column) for column in zip(*cases, strict=True)])
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


def decibels(power: float, reference: float) -> float:
    """Return a ratio of powers in decibels, `QUIET_DB` at the least; 0 where neither has power."""
    if power <= 0 and reference <= 0:
        return 0.0
    if power <= 0 or reference <= 0:
        return QUIET_DB if power <= 0 else -QUIET_DB
    return float(np.clip(10 * math.log10(power / reference), QUIET_DB, -QUIET_DB))


def _headline(finest: Sequence[BandValues]) -> str:
    """Say how many translators lose, add and recover power in the finest octave."""
    changes = [_change(values) for values in finest]
    recovered = sum(_is_recovered(values) for values in finest)
    return (
        f"In the finest octave, of {counted(len(finest), 'translator')} {changes.count(-1)} lose power and "
        f"{changes.count(1)} have more than the target; of {recovered} the power is more coherent with the target than by "
        "chance."
    )


def _describe(values: BandValues) -> str:
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
    ends = paired(values.coherent, values.turned).interval
    return ends is not None and ends.low > 0


def _band_figures(row: str, group: str, values: BandValues) -> list[StudyFigure]:
    columns = zip((RATIO, COHERENT, TURNED, INVENTED), values, strict=True)
    return [_mean(BANDS, row, group, figure, column) for figure, column in columns]


def _curves(
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
        _mean(CURVES, name, f"{middles[ring]:.4g}", POWER, np.stack(seeds)[:, :, ring])
        for name, seeds in curves.items()
        for ring in range(RINGS)
    ]


def _curve(cases: Sequence[Content], name: str, key: str) -> Values:
    """Return decibels of an image's own power, `(patients, RINGS)`."""
    spectra = [case["spectra"][name][key] for case in cases]
    levels = [[decibels(value, math.fsum(spectrum)) for value in spectrum] for spectrum in spectra]
    return np.stack([_over_patients(cases, column) for column in zip(*levels, strict=True)], axis=1)


def _over_patients(cases: Sequence[Content], figures: Sequence[float]) -> Values:
    own = zip((case["patient"] for case in cases), figures, strict=True)
    return np.array(list(by_patient(own).values()), dtype=np.float64)


def _mean(table: str, row: str, group: str, figure: str, values: Values) -> StudyFigure:
    description = describe(values)
    return StudyFigure(
        table=table,
        row=row,
        group=group,
        figure=figure,
        value=description.mean,
        interval=description.of_mean,
        n=description.n,
    )


STUDY = Study(
    name="spectrum",
    about="Which spatial frequencies does a translator lose, and which does it invent?",
    reading=(
        "Coarse anatomy lies at low frequencies, edges and fine folds at high ones. A translator that is unsure smooths: its "
        "power falls below the target's (dB below 0) as the frequency rises. Power as high as the target's is no proof of "
        "detail, since noise and texture have power too: the coherent share says how much of it stands where the target's "
        "detail stands. Power that is right and coherent is recovered; power that is right and no more coherent than with the target "
        "turned round is invented, and looks sharp without being true. A wrong place of some voxels also costs coherence at "
        "high frequencies."
    ),
    needs="runs",
    answer=answer,
    command="runs/unet runs/pix2pix --cohort cohort -o studies/spectrum",
)
