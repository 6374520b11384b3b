"""The registrar: bends each target onto what is translated so far, before any loss is taken.

The idea is RegGAN's (Kong et al., Breaking the dilemma of medical image-to-image translation, NeurIPS 2021): what a target
is off is learned by a network beside the translator, so that the translator need not answer it with blur. RegGAN bends the
synthetic image onto the target; here the target is bent onto the synthetic one. All of a translator's terms meet
the bent target then, discriminators' too, and no translator has to know.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from lightning_fabric import Fabric
from torch import Tensor
from torch.optim import Optimizer

from transmodal.batch import Batch
from transmodal.errors import IntegrityError
from transmodal.losses.deformation import roughness
from transmodal.nets.registration import RegistrationNet, warp
from transmodal.precision import full_precision
from transmodal.recipes.alignment_schema import REGISTRATION, RegistrationHead
from transmodal.training.step import autocast, descend
from transmodal.translators._base import Translator, TranslatorConfig

_WEIGHT = "weight-of"
"""What the head's own tensors are called among those of optimisers: no player has a name with a dash."""


class Registrar:
    """The registration head with its terms; it learns beside the translator and is no part of it.

    Attributes:
        head: the network, one more player while training.

    Args:
        settings: of the recipe.
        config: of the translator, which says how many channels and dimensions targets have.
        device: that it learns on.
    """

    def __init__(self, settings: RegistrationHead, config: TranslatorConfig, device: torch.device) -> None:
        self._settings = settings
        self.head = RegistrationNet(
            config.target_channels, settings.width, settings.levels, spatial_dims=config.spatial_dims
        ).to(device)

    def align(
        self,
        fabric: Fabric,
        translator: Translator[Any],
        optimizer: Optimizer,
        batch: Batch,
        *,
        clip: float | None = None,
    ) -> tuple[Batch, dict[str, Tensor]]:
        """Return a batch whose targets are bent, and the head's terms as `registration/term`, of which it has learned.

        Labels and masks lie on the target and go with it. In phases without a draft everything stays as it is.

        Args:
            fabric: precision and processes.
            translator: in training.
            optimizer: of the head.
            batch: this process's share, on the device.
            clip: largest norm of the head's gradient; None does not clip.
        """
        batch = _with_features(fabric, translator, batch)
        draft = draft_of(fabric, translator, batch)
        if draft is None:
            return batch, {}
        target = batch.paired()
        with autocast(fabric):
            displacement = self.head(target, draft)
            terms = self.terms(warp(target, displacement), draft, displacement)
        descend(fabric, self.head, optimizer, terms, clip=clip)
        aligned = bend(batch, displacement.detach())
        return aligned, {f"{REGISTRATION}/{name}": value.detach() for name, value in terms.items()}

    def terms(self, bent_target: Tensor, draft: Tensor, displacement: Tensor) -> dict[str, Tensor]:
        """Return the head's terms: how far bent targets are from the drafts, and how rough the bending is."""
        with full_precision(bent_target):
            return {
                "similarity": F.l1_loss(bent_target, draft.float()),
                "smoothness": self._settings.smoothness * roughness(displacement),
            }

    def tensors(self) -> dict[str, Tensor]:
        """Return the head's weights, by names that no optimiser's tensor has."""
        return {f"{_WEIGHT}/{name}": tensor for name, tensor in self.head.state_dict().items()}

    def restore(self, saved: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Take back what `tensors` gave, and return the tensors that are not the head's.

        Raises:
            IntegrityError: E502 where they are those of another head.
        """
        own = {name.removeprefix(f"{_WEIGHT}/"): tensor for name, tensor in saved.items() if _is_own(name)}
        try:
            self.head.load_state_dict(own)
        except RuntimeError as error:
            raise IntegrityError(
                "E502",
                "a checkpoint whose registration head has other weights than its recipe asks for",
                "weights of the names and shapes of training.alignment.registration",
                "Train again in another folder.",
            ) from error
        return {name: tensor for name, tensor in saved.items() if not _is_own(name)}


def draft_of(fabric: Fabric, translator: Translator[Any], batch: Batch) -> Tensor | None:
    """Return what the translator makes of a batch so far, without gradients, as `translate` would; None without any."""
    with _outside_training(translator), torch.no_grad(), autocast(fabric):
        return translator.draft(batch)


def bend(batch: Batch, displacement: Tensor) -> Batch:
    """Return a batch with its target bent, and with masks and labels that lie on it by the nearest voxel."""
    mask, labels = batch.mask, batch.segmentation
    return batch._replace(
        target=warp(batch.paired(), displacement),
        mask=None if mask is None else warp(mask, displacement, "nearest"),
        segmentation=None
        if labels is None
        else warp(labels[:, None], displacement, "nearest")[:, 0].round().to(labels.dtype),
    )


def _with_features(fabric: Fabric, translator: Translator[Any], batch: Batch) -> Batch:
    """Encode the sources once: a frozen encoder would see them again in `synthesise`."""
    if batch.features is not None:
        return batch
    with torch.no_grad(), autocast(fabric):
        return batch._replace(features=translator.encode(batch.source))


def _is_own(name: str) -> bool:
    return name.startswith(f"{_WEIGHT}/")


@contextmanager
def _outside_training(translator: Translator[Any]) -> Iterator[None]:
    """Let a network be as it translates: no dropout is drawn, no running average is moved."""
    was_training = translator.training
    translator.eval()
    try:
        yield
    finally:
        translator.train(was_training)
