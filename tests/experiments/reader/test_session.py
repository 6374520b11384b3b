from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from pydantic import ValidationError

from reading_sessions import Sitting
from transmodal.errors import InputError, IntegrityError
from transmodal.experiments.reader.session import (
    ReaderSession,
    key_sha256,
    read_key,
    read_session,
    write_key,
)


def test_what_was_written_comes_back_and_the_key_is_its_owners_alone(sitting: Sitting) -> None:
    session = read_session(sitting.folder)
    assert session == sitting.session
    assert read_key(sitting.key_file, session) == sitting.key
    assert session.key_sha256 == key_sha256(sitting.key)
    copy = sitting.folder.parent / "copy.json"
    write_key(sitting.key, copy)
    assert copy.stat().st_mode & 0o777 == 0o600


def test_another_key_is_refused(sitting: Sitting) -> None:
    changed = sitting.key.model_copy(update={"seed": 6})
    write_key(changed, sitting.key_file)
    with pytest.raises(IntegrityError, match="of another session"):
        read_key(sitting.key_file, sitting.session)


def test_a_change_by_hand_and_a_later_format_are_refused(sitting: Sitting) -> None:
    path = sitting.folder / "session.json"
    text = path.read_text()
    path.write_text(text.replace("Reading session", "Another"))
    with pytest.raises(IntegrityError, match="was changed"):
        read_session(sitting.folder)
    path.write_text(text.replace('"version": 1', '"version": 2'))
    with pytest.raises(InputError, match="of format 2"):
        read_session(sitting.folder)
    path.write_text(json.dumps({"version": 1}))
    with pytest.raises(InputError, match="a reading session"):
        read_session(sitting.folder)


def test_a_folder_without_a_session_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"session\.json"):
        read_session(tmp_path)


@pytest.mark.parametrize("fault", ["order", "picture", "count"])
def test_items_orders_and_pictures_fit_one_another(pristine: Sitting, fault: str) -> None:
    content = pristine.session.model_dump(mode="json")
    name = next(name for name, item in content["items"].items() if item["question"] == "origin")
    if fault == "order":
        content["orders"][0] = content["orders"][0][1:]
    elif fault == "picture":
        content["items"][name]["pictures"] = ["other.png"]
    else:
        content["items"][name]["pictures"] *= 2
    with pytest.raises(ValidationError, match="without"):
        ReaderSession.model_validate(content)


def test_a_session_is_read_without_its_key(sitting: Sitting) -> None:
    moved = shutil.move(sitting.folder, sitting.folder.parent.parent / "elsewhere")
    sitting.key_file.unlink()
    assert read_session(Path(moved)) == sitting.session
