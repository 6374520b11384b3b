"""A written evaluation with what is needed to take its figures again."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from transmodal.cohorts.options import RegionKind
from transmodal.errors import InputError
from transmodal.evaluation.records import read as reading
from transmodal.storage import files


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class _File(_Part):
    file: str
    sha256: str

    @field_validator("file")
    @classmethod
    def _below(cls, name: str) -> str:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name:
            raise ValueError("a path below the evaluation's folder")
        return name


class _Reference(_Part):
    source: str
    region: RegionKind
    map: dict[str, Any]


class _Mask(_Part):
    modality: str
    kind: RegionKind


class _Scoring(_Part):
    """How figures were taken; evaluations before 0.2 do not say it."""

    data_range: float
    reference: _Reference | None
    mask: _Mask | None = None
    labels: dict[int, str] = {}


class _Hashes(_Part):
    target: str
    mask: str | None


class _Phenotypes(_Part):
    table: str
    sha256: str
    groups: dict[str, dict[str, tuple[str, ...]]]


class _HomeFigures(_Part):
    translator: str
    metric: str
    protocol: str
    patients: dict[str, float]


class _Home(_Part):
    cohort: str
    digest: str
    how: str
    figures: tuple[_HomeFigures, ...]


class Elsewhere(_Part):
    """Strata and the training site's figures; what follows from them is taken again."""

    phenotypes: _Phenotypes | None
    home: _Home | None
    figures: tuple[dict[str, Any], ...]


class Uncertainty(_Part):
    """What disagreements are worth, and the stored ones."""

    protocol: str
    cases: tuple[dict[str, Any], ...]
    patients: tuple[dict[str, Any], ...]
    volumes: dict[str, dict[str, tuple[_File, ...]]]


class Kept(reading.Written):
    """An evaluation.json with what is needed to take its figures again."""

    scoring: _Scoring
    targets: dict[str, _Hashes]
    volumes: dict[str, dict[str, tuple[_File, ...]]]
    regions: tuple[dict[str, Any], ...] = ()
    organs: tuple[dict[str, Any], ...] = ()
    agreement: tuple[dict[str, Any], ...] = ()
    elsewhere: Elsewhere | None = None
    uncertainty: Uncertainty | None = None


def read(path: Path) -> Kept:
    """Read it; whether its figures are true is not looked at.

    Raises:
        InputError: E100 for an evaluation without volumes, E101 when it is none.
    """
    data = files.read_json(path)
    if not data.get("volumes"):
        raise InputError(
            "E100",
            f"{path} without stored volumes",
            "an evaluation that was written with them",
            "Evaluate the run again with --save-volumes.",
        )
    try:
        return Kept.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(
            "E101", f"{path}: {where}: {first['msg'].lower()}", "an evaluation", "Evaluate the run again."
        ) from error
