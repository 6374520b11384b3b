"""Names of synthetic images: never that of the image that they were made from."""

from __future__ import annotations

from pathlib import Path

from transmodal.cohorts.headers.bids_names import derivative, parse
from transmodal.volumes import io

SPREADS = ("plane_disagreement", "disagreement", "run_disagreement")
"""Endings of the name of an image of where passes disagree: of planes alone, of draws or flips as well, or of runs."""

ENDS = ("lower", "upper")
"""Endings of the names of the ends of an interval."""
BESIDE = (*SPREADS, *ENDS)
"""Endings of the names of all images that can stand beside a synthetic one, and keys of its sidecar."""
REGION = "region_file"
"""Key of a sidecar under which the segmentation of the region stands that was written beside a series of DICOM."""


def synthetic_name(source: str, target: str) -> str:
    """Return the file name of a synthetic image whose place is chosen for it.

    A name of BIDS keeps its entities and gets `desc-synthetic` and the target's suffix
    (`sub-01_T1w.nii.gz` -> `sub-01_param-fa_desc-synthetic_dwimap.nii.gz`); any other becomes `<stem>_<target>`
    (`anna.mha` -> `anna_fa.mha`).

    Args:
        source: file name of the first source; one without a known ending, such as a case's or a folder's, gets
            `.nii.gz`.
        target: the modality.
    """
    ending = suffix_of(source)
    bids_name = parse(Path(source if ending else f"{source}.nii.gz"))
    if bids_name is not None:
        return derivative(bids_name, target).name.removesuffix(".nii.gz") + (ending or ".nii.gz")
    return f"{source.removesuffix(ending)}_{target}{ending or '.nii.gz'}"


def case_name(case: str, target: str) -> str:
    """Return the file name of a case's synthetic image; one of BIDS, such as `sub-01_ses-2`, gets BIDS' marks.

    Args:
        case: id of the case.
        target: the modality.
    """
    bids_name = parse(Path(f"{case}_T1w.nii.gz"))
    return derivative(bids_name, target).name if bids_name is not None else synthetic_name(case, target)


def suffix_of(name: str) -> str:
    """Return the ending that says the format, as it is spelled; empty where there is none."""
    return next((name[-len(end) :] for end in io.WRITABLE if name.lower().endswith(end)), "")


def stem_of(path: Path) -> str:
    """Return a name without the ending that says the format."""
    return path.name.removesuffix(suffix_of(path.name))


def sidecar_of(path: Path) -> Path:
    """Return where the record of an image stands."""
    return path.with_name(f"{stem_of(path)}.json")


def spread_of(path: Path, kind: str) -> Path:
    """Return where an image beside another stands: the disagreement of its passes, or an end of its interval."""
    return path.with_name(f"{stem_of(path)}_{kind}{suffix_of(path.name)}")


def region_of(series: Path) -> Path:
    """Return where the segmentation of a series' region stands: beside the folder, under its name."""
    return series.with_name(f"{series.name}_region.dcm")
