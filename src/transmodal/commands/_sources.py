"""What the words of `translate` name: one case, a folder of images, or a cohort's split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from transmodal.cohorts.aliases import renaming
from transmodal.cohorts.case import patient_mark
from transmodal.cohorts.headers.bids_names import parse
from transmodal.cohorts.store import Cohort, PreparedCase
from transmodal.errors import InputError, UsageError
from transmodal.inference.names import case_name, sidecar_of, spread_of, synthetic_name
from transmodal.inference.pictures import holds, is_picture
from transmodal.inference.preprocessing import Preprocessing
from transmodal.inference.translate import Model
from transmodal.inference.write import SPREADS
from transmodal.storage import files, listing, outputs, placeholders
from transmodal.volumes import Volume, io
from transmodal.volumes.geometry.reorient import resample
from transmodal.volumes.reading import STRICT, Reading

PICTURES_LIE = "pictures are taken for axial slices as radiologists look at them"


@dataclass(frozen=True, slots=True)
class Job:
    """One volume to synthesise.

    Attributes:
        name: shown while it is under way.
        paths: of the sources, by modality.
        output: where it goes.
        reading: how the sources are read.
        case: the prepared case that they are, where they are one.
        about: what the sidecar says besides how the volume came about.
        patient: whose images they are; empty where nothing says it.
    """

    name: str
    paths: Mapping[str, Path]
    output: Path
    reading: Reading = STRICT
    case: PreparedCase | None = None
    about: Mapping[str, object] = field(default_factory=dict)
    patient: str = ""

    def read(self) -> dict[str, Volume]:
        """Read the sources; a prepared case's come back on its native grid."""
        if self.case is None:
            return {modality: self._reading_of(path).read(path) for modality, path in self.paths.items()}
        case = self.case
        return {
            modality: replace(
                resample(case.volume(modality), case.native_grid(modality)),
                space=case.entry.volumes[modality].native_space,
            )
            for modality in self.paths
        }

    def assumed(self) -> list[str]:
        """Return a note on the pictures among the sources, where nobody said how they lie."""
        if self.case is not None or self.reading.assume_orientation is not None:
            return []
        names = [path.name for path in self.paths.values() if is_picture(path)]
        return (
            [f"{PICTURES_LIE} (LPS), as prepare takes them; --assume-orientation says otherwise"]
            if names
            else []
        )

    def _reading_of(self, path: Path) -> Reading:
        is_open = self.reading.assume_orientation is None and is_picture(path)
        return replace(self.reading, assume_orientation="LPS") if is_open else self.reading

    def origins(self) -> dict[str, object]:
        """Return each source's file name and SHA-256, without its folder."""
        return {modality: _origin(path) for modality, path in self.paths.items()}


def find(
    words: Sequence[str], preprocessing: Preprocessing, output: Path, *, split: str, reading: Reading
) -> list[Job]:
    """Find what is to be translated.

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
    named = dict(word.split("=", 1) for word in words if "=" in word and not Path(word).exists())
    if named:
        other = renaming(modalities, list(named))
        named = {other.get(name, name): path for name, path in named.items()}
        _check_named(named, words, preprocessing)
        paths = {name: _existing(Path(named[name])) for name in modalities if name in named}
        return [_single(paths, preprocessing, output, reading)]
    if len(words) != 1 or len(modalities) != 1:
        path = _existing(Path(words[0]))
        if len(words) == 1 and (path / "cohort.json").exists():
            return _of_cohort(Cohort.open(path), preprocessing, output, split)
        raise UsageError(
            "E004",
            f"{len(words)} unnamed source{'s' if len(words) > 1 else ''}",
            f"one image for each of {', '.join(modalities)}",
            "Name them: " + " ".join(f"{modality}=PATH" for modality in modalities),
        )
    return _of_path(_existing(Path(words[0])), preprocessing, output, split, reading)


def words_of(sources: str | Path | Sequence[str | Path] | Mapping[str, str | Path]) -> list[str]:
    """Return sources as the command line has them: a path, or `modality=path` for several."""
    if isinstance(sources, Mapping):
        return [f"{modality}={path}" for modality, path in sources.items()]
    return [str(sources)] if isinstance(sources, str | Path) else [str(word) for word in sources]


def learned(job: Job, model: Model) -> dict[str, Any]:
    """Return what a sidecar says where the run has learned from the very subject; nothing where it has not."""
    if not job.patient or patient_mark(job.patient) not in model.provenance["training_patients_sha256"]:
        return {}
    note = f"{job.patient} has the name of a subject that the run learned from: this is no test of it"
    return {"training_subject": True, "notes": [note]}


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


def check_places(jobs: Sequence[Job], *, overwrite: bool, disagreement: bool) -> None:
    """Refuse outputs that cannot be written or that would hide something, before anything is translated.

    Args:
        jobs: what is to be translated.
        overwrite: whether images may be replaced that are synthetic themselves.
        disagreement: whether the spread over the passes is written too.

    Raises:
        UsageError: E005 for another format, a place that cannot be, an output that exists or has a source's name,
            and for two outputs with one sidecar.
        ResourceError: E403 where nothing can be written.
    """
    owner: dict[Path, Job] = {}
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
        _check_name(job)
        outputs.check_file(job.output)
        for path in _written(job.output, disagreement=disagreement):
            other = owner.setdefault(path, job)
            if other is not job:
                raise UsageError(
                    "E005",
                    f"{other.name} and {job.name} would both be written as {path.name}",
                    "a name for each",
                    "Translate them into different folders.",
                )
            _check_free(path, overwrite=overwrite)


def _check_name(job: Job) -> None:
    """Refuse a synthetic image under the name of the image that it is made from: soon one is taken for the other."""
    same = [path.name for path in job.paths.values() if path.name == job.output.name]
    if same:
        raise UsageError(
            "E005",
            f"output {job.output.name} has the name of its source",
            "a name that says what it is",
            f"Rename it, such as {synthetic_name(same[0], 'TARGET')}.",
        )


def _written(output: Path, *, disagreement: bool) -> list[Path]:
    """Return what is written with an image: sidecars, and the spread under either of its names."""
    spreads = [spread_of(output, what) for what in SPREADS] if disagreement else []
    return [path for image in (output, *spreads) for path in (image, sidecar_of(image))]


def _check_free(path: Path, *, overwrite: bool) -> None:
    if not path.exists():
        return
    if not overwrite:
        raise UsageError("E005", f"{path} exists", "a new file", "Choose another name, or --overwrite.")
    if path.suffix == ".json" and files.read_json(path).get("synthetic") is not True:
        raise UsageError(
            "E005",
            f"{path} exists and is no record of a synthetic image",
            "a name whose sidecar is free",
            "Choose another name for the image.",
        )


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
        return [_single({modality: path}, preprocessing, output, reading)]
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


def _single(paths: Mapping[str, Path], preprocessing: Preprocessing, output: Path, reading: Reading) -> Job:
    """Return the job of one volume; where the output is a folder that is there, the name is chosen."""
    first = next(iter(paths.values()))
    if output.is_dir():
        output = output / synthetic_name(first.name, preprocessing.target)
    return Job(output.name, paths, output, reading, patient=_subject(first))


def _subject(path: Path) -> str:
    """Return the subject that a name of BIDS says, such as `sub-01`; empty for other names."""
    named = parse(path)
    return f"sub-{named.entities['sub']}" if named is not None else ""


def _of_cohort(cohort: Cohort, preprocessing: Preprocessing, output: Path, split: str) -> list[Job]:
    if split not in ("train", "validation", "test", "all"):
        raise UsageError("E001", f"--split {split}", "train, validation, test or all", "Choose one of them.")
    check_folder(output, f"the cases of {cohort.folder.name}")
    jobs = []
    cohort = cohort.named_for(preprocessing.sources)
    for case in cohort.cases(None if split == "all" else split):
        there = preprocessing.present(case.modalities)
        paths = {modality: cohort.folder / case.entry.volumes[modality].file for modality in there}
        name = _picture_name(case, preprocessing) or case_name(case.id, preprocessing.target)
        jobs.append(Job(case.id, paths, output / name, case=case, patient=case.patient))
    return jobs


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


def _check_named(named: Mapping[str, str], words: Sequence[str], preprocessing: Preprocessing) -> None:
    enough = (
        set(named) <= set(preprocessing.sources)
        if preprocessing.accepts_missing
        else set(named) == set(preprocessing.sources)
    )
    if len(named) != len(words) or not enough:
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


def _origin(path: Path) -> dict[str, Any]:
    if path.is_dir():
        # Names of DICOM files, and of their folder, can be a patient's: counts and a hash stand for them.
        hashes = sorted(map(files.sha256_file, listing.files_in(path)))
        return {"name": "DICOM series", "n_files": len(hashes), "sha256": files.sha256_text(ascii(hashes))}
    return {"name": path.name, "sha256": files.sha256_file(path)}
