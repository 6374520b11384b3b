"""Figures per region over a group: images and labels matched by case, measured, joined with participants, tested, written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from transmodal.cohorts import label_names
from transmodal.cohorts.headers.bids_names import DESCRIPTION, describe_source, is_dataset
from transmodal.cohorts.store import Cohort
from transmodal.errors import InputError, UsageError
from transmodal.evaluation.regions import (
    derivative,
    figures,
    group_test,
    labels,
    matching,
    participants,
    table,
)
from transmodal.evaluation.regions.derivative import RegionStudy
from transmodal.evaluation.regions.figures import RegionValues
from transmodal.evaluation.regions.group_test import GroupModel, TermTest
from transmodal.evaluation.regions.images import ImageSet
from transmodal.evaluation.regions.matching import MatchedGroup, RegionRequest
from transmodal.evaluation.regions.participants import ParticipantTable
from transmodal.evaluation.regions.table import ImageGroup, ImageRegion, Statistic
from transmodal.evaluation.regions.visits import Visit
from transmodal.modalities import modality_of
from transmodal.progress import StageProgress
from transmodal.storage import files


class RegionTables(NamedTuple):
    """The tables that were written.

    Attributes:
        folder: the derivative dataset.
        tables: their names below it.
        rows: one per image and region.
        tests: effects by set of images and session; empty where nothing was tested.
        notes: for a reader.
    """

    folder: Path
    tables: tuple[str, ...]
    rows: tuple[ImageRegion, ...]
    tests: tuple[tuple[ImageGroup, tuple[TermTest, ...]], ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GroupRequest:
    """A request for tables beside participants, and for a test.

    Attributes:
        participants: table; None writes no table for linear models.
        statistic: figure of those tables and of the test.
        model: tested; None tests nothing.
    """

    participants: Path | None = None
    statistic: Statistic = "mean"
    model: GroupModel | None = None


class _MeasuredImage(NamedTuple):
    """One image's regions, by label."""

    visit: Visit
    images: ImageSet
    regions: Mapping[int, RegionValues]
    voxel_mm3: float


def measure_regions(
    request: RegionRequest, group: GroupRequest, output: Path, progress: StageProgress | None = None
) -> RegionTables:
    """Measure every image inside the labels of its case, and write the tables as a BIDS derivative dataset.

    Args:
        request: images and labels.
        group: participants and the test.
        output: folder of the dataset; one that was written so before is written anew.
        progress: told how far it is.

    Raises:
        UsageError: E001 and E004 for a request that does not go together, E005 for a place that is taken, and as
            `group_test.design`.
        InputError: E130 for an image on another grid than its labels, E132 where nothing fits together, and as the readers
            of images, labels and tables.
        IntegrityError: E501 for a volume that an evaluation kept and that has changed since.
        ResourceError: E403 when it cannot be written.
    """
    derivative.check_output(output)
    matched = matching.match(request)
    participant_table = _participant_table(group, matched.visits)
    rows = tuple(_measure(matched, request, progress))
    tests = (
        tuple(_test(group, participant_table, images) for images in table.group(rows)) if group.model else ()
    )
    study = RegionStudy(
        modality=matched.modality,
        unit=_unit(request.cohort, matched.modality),
        rows=rows,
        origins=_origins(request.cohort, matched.sets),
        participants=participant_table,
        statistic=group.statistic,
        model=group.model,
        tests=tests,
        notes=matched.notes,
    )
    tables = derivative.write(study, output)
    return RegionTables(output, tuple(tables), rows, tests, matched.notes)


def _measure(
    matched: MatchedGroup, request: RegionRequest, progress: StageProgress | None
) -> list[ImageRegion]:
    """Return the rows of every image, set by set; regions that a case lacks are rows without voxels."""
    own = [visit for visit in matched.visits if visit.case in matched.labels]
    measured: list[_MeasuredImage] = []
    for n, visit in enumerate(own, 1):
        measured += _measure_visit(matched, visit, resamples=request.resamples)
        if progress is not None:
            progress("regions", n, len(own))
    numbers = sorted({label for image in measured for label in image.regions})
    if not numbers:
        raise InputError("E124", "label maps without a label above 0", "regions", "Check the label maps.")
    names = _names(request)
    return [
        ImageRegion(
            image.visit,
            part.name,
            part.source,
            names.get(label, f"label {label}"),
            image.regions.get(label, figures.without_voxels(label)),
            image.voxel_mm3,
        )
        for part in matched.sets
        for image in measured
        if image.images is part
        for label in numbers
    ]


def _measure_visit(matched: MatchedGroup, visit: Visit, *, resamples: bool) -> Iterator[_MeasuredImage]:
    labelled = matched.labels[visit.case]()
    voxel_mm3 = float(np.abs(np.linalg.det(labelled.grid.affine[:3, :3])))
    for part in matched.sets:
        if visit.case in part.readers:
            owner = f"the image of {part.name} for case {visit.case}"
            image = labels.on_grid(part.readers[visit.case](), labelled.grid, owner, resamples=resamples)
            regions = figures.by_label(image.voxels, labelled.labels)
            yield _MeasuredImage(visit, part, {region.label: region for region in regions}, voxel_mm3)


def _names(request: RegionRequest) -> Mapping[int, str]:
    """Return the names of labels; those of one name are told apart by their number."""
    if request.names is not None:
        names: Mapping[int, str] = label_names.read(request.names)
    elif request.cohort is not None and request.labels is None:
        names = request.cohort.manifest.options.labels
    else:
        names = {}
    alike = list(names.values())
    return {
        label: name if alike.count(name) == 1 else f"{name} (label {label})" for label, name in names.items()
    }


def _participant_table(group: GroupRequest, own: Sequence[Visit]) -> ParticipantTable:
    """Return the table of participants, without columns where none is asked for."""
    if group.participants is None:
        if group.model is not None:
            raise UsageError(
                "E004",
                f"--test {group.model.tested} without --participants",
                "a table that has the column",
                "Name it: --participants participants.tsv.",
            )
        return ParticipantTable()
    participant_table = participants.read(group.participants, [visit.participant for visit in own])
    if group.model is not None:
        group_test.check(group.model, participant_table)
    return participant_table


def _test(
    group: GroupRequest, participant_table: ParticipantTable, part: ImageGroup
) -> tuple[ImageGroup, tuple[TermTest, ...]]:
    assert group.model is not None, "asked for where there is one"
    model = group_test.design(group.model, participant_table, [visit.participant for visit in part.rows])
    return part, tuple(group_test.by_region(part.figures(group.statistic), model))


def _unit(cohort: Cohort | None, modality: str) -> str:
    own = {} if cohort is None else cohort.units()
    return own.get(modality) or modality_of(modality).unit


def _origins(cohort: Cohort | None, sets: Sequence[ImageSet]) -> list[dict[str, str]]:
    """Return where the images come from, by name and version and by no path."""
    origins = [] if cohort is None else [{"Name": cohort.manifest.name, "Version": cohort.digest()[:16]}]
    for part in sets:
        if part.folder is None or (cohort is not None and part.folder == cohort.folder):
            continue
        about = files.read_json(part.folder / DESCRIPTION) if is_dataset(part.folder) else {"Name": part.name}
        origin = describe_source(part.folder, about)
        if origin not in origins:
            origins.append(origin)
    return origins
