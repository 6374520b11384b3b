"""A look at every volume of a folder before it is scored: its grid, its unit, and what it could be a copy of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from transmodal.cohorts.case_files import sha256_content
from transmodal.cohorts.quality.misalignment import Misalignment, measure_misalignment
from transmodal.cohorts.store import PreparedCase
from transmodal.errors import InputError
from transmodal.evaluation.predictions import doubts as doubting
from transmodal.evaluation.predictions.doubts import CaseDetails
from transmodal.evaluation.predictions.reading import PlacedVolume, ReadingOptions, read_placed
from transmodal.evaluation.predictions.values import check_unit
from transmodal.evaluation.provenance import ANOTHER_PROGRAM, ORIGIN
from transmodal.evaluation.task import EvaluationTask
from transmodal.progress import StageProgress
from transmodal.storage import files
from transmodal.volumes import Volume


@dataclass(frozen=True, slots=True)
class VolumeReader:
    """A folder of volumes as something to evaluate: "translating" a case reads its file.

    Attributes:
        name: in tables.
        target: modality of the volumes.
        files: by case.
        options: how they are read.
    """

    name: str
    target: str
    files: Mapping[str, Path]
    options: ReadingOptions

    def translate_case(self, case: PreparedCase) -> Volume:
        """Return the volume on the case's canonical grid, in the target's unit.

        Raises:
            InputError: as `reading.read_placed`.
        """
        return self.read(case).volume

    def read(self, case: PreparedCase) -> PlacedVolume:
        """Return the volume and how it came onto the grid; errors as `translate_case`."""
        return read_placed(self.files[case.id], case, self.target, self.options, self.label(case))

    def label(self, case: PreparedCase) -> str:
        """Return whose volume of which case it is, for errors."""
        return f"the volume of {self.name} for case {case.id}"


class Look(NamedTuple):
    """One folder's record, the notes on it, and whether some volume was resampled."""

    record: Mapping[str, Any]
    notes: tuple[str, ...]
    has_resampled: bool


def fit_values(reader: VolumeReader, cases: Sequence[PreparedCase]) -> VolumeReader:
    """Return the reader with the line that fits its values to the targets best: least squares over all cases, in the mask.

    Raises:
        InputError: E125 where values do not rise with the targets', and as `VolumeReader.read`.
    """
    moments = np.zeros(5)
    for case in cases:
        predicted, target, mask = reader.read(case).volume, case.volume(reader.target), case.mask()
        inside = np.ones(case.grid.shape, bool) if mask is None else mask
        x, y = (np.asarray(volume.voxels[inside], np.float64).ravel() for volume in (predicted, target))
        moments += [x.size, x.sum(), y.sum(), x @ x, x @ y]
    n, sum_x, sum_y, sum_xx, sum_xy = moments
    variance, covariance = sum_xx - sum_x**2 / n, sum_xy - sum_x * sum_y / n
    if not covariance > 0 or not variance > 0:
        raise InputError(
            "E125",
            f"values of {reader.name} that do not rise with those of their targets",
            "an image of the target's contrast",
            "Look at the files, or leave --rescale fit out.",
        )
    slope = covariance / variance
    fitted = replace(reader.options, slope=float(slope), intercept=float((sum_y - slope * sum_x) / n))
    return replace(reader, options=fitted)


def look_at(
    reader: VolumeReader,
    cases: Sequence[PreparedCase],
    task: EvaluationTask,
    progress: StageProgress | None,
) -> Look:
    """Read every volume once and check it; doubts become notes."""
    by_case: dict[str, dict[str, str]] = {}
    details: dict[str, CaseDetails] = {}
    places: dict[str, Misalignment | None] = {}
    doubts: dict[str, list[str]] = {}
    for n, case in enumerate(cases, start=1):
        placed = reader.read(case)
        target = case.volume(task.target)
        if not reader.options.trusts_values:
            check_unit(placed.volume.voxels, target.voxels, task.unit, reader.label(case))
        for doubt in _doubts_of(placed, case, task.target, reader):
            doubts.setdefault(doubt, []).append(case.id)
        details[case.id] = doubting.measure_details(placed.volume, target)
        places[case.id] = measure_misalignment(target, placed.volume)
        by_case[case.id] = {"sha256": sha256_content(reader.files[case.id]), "placing": placed.placing}
        if progress is not None:
            progress(f"look at {reader.name}", n, len(cases))
    for case_id, double in doubting.find_exchanged(details):
        doubts.setdefault(f"fits the target of case {double} better than its own", []).append(case_id)
    for doubt, ids in doubting.find_displaced(task.target, places).items():
        doubts.setdefault(doubt, []).extend(ids)
    for ids in _equal_files(by_case):
        doubts.setdefault("is one and the same file", []).extend(ids)
    notes = (*doubting.note_doubts(reader.name, doubts), *_note_options(reader, by_case, task.unit))
    has_resampled = any(own["placing"] == "resampled" for own in by_case.values())
    return Look(_record(reader, by_case), notes, has_resampled)


def _doubts_of(placed: PlacedVolume, case: PreparedCase, target: str, reader: VolumeReader) -> list[str]:
    """Return what is doubtful of one volume.

    Raises:
        InputError: E130 for a volume whose shape is to be trusted and that fits its target better mirrored.
    """
    measured = case.volume(target)
    doubts = []
    sources = {name: case.volume(name) for name in case.modalities if name != target}
    copied = doubting.find_copy(placed.volume, measured, sources)
    if copied:
        doubts.append(f"is a copy of {copied}, but for a scale")
    contrast = doubting.find_contrast(placed.volume, measured)
    if contrast:
        doubts.append(contrast)
    mirrored = "" if "inverse" in contrast else doubting.find_mirroring(placed.volume, measured)
    if mirrored and placed.placing == "shape trusted":
        raise InputError(
            "E130",
            f"{reader.label(case)}, which fits its target better mirrored from {mirrored}",
            "voxels in the order of the target's file",
            "--trust-shape cannot be believed here: let the tool write it with its source's header.",
        )
    if mirrored:
        doubts.append(f"fits its target better mirrored from {mirrored}")
    return doubts


def _record(reader: VolumeReader, by_case: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    options = reader.options
    hashes = sorted((case, own["sha256"]) for case, own in by_case.items())
    words: dict[str, Any] = {
        ORIGIN: ANOTHER_PROGRAM,
        "volumes_sha256": files.sha256_text(repr(hashes)),
        "placing": sorted({own["placing"] for own in by_case.values()}),
        "files": {case: dict(own) for case, own in by_case.items()},
    }
    if (options.slope, options.intercept) != (1.0, 0.0):
        words["rescaled"] = {"slope": options.slope, "intercept": options.intercept}
        words["rescaled"] |= {"fitted": True} if options.fits else {}
    if options.trusts_values:
        words["unit"] = "taken on the user's word"
    return words


def _equal_files(by_case: Mapping[str, Mapping[str, str]]) -> list[list[str]]:
    """Return the cases that have one and the same file."""
    owners: dict[str, list[str]] = {}
    for case, own in by_case.items():
        owners.setdefault(own["sha256"], []).append(case)
    return [ids for ids in owners.values() if len(ids) > 1]


def _note_options(reader: VolumeReader, by_case: Mapping[str, Mapping[str, str]], unit: str) -> list[str]:
    """Return a note on everything that was taken on the user's word."""
    options = reader.options
    n = {
        placing: sum(own["placing"] == placing for own in by_case.values())
        for placing in ("resampled", "shape trusted")
    }
    notes = {
        f"{n['resampled']} of {len(by_case)} volumes lay on another grid and were resampled onto the target's, linearly": n[
            "resampled"
        ],
        f"{n['shape trusted']} of {len(by_case)} volumes had no place in space and were taken as lying voxel upon voxel on "
        "the target's file": n["shape trusted"],
        f"values were multiplied by {options.slope:g}, and {options.intercept:g} {unit} added": (
            options.slope,
            options.intercept,
        )
        != (1.0, 0.0),
        "that line was fitted to the targets by least squares over all scored cases, so it uses the answers": options.fits,
        f"that its values are in {unit} is the user's word": options.trusts_values,
        "voxels that are not finite were taken as 0": options.reading.nonfinite == "zero",
    }
    return [f"{reader.name}: {text}." for text, holds in notes.items() if holds]
