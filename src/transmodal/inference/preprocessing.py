"""How a recipe prepares a volume for its network: the one description that training, validation and translation share."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from transmodal.cohorts.store import PreparedCase
from transmodal.errors import InputError
from transmodal.inference.fuse import Fuse
from transmodal.modalities import modality_of
from transmodal.recipes.schema import Recipe
from transmodal.translators._base import Translator
from transmodal.volumes import Grid, Volume
from transmodal.volumes.bounds import Bounds, reachable_bounds
from transmodal.volumes.geometry.reorient import reorient, resample, working_grid
from transmodal.volumes.intensity import IntensityMap, IntensitySpec, fit
from transmodal.volumes.regions.masks import Kind, find_region
from transmodal.volumes.windows.cut import Cutting

AXES = {"x": 0, "y": 1, "z": 2}


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """The steps from sources to windows, and from windows back to a volume.

    Attributes:
        sources: source modalities in the translator's order.
        target: target modality.
        spacing_mm: spacing of the working grid; None keeps the source's.
        region: outside it sources are -1, and the synthetic volume is `fill`.
        specs: how each source's intensities are mapped to [-1, 1].
        cutting: how windows are cut.
        axes: slice axes to pass over, 0 to 2; ignored for patches.
        fuse: how the passes are fused.
        batch: windows per forward pass.
        target_map: the training cohort's map of target intensities; its inverse gives real units.
        accepts_missing: whether sources may be absent, all but one.
        draws: passes per axis, each with noise of its own, of a translator that draws noise.
        units: of modalities whose values are not in their own unit, such as `{"ct": "grey level"}`.
        source_channels: of each source that is not grey, which has one.
        flips: axes, 0 to 2, along each of which the volume is mirrored for one more pass per axis and draw.
        plane_channels: whether sources are followed by channels that say along which axis a window lies.
    """

    sources: tuple[str, ...]
    target: str
    spacing_mm: float | None
    region: Kind
    specs: Mapping[str, IntensitySpec]
    cutting: Cutting
    axes: tuple[int, ...]
    fuse: Fuse
    batch: int
    target_map: IntensityMap
    accepts_missing: bool = False
    draws: int = 1
    units: Mapping[str, str] = field(default_factory=dict)
    source_channels: Mapping[str, int] = field(default_factory=dict)
    flips: tuple[int, ...] = ()
    plane_channels: bool = False

    def present(self, names: Collection[str]) -> tuple[str, ...]:
        """Return which sources there are, in the translator's order.

        Raises:
            InputError: E131 when one is missing that has to be there.
        """
        present = tuple(name for name in self.sources if name in names)
        if len(present) == len(self.sources) or (present and self.accepts_missing):
            return present
        missing = ", ".join(name for name in self.sources if name not in names)
        quantity = "one or more of" if self.accepts_missing else "each of"
        raise InputError(
            "E131",
            f"sources {', '.join(sorted(names)) or 'none'} without {missing}",
            f"{quantity} {', '.join(self.sources)}",
            "Give one image per source modality.",
        )

    def channels_of(self, source: str) -> int:
        """Return the channels of a source: 1 for grey, 3 for colour."""
        return self.source_channels.get(source, 1)

    @property
    def fill(self) -> float:
        """Value of the synthetic volume outside the region: the low end of a window and of `bounds`, or 0."""
        if self.target_map.spec.method == "window" and self.bounds.low is not None:
            return float(self.bounds.low)
        return 0.0

    @property
    def bounds(self) -> Bounds:
        """The range of values that a synthetic volume can have."""
        return reachable_bounds(modality_of(self.target).bounds, self.target_map)


def passes(preprocessing: Preprocessing) -> dict[str, object]:
    """Return the passes that are fused into one volume, JSON-able: axes, fusing, draws of noise if several, and flips."""
    names = {number: letter for letter, number in AXES.items()}
    record: dict[str, object] = {
        "axes": [names[axis] for axis in preprocessing.axes],
        "fuse": preprocessing.fuse,
    }
    draws = {"draws": preprocessing.draws} if preprocessing.draws > 1 else {}
    return (
        record
        | draws
        | ({"flips": [names[axis] for axis in preprocessing.flips]} if preprocessing.flips else {})
    )


@dataclass(frozen=True, slots=True)
class Preprocessed:
    """Sources on the working grid, in the range of the network.

    Attributes:
        working: each source that is there, mapped to [-1, 1] on the working grid, -1 outside the region.
        region: the region on the canonical grid, bool.
        canonical: the canonical grid's volume of the first source that is there.
        method: how the region was found.
    """

    working: Mapping[str, Volume]
    region: NDArray[np.bool_]
    canonical: Volume
    method: str

    @property
    def grid(self) -> Grid:
        """The working grid."""
        return next(iter(self.working.values())).grid


def build_preprocessing(
    recipe: Recipe,
    translator: Translator,  # type: ignore[type-arg]  # any paper's outputs
    target_map: IntensityMap,
    *,
    learned: tuple[int, ...] | None = None,
    units: Mapping[str, str] | None = None,
) -> Preprocessing:
    """Build the preprocessing of a recipe for the translator that was built from it.

    Args:
        recipe: resolved.
        translator: built from it.
        target_map: the training cohort's.
        learned: sides of the windows in training, for slices to which the recipe gives no size: no window is
            smaller, since statistics, positions and what is resized depend on the padding around a slice.
        units: of the training cohort's modalities whose values are not in their own unit.
    """
    windows, translation = recipe.windows, recipe.translation
    cutting = Cutting(
        kind=windows.kind,
        size=windows.size or learned,
        fit=windows.fit,
        depth=windows.depth,
        overlap=windows.overlap,
        multiple=translator.size_multiple(),
    )
    return Preprocessing(
        sources=recipe.task.source,
        target=recipe.task.target,
        spacing_mm=recipe.data.spacing_mm,
        region=recipe.data.region,
        specs={name: recipe.data.spec(name) for name in recipe.task.source},
        cutting=cutting,
        axes=tuple(AXES[axis] for axis in (translation.axes or windows.axes)),
        fuse=translation.fuse,
        batch=translation.batch,
        target_map=target_map,
        accepts_missing=translator.accepts_missing,
        units=dict(units or {}),
        source_channels=dict(zip(recipe.task.source, translator.config.source_channels, strict=True)),
        plane_channels=windows.plane_channels,
    )


def preprocess(preprocessing: Preprocessing, sources: Mapping[str, Volume]) -> Preprocessed:
    """Bring volumes to the working grid and range, by the same steps that `prepare` and training take.

    Raises:
        InputError: E131 for a missing source, E130 when the sources do not share a grid.
    """
    present = preprocessing.present(sources)
    canonical = {name: reorient(sources[name]) for name in present}
    first = canonical[present[0]]
    for name, volume in canonical.items():
        if not volume.grid.same_as(first.grid):
            raise InputError(
                "E130",
                f"{name} of shape {volume.grid.shape} beside {present[0]} of shape {first.grid.shape}",
                "sources on one grid",
                "Resample them onto one grid first.",
            )
    extent = find_region(first, preprocessing.region)
    maps = {name: fit(preprocessing.specs[name], canonical[name].voxels, extent.mask) for name in present}
    grid = working_grid(first.grid, preprocessing.spacing_mm)
    inside = resample(Volume(extent.mask.astype(np.uint8), first.affine), grid, how="nearest").voxels > 0
    working = {name: _inside(maps[name], resample(canonical[name], grid), inside) for name in present}
    return Preprocessed(working, extent.mask, first, extent.method)


def preprocess_case(
    preprocessing: Preprocessing, case: PreparedCase, *, without: Collection[str] = ()
) -> Preprocessed:
    """Do the same for a prepared case, read from the arrays that `prepare` stored.

    Args:
        preprocessing: the recipe's.
        case: the prepared case.
        without: sources to leave out, as if the case lacked them.

    Raises:
        InputError: E131 when a source is missing that has to be there, or the region of the first that is there.
    """
    present = preprocessing.present([name for name in case.modalities if name not in without])
    mask = case.region(present[0], preprocessing.region)
    inside = case.region(present[0], preprocessing.region, preprocessing.spacing_mm)
    working = {
        name: _inside(
            fit(preprocessing.specs[name], case.volume(name).voxels, mask),
            case.volume(name, preprocessing.spacing_mm),
            inside,
        )
        for name in present
    }
    return Preprocessed(working, mask, case.volume(present[0]), "as prepared")


def _inside(mapped_by: IntensityMap, volume: Volume, inside: NDArray[np.bool_]) -> Volume:
    mapped = mapped_by.apply(volume.voxels)
    spread = inside if mapped.ndim == 3 else inside[..., None]
    return volume.with_voxels(np.where(spread, mapped, np.float32(-1)))
