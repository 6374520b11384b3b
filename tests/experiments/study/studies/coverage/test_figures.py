"""Figures of coverage: means over subjects, the band in which a level counts as held, and visits of one patient."""

from __future__ import annotations

from typing import Any

import pytest

from transmodal.experiments.study.studies.coverage import figures


def case(
    patient: str, covered: float, *, group: str = "test subjects", regions: dict[str, bool] | None = None
) -> Any:  # noqa: ANN401
    level = {"covered": covered, "width": 0.2, "regions": regions or {}}
    return {"group": group, "case": patient, "patient": patient, "levels": {"0.9": level}}


def run(*cases: object) -> dict[str, Any]:
    return {"levels": ["0.9"], "cases": list(cases)}


def test_the_band_is_that_of_the_protocol() -> None:
    assert figures.band(0.95) == pytest.approx((0.90, 0.99))
    assert figures.band(0.8) == pytest.approx((0.6, 0.96))


@pytest.mark.parametrize(("covered", "holds"), [(0.95, True), (0.79, False), (0.985, False)])
def test_a_level_is_held_within_the_band(covered: float, holds: bool) -> None:
    (one,) = figures.take("unet", [run(*(case(f"p{n}", covered) for n in range(3)))])
    assert one.holds is holds
    assert one.regions is None
    (first, *_) = figures.figures([one], "1")
    assert first.note == ("" if holds else "not as stated")


def test_the_worst_subject_and_visits_of_one_patient() -> None:
    cases = [case("a", 0.9), case("a", 0.7), case("b", 0.9, regions={"left": True, "right": False})]
    (one,) = figures.take("unet", [run(*cases)])
    assert (one.n, one.worst) == (2, pytest.approx(0.8))
    assert one.mean == pytest.approx(0.85)


def test_groups_stand_apart_and_regions_are_shares() -> None:
    halves = {"left": True, "right": False}
    cases = [case("a", 0.9, regions=halves), case("b", 0.5, group="another site", regions=halves)]
    taken = figures.take("unet", [run(*cases)])
    assert [(one.place, one.mean) for one in taken] == [
        ("test subjects, 90 %", 0.9),
        ("another site, 90 %", 0.5),
    ]
    assert taken[0].regions is not None
    assert taken[0].regions.tolist() == [[0.5]]
