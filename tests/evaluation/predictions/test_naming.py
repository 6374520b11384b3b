"""A file is of the case that its name speaks of, and of no namesake."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from transmodal.evaluation.predictions.naming import name_cases


@pytest.mark.parametrize(
    ("path", "cases", "named"),
    [
        ("1BA001", ("1BA001", "1BA004"), ("1BA001",)),
        ("sct_1BA001", ("1BA001", "1BA004"), ("1BA001",)),
        ("1BA001_0000", ("1BA001", "1BA004"), ("1BA001",)),  # nnU-Net's first channel
        ("TRAIN/Dataset/1BA004/sCT", ("1BA001", "1BA004"), ("1BA004",)),  # a folder per case
        ("1BA0011", ("1BA001",), ()),  # not a whole token
        ("x1BA001", ("1BA001",), ()),
        ("case-1-2", ("case-1", "case-1-2"), ("case-1-2",)),  # the longest
        ("case-1-2", ("case-1",), ()),  # a second visit is not the first
        ("2_anna", ("anna",), ()),
        ("anna_synthsr", ("anna",), ("anna",)),
        ("anna_berta", ("anna", "berta"), ("anna", "berta")),
        ("anna/berta", ("anna", "berta"), ("berta",)),  # the file's own name counts first
        ("sub-01_ses-2_desc-synthetic_ct", ("sub-01_ses-1", "sub-01_ses-2"), ("sub-01_ses-2",)),
        ("sub-01/ses-2/anat/image", ("sub-01_ses-1", "sub-01_ses-2"), ("sub-01_ses-2",)),
        ("sub-01_ses-2_ct", ("sub-01",), ()),  # the cohort's case has no session: which is it?
        ("sub-1_ct", ("sub-10", "sub-1"), ("sub-1",)),
        ("sub-01_T1w", ("01",), ("01",)),  # the cohort is not named by BIDS
        ("Case-1", ("case-1",), ()),
        ("", ("anna",), ()),
    ],
)
def test_names_speak_of_cases(path: str, cases: tuple[str, ...], named: tuple[str, ...]) -> None:
    assert name_cases(PurePosixPath(path), cases) == named
