"""The outer schema of a recipe: the task, the data, the windows, the training, and how a checkpoint is chosen."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from transmodal.modalities import modality_of
from transmodal.recipes.parts import Modality, Part, spelled
from transmodal.recipes.training_schema import Training
from transmodal.volumes.intensity import IntensitySpec
from transmodal.volumes.regions.masks import Kind

Axis = Literal["x", "y", "z"]
PrimaryMetric = Literal["mae", "mse", "psnr", "ssim"]


class Task(Part):
    """The modalities that are translated.

    Attributes:
        source: source modalities, in the order of the translator's channels.
        target: the modality to synthesise.
    """

    source: Annotated[tuple[Modality, ...], Field(min_length=1)]
    target: Modality

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if len({*self.source, self.target}) <= len(self.source):
            raise ValueError("the modalities of source and target have to differ from one another")
        return self


class IntensitySetting(Part):
    """How a modality's intensities are mapped, where its default does not fit.

    Attributes:
        method: `window` (real units), `percentile`, `zscore` or `minmax`.
        low: lower end of the window in real units, or the lower percentile.
        high: upper end; both are left out for `zscore` and `minmax`.
    """

    method: Literal["window", "percentile", "zscore", "minmax"]
    low: float | None = None
    high: float | None = None

    @model_validator(mode="after")
    def _ends(self) -> Self:
        has_ends = self.method in ("window", "percentile")
        if has_ends != (self.low is not None) or has_ends != (self.high is not None):
            raise ValueError(f"{self.method} takes {'low and high' if has_ends else 'neither low nor high'}")
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise ValueError(f"low {self.low:g} has to lie below high {self.high:g}")
        if self.method == "percentile" and not 0 <= (self.low or 0) < (self.high or 0) <= 100:
            raise ValueError(f"percentiles lie in 0 to 100, not {self.low:g} to {self.high:g}")
        return self

    def spec(self) -> IntensitySpec:
        """Return the setting as `volumes.intensity` takes it."""
        if self.low is None or self.high is None:
            return IntensitySpec(self.method)
        return IntensitySpec(self.method, self.low, self.high)


class Data(Part):
    """How volumes are prepared before windows are cut, in training and translation alike.

    Attributes:
        spacing_mm: isotropic spacing of the working grid; None keeps the source's.
        region: of the sources; outside they are background.
        intensity: intensity maps by modality, where the modality's default does not fit.
    """

    spacing_mm: Annotated[float, Field(gt=0, le=50)] | None = None
    region: Kind = "whole"
    intensity: dict[Modality, IntensitySetting] = Field(default_factory=dict)

    def spec(self, modality: str) -> IntensitySpec:
        """Return how a modality's intensities are mapped."""
        setting = self.intensity.get(modality)
        return modality_of(modality).intensity if setting is None else setting.spec()


class Windows(Part):
    """The windows that are cut out of volumes.

    Attributes:
        kind: `slice` (2D), `slab` (2.5D: neighbouring slices as channels) or `patch` (3D).
        axes: slice axes to train on; unused for patches.
        size: voxels per side, 2 numbers (3 for patches); None: as large as the volumes need.
        fit: `pad` pads or crops to the size, `keep` pads to its aspect and resizes, `ignore` resizes.
        depth: slices per slab, odd.
        overlap: share that neighbouring patches have in common when translating.
        min_foreground: share of region voxels below which training leaves a window out.
        central: train on the middle slice of each volume alone, as papers on single slices do.
        plane_channels: tell the network along which axis a window lies, by three constant channels behind its sources.
    """

    kind: Literal["slice", "slab", "patch"] = "slice"
    axes: Annotated[tuple[Axis, ...], Field(min_length=1)] = ("z",)
    size: tuple[Annotated[int, Field(ge=1)], ...] | None = None
    fit: Literal["pad", "keep", "ignore"] = "pad"
    depth: Annotated[int, Field(ge=1)] = 1
    overlap: Annotated[float, Field(ge=0, lt=1)] = 0.5
    min_foreground: Annotated[float, Field(ge=0, le=1)] = 0.0
    central: bool = False
    plane_channels: bool = False

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(set(self.axes)) < len(self.axes):
            raise ValueError("an axis is named twice")
        if self.kind == "slab" and (self.depth < 3 or self.depth % 2 == 0):
            raise ValueError(f"a slab has an odd depth of 3 or more, not {self.depth}")
        if self.kind != "slab" and self.depth != 1:
            raise ValueError(f"depth {self.depth} is for slabs; a {self.kind} has depth 1")
        if self.kind == "patch" and self.central:
            raise ValueError("central is for slices and slabs, not for patches")
        if self.plane_channels and (self.kind == "patch" or len(self.axes) < 2):
            raise ValueError("plane_channels is for slices and slabs of two axes or three")
        sides = 3 if self.kind == "patch" else 2
        if self.size is None and (self.kind == "patch" or self.fit != "pad"):
            raise ValueError(f"windows of kind {self.kind} with fit {self.fit} need a size")
        if self.size is not None and len(self.size) != sides:
            raise ValueError(f"size has {sides} numbers for windows of kind {self.kind}")
        return self


class TranslationSettings(Part):
    """How whole volumes are translated.

    Attributes:
        axes: slice axes to pass over; None takes those of the windows.
        fuse: how several passes become one.
        batch: windows per forward pass, at most: on a CPU fewer where a network is faster so, as its shapes tell.
    """

    axes: Annotated[tuple[Axis, ...], Field(min_length=1)] | None = None
    fuse: Literal["mean", "median"] = "mean"
    batch: Annotated[int, Field(ge=1)] = 8


class EvaluationSettings(Part):
    """How the best checkpoint is chosen while a translator trains.

    Attributes:
        primary: metric over the validation cases by which the best checkpoint is chosen.
    """

    primary: PrimaryMetric = "mae"


class Recipe(Part):
    """Everything that one result takes; `training.planning.plan` checks it against a cohort.

    Attributes:
        name: the recipe's own name.
        translator: name of the translator.
        paper: citation of what it reproduces, if it reproduces something.
        task: the modalities that are translated.
        data: how volumes are prepared.
        windows: that are cut out of volumes.
        settings: the translator's own settings.
        training: how it is trained.
        translation: how whole volumes are translated.
        evaluation: how the best checkpoint is chosen.
    """

    name: Annotated[
        str, spelled(r"[a-z0-9][a-z0-9._-]*", "small letters, digits, ., _ and -, no sign at first")
    ]
    translator: str
    paper: str = ""
    task: Task
    data: Data = Data()
    windows: Windows = Windows()
    settings: dict[str, Any] = Field(default_factory=dict)
    training: Training
    translation: TranslationSettings = TranslationSettings()
    evaluation: EvaluationSettings = EvaluationSettings()

    @model_validator(mode="after")
    def _planes(self) -> Self:
        unseen = set(self.translation.axes or ()) - set(self.windows.axes)
        if self.windows.plane_channels and unseen:
            raise ValueError(
                f"translation.axes has {', '.join(sorted(unseen))}, which windows.axes has not: with windows.plane_channels a network "
                "knows the planes alone that it learned from"
            )
        return self

    @model_validator(mode="after")
    def _flat(self) -> Self:
        if self.training.augment.jitter is not None and self.windows.kind == "patch":
            raise ValueError("training.augment.jitter is for slices and slabs; windows.kind is patch")
        misalignment, task = self.training.misalignment, self.task
        if misalignment is not None and misalignment.modality not in (*task.source, task.target):
            names = ", ".join((*task.source, task.target))
            raise ValueError(
                f"training.misalignment moves {misalignment.modality}, which is not of the task: {names}"
            )
        return self
