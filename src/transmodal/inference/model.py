"""A trained run as a function: source volumes in, a synthetic volume on their own grid out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from transmodal import translators
from transmodal.checkpoint import Fingerprint
from transmodal.cohorts.aliases import find_renames
from transmodal.cohorts.quality.training_sources import SourceReference
from transmodal.errors import InputError, UsageError
from transmodal.inference import engines, record
from transmodal.inference.engines import _int8
from transmodal.inference.engines._base import Engine
from transmodal.inference.fuse import Fuse
from transmodal.inference.gate import Gate, Policy, admit
from transmodal.inference.memory import ADVICE, MemoryEstimate, Network, Sources, estimate
from transmodal.inference.passes import Passes
from transmodal.inference.preprocessing import AXES, Preprocessed, Preprocessing, preprocess
from transmodal.inference.quantized import QuantizedNetwork
from transmodal.inference.synthesis import synthesise
from transmodal.inference.translation import Translation
from transmodal.modalities import modality_of
from transmodal.nets.blocks import TranslateWith
from transmodal.progress import CountProgress
from transmodal.recipes.schema import Recipe
from transmodal.storage import memory
from transmodal.translators._base import Translator
from transmodal.volumes import Volume, bounds
from transmodal.volumes.geometry.reorient import How, resample


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
        learned_with: statistics that batch normalisation takes while translating, by its checkpoint; None where there
            is nothing to choose.
        reference: appearance of the training sources; None in runs without a record of it.
        engine_name: of the engine that runs the translator, one of `engines.names`, or `int8`.
        fingerprint: of the checkpoint's manifest; None for a translator that no checkpoint holds.
        quantized: the network in integers, of the engine `int8`; None for every other engine.
    """

    translator: Translator  # type: ignore[type-arg]  # any paper's outputs
    recipe: Recipe
    preprocessing: Preprocessing
    digest: str
    provenance: Mapping[str, Any]
    device: torch.device
    learned_with: TranslateWith | None = None
    reference: SourceReference | None = None
    engine_name: str = engines.DEFAULT
    fingerprint: Fingerprint | None = None
    quantized: QuantizedNetwork | None = None

    @property
    def engine(self) -> Engine:
        """The engine that runs the translator on the device."""
        if self.quantized is not None:
            return _int8.build(self.translator, self.device, self.quantized)
        return engines.build(self.engine_name, self.translator, self.device)

    @memory.guarded(
        "a volume was translated",
        "Free memory, crop the volume, or pass over one axis: --axes z, axes=('z',).",
    )
    def translate(
        self,
        sources: Volume | Mapping[str, Volume],
        *,
        axes: tuple[str, ...] | None = None,
        fuse: Fuse | None = None,
        advance: CountProgress | None = None,
        gate: Policy | Gate = "refuse",
        as_stored: bool = True,
    ) -> Translation:
        """Translate one case's source volumes.

        Args:
            sources: a volume, or volumes by modality where the recipe has several sources; synonyms such as `t1w`
                do (`cohorts.aliases`).
            axes: slice axes, of `x`, `y`, `z`; None takes the recipe's.
            fuse: `mean` or `median` over the axes; None takes the recipe's.
            advance: called with the number of windows that are complete, and of all windows.
            gate: how sources unlike training's are handled: `refuse`, `strict` (refuse on a
                warning too), `warn` (translate all the same) or `off`; or a `Gate`, which also knows headers.
            as_stored: round values to whole ones where the target is stored so, as HU and colour are.

        Raises:
            UsageError: as `with_axes`.
            ResourceError: E402 where memory does not suffice, by an estimate before the work or while it lasts.
            InputError: E140 when a source is refused; when a source is missing, empty, of another grid or in colour.
        """
        model = self.with_axes(axes, fuse)
        preprocessing = model.preprocessing
        volumes, notes = _expected(preprocessing, sources)
        present = {name: volumes[name] for name in preprocessing.present(volumes)}
        verdict = admit(self.reference, present, gate if isinstance(gate, Gate) else Gate(gate))
        estimate = model.estimate(present)
        estimate.check("this translation", ADVICE)
        preprocessed = preprocess(preprocessing, present)
        engine, batch = model.engine, estimate.batch
        synthetic = synthesise(engine, preprocessing, preprocessed, advance, batch=batch)
        first = next(iter(present.values()))
        volume, spread = _on_grid_of(first, synthetic.volume), synthetic.disagreement
        content = record.describe(model, present, preprocessed, volume.grid)
        content["notes"] += [*notes, *record.smaller_batches(preprocessing, synthetic.batch)]
        record.add_engine(content, engine, model.engine_name)
        content |= {
            "batch": synthetic.batch,
            "values": bounds.record(preprocessing.bounds, synthetic.clipped),
            "gate": verdict.record(),
        }
        return Translation(
            self.as_stored(volume) if as_stored else volume,
            None if spread is None else _on_grid_of(first, spread),
            content,
            _region_on(first, preprocessed),
        )

    def as_stored(self, volume: Volume) -> Volume:
        """Return HU as int16 and colour as uint8, as their formats hold them; all else as float32."""
        target, units = self.preprocessing.target, self.preprocessing.units
        modality = modality_of(target)
        is_in_unit = target not in units and modality.is_colour == volume.is_colour
        kind = np.dtype("uint8" if volume.is_colour else modality.storage if is_in_unit else "float32")
        if kind.kind == "f":
            return volume
        ends = np.iinfo(kind)
        return volume.with_voxels(np.clip(np.rint(volume.voxels), ends.min, ends.max).astype(kind))

    def estimate(self, sources: Mapping[str, Volume]) -> MemoryEstimate:
        """Return how much memory translating source volumes takes, before the work."""
        first, n_bytes = (
            next(iter(sources.values())),
            sum(volume.voxels.nbytes for volume in sources.values()),
        )
        return estimate(self.network, [Sources(first.grid, n_bytes, len(sources))])

    @property
    def network(self) -> Network:
        """The translator as far as memory is concerned."""
        config, is_here = self.translator.config, self.device.type == "cpu"
        return Network(self.recipe.translator, config, self.preprocessing, is_here)

    @property
    def has_axes(self) -> bool:
        """Whether it passes over slices, which lie along axes; patches do not."""
        return self.preprocessing.cutting.kind != "patch"

    @property
    def has_way_back(self) -> bool:
        """Whether the translator can bring sources to the target and back."""
        return type(self.translator).cycle is not Translator.cycle

    def exceeds_training_window(self, shape: tuple[int, ...]) -> bool:
        """Whether slices of a volume of this working shape need larger windows than training had."""
        cutting = self.preprocessing.cutting
        if self.recipe.windows.size is not None or cutting.size is None or not self.has_axes:
            return False
        return any(cutting.covering(shape, axis).size != cutting.size for axis in self.preprocessing.axes)

    def with_passes(self, passes: Passes) -> Model:
        """Return the model as it translates: by other passes than its recipe's.

        Raises:
            UsageError: as `with_axes`, `with_draws`, `with_statistics` and `with_flips`.
        """
        model = self.with_axes(passes.axes, passes.fuse).with_draws(passes.draws)
        return model.with_statistics(passes.translate_with).with_flips(passes.flips)

    def with_axes(self, axes: tuple[str, ...] | None = None, fuse: Fuse | None = None) -> Model:
        """Return the model as it translates: over other slice axes than its recipe's, or fused in another way.

        Args:
            axes: of `x`, `y`, `z`; None takes the recipe's.
            fuse: `mean` or `median` over the axes; None takes the recipe's.

        Raises:
            UsageError: E001 for what is no axis and for one given twice, E004 where the run cuts patches, and for a plane
                that a run which is told its planes has not learned from.
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
        slices = (
            tuple(_axis(axis, "--axes z or --axes x,y,z") for axis in axes)
            if axes
            else self.preprocessing.axes
        )
        self._check_planes(slices)
        return replace(
            self, preprocessing=replace(self.preprocessing, axes=slices, fuse=fuse or self.preprocessing.fuse)
        )

    def _check_planes(self, slices: Sequence[int]) -> None:
        learned = self.recipe.windows.axes
        unseen = [axis for axis, number in AXES.items() if number in slices and axis not in learned]
        if self.preprocessing.plane_channels and unseen:
            raise UsageError(
                "E004",
                f"axes {','.join(unseen)} of a network that is told its plane and learned from {','.join(learned)}",
                "planes that it learned from",
                f"Give --axes {','.join(learned)}.",
            )

    def with_draws(self, n_draws: int) -> Model:
        """Return the model as it translates: by so many draws of noise for each axis, fused as axes are.

        Args:
            n_draws: 1 or more; 1 changes nothing.

        Raises:
            UsageError: E001 below 1, E004 where the translator draws no noise.
        """
        if n_draws < 1:
            raise UsageError("E001", f"{n_draws} draws", "1 or more", "Give another number.")
        if n_draws > 1 and not self.translator.draws:
            raise UsageError(
                "E004",
                f"{n_draws} draws of {self.recipe.translator}, which draws no noise",
                "a translator that does, such as aldm",
                "Leave --draws out; --axes x,y,z gives several passes of any translator.",
            )
        return replace(self, preprocessing=replace(self.preprocessing, draws=n_draws))

    def with_flips(self, flips: Sequence[str]) -> Model:
        """Return the model as it translates: by one more pass for each axis along which the volume is mirrored.

        Args:
            flips: of `x` (left to right), `y`, `z`; none changes nothing.

        Raises:
            UsageError: E001 for what is no axis and for one given twice, E004 where a mirrored pass gives the same
                windows: single slices along that axis alone.
        """
        numbers = tuple(_axis(axis, "--flips x or --flips x,y,z") for axis in flips)
        if len(set(numbers)) < len(numbers):
            raise UsageError(
                "E001", f"flips {','.join(flips)}", "each once", "Give --flips x or --flips x,y,z."
            )
        for letter, number in zip(flips, numbers, strict=True):
            if not self.is_changed_by_flip(number):
                raise UsageError(
                    "E004",
                    f"flip {letter} of slices along {letter} alone, whose windows stay as they are",
                    "an axis within the slices",
                    f"Leave {letter} out of --flips, or translate slices of more axes: --axes x,y,z.",
                )
        return replace(self, preprocessing=replace(self.preprocessing, flips=numbers))

    def is_changed_by_flip(self, axis: int) -> bool:
        """Whether windows of a volume that is mirrored along an axis, 0 to 2, are others than those of the volume."""
        return self.preprocessing.cutting.kind != "slice" or any(
            own != axis for own in self.preprocessing.axes
        )

    def with_statistics(self, statistics: TranslateWith | None) -> Model:
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
        if self.quantized is not None:
            raise UsageError(
                "E004",
                f"translate_with {statistics} by int8",
                f"{own}, by which the network was quantized",
                "Leave --translate-with out, or take another engine.",
            )
        translator = translators.build(name, {**config.model_dump(mode="json"), "translate_with": statistics})
        translator.load_state_dict(self.translator.state_dict())
        for frozen in translator.frozen().values():
            frozen.to(self.device)
        return replace(self, translator=translator.eval().to(self.device))


def _axis(letter: str, words: str) -> int:
    if letter not in AXES:
        raise UsageError("E001", f"axis {letter!r}", "x, y or z", f"Give {words}.")
    return AXES[letter]


def _expected(
    preprocessing: Preprocessing, sources: Volume | Mapping[str, Volume]
) -> tuple[dict[str, Volume], list[str]]:
    """Return sources by the recipe's names and with its channels, and notes on those that were stored otherwise."""
    given_volumes = {preprocessing.sources[0]: sources} if isinstance(sources, Volume) else dict(sources)
    names = find_renames(preprocessing.sources, list(given_volumes))
    volumes, notes = dict[str, Volume](), list[str]()
    for name, volume in ((names.get(name, name), volume) for name, volume in given_volumes.items()):
        is_grey = name in preprocessing.sources and preprocessing.channels_of(name) == 1
        volumes[name] = volume.in_grey() if is_grey else volume
        if volumes[name] is not volume:
            notes.append(f"{name} is grey stored as RGB: one of its equal channels is taken")
    for name in preprocessing.sources:
        _check_channels(name, volumes.get(name), preprocessing.channels_of(name))
    return volumes, notes


def _check_channels(name: str, volume: Volume | None, channels: int) -> None:
    if volume is not None and volume.n_channels != channels:
        kinds = {1: "grey", 3: "colour"}
        raise InputError(
            "E122",
            f"{name} is {kinds[volume.n_channels]}",
            f"a {kinds.get(channels, str(channels))} image",
            "Give the image that the recipe was trained on.",
        )


def _on_grid_of(source: Volume, volume: Volume, how: How = "linear") -> Volume:
    """Return a volume of the canonical grid on the source's own, in the space of its atlas."""
    return replace(resample(volume, source.grid, how=how), space=source.space)


def _region_on(source: Volume, preprocessed: Preprocessed) -> Volume | None:
    """Return the region on the grid of a source, 0 or 1; None where it is everywhere."""
    if preprocessed.region.all():
        return None
    return _on_grid_of(
        source, preprocessed.canonical.with_voxels(preprocessed.region.astype(np.uint8)), "nearest"
    )
