"""Figures and sentences of what networks do inside: spectra of their stages, and their response to gratings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from transmodal.evaluation.drawing.words import enumerated
from transmodal.evaluation.statistics.bootstrap import Values
from transmodal.evaluation.statistics.paired_tests import paired_by_run
from transmodal.experiments.study.matrices import Seeds, mean_figure, values_of
from transmodal.experiments.study.record import StudyChart, StudyFigure, StudyTable
from transmodal.experiments.study.studies.spectrum.gratings import AMPLITUDE, FREQUENCIES
from transmodal.experiments.study.studies.spectrum.rings import decibels
from transmodal.experiments.study.studies.spectrum.stages import STAGE_RINGS
from transmodal.experiments.study.units import Content

STAGES, STAGE_CURVES, RESPONSES = (
    "Features inside networks",
    "Power by frequency inside networks",
    "Response to gratings",
)
FINE_SHARE, MEAN_FREQUENCY, POWER = "fine share", "mean frequency", "power, dB"
ON_SLICE, ON_GREY, ELSEWHERE = "on a slice", "on grey", "elsewhere"
COARSE, FINE = 0.125, 0.25
"""Cycles per pixel up to which gratings are coarse, and from which on they are fine."""
PER_PIXEL = "cycles per pixel"
TABLES = (
    StudyTable(
        name=RESPONSES,
        caption=f"Sinusoidal gratings of amplitude {AMPLITUDE:g} in the network's range of -1 to 1, added to an even grey image and to "
        "each subject's largest slice: how much of the amplitude comes out at the same frequency and direction. 1 everywhere is "
        "a network that leaves images as they are; a fall with frequency is a low-pass filter. Elsewhere: share of the answer on "
        "the slice that has another frequency or direction, which no linear filter makes. 95 % intervals over subjects and seeds; "
        "the answer on grey is the run's, whoever is scored, and has none.",
        group_heading=PER_PIXEL,
        decimals=3,
    ),
    StudyTable(
        name=STAGES,
        caption="Power of features above half of the highest frequency that a stage's map can show, as a share of the power of each "
        "channel, and the mean frequency of the power, in cycles per pixel of the image; means over channels. White noise "
        "has a fine share of 0.75. 95 % intervals over subjects and seeds.",
        group_heading="stage",
        decimals=3,
    ),
    StudyTable(
        name=STAGE_CURVES,
        caption="Power of features by frequency, in dB of the channels' own power over all frequencies.",
        row_heading="stage",
        group_heading=PER_PIXEL,
        is_detail=True,
    ),
)
CHARTS = (
    StudyChart(
        table=RESPONSES,
        figure=ON_SLICE,
        kind="curves",
        caption="Amplitude of gratings on a slice that comes out, over cycles per pixel (95 % interval over subjects). Dashed: all of it.",
        reference=1.0,
    ),
    StudyChart(
        table=RESPONSES,
        figure=ON_GREY,
        kind="curves",
        caption="Amplitude of gratings on even grey that comes out, over cycles per pixel. Dashed: all of it.",
        reference=1.0,
    ),
    StudyChart(
        table=STAGES,
        figure=FINE_SHARE,
        caption="Share of the power of features above half of what a stage can show (95 % interval over subjects).",
    ),
    StudyChart(
        table=STAGE_CURVES,
        figure=POWER,
        kind="curves",
        caption="Power spectra of features by stage, over cycles per pixel of the image (95 % interval over subjects).",
    ),
)


class InsideFindings(NamedTuple):
    """Figures of networks inside, and the sentences that they say."""

    figures: tuple[StudyFigure, ...]
    sentences: tuple[str, ...]


def look_inside(rows: Mapping[str, Seeds]) -> InsideFindings:
    """Return the response and the stages of every row.

    Args:
        rows: contents of `networks.measure_network` by row; one list of cases per seed.
    """
    figures: list[StudyFigure] = []
    sentences: list[str] = []
    for row, contents in rows.items():
        seeds = [[case for case in cases if case["slice"]] for cases in contents]
        if not all(seeds):
            continue
        figures += _draw_responses(row, seeds)
        sentences.append(_tell_response(row, seeds))
        if seeds[0][0]["stages"]:
            figures += _draw_stages(row, seeds)
            sentences += _tell_stages(row, seeds)
    return InsideFindings(tuple(figures), tuple(sentences))


def _draw_responses(row: str, seeds: Seeds) -> list[StudyFigure]:
    figures = []
    for frequency in FREQUENCIES:
        for figure, place in ((ON_SLICE, 0), (ELSEWHERE, 1)):
            empty = StudyFigure(table=RESPONSES, row=row, group=f"{frequency:g}", figure=figure, value=None)
            figures.append(mean_figure(empty, _response_values(seeds, "slice", frequency, place), ""))
        # Of grey no subject is seen, so that there is nothing to take an interval over.
        on_grey = float(_response_values(seeds, "grey", frequency, 0).mean())
        group = f"{frequency:g}"
        figures.append(StudyFigure(table=RESPONSES, row=row, group=group, figure=ON_GREY, value=on_grey))
    return figures


def _response_values(seeds: Seeds, ground: str, frequency: float, place: int) -> Values:
    values = values_of(seeds, lambda case: case[ground][f"{frequency:g}"][place])
    assert values is not None, "a response without a figure"
    return values


def _tell_response(row: str, seeds: Seeds) -> str:
    """Say how much of coarse and of fine gratings passes, and whether that differs."""
    coarse, fine = (
        np.mean([_response_values(seeds, "slice", frequency, 0) for frequency in chosen], axis=0)
        for chosen in (
            [frequency for frequency in FREQUENCIES if frequency <= COARSE],
            [frequency for frequency in FREQUENCIES if frequency >= FINE],
        )
    )
    ends = paired_by_run(fine, coarse).interval
    verdict = (
        "which is not shown to differ"
        if ends is None or ends.low <= 0 <= ends.high
        else "fine ones pass less"
        if ends.high < 0
        else "fine ones pass more"
    )
    return (
        f"{row} passes {coarse.mean():.2f} of the amplitude of gratings of up to {COARSE:g} cycles per pixel and "
        f"{fine.mean():.2f} of those from {FINE:g} on: {verdict}."
    )


def _draw_stages(row: str, seeds: Seeds) -> list[StudyFigure]:
    figures = []
    for stage, first in seeds[0][0]["stages"].items():
        for figure in (FINE_SHARE, MEAN_FREQUENCY):
            place = StudyFigure(table=STAGES, row=row, group=stage, figure=figure, value=None)
            figures.append(
                mean_figure(place, _stage_values(seeds, stage, figure), "too even, or too small a map")
            )
        for ring in range(STAGE_RINGS):
            group = f"{first['middles'][ring]:.4g}"
            place = StudyFigure(
                table=STAGE_CURVES, row=f"{row}: {stage}", group=group, figure=POWER, value=None
            )
            levels = values_of(seeds, lambda case, stage=stage, ring=ring: _level(case, stage, ring))  # type: ignore[misc]  # defaults bind
            figures.append(mean_figure(place, levels, "too even, or too small a map"))
    return figures


def _stage_values(seeds: Seeds, stage: str, figure: str) -> Values | None:
    pick = _fine_share if figure == FINE_SHARE else _mean_frequency
    return values_of(seeds, lambda case: pick(case["stages"][stage]) if stage in case["stages"] else None)


def _fine_share(spectrum: Content) -> float:
    return float(np.sum(spectrum["shares"][STAGE_RINGS // 2 :]))


def _mean_frequency(spectrum: Content) -> float:
    return float(np.dot(spectrum["shares"], spectrum["middles"]))


def _level(case: Content, stage: str, ring: int) -> float | None:
    """Return the power per frequency in a ring, in dB of that in all rings."""
    if stage not in case["stages"]:
        return None
    densities = np.divide(case["stages"][stage]["shares"], case["stages"][stage]["counts"])
    return decibels(float(densities[ring]), float(densities.sum()))


def _tell_stages(row: str, seeds: Seeds) -> list[str]:
    """Say what fusing changes, and what a frozen encoder gives."""
    stages = list(seeds[0][0]["stages"])
    sentences = []
    fused = [stage for stage in stages if stage.startswith("fused ") and _unfused(stage) in stages]
    if fused:
        changes = {stage: _change_by_fusing(seeds, stage) for stage in fused}
        words = ((1, "more"), (-1, "less"), (0, "not shown to have another share"))
        parts = [
            f"{enumerated(names)} {'have' if change else 'are'} {word}{' of it' if change else ''}"
            for change, word in words
            if (names := [stage for stage in fused if changes[stage] == change])
        ]
        sentences.append(
            f"{row}, power above half of a stage's highest frequency, against the stage without the features that are joined: "
            f"{'; '.join(parts)}."
        )
    random = seeds[0][0]["random"]
    if random:
        sentences.append(
            f"{row}: the weights of {enumerated([name.upper() for name in random])} are random, so that spectra of its features, and of "
            "what they are fused into, say nothing of the published network."
        )
    return sentences


def _change_by_fusing(seeds: Seeds, stage: str) -> int:
    """Return 1 where a fused stage has a larger fine share than without, -1 a smaller one, 0 where neither is shown."""
    after, before = (_stage_values(seeds, name, FINE_SHARE) for name in (stage, _unfused(stage)))
    if after is None or before is None:
        return 0
    ends = paired_by_run(after, before).interval
    return 0 if ends is None else int(ends.low > 0) - int(ends.high < 0)


def _unfused(stage: str) -> str:
    return stage.replace("fused", "encoder")


def list_stageless(rows: Mapping[str, Sequence[Sequence[Content]]]) -> list[str]:
    """Return the rows whose translators show no stage."""
    return [
        row for row, seeds in rows.items() if not any(case["stages"] for cases in seeds for case in cases)
    ]
