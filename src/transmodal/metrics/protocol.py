"""A metric's value and the protocol under which it was measured: two values may be compared where their protocols are equal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from transmodal.metrics.gaussian import SIGMA
from transmodal.metrics.suite.ssim import K1, K2

Region = Literal["mask", "whole", "around"]
Border = Literal["interior", "mirrored"]


class MetricValue(NamedTuple):
    """A metric's value of one pair of volumes.

    Attributes:
        metric: its name in the registry.
        value: a number; PSNR of identical volumes is `inf`, NaN where neither volume has any structure.
        unit: of the value; `1` for values without a unit.
        protocol: how it was measured.
        slices_excluded: axial slices that do not meet the mask, or have no content, and are left out; None in 3D.
        detail: the part of the definition that the volumes decided, such as the number of levels.
    """

    metric: str
    value: float
    unit: str
    protocol: Protocol
    slices_excluded: int | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Protocol:
    """The protocol of a figure; two figures may be compared where their protocols are equal.

    Attributes:
        region: `mask`, the case's evaluation mask; `whole`, every voxel; `around`, inside the mask and outside.
        dims: 3 for the volume at once, 2 for the mean over axial slices.
        unit: of the voxel values, such as `HU`.
        data_range: width of the range of values; None where the metric has none.
        window: taps per axis; None where the metric has no window.
        border: `interior` or `mirrored`; None without a window.
        target_normalised: whether the target was scaled by its own intensities first.
        definition: of metrics that are defined in more ways than one; empty for the standard three.
        mask: the evaluation mask in words, where the data set gives none, such as `the brain of the measured fa`.
        clips: whether the metric clips values itself, as its definition says.
        resampled: whether synthetic volumes on other grids were brought onto the target's.
        fitted: whether values of other programs were fitted to the targets' by a line per program.
    """

    region: Region
    dims: Literal[2, 3]
    unit: str
    data_range: float | None = None
    window: tuple[int, ...] | None = None
    border: Border | None = None
    target_normalised: bool = False
    definition: str = ""
    mask: str = ""
    clips: bool = False
    resampled: bool = False
    fitted: bool = False

    def text(self) -> str:
        """Return the protocol on one line; equal texts mean equal protocols."""
        parts = [
            self._region_text(),
            "3D" if self.dims == 3 else f"2D, mean over axial slices{self._slices_text()}",
        ]
        if self.data_range is None:
            parts.append(f"in {self.unit}")
        else:
            parts.append(f"data range {self.data_range:.10g} {self.unit}")
        if self.window is not None:
            parts.append(
                f"Gaussian window {'x'.join(map(str, self.window))} sigma {SIGMA:g}, K {K1:g} {K2:g}, "
                f"population statistics, {self._border_text()}"
            )
        if self.definition:
            parts.append(self.definition)
        if self.target_normalised:
            parts.append("target-normalised: scaled to the training cohort's units by its own intensities")
        clipping = "values clipped by the definition alone" if self.clips else "values not clipped"
        parts.append(f"target's native grid, {clipping}")
        if self.resampled:
            parts.append("synthetic volumes on other grids resampled onto it, linearly")
        if self.fitted:
            parts.append("values of other programs fitted to the targets' by a line per program")
        return "; ".join(parts)

    def to_json(self) -> dict[str, Any]:
        """Return the fields for JSON."""
        return {
            "region": self.region,
            "dims": self.dims,
            "unit": self.unit,
            "data_range": self.data_range,
            "window": None if self.window is None else list(self.window),
            "border": self.border,
            "target_normalised": self.target_normalised,
            "definition": self.definition,
            **({"mask": self.mask} if self.mask else {}),
            **({"clips": True} if self.clips else {}),
            **({"resampled": True} if self.resampled else {}),
            **({"fitted": True} if self.fitted else {}),
        }

    def _region_text(self) -> str:
        if self.region == "whole":
            return "whole volume"
        mask = f"the evaluation mask, {self.mask}" if self.mask else "the evaluation mask"
        return f"{'inside' if self.region == 'mask' else 'around'} {mask}"

    def _slices_text(self) -> str:
        return " that meet the mask" if self.region == "mask" else ""

    def _border_text(self) -> str:
        return "image mirrored at its border" if self.border == "mirrored" else "interior only"
