"""The outer schema of a recipe: what is translated, seen how, trained how, judged by what."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from transmodal.modalities import modality_of
from transmodal.volumes.intensity import IntensitySpec
from transmodal.volumes.regions.masks import Kind

Axis = Literal["x", "y", "z"]
PrimaryMetric = Literal["mae", "mse", "psnr", "ssim"]
Schedule = Literal["constant", "linear_half", "step_half", "cosine", "poly", "one_cycle"]
DEVICES = "auto, cpu, cuda, cuda and a number such as cuda:1, or mps"
"""The names that a device can have, in words."""


def is_device(name: str) -> bool:
    """Tell whether a word names a device; whether the device is there is another question."""
    return re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", name, flags=re.ASCII) is not None


def _spelled(pattern: str, words: str) -> AfterValidator:
    """Check a text by a pattern; where it does not fit, say in words what is expected."""

    def check(text: str) -> str:
        if re.fullmatch(pattern, text, flags=re.ASCII) is None:
            raise PydanticCustomError("spelling", "{words}", {"words": words})
        return text

    return AfterValidator(check)


_LETTERS = _spelled(r"[a-z][a-z0-9_]*", "small letters, digits and _, a letter first")
Modality = Annotated[str, _LETTERS]
PlayerName = Annotated[str, _LETTERS]


class _Part(BaseModel):
    """Frozen; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Task(_Part):
    """What becomes what.

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


class IntensitySetting(_Part):
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
        needed = self.method in ("window", "percentile")
        if needed != (self.low is not None) or needed != (self.high is not None):
            wanted = "low and high" if needed else "neither low nor high"
            raise ValueError(f"{self.method} takes {wanted}")
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise ValueError(f"low {self.low:g} has to lie below high {self.high:g}")
        if self.method == "percentile" and not 0 <= (self.low or 0) < (self.high or 0) <= 100:
            raise ValueError(f"percentiles lie in 0 to 100, not {self.low:g} to {self.high:g}")
        return self

    def spec(self) -> IntensitySpec:
        """Return it as volumes know it."""
        if self.low is None or self.high is None:
            return IntensitySpec(self.method)
        return IntensitySpec(self.method, self.low, self.high)


class Data(_Part):
    """How volumes are seen before windows are cut, in training and translation alike.

    Attributes:
        spacing_mm: isotropic spacing of the working grid; None keeps the source's.
        region: where sources are looked at.
        intensity: intensity maps by modality, where the modality's default does not fit.
    """

    spacing_mm: Annotated[float, Field(gt=0, le=50)] | None = None
    region: Kind = "whole"
    intensity: dict[Modality, IntensitySetting] = {}

    def spec(self, modality: str) -> IntensitySpec:
        """Return how a modality's intensities are mapped."""
        setting = self.intensity.get(modality)
        return modality_of(modality).intensity if setting is None else setting.spec()


class Windows(_Part):
    """What pieces of the volume the translator sees.

    Attributes:
        kind: `slice` (2D), `slab` (2.5D: neighbouring slices as channels) or `patch` (3D).
        axes: slice axes to train on; unused for patches.
        size: voxels per side, 2 numbers (3 for patches); None: as large as the volumes need.
        fit: `pad` pads or crops to the size, `keep` pads to its aspect and resizes, `ignore` resizes.
        depth: slices per slab, odd.
        overlap: share that neighbouring patches have in common when translating.
        min_foreground: share of region voxels below which training leaves a window out.
        central: train on the middle slice of each volume alone, as papers on single slices do.
    """

    kind: Literal["slice", "slab", "patch"] = "slice"
    axes: Annotated[tuple[Axis, ...], Field(min_length=1)] = ("z",)
    size: tuple[Annotated[int, Field(ge=1)], ...] | None = None
    fit: Literal["pad", "keep", "ignore"] = "pad"
    depth: Annotated[int, Field(ge=1)] = 1
    overlap: Annotated[float, Field(ge=0, lt=1)] = 0.5
    min_foreground: Annotated[float, Field(ge=0, le=1)] = 0.0
    central: bool = False

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
        sides = 3 if self.kind == "patch" else 2
        if self.size is None and (self.kind == "patch" or self.fit != "pad"):
            raise ValueError(f"windows of kind {self.kind} with fit {self.fit} need a size")
        if self.size is not None and len(self.size) != sides:
            raise ValueError(f"size has {sides} numbers for windows of kind {self.kind}")
        return self


class Player(_Part):
    """How one of a translator's networks is optimised.

    Attributes:
        optimizer: `adam`, `adamw`, or `sgd` with Nesterov's momentum.
        lr: highest learning rate.
        betas: decay of the two moments; for sgd the first is the momentum.
        weight_decay: L2 penalty (adam, sgd) or decoupled decay (adamw).
        schedule: `constant`; `linear_half`: constant for half of the epochs, then falling to 0 by epoch;
            `step_half`: a tenth after half of the epochs; `cosine`: to 0 by step; `poly`: to 0 by step, almost
            straight; `one_cycle`: rising for 30 % of the steps, then falling by cosine.
    """

    optimizer: Literal["adam", "adamw", "sgd"] = "adam"
    lr: Annotated[float, Field(gt=0)] = 2e-4
    betas: tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]] = (0.5, 0.999)
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    schedule: Schedule = "constant"


class Phase(_Part):
    """One of a translator's phases.

    Attributes:
        epochs: how many epochs this phase takes, where it is not `training.epochs`.
        players: optimisers of this phase's players, where they are not those of `training.players`.
    """

    epochs: Annotated[int, Field(ge=1)] | None = None
    players: dict[PlayerName, Player] = {}


class EarlyStopping(_Part):
    """When to stop a phase before its last epoch.

    Attributes:
        patience: validations without a better primary metric before the phase ends.
    """

    patience: Annotated[int, Field(ge=1)]


class Augment(_Part):
    """What is varied from one epoch to the next, by each sample's own seed.

    Attributes:
        flip_lr: mirror windows left to right, half of the time.
        gain: the sources' contrast varies by up to this share.
        gamma: the exponent of the sources' intensities varies by up to this share.
        shift: every source but the first is moved by up to this many voxels along each axis of the window.
        drop_sources: share of samples in which each source is left out; one always stays.
        jitter: windows are enlarged by this ratio, above 1, and a part of their own size is taken, of source, target,
            mask and segmentation alike; 286 / 256 = 1.1171875 is pix2pix's. None leaves them as they are.
    """

    flip_lr: bool = False
    gain: Annotated[float, Field(ge=0, lt=1)] = 0.0
    gamma: Annotated[float, Field(ge=0, lt=1)] = 0.0
    shift: Annotated[int, Field(ge=0)] = 0
    drop_sources: Annotated[float, Field(ge=0, lt=1)] = 0.0
    jitter: Annotated[float, Field(gt=1, le=2)] | None = None


class Training(_Part):
    """How a translator is trained.

    Attributes:
        seed: every random number follows from it.
        epochs: epochs of each phase.
        batch: windows per step over all processes.
        players: optimiser of each player; a player that is not named has the defaults.
        phases: phases with other numbers of epochs or other optimisers.
        precision: arithmetic of the networks; the last layer and the losses are in float32 in any case.
        device: `auto`, `cpu`, `cuda`, `cuda:1` or `mps`.
        processes: one per device.
        workers: processes that cut windows, per training process; 0 cuts in the training process.
        gradient_clip: largest norm of a player's gradient.
        validate_every: epochs between validations on whole volumes.
        early_stopping: when to stop early; None trains all epochs.
        checkpoint_minutes: minutes between checkpoints within an epoch; 0 saves after every step.
        augment: what is varied.
        samples_per_epoch: windows per epoch; None takes all of them.
        log_every: steps over which each point of the curves is a mean.
        store_features: keep a frozen encoder's features beside the cohort instead of recomputing them.
    """

    seed: Annotated[int, Field(ge=0, lt=2**63)] = 2024
    epochs: Annotated[int, Field(ge=1)]
    batch: Annotated[int, Field(ge=1)] = 1
    players: dict[PlayerName, Player] = {}
    phases: dict[str, Phase] = {}
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    device: Annotated[str, _spelled(r"auto|cpu|mps|cuda(:\d+)?", DEVICES)] = "auto"
    processes: Annotated[int, Field(ge=1)] = 1
    workers: Annotated[int, Field(ge=0)] = 0
    gradient_clip: Annotated[float, Field(gt=0)] | None = None
    validate_every: Annotated[int, Field(ge=1)] = 1
    early_stopping: EarlyStopping | None = None
    checkpoint_minutes: Annotated[float, Field(ge=0)] = 10.0
    augment: Augment = Augment()
    samples_per_epoch: Annotated[int, Field(ge=1)] | None = None
    log_every: Annotated[int, Field(ge=1)] = 50
    store_features: bool = False

    @model_validator(mode="after")
    def _shared_out(self) -> Self:
        if self.batch % self.processes:
            raise ValueError(f"a batch of {self.batch} does not divide among {self.processes} processes")
        if self.store_features and self.augment != Augment():
            raise ValueError(
                "store_features keeps features of sources as they are, and augment changes them: use one of the two"
            )
        return self

    def epochs_of(self, phase: str) -> int:
        """Return how many epochs a phase takes."""
        own = self.phases[phase].epochs if phase in self.phases else None
        return self.epochs if own is None else own

    def player(self, phase: str, name: str) -> Player:
        """Return how a player is optimised in a phase."""
        own = self.phases[phase].players if phase in self.phases else {}
        return own.get(name) or self.players.get(name, Player())


class Translation(_Part):
    """How whole volumes are translated.

    Attributes:
        axes: slice axes to pass over; None takes those of the windows.
        fuse: how several passes become one.
        batch: windows per forward pass.
    """

    axes: Annotated[tuple[Axis, ...], Field(min_length=1)] | None = None
    fuse: Literal["mean", "median"] = "mean"
    batch: Annotated[int, Field(ge=1)] = 8


class EvaluationSettings(_Part):
    """By what a translator is judged while it trains.

    Attributes:
        primary: metric over the validation cases by which the best checkpoint is chosen.
    """

    primary: PrimaryMetric = "mae"


class Recipe(_Part):
    """Everything that one result takes; `training.plan` checks it against a cohort.

    Attributes:
        name: the recipe's own name.
        translator: name of the translator.
        paper: citation of what it reproduces, if it reproduces something.
        task: what becomes what.
        data: how volumes are seen.
        windows: what pieces the translator sees.
        settings: the translator's own settings.
        training: how it is trained.
        translation: how whole volumes are translated.
        evaluation: by what it is judged.
    """

    name: Annotated[
        str, _spelled(r"[a-z0-9][a-z0-9._-]*", "small letters, digits, ., _ and -, no sign at first")
    ]
    translator: str
    paper: str = ""
    task: Task
    data: Data = Data()
    windows: Windows = Windows()
    settings: dict[str, Any] = {}
    training: Training
    translation: Translation = Translation()
    evaluation: EvaluationSettings = EvaluationSettings()

    @model_validator(mode="after")
    def _flat(self) -> Self:
        if self.training.augment.jitter is not None and self.windows.kind == "patch":
            raise ValueError("training.augment.jitter is for slices and slabs; windows.kind is patch")
        return self
