"""What the words of `translate` name: one case, a folder of images, or a cohort's split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from transmodal.cohorts.store import Cohort, PreparedCase
from transmodal.errors import InputError, UsageError
from transmodal.inference.view import View
from transmodal.volumes import Volume, files, io, listing, outputs, placeholders
from transmodal.volumes.geometry import resample
from transmodal.volumes.reading import STRICT, Reading


@dataclass(frozen=True, slots=True)
class Job:
    """One volume to synthesise: its sources by modality, where it goes, and what its sidecar says besides."""

    name: str
    paths: Mapping[str, Path]
    output: Path
    reading: Reading = STRICT
    case: PreparedCase | None = None
    about: Mapping[str, object] = field(default_factory=dict)

    def read(self) -> dict[str, Volume]:
        """Read the sources; a prepared case's come back on its native grid."""
        if self.case is None:
            return {modality: self.reading.read(path) for modality, path in self.paths.items()}
        case = self.case
        return {
            modality: resample(case.volume(modality), case.native_grid(modality)) for modality in self.paths
        }

    def origins(self) -> dict[str, object]:
        """Return each source's file name and SHA-256, without its folder."""
        return {modality: _origin(path) for modality, path in self.paths.items()}


def find(words: Sequence[str], view: View, output: Path, *, split: str, reading: Reading) -> list[Job]:
    """Find what is to be translated.

    Args:
        words: of the command line.
        view: of the recipe: which sources there are, and whether some may be absent.
        output: file, or folder where there are several volumes.
        split: of a cohort.
        reading: how files are read.

    Raises:
        UsageError: E004 when the words do not fit the recipe's sources, E005 when an output is named as one image
            and there are several.
        InputError: E100 when a path does not exist, E139 when a folder holds a DICOM series and image files, E131 when a cohort lacks a source.
    """
    modalities = view.sources
    named = dict(word.split("=", 1) for word in words if "=" in word and not Path(word).exists())
    if named:
        _check_named(named, words, view)
        paths = {name: _existing(Path(named[name])) for name in modalities if name in named}
        return [Job(output.name, paths, output, reading)]
    if len(words) != 1 or len(modalities) != 1:
        path = _existing(Path(words[0]))
        if len(words) == 1 and (path / "cohort.json").exists():
            return _of_cohort(Cohort.open(path), view, output, split)
        raise UsageError(
            "E004",
            f"{len(words)} unnamed source{'s' if len(words) > 1 else ''}",
            f"one image for each of {', '.join(modalities)}",
            "Name them: " + " ".join(f"{modality}=PATH" for modality in modalities),
        )
    return _of_path(_existing(Path(words[0])), view, output, split, reading)


def weights(words: Sequence[str] | None) -> dict[str, str]:
    """Return where frozen networks' weights lie, by name.

    Raises:
        UsageError: E001 for a word that is not NAME=PATH.
    """
    for word in words or ():
        if not all(word.partition("=")):
            raise UsageError("E001", f"--weights {word}", "NAME=PATH", "Write it as: --weights sam=FILE")
    return dict(word.split("=", 1) for word in words or ())


def check_folder(output: Path, what: str) -> None:
    """Refuse an output that is named as one image where a folder of them will be written.

    Raises:
        UsageError: E005.
    """
    if output.name.lower().endswith(io.WRITABLE):
        raise UsageError(
            "E005",
            f"output {output.name}, one image, for {what}",
            "a folder to write them to",
            f"Name a folder, such as {output.name.split('.')[0] or 'synthetic'}, or one source image.",
        )


def check_places(jobs: Sequence[Job], *, overwrite: bool) -> None:
    """Refuse outputs that exist, that are sources, or whose format cannot be written."""
    for job in jobs:
        if not job.output.name.endswith(io.WRITABLE):
            raise UsageError(
                "E005",
                f"output {job.output.name}",
                f"a name that ends in {', '.join(io.WRITABLE)}",
                "Rename it.",
            )
        if any(path.resolve() == job.output.resolve() for path in job.paths.values()):
            raise UsageError("E005", f"output {job.output.name} is the source", "another file", "Rename it.")
        outputs.check_file(job.output)
        if job.output.exists() and not overwrite:
            raise UsageError(
                "E005", f"{job.output} exists", "a new file", "Choose another name, or --overwrite."
            )


def _of_path(path: Path, view: View, output: Path, split: str, reading: Reading) -> list[Job]:
    (modality,) = view.sources
    if not path.is_dir():
        return [Job(path.name, {modality: path}, output, reading)]
    if (path / "cohort.json").exists():
        return _of_cohort(Cohort.open(path), view, output, split)
    images = io.images_in(path)
    if not images:
        return [Job(path.name, {modality: path}, output, reading)]
    check_folder(output, f"the {len(images)} images of {path.name}")
    return [Job(image.name, {modality: image}, output / image.name, reading) for image in images]


def _of_cohort(cohort: Cohort, view: View, output: Path, split: str) -> list[Job]:
    if split not in ("train", "validation", "test", "all"):
        raise UsageError("E001", f"--split {split}", "train, validation, test or all", "Choose one of them.")
    check_folder(output, f"the cases of {cohort.folder.name}")
    jobs = []
    for case in cohort.cases(None if split == "all" else split):
        there = view.present(case.modalities)
        paths = {modality: cohort.folder / case.entry.volumes[modality].file for modality in there}
        jobs.append(Job(case.id, paths, output / f"{case.id}.nii.gz", case=case))
    return jobs


def _check_named(named: Mapping[str, str], words: Sequence[str], view: View) -> None:
    enough = set(named) <= set(view.sources) if view.accepts_missing else set(named) == set(view.sources)
    if len(named) != len(words) or not enough:
        raise UsageError(
            "E004",
            f"sources {' '.join(words)}",
            " ".join(f"{modality}=PATH" for modality in view.sources),
            "Name sources of the recipe, each once."
            if view.accepts_missing
            else "Name every source of the recipe once.",
        )


def _existing(path: Path) -> Path:
    if not path.exists():
        placeholders.refuse(path)
        raise InputError("E100", f"{path} does not exist", "an image or a folder", "Check the path.")
    return path


def _origin(path: Path) -> dict[str, Any]:
    if path.is_dir():
        # Names of DICOM files, and of their folder, can be a patient's: counts and a hash stand for them.
        hashes = sorted(map(files.sha256_file, listing.files_in(path)))
        return {"name": "DICOM series", "n_files": len(hashes), "sha256": files.sha256_text(ascii(hashes))}
    return {"name": path.name, "sha256": files.sha256_file(path)}
