"""BIDS datasets, raw or derivative: a case per session, contrasts by suffix.

    dataset/
      dataset_description.json  participants.tsv
      sub-01/ses-1/anat/sub-01_ses-1_T1w.nii.gz  sub-01_ses-1_T2w.nii.gz  sub-01_ses-1_FLAIR.nii.gz
      sub-01/ses-1/ct/sub-01_ses-1_ct.nii.gz                      proposed, not ratified
      derivatives/tool/sub-01/ses-1/anat/sub-01_ses-1_desc-brain_mask.nii.gz

Contrasts of a session mostly lie on several grids. Nothing is resampled unless `--with onto=MODALITY` says onto which.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from transmodal.cohorts import release_files
from transmodal.cohorts.case import EXTRA
from transmodal.cohorts.case_files import CaseFiles
from transmodal.cohorts.headers.bids_names import DESCRIPTION, ImageName, is_dataset, parse
from transmodal.cohorts.layouts._layout import FolderContents
from transmodal.cohorts.steps.coregistration import Coregister
from transmodal.errors import InputError, UsageError
from transmodal.storage import tables
from transmodal.volumes.reading import STRICT, Reading

_EXPECTED = f"a folder with {DESCRIPTION} and sub-<label>/.../sub-<label>_T1w.nii.gz"
_ASIDE = ("derivatives", "sourcedata", "code", "stimuli")
_SYNTHETIC = "synthetic"


@dataclass(frozen=True)
class Options:
    """Settings of the layout, given with `--with`.

    Attributes:
        need: modalities that a case needs to be taken; all that were found if nothing is said.
        partial: whether a case with some of these modalities is taken too.
        derivatives: pipelines whose images join the raw ones, as folders below `derivatives`.
        entities: of several images of one modality take those that have these, such as `acq-mprage,run-1`.
        space: take images of this `space-`; by default those without one, and in derivatives all of one space.
        several: of several that are left: `refuse` the case, or take the `first` by name.
        onto: onto whose grid the other contrasts are registered rigidly; empty for none.
        limit_mm: a registration whose two directions differ by more has failed.
        group: column of participants.tsv that stays on one side of the split, such as `site`.
        synthetic: take images with `desc-synthetic`; they are marked as simulated.

    Raises:
        UsageError: E001 for another value.
    """

    need: tuple[str, ...] = ()
    partial: bool = False
    derivatives: tuple[str, ...] = ()
    entities: tuple[str, ...] = ()
    space: str = ""
    several: str = "refuse"
    onto: str = ""
    limit_mm: float = 2.0
    group: str = ""
    synthetic: bool = False

    def __post_init__(self) -> None:
        release_files.check_choice("several", self.several, ("refuse", "first"))
        for entity in self.entities:
            if not all(entity.partition("-")):
                raise UsageError("E001", f"entities={entity}", "KEY-VALUE such as acq-mprage", "Correct it.")
        if not self.limit_mm > 0:
            raise UsageError("E001", f"limit_mm={self.limit_mm}", "more than 0", "Correct it.")


def find(folder: Path, options: Options = Options(), reading: Reading = STRICT) -> FolderContents[CaseFiles]:
    """Find the cases of a BIDS dataset, and what was left aside.

    Raises:
        InputError: E100 when the folder does not exist, is no BIDS dataset or holds no case, E103 when
            participants.tsv lacks the column or a subject, E131 when no case is complete.
    """
    folder = Path(folder)
    paths = release_files.files_below(folder, _EXPECTED)
    if not is_dataset(folder):
        raise InputError(
            "E100", f"{folder} without {DESCRIPTION}", _EXPECTED, "Name the dataset's own folder."
        )
    candidates, unknown = _by_case(folder, paths, options)
    parts, doubled = _parts(candidates, options)
    need = (
        options.need
        or tuple(sorted({modality for images in parts.values() for modality in images} - set(EXTRA)))
        or ("image",)
    )
    whole, left_out = release_files.complete(
        parts,
        {case: _needs(images, need, options) for case, images in parts.items()},
        folder,
        _EXPECTED,
        release_files.FEWER,
    )
    groups = _groups(folder, [candidates[case] for case in whole], options.group)
    return FolderContents(
        [_case(case, parts[case], groups, options, reading) for case in whole if case not in doubled],
        release_files.summarise(
            unknown, folder, "no contrast that is known by its suffix, or of another space or entity"
        ),
        sorted([*left_out, *doubled.values()]),
    )


def _needs(images: Iterable[str], need: tuple[str, ...], options: Options) -> tuple[str, ...]:
    """Return the modalities without which a case is left out."""
    available = tuple(modality for modality in need if modality in images)
    return available if options.partial and available else need


def _by_case(
    folder: Path, paths: Sequence[Path], options: Options
) -> tuple[dict[str, dict[str, list[ImageName]]], list[Path]]:
    """Return the images by case and modality, and the volumes that are of none."""
    candidates: dict[str, dict[str, list[ImageName]]] = {}
    unknown = []
    for path in paths:
        if not _belongs(path.relative_to(folder).parts, options):
            continue
        name = parse(path)
        modality = "" if name is None else _modality(name, options)
        if name is not None and modality:
            candidates.setdefault(name.case, {}).setdefault(modality, []).append(name)
        elif release_files.is_volume(path):
            unknown.append(path)
    return candidates, unknown


def _belongs(parts: Sequence[str], options: Options) -> bool:
    if parts[0] == "derivatives":
        return len(parts) > 2 and parts[1] in options.derivatives
    return parts[0] not in _ASIDE


def _modality(name: ImageName, options: Options) -> str:
    if name.entities.get("space", "") != options.space and not (options.derivatives and not options.space):
        return ""
    is_synthetic = name.entities.get("desc", "").startswith(_SYNTHETIC)
    return "" if is_synthetic and not options.synthetic else name.modality


def _parts(
    candidates: Mapping[str, Mapping[str, list[ImageName]]], options: Options
) -> tuple[release_files.Parts, dict[str, str]]:
    """Return one file by case and modality, and the cases that have several of one, each with their names."""
    parts: release_files.Parts = {}
    doubled: dict[str, str] = {}
    for case, by_modality in candidates.items():
        for modality, images in by_modality.items():
            matching = _with_entities(images, options.entities)
            parts.setdefault(case, {})[modality] = matching[0].path
            if len(matching) > 1 and options.several == "refuse":
                listed = ", ".join(image.path.name for image in matching)
                doubled[case] = (
                    f"{case} (several of {modality}: {listed}; tell one by --with entities=run-1, or several=first)"
                )
    return parts, doubled


def _with_entities(images: list[ImageName], entities: tuple[str, ...]) -> list[ImageName]:
    """Return those that have all wanted entities that any of them has, by name."""
    matching = sorted(images, key=lambda image: image.path.name)
    for entity in entities:
        key, _, value = entity.partition("-")
        matching = [image for image in matching if image.entities.get(key) == value] or matching
    return matching


def _case(
    case: str, images: Mapping[str, Path], groups: Mapping[str, str], options: Options, reading: Reading
) -> CaseFiles:
    patient = case.partition("_")[0]
    volumes = {name: path for name, path in images.items() if name not in EXTRA}
    moving = [name for name in sorted(volumes) if name != options.onto]
    steps = [
        Coregister(options.onto, modality, (), options.limit_mm)
        for modality in moving
        if options.onto in volumes
    ]
    synthetic = frozenset(modality for modality, path in volumes.items() if f"desc-{_SYNTHETIC}" in path.name)
    return CaseFiles(
        case,
        patient,
        volumes,
        images.get("mask"),
        images.get("segmentation"),
        simulated=synthetic,
        group=groups.get(patient, ""),
        steps=tuple(steps),
        reading=reading,
    )


def _groups(folder: Path, cases: Sequence[Mapping[str, list[ImageName]]], column: str) -> dict[str, str]:
    """Return each subject's group."""
    if not column:
        return {}
    path = folder / "participants.tsv"
    table = {row.get("participant_id", ""): row.get(column) for row in tables.read(path).rows}
    groups = {}
    for case in cases:
        patient = next(iter(case.values()))[0].case.partition("_")[0]
        value = table.get(patient)
        if not value or value == "n/a":
            raise InputError(
                "E103", f"{path.name} without {column} of {patient}", "a value for every subject", "Add it."
            )
        groups[patient] = f"{column} {value}"
    return groups
