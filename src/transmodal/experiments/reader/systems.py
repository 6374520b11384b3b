"""Systems of a reader study: whose synthetic volumes there are of which case, by evaluations and folders of predictions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from transmodal.cohorts.store import Cohort, PreparedCase
from transmodal.counts import counted
from transmodal.errors import InputError, UsageError
from transmodal.evaluation.predictions import folder as folders
from transmodal.evaluation.predictions.folder import PredictionFolder
from transmodal.evaluation.predictions.reading import ReadingOptions, read_placed
from transmodal.evaluation.records import read as records
from transmodal.evaluation.records import store
from transmodal.evaluation.records.schema import Provenance, VolumeFile
from transmodal.evaluation.records.store import StoredFile
from transmodal.experiments.reader.session import REAL, SystemOrigin
from transmodal.volumes import Volume


class ReadSystem(NamedTuple):
    """A system whose pictures are read.

    Attributes:
        origin: its name, and its weights' hash.
        volumes: what reads its volume of a case, on the target's grid, by case.
    """

    origin: SystemOrigin
    volumes: Mapping[str, Callable[[], Volume]]

    @property
    def name(self) -> str:
        """Its name in tables."""
        return self.origin.name


class CaseRequest(NamedTuple):
    """The cases whose volumes are looked for.

    Attributes:
        cohort: whose cases they are.
        cases: that count; each has the target.
        target: modality of the volumes.
        options: how volumes of other programs are read.
    """

    cohort: Cohort
    cases: Sequence[PreparedCase]
    target: str
    options: ReadingOptions = ReadingOptions()


def find_systems(words: Sequence[str], request: CaseRequest) -> list[ReadSystem]:
    """Return the systems that words name, in order.

    Args:
        words: folders of evaluations or evaluated runs that kept their volumes, or of predictions: `FOLDER` or `FOLDER=name`.
        request: of which cases.

    Raises:
        UsageError: E004 for two systems of one name, one that is called `real`, or an evaluation of another cohort.
        InputError: E132 for one without a volume of these cases, E131 for another modality, and as
            `predictions.folder.match` and `records.read.read`.
    """
    systems = [system for word in words for system in _find(word, request)]
    names = [REAL, *(system.name for system in systems)]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UsageError(
            "E004", f"two kinds of pictures called {twice}", "a name for each", "Name them: FOLDER=NAME."
        )
    return systems


def _find(word: str, request: CaseRequest) -> list[ReadSystem]:
    folder = folders.parse(word)
    is_run = (folder.place / "run.json").is_file() and not folder.pattern
    if not is_run and not (folder.place / records.NAME).is_file():
        return [_of_folder(folder, request)]
    systems = _of_evaluation(folder.place, request)
    is_renamed = "=" in word and not Path(word).exists() and len(systems) == 1
    return [_renamed(systems[0], folder.name)] if is_renamed else systems


def _of_folder(folder: PredictionFolder, request: CaseRequest) -> ReadSystem:
    by_id = {case.id: case for case in request.cases}
    matched = folders.match(folder, list(by_id), [case.id for case in request.cohort.cases()])
    if not matched.files:
        raise InputError(
            "E132",
            f"{folder.name} without a volume of any of {counted(len(by_id), 'case')}",
            "files whose names have a case's as a whole token",
            f"Rename them; the first case is {next(iter(by_id), 'none')}.",
        )
    volumes = {
        case: partial(_read_prediction, path, by_id[case], request, f"{folder.name} of case {case}")
        for case, path in matched.files.items()
    }
    return ReadSystem(SystemOrigin(name=folder.name), volumes)


def _of_evaluation(place: Path, request: CaseRequest) -> list[ReadSystem]:
    path = records.find(place)
    content = records.read(path).content
    _check_evaluation(place, content.provenance, request)
    systems = []
    for name, model in content.provenance.models.items():
        own = content.volumes.get(name, {})
        volumes = {
            case.id: partial(_read_kept, path.parent, own[case.id], case, request.target)
            for case in request.cases
            if case.id in own
        }
        if volumes:
            origin = SystemOrigin(name=name, weights_sha256=str(model.get("weights_sha256", "")))
            systems.append(ReadSystem(origin, volumes))
    if not systems:
        raise InputError(
            "E132",
            f"{place} without kept volumes of these cases",
            "an evaluation that kept its volumes",
            f"Evaluate again: transmodal evaluate {place} --cohort COHORT --save-volumes.",
        )
    return systems


def _check_evaluation(place: Path, provenance: Provenance, request: CaseRequest) -> None:
    """Refuse an evaluation of another cohort or modality."""
    scored, cohort = provenance.cohort, request.cohort
    if scored.digest != cohort.digest():
        raise UsageError(
            "E004",
            f"{place}, scored on the cohort {scored.name} ({scored.digest[:12]})",
            f"an evaluation on {cohort.manifest.name} ({cohort.digest()[:12]})",
            "Name that cohort with --cohort, or evaluate again on this one.",
        )
    if provenance.task.target != request.target:
        raise InputError(
            "E131",
            f"{place} of {provenance.task.target}",
            f"an evaluation of {request.target}",
            "Name the modality with --target, or leave that evaluation out.",
        )


def _renamed(system: ReadSystem, name: str) -> ReadSystem:
    return system._replace(origin=system.origin.model_copy(update={"name": name}))


def _read_kept(folder: Path, parts: Sequence[VolumeFile], case: PreparedCase, target: str) -> Volume:
    hashes = tuple(StoredFile(part.file, part.sha256) for part in parts)
    return store.read(folder, hashes, case.volume(target).grid, f"case {case.id}")


def _read_prediction(path: Path, case: PreparedCase, request: CaseRequest, label: str) -> Volume:
    return read_placed(path, case, request.target, request.options, label).volume
