"""BraTS 2020, 2021 and 2023 as released: four contrasts and the tumour's labels.

    BraTS20_Training_001/  BraTS20_Training_001_{t1,t1ce,t2,flair,seg}.nii          (2020)
    BraTS2021_00000/       BraTS2021_00000_{t1,t1ce,t2,flair,seg}.nii.gz            (2021)
    BraTS-GLI-00000-000/   BraTS-GLI-00000-000-{t1n,t1c,t2w,t2f,seg}.nii.gz         (2023, and its sister tasks)

Contrasts become t1, t1ce, t2 and flair. Labels become those of 2023: 1 necrosis, 2 oedema, 3 enhancing tumour
(4 in the older releases).

The releases hold one another's patients. Cases with the number of BraTS2021_<number> and BraTS-GLI-<number>
are one patient, whatever the time point. BraTS 2020 counts anew: beside a newer release it needs the mapping
that BraTS publishes, saved as CSV, or is refused, since nothing else says who is who.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from transmodal.cohorts import release_files
from transmodal.cohorts.case_files import CaseFiles
from transmodal.cohorts.layouts._layout import FolderContents
from transmodal.cohorts.steps.voxelwise import Relabel
from transmodal.errors import InputError
from transmodal.storage import tables
from transmodal.volumes.reading import STRICT, Reading

_OLD = r"BraTS20_(?:Training|Validation|Testing)_\d{3}"
_CASE = rf"{_OLD}|BraTS2021_\d{{5}}|BraTS-[A-Z]{{2,4}}-\d{{5}}-\d{{3}}"
_NAME = re.compile(rf"(?P<case>{_CASE})[_-](?P<what>[A-Za-z0-9]+)")
_CONTRAST_OF = {
    "t1": "t1",
    "t1n": "t1",
    "t1ce": "t1ce",
    "t1c": "t1ce",
    "t2": "t2",
    "t2w": "t2",
    "flair": "flair",
    "t2f": "flair",
    "seg": "segmentation",
}
_CONTRASTS = ("t1", "t1ce", "t2", "flair")
_EXPECTED = (
    "BraTS20_Training_001/, BraTS2021_00000/ or BraTS-GLI-00000-000/ with the contrasts of its release"
)
NAMES = {1: "necrosis", 2: "oedema", 3: "enhancing tumour"}
"""Labels of 2023, to which the older releases' are brought."""
_TO_2023 = Relabel(((1, 1), (2, 2), (4, 3)), "BraTS 2020 and 2021")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Options:
    """Settings of the layout, given with `--with`.

    Attributes:
        need: contrasts that a case needs to be taken; labels are taken where there are some.
        labels: `2023` brings the older releases' labels to 1, 2, 3; `kept` leaves them.
        mapping: CSV of who is who in the releases; by default every CSV with `mapping` in its name.

    Raises:
        UsageError: E001 for another value.
    """

    need: tuple[str, ...] = _CONTRASTS
    labels: str = "2023"
    mapping: str = ""

    def __post_init__(self) -> None:
        for contrast in self.need:
            release_files.check_choice("need", contrast, _CONTRASTS)
        release_files.check_choice("labels", self.labels, ("2023", "kept"))


def find(folder: Path, options: Options = Options(), reading: Reading = STRICT) -> FolderContents[CaseFiles]:
    """Find the cases of one or more releases, and what was left aside.

    Raises:
        InputError: E100 when the folder does not exist or holds no case, or the mapping is not there; E101
            when the mapping is no CSV; E103 when a case has two files of one kind; E131 when no case is
            complete; E135 when BraTS 2020 stands beside a newer release and no mapping names its patients.
    """
    folder = Path(folder)
    paths = release_files.files_below(folder, _EXPECTED)
    parts: release_files.Parts = {}
    unknown = [path for path in paths if not _add_file(path, parts) and not _add_misnamed_labels(path, parts)]
    whole, left_out = release_files.complete(
        parts, dict.fromkeys(parts, options.need), folder, _EXPECTED, release_files.FEWER
    )
    mappings = [Path(options.mapping)] if options.mapping else [path for path in unknown if _is_mapping(path)]
    patients = _patients(whole, mappings)
    return FolderContents(
        [_case(case, parts[case], patients[case], options, reading) for case in whole],
        release_files.summarise([path for path in unknown if path not in mappings], folder, "of no case"),
        left_out,
        labels=NAMES if options.labels == "2023" else {},
    )


def _add_file(path: Path, parts: release_files.Parts) -> bool:
    """Note a file by its name; tell whether it is a case's."""
    name = _NAME.fullmatch(release_files.stem(path))
    if name is None or name["what"].lower() not in _CONTRAST_OF or not release_files.is_volume(path):
        return False
    release_files.add(parts, name["case"], _CONTRAST_OF[name["what"].lower()], path)
    return True


def _add_misnamed_labels(path: Path, parts: release_files.Parts) -> bool:
    """Take labels under a stranger's name, as case 355 of BraTS 2020 has them (`W39_..._Segm.nii`)."""
    case = path.parent.name
    if not (re.fullmatch(_CASE, case) and release_files.is_volume(path) and "seg" in path.name.lower()):
        return False
    if "segmentation" in parts.get(case, {}) or any(path.parent.glob(f"{case}*seg.nii*")):
        return False
    _log.warning("%s: %s is taken for its labels", case, path.name)
    release_files.add(parts, case, "segmentation", path)
    return True


def _case(case: str, images: dict[str, Path], patient: str, options: Options, reading: Reading) -> CaseFiles:
    is_old = not case.startswith("BraTS-")
    return CaseFiles(
        case,
        patient,
        {contrast: path for contrast, path in images.items() if contrast != "segmentation"},
        segmentation=images.get("segmentation"),
        steps=(_TO_2023,) if is_old and options.labels == "2023" else (),
        reading=reading,
    )


def _is_mapping(path: Path) -> bool:
    return path.suffix.lower() == ".csv" and "mapping" in path.name.lower()


def _patients(cases: Sequence[str], mappings: Sequence[Path]) -> dict[str, str]:
    """Return each case's patient: by number, and joined by the rows of the mappings."""
    linked = _link_names(mappings)
    newer = [case for case in cases if _is_newer(case)]
    for case in cases:
        if newer and case.startswith("BraTS20_") and not any(map(_is_newer, linked.get(case, {case}))):
            raise InputError(
                "E135",
                f"{case} of BraTS 2020 beside {newer[0]}, which may be the same patient",
                "a mapping that says who is who in the newer release",
                "Save BraTS' own table of names as a CSV with 'mapping' in its name beside the data, or give it: "
                "--with mapping=FILE; or prepare the releases apart.",
            )
    return {case: min(map(_patient_by_number, linked.get(case, {case}))) for case in cases}


def _is_newer(name: str) -> bool:
    return name.startswith(("BraTS2021_", "BraTS-GLI-"))


def _patient_by_number(name: str) -> str:
    """Return what is the same for all time points of a patient in BraTS 2021 and 2023."""
    match = re.fullmatch(r"BraTS2021_(\d{5})|BraTS-GLI-(\d{5})(?:-\d{3})?", name)
    if match:
        return f"BraTS-GLI-{match[1] or match[2]}"
    return re.sub(r"(BraTS-[A-Z]{2,4}-\d{5})-\d{3}", r"\1", name)


def _link_names(mappings: Sequence[Path]) -> dict[str, set[str]]:
    """Return for every name in the mappings all names of the same patient, through as many rows as it takes."""
    groups: dict[str, set[str]] = {}
    for table in mappings:
        for row in tables.read(table).rows:
            names = {value for column, value in row.items() if "brats" in column.lower() and _is_name(value)}
            together = names.union(*(groups.get(name, {name}) for name in names)) if names else set()
            for name in together:
                groups[name] = together
    return groups


def _is_name(value: str) -> bool:
    return value.lower() not in ("", "na", "n/a", "nan", "none", "-")
