"""Read written evaluations; those whose figures do not fit one another are refused."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from transmodal.counts import counted
from transmodal.errors import InputError
from transmodal.evaluation.records.schema import VERSION, EvaluationFile, Scoring
from transmodal.storage import files, sealed

NAME = "evaluation.json"
_REMEDY = "Do not change it by hand; write it again with transmodal evaluate."
_TOLERANCE = 1e-9
"""Of a summary that is worked out again, relative: the last bits of a sum depend on its order."""


@dataclass(frozen=True, slots=True)
class EvaluationRecord:
    """An evaluation that was read.

    Attributes:
        path: of its file.
        sha256: of its file.
        content: of its file.
        seconds: the time that the translation of each case took, by translator and case; empty where it is not recorded.
        devices: where each translator ran.
    """

    path: Path
    sha256: str
    content: EvaluationFile
    seconds: Mapping[str, Mapping[str, float]]
    devices: Mapping[str, str]

    @property
    def patients(self) -> dict[str, str]:
        """Patient of every case, in the order of the file."""
        return {row.case: row.patient for row in self.content.rows}

    @property
    def folder(self) -> Path:
        """The evaluated run's folder, as far as the place of the file says it; else the evaluation's own."""
        above = self.path.absolute().parent
        return above.parent if above.name == "evaluation" else above


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
        InputError: E100 when there is no such file, E101 when it is no evaluation or contradicts itself, E102 when it
            is of a later format.
        IntegrityError: E501 when it was changed since it was written; those of earlier versions do not show it.
    """
    record = sealed.read(path)
    content = _parse(path, record.content)
    check_figures(path, content)
    sealed.check(path, record, _REMEDY)
    return EvaluationRecord(path, files.sha256_file(path), content, *_timing(path.with_name("timing.json")))


def parse(path: Path) -> EvaluationFile:
    """Return the content of an evaluation; whether its figures fit one another is not looked at.

    Raises:
        InputError: E100, E101 and E102 as `read`.
    """
    return _parse(path, sealed.read(path).content)


def check_figures(path: Path, content: EvaluationFile) -> None:
    """See that the figures of an evaluation fit one another.

    Raises:
        InputError: E101 where they contradict one another.
    """
    for check in (_check_rows, _check_cases, _check_summary):
        contradiction = check(content)
        if contradiction:
            raise _contradicts(path, contradiction)


def read_with_volumes(path: Path) -> tuple[EvaluationFile, Scoring]:
    """Read an evaluation that was written with its volumes; whether its figures are true is not looked at.

    Returns:
        The content, and how its figures are taken, which evaluations before 0.2 do not say.

    Raises:
        InputError: E100 for an evaluation without volumes, E101 when it is none, E102 when it is of a later format.
    """
    data = sealed.read(path).content
    if not data.get("volumes"):
        raise InputError(
            "E100",
            f"{path} without stored volumes",
            "an evaluation that was written with them",
            "Evaluate the run again with --save-volumes.",
        )
    content = _parse(path, data)
    if content.scoring is None:
        raise _contradicts(path, "scoring: field required")
    return content, content.scoring


def _parse(path: Path, data: Mapping[str, Any]) -> EvaluationFile:
    """Return the content of a file, in the format that this version knows."""
    version = data.get("version", VERSION)
    if version != VERSION:
        raise _unknown_format(path, f"of format {version}")
    try:
        return EvaluationFile.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise _unknown_format(path, f"with the unknown key {place}") from error
        raise _contradicts(path, f"{place}: {first['msg'].lower()}") from error


def _check_rows(content: EvaluationFile) -> str:
    """Return which row is there twice, or of an unknown translator or protocol; empty where there is none."""
    participants = {*content.provenance.models, *content.provenance.oracles}
    keys: set[tuple[str, str, str, str]] = set()
    for row in content.rows:
        key = (row.case, row.translator, row.metric, row.protocol)
        if key in keys:
            return f"{row.metric} of {row.translator} on {row.case} is there twice"
        if row.translator not in participants:
            return f"figures of {row.translator}, which is neither among its models nor its oracles"
        if row.protocol not in content.protocols:
            return f"{row.metric} of {row.translator} has a protocol that is not among its protocols"
        keys.add(key)
    missing = sorted(participants - {row.translator for row in content.rows})
    return f"{missing[0]} has no figures" if missing else ""


def _check_cases(content: EvaluationFile) -> str:
    owner: dict[str, str] = {}
    for row in content.rows:
        if owner.setdefault(row.case, row.patient) != row.patient:
            return f"case {row.case} is of the patients {owner[row.case]} and {row.patient}"
    declared = content.provenance.cohort.n_cases
    return f"{counted(len(owner), 'case')} where it declares {declared}" if len(owner) != declared else ""


def _check_summary(content: EvaluationFile) -> str:
    groups: dict[tuple[str, str, str, str], list[float]] = {}
    n_infinite: dict[tuple[str, str, str, str], int] = {}
    for row in content.rows:
        key = (row.translator, row.metric, row.unit, row.protocol)
        groups.setdefault(key, []).extend([] if row.value is None else [row.value])
        n_infinite[key] = n_infinite.get(key, 0) + (row.value is None)
    summaries = {(line.translator, line.metric, line.unit, line.protocol): line for line in content.summary}
    if set(summaries) != set(groups) or len(summaries) != len(content.summary):
        return "its summary is not of its rows"
    for key, values in groups.items():
        for name, expected in _summed(values, n_infinite[key]).items():
            stored = getattr(summaries[key], name)
            if not _equal(stored, expected):
                return f"the {name} of {key[1]} of {key[0]} is {stored}, of its rows {expected}"
    return ""


def _summed(values: list[float], n_infinite: int) -> dict[str, float | None]:
    return {
        "n": len(values),
        "mean": statistics.fmean(values) if values else None,
        "std": statistics.stdev(values) if len(values) > 1 else None,
        "median": statistics.median(values) if values else None,
        "n_infinite": n_infinite,
    }


def _equal(first: float | None, second: float | None) -> bool:
    if first is None or second is None:
        return first is second
    return math.isclose(first, second, rel_tol=_TOLERANCE, abs_tol=1e-12)


def _timing(path: Path) -> tuple[dict[str, dict[str, float]], dict[str, str]]:
    """Return seconds and devices; nothing where there is no such file: no figure depends on them."""
    if not path.is_file():
        return {}, {}
    try:
        timing = _Timing.model_validate(files.read_json(path))
    except ValidationError as error:
        raise _contradicts(path, "it does not hold seconds per translator and case") from error
    return timing.seconds, timing.device


class _Timing(BaseModel):
    seconds: dict[str, dict[str, float]]
    device: dict[str, str] = {}


def _unknown_format(path: Path, difference: str) -> InputError:
    return InputError(
        "E102",
        f"{path} {difference}",
        f"an evaluation of format {VERSION}",
        "A later version of transmodal wrote it: read it with that version, or evaluate the run again with this one.",
    )


def _contradicts(path: Path, how: str) -> InputError:
    return InputError(
        "E101",
        f"{path}: {how}",
        "an evaluation whose figures fit one another",
        _REMEDY,
    )
