"""The sources that the words of `translate` name: one case, a folder of images, or a cohort's split."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from transmodal.cohorts.aliases import find_renames
from transmodal.cohorts.headers.bids_names import parse
from transmodal.cohorts.store import Cohort, PreparedCase
from transmodal.commands._jobs import Job
from transmodal.commands._places import check_folder
from transmodal.counts import counted
from transmodal.errors import InputError, UsageError
from transmodal.inference.names import case_name, stem_of, synthetic_name
from transmodal.inference.pictures import holds, is_picture
from transmodal.inference.preprocessing import Preprocessing
from transmodal.storage import listing, placeholders
from transmodal.volumes import io
from transmodal.volumes.reading import Reading

_log = logging.getLogger(__name__)


def find(
    words: Sequence[str], preprocessing: Preprocessing, output: Path, *, split: str, reading: Reading
) -> list[Job]:
    """Return a job for each volume that is to be translated.

    Args:
        words: of the command line.
        preprocessing: of the recipe: which sources there are, and whether some may be absent.
        output: file, or folder where there are several volumes.
        split: of a cohort.
        reading: how files are read.

    Raises:
        UsageError: E004 when the words do not fit the recipe's sources, E005 when an output is named as one image
            and there are several.
        InputError: E100 when a path does not exist, E139 when a folder holds a DICOM series and image files, E131 when a cohort lacks a source.
    """
    modalities = preprocessing.sources
    paths_by_name = dict(word.split("=", 1) for word in words if "=" in word and not Path(word).exists())
    if paths_by_name:
        synonyms = find_renames(modalities, list(paths_by_name))
        paths_by_name = {synonyms.get(name, name): path for name, path in paths_by_name.items()}
        _check_named(paths_by_name, words, preprocessing)
        paths = {name: _existing(Path(paths_by_name[name])) for name in modalities if name in paths_by_name}
        return [_single(paths, preprocessing, output, reading)]
    if len(words) != 1 or len(modalities) != 1:
        path = _existing(Path(words[0]))
        if len(words) == 1 and (path / "cohort.json").exists():
            return _of_cohort(Cohort.open(path), preprocessing, output, split)
        jobs = _of_case_folders(path, preprocessing, output, reading) if len(words) == 1 else []
        if not jobs:
            _refuse_unnamed(words, modalities)
        return jobs
    return _of_path(_existing(Path(words[0])), preprocessing, output, split, reading)


def weights(words: Sequence[str] | Mapping[str, str] | None) -> dict[str, str]:
    """Return where frozen networks' weights lie, by name.

    Raises:
        UsageError: E001 for a word that is not NAME=PATH.
    """
    if isinstance(words, Mapping):
        return dict(words)
    for word in words or ():
        if not all(word.partition("=")):
            raise UsageError("E001", f"--weights {word}", "NAME=PATH", "Write it as: --weights sam=FILE")
    return dict(word.split("=", 1) for word in words or ())


def _of_path(
    path: Path, preprocessing: Preprocessing, output: Path, split: str, reading: Reading
) -> list[Job]:
    (modality,) = preprocessing.sources
    if not path.is_dir():
        return [_single({modality: path}, preprocessing, output, reading)]
    if (path / "cohort.json").exists():
        return _of_cohort(Cohort.open(path), preprocessing, output, split)
    images = io.images_in(path)
    if not images:
        jobs = _of_case_folders(path, preprocessing, output, reading)
        return jobs or [_single({modality: path}, preprocessing, output, reading)]
    check_folder(output, f"the {len(images)} images of {path.name}")
    return [
        Job(
            image.name,
            {modality: image},
            output / synthetic_name(image.name, preprocessing.target),
            reading,
            patient=_subject(image),
        )
        for image in images
    ]


def _of_case_folders(path: Path, preprocessing: Preprocessing, output: Path, reading: Reading) -> list[Job]:
    """Return a job for each folder with images that are named as the sources, as `prepare folders` takes them."""
    if not path.is_dir():
        return []
    jobs, left_out = [], []
    n_needed = 1 if preprocessing.accepts_missing else len(preprocessing.sources)
    for folder in (entry for entry in listing.entries(path) if entry.is_dir()):
        images = {stem_of(image): image for image in listing.entries(folder) if io.is_image(image)}
        synonyms = find_renames(preprocessing.sources, list(images))
        by_name = {synonyms.get(name, name): image for name, image in images.items()}
        paths = {name: by_name[name] for name in preprocessing.sources if name in by_name}
        if paths and len(paths) >= n_needed:
            name = case_name(folder.name, preprocessing.target)
            jobs.append(Job(folder.name, paths, output / name, reading))
        elif images:
            left_out.append(folder.name)
    if jobs:
        check_folder(output, f"the {counted(len(jobs), 'case')} of {path.name}")
        _say_left_out(preprocessing, left_out)
    return jobs


def _refuse_unnamed(words: Sequence[str], modalities: Sequence[str]) -> NoReturn:
    names = " ".join(f"{modality}=PATH" for modality in modalities)
    expected, remedy = f"one image for each of {', '.join(modalities)}", f"Name them: {names}"
    if len(modalities) == 1:
        expected = f"one image, or one folder of images or of cases ({modalities[0]}.nii.gz in a folder each)"
        remedy = "Name the folder that holds them, or translate them one by one."
    raise UsageError("E004", counted(len(words), "unnamed source"), expected, remedy)


def _single(paths: Mapping[str, Path], preprocessing: Preprocessing, output: Path, reading: Reading) -> Job:
    """Return the job of one volume; where the output is a folder that is there, the name is chosen."""
    first = next(iter(paths.values()))
    if output.is_dir():
        output = output / synthetic_name(first.name, preprocessing.target)
    return Job(output.name, paths, output, reading, patient=_subject(first))


def _subject(path: Path) -> str:
    """Return the subject that a name of BIDS says, such as `sub-01`; empty for other names."""
    bids_name = parse(path)
    return f"sub-{bids_name.entities['sub']}" if bids_name is not None else ""


def _of_cohort(cohort: Cohort, preprocessing: Preprocessing, output: Path, split: str) -> list[Job]:
    if split not in ("train", "validation", "test", "all"):
        raise UsageError("E001", f"--split {split}", "train, validation, test or all", "Choose one of them.")
    check_folder(output, f"the cases of {cohort.folder.name}")
    jobs = []
    cohort = cohort.named_for(preprocessing.sources)
    for case in _with_sources(cohort.cases(None if split == "all" else split), preprocessing):
        present = preprocessing.present(case.modalities)
        paths = {modality: cohort.folder / case.entry.volumes[modality].file for modality in present}
        name = _picture_name(case, preprocessing) or case_name(case.id, preprocessing.target)
        jobs.append(Job(case.id, paths, output / name, case=case, patient=case.patient))
    return jobs


def _with_sources(cases: Sequence[PreparedCase], preprocessing: Preprocessing) -> list[PreparedCase]:
    """Return the cases with sources to translate, all where none has: cohorts without pairs hold targets alone, too."""
    n_needed = 1 if preprocessing.accepts_missing else len(preprocessing.sources)
    able = [case for case in cases if len(set(preprocessing.sources) & set(case.modalities)) >= n_needed]
    if able:
        _say_left_out(preprocessing, [case.id for case in cases if case not in able])
    return able or list(cases)


def _say_left_out(preprocessing: Preprocessing, names: Sequence[str]) -> None:
    if names:
        _log.warning(
            "not translated: cases without %s: %s", ", ".join(preprocessing.sources), ", ".join(names)
        )


def _picture_name(case: PreparedCase, preprocessing: Preprocessing) -> str:
    """Return the name of a picture where the case was one and the target can be; empty where it is a volume."""
    first = case.entry.volumes[preprocessing.present(case.modalities)[0]]
    suffix = "" if first.origin is None else Path(first.origin.name).suffix.lower()
    is_one = is_picture(Path(f"x{suffix}")) and first.native_shape[2] == 1
    return (
        synthetic_name(f"{case.id}{suffix}", preprocessing.target)
        if is_one and holds(preprocessing, suffix)
        else ""
    )


def _check_named(
    paths_by_name: Mapping[str, str], words: Sequence[str], preprocessing: Preprocessing
) -> None:
    enough = (
        set(paths_by_name) <= set(preprocessing.sources)
        if preprocessing.accepts_missing
        else set(paths_by_name) == set(preprocessing.sources)
    )
    if len(paths_by_name) != len(words) or not enough:
        raise UsageError(
            "E004",
            f"sources {' '.join(words)}",
            " ".join(f"{modality}=PATH" for modality in preprocessing.sources),
            "Name sources of the recipe, each once."
            if preprocessing.accepts_missing
            else "Name every source of the recipe once.",
        )


def _existing(path: Path) -> Path:
    if not path.exists():
        placeholders.refuse(path)
        raise InputError("E100", f"{path} does not exist", "an image or a folder", "Check the path.")
    return path
