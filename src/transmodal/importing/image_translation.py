"""`latest_net_G.pth` of the pix2pix and CycleGAN family as a run."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from transmodal import checkpoint, translators
from transmodal._version import __version__
from transmodal.checkpoint import Checkpoint, CohortMark, State
from transmodal.errors import IntegrityError, UsageError
from transmodal.modalities import modality_of
from transmodal.nets.pretrained import PretrainedWeights, read_weights
from transmodal.nets.weight_maps.image_translation import FILE, PublishedGenerator, recognise, weight_map
from transmodal.notice import IMPORTED, INTENDED_USE
from transmodal.recipes.load import dump, validate
from transmodal.recipes.schema import Recipe
from transmodal.storage import files, regular
from transmodal.volumes.intensity import fit

_SEED = 0


class Knowledge(NamedTuple):
    """The facts on a model that its file does not tell.

    Attributes:
        sources: source modalities, in the order of the network's channels.
        target: target modality.
        intensity: of each modality, a recipe's `data.intensity`: what became -1 to 1.
        size: sides of the windows.
        fit: how slices come to them: `pad`, `keep` or `ignore`.
        axes: slice axes.
    """

    sources: tuple[str, ...]
    target: str
    intensity: Mapping[str, Mapping[str, Any]]
    size: tuple[int, int]
    fit: str = "pad"
    axes: tuple[str, ...] = ("z",)


def write_run(weights: Path, run: Path, knowledge: Knowledge) -> PublishedGenerator:
    """Write a file's generator as a run; nothing of the file is unpickled but tensors.

    Args:
        weights: the file.
        run: folder to write; it is new.
        knowledge: on the model.

    Returns:
        The generator that the file holds.

    Raises:
        InputError: E100 when there is no such file, E101 when it is no file of tensors.
        IntegrityError: E502 for weights of another family or size.
        UsageError: E001 and E003 for facts that do not make a recipe, E004 for modalities that do not fit the network.
        ResourceError: E402 when it does not fit into memory, E403 when nothing can be written.
    """
    generator = _recognise(weights)
    channels = _channels(generator, knowledge)
    recipe = _recipe(generator, knowledge)
    config = translators.checked(recipe.translator, {**recipe.settings, **channels}).model_dump(mode="json")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_SEED)  # of the discriminator, which the file has not
        translator = translators.build(recipe.translator, config)
    tensors = weight_map(
        generator,
        is_grey_source=sum(channels["source_channels"]) < generator.in_channels,
        is_grey_target=channels["target_channels"] < generator.out_channels,
    )
    module = translator.get_submodule("generator")
    PretrainedWeights(module, str(weights), FILE, tensors.tensors, tensors.ignored).load()
    with regular.open_file(weights) as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    target = recipe.data.spec(knowledge.target)
    saved = Checkpoint(
        recipe=recipe,
        translator_config=config,
        target_map=fit(target, np.zeros((1, 1, 1)), range=translator.output_range),
        sources={name: recipe.data.spec(name) for name in knowledge.sources},
        cohort=CohortMark(IMPORTED, digest),
        state=State(phase=translator.phases[0], finished=True),
        weights=translator.state_dict(),
        starting_weights={IMPORTED: digest},
        window=tuple(knowledge.size),
        versions={"transmodal": __version__, "torch": torch.__version__},
    )
    _write(run, saved, generator)
    return generator


def _recognise(weights: Path) -> PublishedGenerator:
    generator = recognise(read_weights(_existing(weights)))
    if generator is None or (generator.kind == "resnet" and generator.norm == "batch"):
        kind = "residual blocks with batch normalisation" if generator else "weights of another family"
        raise IntegrityError(
            "E502",
            f"{weights}: {kind}",
            "unet_128, unet_256, or resnet_6blocks and resnet_9blocks with instance normalisation",
            f"Give {FILE.file} of {FILE.address}.",
        )
    return generator


def _existing(weights: Path) -> Path:
    with files.reading_errors(weights, "a file of weights"), regular.open_file(weights):
        return weights


def _channels(generator: PublishedGenerator, knowledge: Knowledge) -> dict[str, Any]:
    """Return the channels of sources and target: those of the file, or one where it takes grey as three equal ones.

    Raises:
        UsageError: E004 for modalities that do not fit.
    """
    sources = tuple(3 if modality_of(name).is_colour else 1 for name in knowledge.sources)
    target = 3 if modality_of(knowledge.target).is_colour else 1
    is_grey_as_colour = sources == (1,) and generator.in_channels == 3
    if sum(sources) != generator.in_channels and not is_grey_as_colour:
        raise UsageError(
            "E004",
            f"{len(sources)} sources of {sum(sources)} channels for a network that takes {generator.in_channels}",
            "sources with as many channels, or one grey source for three equal ones",
            "Name the sources in the order of the network's channels: --source t1,t2.",
        )
    if target != generator.out_channels and (target, generator.out_channels) != (1, 3):
        raise UsageError(
            "E004",
            f"target {knowledge.target} of {target} channels for a network that gives {generator.out_channels}",
            "a target with as many channels, or a grey one for three",
            "Name another target: --target.",
        )
    return {"source_channels": sources, "target_channels": target}


def _recipe(generator: PublishedGenerator, knowledge: Knowledge) -> Recipe:
    multiple = 2**generator.depth if generator.kind == "unet" else 4
    if any(side < 1 or side % multiple for side in knowledge.size):
        raise UsageError(
            "E001",
            f"windows of {' x '.join(map(str, knowledge.size))} for a network that halves the sides",
            f"sides that are multiples of {multiple}",
            "Give --size 256,256.",
        )
    own: dict[str, Any] = {"levels": generator.depth, "norm": generator.norm}
    blocks: dict[str, Any] = {"blocks": generator.depth, "objective": "cgan"}
    is_unet = generator.kind == "unet"
    return validate(
        {
            "name": IMPORTED,
            "translator": "pix2pix" if is_unet else "cyclegan",
            "task": {"source": list(knowledge.sources), "target": knowledge.target},
            "windows": {"axes": list(knowledge.axes), "size": list(knowledge.size), "fit": knowledge.fit},
            "data": {"intensity": {name: dict(part) for name, part in knowledge.intensity.items()}},
            "settings": {"width": generator.width, **(own if is_unet else blocks)},
            "training": {"epochs": 1, "batch": 1},
        },
        "the options of import",
    )


def _write(run: Path, saved: Checkpoint, generator: PublishedGenerator) -> None:
    with files.atomic_folder(run) as beside:
        checkpoint.save(beside / "checkpoints" / "best", saved)
        (beside / "recipe.yaml").write_text(dump(saved.recipe), encoding="utf-8")
        files.write_json(
            beside / "run.json",
            {
                "intended_use": INTENDED_USE,
                "cohort": {"name": saved.cohort.name, "digest": saved.cohort.digest},
                "imported": {"sha256": saved.cohort.digest, "published": str(FILE), **generator._asdict()},
                "versions": dict(saved.versions),
                "plan": {
                    "starting_weights": {IMPORTED: {"sha256": saved.cohort.digest, "published": str(FILE)}}
                },
                "recipe": saved.recipe.model_dump(mode="json"),
            },
        )


def windows_of(words: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return intensities of words such as `ct=-1000,2000`, a window in real units, or `t1=p0.5,p99.5`, percentiles.

    Raises:
        UsageError: E001.
    """
    parsed = {}
    for word in words:
        name, _, ends = word.partition("=")
        low, _, high = ends.partition(",")
        is_percentile = low.startswith("p") and high.startswith("p")
        try:
            numbers = [float(end.removeprefix("p") if is_percentile else end) for end in (low, high)]
        except ValueError as error:
            raise UsageError(
                "E001",
                f"--intensity {word}",
                "IMPORTED=LOW,HIGH in real units, or IMPORTED=pLOW,pHIGH in percentiles",
                "Write it as --intensity ct=-1000,2000.",
            ) from error
        method = "percentile" if is_percentile else "window"
        parsed[name] = {"method": method, "low": numbers[0], "high": numbers[1]}
    return parsed
