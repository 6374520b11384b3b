"""The one interface between translators and training, inference and evaluation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Generic, Literal, NamedTuple, Protocol, Self, TypeVar

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from transmodal.batch import Batch
from transmodal.errors import UsageError
from transmodal.nets.blocks import BatchNorm, TranslateWith
from transmodal.nets.pretrained import PretrainedWeights

OutputRange = Literal["unit", "signed", "free"]
Outputs = TypeVar("Outputs", bound=NamedTuple)


class TranslatorConfig(BaseModel):
    """Settings that every translator has; a paper's `Config` adds its own with the paper's values.

    Attributes:
        source_channels: channels of each source modality, in order (grey 1, colour 3).
        target_channels: channels of the target.
        spatial_dims: 2 for slices and slabs, 3 for patches.
        slab_depth: slices per 2.5D slab; 1 for plain slices.
        plane_channels: channels behind the sources' that say along which axis a window lies; 0 for networks that are not told.
        width: channels of the first stage; what scales the network.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    earlier: ClassVar[Mapping[str, object]] = {}
    """Values of settings in checkpoints from before those settings, where they are not the defaults."""

    source_channels: tuple[int, ...] = (1,)
    target_channels: int = Field(1, ge=1)
    spatial_dims: Literal[2, 3] = 2
    slab_depth: int = Field(1, ge=1)
    plane_channels: Literal[0, 3] = 0
    width: int = Field(64, ge=1)

    @property
    def in_channels(self) -> int:
        """Channels of the `source` tensor: all modalities, times the slab's depth, and those of the plane."""
        return sum(self.source_channels) * self.slab_depth + self.plane_channels


class Frozen(Protocol):
    """A network that is used but never trained or saved: SAM, VGG."""

    def check(self) -> None:
        """Refuse weights that are not there."""
        ...

    def count(self) -> int:
        """Return the number of parameters, without making the network."""
        ...

    def to(self, device: torch.device) -> Self:
        """Move the network to a device."""
        ...

    def digest(self) -> str:
        """Return the SHA-256 of the weights."""
        ...


class Translator(nn.Module, ABC, Generic[Outputs]):
    """A paper's networks with its losses.

    `synthesise` runs the generators once and holds everything that draws or remembers; `losses` is a
    pure function of the batch and those outputs. The last layer, its activation and the inverse map run
    in float32 whatever the precision. What stands below is set by the class, or by `__init__` where it
    follows from the settings.

    Attributes:
        pairing: whether target and source are of one place; `unpaired` gets targets of other places.
        learns_pairs: whether a translator that is `unpaired` also learns from those pairs that there are; their targets
            are of the place of their sources then, and batches say which (`Batch.is_pair`).
        needs: what every case has to have: `target`, `mask`, `segmentation`.
        wants: of `mask` and `segmentation`, what batches carry where the cohort has it.
        accepts_missing: whether source modalities may be absent.
        supported_dims: spatial dimensions that windows may have.
        takes_plane: whether sources may have channels behind them that say along which axis a window lies.
        output_range: where the output lies.
        phases: of training, in order.
        preparatory: phases that train a part and translate nothing yet; they are not validated.
        draws: whether translating takes noise; `forward` is given seeds then.
        batch_coupled: whether one sample's result depends on the others: BatchNorm, an image pool, a
            batch-wide crop.
        trains_on_image: whether outputs hold the synthetic image, `synthetic`, in phases that are not preparatory.
        has_byte_features: whether `encode` rounds to eight bits, so that features are stored in bytes.
    """

    pairing: Literal["paired", "unpaired"] = "paired"
    learns_pairs: bool = False
    needs: frozenset[str] = frozenset({"target"})
    wants: frozenset[str] = frozenset()
    accepts_missing: bool = False
    supported_dims: ClassVar[tuple[int, ...]] = (2,)
    takes_plane: ClassVar[bool] = False
    output_range: OutputRange = "signed"
    phases: tuple[str, ...] = ("train",)
    preparatory: frozenset[str] = frozenset()
    draws: bool = False
    batch_coupled: bool = False
    trains_on_image: bool = True
    has_byte_features: bool = False

    def __init__(self, config: TranslatorConfig) -> None:
        super().__init__()
        if config.spatial_dims not in self.supported_dims:
            raise UsageError(
                "E004",
                f"{type(self).__name__} with {config.spatial_dims}D windows",
                f"one of {self.supported_dims} dimensions",
                "Choose windows.kind: slice (2D), slab (2.5D) or patch (3D) accordingly.",
            )
        if config.plane_channels and not self.takes_plane:
            raise UsageError(
                "E004",
                f"windows.plane_channels for {type(self).__name__}",
                "a translator that takes the plane beside its sources, such as unet_regression, pix2pix or mrnet",
                "Set windows.plane_channels=false.",
            )
        self.config = config

    @abstractmethod
    def forward(
        self,
        source: Tensor,
        available: Tensor,
        features: Tensor | None = None,
        noise: Tensor | None = None,
    ) -> Tensor:
        """Translate `(B, C, *S)` into `(B, T, *S)` in `output_range`.

        Args:
            source: the sources in [-1, 1]; missing modalities are zero. Behind them lie `config.plane_channels`, 0 or 1.
            available: `(B, n_modalities)`, 1 or 0.
            features: a frozen encoder's features, for translators that use them.
            noise: `(B,)` int64 seeds for translators that draw; None translates without noise.
        """

    @abstractmethod
    def players(self, phase: str) -> Mapping[str, nn.Module]:
        """Return the modules with an optimiser of their own, in stepping order."""

    def begin(self, phase: str) -> None:
        """Prepare the networks for a phase that follows another; what is drawn comes from torch's own generator."""

    @abstractmethod
    def synthesise(self, batch: Batch) -> Outputs:
        """Run the generators once; return the paper's own NamedTuple, which all players judge."""

    @abstractmethod
    def losses(self, player: str, batch: Batch, outputs: Outputs) -> dict[str, Tensor]:
        """Return that player's weighted terms by name; changes no state, may be called twice."""

    def draft(self, batch: Batch) -> Tensor | None:
        """Return the batch's sources as they are translated so far, `(B, T, *S)`, that targets can be bent onto.

        The translation itself, outside training; what samples in many steps gives its first estimate. None in phases
        that have none.
        """
        if batch.phase in self.preparatory:
            return None
        out: Tensor = self(batch.source, batch.available, batch.features)
        return out

    def image(self, outputs: Outputs) -> Tensor | None:
        """Return the synthetic image that outputs hold, with its graph, for terms beside `losses`; None without one."""
        return getattr(outputs, "synthetic", None) if self.trains_on_image else None

    def cycle(self, source: Tensor, available: Tensor) -> Tensor | None:
        """Return the sources after the way to the target and back, `(B, C, *S)` in [-1, 1].

        None for translators without a way back. It needs no target, so that it can be asked of sources without pairs.

        Args:
            source: `(B, C, *S)` in [-1, 1].
            available: `(B, n_modalities)`, 1 or 0.
        """
        return None

    def stages(self, source: Tensor, available: Tensor) -> Mapping[str, Tensor]:
        """Return the maps of features that a source goes through, `(B, C_i, *S_i)` by name, in order.

        Empty for translators that show none. Studies look at them; neither training nor translation does.

        Args:
            source: `(B, C, *S)` in [-1, 1].
            available: `(B, n_modalities)`, 1 or 0.
        """
        return {}

    def encode(self, source: Tensor) -> Tensor | None:
        """Return a frozen encoder's features of the source, float32; None where there is no such encoder.

        They are rounded to float16, or to eight bits where the settings say so, so that features that were stored equal those that are computed anew.

        Args:
            source: `(B, C, *S)` in [-1, 1].
        """
        return None

    def encoder(self) -> str | None:
        """Return what tells `encode`'s features from others: weights and settings; None without an encoder."""
        return None

    def frozen(self) -> Mapping[str, Frozen]:
        """Return networks that are neither trained nor saved; they stay outside `state_dict`."""
        return {}

    def pretrained(self) -> Mapping[str, PretrainedWeights]:
        """Return published weights that training starts from, by the setting that holds their path.

        They fill the networks once, when a run is begun; checkpoints hold what becomes of them.
        """
        return {}

    def size_multiple(self) -> int:
        """Return the number that window sides must be a multiple of."""
        return 1

    def translates_with(self) -> TranslateWith | None:
        """Return what batch normalisation takes while translating; None where there is nothing to choose."""
        statistics: TranslateWith | None = getattr(self.config, "translate_with", None)
        remembers = (isinstance(part, BatchNorm) and part.track_running_stats for part in self.modules())
        return statistics if any(remembers) else None

    def check(self, source: Tensor, available: Tensor) -> None:
        """Refuse sources that this translator cannot take.

        Raises:
            UsageError: E004 for a wrong number of channels or sides, or a missing modality.
        """
        name = type(self).__name__
        if source.shape[1] != self.config.in_channels or source.ndim != self.config.spatial_dims + 2:
            raise UsageError(
                "E004",
                f"{name} was given a source of shape {tuple(source.shape)}",
                f"{self.config.in_channels} channels and {self.config.spatial_dims} spatial dimensions",
                "Build the translator with the channels of these sources.",
            )
        multiple = self.size_multiple()
        if any(side % multiple for side in source.shape[2:]):
            fitting = tuple(-(-side // multiple) * multiple for side in source.shape[2:])
            raise UsageError(
                "E004",
                f"{name} was given windows of {tuple(source.shape[2:])}",
                f"sides that are multiples of {multiple}",
                f"Pad to {fitting}, or set windows.size so.",
            )
        expected = (source.shape[0], len(self.config.source_channels))
        if tuple(available.shape) != expected:
            raise UsageError(
                "E004",
                f"{name} was told what is available as {tuple(available.shape)}",
                f"one number per sample and source modality, {expected}",
                "Give 1 for every modality that is there, else 0.",
            )
        # The loop has looked before the copy to the card: here, the processor would wait for the card in each step.
        if not (self.training and available.is_cuda):
            self.check_available(available)

    def check_available(self, available: Tensor) -> None:
        """Refuse a missing modality, unless this translator accepts it.

        Raises:
            UsageError: E004.
        """
        is_symbol = available.is_meta or torch.compiler.is_exporting()  # no values there to look at
        if not self.accepts_missing and not is_symbol and not bool(available.all()):
            raise UsageError(
                "E004",
                f"{type(self).__name__} was given a missing source modality",
                "every source modality of its recipe",
                "Supply the modality, or choose a translator that accepts missing ones.",
            )
