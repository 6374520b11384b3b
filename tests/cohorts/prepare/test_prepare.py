from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from transmodal.cohorts.case import Case, CaseMaker
from transmodal.cohorts.case_files import CaseFiles
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.cohorts.store import Cohort
from transmodal.errors import InputError, UsageError
from transmodal.storage import files
from transmodal.volumes import Volume, io
from transmodal.volumes.geometry.reorient import reorient

MakeCase = Callable[..., Case]
OnDisk = Callable[[Case], CaseFiles]
Maker = Callable[..., CaseMaker]
Tree = Callable[[Path], dict[str, str]]
ALONE = PrepareOptions(ratios=(1, 0, 0))


@pytest.mark.parametrize("workers", [1, 2])
def test_preparing_twice_changes_no_byte(
    workers: int, a_case: MakeCase, on_disk: OnDisk, tree: Tree, tmp_path: Path
) -> None:
    makers = [on_disk(a_case(f"s{n}")) for n in range(3)]
    folder = tmp_path / "cohort"
    first = prepare(makers, folder, workers=workers)
    before = tree(folder), {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    told: list[tuple[str, int, int]] = []
    again = prepare(makers[::-1], folder, progress=lambda *words: told.append(words), workers=workers)
    assert (tree(folder), {path: path.stat().st_mtime_ns for path in folder.rglob("*")}) == before
    assert [done for _, done, _ in told] == [1, 2, 3]
    assert {(name, total) for name, _, total in told} == {("s0", 3), ("s1", 3), ("s2", 3)}
    assert again.digest() == first.digest()


def test_workers_and_order_do_not_matter(slow: Maker, tree: Tree, tmp_path: Path) -> None:
    makers = [slow(n, seconds=0.05 * (n % 2)) for n in range(5)]
    prepare(makers, tmp_path / "one" / "cohort", workers=1)
    prepare(makers[::-1], tmp_path / "two" / "cohort", workers=2)
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


def test_what_changed_is_prepared_again_and_said(
    a_case: MakeCase, on_disk: OnDisk, tree: Tree, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    makers = [on_disk(a_case(f"s{n}")) for n in range(3)]
    folder = tmp_path / "cohort"
    digest = prepare(makers, folder).digest()
    old = tree(folder)
    prepare(makers, folder).case("s1").volume("t1", 3.0)
    io.write(a_case("s1", seed=5).volumes["t1"], makers[1].volumes["t1"])
    changed = prepare(makers, folder)
    assert "case s1: its inputs or the options have changed" in caplog.text
    assert "s0" not in caplog.text
    new = tree(folder)
    assert {name for name in new if new[name] != old.get(name) and "likeness" not in name} == {
        "cases/s1/t1.npy",
        "cases/s1/case.json",
        "cohort.json",
        "cohort-index.json",
        "working/3.0mm",
    }
    assert changed.digest() != digest
    changed.verify()
    options = PrepareOptions(regions={"fa": ("whole",)})
    prepare(makers, folder, options)
    assert caplog.text.count("have changed") == 4
    fresh = tmp_path / "fresh" / "cohort"
    fresh.parent.mkdir()
    prepare(makers, fresh, options)
    (folder / "working" / "3.0mm").rmdir()
    assert tree(fresh) == tree(folder)


def test_options_of_other_modalities_do_not_touch_a_case(
    a_case: MakeCase,
    ready: Maker,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    both, alone = a_case("both"), a_case("alone")
    alone = replace(alone, volumes={"t1": alone.volumes["t1"]})
    makers, folder = [ready(both), ready(alone)], tmp_path / "cohort"
    options = {"ratios": (1, 0, 0)}
    cohort = prepare(makers, folder, PrepareOptions.model_validate(options))
    assert cohort.modalities == ("ct", "fa", "t1")
    prepare(makers, folder, PrepareOptions(ratios=(1, 0, 0), regions={"fa": ("whole",)}))
    assert "case both: its" in caplog.text
    assert "alone" not in caplog.text


def test_a_case_with_lost_arrays_is_prepared_again(
    a_case: MakeCase,
    ready: Maker,
    tree: Tree,
    tmp_path: Path,
) -> None:
    folder = tmp_path / "cohort"
    makers = [ready(a_case(f"s{n}")) for n in range(3)]
    prepare(makers, folder)
    before = tree(folder)
    (folder / "cases" / "s0" / "t1.npy").unlink()
    (folder / "cases" / "s1" / "case.json").write_text("{")
    whole = (folder / "cases" / "s2" / "fa.npy").read_bytes()
    (folder / "cases" / "s2" / "fa.npy").write_bytes(whole[:-9])
    prepare(makers, folder).verify()
    assert tree(folder) == before
    np.save(folder / "cases" / "s1" / "ct.npy", np.zeros((2, 3, 4), np.int16))
    shutil.rmtree(folder / "cases" / "s2")
    shutil.copytree(folder / "cases" / "s0", folder / "cases" / "s2")
    prepare(makers, folder).verify()
    assert tree(folder) == before


def test_nothing_personal_in_the_manifest(
    a_case: MakeCase, on_disk: OnDisk, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    makers = [on_disk(a_case(f"s{n}")) for n in range(4)]
    makers[3].volumes["fa"].write_bytes(b"broken")
    folder = tmp_path / "cohort"
    prepare(makers, folder, PrepareOptions(keep_going=True))
    text = "".join(path.read_text() for path in folder.rglob("*.json"))
    assert str(tmp_path) not in text
    assert "inputs" not in text
    assert '"t1.nii.gz"' in text
    with_names = Cohort.open(folder).digest()
    prepare(makers, folder, PrepareOptions(keep_going=True, record_names=False))
    text = "".join(path.read_text() for path in folder.rglob("*.json"))
    assert ".nii.gz" not in text
    assert Cohort.open(folder).digest() == with_names


def test_options_for_what_no_case_has(a_case: MakeCase, ready: Maker, tmp_path: Path) -> None:
    options = PrepareOptions(ratios=(1, 0, 0), regions={"t3": ("body",)})
    with pytest.raises(InputError, match="options for t3, which no case has; expected ct, fa, t1") as caught:
        prepare([ready(a_case())], tmp_path / "cohort", options)
    assert caught.value.code == "E131"


def test_a_place_that_cannot_be(a_case: MakeCase, ready: Maker, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="is a file") as caught:
        prepare([ready(a_case())], tmp_path / "file")
    assert caught.value.code == "E005"


def test_split_that_fits_is_kept(
    slow: Maker,
    tree: Tree,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    folder, makers = tmp_path / "cohort", [slow(n) for n in range(5)]
    split = prepare(makers, folder).split
    swapped = split.model_copy(update={"train": (*split.train[1:], *split.test), "test": split.train[:1]})
    files.write_json(folder / "split.json", swapped.model_dump(mode="json"))
    assert prepare(makers, folder).split == swapped
    assert prepare(makers, folder, PrepareOptions(seed=7)).split.seed == 7
    assert "does not fit the cases or the options any more" in caplog.text
    grown = prepare([*makers, slow(5)], folder, PrepareOptions(counts=(3, 2, 1)))
    assert [len(grown.split.ids(name)) for name in ("train", "validation", "test")] == [3, 2, 1]


def test_a_leaking_split_is_made_again(a_case: MakeCase, ready: Maker, tmp_path: Path) -> None:
    folder = tmp_path / "cohort"
    cases = [a_case(f"s{n}") for n in range(4)]
    before = prepare([ready(case) for case in cases], folder).split
    pair = (before.train[0], before.test[0])
    joined = [replace(case, patient="p") if case.id in pair else case for case in cases]
    split = prepare([ready(case, "2" if case.id in pair else "") for case in joined], folder).split
    assert any(set(pair) <= set(split.ids(name)) for name in ("train", "validation", "test"))


def test_a_given_split_is_checked_not_made(
    slow: Maker,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    folder, makers = tmp_path / "cohort", [slow(n) for n in range(4)]
    prepare(makers, folder)
    mine: dict[str, Any] = {
        "seed": 0, "by": "given", "train": ["case00"], "validation": ["case01"], "test": ["case03"]
    }  # fmt: skip
    (folder / "split.json").write_text(json.dumps(mine))
    assert prepare(makers, folder).split.test == ("case03",)
    assert "was given and leaves 1 case aside" in caplog.text
    mine["test"] = ["case99"]
    (folder / "split.json").write_text(json.dumps(mine))
    with pytest.raises(InputError, match="unknown case case99"):
        prepare(makers, folder)


def test_one_image_under_two_names_is_found(a_case: MakeCase, on_disk: OnDisk, tmp_path: Path) -> None:
    makers = [on_disk(a_case(f"s{n}")) for n in range(4)]
    copy = a_case("s0").volumes["t1"]
    again = Volume(copy.voxels.astype(np.float32), copy.affine)
    io.write(reorient(again, "PSL"), makers[1].volumes["t1"])
    for name in ("ct", "fa"):
        io.write(reorient(a_case("s1").volumes[name], "PSL"), makers[1].volumes[name])
    sides = {"train": ["s0", "s2"], "validation": ["s3"], "test": ["s1"]}
    folder = tmp_path / "cohort"
    folder.mkdir()
    (folder / "split.json").write_text(json.dumps({"seed": 1, "by": "given", **sides}))
    with pytest.raises(InputError, match="same image") as caught:
        prepare(makers, folder)
    assert caught.value.code == "E135"
    assert "s0 in train" in caught.value.line()
    assert "s1 in test" in caught.value.line()
    assert not (folder / "cohort.json").exists()


def test_corrupt_records_are_written_anew(slow: Maker, tree: Tree, tmp_path: Path) -> None:
    folder, makers = tmp_path / "cohort", [slow(n) for n in range(3)]
    prepare(makers, folder)
    before = tree(folder)
    (folder / "cohort.json").write_bytes(b"\x00half")
    prepare(makers, folder)
    assert tree(folder) == before
    (folder / "split.json").write_text('{"seed": 1}')
    with pytest.raises(InputError, match=r"split\.json with a bad train") as caught:
        prepare(makers, folder)
    assert caught.value.code == "E133"


def test_sides_that_are_decided_stand_and_lose_what_fails(slow: Maker, tmp_path: Path) -> None:
    makers = [slow(n, mood="fail" if n == 1 else "") for n in range(4)]
    sides = {"case00": "train", "case01": "train", "case02": "test"}
    options = PrepareOptions(keep_going=True)
    cohort = prepare(makers, tmp_path / "cohort", options, sides=sides)
    assert cohort.split.by == "given"
    assert (cohort.split.train, cohort.split.validation, cohort.split.test) == (("case00",), (), ("case02",))
    other = prepare(makers, tmp_path / "cohort", options, sides={"case03": "train"})
    assert (other.split.train, other.split.test) == (("case03",), ())


def test_notes_are_kept_and_do_not_change_the_digest(
    a_case: MakeCase, ready: Callable[..., CaseMaker], tmp_path: Path
) -> None:
    noted = replace(a_case(), notes={"registration_mm": 0.25})
    one = prepare([ready(noted)], tmp_path / "one" / "c", ALONE)
    two = prepare([ready(a_case())], tmp_path / "two" / "c", ALONE)
    assert one.case("s01").entry.notes == {"registration_mm": 0.25}
    assert two.case("s01").entry.notes == {}
    assert one.digest() == two.digest()
