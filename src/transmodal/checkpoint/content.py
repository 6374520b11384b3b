"""A translator at one moment of its training, as it lies in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict
from torch import Tensor

from transmodal.cohorts.patient_marks import KEY_ID, MARKS
from transmodal.cohorts.quality.training_sources import SourceReference
from transmodal.plugins import Distribution
from transmodal.recipes.schema import Recipe
from transmodal.volumes.intensity import IntensityMap, IntensitySpec


class CohortMark(NamedTuple):
    """Which cohort a translator was trained on.

    Attributes:
        name: of the cohort.
        digest: of its content and split.
        patients: marks of the patients whose cases it learned from; see `cohorts.patient_marks`.
        patients_key: id of the key that made the marks; empty for those of before there were keys.
    """

    name: str
    digest: str
    patients: tuple[str, ...] = ()
    patients_key: str = ""


class Fingerprint(NamedTuple):
    """A manifest by its hashes, which bind what is made with the checkpoint to every word of it.

    Attributes:
        name: of the checkpoint's folder, such as `best`.
        sha256: of the whole content: the seal that stands first in `manifest.json`.
        parts: first characters of the SHA-256 of each part of it, such as `target_map`.
    """

    name: str
    sha256: str
    parts: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        """Return it as sidecars hold it."""
        return {"name": self.name, "manifest_sha256": self.sha256, "manifest_parts": dict(self.parts)}


class State(BaseModel):
    """Where training stands, and its memory beside tensors.

    Attributes:
        phase: name of the phase.
        epoch: epochs of this phase that are complete.
        epoch_step: steps of the current epoch that are complete.
        step: steps of the run that are complete.
        best: best value of the primary metric in this phase.
        best_step: step at which it was reached.
        stale: validations since then.
        phase_ended: whether early stopping ended this phase.
        finished: whether the run is complete.
        sums: sums and counts of the curves' current points, by name.
        scaler: state of the loss scaler (16-mixed only).
        seconds: that training took so far, over all calls.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    phase: str
    epoch: int = 0
    epoch_step: int = 0
    step: int = 0
    best: float | None = None
    best_step: int | None = None
    stale: int = 0
    phase_ended: bool = False
    finished: bool = False
    sums: dict[str, tuple[float, int]] = {}
    scaler: dict[str, int | float] = {}
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A translator at one moment of its training.

    Attributes:
        recipe: the resolved recipe.
        translator_config: settings that `translators.build` takes.
        target_map: the training cohort's map of target intensities.
        sources: how each source's intensities are mapped.
        cohort: what it was trained on.
        state: where training stands.
        weights: the translator's state, on the CPU.
        optimizers: the optimisers' tensors by name; empty where they were not saved or not asked for.
        frozen: SHA-256 of each frozen network.
        starting_weights: SHA-256 of each file of weights that training started from, or `from scratch`.
        window: sides of the windows that it learned from; None in checkpoints from before this was kept.
        units: of modalities whose values are not in their own unit, such as `{"ct": "grey level"}`.
        versions: of what made it.
        plugin: the distribution that its translator comes from; None for one of transmodal's own.
        reference: what the training sources looked like; None in checkpoints from before this was kept.
        weights_sha256: of the weights' file; empty before it is saved.
        fingerprint: of its manifest; None before it is saved.
    """

    recipe: Recipe
    translator_config: Mapping[str, Any]
    target_map: IntensityMap
    sources: Mapping[str, IntensitySpec]
    cohort: CohortMark
    state: State
    weights: Mapping[str, Tensor]
    optimizers: Mapping[str, Tensor] = field(default_factory=dict)
    frozen: Mapping[str, str] = field(default_factory=dict)
    starting_weights: Mapping[str, str] = field(default_factory=dict)
    window: tuple[int, ...] | None = None
    units: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    plugin: Distribution | None = None
    reference: SourceReference | None = None
    weights_sha256: str = ""
    fingerprint: Fingerprint | None = None

    def provenance(self) -> dict[str, Any]:
        """Return where the weights come from, JSON-able."""
        # A checkpoint from before these were kept does not say that training took no time.
        seconds = {"training_seconds": round(self.state.seconds, 1)} if self.state.seconds > 0 else {}
        return {
            "cohort": {"name": self.cohort.name, "digest": self.cohort.digest},
            MARKS: list(self.cohort.patients),
            KEY_ID: self.cohort.patients_key,
            **seconds,
            "seed": self.recipe.training.seed,
            "phase": self.state.phase,
            "epoch": self.state.epoch,
            "step": self.state.step,
            "best": {"metric": self.recipe.evaluation.primary, "value": self.state.best},
            "frozen": dict(self.frozen),
            "starting_weights": dict(self.starting_weights),
            "versions": dict(self.versions),
            **({} if self.plugin is None else {"plugin": self.plugin._asdict()}),
        }
