"""The part of a recipe that says how a translator is trained."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from transmodal.recipes.alignment_schema import AlignmentSettings
from transmodal.recipes.misalignment_schema import PlantedMisalignment
from transmodal.recipes.mislabelling_schema import PlantedMislabelling
from transmodal.recipes.parts import Part, PlayerName, spelled

Schedule = Literal["constant", "linear_half", "step_half", "cosine", "poly", "one_cycle"]
DEVICES = "auto, cpu, cuda, cuda and a number such as cuda:1, or mps"
"""The names that a device can have, in words."""


def is_device(name: str) -> bool:
    """Return whether a word names a device; whether the device is there is another question."""
    return re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", name, flags=re.ASCII) is not None


class Player(Part):
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


class Phase(Part):
    """One of a translator's phases.

    Attributes:
        epochs: how many epochs this phase takes, where it is not `training.epochs`.
        players: optimisers of this phase's players, where they are not those of `training.players`.
    """

    epochs: Annotated[int, Field(ge=1)] | None = None
    players: dict[PlayerName, Player] = Field(default_factory=dict)


class EarlyStopping(Part):
    """Early stopping of a phase before its last epoch.

    Attributes:
        patience: validations without a better primary metric before the phase ends.
    """

    patience: Annotated[int, Field(ge=1)]


class Augment(Part):
    """Augmentation, drawn from each sample's own seed.

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


class Training(Part):
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
        alignment: how targets that do not lie upon their sources are coped with; None takes pairs as they are.
        misalignment: planted in the training cases, for studies; None plants nothing.
        mislabelling: planted in the training cases' segmentations, for studies; None plants nothing.
        paired_patients: of so many training patients, the first of one drawn order, pairs are told to a translator that learns
            from both; of the others source and target are taken as if they were of different people. None tells all.
        samples_per_epoch: windows per epoch; None takes all of them.
        log_every: steps over which each point of the curves is a mean.
        store_features: keep a frozen encoder's features beside the cohort instead of recomputing them.
        resident: `auto` keeps the cohort's volumes on the card and cuts windows there, where they fit into half of the memory
            that is free and windows are grey slices of pairs, mirrored at most; `off` reads them from the disk.
        channels_last: store convolutions' weights channels last, which suits tensor cores; on a CPU it is slower.
        compile: compile the networks by `torch.compile` at their first step, which takes a minute or more.
        tf32: what cards compute in TF32: `convolutions`, `all` products, or `none`; without effect on other devices.
        loggers: that take the curves beside `curves.csv`: `tensorboard`, `mlflow`, `wandb`; none where it is empty.
    """

    seed: Annotated[int, Field(ge=0, lt=2**63)] = 2024
    epochs: Annotated[int, Field(ge=1)]
    batch: Annotated[int, Field(ge=1)] = 1
    players: dict[PlayerName, Player] = Field(default_factory=dict)
    phases: dict[str, Phase] = Field(default_factory=dict)
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    device: Annotated[str, spelled(r"auto|cpu|mps|cuda(:\d+)?", DEVICES)] = "auto"
    processes: Annotated[int, Field(ge=1)] = 1
    workers: Annotated[int, Field(ge=0)] = 0
    gradient_clip: Annotated[float, Field(gt=0)] | None = None
    validate_every: Annotated[int, Field(ge=1)] = 1
    early_stopping: EarlyStopping | None = None
    checkpoint_minutes: Annotated[float, Field(ge=0)] = 10.0
    augment: Augment = Augment()
    alignment: AlignmentSettings | None = None
    misalignment: PlantedMisalignment | None = None
    mislabelling: PlantedMislabelling | None = None
    paired_patients: Annotated[int, Field(ge=1)] | None = None
    samples_per_epoch: Annotated[int, Field(ge=1)] | None = None
    log_every: Annotated[int, Field(ge=1)] = 50
    store_features: bool = False
    resident: Literal["off", "auto"] = "off"
    channels_last: bool = False
    compile: bool = False
    tf32: Literal["none", "convolutions", "all"] = "convolutions"
    loggers: tuple[Literal["tensorboard", "mlflow", "wandb"], ...] = ("tensorboard",)

    @model_validator(mode="after")
    def _shared_out(self) -> Self:
        if self.batch % self.processes:
            raise ValueError(f"a batch of {self.batch} does not divide among {self.processes} processes")
        if len(set(self.loggers)) < len(self.loggers):
            raise ValueError("loggers names one twice")
        if self.store_features and self.augment != Augment():
            raise ValueError(
                "store_features keeps features of sources as they are, and augment changes them: use one of the two"
            )
        if self.store_features and self.misalignment is not None:
            raise ValueError(
                "store_features keeps features of sources as they are, and misalignment moves them: use one of the two"
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
