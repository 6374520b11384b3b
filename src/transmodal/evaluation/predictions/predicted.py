"""Volumes that another program made as participants of an evaluation, every one looked at before anything is scored."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from transmodal.cohorts.store import PreparedCase
from transmodal.counts import counted
from transmodal.errors import InputError, UsageError
from transmodal.evaluation.participants import Participants
from transmodal.evaluation.predictions import folder as folders
from transmodal.evaluation.predictions.folder import MatchedFiles, PredictionFolder
from transmodal.evaluation.predictions.inspection import VolumeReader, fit_values, look_at
from transmodal.evaluation.predictions.reading import ReadingOptions
from transmodal.evaluation.result import Evaluation
from transmodal.evaluation.task import EvaluationTask
from transmodal.progress import StageProgress


@dataclass(frozen=True, slots=True)
class Predictions:
    """Folders of volumes that are scored beside runs, or alone.

    Attributes:
        folders: each with how its volumes are read.
        allows_missing: score the cases that every folder has a volume of, where some lack one.
    """

    folders: Sequence[tuple[PredictionFolder, ReadingOptions]] = ()
    allows_missing: bool = False


NO_PREDICTIONS = Predictions()


class OpenedPredictions(NamedTuple):
    """Predictions whose files were matched and looked at.

    Attributes:
        readers: one per folder.
        records: how they came about, JSON-able, by name.
        cases: those that every folder has a volume of.
        left_out: ids of the others.
        notes: for a reader of the figures, warnings first.
        has_resampled: whether some volume was brought onto its target's grid.
    """

    readers: Sequence[VolumeReader]
    records: Mapping[str, Mapping[str, Any]]
    cases: Sequence[PreparedCase]
    left_out: tuple[str, ...]
    notes: tuple[str, ...]
    has_resampled: bool

    def beside(self, participants: Participants) -> Participants:
        """Return the participants of an evaluation with these beside the runs."""
        return replace(
            participants,
            models=(*participants.models, *self.readers),
            records={**participants.records, **self.records},
        )

    def complete(self, task: EvaluationTask) -> EvaluationTask:
        """Return the task with the notes on predictions, first since they can be warnings, and with what is not scored."""
        return replace(
            task,
            notes=(*self.notes, *task.notes),
            left_out=self.left_out,
            has_resampled=self.has_resampled,
            has_fitted=any(reader.options.fits for reader in self.readers),
        )

    def untime(self, evaluation: Evaluation) -> Evaluation:
        """Return the evaluation without the seconds of these: they were read, not translated."""
        seconds = {name: own for name, own in evaluation.seconds.items() if name not in self.records}
        return replace(evaluation, seconds=seconds)


def open_predictions(
    predictions: Predictions,
    cases: Sequence[PreparedCase],
    roster: Collection[str],
    task: EvaluationTask,
    progress: StageProgress | None = None,
) -> OpenedPredictions:
    """Match files to cases, and look at every volume: its grid, its unit, what it could be a copy of.

    Args:
        predictions: the folders.
        cases: that are scored.
        roster: all cases of the cohort.
        task: with the target, its unit and its cohort.
        progress: told how far it is.

    Raises:
        UsageError: E004 for two folders of one name.
        InputError: as `folder.match`, `folder.refuse_missing`, `reading.read_placed` and `values.check_unit`.
    """
    names = [folder.name for folder, _ in predictions.folders]
    matches = _match_folders(predictions, names, cases, roster, task)
    complete, left_out = _part_cases(cases, matches, names)
    readers = [
        VolumeReader(folder.name, task.target, matched.files, options)
        for (folder, options), matched in zip(predictions.folders, matches, strict=True)
    ]
    readers = [fit_values(reader, complete) if reader.options.fits else reader for reader in readers]
    looks = [look_at(reader, complete, task, progress) for reader in readers]
    unknown = [(name, matched.unknown) for name, matched in zip(names, matches, strict=True)]
    return OpenedPredictions(
        readers,
        {reader.name: look.record for reader, look in zip(readers, looks, strict=True)},
        complete,
        left_out,
        (
            *_note_left_out(left_out, len(cases)),
            *(note for look in looks for note in look.notes),
            *_note_unknown(unknown),
            *_note_training(names),
        ),
        any(look.has_resampled for look in looks),
    )


def _match_folders(
    predictions: Predictions,
    names: Sequence[str],
    cases: Sequence[PreparedCase],
    roster: Collection[str],
    task: EvaluationTask,
) -> list[MatchedFiles]:
    """Match the files of every folder, and refuse cases without a file unless they may be missing."""
    if len(set(names)) < len(names):
        raise UsageError(
            "E004",
            f"predictions of the names {', '.join(names)}",
            "a name for each",
            "Name them: --predictions FOLDER=NAME.",
        )
    ids = [case.id for case in cases]
    matches = [folders.match(folder, ids, roster) for folder, _ in predictions.folders]
    for (folder, _), matched in zip(predictions.folders, matches, strict=True):
        folders.refuse_missing(folder, matched, task.cohort, allows_missing=predictions.allows_missing)
    return matches


def _part_cases(
    cases: Sequence[PreparedCase], matches: Sequence[MatchedFiles], names: Sequence[str]
) -> tuple[list[PreparedCase], tuple[str, ...]]:
    """Return the cases that every folder has a volume of, and the ids of the others."""
    left_out = tuple(case.id for case in cases if any(case.id in matched.missing for matched in matches))
    complete = [case for case in cases if case.id not in left_out]
    if not complete:
        raise InputError(
            "E132",
            f"no case that each of {', '.join(names)} has a volume of",
            "one or more",
            "Score them apart, or add what is missing.",
        )
    return complete, left_out


def _note_left_out(left_out: Sequence[str], n: int) -> list[str]:
    if not left_out:
        return []
    return [
        f"PARTIAL: {n - len(left_out)} of {n} cases are scored; without a volume of every participant: {', '.join(left_out)}."
    ]


def _note_unknown(unknown: Sequence[tuple[str, Sequence[str]]]) -> list[str]:
    return [
        f"{name}: {counted(len(strange), 'file is', 'files are')} of no case of the cohort by name, left aside."
        for name, strange in unknown
        if strange
    ]


def _note_training(names: Sequence[str]) -> list[str]:
    if not names:
        return []
    return [
        f"{', '.join(names)}: volumes that another program made. What it learned from is not recorded, so a leak cannot be "
        "excluded; its values are scored as they are, not clipped."
    ]


def count_channels(cases: Sequence[PreparedCase], target: str) -> int:
    """Return the channels of the cases' target: 1, or 3 in colour."""
    return max((int(np.prod(case.entry.volumes[target].shape[3:])) for case in cases), default=1)
