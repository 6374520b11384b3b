"""Figures by plane: of volumes in 3D, of slices as papers report them, and what fusing brings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from transmodal.evaluation.statistics.paired_tests import Difference, holm, paired_by_run
from transmodal.experiments.study.matrices import Seeds, mean_figure, values_of
from transmodal.experiments.study.record import StudyChart, StudyFigure, StudyTable
from transmodal.experiments.study.studies.planes.passes import FUSED, METRICS, PLANES, POOLED
from transmodal.experiments.study.units import Content
from transmodal.metrics.paper2d import SliceScores, pool

VOLUMES, SLICES, FUSION = "Figures by plane", "Slices as papers report them", "Fused against one plane"
GAIN = "change in MAE"
NAMES = {"x": "x, sagittal", "y": "y, coronal", "z": "z, axial", FUSED: FUSED, POOLED: POOLED}
HEADINGS = {"mae": "MAE", "psnr": "PSNR, dB", "ssim": "SSIM"}
UNSEEN = "no plane of its training"
NO_VALUE = "a volume that equals its target has none"
TABLES = (
    StudyTable(
        name=VOLUMES,
        caption="Error and similarity of the volume that is put together from slices of one plane, and of all three fused, "
        "inside the evaluation mask, in 3D; 95 % intervals over subjects and seeds.",
        group_heading="plane",
        decimals=4,
    ),
    StudyTable(
        name=FUSION,
        caption="Mean absolute error of the fused volume less that of one plane: below 0 fusing helps. 95 % intervals over "
        "subjects and seeds; p of a paired Wilcoxon test, Holm-corrected.",
        group_heading="against",
        decimals=4,
    ),
    StudyTable(
        name=SLICES,
        caption="Every slice an image in [0, 1]: translated along its own axis and pooled over the three axes, as MRNet reports, "
        "and of the fused volume cut along all three. Means over subjects with 95 % intervals; beside them the mean in which "
        "each slice of all subjects counts once.",
        group_heading="plane",
        decimals=4,
        is_detail=True,
    ),
)
CHART = StudyChart(
    table=VOLUMES,
    figure=HEADINGS["mae"],
    caption="Mean absolute error by plane and fused (95 % interval over subjects and seeds).",
)


class PlaneRow(NamedTuple):
    """The measured cases of one row.

    Attributes:
        row: of the runs.
        unit: of the error.
        seeds: contents of the cases by run.
        trained: axes along which it saw slices in training.
        translator: that it trained.
        is_told: whether its network is told along which axis a slice lies.
    """

    row: str
    unit: str
    seeds: Seeds
    trained: tuple[str, ...]
    translator: str = ""
    is_told: bool = False


class FusionGain(NamedTuple):
    """The fused error of a row less that of one plane."""

    row: str
    plane: str
    difference: Difference
    p: float | None
    reference: float


def take_volumes(rows: Sequence[PlaneRow]) -> Iterator[StudyFigure]:
    """Yield the figures of the volumes of every pass."""
    for row in rows:
        for name in (*PLANES, FUSED):
            unseen = "" if name == FUSED or name in row.trained else UNSEEN
            for metric in METRICS:
                unit = row.unit if metric == "mae" else ""
                place = StudyFigure(
                    table=VOLUMES,
                    row=row.row,
                    group=NAMES[name],
                    figure=HEADINGS[metric],
                    value=None,
                    note=", ".join(part for part in (unit, unseen if metric == "mae" else "") if part),
                )
                yield mean_figure(place, values_of(row.seeds, of_volume(name, metric)), NO_VALUE)


def take_slices(rows: Sequence[PlaneRow]) -> Iterator[StudyFigure]:
    """Yield the figures of slices of every pass, of all pooled, and of the fused volume."""
    for row in rows:
        for name in (*PLANES, POOLED, FUSED):
            whole = pool(_scores(case, name) for cases in row.seeds for case in cases)
            for metric, pooled_value in (("psnr", whole.psnr), ("ssim", whole.ssim)):
                place = StudyFigure(
                    table=SLICES, row=row.row, group=NAMES[name], figure=HEADINGS[metric], value=None
                )
                yield mean_figure(place, values_of(row.seeds, _of_slices(name, metric)), NO_VALUE)
                changes = {
                    "figure": f"{HEADINGS[metric]}, all slices",
                    "value": pooled_value if np.isfinite(pooled_value) else None,
                    "note": f"{whole.n_psnr if metric == 'psnr' else whole.n} slices",
                }
                yield StudyFigure.model_validate({**place.model_dump(), **changes})


def take_gains(rows: Sequence[PlaneRow]) -> list[FusionGain]:
    """Return the change in error by fusing, against every plane, tested over subjects."""
    gains = []
    for row in rows:
        fused = values_of(row.seeds, of_volume(FUSED, "mae"))
        for plane in PLANES:
            own = values_of(row.seeds, of_volume(plane, "mae"))
            assert fused is not None  # every case has an error
            assert own is not None
            gains.append(FusionGain(row.row, plane, paired_by_run(fused, own), None, float(own.mean())))
    corrected = holm([gain.difference.p for gain in gains])
    return [gain._replace(p=p) for gain, p in zip(gains, corrected, strict=True)]


def gain_figures(gains: Sequence[FusionGain], units: Mapping[str, str]) -> list[StudyFigure]:
    """Return the gains as figures."""
    return [
        StudyFigure(
            table=FUSION,
            row=gain.row,
            group=NAMES[gain.plane],
            figure=GAIN,
            value=gain.difference.mean,
            interval=gain.difference.interval,
            n=gain.difference.n,
            p=gain.p,
            note=units[gain.row],
        )
        for gain in gains
    ]


def of_volume(name: str, metric: str) -> Callable[[Content], float | None]:
    """Return what picks a metric of the volume of a pass out of a case."""

    def pick(case: Content) -> float | None:
        value: float | None = case["volumes"][name][metric]
        return value

    return pick


def _of_slices(name: str, metric: str) -> Callable[[Content], float | None]:
    def pick(case: Content) -> float | None:
        value: float | None = case["slices"][name][metric]
        return value

    return pick


def _scores(case: Content, name: str) -> SliceScores:
    fields = case["slices"][name]
    return SliceScores(
        int(fields["n"]),
        int(fields["excluded"]),
        float(fields["ssim"]),
        int(fields["n_psnr"]),
        float("nan") if fields["psnr"] is None else float(fields["psnr"]),
    )
