"""Evaluations as they were written: read again, and refused where their figures do not fit one another."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from transmodal.errors import InputError
from transmodal.storage import files

NAME = "evaluation.json"
_TOLERANCE = 1e-9
"""Of a summary that is worked out again, relative: the last bits of a sum depend on its order."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class Figure(_Part):
    """One figure of one case; None where it is not finite."""

    case: str
    patient: str
    translator: str
    metric: str
    value: float | None
    unit: str
    protocol: str


class Summed(_Part):
    """What a file says of the figures of one translator, metric and protocol."""

    translator: str
    metric: str
    unit: str
    protocol: str
    n: int
    mean: float | None
    std: float | None
    median: float | None
    n_infinite: int


class How(_Part):
    """What of a protocol has to be known here: `mask` or `whole`, and 2 or 3 dimensions."""

    region: str
    dims: int


class Task(_Part):
    """What became what."""

    source: tuple[str, ...]
    target: str
    unit: str


class Scored(_Part):
    """On what the figures were taken; evaluations before 0.2 have no list of training patients."""

    name: str
    digest: str
    split: str
    n_cases: int
    simulated: tuple[str, ...] = ()
    training_patients_sha256: tuple[str, ...] | None = None


class Provenance(_Part):
    """How the figures came about."""

    task: Task
    cohort: Scored
    models: dict[str, dict[str, Any]]
    oracles: tuple[str, ...]
    notes: tuple[str, ...] = ()


class Written(_Part):
    """The content of an evaluation.json."""

    rows: tuple[Figure, ...]
    summary: tuple[Summed, ...]
    protocols: dict[str, How]
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class EvaluationRecord:
    """An evaluation that was read.

    Attributes:
        path: of its file.
        sha256: of its file.
        content: what it says.
        seconds: what the translation of each case took, by translator and case; empty where it is not recorded.
        devices: where each translator ran.
    """

    path: Path
    sha256: str
    content: Written
    seconds: Mapping[str, Mapping[str, float]]
    devices: Mapping[str, str]

    @property
    def patients(self) -> dict[str, str]:
        """Patient of every case, in the order of the file."""
        return {row.case: row.patient for row in self.content.rows}


def find(run: Path) -> Path:
    """Return the evaluation.json of a run's folder, of an evaluation's folder, or the file itself.

    Raises:
        InputError: E100 when there is none.
    """
    for path in (run / "evaluation" / NAME, run / NAME, run):
        if path.is_file():
            return path
    raise InputError(
        "E100",
        f"{run} has no {NAME}",
        "the folder of an evaluated run, or of an evaluation",
        f"Evaluate it first: transmodal evaluate {run} --cohort COHORT.",
    )


def read(path: Path) -> EvaluationRecord:
    """Read an evaluation and the timing.json beside it, and see that its figures fit one another.

    Raises:
        InputError: E100 when there is no such file, E101 when it is no evaluation or contradicts itself.
    """
    try:
        content = Written.model_validate(files.read_json(path))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise _contradicts(path, f"{where}: {first['msg'].lower()}") from error
    for check in (_check_rows, _check_cases, _check_summary):
        found = check(content)
        if found:
            raise _contradicts(path, found)
    return EvaluationRecord(path, files.sha256_file(path), content, *_timing(path.with_name("timing.json")))


def _check_rows(content: Written) -> str:
    """Say which row is there twice, or of what the file does not know; empty where all is well."""
    known = {*content.provenance.models, *content.provenance.oracles}
    seen: set[tuple[str, str, str, str]] = set()
    for row in content.rows:
        key = (row.case, row.translator, row.metric, row.protocol)
        if key in seen:
            return f"{row.metric} of {row.translator} on {row.case} is there twice"
        if row.translator not in known:
            return f"figures of {row.translator}, which is neither among its models nor its oracles"
        if row.protocol not in content.protocols:
            return f"{row.metric} of {row.translator} has a protocol that is not among its protocols"
        seen.add(key)
    missing = sorted(known - {row.translator for row in content.rows})
    return f"{missing[0]} has no figures" if missing else ""


def _check_cases(content: Written) -> str:
    owner: dict[str, str] = {}
    for row in content.rows:
        if owner.setdefault(row.case, row.patient) != row.patient:
            return f"case {row.case} is of the patients {owner[row.case]} and {row.patient}"
    declared = content.provenance.cohort.n_cases
    return f"{len(owner)} cases where it declares {declared}" if len(owner) != declared else ""


def _check_summary(content: Written) -> str:
    groups: dict[tuple[str, str, str, str], list[float]] = {}
    n_infinite: dict[tuple[str, str, str, str], int] = {}
    for row in content.rows:
        key = (row.translator, row.metric, row.unit, row.protocol)
        groups.setdefault(key, []).extend([] if row.value is None else [row.value])
        n_infinite[key] = n_infinite.get(key, 0) + (row.value is None)
    said = {(one.translator, one.metric, one.unit, one.protocol): one for one in content.summary}
    if set(said) != set(groups) or len(said) != len(content.summary):
        return "its summary is not of its rows"
    for key, values in groups.items():
        for name, true in _summed(values, n_infinite[key]).items():
            found = getattr(said[key], name)
            if not _equal(found, true):
                return f"the {name} of {key[1]} of {key[0]} is {found}, of its rows {true}"
    return ""


def _summed(values: list[float], n_infinite: int) -> dict[str, float | None]:
    return {
        "n": len(values),
        "mean": statistics.fmean(values) if values else None,
        "std": statistics.stdev(values) if len(values) > 1 else None,
        "median": statistics.median(values) if values else None,
        "n_infinite": n_infinite,
    }


def _equal(found: float | None, true: float | None) -> bool:
    if found is None or true is None:
        return found is true
    return math.isclose(found, true, rel_tol=_TOLERANCE, abs_tol=1e-12)


def _timing(path: Path) -> tuple[dict[str, dict[str, float]], dict[str, str]]:
    """Return seconds and devices; nothing where there is no such file: no figure depends on them."""
    if not path.is_file():
        return {}, {}
    try:
        timing = _Timing.model_validate(files.read_json(path))
    except ValidationError as error:
        raise _contradicts(path, "it does not hold seconds per translator and case") from error
    return timing.seconds, timing.device


class _Timing(_Part):
    seconds: dict[str, dict[str, float]]
    device: dict[str, str] = {}


def _contradicts(path: Path, how: str) -> InputError:
    return InputError(
        "E101",
        f"{path}: {how}",
        "an evaluation whose figures fit one another",
        "Do not change it by hand; write it again with transmodal evaluate.",
    )
