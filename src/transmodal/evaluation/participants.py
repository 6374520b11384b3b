"""Who takes part in an evaluation: trained runs under their names, and oracles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

from transmodal.cohorts.store import PreparedCase
from transmodal.errors import UsageError
from transmodal.evaluation import provenance
from transmodal.evaluation.measures import clipping
from transmodal.inference.fuse import Fuse
from transmodal.inference.preprocessing import Preprocessing
from transmodal.volumes import Volume
from transmodal.volumes.bounds import Clipped
from transmodal.volumes.geometry.reorient import working_grid

if TYPE_CHECKING:
    from transmodal.inference.translate import Model
    from transmodal.nets.blocks import TranslateWith


class CaseTranslation(NamedTuple):
    """A synthetic volume, where the passes of its translation disagree (None for one pass), and what was clipped."""

    volume: Volume
    disagreement: Volume | None = None
    clipped: Clipped = Clipped()


class CaseTranslator(Protocol):
    """What can be evaluated: a trained model, or an oracle."""

    @property
    def name(self) -> str:
        """Name in tables."""

    def translate_case(self, case: PreparedCase) -> Volume:
        """Return the synthetic target on the case's canonical grid, in real units."""


class Passes(NamedTuple):
    """By what passes runs translate, where it is not by their recipes'.

    Attributes:
        axes: slice axes, of `x`, `y`, `z`; None takes each recipe's.
        fuse: how passes become one; None takes each recipe's.
        draws: passes per axis, each with noise of its own.
        translate_with: what batch normalisation takes; None takes each recipe's.
    """

    axes: tuple[str, ...] | None = None
    fuse: Fuse | None = None
    draws: int = 1
    translate_with: TranslateWith | None = None


BY_RECIPE = Passes()


@runtime_checkable
class SupportsUncertainty(Protocol):
    """What can say where it is less sure."""

    def with_disagreement(self, case: PreparedCase) -> CaseTranslation:
        """Return the synthetic target, and the disagreement on the same grid and in the same unit."""


@dataclass(frozen=True, slots=True)
class ModelTranslator:
    """A trained run as something to evaluate.

    Attributes:
        name: in tables.
        model: the loaded run.
        without: sources that are left out, as if cases lacked them.
    """

    name: str
    model: Model
    without: tuple[str, ...] = ()

    def translate_case(self, case: PreparedCase) -> Volume:
        """Return the synthetic target on the case's canonical grid, in real units."""
        return self.with_disagreement(case).volume

    def with_disagreement(self, case: PreparedCase) -> CaseTranslation:
        """Return the synthetic target, and where its passes disagree; None for one pass."""
        from transmodal.inference.synthesis import synthesise_case

        model = self.model
        return CaseTranslation(
            *synthesise_case(model.engine, model.preprocessing, case, without=self.without)
        )

    def record(self) -> dict[str, Any]:
        """Return how the model came about, JSON-able."""
        recipe, preprocessing = self.model.recipe, self.model.preprocessing
        return {
            "recipe": recipe.name,
            "translator": recipe.translator,
            "source": list(preprocessing.sources),
            "region": preprocessing.region,
            "without": list(self.without),
            "spacing_mm": preprocessing.spacing_mm,
            clipping.RANGE: preprocessing.bounds.to_json(),
            "passes": provenance.describe_passes(self.model),
            "weights_sha256": self.model.digest,
            **provenance.describe_model(self.model),
            **self.model.provenance,
        }


@dataclass(frozen=True, slots=True)
class Participants:
    """Who takes part.

    Attributes:
        models: trained translators; the first one's MAE (or `primary`) chooses the cases to show.
        oracles: what needs no learning.
        records: how each model came about, by name.
        curves: CSV files of training curves, by name.
    """

    models: Sequence[CaseTranslator]
    oracles: Sequence[CaseTranslator] = ()
    records: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    curves: Mapping[str, Path] = field(default_factory=dict)


def translate(participant: CaseTranslator, case: PreparedCase) -> CaseTranslation:
    """Translate a case, with the disagreement where the entrant can say it."""
    if isinstance(participant, SupportsUncertainty):
        return participant.with_disagreement(case)
    return CaseTranslation(participant.translate_case(case))


def without_sources(complete: ModelTranslator, sources: Sequence[str]) -> ModelTranslator:
    """Return the run as it translates without some of its sources.

    Raises:
        UsageError: E004 for a source that it has not, or cannot do without.
    """
    preprocessing = complete.model.preprocessing
    for source in sources:
        if source not in preprocessing.sources or not preprocessing.accepts_missing:
            raise UsageError(
                "E004",
                f"{complete.name} without {source}",
                f"a run that accepts missing sources, of {', '.join(preprocessing.sources)}",
                "Leave --without out, or evaluate the run alone.",
            )
    return replace(complete, name=f"{complete.name} without {', '.join(sources)}", without=tuple(sources))


def with_passes(
    names: Sequence[str], models: Sequence[Model], passes: Passes
) -> tuple[list[str], list[Model]]:
    """Return models as they translate by other passes than their recipes', under names that say so.

    Those that take patches have no axes, those that draw no noise no draws, and those without batch normalisation
    nothing to normalise otherwise: they stay as they are beside others.

    Raises:
        UsageError: E001 for what is no axis and below one draw, E004 where no model can do what is asked.
    """
    for one in models[:1]:  # refuses what nobody can do
        if not any(model.has_axes for model in models):
            one.along(passes.axes)
        if passes.draws < 1 or not any(model.translator.draws for model in models):
            one.drawing(passes.draws)
        if all(model.translator.translates_with() is None for model in models):
            one.normalising(passes.translate_with)
    chosen = [_with_passes(model, passes) for model in models]
    told = [provenance.describe_variant(provenance.describe_passes(model)) for model in chosen]
    return [f"{name}, {words}" if words else name for name, words in zip(names, told, strict=True)], chosen


def _with_passes(model: Model, passes: Passes) -> Model:
    along = model.along(passes.axes if model.has_axes else None, passes.fuse)
    drawing = along.drawing(passes.draws) if model.translator.draws else along
    return (
        drawing
        if drawing.translator.translates_with() is None
        else drawing.normalising(passes.translate_with)
    )


def exceeds_training_window(models: Sequence[ModelTranslator], cases: Sequence[PreparedCase]) -> list[str]:
    """Say of each model whether slices need larger windows than it learned with, which can cost it."""
    notes = []
    for one in models:
        model = one.model
        grids = [working_grid(case.grid, model.preprocessing.spacing_mm) for case in cases]
        n = sum(model.is_outgrown_by(grid.shape) for grid in grids)
        if n:
            notes.append(
                f"{one.name}: slices of {n} of {len(cases)} cases are larger than its windows in training, "
                f"{' x '.join(map(str, model.preprocessing.cutting.size or ()))}: what depends on the padding around a slice "
                "sees another one."
            )
    return notes


def name_runs(paths: Sequence[Path], models: Sequence[Model]) -> list[str]:
    """Name runs by their translators, or by their folders where two have the same."""
    names = [model.recipe.translator for model in models]
    return [name if names.count(name) == 1 else path.name for name, path in zip(names, paths, strict=True)]


def common_preprocessing(names: Sequence[str], models: Sequence[Model]) -> Preprocessing:
    """Return the first run's preprocessing.

    Raises:
        UsageError: E004 without runs, or for runs with different targets.
    """
    if not models:
        raise UsageError("E004", "no run", "one run or more", "Name the folder of a trained run.")
    first = models[0].preprocessing
    for name, model in zip(names, models, strict=True):
        if model.preprocessing.target != first.target:
            raise UsageError(
                "E004",
                f"{names[0]} makes {first.target}, {name} makes {model.preprocessing.target}",
                "runs with one target",
                "Evaluate them apart.",
            )
    return first
