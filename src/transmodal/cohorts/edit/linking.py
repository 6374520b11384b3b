"""Cases of prepared cohorts linked into another one: their arrays hard-linked where the disk can, else copied."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from transmodal.cohorts.faults import open_array
from transmodal.cohorts.manifest import ArrayEntry, CaseEntry, write_record
from transmodal.cohorts.quality import duplicates
from transmodal.errors import IntegrityError
from transmodal.progress import StageProgress


class LinkedCase(NamedTuple):
    """A case of a prepared cohort, and its entry in the new cohort.

    Attributes:
        folder: of the cohort that it stands in.
        former: its entry there.
        entry: its entry in the new cohort; the arrays are the same, their files may have other names.
    """

    folder: Path
    former: CaseEntry
    entry: CaseEntry


def add_prefix(entry: CaseEntry, prefix: str) -> CaseEntry:
    """Return an entry under a name, patient and group with a prefix, its arrays in a folder of that name."""
    name = f"{prefix}-{entry.id}"

    def move(array: ArrayEntry) -> ArrayEntry:
        return array.model_copy(update={"file": f"cases/{name}/{Path(array.file).name}"})

    return entry.model_copy(
        update={
            "id": name,
            "patient": f"{prefix}-{entry.patient}",
            "group": entry.group and f"{prefix}-{entry.group}",
            "volumes": {modality: move(volume) for modality, volume in entry.volumes.items()},
            "regions": tuple(move(region) for region in entry.regions),
            "mask": entry.mask and move(entry.mask),
            "segmentation": entry.segmentation and move(entry.segmentation),
        }
    )


def link_cases(cases: Sequence[LinkedCase], folder: Path, progress: StageProgress | None = None) -> None:
    """Put cases into a cohort's folder, every array compared with its hash; working arrays are left behind.

    A hard link is safe: `prepare` never writes into an array, it replaces its folder.

    Args:
        cases: to link.
        folder: the new cohort's, which has no cases yet.
        progress: called after each case.

    Raises:
        IntegrityError: E501 naming an array whose content is not what its cohort says.
        ResourceError: E403 when the disk is full.
    """
    for number, case in enumerate(cases, 1):
        place = folder / "cases" / case.entry.id
        place.mkdir(parents=True)
        for former, array in zip(case.former.arrays(), case.entry.arrays(), strict=True):
            _check_array(case, former)
            _link(case.folder / former.file, folder / array.file)
        write_record(place / "case.json", case.entry)
        _link_details(case, folder)
        if progress is not None:
            progress(case.entry.id, number, len(cases))


def _link_details(case: LinkedCase, folder: Path) -> None:
    """Link the image details that copies are found by, as far as they were computed."""
    for volume in case.entry.volumes.values():
        source = duplicates.find_detail(case.folder, case.former.id, volume)
        if source is not None:
            target = duplicates.detail_path(folder, case.entry.id, volume).with_name(source.name)
            target.parent.mkdir(parents=True, exist_ok=True)
            _link(source, target)


def _check_array(case: LinkedCase, array: ArrayEntry) -> None:
    try:
        open_array(case.folder, case.former.id, array)
    except IntegrityError as error:
        # Of one of several cohorts.
        raise IntegrityError(
            error.code, f"{case.folder}: {error.got}", error.expected, error.remedy
        ) from error


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another disk, or one that cannot link
        shutil.copyfile(source, target)
