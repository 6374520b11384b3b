"""The calibration of a run, in its folder: the errors of subjects that it has not learned from, sealed."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from transmodal._version import __version__
from transmodal.errors import InputError, UsageError
from transmodal.inference.ensemble import Ensemble, Translating, members_of
from transmodal.inference.intervals.conformal import ScoreTable, highest_level, of_ranks, subjects_for
from transmodal.inference.intervals.interval import Score, VoxelInterval
from transmodal.inference.preprocessing import passes
from transmodal.models import library
from transmodal.notice import INTENDED_USE
from transmodal.storage import files, sealed

FILE = "calibration.json"
"""In the folder of a run; of an ensemble in that of the first."""

_REMEDY = "Calibrate again: transmodal calibrate RUN --cohort COHORT."


@dataclass(frozen=True, slots=True)
class Calibration:
    """The errors of subjects that a run has not learned from.

    Attributes:
        settings: by which the run, or several, translated: weights and passes.
        target: modality.
        cohort: SHA-256 of the cohort's content and split.
        split: whose cases they are.
        score: how errors of voxels were measured.
        floor: added to the disagreement of passes, in the target's unit.
        voxels: scores inside the region where the run translates, every subject of equal weight.
        regions: absolute errors of the means of regions, by name: one for each subject who has the region.
        notes: for a reader.
    """

    settings: Mapping[str, Any]
    target: str
    cohort: str
    split: str
    score: Score
    floor: float
    voxels: ScoreTable
    regions: Mapping[str, tuple[float, ...]]
    notes: tuple[str, ...] = ()

    def interval(self, level: float) -> VoxelInterval:
        """Return the interval of a level.

        Raises:
            UsageError: E001 for a level that is none.
            InputError: E142 for one that the subjects do not suffice for.
        """
        check_level(level)
        n_subjects = self.voxels.n_subjects
        factor = self.voxels.at(level)
        if factor is None:
            raise self.too_high(level)
        regions = {name: of_ranks(errors, level) for name, errors in self.regions.items()}
        return VoxelInterval(
            self.score,
            factor,
            self.floor,
            {
                "level": level,
                "subjects": n_subjects,
                "cohort_sha256": self.cohort,
                "split": self.split,
                "promise": promise(level, n_subjects),
                "region_means": {
                    "half_widths": {name: width for name, width in regions.items() if width is not None},
                    "too_few_subjects": [name for name, width in regions.items() if width is None],
                },
                "notes": list(self.notes),
            },
        )

    def too_high(self, level: float) -> InputError:
        """Return the refusal of a level that the subjects do not suffice for."""
        n_subjects = self.voxels.n_subjects
        highest = highest_level(n_subjects)
        if level > highest:
            return InputError(
                "E142",
                f"level {level:g} with {n_subjects} calibration subjects",
                f"at least {subjects_for(level)}: {n_subjects} promise at most {math.floor(highest * 1000) / 1000:g}",
                "Ask for a lower level, or calibrate on a cohort with more validation subjects.",
            )
        return InputError(
            "E142",
            f"level {level:g}, where more voxels than that are beyond the range of {self.target}",
            "a lower level",
            "Ask for a lower level, or widen the window of the recipe's target.",
        )

    def to_json(self) -> dict[str, Any]:
        """Return what the file holds; infinite scores are null."""
        return {
            "settings": dict(self.settings),
            "target": self.target,
            "cohort_sha256": self.cohort,
            "split": self.split,
            "unit": "subject",
            "subjects": self.voxels.n_subjects,
            "highest_level": highest_level(self.voxels.n_subjects),
            "promise": promise(None, self.voxels.n_subjects),
            "score": self.score,
            "floor": self.floor,
            "voxel_scores": [score if math.isfinite(score) else None for score in self.voxels.scores],
            "region_errors": {name: list(errors) for name, errors in self.regions.items()},
            "notes": list(self.notes),
        }


def promise(level: float | None, n_subjects: int) -> str:
    """Return what intervals promise, in words; `level` None says it of any."""
    share = "the level" if level is None else f"{level:g}"
    return (
        f"A voxel drawn at random from the region of a new subject lies in its interval with probability {share} or more, "
        "over new subjects and over draws of the calibration subjects, if the new subject is exchangeable with the "
        f"{n_subjects} calibration subjects: same scanner, protocol and population. It is no promise for each subject, each "
        "place or each pathology, and none for another site. Means of regions are promised likewise, each by itself."
    )


def check_level(level: float) -> None:
    """Refuse a level that is none.

    Raises:
        UsageError: E001.
    """
    if not 0 < level < 1:
        raise UsageError("E001", f"a level of {level:g}", "a number between 0 and 1", "Give --interval 0.95.")


def settings_of(model: Translating) -> dict[str, Any]:
    """Return by which weights and passes a run, or several, translate, JSON-able."""
    runs = [
        {
            "manifest_sha256": None if member.fingerprint is None else member.fingerprint.sha256,
            "passes": passes(member.preprocessing),
            "translate_with": member.translator.translates_with() or "",
        }
        for member in members_of(model)
    ]
    combine = model.combine if isinstance(model, Ensemble) else ""
    settings: dict[str, Any] = json.loads(json.dumps({"runs": runs, "combine": combine}))
    return settings


def folder_of(run: str | Path) -> Path:
    """Return the folder of a run, which keeps its calibration.

    Raises:
        UsageError: E004 for a run in one file, which nothing is written beside.
    """
    folder = library.resolve(run)
    if folder.is_file():
        raise UsageError(
            "E004",
            f"a calibration of {folder.name}, one file",
            "the folder of a run",
            "Name the run's folder.",
        )
    return folder


def save(run: str | Path, calibration: Calibration) -> Path:
    """Write a calibration into a run's folder, in the place of an earlier one by the same weights and passes.

    Raises:
        UsageError: as `folder_of`.
        IntegrityError: E501 for a file that was changed.
        ResourceError: E403 where it cannot be written.
    """
    path = folder_of(run) / FILE
    other_calibrations = (
        [entry for entry in _read(path) if entry.settings != calibration.settings] if path.exists() else []
    )
    content = {
        "format": 1,
        "intended_use": INTENDED_USE,
        "tool": {"name": "transmodal", "version": __version__},
        "calibrations": [entry.to_json() for entry in (*other_calibrations, calibration)],
    }
    files.write_json(path, sealed.seal(content))
    return path


def find(run: str | Path, model: Translating) -> Calibration:
    """Return the calibration of a run by the weights and passes with which it translates now.

    Raises:
        UsageError: as `folder_of`.
        InputError: E142 where there is none, E102 for a file that is none.
        IntegrityError: E501 for a file that was changed.
    """
    path, settings = folder_of(run) / FILE, settings_of(model)
    calibrations = _read(path) if path.exists() else []
    for calibration in calibrations:
        if calibration.settings == settings:
            return calibration
    name = Path(run).name
    raise InputError(
        "E142",
        f"{name} without a calibration of {'these weights and passes' if calibrations else 'its errors'}",
        "one that was made with the same checkpoint, runs and passes",
        f"Calibrate it with the same words: transmodal calibrate {name} --cohort COHORT.",
    )


class _Entry(BaseModel):
    """A calibration as the file holds it."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")

    settings: dict[str, Any]
    target: str
    cohort_sha256: str
    split: str
    subjects: int
    score: Score
    floor: float
    voxel_scores: list[float | None]
    region_errors: dict[str, list[float]]
    notes: list[str]

    def calibration(self) -> Calibration:
        """Return it with its table."""
        scores = tuple(math.inf if score is None else score for score in self.voxel_scores)
        return Calibration(
            self.settings,
            self.target,
            self.cohort_sha256,
            self.split,
            self.score,
            self.floor,
            ScoreTable(self.subjects, scores),
            {name: tuple(errors) for name, errors in self.region_errors.items()},
            tuple(self.notes),
        )


class _Content(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")

    calibrations: list[_Entry]


def _read(path: Path) -> list[Calibration]:
    content = sealed.read(path)
    sealed.check(path, content, _REMEDY)
    try:
        return [entry.calibration() for entry in _Content.model_validate(content.content).calibrations]
    except ValidationError as error:
        raise InputError(
            "E102", f"{path.name} is no calibration", "one that calibrate wrote", _REMEDY
        ) from error
