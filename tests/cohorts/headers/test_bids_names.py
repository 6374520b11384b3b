"""Names of files in BIDS."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from transmodal.cohorts.headers.bids_names import derivative, parse


def anat(case: str, suffix: str) -> str:
    return f"{case.replace('_', '/')}/anat/{case}_{suffix}.nii.gz"


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("sub-01_T1w.nii.gz", "t1"),
        ("sub-01_acq-x_run-2_T1w.nii", "t1"),
        ("sub-01_ce-gadolinium_T1w.nii.gz", "t1ce"),
        ("sub-01_part-mag_T1w.nii.gz", "t1"),
        ("sub-01_part-phase_T1w.nii.gz", ""),
        ("sub-01_part-real_T2w.nii.gz", ""),
        ("sub-01_part-imag_T2w.nii.gz", ""),
        ("sub-01_PDw.nii.gz", "pd"),
        ("sub-01_FLAIR.nii.gz", "flair"),
        ("sub-01_ct.nii.gz", "ct"),
        ("sub-01_space-T1w_param-FA_dwimap.nii.gz", "fa"),
        ("sub-01_param-md_dwimap.nii.gz", ""),
        ("sub-01_desc-brain_mask.nii.gz", "mask"),
        ("sub-01_label-GM_mask.nii.gz", ""),
        ("sub-01_desc-ribbon_mask.nii.gz", ""),
        ("sub-01_dseg.nii.gz", "segmentation"),
        ("sub-01_bold.nii.gz", ""),
    ],
)
def test_modalities_by_suffix(name: str, wanted: str) -> None:
    one = parse(Path("sub-01/anat") / name)
    assert one is not None
    assert one.modality == wanted


@pytest.mark.parametrize(
    "name",
    ["T1w.nii.gz", "sub-01_T1w.json", "acq-x_T1w.nii.gz", "sub-01_run1_T1w.nii.gz", "sub-1_sub-2_T1w.nii.gz"],
)
def test_what_is_no_image_of_a_subject(name: str) -> None:
    assert parse(Path(name)) is None


@pytest.mark.parametrize(
    ("source", "target", "wanted"),
    [
        ("sub-01_T1w", "t2", "sub-01/anat/sub-01_desc-synthetic_T2w.nii.gz"),
        (
            "sub-01_ses-2_acq-mprage_run-1_T1w",
            "flair",
            "sub-01/ses-2/anat/sub-01_ses-2_acq-mprage_run-1_desc-synthetic_FLAIR.nii.gz",
        ),
        ("sub-01_T1w", "t1ce", "sub-01/anat/sub-01_ce-gadolinium_desc-synthetic_T1w.nii.gz"),
        (
            "sub-01_space-MNI_desc-preproc_T1w",
            "fa",
            "sub-01/dwi/sub-01_space-MNI_param-fa_desc-synthetic_dwimap.nii.gz",
        ),
        ("sub-01_T1w", "ct", "sub-01/ct/sub-01_desc-synthetic_ct.nii.gz"),
        ("sub-01_T1w", "colour", "sub-01/other/sub-01_desc-synthetic_colour.nii.gz"),
    ],
)
def test_names_of_derivatives(source: str, target: str, wanted: str) -> None:
    one = parse(Path(f"{source}.nii.gz"))
    assert one is not None
    assert derivative(one, target) == PurePosixPath(wanted)
    again = parse(Path(wanted))
    assert again is not None
    assert again.case == one.case
