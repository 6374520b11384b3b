"""Plan: a recipe and a cohort brought together, and refused here if they do not fit, before anything is trained."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from transmodal import translators
from transmodal.checkpoint import CohortMark
from transmodal.cohorts.case import patient_mark
from transmodal.cohorts.quality import assumed_spacing
from transmodal.cohorts.store import Cohort, PreparedCase
from transmodal.data.dataset import Augment, Stream, StreamCase
from transmodal.errors import InputError, UsageError, suggest
from transmodal.evaluation.measures.reference_mask import kinds_of, masked
from transmodal.evaluation.score import range_of
from transmodal.inference.preprocessing import AXES, Preprocessing, build_preprocessing, source_maps
from transmodal.recipes.schema import Recipe
from transmodal.training.cohort_intensity import with_cohort_intensity
from transmodal.training.sides import Sides, pairs_of, region_modality, sides_of
from transmodal.translators._base import OutputRange, Translator
from transmodal.volumes.geometry.reorient import working_grid
from transmodal.volumes.intensity import IntensityMap, fit, reference
from transmodal.volumes.windows.spec import plane_of, round_up

DERIVED = ("source_channels", "target_channels", "spatial_dims", "slab_depth")
"""Settings of a translator that follow from the cohort and the windows."""


@dataclass(frozen=True, slots=True)
class PhasePlan:
    """One phase of a translator.

    Attributes:
        name: of the phase.
        epochs: how many.
        players: parameters of each player, in stepping order.
        validated: whether it is validated.
    """

    name: str
    epochs: int
    players: Mapping[str, int]
    validated: bool = True


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that training needs to know; holds no tensor.

    Attributes:
        recipe: resolved.
        config: settings that `translators.build` takes.
        cohort: what is trained on.
        preprocessing: of the recipe, with the target map of the training cases.
        stream: what is read while training.
        validation: cases to validate on; may be empty.
        phases: in order.
        features: folder of a frozen encoder's stored features.
        starting_weights: weights that training starts from, by setting; see
            `nets.pretrained.PretrainedWeights.record`. Empty for a run that goes on.
    """

    recipe: Recipe
    config: Mapping[str, Any]
    cohort: CohortMark
    preprocessing: Preprocessing
    stream: Stream
    validation: tuple[PreparedCase, ...]
    phases: tuple[PhasePlan, ...]
    features: Path
    starting_weights: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def summary(self) -> dict[str, Any]:
        """Return what is going to be trained on what, JSON-able."""
        cutting = self.stream.cutting
        return {
            "translator": self.recipe.translator,
            "config": dict(self.config),
            "source": list(self.preprocessing.sources),
            "target": self.preprocessing.target,
            "target_map": self.preprocessing.target_map.to_json(),
            "windows": {"kind": cutting.kind, "size": list(cutting.size or ()), "fit": cutting.fit},
            "spacing_mm": self.preprocessing.spacing_mm,
            "region": self.preprocessing.region,
            "cases": {"train": len(self.stream.cases), "validation": len(self.validation)},
            "phases": [
                {"name": phase.name, "epochs": phase.epochs, "parameters": dict(phase.players)}
                for phase in self.phases
            ],
            "starting_weights": {name: dict(one) for name, one in self.starting_weights.items()},
        }


def plan(recipe: Recipe, cohort: Cohort, *, begins: bool = True) -> Plan:
    """Bring a recipe and a cohort together.

    Args:
        recipe: resolved; the plan's has the intensity maps of the cohort besides.
        cohort: prepared.
        begins: whether training begins; a run that goes on takes its weights from its checkpoint, and the file of
            those that it started from may be gone.

    Raises:
        UsageError: E002 and E003 for a translator or a setting that is not known, E004 for what does not go
            together, such as a spacing and pictures that do not say theirs, E001 for a primary metric that has no data range.
        InputError: E131 when a case lacks what the recipe needs, E132 when a split has too few cases, E100 when weights
            are not there, E101 when those that training starts from cannot be read.
        IntegrityError: E502 when weights that training starts from are of another architecture.
    """
    cohort = cohort.named_for([*recipe.task.source, recipe.task.target])
    recipe = with_cohort_intensity(recipe, cohort)
    training, validation = cohort.cases("train"), cohort.cases("validation")
    if not training:
        raise InputError(
            "E132",
            "no training case",
            "one or more",
            "Prepare the cohort with a larger share of training cases.",
        )
    assumed_spacing.check(
        [*training, *validation],
        recipe.data.spacing_mm,
        ", or take pixels as they are: --set data.spacing_mm=null",
    )
    config = _config(recipe, training)
    with torch.device("meta"):
        blank = translators.build(recipe.translator, config)
    _check_stopping(recipe, blank, validation)
    sides = sides_of(recipe, blank, training)
    validation = pairs_of(recipe, blank, validation)
    _check_needs(recipe, blank, [*training, *validation])
    for frozen in blank.frozen().values():
        frozen.check()
    pretrained = blank.pretrained() if begins else {}
    for weights in pretrained.values():
        weights.check()
    phases = _phases(recipe, blank)
    maps = {case.id: target_map_of(case, recipe, blank.output_range) for case in sides.targets}
    preprocessing = build_preprocessing(
        recipe,
        blank,
        reference(list(maps.values())),
        learned=_whole(recipe, blank.size_multiple(), training),
        units=_units(cohort, recipe),
    )
    if recipe.evaluation.primary in ("psnr", "ssim"):
        range_of(
            preprocessing.target, preprocessing.target_map, preprocessing.units.get(preprocessing.target, "")
        )
    return Plan(
        recipe,
        config,
        CohortMark(
            cohort.manifest.name,
            cohort.digest(),
            tuple(sorted({patient_mark(case.patient) for case in training})),
        ),
        preprocessing,
        _stream(preprocessing, recipe, sides, maps, blank),
        tuple(masked(cohort, validation, recipe.task.target, kinds_of(recipe.data.region))),
        phases,
        cohort.folder / "features",
        {name: weights.record() for name, weights in pretrained.items()},
    )


def _units(cohort: Cohort, recipe: Recipe) -> dict[str, str]:
    """Return the units of the task's modalities that are not in their own."""
    return {
        name: unit
        for name, unit in cohort.units().items()
        if name in (*recipe.task.source, recipe.task.target)
    }


def target_map_of(case: PreparedCase, recipe: Recipe, output_range: OutputRange) -> IntensityMap:
    """Return one case's own map of its target, fitted where its sources are looked at."""
    mask = case.region(region_modality(recipe, case), recipe.data.region)
    target = recipe.task.target
    return fit(recipe.data.spec(target), case.volume(target).voxels, mask, range=output_range)


def _check_stopping(recipe: Recipe, blank: Translator[Any], validation: Sequence[PreparedCase]) -> None:
    if not validation and recipe.training.early_stopping is not None:
        raise InputError(
            "E132",
            "no validation case, and training.early_stopping",
            "a validation case to stop by",
            "Prepare the cohort with a validation share, or set training.early_stopping=null.",
        )
    if recipe.training.augment.drop_sources > 0 and not blank.accepts_missing:
        raise UsageError(
            "E004",
            f"training.augment.drop_sources for {recipe.translator}",
            "a translator that accepts missing sources",
            "Set training.augment.drop_sources=0.",
        )


def _config(recipe: Recipe, cases: Sequence[PreparedCase]) -> dict[str, Any]:
    """Return the translator's settings: the recipe's, with channels and dimensions added."""
    for key in DERIVED:
        if key in recipe.settings:
            raise UsageError(
                "E003",
                f"settings.{key}",
                "settings that do not follow from the cohort and the windows",
                f"Leave settings.{key} out.",
            )
    windows = recipe.windows
    derived = {
        "source_channels": tuple(_channels(cases, modality) for modality in recipe.task.source),
        "target_channels": _channels(cases, recipe.task.target),
        "spatial_dims": 3 if windows.kind == "patch" else 2,
        "slab_depth": windows.depth,
    }
    checked = translators.checked(recipe.translator, {**recipe.settings, **derived})
    return checked.model_dump(mode="json")


def _channels(cases: Sequence[PreparedCase], modality: str) -> int:
    """Return a modality's channels in the first case that has it; grey where none has it."""
    shapes = [case.entry.volumes[modality].shape for case in cases if modality in case.modalities]
    return 3 if shapes and len(shapes[0]) == 4 else 1


def _check_needs(recipe: Recipe, blank: Translator[Any], cases: Sequence[PreparedCase]) -> None:
    for case in cases:
        for need, entry in (("mask", case.entry.mask), ("segmentation", case.entry.segmentation)):
            if need in blank.needs and entry is None:
                raise InputError(
                    "E131",
                    f"case {case.id} without {need}",
                    f"a {need} in every case, which {recipe.translator} needs",
                    f"Prepare the cohort with a {need} per case, or choose another translator.",
                )
        case.region(region_modality(recipe, case), recipe.data.region)
        for modality in (*recipe.task.source, recipe.task.target):
            if modality in case.modalities and _channels([case], modality) != _channels(cases, modality):
                raise InputError(
                    "E122",
                    f"{modality} in colour in one of {cases[0].id} and {case.id}, grey in the other",
                    "one kind per modality",
                    "Prepare the cohort from images of one kind.",
                )


def _phases(recipe: Recipe, blank: Translator[Any]) -> tuple[PhasePlan, ...]:
    training = recipe.training
    phases = tuple(
        PhasePlan(
            name,
            training.epochs_of(name),
            {
                player: sum(one.numel() for one in module.parameters() if one.requires_grad)
                for player, module in blank.players(name).items()
            },
            name not in blank.preparatory,
        )
        for name in blank.phases
    )
    # A setting may switch a player or a phase off that the recipe has an optimiser for: that is no mistake.
    known = [{phase.name: list(phase.players) for phase in phases}, _players_by_default(recipe, blank)]
    players = [name for each in known for names in each.values() for name in names]
    _check_names("training.phases", list(training.phases), [name for each in known for name in each])
    for phase, given in training.phases.items():
        own = [name for each in known for name in each.get(phase, [])]
        _check_names(f"training.phases.{phase}.players", list(given.players), own)
    _check_names("training.players", list(training.players), players)
    there = list(dict.fromkeys(name for phase in phases for name in phase.players))
    if training.players and not set(training.players) & set(there):
        raise UsageError(
            "E003",
            f"training.players has {', '.join(training.players)}, none of which these settings leave",
            f"optimisers of {', '.join(there)}",
            "Set training.players to theirs, or to {} for the defaults.",
        )
    return phases


def _players_by_default(recipe: Recipe, blank: Translator[Any]) -> dict[str, list[str]]:
    """Return the players of each phase under the translator's own defaults."""
    channels = {key: getattr(blank.config, key) for key in DERIVED}
    try:
        with torch.device("meta"):
            plain = translators.build(recipe.translator, channels)
    except UsageError:  # the defaults do not suit these channels
        return {}
    return {phase: list(plain.players(phase)) for phase in plain.phases}


def _check_names(where: str, given: Sequence[str], known: Sequence[str]) -> None:
    for name in given:
        if name not in known:
            raise UsageError(
                "E003",
                f"unknown key {where}.{name}",
                f"one of {', '.join(dict.fromkeys(known))}",
                suggest(name, known, "Leave it out.", prefix=f"{where}.", cutoff=0.4),
            )


def _stream(
    preprocessing: Preprocessing,
    recipe: Recipe,
    sides: Sides,
    maps: Mapping[str, IntensityMap],
    blank: Translator[Any],
) -> Stream:
    axes = tuple(AXES[axis] for axis in recipe.windows.axes)
    alone = () if sides.paired else sides.targets
    return Stream(
        cases=tuple(
            StreamCase(case, source_maps(preprocessing, case), maps.get(case.id)) for case in sides.sources
        ),
        sources=preprocessing.sources,
        target=preprocessing.target,
        spacing_mm=preprocessing.spacing_mm,
        region=preprocessing.region,
        cutting=preprocessing.cutting,
        axes=axes,
        needs=blank.needs | (blank.wants & _had(sides.sources)),
        augment=Augment(**recipe.training.augment.model_dump()),
        min_foreground=recipe.windows.min_foreground,
        central=recipe.windows.central,
        unpaired=blank.pairing == "unpaired",
        channels=blank.config.source_channels,
        target_cases=tuple(StreamCase(case, (maps[case.id],), maps[case.id]) for case in alone),
    )


def _had(cases: Iterable[PreparedCase]) -> frozenset[str]:
    """Return which labels every case has."""
    have = [
        {name for name in ("mask", "segmentation") if getattr(case.entry, name) is not None} for case in cases
    ]
    return frozenset(set.intersection(*have))


def _whole(recipe: Recipe, multiple: int, cases: Sequence[PreparedCase]) -> tuple[int, int] | None:
    """Return the smallest window that holds every slice of all cases and axes; None where windows are patches."""
    if recipe.windows.kind == "patch":
        return None
    axes = [AXES[axis] for axis in recipe.windows.axes]
    shapes = [working_grid(case.grid, recipe.data.spacing_mm).shape for case in cases]
    planes = [plane_of(shape, axis) for shape in shapes for axis in axes]
    rows, columns = (round_up(max(sides), multiple) for sides in zip(*planes, strict=True))
    return rows, columns
