"""A stream: the cases that training reads, with their maps, and how windows are cut out of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from transmodal.cohorts.options import RegionKind
from transmodal.cohorts.store import PreparedCase
from transmodal.recipes.misalignment_schema import PlantedMisalignment
from transmodal.recipes.mislabelling_schema import PlantedMislabelling
from transmodal.recipes.training_schema import Augment
from transmodal.volumes.intensity import IntensityMap
from transmodal.volumes.windows.cut import Cutting, Window, foreground_fraction, list_windows


class StreamCase(NamedTuple):
    """A case with the maps that its intensities go through.

    Attributes:
        case: the prepared case.
        source_maps: one per source modality; None where the case lacks it.
        target_map: to the translator's output range; None where the case has no target.
    """

    case: PreparedCase
    source_maps: tuple[IntensityMap | None, ...]
    target_map: IntensityMap | None

    def of_target(self) -> StreamCase:
        """Return the case as one that gives its target alone, as a source is read."""
        return StreamCase(self.case, (self.target_map,), self.target_map)


@dataclass(frozen=True, slots=True)
class Stream:
    """The data of a training.

    Attributes:
        cases: with their maps.
        sources: source modalities in the translator's order.
        target: target modality.
        spacing_mm: of the working grid; None keeps the prepared one.
        region: of the sources; outside they are -1.
        cutting: how windows are cut.
        axes: slice axes; unused for patches.
        needs: what the translator needs beside the source, such as `mask`.
        augment: what is varied, drawn anew for every sample and epoch.
        misalignment: planted in every case; None leaves cases as they are.
        mislabelling: planted in every case's segmentation, likewise.
        min_foreground: windows with a smaller share of the region are left out.
        central: whether only the middle slice along each axis is read.
        plane_channels: whether sources are followed by channels that say along which axis a window lies.
        unpaired: whether targets come from other windows than the sources.
        pairs: ids of the cases whose windows have their own target all the same, where `unpaired`.
        channels: of each source modality, which a missing one cannot tell.
        target_cases: cases that have the target and no source, of a cohort without pairs; targets come from them
            alone then, and `cases` need not have any.
    """

    cases: tuple[StreamCase, ...]
    sources: tuple[str, ...]
    target: str
    spacing_mm: float | None
    region: RegionKind
    cutting: Cutting
    axes: tuple[int, ...]
    needs: frozenset[str] = frozenset({"target"})
    augment: Augment = field(default_factory=Augment)
    misalignment: PlantedMisalignment | None = None
    mislabelling: PlantedMislabelling | None = None
    min_foreground: float = 0.0
    central: bool = False
    unpaired: bool = False
    channels: tuple[int, ...] | None = None
    target_cases: tuple[StreamCase, ...] = ()
    pairs: frozenset[str] = frozenset()
    plane_channels: bool = False

    def of_targets(self) -> Stream:
        """Return the stream of the targets of a cohort without pairs: their windows are chosen by their own region."""
        return replace(
            self,
            cases=self.target_cases,
            sources=(self.target,),
            needs=frozenset({"target"}),
            augment=Augment(),
            unpaired=False,
            pairs=frozenset(),
            target_cases=(),
        )

    def windows(self, case: PreparedCase) -> list[Window]:
        """Return the windows of a case that have enough of the region."""
        region = case.region(self.sources[0], self.region, self.spacing_mm)
        axes: Sequence[int | None] = (None,) if self.cutting.kind == "patch" else self.axes
        windows = [window for axis in axes for window in list_windows(region.shape, self.cutting, axis)]
        if self.central:
            windows = [
                window for window in windows if window.start[window.axis] == region.shape[window.axis] // 2
            ]
        if self.min_foreground <= 0:
            return windows
        return [
            window
            for window in windows
            if foreground_fraction(region, window, self.cutting) >= self.min_foreground
        ]
