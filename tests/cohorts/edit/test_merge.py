from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from transmodal.cohorts.case import Case, CaseMaker
from transmodal.cohorts.edit.merge import merge
from transmodal.cohorts.options import PrepareOptions
from transmodal.cohorts.prepare.prepare import prepare
from transmodal.cohorts.split.relations import read_relations
from transmodal.cohorts.split.request import SplitRequest
from transmodal.cohorts.split.split import NAMES
from transmodal.cohorts.store import Cohort
from transmodal.errors import InputError, UsageError
from transmodal.volumes.intensity import IntensitySpec

MakeCase = Callable[..., Case]
Ready = Callable[[Case], CaseMaker]
SHARES = PrepareOptions(ratios=(2, 1, 1))


def sides(cohort: Cohort) -> dict[str, str]:
    return {case: name for name in NAMES for case in cohort.split.ids(name)}


def test_a_merged_cohort_has_all_cases_with_their_sides_and_arrays(
    cohort: Callable[..., Cohort], tmp_path: Path
) -> None:
    one, other = cohort("one", "a", "b", "c"), cohort("two", "d", "e", "f")
    merged = merge([one.folder, other.folder], tmp_path / "both", keep_sides=True)
    assert [case.id for case in merged.cases()] == list("abcdef")
    assert sides(merged) == {**sides(one), **sides(other)}
    assert merged.verify() == one.verify() + other.verify()
    assert merged.manifest.name == "both"
    assert (merged.folder / "cases/a/t1.npy").samefile(one.folder / "cases/a/t1.npy")
    np.testing.assert_array_equal(merged.case("d").volume("fa").voxels, other.case("d").volume("fa").voxels)


def test_a_case_that_stands_in_both_is_taken_once(cohort: Callable[..., Cohort], tmp_path: Path) -> None:
    one, other = cohort("one", "a", "b", "c"), cohort("two", "a", "b", "c", "d", "e")
    merged = merge([one.folder, other.folder], tmp_path / "both")
    assert [case.id for case in merged.cases()] == list("abcde")
    assert sorted(sides(merged)) == list("abcde")


def test_other_content_under_one_name_is_refused_and_a_prefix_helps(
    cohort: Callable[..., Cohort], tmp_path: Path
) -> None:
    one, other = cohort("one", "a", "b", "c"), cohort("two", "a", "d", "e", seed=1)
    with pytest.raises(UsageError, match="--prefix") as caught:
        merge([one.folder, other.folder], tmp_path / "both", keep_sides=True)
    assert caught.value.code == "E004"
    assert not (tmp_path / "both").exists()
    merged = merge([one.folder, other.folder], tmp_path / "both", keep_sides=True, prefix=True)
    assert [case.id for case in merged.cases()] == ["one-a", "one-b", "one-c", "two-a", "two-d", "two-e"]
    assert merged.case("two-a").patient == "two-a"
    assert sides(merged)["two-a"] == sides(other)["a"]
    assert merged.verify() == one.verify() + other.verify()


def test_one_patient_on_two_sides_is_refused_until_it_is_split_anew(
    cohort: Callable[..., Cohort], tmp_path: Path
) -> None:
    one, other = cohort("one", "a", "b", "c"), cohort("two", "d", "e", "f")
    trained, tested = one.split.train[0], other.split.test[0]
    same = read_relations([f"{trained}={tested}"])
    with pytest.raises(InputError, match="split anew") as caught:
        merge([one.folder, other.folder], tmp_path / "both", SplitRequest(relations=same), keep_sides=True)
    assert caught.value.code == "E135"
    merged = merge([one.folder, other.folder], tmp_path / "both", SplitRequest(relations=same))
    assert sides(merged)[trained] == sides(merged)[tested]
    assert merged.case(trained).patient == merged.case(tested).patient


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (SHARES.model_copy(update={"regions": {"t1": ("body",)}}), "regions"),
        (
            SHARES.model_copy(update={"intensity": {"ct": IntensitySpec("window", -1000, 2000)}}),
            "intensity maps",
        ),
    ],
)
def test_cohorts_that_were_prepared_otherwise_are_refused(
    options: PrepareOptions, part: str, cohort: Callable[..., Cohort], tmp_path: Path
) -> None:
    one, other = cohort("one", "a", "b", "c"), cohort("two", "d", "e", "f", options=options)
    with pytest.raises(UsageError, match=part) as caught:
        merge([one.folder, other.folder], tmp_path / "both")
    assert caught.value.code == "E004"


def test_cohorts_of_other_modalities_are_refused(
    a_case: MakeCase, ready: Ready, cohort: Callable[..., Cohort], tmp_path: Path
) -> None:
    other = [a_case(name) for name in "def"]
    bare = [Case(one.id, one.patient, {"t1": one.volumes["t1"]}) for one in other]
    two = prepare([ready(one) for one in bare], tmp_path / "two", SHARES)
    with pytest.raises(UsageError, match="modalities ct, fa, t1"):
        merge([cohort("one", "a", "b", "c").folder, two.folder], tmp_path / "both")


def test_what_cannot_be_merged_is_refused(cohort: Callable[..., Cohort], tmp_path: Path) -> None:
    one = cohort("one", "a", "b", "c")
    with pytest.raises(UsageError, match="two or more"):
        merge([one.folder], tmp_path / "both")
    with pytest.raises(UsageError, match="exists"):
        merge([one.folder, one.folder], one.folder)
    with pytest.raises(UsageError, match="names that differ"):
        merge([one.folder, one.folder], tmp_path / "both", prefix=True)
