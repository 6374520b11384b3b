"""Checkpoints: a folder of safetensors and a manifest that binds them by hash. Nothing is ever unpickled."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import safetensors.torch
import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError
from torch import Tensor

from transmodal import translators
from transmodal.cohorts.quality.training_sources import Reference
from transmodal.errors import InputError, IntegrityError, TransmodalError
from transmodal.notice import INTENDED_USE
from transmodal.recipes.schema import Recipe
from transmodal.storage import files
from transmodal.translators._base import Frozen
from transmodal.volumes.intensity import IntensityMap, IntensitySpec

FORMAT = 1
MANIFEST = "manifest.json"
WEIGHTS = "weights.safetensors"
OPTIMIZERS = "optimizers.safetensors"

_log = logging.getLogger(__name__)


class CohortMark(NamedTuple):
    """Which cohort a translator was trained on.

    Attributes:
        name: of the cohort.
        digest: of its content and split.
        patients: marks of the patients whose cases it learned from; see `cohorts.case.patient_mark`.
    """

    name: str
    digest: str
    patients: tuple[str, ...] = ()


class State(BaseModel):
    """Where training stands, and what it remembers beside tensors.

    Attributes:
        phase: name of the phase.
        epoch: epochs of this phase that are complete.
        epoch_step: steps of the current epoch that are complete.
        step: steps of the run that are complete.
        best: best value of the primary metric in this phase.
        best_step: step at which it was reached.
        stale: validations since then.
        phase_ended: whether early stopping ended this phase.
        finished: whether the run is complete.
        sums: sums and counts of the curves' current points, by name.
        scaler: state of the loss scaler (16-mixed only).
        seconds: that training took so far, over all calls.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    phase: str
    epoch: int = 0
    epoch_step: int = 0
    step: int = 0
    best: float | None = None
    best_step: int | None = None
    stale: int = 0
    phase_ended: bool = False
    finished: bool = False
    sums: dict[str, tuple[float, int]] = {}
    scaler: dict[str, int | float] = {}
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A translator at one moment of its training.

    Attributes:
        recipe: the resolved recipe.
        translator_config: settings that `translators.build` takes.
        target_map: the training cohort's map of target intensities.
        sources: how each source's intensities are mapped.
        cohort: what it was trained on.
        state: where training stands.
        weights: the translator's state, on the CPU.
        optimizers: the optimisers' tensors by name; empty where they were not saved or not asked for.
        frozen: SHA-256 of each frozen network.
        starting_weights: SHA-256 of each file of weights that training started from, or `from scratch`.
        window: sides of the windows that it learned from; None in checkpoints from before this was kept.
        units: of modalities whose values are not in their own unit, such as `{"ct": "grey level"}`.
        versions: of what made it.
        reference: what the training sources looked like; None in checkpoints from before this was kept.
        weights_sha256: of the weights' file; empty before it is saved.
    """

    recipe: Recipe
    translator_config: Mapping[str, Any]
    target_map: IntensityMap
    sources: Mapping[str, IntensitySpec]
    cohort: CohortMark
    state: State
    weights: Mapping[str, Tensor]
    optimizers: Mapping[str, Tensor] = field(default_factory=dict)
    frozen: Mapping[str, str] = field(default_factory=dict)
    starting_weights: Mapping[str, str] = field(default_factory=dict)
    window: tuple[int, ...] | None = None
    units: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    reference: Reference | None = None
    weights_sha256: str = ""

    def provenance(self) -> dict[str, Any]:
        """Return where the weights come from, JSON-able."""
        # A checkpoint from before these were kept does not say that training took no time.
        known = {"training_seconds": round(self.state.seconds, 1)} if self.state.seconds > 0 else {}
        return {
            "cohort": {"name": self.cohort.name, "digest": self.cohort.digest},
            "training_patients_sha256": list(self.cohort.patients),
            **known,
            "seed": self.recipe.training.seed,
            "phase": self.state.phase,
            "epoch": self.state.epoch,
            "step": self.state.step,
            "best": {"metric": self.recipe.evaluation.primary, "value": self.state.best},
            "frozen": dict(self.frozen),
            "starting_weights": dict(self.starting_weights),
            "versions": dict(self.versions),
        }


def previous(folder: Path) -> Path:
    """Return where the checkpoint before the one in `folder` is kept."""
    return folder.with_name(f"{folder.name}.previous")


def save(folder: Path, checkpoint: Checkpoint, *, keep_previous: bool = False) -> str:
    """Write a checkpoint: beside, hashed and read back, then renamed; return the SHA-256 of the weights.

    Args:
        folder: where it goes; an older one there is replaced.
        checkpoint: what is saved; without optimisers their file is left out.
        keep_previous: keep the older one as `<folder>.previous`.

    Raises:
        ResourceError: E403 when the disk is full or may not be written; the older one stays whole.
        IntegrityError: E503 when a file does not read back equal.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    if keep_previous and folder.is_dir():
        _copy(folder, previous(folder))
    with files.atomic_folder(folder) as beside:
        hashes = {WEIGHTS: _write(beside / WEIGHTS, safetensors.torch.save(_plain(checkpoint.weights)))}
        if checkpoint.optimizers:
            tensors = safetensors.torch.save(_plain(checkpoint.optimizers))
            hashes[OPTIMIZERS] = _write(beside / OPTIMIZERS, tensors)
        _write(beside / MANIFEST, _sealed(_content(checkpoint, hashes)))
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
    except TransmodalError as error:
        if not previous(folder).is_dir():
            raise
        _log.warning("%s Reading %s instead.", error.line(), previous(folder))
        return _load(previous(folder), optimizers=optimizers)


def check_frozen(frozen: Mapping[str, Frozen], saved: Checkpoint, device: torch.device) -> dict[str, str]:
    """Move frozen networks to a device, and see that they are those that a translator was trained with.

    Returns:
        Their SHA-256 by name.

    Raises:
        InputError: E100 when a file of weights is not there.
        IntegrityError: E501 when a network is another one.
    """
    digests = {}
    for name, one in frozen.items():
        one.check()
        one.to(device)
        digests[name] = one.digest()
        if saved.frozen.get(name) != digests[name]:
            raise IntegrityError(
                "E501",
                f"the frozen network {name} has the SHA-256 {digests[name][:20]}...",
                f"{saved.frozen.get(name, 'none')[:20]}..., as when training began",
                f"Give the weights that training began with: --weights {name}=PATH.",
            )
    return digests


def peek(folder: Path) -> State | None:
    """Return where training stands by the manifest alone; None where there is none that can be read."""
    for place in (folder, previous(folder)):
        try:
            return State.model_validate(_unsealed(place / MANIFEST)["state"])
        except (TransmodalError, KeyError, ValidationError):
            continue
    return None


def _load(folder: Path, *, optimizers: bool) -> Checkpoint:
    if not folder.is_dir():
        raise InputError("E100", f"{folder} does not exist", "a checkpoint folder", "Train first.")
    content = _unsealed(folder / MANIFEST)
    hashes = _hashes(content, folder)
    for name, digest in hashes.items():
        _verify(folder / name, digest)
    weights = _tensors(folder / WEIGHTS)
    read = optimizers and OPTIMIZERS in hashes
    try:
        return Checkpoint(
            recipe=Recipe.model_validate(content["recipe"]),
            translator_config=translators.completed(
                content["recipe"]["translator"], content["translator_config"]
            ),
            target_map=IntensityMap.from_json(content["target_map"]),
            sources={name: IntensitySpec(**spec) for name, spec in content["sources"].items()},
            cohort=CohortMark(
                **{**content["cohort"], "patients": tuple(content["cohort"].get("patients", ()))}
            ),
            state=State.model_validate(content["state"]),
            weights=weights,
            optimizers=_tensors(folder / OPTIMIZERS) if read else {},
            frozen=content["frozen"],
            starting_weights=content.get("starting_weights", {}),
            window=tuple(content["window"]) if content.get("window") else None,
            units=content.get("units", {}),
            versions=content["versions"],
            reference=Reference.from_json(content.get("reference")),
            weights_sha256=hashes[WEIGHTS],
        )
    except (KeyError, TypeError, AttributeError, ValidationError) as error:
        raise _damaged(folder, f"its manifest does not hold what it should ({error!r})") from error


def _content(checkpoint: Checkpoint, hashes: Mapping[str, str]) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "intended_use": INTENDED_USE,
        "files": dict(hashes),
        "recipe": checkpoint.recipe.model_dump(mode="json"),
        "translator_config": dict(checkpoint.translator_config),
        "target_map": checkpoint.target_map.to_json(),
        "sources": {name: asdict(spec) for name, spec in checkpoint.sources.items()},
        "cohort": checkpoint.cohort._asdict(),
        "state": checkpoint.state.model_dump(mode="json"),
        "frozen": dict(checkpoint.frozen),
        "starting_weights": dict(checkpoint.starting_weights),
        "window": checkpoint.window,
        "units": dict(checkpoint.units),
        "versions": dict(checkpoint.versions),
        "reference": None if checkpoint.reference is None else checkpoint.reference.to_json(),
    }


def _sealed(content: Mapping[str, Any]) -> bytes:
    """Return the manifest's bytes; its own SHA-256 stands first, over all that follows."""
    text = json.dumps(content, indent=1, allow_nan=False)
    seal = hashlib.sha256(text.encode()).hexdigest()
    return f'{{"sha256": "{seal}",\n"content": {text}}}\n'.encode()


def _unsealed(path: Path) -> dict[str, Any]:
    """Return the manifest's content; its bytes have to be those that `_sealed` makes of it."""
    try:
        raw = path.read_bytes()
        content = json.loads(raw)["content"]
        intact = isinstance(content, dict) and _sealed(content) == raw
    except (FileNotFoundError, NotADirectoryError) as error:
        raise _damaged(path.parent, f"{path.name} is missing") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _damaged(path.parent, f"{path.name} is no manifest") from error
    if not intact:
        raise IntegrityError(
            "E501", f"{path} was changed since it was written", "what its hash says", _REMEDY
        )
    if content.get("format") != FORMAT:
        raise IntegrityError(
            "E502",
            f"{path} of format {content.get('format')}",
            f"format {FORMAT}",
            "Read it with the version of transmodal that wrote it.",
        )
    return dict(content)


def _hashes(content: Mapping[str, Any], folder: Path) -> dict[str, str]:
    hashes = content.get("files")
    known = isinstance(hashes, dict) and WEIGHTS in hashes and set(hashes) <= {WEIGHTS, OPTIMIZERS}
    if not isinstance(hashes, dict) or not known:
        raise _damaged(folder, "its manifest names other files than a checkpoint has")
    return hashes


def _verify(path: Path, digest: str) -> None:
    if not path.is_file():
        raise _damaged(path.parent, f"{path.name} is missing")
    found = files.sha256_file(path)
    if found != digest:
        raise IntegrityError("E501", f"{path} has the SHA-256 {found[:12]}...", f"{digest[:12]}...", _REMEDY)


def _tensors(path: Path) -> dict[str, Tensor]:
    try:
        return safetensors.torch.load_file(path)
    except (SafetensorError, OSError) as error:
        raise _damaged(path.parent, f"{path.name}: {error}") from error


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


def _copy(folder: Path, to: Path) -> None:
    """Copy a checkpoint by hard links, or by bytes where the file system has no links."""
    with files.atomic_folder(to) as beside:
        for path in sorted(folder.iterdir()):
            try:
                os.link(path, beside / path.name)
            except OSError:
                shutil.copyfile(path, beside / path.name)


_REMEDY = "Copy the checkpoint again, use the run's other checkpoint, or train again."


def _damaged(folder: Path, how: str) -> IntegrityError:
    return IntegrityError("E502", f"checkpoint {folder}: {how}", "a whole checkpoint", _REMEDY)
