"""Two doses as files compared, and the outcome written: figures as JSON, gamma as an image, histograms as a drawing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from transmodal.errors import UsageError
from transmodal.evaluation.doses import structures as dose_structures
from transmodal.evaluation.doses.comparison import DoseComparison, compare_doses, label_regions
from transmodal.evaluation.doses.structures import DoseRegion
from transmodal.evaluation.drawing.dvh import StructureHistogram, draw_histograms
from transmodal.metrics.regions.dose import Criterion
from transmodal.metrics.regions.histograms import dvh_curve
from transmodal.storage import files, outputs
from transmodal.volumes import Volume, io
from transmodal.volumes.formats.dicom import dose as rt_dose
from transmodal.volumes.formats.dicom import series
from transmodal.volumes.formats.dicom import structures as structure_sets
from transmodal.volumes.reading import STRICT, Reading

_DVH_POINTS = 240


def compare_dose_files(
    reference: Path,
    evaluated: Path,
    structures: Path | None = None,
    criterion: Criterion | None = None,
    *,
    at_least_gy: Sequence[float] = (),
    reading: Reading = STRICT,
    output: Path | None = None,
    gamma_map: Path | None = None,
    dvh_drawing: Path | None = None,
) -> DoseComparison:
    """Compare two doses as files and write the figures, as `transmodal dose` does.

    Args:
        reference: dose on the measured image, in Gy.
        evaluated: dose on the synthetic image, in Gy, on the same grid.
        structures: label map on the same grid, or a DICOM structure set (RTSTRUCT), which is filled on it; None takes the
            whole volume alone.
        criterion: None takes 2 % / 2 mm, global, above 10 %.
        at_least_gy: doses at which the histograms are asked for volumes.
        reading: how the files are read where they leave something open.
        output: JSON file to write; None writes none.
        gamma_map: image of gamma to write, 0 where a point does not count; None writes none.
        dvh_drawing: SVG of the structures' histograms to write; None writes none.

    Raises:
        UsageError: E004 for a drawing without structures.
        TransmodalError: as `compare_doses` and `volumes.io.read`; E005 and E403 for a place that cannot be written.
    """
    if dvh_drawing is not None and structures is None:
        raise UsageError(
            "E004", "--dvh without --structures", "both", "Name the structures too, or leave the drawing out."
        )
    for path in (output, gamma_map, dvh_drawing):
        if path is not None:
            outputs.check_file(path)
    reference, evaluated = (rt_dose.find(path) or path for path in (reference, evaluated))
    reference_dose, evaluated_dose = (_read_dose(path, reading) for path in (reference, evaluated))
    structures = None if structures is None else structure_sets.find(structures) or structures
    regions = _read_regions(structures, reference_dose, reference, reading)
    comparison = compare_doses(reference_dose, evaluated_dose, regions, criterion, at_least_gy=at_least_gy)
    record = comparison.to_json()
    record["inputs"] = _input_hashes(
        {"reference": reference, "evaluated": evaluated, "structures": structures}
    )
    if gamma_map is not None:
        gamma_map.parent.mkdir(parents=True, exist_ok=True)
        volume = reference_dose.with_voxels(np.nan_to_num(comparison.gamma.values, nan=0.0))
        record["gamma_map"] = {"name": gamma_map.name, "sha256": io.write(volume, gamma_map)}
    if dvh_drawing is not None:
        dvh_drawing.parent.mkdir(parents=True, exist_ok=True)
        text = _draw(reference_dose, evaluated_dose, regions)
        with files.atomic_path(dvh_drawing) as beside:
            beside.write_text(text, encoding="utf-8")
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        files.write_json(output, record)
    return comparison


def _read_dose(path: Path, reading: Reading) -> Volume:
    is_object = rt_dose.find(path) == path
    return series.read_files([path], path.name) if is_object else io.read_fitted(path, reading)


def _read_regions(
    structures: Path | None, reference: Volume, path: Path, reading: Reading
) -> tuple[DoseRegion, ...]:
    if structures is None:
        return ()
    if structure_sets.find(structures) is not None:
        return dose_structures.of_set(structures, reference.grid, path)
    return label_regions(io.read_fitted(structures, reading), reference)


def _draw(reference: Volume, evaluated: Volume, regions: Sequence[DoseRegion]) -> str:
    """Return the histograms of both doses in all structures as an SVG."""
    highest = max(
        float(dose.voxels[region.mask].max()) for dose in (reference, evaluated) for region in regions
    )
    doses_gy = np.linspace(0, 1.02 * highest, _DVH_POINTS)
    return draw_histograms(
        doses_gy,
        [
            StructureHistogram(
                region.title,
                *(dvh_curve(dose.voxels, region.mask, doses_gy) for dose in (reference, evaluated)),
            )
            for region in regions
        ],
    )


def _input_hashes(paths: Mapping[str, Path | None]) -> dict[str, dict[str, str]]:
    # Without the files' names, which can be a patient's.
    return {
        name: {"sha256": files.sha256_file(path)}
        for name, path in paths.items()
        if path is not None and path.is_file()
    }
