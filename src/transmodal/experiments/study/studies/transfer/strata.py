"""Strata of a cohort's people: by a column of a phenotype table, by a virtual subject's scanner, or by chance."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from transmodal.cohorts.simulation.planted import read_subject
from transmodal.cohorts.split.split import rank_groups
from transmodal.cohorts.store import Cohort, PreparedCase
from transmodal.errors import InputError, UsageError
from transmodal.evaluation.external import phenotypes
from transmodal.experiments.study.bench import CohortFiles
from transmodal.experiments.study.record import Omission
from transmodal.storage import files

Cases = Mapping[str, tuple[str, ...]]
"""Ids of cases by patient."""

CHANCE = "chance"
_SEED = 2024

SCANNER: Mapping[str, Callable[[Mapping[str, Any]], str]] = MappingProxyType(
    {
        "field": lambda record: f"{record['scanner']['field_t']:g} T",
        "head": lambda record: "brain alone in T1" if record["t1_stripped"] else "head in T1",
    }
)
"""By column, the stratum of a virtual subject, of what its `case.json` says."""


class TransferGroup(NamedTuple):
    """The people of a stratum by what they are for.

    Attributes:
        column: that they are parted by.
        name: of the stratum.
        training: cases by patient, in the order in which they are taken.
        test: patients that are scored, in a seeded order.
    """

    column: str
    name: str
    training: Cases
    test: tuple[str, ...]


class ColumnStrata(NamedTuple):
    """The strata of one column that can be trained on and scored, and what was left out."""

    strata: tuple[TransferGroup, ...]
    omissions: tuple[Omission, ...]


def part_people(cohort: Cohort, column: str, material: CohortFiles) -> ColumnStrata:
    """Return the strata of a column that have people to train on and to score.

    Args:
        cohort: prepared.
        column: `field` or `head` of virtual subjects, `chance`, or of the phenotype table, with cuts as in `age:40,60`.
        material: that says who belongs where.

    Raises:
        UsageError: E004 where the file that knows the column is not named.
        InputError: E132 where fewer than two strata are left.
        TransmodalError: as `phenotypes.read` and `planted.read_subject`.
    """
    training, test = cohort.cases("train"), cohort.cases("test")
    name = phenotypes.parse(column).column
    groups = _groups(column, material, training, test)
    strata, omissions = [], []
    for stratum, patients in groups.items():
        candidate = _stratum(name, stratum, set(patients), training, test)
        if stratum != phenotypes.UNKNOWN and candidate.training and candidate.test:
            strata.append(candidate)
        else:
            reason = f"{len(candidate.training)} training and {len(candidate.test)} test subjects"
            omissions.append(Omission(part=f"{name}, {stratum}", reason=reason))
    if len(strata) < 2:
        raise InputError(
            "E132",
            f"{name} with {len(strata)} groups that have training and test subjects",
            "two or more",
            "Split the cohort so that each side has subjects of each group, or name another column.",
        )
    return ColumnStrata(tuple(strata), tuple(omissions))


def _groups(
    column: str, material: CohortFiles, training: Sequence[PreparedCase], test: Sequence[PreparedCase]
) -> Mapping[str, Sequence[str]]:
    patients = tuple(dict.fromkeys(case.patient for case in (*training, *test)))
    if column == CHANCE:
        return _draw_halves(training, test)
    if column in SCANNER and material.subjects is not None:
        return _by_scanner(material.subjects, column, (*training, *test))
    if material.phenotypes is None:
        option = "--subjects" if column in SCANNER else "--phenotypes"
        raise UsageError(
            "E004",
            f"--option by={column} without {option}",
            "the file that says who belongs where",
            f"Name it with {option}, or part by chance: --option by=[{CHANCE}].",
        )
    name = phenotypes.parse(column).column
    return phenotypes.read(material.phenotypes, (column,), patients).groups[name]


def _draw_halves(
    training: Sequence[PreparedCase], test: Sequence[PreparedCase]
) -> Mapping[str, Sequence[str]]:
    """Part the patients of each side into halves that differ in nothing."""
    halves: dict[str, list[str]] = {"first half": [], "second half": []}
    for side in (training, test):
        for n, patient in enumerate(rank_groups(dict.fromkeys(case.patient for case in side), _SEED)):
            halves["second half" if n % 2 else "first half"].append(patient)
    return halves


def _by_scanner(folder: Path, column: str, cases: Sequence[PreparedCase]) -> Mapping[str, Sequence[str]]:
    groups: dict[str, list[str]] = {}
    for case in cases:
        read_subject(folder, case.id)  # refuses what this version of the simulator did not write
        name = SCANNER[column](files.read_json(folder / case.id / "case.json"))
        groups.setdefault(name, []).append(case.patient)
    return dict(sorted(groups.items()))


def _stratum(
    column: str,
    name: str,
    patients: set[str],
    training: Sequence[PreparedCase],
    test: Sequence[PreparedCase],
) -> TransferGroup:
    cases: dict[str, list[str]] = {}
    for case in training:
        if case.patient in patients:
            cases.setdefault(case.patient, []).append(case.id)
    scored = dict.fromkeys(case.patient for case in test if case.patient in patients)
    return TransferGroup(
        column,
        name,
        {patient: tuple(cases[patient]) for patient in rank_groups(cases, _SEED)},
        tuple(rank_groups(scored, _SEED)),
    )
