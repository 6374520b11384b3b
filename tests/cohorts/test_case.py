from __future__ import annotations

import pytest

from transmodal.cohorts.case import MODALITY, Origin


def test_an_origin_is_a_pair() -> None:
    assert Origin("a", "b") == ("a", "b")


@pytest.mark.parametrize("name", ["t1", "flair", "t1_post", "masked", "ct2"])
def test_names_of_modalities(name: str) -> None:
    assert MODALITY.fullmatch(name)


@pytest.mark.parametrize(
    "name", ["", "T1", "1t", "t1-post", "mask", "segmentation", "region_t1_brain", "a/b", "ü"]
)
def test_no_names_of_modalities(name: str) -> None:
    assert MODALITY.fullmatch(name) is None
