"""Checks of an evaluation's files: its figures against their seal, every stored volume against its hash."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from transmodal.errors import IntegrityError, TransmodalError
from transmodal.evaluation.records import read as records
from transmodal.evaluation.records.schema import EvaluationFile, VolumeFile
from transmodal.evaluation.unpaired.result import NAME as UNPAIRED
from transmodal.storage import files, sealed
from transmodal.storage.faults import Check

_NAMES = (records.NAME, UNPAIRED)
REMEDY = "Evaluate the run again, with --save-volumes where volumes are to be kept."


def list_checks(path: Path, below: str = "") -> list[Check]:
    """Return a check of every file of an evaluation that has a hash.

    Args:
        path: its evaluation.json, or the unpaired.json of one without pairs.
        below: path of its folder below the folder that is verified, with a slash at its end.
    """
    if path.name == UNPAIRED:
        return [Check(f"{below}{path.name}", partial(_check_sealed, path))]
    checks = [Check(f"{below}{path.name}", partial(records.read, path))]
    try:
        content = records.parse(path)
    except TransmodalError:
        return checks
    return [
        *checks,
        *(
            Check(f"{below}{part.file}", partial(_check_volume, path.parent, part), owner)
            for owner, part in _stored(content).items()
        ),
    ]


def find_records(folder: Path) -> list[Path]:
    """Return the records of the evaluations in a folder, in the `evaluation*` folders of a run, or the one named."""
    if folder.is_file():
        return [folder] if folder.name in _NAMES else []
    places = [folder, *sorted(folder.glob("evaluation*/"))]
    return [place / name for place in places for name in _NAMES if (place / name).is_file()]


def _stored(content: EvaluationFile) -> dict[str, VolumeFile]:
    """Return the stored files by what they are of."""
    volumes = {"": content.volumes}
    if content.uncertainty is not None:
        volumes["disagreement of "] = content.uncertainty.volumes
    stored: dict[str, VolumeFile] = {}
    for kind, translators in volumes.items():
        for translator, cases in translators.items():
            for case, parts in cases.items():
                for n, part in enumerate(parts):
                    channel = f", channel {n}" if len(parts) > 1 else ""
                    stored[f"case {case}, {kind}{translator}{channel}"] = part
    return stored


def _check_volume(folder: Path, part: VolumeFile) -> None:
    digest = files.sha256_file(folder / part.file)
    if digest != part.sha256:
        raise IntegrityError("E501", "it has another content than was stored", part.sha256[:12], REMEDY)


def _check_sealed(path: Path) -> None:
    sealed.check(path, sealed.read(path), REMEDY)
