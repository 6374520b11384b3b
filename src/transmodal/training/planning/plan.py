"""Plan: a recipe and a cohort brought together, and refused here if they do not fit, before anything is trained."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from transmodal import translators
from transmodal.checkpoint import CohortMark
from transmodal.cohorts.patient_marks import marking_keys
from transmodal.cohorts.store import Cohort, PreparedCase
from transmodal.data.stream import Stream, StreamCase
from transmodal.evaluation.measures.reference_mask import kinds_of, mask_cases
from transmodal.evaluation.score import range_of
from transmodal.inference.preprocessing import AXES, Preprocessing, build_preprocessing, source_maps
from transmodal.metrics import registry
from transmodal.nets.pretrained import PretrainedWeights
from transmodal.recipes.schema import Recipe
from transmodal.training.planning.cohort_intensity import with_cohort_intensity
from transmodal.training.planning.config import translator_config
from transmodal.training.planning.pairing import TrainingCases, pairs_of, region_modality, sort_training_cases
from transmodal.training.planning.phases import PhasePlan, plan_phases
from transmodal.training.planning.requirements import check_cases, check_needs, check_options
from transmodal.translators._base import OutputRange, Translator
from transmodal.volumes.geometry.reorient import working_grid
from transmodal.volumes.intensity import IntensityMap, cohort_map, fit
from transmodal.volumes.windows.spec import plane_of, round_up


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
            "starting_weights": {name: dict(weights) for name, weights in self.starting_weights.items()},
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
    check_cases(recipe, training, validation)
    config = translator_config(recipe, training)
    with torch.device("meta"):
        blank = translators.build(recipe.translator, config)
    check_options(recipe, blank, validation)
    training_cases = sort_training_cases(recipe, blank, training)
    validation = pairs_of(recipe, blank, validation)
    check_needs(recipe, blank, [*training, *validation])
    pretrained = _checked_weights(blank, begins=begins)
    phases = plan_phases(recipe, blank)
    maps = {case.id: target_map_of(case, recipe, blank.output_range) for case in training_cases.targets}
    preprocessing = _preprocessing(recipe, blank, cohort, maps)
    return Plan(
        recipe=recipe,
        config=config,
        cohort=_mark(cohort, training),
        preprocessing=preprocessing,
        stream=_stream(preprocessing, recipe, training_cases, maps, blank),
        validation=tuple(mask_cases(cohort, validation, recipe.task.target, kinds_of(recipe.data.region))),
        phases=phases,
        features=cohort.folder / "features",
        starting_weights={name: weights.record() for name, weights in pretrained.items()},
    )


def target_map_of(case: PreparedCase, recipe: Recipe, output_range: OutputRange) -> IntensityMap:
    """Return one case's own map of its target, fitted where its sources are looked at."""
    mask = case.region(region_modality(recipe, case), recipe.data.region)
    target = recipe.task.target
    return fit(recipe.data.spec(target), case.volume(target).voxels, mask, range=output_range)


def _checked_weights(blank: Translator[Any], *, begins: bool) -> Mapping[str, PretrainedWeights]:
    """Check frozen networks' weights, and return those that training starts from, checked; none for a run that goes on."""
    for frozen in blank.frozen().values():
        frozen.check()
    pretrained = blank.pretrained() if begins else {}
    for weights in pretrained.values():
        weights.check()
    return pretrained


def _preprocessing(
    recipe: Recipe, blank: Translator[Any], cohort: Cohort, maps: Mapping[str, IntensityMap]
) -> Preprocessing:
    """Return the recipe's preprocessing.

    Raises:
        UsageError: E001 for a primary metric that needs a data range, where the target has none.
    """
    preprocessing = build_preprocessing(
        recipe,
        blank,
        cohort_map(list(maps.values())),
        learned=_largest_plane(recipe, blank.size_multiple(), cohort.cases("train")),
        units=_units(cohort, recipe),
    )
    if registry.find(recipe.evaluation.primary).has_range:
        range_of(
            preprocessing.target, preprocessing.target_map, preprocessing.units.get(preprocessing.target, "")
        )
    return preprocessing


def _units(cohort: Cohort, recipe: Recipe) -> dict[str, str]:
    """Return the units of the task's modalities that are not in their own."""
    modalities = (*recipe.task.source, recipe.task.target)
    return {name: unit for name, unit in cohort.units().items() if name in modalities}


def _largest_plane(recipe: Recipe, multiple: int, cases: Sequence[PreparedCase]) -> tuple[int, int] | None:
    """Return the smallest window that holds every slice of all cases and axes; None where windows are patches."""
    if recipe.windows.kind == "patch":
        return None
    axes = [AXES[axis] for axis in recipe.windows.axes]
    shapes = [working_grid(case.grid, recipe.data.spacing_mm).shape for case in cases]
    planes = [plane_of(shape, axis) for shape in shapes for axis in axes]
    rows, columns = (round_up(max(sides), multiple) for sides in zip(*planes, strict=True))
    return rows, columns


def _stream(
    preprocessing: Preprocessing,
    recipe: Recipe,
    cases: TrainingCases,
    maps: Mapping[str, IntensityMap],
    blank: Translator[Any],
) -> Stream:
    unpaired_targets = () if cases.paired else cases.targets
    return Stream(
        cases=tuple(
            StreamCase(case, source_maps(preprocessing, case), maps.get(case.id)) for case in cases.sources
        ),
        sources=preprocessing.sources,
        target=preprocessing.target,
        spacing_mm=preprocessing.spacing_mm,
        region=preprocessing.region,
        cutting=preprocessing.cutting,
        axes=tuple(AXES[axis] for axis in recipe.windows.axes),
        needs=blank.needs | (blank.wants & _shared_labels(cases.sources)),
        augment=recipe.training.augment,
        min_foreground=recipe.windows.min_foreground,
        central=recipe.windows.central,
        unpaired=blank.pairing == "unpaired",
        channels=blank.config.source_channels,
        target_cases=tuple(StreamCase(case, (maps[case.id],), maps[case.id]) for case in unpaired_targets),
    )


def _shared_labels(cases: Iterable[PreparedCase]) -> frozenset[str]:
    """Return which labels every case has."""
    labels = [
        {name for name in ("mask", "segmentation") if getattr(case.entry, name) is not None} for case in cases
    ]
    return frozenset(set.intersection(*labels))


def _mark(cohort: Cohort, training: Sequence[PreparedCase]) -> CohortMark:
    keys = marking_keys(cohort.folder, has_key=cohort.manifest.has_patient_key)
    if not keys:
        return CohortMark(cohort.manifest.name, cohort.digest())
    marks = sorted({keys[0].mark(case.patient) for case in training})
    return CohortMark(cohort.manifest.name, cohort.digest(), tuple(marks), keys[0].id)
