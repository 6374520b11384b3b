"""References without a cohort become one: named by their files, with masks, all of them tested."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from transmodal.errors import InputError, UsageError
from transmodal.evaluation.predictions.folder import parse
from transmodal.evaluation.predictions.reference import name_references, prepare_reference
from transmodal.volumes import Volume, io


@pytest.mark.parametrize(
    ("names", "cases"),
    [
        (("ct_A1.nii.gz", "ct_A2.nii.gz"), ["A1", "A2"]),
        (("A1_gt.mha", "A2_gt.mha"), ["A1", "A2"]),
        (("A1/ct.nii.gz", "A2/ct.nii.gz"), ["A1", "A2"]),
        (("case-1.nii.gz", "case-2.nii.gz"), ["case-1", "case-2"]),
        (("A1_0001.nii.gz", "A2_0001.nii.gz"), ["A1", "A2"]),  # a channel of nnU-Net
        (("case_0001.nii.gz", "case_0002.nii.gz"), ["case_0001", "case_0002"]),  # numbers of cases
        (
            ("sub-01/ses-1/ct/sub-01_ses-1_ct.nii.gz", "sub-01/ses-2/ct/sub-01_ses-2_ct.nii.gz"),
            ["sub-01_ses-1", "sub-01_ses-2"],
        ),
    ],
)
def test_cases_are_named_by_files(tmp_path: Path, names: tuple[str, ...], cases: list[str]) -> None:
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert list(name_references(parse(str(tmp_path)), "ct")) == cases


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    for name in ("A1_ct.nii.gz", "A1_gt.nii.gz"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(InputError, match="two references of the name A1"):
        name_references(parse(str(tmp_path)), "ct")


def test_references_are_prepared_with_their_masks(
    tmp_path: Path, head: Callable[[int], tuple[Volume, Volume, Volume]]
) -> None:
    for n in (1, 2):
        _, ct, mask = head(n)
        for folder, volume in (("ct", ct), ("masks", mask)):
            (tmp_path / folder).mkdir(exist_ok=True)
            io.write(volume, tmp_path / folder / f"{folder.rstrip('s')}_A{n}.nii.gz")
    references, masks = parse(str(tmp_path / "ct")), parse(str(tmp_path / "masks"))
    cohort = prepare_reference(references, "ct", tmp_path / "out", masks=masks)
    assert [case.id for case in cohort.cases("test")] == ["A1", "A2"]
    assert all(case.mask() is not None for case in cohort.cases())
    assert cohort.folder == tmp_path / "out" / "reference"
    (tmp_path / "masks" / "mask_A2.nii.gz").unlink()
    with pytest.raises(InputError, match="no mask of case A2, one of 1"):
        prepare_reference(references, "ct", tmp_path / "other", masks=masks)
    for target in ("", "CT"):
        with pytest.raises(UsageError, match=r"--reference with(out)? the modality"):
            prepare_reference(references, target, tmp_path / "other")
