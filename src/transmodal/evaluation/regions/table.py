"""Tables of regions: one row per image and region, or one per participant, by itself or beside what is known of them."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from transmodal.evaluation.regions.figures import RegionValues
from transmodal.evaluation.regions.images import Source
from transmodal.evaluation.regions.visits import Visit

Statistic = Literal["mean", "median", "std", "volume"]
"""A figure of a region, as columns are called by it."""
STATISTICS: tuple[Statistic, ...] = ("mean", "median", "std", "volume")
MISSING = "n/a"
"""BIDS' word for a value that there is not."""

Cells = Sequence[str]


class ImageRegion(NamedTuple):
    """One region of one image.

    Attributes:
        visit: the case.
        images: name of the set that the image is of.
        source: how its images came about.
        region: its name.
        values: the figures.
        voxel_mm3: volume of a voxel of the labels.
    """

    visit: Visit
    images: str
    source: Source
    region: str
    values: RegionValues
    voxel_mm3: float

    def figure(self, statistic: Statistic) -> float:
        """Return a figure by its name; NaN where there is none."""
        if statistic == "volume":
            return self.values.n * self.voxel_mm3
        return {"mean": self.values.mean, "median": self.values.median, "std": self.values.sd}[statistic]


class ImageGroup(NamedTuple):
    """The rows of one set of images at one session, by case and in the order of the regions."""

    images: str
    source: Source
    session: str
    rows: Mapping[Visit, Sequence[ImageRegion]]

    @property
    def stem(self) -> str:
        """Start of its tables' names."""
        plain = re.sub(r"[^A-Za-z0-9]+", "-", self.images).strip("-") or "images"
        return f"{plain}_ses-{self.session}" if self.session else plain

    def figures(self, statistic: Statistic) -> dict[str, dict[str, float]]:
        """Return a figure by region and participant."""
        by_region: dict[str, dict[str, float]] = {}
        for visit, rows in self.rows.items():
            for row in rows:
                by_region.setdefault(row.region, {})[visit.participant] = row.figure(statistic)
        return by_region


def group(rows: Iterable[ImageRegion]) -> list[ImageGroup]:
    """Part rows by set and session, in order of appearance."""
    groups: dict[tuple[str, Source, str], dict[Visit, list[ImageRegion]]] = {}
    for row in rows:
        by_visit = groups.setdefault((row.images, row.source, row.visit.session), {})
        by_visit.setdefault(row.visit, []).append(row)
    return [ImageGroup(*key, by_visit) for key, by_visit in groups.items()]


LONG = (
    "participant_id",
    "session_id",
    "case",
    "split",
    "images",
    "source",
    "modality",
    "label",
    "region",
    "n_voxels",
    "volume",
    "mean",
    "median",
    "std",
)
"""Columns of the table with one row per image and region."""


def long(rows: Iterable[ImageRegion], modality: str) -> list[Cells]:
    """Return the table with one row per image and region, its heading first."""
    return [LONG, *(_long_row(row, modality) for row in rows)]


def wide(images: ImageGroup) -> list[Cells]:
    """Return the table with one row per participant and every figure of every region in a column, its heading first."""
    regions = column_names(images)
    heading = [f"{column}_{statistic}" for column in regions.values() for statistic in STATISTICS]
    table: list[Cells] = [("participant_id", *heading)]
    for visit, rows in images.rows.items():
        cells = [number(row.figure(statistic)) for row in rows for statistic in STATISTICS]
        table.append((visit.participant, *cells))
    return table


def beside_participants(
    images: ImageGroup,
    columns: Sequence[str],
    participant_cells: Mapping[str, Mapping[str, str]],
    statistic: Statistic,
) -> list[Cells]:
    """Return the table of a linear model: per participant what is known, then one figure per region; its heading first.

    Args:
        images: of one set and session.
        columns: of the table of participants.
        participant_cells: their cells by participant and column.
        statistic: the figure.
    """
    regions = [f"{column}_{statistic}" for column in column_names(images).values()]
    table: list[Cells] = [("participant_id", *columns, *regions)]
    for visit, rows in images.rows.items():
        own = participant_cells.get(visit.participant, {})
        cells = [own.get(column) or MISSING for column in columns]
        table.append((visit.participant, *cells, *(number(row.figure(statistic)) for row in rows)))
    return table


def column_names(images: ImageGroup) -> dict[str, str]:
    """Return regions' names as columns: small letters, digits and underlines; the label is added where two would be alike."""
    labels = {row.region: row.values.label for rows in images.rows.values() for row in rows}
    plain = {
        region: re.sub(r"[^a-z0-9]+", "_", region.lower()).strip("_") or f"label_{label}"
        for region, label in labels.items()
    }
    names = list(plain.values())
    return {
        region: name if names.count(name) == 1 else f"{name}_{labels[region]}"
        for region, name in plain.items()
    }


def text(table: Iterable[Cells]) -> str:
    """Return a table as TSV."""
    stream = io.StringIO()
    csv.writer(stream, delimiter="\t", lineterminator="\n").writerows(table)
    return stream.getvalue()


def number(value: float) -> str:
    """Return a number as a cell; `n/a` where it is not finite."""
    return f"{value:.9g}" if math.isfinite(value) else MISSING


def _long_row(row: ImageRegion, modality: str) -> Cells:
    visit, values = row.visit, row.values
    return (
        visit.participant,
        f"ses-{visit.session}" if visit.session else MISSING,
        visit.case,
        visit.split or MISSING,
        row.images,
        row.source,
        modality,
        str(values.label),
        row.region,
        str(values.n),
        *(number(row.figure(statistic)) for statistic in ("volume", "mean", "median", "std")),
    )
