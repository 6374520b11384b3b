"""The table of promises: numbered, each held by tests that exist, and its page says no figure that was not measured."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from examples import EXAMPLES, examples
from promises import page
from promises.__main__ import _commit, add, count_cases
from promises.table import Promise, is_there, read_promises

PROMISES = read_promises()
COUNTED = {"3": {"passed": 98, "failed": 1, "skipped": 0}}
CORPUS = {
    "entries": {"faulty": 260, "valid": 61},
    "ours_unexpected": {"odd": "refused E101"},
    "refused_or_right": {
        "transmodal": {"faulty_given": 260, "faulty_judged_rightly": 258, "faulty_read_right": 2},
        "ITK": {"faulty_given": 100, "valid_given": 50, "faulty_judged_rightly": 20, "faulty_read_right": 5, "valid_judged_rightly": 49},
    },
}  # fmt: skip


def section(figures: dict[str, Any]) -> dict[str, Any]:
    return {
        "date": "2026-11-28",
        "commit": "abc",
        "machine": "x86_64",
        "versions": {"numpy": "2"},
        "figures": figures,
    }


def row(number: int) -> Promise:
    return next(promise for promise in PROMISES if promise.number == number)


def test_there_are_thirty_promises_in_order() -> None:
    assert [promise.number for promise in PROMISES] == list(range(1, 31))


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: str(promise.number))
def test_every_promise_has_tests_or_says_why_not(promise: Promise) -> None:
    if promise.state == "service":
        assert promise.gap
        assert page.figure_of(promise, {}).startswith("applies with the service: ")
    else:
        assert promise.tests
        assert promise.figure in page.FIGURES
    assert (promise.state in ("holds", "service")) or promise.gap


@pytest.mark.parametrize("test", sorted({test for promise in PROMISES for test in promise.tests}))
def test_every_test_that_is_named_exists(test: str) -> None:
    assert is_there(test)


def test_a_test_that_does_not_exist_is_noticed() -> None:
    assert not is_there("tests/promises/test_table.py::test_of_nothing")
    assert not is_there("tests/promises/test_of_nothing.py::test_it")


@pytest.mark.parametrize("number", [2, 3, 11, 20, 28, 29])
def test_a_row_that_nobody_measured_says_so(number: int) -> None:
    assert page.figure_of(row(number), {}).startswith(page.NOT_MEASURED)


def test_figures_are_those_that_were_measured() -> None:
    sections = {"tests": section(COUNTED), "corpus": section(CORPUS)}
    assert page.figure_of(row(3), sections) == "98 cases passed, 1 failed"
    assert page.figure_of(row(2), sections) == "320 of 321 verdicts right: 260 faulty and 61 valid files"
    shown = page.page(sections)
    assert "0 of 260 faulty files of the corpus taken silently" in shown
    assert "measured here: ITK took 75 of 100" in shown
    assert "measured here: ITK 74 of 150" in shown
    assert "| corpus | 2026-11-28 | abc | x86_64 | numpy 2 | - |" in shown


def test_a_reader_that_never_came_back_took_nothing() -> None:
    readers = CORPUS["refused_or_right"]
    stuck = {**CORPUS, "refused_or_right": {**readers, "ITK": {**readers["ITK"], "faulty_stuck": 2}}}
    assert "ITK took 73 of 100 and never came back from 2" in page.page({"corpus": section(stuck)})


def test_the_fuzzer_s_figures_are_added_up_over_formats() -> None:
    tally = {"executions": 50, "n_failures": 1, "accepted": 20, "agreed": 18, "second_refused": 2}
    shown = page.figure_of(row(20), {"fuzz": section({"nifti": tally, "table": {**tally, "n_failures": 0}})})
    assert shown.startswith("100 inputs (nifti 50, table 50): 1 foreign exceptions")
    assert "of 40 that were read a second reading by other means agreed on 36 and refused 4" in shown


def test_figures_of_one_part_make_the_next_no_other_commit(tmp_path: Path) -> None:
    def git(*words: str) -> None:
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True, capture_output=True)

    written = tmp_path / page.RESULTS.relative_to(page.ROOT)
    written.parent.mkdir(parents=True)
    for path in (written, tmp_path / "code.py"):
        path.write_text("1")
    git("init")
    git("add", ".")
    git("-c", "user.name=a", "-c", "user.email=a", "commit", "-m", "Add")
    commit = _commit(tmp_path)
    assert len(commit) == 40
    written.write_text("2")
    assert _commit(tmp_path) == commit
    (tmp_path / "code.py").write_text("2")
    assert _commit(tmp_path) == f"{commit}-dirty"


def test_more_examples_than_in_ci_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = {"3": {**COUNTED["3"], "examples": 5000}}
    assert page.figure_of(row(3), {"tests": section(counted)}).endswith(
        "1 failed, 5000 examples of each property"
    )
    monkeypatch.setenv(EXAMPLES, "7")
    assert examples(60).max_examples == 7
    monkeypatch.delenv(EXAMPLES)
    assert examples(60).max_examples == 60


def test_a_gap_stands_beside_the_figure() -> None:
    promise = row(3)._replace(state="part", gap="a half")
    assert page.figure_of(promise, {"tests": section(COUNTED)}).endswith("; not met in full: a half")


def test_each_part_replaces_its_own_section_and_rows(tmp_path: Path) -> None:
    path = tmp_path / "promises.json"
    add("tests", {"3": {"passed": 1}, "5": {"passed": 2}}, None, path)
    add("corpus", {"entries": 3}, None, path)
    add("tests", {"3": {"passed": 4}}, None, path)
    sections = json.loads(path.read_text())["sections"]
    assert list(sections) == ["corpus", "tests"]
    assert sections["tests"]["figures"] == {"3": {"passed": 4}, "5": {"passed": 2}}
    assert sections["corpus"]["figures"] == {"entries": 3}
    assert {"date", "commit", "machine", "versions"} < set(sections["corpus"])


def test_cases_are_counted_by_test(tmp_path: Path) -> None:
    path = tmp_path / "report.xml"
    path.write_text(
        '<testsuites><testsuite><testcase classname="tests.a.test_b" name="test_c[1]"/>'
        '<testcase classname="tests.a.test_b" name="test_c[2]"><failure/></testcase>'
        '<testcase classname="tests.a.test_b" name="test_d"><skipped/></testcase></testsuite></testsuites>'
    )
    counted = count_cases(path)
    assert counted["tests/a/test_b.py::test_c"] == {"passed": 1, "failed": 1}
    assert counted["tests/a/test_b.py::test_d"] == {"skipped": 1}
