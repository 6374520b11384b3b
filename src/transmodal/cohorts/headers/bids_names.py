"""Names of the Brain Imaging Data Structure (BIDS 1.10): read into parts, and made for derivatives."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from transmodal.cohorts import release_files
from transmodal.errors import InputError
from transmodal.modalities import BidsName, known_modalities, modality_of
from transmodal.storage import files, regular

DESCRIPTION = "dataset_description.json"
VERSION = "1.10.0"
_UNRATIFIED = {"FA": "fa"}
"""Modalities by suffixes that are in use and no names of BIDS."""

_BEFORE, _AFTER = ("sub", "ses", "acq"), ("rec", "run", "space")
"""Entities of a source that its derivative keeps, before and after `ce-`: their order is BIDS'."""
_ENTITY = re.compile(r"[a-zA-Z]+-[a-zA-Z0-9+]+")
IGNORED = ("**/ct", "**/other", "**/*_dwimap.*")
"""Patterns of files in derivatives that validators skip: names that are proposed, or unknown to BIDS."""


@dataclass(frozen=True, slots=True)
class ImageName:
    """An image's name in its parts.

    Attributes:
        path: of the file.
        entities: such as sub, ses, acq, run, space, desc, in the name's order.
        suffix: such as T1w.
    """

    path: Path
    entities: Mapping[str, str]
    suffix: str

    @property
    def case(self) -> str:
        """Subject and session, as `sub-01_ses-2`."""
        return "_".join(f"{key}-{self.entities[key]}" for key in ("sub", "ses") if key in self.entities)

    @property
    def modality(self) -> str:
        """Modality, `mask` or `segmentation`; empty where the name does not tell."""
        if self.entities.get("part", "mag") != "mag":
            return ""  # phase, real and imaginary parts are no magnitude image
        if self.suffix == "mask":
            return (
                "mask"
                if self.entities.get("desc", "brain") == "brain" and "label" not in self.entities
                else ""
            )
        if self.suffix == "dwimap":
            return "fa" if self.entities.get("param", "").lower() == "fa" else ""
        if self.suffix == "dseg":
            return "segmentation"
        modality = _of_suffix(self.suffix)
        return "t1ce" if modality == "t1" and "ce" in self.entities else modality


def modality_names() -> tuple[str, ...]:
    """Return all modalities that names can say."""
    return tuple(modality.name for modality in known_modalities() if modality.bids is not None)


def _of_suffix(suffix: str) -> str:
    """Return the modality that a suffix says by itself; empty where none does."""
    plain = {
        modality.bids.suffix: modality.name
        for modality in known_modalities()
        if modality.bids is not None and not modality.bids.entity
    }
    return (plain | _UNRATIFIED).get(suffix, "")


def parse(path: Path) -> ImageName | None:
    """Return a file's name in its parts, None where it is no image of a subject."""
    *parts, suffix = release_files.stem(path).split("_")
    if not release_files.is_volume(path) or not parts or not all(_ENTITY.fullmatch(part) for part in parts):
        return None
    entities = dict(part.split("-", 1) for part in parts)
    return ImageName(path, entities, suffix) if "sub" in entities and len(entities) == len(parts) else None


def is_dataset(folder: Path) -> bool:
    """Return whether a folder says that it is a BIDS dataset."""
    return (folder / DESCRIPTION).is_file()


def derivative(source: ImageName, target: str) -> PurePosixPath:
    """Return the place of a synthetic target below a derivative dataset: `desc-synthetic` beside the source's entities.

    Modalities without a place in BIDS go to `other`, with a suffix of their own.
    """
    datatype, suffix, more = modality_of(target).bids or BidsName("other", target.replace("_", ""))
    entities = source.entities
    before = "_".join(f"{key}-{entities[key]}" for key in _BEFORE if key in entities)
    after = "".join(f"{key}-{entities[key]}_" for key in _AFTER if key in entities)
    # The order of entities is BIDS': ce before rec, param and desc behind space.
    ce, param = (more, "") if more.startswith("ce") else ("", more)
    place = PurePosixPath(*(f"{key}-{entities[key]}" for key in ("sub", "ses") if key in entities)) / datatype
    return place / f"{before}_{ce}{after}{param}desc-synthetic_{suffix}.nii.gz"


def check_derivatives(folder: Path) -> None:
    """Refuse to write derivatives into raw data.

    Raises:
        InputError: E103 when the folder is a BIDS dataset that is no derivative.
    """
    if is_dataset(folder) and files.read_json(folder / DESCRIPTION).get("DatasetType") != "derivative":
        raise InputError(
            "E103",
            f"{folder} is a BIDS dataset of raw data",
            "a folder of derivatives",
            f"Write into {folder.name}/derivatives/transmodal.",
        )


def write_description(folder: Path, *, name: str, version: str, source: Path, note: str) -> None:
    """Write the files that make a folder a derivative dataset: description, README, .bidsignore; those that stand are kept.

    Raises:
        InputError: as `check_derivatives`.
        ResourceError: E403 when it cannot be written.
    """
    check_derivatives(folder)
    if is_dataset(folder):
        return
    folder.mkdir(parents=True, exist_ok=True)
    about = files.read_json(source / DESCRIPTION)
    content = {
        "Name": name,
        "BIDSVersion": VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": [{"Name": "transmodal", "Version": version, "Description": note}],
        "SourceDatasets": [describe_source(source, about)],
        "DatasetLinks": {"source": _link(source, folder)},
    }
    for file_name, text in (
        ("README", f"{name}\n\n{note}\n"),
        (".bidsignore", "".join(f"{pattern}\n" for pattern in IGNORED)),
    ):
        with files.atomic_path(folder / file_name) as beside:
            beside.write_text(text, encoding="utf-8")
    files.write_json(folder / DESCRIPTION, content)


def describe_source(folder: Path, about: Mapping[str, object]) -> dict[str, str]:
    """Return what a dataset says of itself: Name, URL and DOI where it has a DOI, Version as far as it says one.

    Args:
        folder: of the dataset.
        about: content of its `dataset_description.json`.
    """
    doi = str(about.get("DatasetDOI") or "").removeprefix("doi:").removeprefix("https://doi.org/")
    facts = {
        "Name": str(about.get("Name") or folder.resolve().name),
        "URL": f"https://doi.org/{doi}" if doi else "",
        "DOI": f"doi:{doi}" if doi else "",
        "Version": _version(folder, about, doi),
    }
    return {key: value for key, value in facts.items() if value}


def _version(folder: Path, about: Mapping[str, object], doi: str) -> str:
    """Return a dataset's version: of its first entry in CHANGES, else of its DOI, else of the tool that made it."""
    changes = folder / "CHANGES"
    first = regular.read_bytes(changes).decode("utf-8", "replace").split() if changes.is_file() else []
    at_end = re.search(r"\.v(\d+(?:\.\d+)+)$", doi)
    generators = about.get("GeneratedBy")
    tool = (
        generators[0]
        if isinstance(generators, list) and generators and isinstance(generators[0], dict)
        else {}
    )
    if first and re.match(r"v?\d", first[0]):
        return first[0]
    return at_end[1] if at_end else str(tool.get("Version") or "")


def _link(source: Path, folder: Path) -> str:
    """Return where the source dataset lies as seen from the derivatives, so that no machine's path is written."""
    derivatives, dataset = folder.resolve(), source.resolve()
    if derivatives.is_relative_to(dataset):
        return "/".join([".."] * len(derivatives.relative_to(dataset).parts))
    return f"../{dataset.name}" if derivatives.parent == dataset.parent else dataset.name
