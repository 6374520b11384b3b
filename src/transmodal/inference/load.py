"""The door from a run's folder, or the file that it was exported as, to its model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from transmodal import translators
from transmodal.checkpoint import Checkpoint, archive, check_frozen, peek, restore_weights
from transmodal.checkpoint import load as load_checkpoint
from transmodal.errors import InputError, UsageError, suggest
from transmodal.inference import engines, quantized
from transmodal.inference.batching.rule import suit_batch
from transmodal.inference.device import device_of
from transmodal.inference.model import Model
from transmodal.inference.preprocessing import build_preprocessing
from transmodal.models import library
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
        run: the run's folder, a file `.tmz` that it was exported as, or a name of `transmodal models`.
        checkpoint: `best` or `last`; a file holds one of them.
        device: as `device.device_of` takes it; None takes a GPU where there is one.
        weights: paths of frozen networks' weights by name, where they lie elsewhere than in training.
        engine: that runs the network, one of `engines.names`; or `int8`, for which it was quantized.

    Raises:
        UsageError: E001 for what names no device, E002 for weights of a frozen network that there is not, for an unknown
            engine and for no model of the package, E004 for a translator that the engine cannot compute.
        ResourceError: E404 for a device that is not there, or an engine that is not installed.
        InputError: E134 when the folder or file holds no such checkpoint, or it was not quantized for `int8`, E101 or E102 for what is no such file, E100 when a frozen network's weights are gone.
        IntegrityError: E501 or E502 when the checkpoint is damaged, or a frozen network is another one.
    """
    engines.check(engine)
    place, folder = device_of(device), library.resolve(run)
    saved, seconds = read_saved(folder, checkpoint)
    _check_weights(weights or {}, saved)
    translator = translators.build(saved.recipe.translator, {**saved.translator_config, **(weights or {})})
    restore_weights(translator, saved)
    translator.eval().to(place)
    check_frozen(translator.frozen(), saved, place)
    network = _read_quantized(folder, checkpoint, saved) if engine == engines.INT8 else None
    preprocessing = build_preprocessing(
        saved.recipe, translator, saved.target_map, learned=saved.window, units=saved.units
    )
    model = Model(
        translator,
        saved.recipe,
        suit_batch(preprocessing, saved.recipe.translator, translator.config.model_dump(mode="json"), place),
        saved.weights_sha256,
        _provenance(saved, list(translator.pretrained()), seconds),
        place,
        translator.translates_with(),
        saved.reference,
        engine,
        saved.fingerprint,
        network,
    )
    model.engine  # noqa: B018 - refuses before a source is read
    return model


def read_saved(run: Path, checkpoint: str) -> tuple[Checkpoint, float | None]:
    """Return a checkpoint, and the seconds that the whole training took where they are known.

    Args:
        run: the run's folder, or a file that it was exported as.
        checkpoint: `best` or `last`.

    Raises:
        InputError, IntegrityError: as `load`.
    """
    if archive.is_archive(run):
        packed = archive.read(run)
        archive.check_name(packed, checkpoint)
        return archive.load(packed), packed.record.training_seconds
    saved = load_checkpoint(checkpoint_folder(run, checkpoint))
    end = peek(run / "checkpoints" / "last")
    # The best weights were there before training ended.
    return saved, round(end.seconds, 1) if end is not None and end.seconds > 0 else None


def checkpoint_folder(run: Path, checkpoint: str) -> Path:
    """Return the folder of a run's checkpoint; the last where there is no best yet.

    Raises:
        InputError: E134 where there is none.
    """
    folder = run / "checkpoints" / checkpoint
    if not folder.exists() and checkpoint == "best":
        folder = run / "checkpoints" / "last"
    if not folder.exists():
        raise InputError(
            "E134",
            f"{run} without {checkpoint} checkpoint",
            f"a run folder, or a model of the package: {', '.join(library.names())}",
            suggest(str(run), () if run.exists() else library.names(), "Train it first: transmodal train."),
        )
    return folder


def _read_quantized(run: Path, checkpoint: str, saved: Checkpoint) -> quantized.QuantizedNetwork:
    name = checkpoint if run.is_file() else checkpoint_folder(run, checkpoint).name
    return quantized.read(run, name, saved.weights_sha256)


def _check_weights(weights: Mapping[str, str], saved: Checkpoint) -> None:
    for name in weights:
        if name not in saved.frozen:
            names = ", ".join(saved.frozen) or "none: this translator has no frozen network"
            raise UsageError("E002", f"weights of {name}", names, "Leave them out, or name the network.")


def _provenance(saved: Checkpoint, pretrained: list[str], seconds: float | None) -> dict[str, Any]:
    """Return the checkpoint's record, with the weights that each of the settings `pretrained` started from."""
    provenance = saved.provenance()
    # Checkpoints from before this was recorded could start from nothing else.
    provenance["starting_weights"] = {
        **{name: saved.starting_weights.get(name, FROM_SCRATCH) for name in pretrained},
        **saved.starting_weights,  # a run, too
    }
    if seconds is not None:
        provenance["training_seconds"] = seconds
    return provenance
