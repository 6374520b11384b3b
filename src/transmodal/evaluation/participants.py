"""Participants of an evaluation: trained runs under their names, and oracles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

from transmodal.cohorts.store import PreparedCase
from transmodal.errors import UsageError
from transmodal.evaluation import provenance
from transmodal.evaluation.measures import clipping
from transmodal.volumes import Volume
from transmodal.volumes.bounds import Clipped
from transmodal.volumes.geometry.reorient import working_grid

if TYPE_CHECKING:
    from transmodal.inference.model import Model


class CaseTranslation(NamedTuple):
    """A synthetic volume, where the passes of its translation disagree (None for one pass), and how many voxels were clipped."""

    volume: Volume
    disagreement: Volume | None = None
    clipped: Clipped = Clipped()


class CaseTranslator(Protocol):
    """A trained model or an oracle: anything that translates prepared cases under a name."""

    @property
    def name(self) -> str:
        """Name in tables."""

    def translate_case(self, case: PreparedCase) -> Volume:
        """Return the synthetic target on the case's canonical grid, in real units."""


@runtime_checkable
class SupportsUncertainty(Protocol):
    """A translator that also returns where its passes disagree."""

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
        synthetic = synthesise_case(model.engine, model.preprocessing, case, without=self.without)
        return CaseTranslation(synthetic.volume, synthetic.disagreement, synthetic.clipped)

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
    """Models and oracles that are evaluated side by side.

    Attributes:
        models: trained translators; the first one's MAE (or `primary`) chooses the cases to show.
        oracles: translators that need no learning.
        records: how each model came about, by name.
        curves: CSV files of training curves, by name.
    """

    models: Sequence[CaseTranslator]
    oracles: Sequence[CaseTranslator] = ()
    records: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    curves: Mapping[str, Path] = field(default_factory=dict)

    @property
    def everyone(self) -> list[CaseTranslator]:
        """Models, then oracles."""
        return [*self.models, *self.oracles]


def translate(participant: CaseTranslator, case: PreparedCase) -> CaseTranslation:
    """Translate a case, with the disagreement of its passes where the participant returns one."""
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


def exceeds_training_window(models: Sequence[ModelTranslator], cases: Sequence[PreparedCase]) -> list[str]:
    """Return a note for each model whose slices need larger windows here than it learned with, which can cost it."""
    notes = []
    for participant in models:
        model = participant.model
        grids = [working_grid(case.grid, model.preprocessing.spacing_mm) for case in cases]
        n = sum(model.exceeds_training_window(grid.shape) for grid in grids)
        if n:
            notes.append(
                f"{participant.name}: slices of {n} of {len(cases)} cases are larger than its windows in training, "
                f"{' x '.join(map(str, model.preprocessing.cutting.size or ()))}: what depends on the padding around a slice "
                "sees another one."
            )
    return notes
