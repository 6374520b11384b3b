"""Regional values of synthetic and measured targets, case by case: a unit of work each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from transmodal.cohorts.simulation.planted import Planted, read_subject
from transmodal.cohorts.store import Cohort, PreparedCase
from transmodal.evaluation.statistics.bootstrap import Values
from transmodal.experiments.study.bench import Bench
from transmodal.experiments.study.scored import Scored, read_scored
from transmodal.experiments.study.studies.biology.lesion_values import measure_lesions
from transmodal.experiments.study.units import Content, WorkUnit
from transmodal.volumes import Volume

FEWEST_VOXELS = 20
"""Voxels below which a region of a subject has no value."""
TISSUES = {"gm": "grey matter", "wm": "white matter"}


class Source(NamedTuple):
    """The stored volumes of one translator with one seed.

    Attributes:
        row: of tables.
        seed: of the training; an oracle has that of the run beside it.
        folder: of the evaluation.
        name: under which the evaluation keeps the volumes.
    """

    row: str
    seed: int
    folder: Path
    name: str

    @property
    def key(self) -> str:
        """A name that is unique in a study."""
        return f"{self.row}, seed {self.seed}"


class CaseItem(NamedTuple):
    """A case with its translations, as it travels to a process."""

    case: str
    cohort: Path
    subjects: Path | None
    sources: tuple[Source, ...]


class Regional(NamedTuple):
    """Regional values of one translator.

    Attributes:
        row: of tables.
        regions: their names.
        patients: in the order of the values.
        measured: `(patients, regions)`.
        synthetic: `(seeds, patients, regions)`.
        linked: planted signal that every image shows, `(patients, regions)`; None where nothing is known.
        own: planted signal of the target alone, likewise.
        foreign: planted signal of a source alone, likewise.
    """

    row: str
    regions: tuple[str, ...]
    patients: tuple[str, ...]
    measured: Values
    synthetic: Values
    linked: Values | None = None
    own: Values | None = None
    foreign: Values | None = None

    def within(self, word: str) -> Regional:
        """Return the regions whose names hold a word."""
        columns = [n for n, region in enumerate(self.regions) if word in region]
        planted = [
            None if part is None else part[:, columns] for part in (self.linked, self.own, self.foreign)
        ]
        return self._replace(
            regions=tuple(self.regions[n] for n in columns),
            measured=self.measured[:, columns],
            synthetic=self.synthetic[:, :, columns],
            linked=planted[0],
            own=planted[1],
            foreign=planted[2],
        )


def by_tissue(values: Regional) -> dict[str, Regional]:
    """Return the regions by tissue; all of them under an empty name where names say no tissue."""
    parts = {tissue: values.within(tissue) for tissue in TISSUES.values()}
    return {tissue: part for tissue, part in parts.items() if part.regions} or {"": values}


def list_sources(bench: Bench[Any], scored: Mapping[str, Scored]) -> tuple[Source, ...]:
    """Return the volumes of every run, and of the oracles that were scored beside the first."""
    sources = []
    for entrant in bench.entrants:
        evaluation = scored[entrant.label]
        sources.append(Source(entrant.row, entrant.seed, evaluation.folder, entrant.row))
    first = bench.entrants[0]
    evaluation = scored[first.label]
    oracles = [name for name in evaluation.names if name in evaluation.content.provenance.oracles]
    return (*sources, *(Source(name, first.seed, evaluation.folder, name) for name in oracles))


def measure(bench: Bench[Any], scored: Mapping[str, Scored], sources: Sequence[Source]) -> dict[str, Content]:
    """Return the values of every case; cases that are complete are not measured again."""
    first = next(iter(scored.values()))
    inputs = {
        "weights": {entrant.label: entrant.weights_sha256 for entrant in bench.entrants},
        "sources": [(source.key, source.name) for source in sources],
        "cohort": bench.cohort.digest(),
        "has_subjects": bench.material.subjects is not None,
    }
    units = {
        case.id: WorkUnit(
            measure_case,
            CaseItem(case.id, bench.cohort.folder, bench.material.subjects, tuple(sources)),
            {**inputs, "case": case.id},
        )
        for case in first.cases()
    }
    return bench.units.complete("regional values", units)


def measure_case(item: CaseItem) -> Content:
    """Return a case's patient and, by region, its voxels, planted signals, and values by translator."""
    cohort = Cohort.open(item.cohort)
    scored = {source.folder: read_scored(source.folder, cohort) for source in item.sources}
    first = scored[item.sources[0].folder]
    case = next(case for case in first.cases() if case.id == item.case)
    planted = None
    if item.subjects is not None:
        grid = case.volume(first.task.target).grid
        planted = Planted(read_subject(item.subjects, item.case), grid, first.task.target, first.task.sources)
    regions = _planted_regions(planted) if planted is not None else _labelled_regions(case, first)
    volumes = {
        source.key: (scored[source.folder].target(case), scored[source.folder].synthetic(source.name, case))
        for source in item.sources
    }
    for region in regions:
        inside = region.pop("voxels")
        region["measured"] = {key: _mean(target, inside) for key, (target, _) in volumes.items()}
        region["synthetic"] = {key: _mean(synthetic, inside) for key, (_, synthetic) in volumes.items()}
    return {
        "case": case.id,
        "patient": case.patient,
        "regions": regions,
        "lesions": [] if planted is None else measure_lesions(planted, volumes),
    }


def gather(contents: Sequence[Content], sources: Sequence[Source]) -> dict[str, Regional]:
    """Return the values of every translator, of the regions that every patient has.

    Several cases of one patient are averaged.
    """
    patients = list(dict.fromkeys(content["patient"] for content in contents))
    regions = _common_regions(contents)
    by_place: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for content in contents:
        for region in content["regions"]:
            by_place.setdefault((content["patient"], region["region"]), []).append(region)

    def table(kind: str, key: str | None = None) -> Values:
        return np.array(
            [
                [
                    np.mean(
                        [part[kind] if key is None else part[kind][key] for part in by_place[patient, region]]
                    )
                    for region in regions
                ]
                for patient in patients
            ],
            dtype=np.float64,
        ).reshape(len(patients), len(regions))

    parts = [region for content in contents for region in content["regions"]]
    planted = [
        table(kind) if parts and all(part.get(kind) is not None for part in parts) else None
        for kind in ("linked", "own", "foreign")
    ]
    rows: dict[str, list[Source]] = {}
    for source in sources:
        rows.setdefault(source.row, []).append(source)
    return {
        row: Regional(
            row,
            tuple(regions),
            tuple(patients),
            table("measured", seeds[0].key),
            np.stack([table("synthetic", source.key) for source in seeds]),
            *planted,
        )
        for row, seeds in rows.items()
    }


def _common_regions(contents: Sequence[Content]) -> list[str]:
    """Return the regions with enough voxels in every case, in the order of the first."""
    common: list[str] | None = None
    for content in contents:
        own = [region["region"] for region in content["regions"] if region["n"] >= FEWEST_VOXELS]
        common = own if common is None else [region for region in common if region in own]
    return common or []


def _planted_regions(planted: Planted) -> list[dict[str, Any]]:
    return [
        {
            "region": f"{signal.region}, {TISSUES[signal.tissue]}",
            "n": len(signal.voxels),
            "linked": signal.linked,
            "own": signal.own,
            "foreign": signal.foreign,
            "voxels": signal.voxels,
        }
        for signal in planted.signals()
    ]


def _labelled_regions(case: PreparedCase, scored: Scored) -> list[dict[str, Any]]:
    """Return the labels of a case's segmentation inside its mask; none without one."""
    segmentation, mask = case.segmentation(), case.mask()
    if segmentation is None:
        return []
    inside = segmentation if mask is None else np.where(mask, segmentation, 0)
    regions = []
    for label in np.unique(inside[inside > 0]):
        voxels = np.flatnonzero(inside == label)
        name = scored.task.labels.get(int(label), f"label {label}")
        regions.append({"region": name, "n": len(voxels), "voxels": voxels})
    return regions


def _mean(volume: Volume, voxels: np.ndarray[Any, np.dtype[np.intp]]) -> float:
    values = volume.voxels.mean(axis=-1) if volume.is_colour else volume.voxels
    return float(values.reshape(-1)[voxels].mean(dtype=np.float64))
