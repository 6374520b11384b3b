"""A frozen encoder's features, computed once before training and read from then on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor

from transmodal.data.dataset import WindowDataset
from transmodal.data.features import FeatureStore
from transmodal.errors import UsageError
from transmodal.progress import CountProgress
from transmodal.translators._base import Translator


def fill_store(
    fabric: Fabric,
    translator: Translator[Any],
    dataset: WindowDataset,
    folder: Path,
    *,
    batch: int,
    advance: CountProgress,
) -> FeatureStore:
    """Encode the cases that are not stored yet, shared out among the processes, and return the store.

    Args:
        fabric: device and processes.
        translator: whose encoder it is.
        dataset: windows, without augmentation.
        folder: of the cohort's features.
        batch: windows at once.
        advance: called with the windows that are complete, and all; an error that it raises ends the work, and whole cases stay.

    Raises:
        UsageError: E004 for a translator without a frozen encoder.
        ResourceError: E403 when the disk has no room.
    """
    encoder = translator.encoder()
    if encoder is None:
        raise UsageError(
            "E004",
            f"training.store_features for {type(translator).__name__}",
            "a translator with a frozen encoder",
            "Set training.store_features=false.",
        )

    def encode(source: Tensor) -> Tensor:
        features = translator.encode(source.to(fabric.device))
        if features is None:
            raise AssertionError("a translator that names its encoder has one")
        return features

    store = FeatureStore(folder, encoder, dataset, is_packed=translator.has_byte_features)
    numbers = store.missing()[fabric.global_rank :: fabric.world_size]
    fabric.barrier()  # no process counts what is missing while another one fills it
    with torch.inference_mode():
        store.fill(encode, numbers, batch, advance)
    fabric.barrier()
    return store
