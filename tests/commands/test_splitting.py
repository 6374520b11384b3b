"""The verbs prepare, merge and resplit from the command line, as far as splits and groups go."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from transmodal import cli
from transmodal.cohorts.store import Cohort
from transmodal.storage import files
from transmodal.volumes import Volume, io

Write = Callable[..., Path]


@pytest.fixture
def subjects(tmp_path: Path) -> Write:
    """Folders of cases with a tiny T1 of their own; a case of a list is a copy of its second name's image."""

    def write(name: str, *cases: str, n: int = 6, copies: tuple[tuple[str, str], ...] = ()) -> Path:
        for case in (*cases, *(copy for copy, _ in copies)):
            draw = np.random.default_rng([*dict(copies).get(case, case).encode()])
            texture = ndimage.gaussian_filter(draw.normal(size=(n, n + 2, n - 1)), 1.2)
            ball = sum(
                axis**2
                for axis in np.meshgrid(*(np.linspace(-1, 1, m) for m in texture.shape), indexing="ij")
            )
            voxels = np.where(ball < 0.9, 500 + 100 * texture / texture.std(), 0).astype(np.int16)
            voxels += np.int16(case in dict(copies))
            place = tmp_path / name / case
            place.mkdir(parents=True)
            io.write(Volume(voxels, np.diag([4.0, 4, 4, 1])), place / "t1.nii.gz")
        return tmp_path / name

    return write


def run(*words: object) -> int:
    return cli.run([str(word) for word in words])


def test_folds_groups_and_sites_from_the_command_line(
    subjects: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, cohort = subjects("data", *"abcdefgh"), tmp_path / "cohort"
    table = tmp_path / "sites.tsv"
    table.write_text(
        "case\tsite\n" + "".join(f"{case}\t{'NS'[n % 2]}\n" for n, case in enumerate("abcdefgh"))
    )
    assert run("prepare", "folders", data, "-o", cohort, "--same-patient", "a=b", "--workers", 1) == 0
    prepared = Cohort.open(cohort)
    assert prepared.case("b").patient == "a"
    fold = tmp_path / "fold"
    assert run("resplit", cohort, "--fold", "1/4", "-o", fold, "--workers", 1) == 0
    assert "(fold 1 of 4)" in capsys.readouterr().out
    sites = ("--groups", table, "--group-by", "site", "--test-group", "site N")
    assert run("resplit", fold, *sites, "--same-patient", "a=b", "--split", "1:0:1", "--workers", 1) == 3
    assert "2 sides" not in capsys.readouterr().out
    separate = tmp_path / "separate"
    assert run("prepare", "folders", data, "-o", separate, *sites, "--split", "1:0:1", "--workers", 1) == 0
    assert Cohort.open(separate).split.test == ("a", "c", "e", "g")
    given = tmp_path / "given.json"
    given.write_text(
        json.dumps({"seed": 0, "by": "given", "train": ["a"], "validation": ["b"], "test": ["c"]})
    )
    assert run("prepare", "folders", data, "-o", tmp_path / "third", "--split", given, "--workers", 1) == 0
    assert Cohort.open(tmp_path / "third").split.validation == ("b",)
    given.write_text(json.dumps({"seed": 0, "by": "given", "train": ["x"], "validation": [], "test": ["c"]}))
    assert run("resplit", cohort, "--split", given) == 3
    assert "names x" in capsys.readouterr().err


def test_cohorts_are_merged_and_split_again(
    subjects: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, cases in (("one", "abc"), ("two", "def")):
        assert (
            run(
                "prepare", "folders", subjects(f"{name} files", *cases), "-o", tmp_path / name, "--workers", 1
            )
            == 0
        )
    both = tmp_path / "both"
    assert run("merge", tmp_path / "one", tmp_path / "two", "-o", both, "--workers", 1) == 0
    assert "6 cases of 2 cohorts; 2 train, 2 validation, 2 test" in capsys.readouterr().out
    merged = Cohort.open(both)
    runs = tmp_path / "runs" / "first"
    runs.mkdir(parents=True)
    files.write_json(runs / "run.json", {"cohort": {"name": "both", "digest": merged.digest()}})
    given = tmp_path / "given.json"
    turned = {"train": merged.split.test, "validation": merged.split.validation, "test": merged.split.train}
    given.write_text(
        json.dumps({"seed": 0, "by": "given", **{side: list(ids) for side, ids in turned.items()}})
    )
    assert run("resplit", both, "--split", given, "--runs", tmp_path / "runs", "--workers", 1) == 0
    assert "learned from 2 of the 2 patients that are tested now" in capsys.readouterr().out
    again = tmp_path / "again"
    words = ("--split", "4:1:1", "--prefix", "--copies", "ignore", "--workers", 1)
    assert run("merge", tmp_path / "one", tmp_path / "two", "-o", again, *words) == 0
    assert "4 train, 1 validation, 1 test" in capsys.readouterr().out


def test_a_dry_run_names_copies(subjects: Write, capsys: pytest.CaptureFixture[str]) -> None:
    data = subjects("data", "anna", "bela", n=26, copies=(("cleo", "anna"),))
    assert run("prepare", "folders", data, "--dry-run", "--workers", 1) == 0
    shown = capsys.readouterr().out
    assert "copies of one image under two patients' names: t1 of anna and cleo" in shown
    assert "bela and" not in shown


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("--fold", "1of5"), "NUMBER/FOLDS"),
        (("--copies", "maybe"), "refuse, warn or ignore"),
        (("--same-patient", "a"), "A=B"),
        (("--group-by", "site"), "--groups TABLE"),
        (("--split", "8:1"), "three numbers"),
    ],
)
def test_words_that_cannot_be_are_usage_errors(
    words: tuple[str, ...], part: str, subjects: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = subjects("data", "a", "b", "c")
    assert run("prepare", "folders", data, "-o", tmp_path / "cohort", *words) == 2
    assert part in capsys.readouterr().err
