from __future__ import annotations

import numpy as np
import pytest

from transmodal.cohorts.quality.misalignment import Misalignment
from transmodal.cohorts.quality.pair_notes import ContrastPair, PairMeasures
from transmodal.cohorts.quality.pairs import check_pairs, find_doubtful, measure_pairs, refuse_doubtful
from transmodal.volumes import Volume

PAIR = ContrastPair("t1", "ct")


def measures(off_mm: float = 0.5, gain: float = 0.01, similarity: float = 0.4) -> PairMeasures:
    return {PAIR: Misalignment(off_mm, gain, similarity)}


def cohort(odd: PairMeasures) -> dict[str, PairMeasures]:
    return {**{f"case{n}": measures(similarity=0.38 + 0.01 * n) for n in range(5)}, "odd": odd}


def test_a_good_cohort_has_no_doubt() -> None:
    assert find_doubtful(cohort(measures())) == []
    assert len(check_pairs(cohort(measures()))) == 6
    assert {one.line() for one in check_pairs(cohort(measures()))} == {"nothing odd"}


def test_a_shift_is_named_with_its_length() -> None:
    (one,) = find_doubtful(cohort(measures(off_mm=8.2, gain=0.5)))
    assert (one.case, one.pair) == ("odd", PAIR)
    assert one.line() == "ct lies about 8 mm off t1: register it onto t1's grid, or mend its header"


def test_a_flat_summit_says_nothing() -> None:
    assert find_doubtful(cohort(measures(off_mm=20, gain=0.02))) == []
    assert [one.case for one in check_pairs(cohort(measures(off_mm=20, gain=0.02))) if not one.is_sure] == [
        "odd"
    ]


def test_another_patient_is_told_by_the_others() -> None:
    (one,) = find_doubtful(cohort(measures(similarity=0.15)))
    assert "check that both are of one patient and visit" in one.line()
    assert "likeness 0.15, 0.40 in other cases" in one.line()
    (one,) = find_doubtful(cohort(measures(off_mm=9, gain=0.3, similarity=0.15)))
    assert one.line().startswith("ct lies about 9 mm off t1 and fits badly even where it fits best")


def test_few_cases_tell_nothing_of_one_another() -> None:
    few = dict(list(cohort(measures(similarity=0.01)).items())[-4:])
    assert find_doubtful(few) == []


def test_negative_likeness_stands_out_and_no_more_than_ten_times() -> None:
    (one,) = find_doubtful(cohort(measures(similarity=-0.2)))
    assert one.score == 10


def test_the_worst_comes_first() -> None:
    both = {**cohort(measures(off_mm=6, gain=0.3)), "worse": measures(off_mm=30, gain=2)}
    assert [one.case for one in find_doubtful(both)] == ["worse", "odd"]


def test_refusals_name_the_case_and_the_worst_pair() -> None:
    more = {ContrastPair("t1", "fa"): Misalignment(30, 2, 0.4)}
    (case, error), *rest = refuse_doubtful({"s1": {**measures(off_mm=6, gain=0.3), **more}}).items()
    assert (case, rest, error.code) == ("s1", [], "E130")
    assert "case s1: fa lies about 30 mm off t1" in error.line()


@pytest.mark.parametrize(
    ("names", "first"),
    [(("ct", "t1", "fa"), "t1"), (("ct", "mr"), "mr"), (("seg", "ab"), "ab"), (("flair", "t2"), "t2")],
)
def test_contrasts_are_compared_with_one(names: tuple[str, ...], first: str) -> None:
    draw = np.random.default_rng(0)
    voxels = np.pad(draw.integers(50, 900, (20, 18, 16)), 4).astype(np.int16)
    volumes = {name: Volume(voxels, np.diag([4.0, 4, 4, 1])) for name in names}
    found = check_pairs({"s1": measure_pairs(volumes)})
    assert {one.pair.fixed for one in found} == {first}
    assert {one.pair.moving for one in found} == set(names) - {first}
    assert all(one.misalignment.off_mm == 0 for one in found)


def test_one_contrast_has_no_pair() -> None:
    assert measure_pairs({"t1": Volume(np.ones((4, 4, 4), np.int16), np.eye(4))}) == {}
