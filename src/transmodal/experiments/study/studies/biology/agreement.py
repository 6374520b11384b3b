"""Whether differences between people survive: regional values of synthetic against measured targets over subjects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from transmodal.evaluation.statistics.association import FIGURES, Associations, Estimate, associate
from transmodal.experiments.study.record import StudyChart, StudyFigure, StudyTable
from transmodal.experiments.study.studies.biology.values import Regional, by_tissue

MEDIANS = "Differences between people"
DETAILS = "Differences between people, region by region"
TABLES = (
    StudyTable(
        name=MEDIANS,
        caption="Median over regions of how the synthetic regional means follow the measured ones over subjects. Of a "
        "perfect translation all four are 1; of one that makes everybody alike, slope and variance ratio are 0.",
        group_heading="tissue",
    ),
    StudyTable(
        name=DETAILS,
        caption="The same of every region. With few subjects one region says little: look at the medians first.",
        is_detail=True,
    ),
)
CHART = StudyChart(
    table=MEDIANS,
    figure="Pearson r",
    caption="Correlation of synthetic with measured regional means over subjects, median over regions (95 % interval "
    "over subjects and seeds). The dashed line is no relation at all.",
    reference=0.0,
)


class SubjectAgreement(NamedTuple):
    """Figures of all translators, and their medians by row and tissue."""

    figures: tuple[StudyFigure, ...]
    medians: Mapping[tuple[str, str], Mapping[str, Estimate]]


def agree(rows: Mapping[str, Regional]) -> SubjectAgreement:
    """Return the agreement of every translator, by tissue and by region."""
    figures: list[StudyFigure] = []
    details: list[StudyFigure] = []
    medians = {}
    for row, values in rows.items():
        for tissue, part in by_tissue(values).items():
            result = associate(part.measured, part.synthetic)
            medians[row, tissue] = result.median
            figures += _of(MEDIANS, row, tissue, result.median, len(part.patients))
            details += _regions(row, part, result)
    return SubjectAgreement((*figures, *details), medians)


def _regions(row: str, part: Regional, result: Associations) -> list[StudyFigure]:
    return [
        figure
        for region, estimates in zip(part.regions, result.regions, strict=True)
        for figure in _of(DETAILS, row, region, estimates, len(part.patients))
    ]


def _of(
    table: str, row: str, group: str, estimates: Mapping[str, Estimate], patients: int
) -> Sequence[StudyFigure]:
    return [
        StudyFigure(
            table=table,
            row=row,
            group=group,
            figure=name,
            value=estimates[name].value,
            interval=estimates[name].interval,
            n=patients,
            note="" if estimates[name].value is not None else "does not vary",
        )
        for name in FIGURES
    ]
