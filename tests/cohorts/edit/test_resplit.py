from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from transmodal.cohorts.edit.resplit import StaleRun, find_stale_runs, resplit
from transmodal.cohorts.options import SplitOptions
from transmodal.cohorts.split.relations import Relations
from transmodal.cohorts.split.request import SplitRequest
from transmodal.cohorts.split.split import NAMES, split_from_sides
from transmodal.cohorts.store import Cohort
from transmodal.errors import UsageError
from transmodal.storage import files


def test_a_resplit_touches_no_array_and_keeps_the_former_split(
    cohort: Callable[..., Cohort], tree: Callable[[Path], dict[str, str]]
) -> None:
    one = cohort("one", *"abcdefgh")
    before = tree(one.folder)
    again = resplit(one.folder, SplitRequest(SplitOptions((2, 1, 1), fold=(1, 3))))
    after = tree(one.folder)
    assert again.split.how == "fold 1 of 3"
    assert {name for name in before if before[name] != after[name]} == {
        "cohort.json",
        "cohort-index.json",
        "split.json",
    }
    kept = one.folder / f"split-{one.digest()[:12]}.json"
    assert json.loads(kept.read_text()) == one.split.model_dump(mode="json")
    assert again.digest() != one.digest()
    assert again.manifest.digest() == one.manifest.digest()


def test_the_same_split_again_keeps_no_copy(cohort: Callable[..., Cohort]) -> None:
    one = cohort("one", "a", "b", "c")
    same = resplit(one.folder)
    assert same.digest() == one.digest()
    assert not list(one.folder.glob("split-*.json"))


def test_a_resplit_elsewhere_leaves_the_cohort_alone(
    cohort: Callable[..., Cohort], tree: Callable[[Path], dict[str, str]], tmp_path: Path
) -> None:
    one = cohort("one", *"abcdef")
    before = tree(one.folder)
    other = resplit(one.folder, SplitRequest(SplitOptions((1, 1, 1))), output=tmp_path / "other")
    assert tree(one.folder) == before
    assert [len(other.split.ids(name)) for name in NAMES] == [2, 2, 2]
    assert other.manifest.name == "other"
    assert other.verify() == one.verify()
    with pytest.raises(UsageError, match="exists"):
        resplit(one.folder, output=tmp_path / "other")


def test_sides_can_be_given(cohort: Callable[..., Cohort]) -> None:
    one = cohort("one", "a", "b", "c")
    wanted = {"a": "test", "b": "train", "c": "train"}
    assert resplit(one.folder, SplitRequest(sides=wanted)).split == split_from_sides(wanted)


def test_runs_of_a_former_split_are_named_with_what_they_learned(
    cohort: Callable[..., Cohort], tmp_path: Path
) -> None:
    one = cohort("one", *"abcdefgh")
    runs = tmp_path / "runs"
    for name, digest in (("old", one.digest()), ("strange", "0" * 64)):
        (runs / name).mkdir(parents=True)
        files.write_json(runs / name / "run.json", {"cohort": {"name": "one", "digest": digest}})
    (runs / "broken").mkdir()
    (runs / "broken" / "run.json").write_text("{")
    (runs / "odd").mkdir()
    files.write_json(runs / "odd" / "run.json", {"cohort": "one"})
    assert find_stale_runs(one, runs) == []
    learned = one.split.train[0]
    wanted = {case.id: "test" if case.id == learned else "train" for case in one.cases()}
    again = resplit(one.folder, SplitRequest(sides=wanted))
    assert find_stale_runs(again, runs) == [StaleRun(runs / "old", f"split-{one.digest()[:12]}.json", 1, 1)]


def test_runs_are_found_though_patients_were_joined_since(
    cohort: Callable[..., Cohort], tmp_path: Path
) -> None:
    one = cohort("one", *"abcdefgh")
    files.write_json(tmp_path / "run.json", {"cohort": {"digest": one.digest()}})
    trained, tested = one.split.train[0], one.split.test[0]
    again = resplit(
        one.folder,
        SplitRequest(
            relations=Relations(same_patient=((trained, tested),)), sides={trained: "test", tested: "test"}
        ),
    )
    assert again.case(trained).patient == again.case(tested).patient
    (found,) = find_stale_runs(again, tmp_path)
    assert (found.n_learned, found.n_tested) == (1, 1)


def test_a_cohort_whose_former_patients_are_not_known_is_taken_as_it_is(
    cohort: Callable[..., Cohort], tmp_path: Path
) -> None:
    one = cohort("one", *"abcdefgh")
    files.write_json(tmp_path / "run.json", {"cohort": {"digest": one.digest()}})
    again = resplit(one.folder, SplitRequest(SplitOptions((2, 1, 1), fold=(0, 4))))
    for path in one.folder.glob("patients-*.json"):
        path.unlink()
    assert len(find_stale_runs(again, tmp_path)) == 1
    shutil.rmtree(one.folder)
