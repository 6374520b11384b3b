"""A trained run as a function: source volumes in, a synthetic volume on their own grid out."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from transmodal import checkpoint, translators
from transmodal._version import __version__
from transmodal.cohorts.aliases import renaming
from transmodal.cohorts.quality.training_sources import Reference
from transmodal.errors import InputError, UsageError
from transmodal.inference import engines
from transmodal.inference.device import device_of
from transmodal.inference.engines._base import Engine
from transmodal.inference.fuse import Fuse
from transmodal.inference.gate import Gate, Policy, admit
from transmodal.inference.preprocessing import (
    AXES,
    Preprocessed,
    Preprocessing,
    build_preprocessing,
    passes,
    preprocess,
)
from transmodal.inference.synthesis import synthesise
from transmodal.modalities import modality_of
from transmodal.nets.blocks import TranslateWith
from transmodal.nets.frozen import RANDOM
from transmodal.notice import FROM_SCRATCH, INTENDED_USE
from transmodal.progress import CountProgress
from transmodal.recipes.schema import Recipe
from transmodal.translators._base import Translator
from transmodal.volumes import Volume, bounds
from transmodal.volumes.geometry.reorient import resample


@dataclass(frozen=True, slots=True)
class Translation:
    """What a translation gives.

    Attributes:
        volume: the synthetic volume, on the source's grid, in real units.
        disagreement: standard deviation over the planes and draws, same grid and unit; None for one pass.
        record: how the volume came about, JSON-able.
    """

    volume: Volume
    disagreement: Volume | None
    record: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Model:
    """A trained translator with its recipe and its preprocessing.

    Attributes:
        translator: the network, in evaluation mode.
        recipe: the resolved recipe that it was trained by.
        preprocessing: of its recipe.
        digest: SHA-256 of the weights file.
        provenance: the checkpoint's record: cohort, seed, phase, epoch, step.
        device: where it runs.
        learned_with: what its checkpoint says that batch normalisation takes while translating; None where there is
            nothing to choose.
        reference: what the training sources looked like; None in runs from before it was kept.
        engine_name: of the engine that runs the translator, one of `engines.names`.
    """

    translator: Translator  # type: ignore[type-arg]  # any paper's outputs
    recipe: Recipe
    preprocessing: Preprocessing
    digest: str
    provenance: Mapping[str, Any]
    device: torch.device
    learned_with: TranslateWith | None = None
    reference: Reference | None = None
    engine_name: str = engines.DEFAULT

    @property
    def engine(self) -> Engine:
        """The engine that runs the translator on the device."""
        return engines.build(self.engine_name, self.translator, self.device)

    def translate(
        self,
        sources: Volume | Mapping[str, Volume],
        *,
        axes: tuple[str, ...] | None = None,
        fuse: Fuse | None = None,
        advance: CountProgress | None = None,
        gate: Policy | Gate = "refuse",
    ) -> Translation:
        """Translate one case's source volumes.

        Args:
            sources: a volume, or volumes by modality where the recipe has several sources; synonyms such as `t1w`
                do (`cohorts.aliases`).
            axes: slice axes, of `x`, `y`, `z`; None takes the recipe's.
            fuse: `mean` or `median` over the axes; None takes the recipe's.
            advance: told how many windows are done, of how many.
            gate: what becomes of sources that do not look like training's: `refuse`, `strict` (refuse on a
                warning too), `warn` (translate all the same) or `off`; or a `Gate`, which also knows headers.

        Raises:
            UsageError: as `along` does.
            InputError: E140 when a source is refused; when a source is missing, empty, of another grid or in colour.
        """
        named = {self.preprocessing.sources[0]: sources} if isinstance(sources, Volume) else dict(sources)
        other = renaming(self.preprocessing.sources, list(named))
        named = {other.get(name, name): volume for name, volume in named.items()}
        preprocessing = self.along(axes, fuse).preprocessing
        channels = dict(zip(preprocessing.sources, self.translator.config.source_channels, strict=True))
        named, as_rgb = _in_grey(named, channels)
        for name in preprocessing.sources:
            _check_channels(name, named.get(name), channels[name])
        verdict = admit(
            self.reference,
            {name: named[name] for name in preprocessing.present(named)},
            gate if isinstance(gate, Gate) else Gate(gate),
        )
        preprocessed = preprocess(preprocessing, named)
        synthetic = synthesise(self.engine, preprocessing, preprocessed, advance)
        first = named[preprocessing.present(named)[0]]
        volume = replace(resample(synthetic.volume, first.grid), space=first.space)
        spread = synthetic.disagreement
        record = self._record(preprocessing, preprocessed, named, volume)
        record["notes"] += [
            f"{name} is grey stored as RGB: one of its equal channels is taken" for name in as_rgb
        ]
        return Translation(
            _in_its_dtype(volume, preprocessing),
            None if spread is None else replace(resample(spread, first.grid), space=first.space),
            record
            | {"values": bounds.record(preprocessing.bounds, synthetic.clipped), "gate": verdict.record()},
        )

    @property
    def has_axes(self) -> bool:
        """Whether it passes over slices, which lie along axes; patches do not."""
        return self.preprocessing.cutting.kind != "patch"

    @property
    def has_way_back(self) -> bool:
        """Whether the translator can bring sources to the target and back."""
        return type(self.translator).cycle is not Translator.cycle

    def is_outgrown_by(self, shape: tuple[int, ...]) -> bool:
        """Whether slices of a volume of this working shape need larger windows than training had."""
        cutting = self.preprocessing.cutting
        if self.recipe.windows.size is not None or cutting.size is None or not self.has_axes:
            return False
        return any(cutting.covering(shape, axis).size != cutting.size for axis in self.preprocessing.axes)

    def along(self, axes: tuple[str, ...] | None = None, fuse: Fuse | None = None) -> Model:
        """Return the model as it translates: over other slice axes than its recipe's, or fused in another way.

        Args:
            axes: of `x`, `y`, `z`; None takes the recipe's.
            fuse: `mean` or `median` over the axes; None takes the recipe's.

        Raises:
            UsageError: E001 for what is no axis and for one given twice, E004 where the run cuts patches.
        """
        if axes and not self.has_axes:
            raise UsageError(
                "E004",
                f"axes {','.join(axes)} of {self.recipe.translator}, which was trained on 3D patches",
                "a run that was trained on slices",
                "Leave --axes out.",
            )
        if axes and len(set(axes)) < len(axes):
            raise UsageError("E001", f"axes {','.join(axes)}", "each once", "Give --axes z or --axes x,y,z.")
        chosen = tuple(_axis(axis) for axis in axes) if axes else self.preprocessing.axes
        return replace(
            self, preprocessing=replace(self.preprocessing, axes=chosen, fuse=fuse or self.preprocessing.fuse)
        )

    def drawing(self, times: int) -> Model:
        """Return the model as it translates: by so many draws of noise for each axis, fused as axes are.

        Args:
            times: 1 or more; 1 changes nothing.

        Raises:
            UsageError: E001 below 1, E004 where the translator draws no noise.
        """
        if times < 1:
            raise UsageError("E001", f"{times} draws", "1 or more", "Give another number.")
        if times > 1 and not self.translator.draws:
            raise UsageError(
                "E004",
                f"{times} draws of {self.recipe.translator}, which draws no noise",
                "a translator that does, such as aldm",
                "Leave --draws out; --axes x,y,z gives several passes of any translator.",
            )
        return replace(self, preprocessing=replace(self.preprocessing, draws=times))

    def normalising(self, statistics: TranslateWith | None) -> Model:
        """Return the model as it translates: with batch normalisation by other statistics than its recipe's.

        Args:
            statistics: `batch_statistics`, each window's own, or training's `running` averages; None takes the recipe's.

        Raises:
            UsageError: E004 where the translator has nothing to choose, E001 for something else than the two.
        """
        own = self.translator.translates_with()
        if statistics is None or statistics == own:
            return self
        name, config = self.recipe.translator, self.translator.config
        if own is None:
            raise UsageError(
                "E004",
                f"translate_with {statistics} of {name}, whose generator has no batch normalisation here",
                "a translator that has, such as pix2pix",
                "Leave --translate-with out.",
            )
        translator = translators.build(name, {**config.model_dump(mode="json"), "translate_with": statistics})
        translator.load_state_dict(self.translator.state_dict())
        for frozen in translator.frozen().values():
            frozen.to(self.device)
        return replace(self, translator=translator.eval().to(self.device))

    def _frozen(self) -> Mapping[str, str]:
        return {name: one.digest() for name, one in self.translator.frozen().items()}

    def _record(
        self,
        preprocessing: Preprocessing,
        preprocessed: Preprocessed,
        sources: Mapping[str, Volume],
        volume: Volume,
    ) -> dict[str, Any]:
        working, there = preprocessed.grid, preprocessing.present(sources)
        statistics = self.translator.translates_with()
        native = volume.grid.spacing
        coarser = preprocessing.spacing_mm is not None and max(native) > 1.05 * preprocessing.spacing_mm
        missing = [name for name in preprocessing.sources if name not in there]
        notes = [f"synthesised without {name}: the case has none" for name in missing]
        random = sorted(name for name, digest in self._frozen().items() if digest.startswith(RANDOM))
        notes += [f"{name} has random weights: this shows the plumbing only" for name in random]
        if coarser:
            notes.append(
                f"the source's spacing {_mm(native)} mm is coarser than the recipe's {preprocessing.spacing_mm:g} mm: "
                "the synthetic volume has no more detail than the source"
            )
        if preprocessing.spacing_mm is not None and min(native) < 0.95 * preprocessing.spacing_mm:
            notes.append(
                f"synthesised at {preprocessing.spacing_mm:g} mm and resampled to {_mm(native)} mm: "
                "the output's grid is not its resolution"
            )
        if self.is_outgrown_by(working.shape):
            notes.append(
                f"slices of a volume of {_sides(working.shape)} voxels are larger than the windows of training, "
                f"{_sides(preprocessing.cutting.size or ())}: what depends on the padding around a slice sees another one"
            )
        notes += _foreign_axes(self, preprocessing)
        return {
            "synthetic": True,
            "intended_use": INTENDED_USE,
            "tool": {"name": "transmodal", "version": __version__},
            "recipe": self.recipe.name,
            "translator": self.recipe.translator,
            "checkpoint": {"weights_sha256": self.digest, **self.provenance},
            "sources": {name: _describe(sources[name]) for name in there},
            "missing_sources": missing,
            "target": preprocessing.target,
            **(
                {"unit": preprocessing.units[preprocessing.target]}
                if preprocessing.target in preprocessing.units
                else {}
            ),
            "region": {
                "kind": preprocessing.region,
                "method": preprocessed.method,
                "voxels": int(preprocessed.region.sum()),
            },
            "working_grid": {"shape": list(working.shape), "spacing_mm": list(working.spacing)},
            "output_grid": {"shape": list(volume.grid.shape), "affine": volume.affine.tolist()},
            "windows": {"kind": preprocessing.cutting.kind, "size": list(preprocessing.cutting.size or ())},
            "passes": passes(preprocessing),
            **({"translate_with": statistics} if statistics else {}),
            "fill_outside_region": preprocessing.fill,
            "notes": notes,
        }


def load(
    run: Path | str,
    *,
    which: str = "best",
    device: str | None = None,
    weights: Mapping[str, str] | None = None,
    engine: str = engines.DEFAULT,
) -> Model:
    """Load a run's translator.

    Args:
        run: the run's folder.
        which: `best` or `last`.
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
    where = device_of(device)
    folder = Path(run) / "checkpoints" / which
    if not folder.exists() and which == "best":
        folder = Path(run) / "checkpoints" / "last"
    if not folder.exists():
        raise InputError(
            "E134", f"{run} without {which} checkpoint", "a run folder", "Train it first: transmodal train."
        )
    saved = checkpoint.load(folder)
    for name in weights or ():
        if name not in saved.frozen:
            known = ", ".join(saved.frozen) or "none: this translator has no frozen network"
            raise UsageError("E002", f"weights of {name}", known, "Leave them out, or name the network.")
    config = {**saved.translator_config, **(weights or {})}
    translator = translators.build(saved.recipe.translator, config)
    translator.load_state_dict(saved.weights)
    translator.eval().to(where)
    checkpoint.check_frozen(translator.frozen(), saved, where)
    preprocessing = build_preprocessing(
        saved.recipe, translator, saved.target_map, learned=saved.window, units=saved.units
    )
    end = checkpoint.peek(Path(run) / "checkpoints" / "last")
    provenance = saved.provenance()
    # Checkpoints from before this was kept could start from nothing else.
    provenance["starting_weights"] = {
        name: saved.starting_weights.get(name, FROM_SCRATCH) for name in translator.pretrained()
    }
    if end is not None and end.seconds > 0:  # the best weights were there before training ended
        provenance["training_seconds"] = round(end.seconds, 1)
    return Model(
        translator,
        saved.recipe,
        preprocessing,
        saved.weights_sha256,
        provenance,
        where,
        translator.translates_with(),
        saved.reference,
        engine,
    )


def _foreign_axes(model: Model, preprocessing: Preprocessing) -> list[str]:
    """Say where slices are translated along axes whose slices the run has not learned from."""
    learned = model.recipe.windows.axes
    foreign = [axis for axis in AXES if AXES[axis] in preprocessing.axes and axis not in learned]
    if not foreign or not model.has_axes:
        return []
    return [
        f"slices along {', '.join(foreign)}: the run learned from slices along {', '.join(learned)} alone, "
        "and others can make the volume worse"
    ]


def _sides(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def _axis(letter: str) -> int:
    if letter not in AXES:
        raise UsageError("E001", f"axis {letter!r}", "x, y or z", "Give --axes z or --axes x,y,z.")
    return AXES[letter]


def _in_grey(
    sources: Mapping[str, Volume], channels: Mapping[str, int]
) -> tuple[dict[str, Volume], list[str]]:
    """Return sources with one channel where grey is expected and three equal ones are stored; and whose they are."""
    grey = {name: one.in_grey() if channels.get(name) == 1 else one for name, one in sources.items()}
    return grey, [name for name, one in grey.items() if one is not sources[name]]


def _check_channels(name: str, volume: Volume | None, channels: int) -> None:
    if volume is not None and volume.n_channels != channels:
        kinds = {1: "grey", 3: "colour"}
        raise InputError(
            "E122",
            f"{name} is {kinds[volume.n_channels]}",
            f"a {kinds.get(channels, str(channels))} image",
            "Give the image that the recipe was trained on.",
        )


def _in_its_dtype(volume: Volume, preprocessing: Preprocessing) -> Volume:
    """Give HU as int16 and colour as uint8, as their formats hold them; all else as float32."""
    record = modality_of(preprocessing.target)
    is_in_unit = preprocessing.target not in preprocessing.units and record.is_colour == volume.is_colour
    kind = np.dtype("uint8" if volume.is_colour else record.storage if is_in_unit else "float32")
    if kind.kind == "f":
        return volume
    ends = np.iinfo(kind)
    return volume.with_voxels(np.clip(np.rint(volume.voxels), ends.min, ends.max).astype(kind))


def _describe(volume: Volume) -> dict[str, Any]:
    return {
        "shape": list(volume.grid.shape),
        "spacing_mm": [round(value, 6) for value in volume.spacing],
        "orientation": volume.orientation,
        "voxels_sha256": hashlib.sha256(np.ascontiguousarray(volume.voxels).tobytes()).hexdigest(),
    }


def _mm(spacing: tuple[float, float, float]) -> str:
    return " x ".join(f"{value:.3g}" for value in spacing)
