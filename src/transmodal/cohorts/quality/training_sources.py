"""The look of a training cohort's sources, in figures that a checkpoint keeps.

Of each source modality: spacing, extent and orientation of the grids, and the figures of `volumes.appearance` over
the training cases. `source_check` compares an image with these.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from transmodal.cohorts.quality.head_contrast import nearest
from transmodal.cohorts.store import PreparedCase
from transmodal.progress import CountProgress
from transmodal.volumes import Grid
from transmodal.volumes.appearance import Appearance, Tissue, is_hu, measure_appearance
from transmodal.volumes.geometry.reorient import working_grid

Kind = Literal["head", "other", "none"]

FORMAT = 1
MOST_CASES = 16
"""Training cases that are looked at, spread evenly over the cohort."""
LEAST_CASES = 3
"""Cases below which there is nothing to compare an image with."""
FAR_WIDTHS = 3.5
"""Distance from a contrast's prototype, in widths, beyond which a head does not show it."""
FIGURES = (
    "detail",
    "rim",
    "quarter",
    "half",
    "three_quarters",
    "right_mm",
    "anterior_mm",
    "superior_mm",
    "low",
    "median",
    "high",
    "fit",
)
"""Figures of every image, of which a reference keeps the ranges."""

_HEADS = 0.8  # share of the training cases in which a head has to lie
_FEW_SLICES = 8  # below which a grid's extent says nothing


class Range(NamedTuple):
    """Least, middle and greatest value over the training cases."""

    low: float
    middle: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Range:
        """Return the range of values; NaN is left out."""
        finite = [value for value in values if math.isfinite(value)] or [0.0]
        low, middle, high = np.quantile(finite, (0, 0.5, 1)).tolist()
        return cls(low, middle, high)

    def __str__(self) -> str:
        return f"{self.low:.3g} to {self.high:.3g}"


@dataclass(frozen=True, slots=True)
class ModalityReference:
    """The look of one source modality in training.

    Attributes:
        cases: how many training cases were looked at.
        kind: `head` where the embedded template lies in most of them, `other`, or `none` where fewer than
            three could be judged: small, thin or even images.
        in_unit: whether the modality has a unit, so that levels can be compared.
        spacing_mm: finest and coarsest, and the thickest slice's.
        extent_mm: of the grids along right, anterior and superior; absent where slices are too few.
        orientations: of the files' voxels.
        figures: ranges by name, of `FIGURES` and, of heads, of `Tissue`.
        contrast: which contrast a head shows, of `head_contrast.PROTOTYPES`; empty where it is none of these.
    """

    cases: int
    kind: Kind
    in_unit: bool
    spacing_mm: Range
    extent_mm: tuple[Range | None, Range | None, Range | None]
    orientations: tuple[str, ...]
    figures: Mapping[str, Range]
    contrast: str = ""


class SourceReference(NamedTuple):
    """The look of a run's training sources.

    Attributes:
        modalities: by source.
    """

    modalities: Mapping[str, ModalityReference]

    def to_json(self) -> dict[str, Any]:
        """Return the object that `from_json` takes."""
        return {
            "format": FORMAT,
            "modalities": {name: asdict(reference) for name, reference in self.modalities.items()},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> SourceReference | None:
        """Rebuild it; None where there is none, or one of another format."""
        if not data or data.get("format") != FORMAT:
            return None
        return cls({name: _read_modality(entry) for name, entry in data["modalities"].items()})


def fit(
    cases: Sequence[PreparedCase],
    modalities: Mapping[str, bool],
    advance: CountProgress | None = None,
) -> SourceReference:
    """Look at the sources of training cases.

    Args:
        cases: of the training split.
        modalities: source modalities, and whether each has a unit.
        advance: called with images done and images in all.
    """
    samples = {}
    for name in modalities:
        having = [case for case in cases if name in case.modalities]
        samples[name] = [having[n] for n in _spread_evenly(len(having))]
    total, completed = sum(map(len, samples.values())), 0
    references = {}
    for name, in_unit in modalities.items():
        images = []
        for case in samples[name]:
            images.append(measure_appearance(case.volume(name)))
            completed += 1
            if advance is not None:
                advance(completed, total)
        grids = [case.native_grid(name) for case in samples[name]]
        references[name] = build_reference(images, grids, in_unit=in_unit)
    return SourceReference(references)


def build_reference(
    images: Sequence[Appearance | None], grids: Sequence[Grid], *, in_unit: bool
) -> ModalityReference:
    """Return the look of images of one modality.

    Args:
        images: the look of each; None where it could not be judged.
        grids: on which the images came.
        in_unit: whether the modality has a unit.
    """
    judged = [image for image in images if image is not None]
    too_few = len(judged) < max(LEAST_CASES, _HEADS * len(images))
    tissues = [image.tissue for image in judged if image.tissue is not None and _is_head(image, image.tissue)]
    are_heads = not too_few and len(tissues) >= _HEADS * len(judged)
    figures = {name: Range.of(figures_of(image)[name] for image in judged) for name in FIGURES}
    if are_heads:
        figures |= {name: Range.of(getattr(tissue, name) for tissue in tissues) for name in Tissue._fields}
    return ModalityReference(
        cases=len(images),
        kind="none" if too_few else "head" if are_heads else "other",
        in_unit=in_unit,
        spacing_mm=Range.of(mm for grid in grids for mm in grid.spacing),
        extent_mm=_extents(grids),
        orientations=tuple(sorted({grid.orientation for grid in grids})),
        figures={} if too_few else figures,
        contrast=_find_contrast(figures) if are_heads else "",
    )


def figures_of(image: Appearance) -> dict[str, Any]:
    """Return the look of an image in figures by name: `FIGURES` and, where a template was laid, those of `Tissue`."""
    general = (image.detail, image.rim, *image.middle, *image.extent_mm, *image.levels, image.fit)
    figures: dict[str, Any] = dict(zip(FIGURES, (_short(value) for value in general), strict=True))
    if image.tissue is not None:
        figures |= {name: _short(value) for name, value in image.tissue._asdict().items()}
    return figures


def extent_mm(grid: Grid) -> tuple[float, float, float]:
    """Return the extent of a grid along right, anterior and superior in mm."""
    turned = working_grid(grid, None)
    x, y, z = (n * mm for n, mm in zip(turned.shape, turned.spacing, strict=True))
    return x, y, z


def _is_head(image: Appearance, tissue: Tissue) -> bool:
    """Return whether a head lies in an image: tissue explains the brain, or a skull stands around it as in CT."""
    has_skull = is_hu(image.levels[0]) and image.fit > 0.75 and tissue.skull > 1.3
    return has_skull or (image.fit > 0.7 and tissue.explained > 0.2)


def _find_contrast(figures: Mapping[str, Range]) -> str:
    middle = Tissue(**{name: figures[name].middle for name in Tissue._fields})
    name, distance, _ = nearest(middle)
    return name if distance <= FAR_WIDTHS else ""


def _short(value: float) -> float:
    """Round to four digits; an unknown value counts as 0, since JSON has no NaN."""
    return float(f"{value:.4g}") if math.isfinite(value) else 0.0


def _extents(grids: Sequence[Grid]) -> tuple[Range | None, Range | None, Range | None]:
    if not grids or min(min(grid.shape) for grid in grids) < _FEW_SLICES:
        return None, None, None
    right, anterior, superior = (Range.of(sides) for sides in zip(*map(extent_mm, grids), strict=True))
    return right, anterior, superior


def _spread_evenly(n: int) -> list[int]:
    """Return up to `MOST_CASES` indices of n, evenly."""
    return sorted({round(value) for value in np.linspace(0, n - 1, min(n, MOST_CASES))}) if n else []


def _read_modality(data: Mapping[str, Any]) -> ModalityReference:
    right, anterior, superior = (None if values is None else Range(*values) for values in data["extent_mm"])
    return ModalityReference(
        cases=int(data["cases"]),
        kind=data["kind"],
        in_unit=bool(data["in_unit"]),
        spacing_mm=Range(*data["spacing_mm"]),
        extent_mm=(right, anterior, superior),
        orientations=tuple(data["orientations"]),
        figures={name: Range(*values) for name, values in data["figures"].items()},
        contrast=str(data["contrast"]),
    )
