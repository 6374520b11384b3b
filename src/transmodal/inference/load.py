"""The door from a run's folder to its model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from transmodal import translators
from transmodal.checkpoint import Checkpoint, check_frozen, peek, restore_weights
from transmodal.checkpoint import load as load_checkpoint
from transmodal.errors import InputError, UsageError
from transmodal.inference import engines
from transmodal.inference.device import device_of
from transmodal.inference.model import Model
from transmodal.inference.preprocessing import build_preprocessing
from transmodal.notice import FROM_SCRATCH
from transmodal.storage import memory


@memory.guarded("the network was built", "Free memory, or train with a smaller settings.width.")
def load(
    run: Path | str,
    *,
    checkpoint: str = "best",
    device: str | None = None,
    weights: Mapping[str, str] | None = None,
    engine: str = engines.DEFAULT,
) -> Model:
    """Load a run's translator.

    Args:
        run: the run's folder.
        checkpoint: `best` or `last`.
        device: as `device.device_of` takes it; None takes a GPU where there is one.
        weights: paths of frozen networks' weights by name, where they lie elsewhere than in training.
        engine: that runs the network, one of `engines.names`.

    Raises:
        UsageError: E001 for what names no device, E002 for weights of a frozen network that there is not, and for an
            unknown engine.
        ResourceError: E404 for a device that is not there.
        InputError: E134 when the folder holds no checkpoint, E100 when a frozen network's weights are gone.
        IntegrityError: E501 or E502 when the checkpoint is damaged, or a frozen network is another one.
    """
    engines.check(engine)
    place = device_of(device)
    saved = load_checkpoint(_checkpoint_folder(Path(run), checkpoint))
    _check_weights(weights or {}, saved)
    translator = translators.build(saved.recipe.translator, {**saved.translator_config, **(weights or {})})
    restore_weights(translator, saved)
    translator.eval().to(place)
    check_frozen(translator.frozen(), saved, place)
    preprocessing = build_preprocessing(
        saved.recipe, translator, saved.target_map, learned=saved.window, units=saved.units
    )
    return Model(
        translator,
        saved.recipe,
        preprocessing,
        saved.weights_sha256,
        _provenance(saved, list(translator.pretrained()), Path(run)),
        place,
        translator.translates_with(),
        saved.reference,
        engine,
        saved.fingerprint,
    )


def _checkpoint_folder(run: Path, checkpoint: str) -> Path:
    folder = run / "checkpoints" / checkpoint
    if not folder.exists() and checkpoint == "best":
        folder = run / "checkpoints" / "last"
    if not folder.exists():
        raise InputError(
            "E134",
            f"{run} without {checkpoint} checkpoint",
            "a run folder",
            "Train it first: transmodal train.",
        )
    return folder


def _check_weights(weights: Mapping[str, str], saved: Checkpoint) -> None:
    for name in weights:
        if name not in saved.frozen:
            names = ", ".join(saved.frozen) or "none: this translator has no frozen network"
            raise UsageError("E002", f"weights of {name}", names, "Leave them out, or name the network.")


def _provenance(saved: Checkpoint, pretrained: list[str], run: Path) -> dict[str, Any]:
    """Return the checkpoint's record, with the weights that each of the settings `pretrained` started from."""
    provenance = saved.provenance()
    # Checkpoints from before this was recorded could start from nothing else.
    provenance["starting_weights"] = {
        name: saved.starting_weights.get(name, FROM_SCRATCH) for name in pretrained
    }
    end = peek(run / "checkpoints" / "last")
    if end is not None and end.seconds > 0:  # the best weights were there before training ended
        provenance["training_seconds"] = round(end.seconds, 1)
    return provenance
