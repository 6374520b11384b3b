from __future__ import annotations

from pathlib import Path

import pytest

from group_files import write_cohort
from transmodal.errors import InputError, UsageError
from transmodal.evaluation.regions.matching import RegionRequest, match


def test_folders_alone(group: Path) -> None:
    own = match(RegionRequest(["synthetic"], ["measured"], "fa", labels=Path("labels")))
    assert [images.name for images in own.sets] == ["measured", "synthetic"]
    assert len(own.visits) == len(own.labels) == 8
    assert own.notes == ()


def test_a_cohort_with_what_lacks_and_what_was_learned_from(group: Path) -> None:
    (group / "synthetic/sub-1_desc-synthetic_fa.nii.gz").unlink()
    own = match(RegionRequest(["synthetic=unet"], cohort=write_cohort(group)))
    assert [(images.name, len(images.readers)) for images in own.sets] == [("measured", 8), ("unet", 7)]
    first, second = own.notes
    assert first == "unet: 7 of 8 cases have an image and labels."
    assert "unet: 2 cases are on the training side" in second


@pytest.mark.parametrize(
    "request_of",
    [
        RegionRequest(["synthetic"], modality="fa"),
        RegionRequest(["synthetic"], labels=Path("labels")),
        RegionRequest(labels=Path("labels"), modality="fa"),
        RegionRequest(["synthetic"], modality="fa", labels=Path("labels"), split="test"),
    ],
)
def test_what_does_not_go_together(group: Path, request_of: RegionRequest) -> None:
    with pytest.raises(UsageError, match="without a cohort"):
        match(request_of)


def test_labels_of_other_cases(group: Path) -> None:
    for path in (group / "labels").iterdir():
        path.rename(path.with_name(path.name.replace("sub-", "sub-x")))
    with pytest.raises(InputError, match="without a label map of any"):
        match(RegionRequest(["synthetic"], modality="fa", labels=Path("labels")))
