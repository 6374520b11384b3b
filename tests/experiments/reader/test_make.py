from __future__ import annotations

import json
import struct
from itertools import pairwise
from pathlib import Path

import pytest

import reading_sessions
from reading_sessions import ReadingGround, Sitting
from transmodal.errors import UsageError
from transmodal.experiments.reader.lesions import LesionSource
from transmodal.experiments.reader.session import read_key, read_session


def chunks(png: bytes) -> list[bytes]:
    kinds, place = [], 8
    while place < len(png):
        (length,) = struct.unpack(">I", png[place : place + 4])
        kinds.append(png[place + 4 : place + 8])
        place += length + 12
    return kinds


def test_nothing_in_the_folder_tells_real_from_synthetic(pristine: Sitting, ground: ReadingGround) -> None:
    pictures = sorted((pristine.folder / "pictures").iterdir())
    assert len(pictures) == len(pristine.key.pictures) == len(pristine.session.pictures)
    assert {path.stat().st_size for path in pictures} == {pictures[0].stat().st_size}
    assert {path.stat().st_mtime for path in pictures} == {0}
    assert {kind for path in pictures for kind in chunks(path.read_bytes())} == {b"IHDR", b"IDAT", b"IEND"}
    content = (pristine.folder / "session.json").read_text()
    secrets = [
        "smooth",
        "flat",
        "synthetic",
        "real",
        str(pristine.key.seed) + ",",
        *(case.id for case in ground.cohort.cases()),
        ground.cohort.digest(),
        "repeat",
    ]
    assert [word for word in secrets if word in content] == []
    # Neither names nor their order follow what the pictures are of.
    systems = [pristine.key.pictures[path.name].system for path in pictures]
    changes = sum(first != second for first, second in pairwise(systems))
    assert changes > 0.4 * len(systems)


def test_the_key_says_which_is_which(pristine: Sitting) -> None:
    session = read_session(pristine.folder)
    key = read_key(pristine.key_file, session)
    assert {truth.system for truth in key.pictures.values()} == {"real", "smooth", "flat"}
    assert [system.name for system in key.systems] == ["smooth", "flat"]
    assert set(key.repeats) | set(key.repeats.values()) <= set(session.items)
    assert key.cohort.cases["test"] == reading_sessions.N_TEST
    assert "axial slices of fa" in key.protocol
    assert "the segmentation's label 3" in key.protocol
    assert len(session.orders) == 8


def test_the_same_seed_makes_the_same_session_and_none_another(
    ground: ReadingGround, pristine: Sitting, tmp_path: Path
) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
    again = reading_sessions.make(ground, tmp_path / "a")
    assert again.session == pristine.session
    one, two = (
        reading_sessions.make(ground, tmp_path / name, seed=None, questions=("origin",), lesions=None)
        for name in "bc"
    )
    assert one.session.id != two.session.id
    assert one.key.seed != two.key.seed
    assert not set(one.session.pictures) & set(two.session.pictures)


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"systems": ()}, "without synthetic pictures"),
        ({"repeats": 0.5}, "--repeats 0.5"),
        ({"lesions": None}, "the question lesion without lesions"),
        ({"questions": ("origin",)}, "lesions without their question"),
        ({"target": "t9"}, "--target t9"),
    ],
)
def test_words_that_do_not_fit_are_refused_and_leave_nothing(
    ground: ReadingGround, tmp_path: Path, changes: dict[str, object], part: str
) -> None:
    with pytest.raises(UsageError, match=part):
        reading_sessions.make(ground, tmp_path, **changes)
    assert list(tmp_path.iterdir()) == []


def test_systems_alone_need_two(ground: ReadingGround, tmp_path: Path) -> None:
    words = (f"{ground.systems['smooth']}",)
    with pytest.raises(UsageError, match="--pairs systems of one system"):
        reading_sessions.make(ground, tmp_path, systems=words, pairs="systems")


def test_a_session_or_a_key_that_is_there_stays(ground: ReadingGround, sitting: Sitting) -> None:
    folder = sitting.folder.parent
    with pytest.raises(UsageError, match="is there already"):
        reading_sessions.make(ground, folder)
    sitting.folder.rename(folder / "kept")
    with pytest.raises(UsageError, match="the key"):
        reading_sessions.make(ground, folder)
    assert json.loads(sitting.key_file.read_text())["session"] == sitting.session.id


def test_a_failure_leaves_neither_session_nor_key(
    ground: ReadingGround, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr("transmodal.experiments.reader.make.write_session", fail)
    with pytest.raises(RuntimeError):
        reading_sessions.make(ground, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_notes_say_what_is_missing(ground: ReadingGround, tmp_path: Path) -> None:
    made = reading_sessions.make(
        ground, tmp_path, n_cases=3, lesions=LesionSource((1, reading_sessions.LESION))
    )
    text = " ".join(made.notes)
    assert "3 patients: below six there are no intervals." in text
    assert "No slice without a lesion" in text
    assert "5 cases of the split not shown." in text
