"""A cohort's folder is gone on with, and never written over by another selection."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from transmodal import cli
from transmodal.cohorts.case import Case, CaseMaker
from transmodal.cohorts.case_files import CaseFiles
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.errors import InputError, UsageError

MakeCase = Callable[..., Case]
Maker = Callable[..., CaseMaker]
OnDisk = Callable[[Case], CaseFiles]
Tree = Callable[[Path], dict[str, str]]


def test_other_cases_do_not_replace_a_cohort(
    a_case: MakeCase, ready: Maker, tree: Tree, tmp_path: Path
) -> None:
    folder = tmp_path / "cohort"
    prepare([ready(a_case(f"s{n}")) for n in range(3)], folder)
    before = tree(folder)
    for names in (["x0", "x1"], ["s0", "s1"], ["s0", "s1", "x2"]):
        with pytest.raises(UsageError, match="not among the") as caught:
            prepare([ready(a_case(name)) for name in names], folder)
        assert caught.value.code == "E005"
        assert tree(folder) == before


def test_other_images_under_the_same_names_do_not_replace_a_cohort(
    a_case: MakeCase, ready: Maker, tree: Tree, tmp_path: Path
) -> None:
    folder = tmp_path / "cohort"
    prepare([ready(a_case(f"s{n}")) for n in range(3)], folder)
    before = tree(folder)
    others = [ready(a_case(f"s{n}", seed=1), "another data set") for n in range(3)]
    for options in (PrepareOptions(), PrepareOptions(regions={"t1": ("whole",)})):
        with pytest.raises(UsageError, match="case s0 and 2 more with other images") as caught:
            prepare(others, folder, options)
        assert caught.value.code == "E005"
        assert tree(folder) == before


def test_a_cohort_grows_and_takes_corrections(a_case: MakeCase, ready: Maker, tmp_path: Path) -> None:
    folder = tmp_path / "cohort"
    makers = [ready(a_case(f"s{n}")) for n in range(3)]
    prepare(makers, folder)
    grown = [*makers[:2], ready(a_case("s2", seed=9), "corrected"), ready(a_case("s3"))]
    assert [case.id for case in prepare(grown, folder).cases()] == ["s0", "s1", "s2", "s3"]
    other_options = prepare(grown, folder, PrepareOptions(regions={"t1": ("whole",)}))
    assert all(case.entry.regions for case in other_options.cases())


def test_an_interrupted_preparation_is_of_its_cases_too(
    a_case: MakeCase, ready: Maker, tree: Tree, tmp_path: Path
) -> None:
    folder = tmp_path / "cohort"
    makers = [ready(a_case(f"s{n}")) for n in range(3)]
    prepare(makers, folder)
    (folder / "cohort.json").unlink()
    before = tree(folder)
    with pytest.raises(UsageError, match="holds case s0 and 2 more"):
        prepare([ready(a_case("x0"))], folder)
    assert tree(folder) == before
    assert len(prepare(makers, folder).cases()) == 3


def test_a_refused_preparation_leaves_no_folder(
    a_case: MakeCase, on_disk: OnDisk, ready: Maker, tmp_path: Path
) -> None:
    broken = on_disk(a_case("s0"))
    broken.volumes["t1"].write_bytes(b"broken")
    with pytest.raises(InputError):
        prepare([broken], tmp_path / "new" / "cohort")
    assert not (tmp_path / "new").exists()


def test_the_command_says_it(
    a_case: MakeCase, on_disk: OnDisk, tree: Tree, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for n in range(3):
        on_disk(a_case(f"s{n}"))
    inputs, other, folder = tmp_path / "inputs", tmp_path / "other", tmp_path / "cohort"
    shutil.copytree(inputs, other)
    (other / "s0").rename(other / "p0")
    assert cli.run(["prepare", "folders", str(inputs), "-o", str(folder), "--workers", "1"]) == 0
    before = tree(folder)
    capsys.readouterr()
    assert cli.run(["prepare", "folders", str(other), "-o", str(folder), "--workers", "1"]) == 2
    line = capsys.readouterr().err
    assert line.startswith("error[E005]")
    assert line.count("\n") == 1
    assert tree(folder) == before
    assert cli.run(["prepare", "folders", str(inputs), "-o", str(folder), "--workers", "1"]) == 0
    assert tree(folder) == before
