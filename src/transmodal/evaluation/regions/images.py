"""Sets of images of a group: what a cohort has measured, folders of volumes, and the kept volumes of evaluations."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

from transmodal.cohorts.store import Cohort, PreparedCase
from transmodal.counts import counted
from transmodal.errors import InputError, IntegrityError, UsageError
from transmodal.evaluation.predictions import folder as folders
from transmodal.evaluation.predictions.folder import PredictionFolder
from transmodal.evaluation.records import read as records
from transmodal.evaluation.records.schema import VolumeFile
from transmodal.storage import files
from transmodal.volumes import Volume, io, marks
from transmodal.volumes.reading import Reading

Source = Literal["measured", "simulated", "synthetic"]
"""How images came about: by a scanner, by a simulation, or by a translator."""

MEASURED = "measured"
"""Name of a cohort's own images."""


class ImageSet(NamedTuple):
    """Images of one modality that came about alike.

    Attributes:
        name: in tables.
        source: how they came about.
        readers: what reads a case's image, by case.
        folder: that they lie in; None for a cohort's own.
        unknown: files of no case.
    """

    name: str
    source: Source
    readers: Mapping[str, Callable[[], Volume]]
    folder: Path | None = None
    unknown: int = 0


def of_cohort(cohort: Cohort, cases: Sequence[PreparedCase], modality: str) -> list[ImageSet]:
    """Return the cohort's own images of a modality, in a set; none where no case has it."""
    own = [case for case in cases if modality in case.modalities]
    if not own:
        return []
    is_simulated = any(case.entry.volumes[modality].simulated for case in own)
    readers = {case.id: partial(case.volume, modality) for case in own}
    return [ImageSet(MEASURED, "simulated" if is_simulated else "measured", readers, cohort.folder)]


def of_folder(
    folder: PredictionFolder, source: Source, cases: Sequence[str], roster: Collection[str], reading: Reading
) -> ImageSet:
    """Return the volumes of a folder, matched to cases by their names.

    Args:
        folder: with one volume per case at most.
        source: how they came about.
        cases: that count.
        roster: all cases that files can be of.
        reading: for files that leave something open.

    Raises:
        InputError: E103 for a volume that says of itself that it is synthetic, where measured ones are expected; E132
            for a folder without a volume of any case; and as `predictions.folder.match`.
    """
    matched = folders.match(folder, cases, roster)
    if not matched.files:
        raise InputError(
            "E132",
            f"{folder.name} without a volume of any of {counted(len(cases), 'case')}",
            "files whose names have a case's as a whole token",
            f"Rename them; the first case is {next(iter(cases), 'none')}.",
        )
    if source == "measured":
        _refuse_synthetic(folder.name, matched.files)
    readers = {case: partial(io.read_grey_fitted, path, reading) for case, path in matched.files.items()}
    return ImageSet(folder.name, source, readers, folder.place, len(matched.unknown))


def of_words(
    words: str, cases: Sequence[str], roster: Collection[str], modality: str, reading: Reading
) -> list[ImageSet]:
    """Return the synthetic volumes that `FOLDER` or `FOLDER=name` names: a folder's, or those that an evaluation kept.

    Raises:
        InputError: E132 for an evaluation without kept volumes or of other cases, E131 for one of another modality, and
            as `of_folder`.
    """
    folder = folders.parse(words)
    place = folder.place
    is_run = (place / "run.json").is_file() and not folder.pattern
    if not is_run and not (place / records.NAME).is_file():
        return [of_folder(folder, "synthetic", cases, roster, reading)]
    path = records.find(place)
    content = records.read(path).content
    if content.provenance.task.target != modality:
        raise InputError(
            "E131",
            f"{path.parent} of {content.provenance.task.target}",
            f"an evaluation of {modality}",
            "Name the modality: --modality, or leave that evaluation out.",
        )
    sets = [
        _of_evaluation(path.parent, name, own, cases)
        for name, own in content.volumes.items()
        if not set(own).isdisjoint(cases)
    ]
    if not sets:
        raise InputError(
            "E132",
            f"{path.parent} without kept volumes of these cases",
            "an evaluation that kept its volumes",
            f"Evaluate again: transmodal evaluate {place} --cohort COHORT --save-volumes.",
        )
    renamed = "=" in words and not Path(words).exists() and len(sets) == 1
    return [sets[0]._replace(name=folder.name)] if renamed else sets


def check_names(sets: Iterable[ImageSet]) -> None:
    """Refuse two sets of one name.

    Raises:
        UsageError: E004.
    """
    names = [images.name for images in sets]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UsageError("E004", f"two sets of images {twice}", "a name for each", "Name them: FOLDER=NAME.")


def _of_evaluation(
    folder: Path, name: str, volumes: Mapping[str, tuple[VolumeFile, ...]], cases: Collection[str]
) -> ImageSet:
    readers = {
        case: partial(_read_kept, folder, parts, f"{name} of case {case}")
        for case, parts in volumes.items()
        if case in cases
    }
    return ImageSet(name, "synthetic", readers, folder)


def _read_kept(folder: Path, parts: tuple[VolumeFile, ...], label: str) -> Volume:
    if len(parts) > 1:
        raise InputError("E122", f"{label}, in colour", "a grey image", "Leave that evaluation out.")
    path = folder / parts[0].file
    if files.sha256_file(path) != parts[0].sha256:
        raise IntegrityError(
            "E501",
            f"{parts[0].file}, the volume of {label}, has another content than {records.NAME} says",
            "the kept file",
            "Evaluate again: transmodal evaluate RUN --cohort COHORT --save-volumes.",
        )
    return io.read_grey(path)


def _refuse_synthetic(name: str, paths: Mapping[str, Path]) -> None:
    marked = next((case for case, path in paths.items() if marks.is_marked_synthetic(path)), None)
    if marked is not None:
        raise InputError(
            "E103",
            f"{name} with a volume of {marked} whose header says that it is synthetic",
            "volumes that a scanner measured",
            "Name that folder as synthetic: without --measured.",
        )
