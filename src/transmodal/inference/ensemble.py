"""Several runs as one: each translates the same sources, and their volumes become one, with where they disagree."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from transmodal.cohorts.quality.finding import OUTCOMES
from transmodal.errors import UsageError
from transmodal.inference.fuse import Fuse, fuse, plane_disagreement
from transmodal.inference.gate import Gate, Policy
from transmodal.inference.memory import MemoryEstimate
from transmodal.inference.model import Model
from transmodal.inference.preprocessing import Preprocessing, passes
from transmodal.inference.translation import Translation
from transmodal.progress import CountProgress
from transmodal.storage import files
from transmodal.volumes import Volume

RECORD = "ensemble"
"""Key of a sidecar under which the runs stand that made a volume together."""

_OWN = ("recipe", "translator", "checkpoint", "passes", "translate_with", "engine", "batch", "values")
"""Keys of a run's record that are its own, and not those of the volume that several runs make."""


@dataclass(frozen=True, slots=True)
class Ensemble:
    """Runs that translate together; `of` makes one of runs that fit.

    Attributes:
        members: two models or more, of one target, region, working grid and range of intensities.
        combine: how their volumes become one, voxel by voxel.
    """

    members: tuple[Model, ...]
    combine: Fuse = "mean"

    @classmethod
    def of(cls, members: Sequence[Model], combine: Fuse = "mean") -> Ensemble:
        """Return the ensemble of runs.

        Raises:
            UsageError: E004 for fewer than two, for the same run twice, and for runs whose volumes are no volumes of one
                thing: of other sources, target, region, spacing or map of intensities.
        """
        if len(members) < 2:
            raise UsageError(
                "E004", f"an ensemble of {len(members)} run", "two or more", "Name another: --with-run RUN."
            )
        for n, member in enumerate(members[1:], start=1):
            if member.digest in [earlier.digest for earlier in members[:n]]:
                raise UsageError(
                    "E004",
                    f"the weights of {member.recipe.name} twice",
                    "runs that were trained apart",
                    "Name each run once, or train another: transmodal train RECIPE --set training.seed=2.",
                )
            _check_fit(members[0], member)
        return cls(tuple(members), combine)

    @property
    def preprocessing(self) -> Preprocessing:
        """The first run's; of all runs sources, target, region and range are the same."""
        return self.members[0].preprocessing

    @property
    def digest(self) -> str:
        """SHA-256 over those of the runs' weights, in their order."""
        return files.sha256_text(" ".join(member.digest for member in self.members))

    def estimate(self, sources: Mapping[str, Volume]) -> MemoryEstimate:
        """Return how much memory translating takes: that of the run that takes most, since they come one by one."""
        return max((member.estimate(sources) for member in self.members), key=lambda estimate: estimate.more)

    def translate(
        self,
        sources: Volume | Mapping[str, Volume],
        *,
        advance: CountProgress | None = None,
        gate: Policy | Gate = "refuse",
    ) -> Translation:
        """Translate one case's source volumes with every run; see `Model.translate`.

        The disagreement is the standard deviation over the runs.

        Raises:
            ResourceError, InputError: as `Model.translate`.
        """
        translations = [
            member.translate(
                sources, advance=_share(advance, n, len(self.members)), gate=gate, as_stored=False
            )
            for n, member in enumerate(self.members)
        ]
        arrays = [translation.volume.voxels for translation in translations]
        first = translations[0].volume
        volume = first.with_voxels(fuse(arrays, self.combine))
        return Translation(
            self.members[0].as_stored(volume),
            first.with_voxels(plane_disagreement(arrays)),
            _record([translation.record for translation in translations], self.combine),
            translations[0].region,
        )


Translating = Model | Ensemble
"""A run, or several as one."""


def members_of(model: Translating) -> tuple[Model, ...]:
    """Return the runs that translate: one, or those of an ensemble."""
    return model.members if isinstance(model, Ensemble) else (model,)


def identity(model: Translating) -> dict[str, Any] | None:
    """Return which runs translate together, and by which passes, JSON-able; None for one run alone."""
    if not isinstance(model, Ensemble):
        return None
    runs = [
        {
            "manifest_sha256": None if member.fingerprint is None else member.fingerprint.sha256,
            "passes": passes(member.preprocessing),
            "translate_with": member.translator.translates_with() or "",
        }
        for member in model.members
    ]
    return {"combine": model.combine, "runs": json.loads(json.dumps(runs))}


def recorded_identity(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the same as a sidecar records it; None for a volume of one run."""
    content = record.get(RECORD)
    if not isinstance(content, Mapping):
        return None
    runs = [
        {
            "manifest_sha256": run.get("checkpoint", {}).get("manifest_sha256"),
            "passes": run.get("passes"),
            "translate_with": run.get("translate_with", ""),
        }
        for run in content.get("runs", [])
    ]
    return {"combine": content.get("combine"), "runs": runs}


def _check_fit(first: Model, second: Model) -> None:
    """Refuse a run whose volumes do not go together with those of the first."""
    ours, theirs = first.preprocessing, second.preprocessing
    names = f"{first.recipe.name} and {second.recipe.name}"
    for quantity, own, their in (
        ("sources", ", ".join(ours.sources), ", ".join(theirs.sources)),
        ("target", ours.target, theirs.target),
        ("unit", ours.units.get(ours.target, ""), theirs.units.get(theirs.target, "")),
        ("region", ours.region, theirs.region),
        ("grid", _spacing(ours), _spacing(theirs)),
        ("intensity", _range(ours), _range(theirs)),
    ):
        if own != their:
            raise UsageError(
                "E004",
                f"{names} have another {quantity}: {own or 'its own'} and {their or 'its own'}",
                "runs of one task, of one cohort's map of intensities",
                "Name runs that were trained on one cohort with one task and one spacing.",
            )


def _spacing(preprocessing: Preprocessing) -> str:
    return "the source's" if preprocessing.spacing_mm is None else f"{preprocessing.spacing_mm:g} mm"


def _range(preprocessing: Preprocessing) -> str:
    """Return a target's map in words that differ where the maps do."""
    target_map = preprocessing.target_map
    line = f"scale {target_map.scale:.6g}, offset {target_map.offset:.6g}"
    return f"{target_map.spec.method}, {line}, from {target_map.low} to {target_map.high}"


def _share(advance: CountProgress | None, n: int, count: int) -> Callable[[int, int], None] | None:
    """Return the progress of one run as a part of that of all."""
    return None if advance is None else partial(_advance_part, advance, n, count)


def _advance_part(advance: CountProgress, n: int, count: int, n_complete: int, total: int) -> None:
    advance(n * total + n_complete, count * total)


def _record(records: Sequence[Mapping[str, Any]], combine: Fuse) -> dict[str, Any]:
    """Return how a volume of several runs came about: the first run's record, and each run's own in a list."""
    runs = [
        {**{key: record[key] for key in _OWN if key in record}, "gate": record["gate"]["outcome"]}
        for record in records
    ]
    notes = dict.fromkeys(note for record in records for note in record["notes"])
    clipped = [record["values"]["clipped"] for record in records]
    worst = max(records, key=lambda record: _rank(record["gate"]["outcome"]))
    return {
        **records[0],
        "gate": worst["gate"],
        "values": {
            **records[0]["values"],
            "clipped": {key: max(counts[key] for counts in clipped) for key in clipped[0]},
        },
        "notes": [*notes, f"the {combine} of {len(records)} runs"],
        RECORD: {"combine": combine, "runs": runs},
    }


def _rank(outcome: str) -> int:
    return OUTCOMES.index(outcome) if outcome in OUTCOMES else -1


def as_loaded(members: Sequence[Model], combine: Fuse | None = None) -> Translating:
    """Return one run as it is, or several as an ensemble.

    Raises:
        UsageError: as `Ensemble.of`, and E004 for a way to combine one run.
    """
    if len(members) == 1 and combine is not None:
        raise UsageError(
            "E004",
            f"--combine {combine} of one run",
            "several runs",
            "Name another: --with-run RUN, or leave it out.",
        )
    return members[0] if len(members) == 1 else Ensemble.of(members, combine or "mean")
