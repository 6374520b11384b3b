"""Names of synthetic images: never the source's, and unmistakable."""

from __future__ import annotations

from pathlib import Path

import pytest

from transmodal.inference.names import case_name, sidecar_of, spread_of, synthetic_name


@pytest.mark.parametrize(
    ("source", "target", "name"),
    [
        ("anna.nii.gz", "fa", "anna_fa.nii.gz"),
        ("anna.mha", "ct", "anna_ct.mha"),
        ("Anna.NII.GZ", "ct", "Anna_ct.NII.GZ"),
        ("series_0004", "ct", "series_0004_ct.nii.gz"),
        ("slice.png", "colour", "slice_colour.png"),
        ("sub-0005_T1w.nii.gz", "fa", "sub-0005_param-fa_desc-synthetic_dwimap.nii.gz"),
        ("sub-0005_T1w.nii.gz", "t2", "sub-0005_desc-synthetic_T2w.nii.gz"),
        (
            "sub-1_ses-2_acq-x_rec-y_run-1_space-MNI152NLin6Asym_FLAIR.nii",
            "t2",
            "sub-1_ses-2_acq-x_rec-y_run-1_space-MNI152NLin6Asym_desc-synthetic_T2w.nii",
        ),
        ("sub-01_t1_preproc.nii.gz", "fa", "sub-01_t1_preproc_fa.nii.gz"),
    ],
)
def test_names_of_images(source: str, target: str, name: str) -> None:
    assert synthetic_name(source, target) == name


def test_names_of_cases() -> None:
    assert case_name("case-0", "fa") == "case-0_fa.nii.gz"
    assert case_name("sub-01_ses-2", "t2") == "sub-01_ses-2_desc-synthetic_T2w.nii.gz"


def test_names_beside_an_image() -> None:
    image = Path("out/anna_fa.nii.gz")
    assert sidecar_of(image) == Path("out/anna_fa.json")
    assert spread_of(image, "plane_disagreement") == Path("out/anna_fa_plane_disagreement.nii.gz")
