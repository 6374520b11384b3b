"""The checkpoint and the prepared cohort from which faulty ones are made, each written once and copied."""

from __future__ import annotations

import atexit
import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from phantoms import Phantom
from promises.entries import Write
from transmodal import checkpoint, translators
from transmodal.checkpoint import manifest
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.recipes.load import validate
from transmodal.storage import sealed
from transmodal.volumes.intensity import IntensitySpec, fit

RECIPE = {
    "name": "tiny",
    "translator": "unet_regression",
    "task": {"source": ["t1"], "target": "fa"},
    "settings": {"width": 2, "levels": 2},
    "training": {"epochs": 2, "batch": 4, "device": "cpu"},
}
_PHANTOMS = [Phantom(number) for number in range(4)]
Change = Callable[[dict[str, Any]], object]


@cache
def _place() -> Path:
    """Return a folder that lasts as long as the process."""
    folder = Path(tempfile.mkdtemp(prefix="corpus-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def content() -> checkpoint.Checkpoint:
    """Return the checkpoint."""
    draw = torch.Generator().manual_seed(3)
    settings = {"width": 2, "levels": 2, "source_channels": [1]}
    states = translators.build("unet_regression", settings).state_dict()
    weights = {name: torch.rand(tensor.shape, generator=draw) for name, tensor in states.items()}
    spec = IntensitySpec("percentile", 0.5, 99.5)
    return checkpoint.Checkpoint(
        recipe=validate(RECIPE, "tiny"),
        translator_config=settings,
        target_map=fit(spec, np.linspace(0.1, 0.9, 50).reshape(5, 5, 2)),
        sources={"t1": spec},
        cohort=checkpoint.CohortMark("heads", "ab12"),
        state=checkpoint.State(phase="train", epoch=3, epoch_step=2, step=17, sums={"l1": (0.1, 3)}),
        weights=weights,
        optimizers={"g/a.weight/exp_avg": torch.rand(2, 3, generator=draw)},
        frozen={"sam": "cd34"},
        window=(16, 24),
        versions={"torch": "2"},
    )


@cache
def whole_checkpoint() -> Path:
    """Return a checkpoint's folder."""
    folder = _place() / "checkpoint"
    checkpoint.save(folder, content())
    return folder


def checkpoint_truth() -> dict[str, object]:
    """Return what the checkpoint says."""
    weights = {name: tensor.numpy() for name, tensor in content().weights.items()}
    return {"recipe": content().recipe, "state": content().state, "cohort": content().cohort, **weights}


def cohort_truth() -> dict[str, object]:
    """Return what the cohort says: the phantoms' own voxels, whose axes run to RAS as they are."""
    arrays: dict[str, object] = {}
    for phantom in _PHANTOMS:
        for modality, volume in phantom.load().volumes.items():
            arrays[f"{phantom.id} {modality}"] = volume.voxels
            arrays[f"{phantom.id} {modality} affine"] = volume.affine
    return arrays


@cache
def whole_cohort() -> Path:
    """Return a prepared cohort's folder, of four cases."""
    return prepare(_PHANTOMS, _place() / "cohort", PrepareOptions(counts=(2, 1, 1))).folder


def copied(whole: Callable[[], Path], change: Callable[[Path], object] | None = None) -> Write:
    """Return a writer of a copy of a folder that is changed."""

    def write(folder: Path) -> Path:
        path = folder / "copy"
        shutil.copytree(whole(), path)
        if change is not None:
            change(path)
        return path

    return write


def edit(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """Return a change of the bytes of one file."""

    def rewrite(folder: Path) -> None:
        (folder / name).write_bytes(change((folder / name).read_bytes()))

    return rewrite


def replace_manifest(name: str, contents: Mapping[str, bytes]) -> dict[str, Callable[[Path], object]]:
    """Return changes of a manifest into what is none, by the words for it."""
    return {
        f"a manifest of {words}": edit(name, lambda _, content=content: content)  # type: ignore[misc]
        for words, content in contents.items()
    }


def flip(name: str, share: float) -> Callable[[Path], None]:
    """Return a change of one bit, at a share of a file's length."""

    def change(content: bytes) -> bytes:
        place = int((len(content) - 1) * share)
        return content[:place] + bytes([content[place] ^ 16]) + content[place + 1 :]

    return edit(name, change)


def cut(name: str, share: float) -> Callable[[Path], None]:
    """Return a change by which a file ends at a share of its length."""
    return edit(name, lambda content: content[: int(len(content) * share)])


def reseal_checkpoint(change: Change) -> Callable[[Path], None]:
    """Return a change of a checkpoint's manifest that its own hash does not tell."""

    def rewrite(folder: Path) -> None:
        path = folder / checkpoint.MANIFEST
        content = json.loads(path.read_bytes())["content"]
        change(content)
        path.write_bytes(manifest.seal(content))

    return rewrite


def replace_weights(content: bytes) -> Callable[[Path], None]:
    """Return a change by which the weights' file is another one, and the manifest says so."""

    def rewrite(folder: Path) -> None:
        (folder / checkpoint.WEIGHTS).write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        reseal_checkpoint(
            lambda manifest_content: manifest_content["files"].update({checkpoint.WEIGHTS: digest})
        )(folder)

    return rewrite


def reseal_json(name: str, change: Change) -> Callable[[Path], None]:
    """Return a change of a sealed JSON object that its own hash does not tell."""

    def rewrite(folder: Path) -> None:
        content = json.loads((folder / name).read_text())
        content.pop(sealed.KEY, None)
        change(content)
        (folder / name).write_text(json.dumps(sealed.seal(content)))

    return rewrite
