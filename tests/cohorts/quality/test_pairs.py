from __future__ import annotations

import numpy as np
import pytest

from transmodal.cohorts.quality.pairs import doubts, judged, notes_of, refusals
from transmodal.volumes import Volume


def notes(off_mm: float = 0.5, gain: float = 0.01, likeness: float = 0.4) -> dict[str, float]:
    values = {"off_mm": off_mm, "gain": gain, "likeness": likeness}
    return {**{f"pair t1 ct {word}": value for word, value in values.items()}, "registration_mm": 0.2}


def cohort(odd: dict[str, float]) -> dict[str, dict[str, float]]:
    return {**{f"case{n}": notes(likeness=0.38 + 0.01 * n) for n in range(5)}, "odd": odd}


def test_a_good_cohort_has_no_doubt() -> None:
    assert doubts(cohort(notes())) == []
    assert len(judged(cohort(notes()))) == 6
    assert {one.line() for one in judged(cohort(notes()))} == {"nothing odd"}


def test_a_shift_is_named_with_its_length() -> None:
    (one,) = doubts(cohort(notes(off_mm=8.2, gain=0.5)))
    assert (one.case, one.fixed, one.moving) == ("odd", "t1", "ct")
    assert one.line() == "ct lies about 8 mm off t1: register it onto t1's grid, or mend its header"


def test_a_flat_summit_says_nothing() -> None:
    assert doubts(cohort(notes(off_mm=20, gain=0.02))) == []
    assert [one.case for one in judged(cohort(notes(off_mm=20, gain=0.02))) if not one.is_sure] == ["odd"]


def test_another_patient_is_told_by_the_others() -> None:
    (one,) = doubts(cohort(notes(likeness=0.15)))
    assert "check that both are of one patient and visit" in one.line()
    assert "likeness 0.15, 0.40 in other cases" in one.line()
    (one,) = doubts(cohort(notes(off_mm=9, gain=0.3, likeness=0.15)))
    assert one.line().startswith("ct lies about 9 mm off t1 and fits badly even where it fits best")


def test_few_cases_tell_nothing_of_one_another() -> None:
    few = dict(list(cohort(notes(likeness=0.01)).items())[-4:])
    assert doubts(few) == []


def test_negative_likeness_stands_out_and_no_more_than_ten_times() -> None:
    (one,) = doubts(cohort(notes(likeness=-0.2)))
    assert one.score == 10


def test_the_worst_comes_first() -> None:
    both = {**cohort(notes(off_mm=6, gain=0.3)), "worse": notes(off_mm=30, gain=2)}
    assert [one.case for one in doubts(both)] == ["worse", "odd"]


def test_refusals_name_the_case_and_the_worst_pair() -> None:
    own = notes(off_mm=6, gain=0.3)
    more = {name.replace("ct", "fa"): value for name, value in notes(off_mm=30, gain=2).items()}
    (case, error), *rest = refusals({"s1": {**own, **more}}).items()
    assert (case, rest, error.code) == ("s1", [], "E130")
    assert "case s1: fa lies about 30 mm off t1" in error.line()


def test_notes_of_other_things_are_passed_over() -> None:
    assert judged({"s1": {"similarity_after": 0.4, "pair t1 ct off_mm": 3.0}}) == []


@pytest.mark.parametrize(
    ("names", "first"),
    [(("ct", "t1", "fa"), "t1"), (("ct", "mr"), "mr"), (("seg", "ab"), "ab"), (("flair", "t2"), "t2")],
)
def test_contrasts_are_compared_with_one(names: tuple[str, ...], first: str) -> None:
    draw = np.random.default_rng(0)
    voxels = np.pad(draw.integers(50, 900, (20, 18, 16)), 4).astype(np.int16)
    volumes = {name: Volume(voxels, np.diag([4.0, 4, 4, 1])) for name in names}
    found = judged({"s1": notes_of(volumes)})
    assert {one.fixed for one in found} == {first}
    assert {one.moving for one in found} == set(names) - {first}
    assert all(one.placing.off_mm == 0 for one in found)


def test_one_contrast_has_no_pair() -> None:
    assert notes_of({"t1": Volume(np.ones((4, 4, 4), np.int16), np.eye(4))}) == {}
