"""Bit rot in prepared cohorts: no verb ends well on an array that is not what was prepared, and `prepare` repairs it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from transmodal import cli
from transmodal.cohorts.store import Cohort
from transmodal.errors import IntegrityError
from transmodal.volumes import Volume, io

EARLIER = Path(__file__).parent.parent / "contract" / "earlier"
TRAIN = ["train", "tiny.yaml", "--cohort", "cohort", "-o", "run", "--quiet"]
EVALUATE = ["evaluate", "run", "--cohort", "cohort", "-o", "again", "--quiet"]


def flip(path: Path, at: int = -40) -> None:
    """Flip one bit of a file."""
    content = bytearray(path.read_bytes())
    content[at] ^= 4
    path.write_bytes(content)


def clear(path: Path) -> None:
    """Make every voxel of an array 0."""
    np.save(path, np.zeros_like(np.load(path)))


def cut(path: Path) -> None:
    """Take the last bytes of a file away."""
    path.write_bytes(path.read_bytes()[:-3])


DAMAGES: dict[str, Callable[[Path], None]] = {"flip": flip, "clear": clear, "cut": cut}


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of a cohort, a run and an evaluation, which is the working directory."""
    copy = tmp_path / "earlier"
    shutil.copytree(EARLIER, copy)
    monkeypatch.chdir(copy)
    return copy


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("verb", ["train", "evaluate"])
@pytest.mark.parametrize("name", ["fa", "t1", "mask"])
def test_a_damaged_array_ends_the_verb(
    damage: str, verb: str, name: str, folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = {"train": "sub2", "evaluate": "sub4"}[verb]
    if verb == "train" and name == "mask":
        case = "sub3"  # of validation: the training itself reads no mask
    DAMAGES[damage](folders / "cohort" / "cases" / case / f"{name}.npy")
    assert cli.run(TRAIN if verb == "train" else EVALUATE) == 5
    message = capsys.readouterr().err
    assert "error[E501]" in message
    assert f"case {case}: cases/{case}/{name}.npy" in message
    assert "Prepare the cohort again" in message


@pytest.mark.parametrize("workers", [1, 2])
def test_a_worker_that_meets_a_damaged_array_is_no_dead_worker(
    workers: int, folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = folders / "tiny.yaml"
    recipe.write_text(recipe.read_text().replace("epochs: 2", f"epochs: 2, workers: {workers}"))
    clear(folders / "cohort" / "cases" / "sub2" / "fa.npy")
    assert cli.run(TRAIN) == 5
    assert "error[E501]: case sub2: cases/sub2/fa.npy" in capsys.readouterr().err


@pytest.fixture
def subjects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with the images of four subjects, in the working directory."""
    draw = np.random.default_rng(0)
    grid = np.indices((12, 11, 10)).astype(np.float32)
    for n in range(4):
        place = tmp_path / "subjects" / f"sub{n}"
        place.mkdir(parents=True)
        head = ((grid - 5) ** 2).sum(axis=0) < 20 + n
        for name, top in (("t1", 900.0), ("fa", 0.9)):
            voxels = np.where(head, top * draw.random(head.shape), 0).astype(np.float32)
            io.write(Volume(voxels, np.eye(4)), place / f"{name}.nii.gz")
        io.write(Volume(head.astype(np.uint8), np.eye(4)), place / "mask.nii.gz")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "subjects"


PREPARE = ["prepare", "folders", "subjects", "-o", "cohort", "--counts", "2:1:1", "--workers", "1"]


def hash_tree(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return the content and the time of every file of a cohort but its page."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*.*"))
        if path.is_file() and path.suffix != ".html"
    }


def edit_affine(path: Path) -> None:
    """Move a case by a millimetre, as someone does who edits its record."""
    record = json.loads(path.read_text())
    record["affine"][0][3] += 1.0
    path.write_text(json.dumps(record, indent=1))


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        *((f"{array}.npy", damage) for array in ("fa", "t1", "mask") for damage in DAMAGES.values()),
        ("case.json", edit_affine),
        ("case.json", cut),
    ],
)
def test_prepare_repairs_what_is_damaged_and_that_alone(
    name: str, damage: Callable[[Path], None], subjects: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(PREPARE) == 0
    cohort = subjects.with_name("cohort")
    before = hash_tree(cohort)
    damage(cohort / "cases" / "sub1" / name)
    capsys.readouterr()
    assert cli.run([*PREPARE, "--quiet"]) == 0
    assert f"repaired from its source: sub1 ({name})" in capsys.readouterr().out
    after = hash_tree(cohort)
    assert {file: content for file, (content, _) in after.items()} == {
        file: content for file, (content, _) in before.items()
    }
    anew = {file for file in before if before[file][1] != after[file][1]}
    assert f"cases/sub1/{name}" in anew
    assert not {file for file in anew if "sub0" in file or "sub2" in file or "sub3" in file}
    assert cli.run([*PREPARE, "--json", "--quiet"]) == 0
    assert json.loads(capsys.readouterr().out)["repaired"] == {}


def test_an_edited_affine_of_a_manifest_is_refused_and_repaired(
    subjects: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(PREPARE) == 0
    path = subjects.with_name("cohort") / "cohort.json"
    whole = path.read_bytes()
    record = json.loads(whole)
    record["cases"][0]["affine"][1][3] -= 2.0
    path.write_text(json.dumps(record, indent=1))
    assert cli.run(["resplit", "cohort", "--seed", "3"]) == 5
    assert "cohort.json was changed since it was written" in capsys.readouterr().err
    assert cli.run(PREPARE) == 0
    assert path.read_bytes() == whole


def test_the_remedy_works_and_the_training_goes_on(
    subjects: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(EARLIER / "tiny.yaml", subjects.with_name("tiny.yaml"))
    assert cli.run(PREPARE) == 0
    learned = json.loads((subjects.with_name("cohort") / "split.json").read_text())["train"][0]
    clear(subjects.with_name("cohort") / "cases" / learned / "fa.npy")
    assert cli.run(TRAIN) == 5
    assert f"error[E501]: case {learned}: cases/{learned}/fa.npy" in capsys.readouterr().err
    assert cli.run(["verify", "cohort", "--quiet"]) == 5
    assert cli.run(PREPARE) == 0
    assert cli.run(["verify", "cohort", "--quiet"]) == 0
    assert cli.run(TRAIN) == 0
    assert cli.run(EVALUATE) == 0
    assert cli.run(["verify", "again", "--quiet"]) == 0
    assert cli.run(["verify", "run", "--quiet"]) == 0


def test_every_flipped_bit_of_an_array_is_found_or_changes_nothing(subjects: Path) -> None:
    """The header of an array, its end and its voxels: 400 flips, each in a file that was whole before."""
    assert cli.run(PREPARE) == 0
    path = subjects.with_name("cohort") / "cases" / "sub1" / "fa.npy"
    whole, voxels = path.read_bytes(), np.load(path)
    draw = np.random.default_rng(5)
    places = [*range(128), *draw.integers(128, len(whole), 272)]
    n_found = 0
    for place in places:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(draw.integers(8))
        path.write_bytes(damaged)
        try:
            opened = Cohort.open(subjects.with_name("cohort")).case("sub1").volume("fa").voxels
        except IntegrityError:
            n_found += 1
        else:
            np.testing.assert_array_equal(opened, voxels)
            assert place < 128
    assert n_found >= 390
