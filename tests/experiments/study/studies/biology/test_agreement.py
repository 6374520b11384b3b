"""Agreement of regional values: medians by tissue, details by region."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from transmodal.experiments.study.studies.biology.agreement import DETAILS, MEDIANS, agree
from transmodal.experiments.study.studies.biology.values import Regional

RegionalOf = Callable[..., Regional]


def test_a_translator_that_keeps_everything_has_a_slope_near_one(regional_of: RegionalOf) -> None:
    values = regional_of()
    whole = values._replace(synthetic=values.measured[None])
    half = values._replace(synthetic=10 + 0.5 * (values.measured[None] - 10))
    medians = agree({"whole": whole, "half": half}).medians
    assert medians["whole", "grey matter"]["ICC(A,1)"].value == pytest.approx(1)
    assert medians["half", "white matter"]["slope"].value == pytest.approx(0.5)
    assert medians["half", "white matter"]["Pearson r"].value == pytest.approx(1)


def test_figures_stand_by_tissue_and_by_region(regional_of: RegionalOf) -> None:
    values = regional_of(linked_share=1, subjects=8)
    figures = agree({"unet": values}).figures
    assert {figure.group for figure in figures if figure.table == MEDIANS} == {"grey matter", "white matter"}
    assert [figure.group for figure in figures if figure.table == DETAILS][::4] == list(values.regions)
    unnamed = values._replace(regions=tuple(region.split(",")[0] for region in values.regions))
    assert {figure.group for figure in agree({"unet": unnamed}).figures if figure.table == MEDIANS} == {""}
