from __future__ import annotations

import threading
from pathlib import Path

import pytest

from transmodal.errors import InputError, IntegrityError, ResourceError
from transmodal.service.dicom_node import database
from transmodal.service.dicom_node.database import Database

ENTER = "INSERT INTO series VALUES ('a', 'r', 'c', 'received', 1, 0, 0, 0, '')"


def test_what_a_block_changes_is_entered_whole_or_not(tmp_path: Path) -> None:
    own = Database(tmp_path)
    with pytest.raises(KeyError), own.transaction():
        {}[own.change(ENTER)]
    assert own.rows("SELECT mark FROM series") == []
    with own.transaction(), own.transaction():
        assert own.change(ENTER) == 1
    own.close()
    again = Database(tmp_path, is_new=False)
    assert again.rows("SELECT mark FROM series") == [("a",)]
    assert again.rows("PRAGMA journal_mode") == [("wal",)]
    assert again.rows("PRAGMA synchronous") == [(2,)]
    again.close()


def test_threads_take_turns(tmp_path: Path) -> None:
    own = Database(tmp_path)
    own.change(ENTER)

    def count() -> None:
        for _ in range(20):
            with own.transaction():
                ((n,),) = own.rows("SELECT attempts FROM series")
                own.change("UPDATE series SET attempts = ?", n + 1)

    threads = [threading.Thread(target=count) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert own.rows("SELECT attempts FROM series") == [(60,)]
    own.close()


def test_errors_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not the folder of a DICOM node"):
        Database(tmp_path, is_new=False)
    (tmp_path / database.FILE).write_bytes(b"no database" * 200)
    with pytest.raises(IntegrityError) as caught:
        Database(tmp_path)
    assert caught.value.code == "E501"
    with pytest.raises(ResourceError):
        Database(tmp_path / "gone")
