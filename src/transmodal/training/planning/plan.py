"""Plan: a recipe and a cohort brought together, and refused here if they do not fit, before anything is trained."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from transmodal.checkpoint import CohortMark
from transmodal.cohorts.store import Cohort, PreparedCase
from transmodal.data.stream import Stream, StreamCase
from transmodal.evaluation.score import range_of
from transmodal.inference.preprocessing import AXES, Preprocessing, build_preprocessing
from transmodal.metrics import registry
from transmodal.recipes.schema import Recipe
from transmodal.training.planning.cohort_intensity import with_cohort_intensity
from transmodal.training.planning.maps import fit_maps
from transmodal.training.planning.material import Material, read_material
from transmodal.training.planning.network import plan_network
from transmodal.training.planning.pairing import TaskCases, choose_pairs, sort_cases
from transmodal.training.planning.phases import PhasePlan
from transmodal.training.planning.requirements import check_needs
from transmodal.training.planning.starting_run import NAME, StartingRun, plan_start
from transmodal.translators._base import Translator
from transmodal.volumes.geometry.reorient import working_grid
from transmodal.volumes.intensity import cohort_map
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
        start: run whose weights training starts from, in the place of those; None for a run that goes on.
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
    start: StartingRun | None = None

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
            "cases": self._count_cases(),
            "phases": [
                {"name": phase.name, "epochs": phase.epochs, "parameters": dict(phase.players)}
                for phase in self.phases
            ],
            "starting_weights": {name: dict(weights) for name, weights in self.starting_weights.items()},
        }

    def _count_cases(self) -> dict[str, int]:
        counts = {"train": len(self.stream.cases), "validation": len(self.validation)}
        return counts | ({"paired": len(self.stream.pairs)} if self.stream.pairs else {})


def plan(recipe: Recipe, cohort: Cohort, *, begins: bool = True, start: Path | None = None) -> Plan:
    """Bring a recipe and a cohort together.

    Args:
        recipe: resolved; the plan's has the intensity maps of the cohort besides.
        cohort: prepared.
        begins: whether training begins; a run that goes on takes its weights from its checkpoint, and the file of
            those that it started from may be gone.
        start: run whose best weights training starts from; not looked at where training does not begin.

    Raises:
        UsageError: E002 and E003 for a translator or a setting that is not known, E004 for what does not go
            together, such as a spacing and pictures that do not say theirs, E001 for a primary metric that has no data range.
        InputError: E131 when a case lacks what the recipe needs, E132 when a split has too few cases, E100 when weights
            are not there, E101 when those that training starts from cannot be read.
        IntegrityError: E502 when weights that training starts from are of another architecture.
    """
    material = read_material(recipe, cohort)
    recipe = with_cohort_intensity(recipe, material.intensity, material.mark.name)
    network = plan_network(recipe, material.channels, begins=begins and start is None)
    starting = plan_start(start, recipe.translator, network.blank) if begins and start is not None else None
    cases = sort_cases(recipe.task, network.blank, material)
    check_needs(recipe, network.blank, material, cases.validation)
    training = {case.id: fit_maps(case, recipe, network.blank.output_range) for case in material.training}
    preprocessing = _preprocessing(recipe, network.blank, material, training)
    return Plan(
        recipe=recipe,
        config=network.config,
        cohort=material.mark if starting is None else starting.joined(material.mark),
        preprocessing=preprocessing,
        stream=_stream(recipe, network.blank, preprocessing, cases, training),
        validation=cases.validation,
        phases=network.phases,
        features=material.folder / "features",
        starting_weights=network.starting_weights if starting is None else {NAME: starting.record()},
        start=starting,
    )


def _preprocessing(
    recipe: Recipe, blank: Translator[Any], material: Material, training: Mapping[str, StreamCase]
) -> Preprocessing:
    """Return the recipe's preprocessing, with the training cases' map of the target.

    Raises:
        UsageError: E001 for a primary metric that needs a data range, where the target has none.
    """
    target_maps = [case.target_map for case in training.values() if case.target_map is not None]
    preprocessing = build_preprocessing(
        recipe,
        blank,
        cohort_map(target_maps),
        learned=_largest_plane(recipe, blank.size_multiple(), material.training),
        units=material.units,
    )
    if registry.find(recipe.evaluation.primary).has_range:
        range_of(
            preprocessing.target, preprocessing.target_map, preprocessing.units.get(preprocessing.target, "")
        )
    return preprocessing


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
    recipe: Recipe,
    blank: Translator[Any],
    preprocessing: Preprocessing,
    cases: TaskCases,
    training: Mapping[str, StreamCase],
) -> Stream:
    targets = () if cases.paired else tuple(training[case.id].of_target() for case in cases.targets)
    return Stream(
        cases=tuple(training[case.id] for case in cases.sources),
        sources=preprocessing.sources,
        target=preprocessing.target,
        spacing_mm=preprocessing.spacing_mm,
        region=preprocessing.region,
        cutting=preprocessing.cutting,
        axes=tuple(AXES[axis] for axis in recipe.windows.axes),
        needs=blank.needs | (blank.wants & _shared_labels(cases.sources)),
        augment=recipe.training.augment,
        misalignment=recipe.training.misalignment,
        mislabelling=recipe.training.mislabelling,
        min_foreground=recipe.windows.min_foreground,
        central=recipe.windows.central,
        unpaired=blank.pairing == "unpaired",
        channels=blank.config.source_channels,
        target_cases=targets,
        plane_channels=recipe.windows.plane_channels,
        pairs=choose_pairs(recipe, blank, cases),
    )


def _shared_labels(cases: Iterable[PreparedCase]) -> frozenset[str]:
    """Return which labels every case has."""
    labels = [
        {name for name in ("mask", "segmentation") if getattr(case.entry, name) is not None} for case in cases
    ]
    return frozenset(set.intersection(*labels))
