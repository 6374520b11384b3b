"""The verb behind `segmentation`: a label map in a file becomes a DICOM Segmentation on a series."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transmodal.cohorts import label_names
from transmodal.errors import InputError, UsageError
from transmodal.evaluation.overlaps import label_map
from transmodal.storage import outputs, tables
from transmodal.volumes import Grid, Volume, io
from transmodal.volumes.formats.dicom.export.parametric_map import check_installed
from transmodal.volumes.formats.dicom.export.segmentation import Segment, write_segmentation
from transmodal.volumes.formats.dicom.series import read_order
from transmodal.volumes.geometry.exact_regrid import match_exactly
from transmodal.volumes.geometry.reorient import resample
from transmodal.volumes.reading import STRICT, Reading


def segmentation(
    labels: str | Path,
    onto: str | Path,
    output: str | Path,
    *,
    names: str | Path | None = None,
    algorithm: str = "",
    resamples: bool = False,
    reading: Reading = STRICT,
) -> Path:
    """Write a label map or mask as a DICOM Segmentation of the patient, study and slices of a series.

    Args:
        labels: image of whole numbers; 0 is no label.
        onto: folder of the DICOM series, measured or synthetic, that the labels were drawn on.
        output: file to write, such as `seg.dcm`.
        names: table with the columns label and name and, for codes of SNOMED CT, code and meaning.
        algorithm: program that made the labels; empty where a person drew them.
        resamples: bring labels of another grid onto the series', each voxel as the nearest one.
        reading: for files that leave something open; its series says which of several in the folder.

    Returns:
        The path of the file.

    Raises:
        UsageError: E005 for an output that is there already, or has no name of a DICOM file.
        InputError: E103, E122, E123 for what is no label map, E130 for one that lies on another grid, and as `io.read`.
        IntegrityError: E503 when it does not read back equal.
        ResourceError: E404 where highdicom is not installed.
    """
    output = Path(output)
    _check_place(output)
    check_installed()
    segments = {} if names is None else _read_segments(Path(names))
    slices, grid = read_order(Path(onto), reading.series)
    volume = io.read_fitted(Path(labels), replace(reading, series=None))
    numbers = _on_grid(volume.with_voxels(label_map(volume)), grid, Path(labels).name, resamples=resamples)
    with outputs.os_errors():
        output.parent.mkdir(parents=True, exist_ok=True)
    write_segmentation(numbers, output, slices, segments, algorithm)
    return output


def _check_place(output: Path) -> None:
    if output.suffix.lower() != ".dcm":
        raise UsageError("E005", repr(str(output)), "a name that ends in .dcm", "Rename it.")
    outputs.check_file(output)
    if output.exists():
        raise UsageError(
            "E005",
            f"{output.name} is there already",
            "a free name",
            "Choose another name, or remove the file.",
        )


def _read_segments(path: Path) -> Mapping[int, Segment]:
    names = label_names.read(path)
    codes = {row["label"]: (row.get("code", ""), row.get("meaning", "")) for row in tables.read(path).rows}
    by_label = {int(label): pair for label, pair in codes.items()}
    return {label: Segment(name, *by_label[label]) for label, name in names.items()}


def _on_grid(labels: Volume, grid: Grid, name: str, *, resamples: bool) -> NDArray[np.integer[Any]]:
    """Return labels on the grid of the series; no label is lost but by resampling.

    Raises:
        InputError: E130 for another grid, and for labels outside the series' field of view.
    """
    is_exact = match_exactly(labels.grid, grid) is not None
    if not is_exact and not resamples:
        raise InputError(
            "E130",
            f"{name} on another grid than the series ({_show(labels.grid)} beside {_show(grid)})",
            "labels that lie voxel upon voxel on the series, in any order of axes",
            "Have them brought onto it by the nearest voxel: --resample.",
        )
    placed = resample(labels, grid, how="nearest").voxels
    if is_exact and np.count_nonzero(placed) != np.count_nonzero(labels.voxels):
        raise InputError(
            "E130",
            f"{name} with labels outside the series' field of view",
            "labels inside it",
            "Check that they are of this series, or crop them to it.",
        )
    return placed


def _show(grid: Grid) -> str:
    shape, spacing = (" x ".join(f"{value:.4g}" for value in values) for values in (grid.shape, grid.spacing))
    return f"{shape} voxels of {spacing} mm"
