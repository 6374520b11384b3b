"""Segmentations that the user made of targets and of synthetic volumes, compared pair by pair."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from transmodal._version import __version__
from transmodal.counts import counted
from transmodal.errors import InputError
from transmodal.metrics.regions.overlap import Overall, StructureFigures, by_structure, overall
from transmodal.metrics.table import finite
from transmodal.notice import INTENDED_USE
from transmodal.storage import files, outputs, placeholders
from transmodal.volumes import Volume, io
from transmodal.volumes.reading import STRICT, Reading

DEFINITION = (
    "Dice and HD95 by structure: the larger of both directed 95th percentiles between surface voxels (6 neighbours, "
    "volume border included); a structure that only one segmentation has: Dice 0, HD95 the volume's diagonal; one "
    "that neither has is left out; the case's figure is the mean over its structures"
)


class CaseOverlap(NamedTuple):
    """One case's two segmentations compared.

    Attributes:
        name: of the case.
        structures: figures by label.
        sha256: of both files, the reference's first.
    """

    name: str
    structures: tuple[StructureFigures, ...]
    sha256: tuple[str, str]

    @property
    def overall(self) -> Overall:
        """The mean over the structures."""
        return overall(self.structures)

    def to_json(self) -> dict[str, Any]:
        """Return the pair for JSON; a figure that there is not is null."""
        return {
            "name": self.name,
            "dice": finite(self.overall.dice),
            "hd95_mm": finite(self.overall.hd95_mm),
            "structures": [structure_record(structure) for structure in self.structures],
            "reference_sha256": self.sha256[0],
            "synthetic_sha256": self.sha256[1],
        }


def compare_segmentations(
    reference: Path,
    synthetic: Path,
    *,
    labels: Sequence[int] | None = None,
    reading: Reading = STRICT,
) -> tuple[CaseOverlap, ...]:
    """Compare two label maps, or those of two folders that have the same name, in the order of the names.

    Args:
        reference: segmentation of the target as measured, or a folder of such.
        synthetic: of the synthetic volume, or a folder of such.
        labels: which structures there are; None takes those above 0 that either map of a pair has.
        reading: how the files are read where they leave something open.

    Raises:
        InputError: E100 where a file or its counterpart is missing, E130 for grids that differ, E123 for what are
            no labels, and as `volumes.io.read`.
    """
    return tuple(
        _compare_files(reference_path, synthetic_path, labels, reading)
        for reference_path, synthetic_path in _paired_files(reference, synthetic)
    )


def write_overlaps(
    reference: Path,
    synthetic: Path,
    *,
    labels: Sequence[int] | None = None,
    reading: Reading = STRICT,
    output: Path | None = None,
) -> tuple[CaseOverlap, ...]:
    """Compare segmentations and write the figures, as `transmodal overlap` does.

    Args:
        reference: segmentation of the target as measured, or a folder of such.
        synthetic: of the synthetic volume, or a folder of such.
        labels: which structures there are; None takes those above 0 that either map of a pair has.
        reading: how the files are read where they leave something open.
        output: JSON file to write; None writes none.

    Raises:
        TransmodalError: as `compare_segmentations`; E005 and E403 for a place that cannot be written.
    """
    if output is not None:
        outputs.check_file(output)
    cases = compare_segmentations(reference, synthetic, labels=labels, reading=reading)
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        files.write_json(output, to_json(cases))
    return cases


def to_json(cases: Sequence[CaseOverlap]) -> dict[str, Any]:
    """Return all cases for JSON, with units and definition."""
    return {
        "intended_use": INTENDED_USE,
        "tool": {"name": "transmodal", "version": __version__},
        "definition": DEFINITION,
        "units": {"dice": "1", "hd95_mm": "mm"},
        "cases": [case.to_json() for case in cases],
    }


def structure_record(structure: StructureFigures) -> dict[str, Any]:
    """Return a structure's figures for JSON."""
    return {**structure._asdict(), "dice": finite(structure.dice), "hd95_mm": finite(structure.hd95_mm)}


def text(cases: Sequence[CaseOverlap]) -> str:
    """Return a plain table, one line per case."""
    lines = []
    for case in cases:
        dice, mm = case.overall
        figures = "no structure in either" if math.isnan(dice) else f"Dice {dice:.3f}, HD95 {mm:.2f} mm"
        lines.append(f"{case.name}: {figures} ({counted(len(case.structures), 'structure')})")
    return "\n".join(lines)


def label_map(volume: Volume) -> NDArray[np.int64]:
    """Return the voxels as labels.

    Raises:
        InputError: E122 for colour, E123 for values that are not whole numbers of 0 or more.
    """
    if volume.is_colour:
        raise InputError("E122", "a segmentation in colour", "a label map", "Save the labels, not a picture.")
    labels: NDArray[np.int64] = volume.voxels.astype(np.int64)
    if (labels != volume.voxels).any() or labels.min() < 0:
        raise InputError(
            "E123",
            "a segmentation with values that are no labels",
            "whole numbers of 0 or more",
            "Give label maps; resample them by the nearest voxel.",
        )
    return labels


def _compare_files(
    reference: Path, synthetic: Path, labels: Sequence[int] | None, reading: Reading
) -> CaseOverlap:
    reference_volume, synthetic_volume = (io.read_fitted(path, reading) for path in (reference, synthetic))
    if not reference_volume.grid.same_as(synthetic_volume.grid):
        raise InputError(
            "E130",
            f"{reference.name}: segmentations of shapes {reference_volume.grid.shape} and {synthetic_volume.grid.shape}, at "
            f"{reference_volume.grid.origin} and {synthetic_volume.grid.origin} mm",
            "one grid",
            "Segment both on the target's grid.",
        )
    figures = by_structure(
        label_map(reference_volume), label_map(synthetic_volume), reference_volume.spacing, labels
    )
    return CaseOverlap(reference.name, figures, (files.sha256_file(reference), files.sha256_file(synthetic)))


def _paired_files(reference: Path, synthetic: Path) -> list[tuple[Path, Path]]:
    for path in (reference, synthetic):
        if not path.exists():
            placeholders.refuse(path)
            raise InputError("E100", f"{path} does not exist", "a label map or a folder", "Check the path.")
    if not reference.is_dir() and not synthetic.is_dir():
        return [(reference, synthetic)]
    names = [
        {path.name for path in folder.iterdir() if path.name.endswith(io.SUFFIXES)}
        if folder.is_dir()
        else set()
        for folder in (reference, synthetic)
    ]
    unmatched = sorted(names[0] ^ names[1])
    if unmatched or not names[0]:
        raise InputError(
            "E100",
            f"{unmatched[0]} in one folder only" if unmatched else f"no label map in {reference}",
            "two folders with label maps of the same names",
            "Name both segmentations of a case alike.",
        )
    return [(reference / name, synthetic / name) for name in sorted(names[0])]
