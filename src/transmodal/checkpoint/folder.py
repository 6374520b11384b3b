"""A checkpoint's folder: written beside its place and renamed, read after every byte is checked."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from torch import Tensor, nn

from transmodal.checkpoint import manifest
from transmodal.checkpoint.content import Checkpoint, State
from transmodal.checkpoint.manifest import MANIFEST, OPTIMIZERS, REMEDY, WEIGHTS, damaged
from transmodal.errors import InputError, IntegrityError, TransmodalError
from transmodal.storage import files
from transmodal.translators._base import Frozen

_log = logging.getLogger(__name__)


def previous(folder: Path) -> Path:
    """Return where the checkpoint before the one in `folder` is kept."""
    return folder.with_name(f"{folder.name}.previous")


def save(folder: Path, checkpoint: Checkpoint, *, keep_previous: bool = False) -> str:
    """Write a checkpoint: beside, hashed and read back, then renamed; return the SHA-256 of the weights.

    Args:
        folder: where it goes; an older one there is replaced.
        checkpoint: what is saved; without optimisers their file is left out.
        keep_previous: keep the older one as `<folder>.previous`, provided that it is whole: one that is damaged
            never takes the place of one that may be sound.

    Raises:
        ResourceError: E403 when the disk is full or may not be written; the older one stays whole.
        IntegrityError: E503 when a file does not read back equal.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    older = previous(folder) if keep_previous and is_whole(folder) else None
    with files.atomic_folder(folder, previous=older) as beside:
        hashes = {WEIGHTS: _write(beside / WEIGHTS, safetensors.torch.save(_plain(checkpoint.weights)))}
        if checkpoint.optimizers:
            tensors = safetensors.torch.save(_plain(checkpoint.optimizers))
            hashes[OPTIMIZERS] = _write(beside / OPTIMIZERS, tensors)
        _write(beside / MANIFEST, manifest.seal(manifest.to_json(checkpoint, hashes)))
    return hashes[WEIGHTS]


def load(folder: Path, *, optimizers: bool = False) -> Checkpoint:
    """Read a checkpoint after checking every byte of it against its hashes.

    Where it is damaged and the one before was kept, that one is read, with a warning.

    Args:
        folder: the checkpoint's folder.
        optimizers: also read the optimisers' tensors.

    Raises:
        InputError: E100 when there is no such folder.
        IntegrityError: E501 when a hash does not match, E502 when something is missing or unreadable.
    """
    try:
        return _load(folder, optimizers=optimizers)
    except (InputError, IntegrityError) as error:
        if not previous(folder).is_dir():
            raise
        _log.warning("%s Reading %s instead.", error.line(), previous(folder))
        return _load(previous(folder), optimizers=optimizers)


def verify(folder: Path) -> Mapping[str, Any]:
    """Check every byte of a checkpoint against its hashes; return its manifest's content.

    Raises:
        InputError: E100 when there is no such folder.
        IntegrityError: E501 when a hash does not match, E502 when something is missing or unreadable.
    """
    if not folder.is_dir():
        raise InputError("E100", f"{folder} does not exist", "a checkpoint folder", "Train first.")
    content = manifest.unseal(folder / MANIFEST)
    for name, digest in manifest.hashes_of(content, folder).items():
        verify_file(folder / name, digest)
    return content


def is_whole(folder: Path) -> bool:
    """Tell whether there is a checkpoint, every byte of which is as it was written."""
    try:
        verify(folder)
    except TransmodalError:
        return False
    return True


def check_frozen(frozen: Mapping[str, Frozen], saved: Checkpoint, device: torch.device) -> dict[str, str]:
    """Move frozen networks to a device, and see that they are those that a translator was trained with.

    Returns:
        Their SHA-256 by name.

    Raises:
        InputError: E100 when a file of weights is not there.
        IntegrityError: E501 when a network is another network.
    """
    digests = {}
    for name, network in frozen.items():
        network.check()
        network.to(device)
        digests[name] = network.digest()
        if saved.frozen.get(name) != digests[name]:
            raise IntegrityError(
                "E501",
                f"the frozen network {name} has the SHA-256 {digests[name][:20]}...",
                f"{saved.frozen.get(name, 'none')[:20]}..., as when training began",
                f"Give the weights that training began with: --weights {name}=PATH.",
            )
    return digests


def restore_weights(translator: nn.Module, saved: Checkpoint) -> None:
    """Give a translator the weights of a checkpoint.

    Raises:
        IntegrityError: E502 when they are not those of a translator of its settings, or not finite.
    """
    holed = [name for name, tensor in saved.weights.items() if not tensor.isfinite().all()]
    if holed:
        raise IntegrityError(
            "E502",
            f"a checkpoint of {saved.recipe.translator} with {len(holed)} tensors that are not finite, such as {holed[0]}",
            "weights that are numbers",
            "Take the run's other checkpoint, or train again with a lower rate.",
        )
    try:
        translator.load_state_dict(dict(saved.weights))
    except RuntimeError as error:
        raise IntegrityError(
            "E502",
            f"a checkpoint of {saved.recipe.translator} whose weights are not of its settings",
            "weights of the names and shapes that its manifest's translator_config asks for",
            REMEDY,
        ) from error


def peek(folder: Path) -> State | None:
    """Return where training stands by the manifest alone; None where there is none that can be read."""
    for candidate in (folder, previous(folder)):
        try:
            return State.model_validate(manifest.unseal(candidate / MANIFEST)["state"])
        except (TransmodalError, KeyError, ValidationError):
            continue
    return None


def _load(folder: Path, *, optimizers: bool) -> Checkpoint:
    content = verify(folder)
    weights = _tensors(folder / WEIGHTS)
    has_optimizers = optimizers and OPTIMIZERS in manifest.hashes_of(content, folder)
    moments = _tensors(folder / OPTIMIZERS) if has_optimizers else {}
    return manifest.from_json(content, folder, weights, moments)


def verify_file(path: Path, digest: str) -> None:
    """Compare a file of a checkpoint with its SHA-256.

    Raises:
        IntegrityError: E501 when it has another one, E502 when it is missing.
    """
    if not path.is_file():
        raise damaged(path.parent, f"{path.name} is missing")
    actual = files.sha256_file(path)
    if actual != digest:
        raise IntegrityError("E501", f"{path} has the SHA-256 {actual[:12]}...", f"{digest[:12]}...", REMEDY)


def _tensors(path: Path) -> dict[str, Tensor]:
    try:
        return safetensors.torch.load_file(path)
    except (SafetensorError, OSError) as error:
        raise damaged(path.parent, f"{path.name}: {error}") from error


def _plain(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}


def _write(path: Path, data: bytes) -> str:
    digest = hashlib.sha256(data).hexdigest()
    path.write_bytes(data)
    if files.sha256_file(path) != digest:
        raise IntegrityError(
            "E503", f"{path} does not read back equal", "what was written", "Check the disk, then try again."
        )
    return digest
