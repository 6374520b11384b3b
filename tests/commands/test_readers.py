"""The room `transmodal.reader`: what its page shows runs, a reader reads, and keys lie beside sessions."""

from __future__ import annotations

import re
import webbrowser
from pathlib import Path

import pytest

import reading_sessions
import transmodal
from reading_sessions import ReadingGround
from transmodal.errors import UsageError
from transmodal.experiments.reader.session import PictureTruth, ReaderItem, read_key, read_session
from transmodal.viewing.server import PageServer

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "reader.md"


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> ReadingGround:
    return reading_sessions.write_ground(tmp_path_factory.mktemp("ground"))


def knowing(item: ReaderItem, truths: tuple[PictureTruth, ...]) -> str:
    """Know what is real, and prefer the left."""
    return reading_sessions.knowing(item, truths) if item.question == "origin" else "left"


def test_python_of_the_page_runs_and_a_reader_reads_between(
    ground: ReadingGround,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cohort").symlink_to(ground.cohort.folder)
    (tmp_path / "predictions").symlink_to(ground.systems["smooth"])
    make, score = re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(make, str(PAGE), "exec"), names)
    session = read_session(Path("session"))
    assert f"{len(session.items)} items:" in capsys.readouterr().out
    key = read_key(Path("session.key.json"), session)
    assert {truth.system for truth in key.pictures.values()} == {"real", "unet"}
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    monkeypatch.setattr(PageServer, "serve", lambda _: None)
    announced: list[str] = []
    transmodal.reader.read("session", "anna", announce=announced.append)
    assert opened == announced
    assert opened[0].startswith("http://127.0.0.1:")
    assert f"anna: 0 of {len(session.items)} answered" in capsys.readouterr().err
    reading_sessions.read_all_items(tmp_path / "session", session, key, "anna", knowing)
    exec(compile(score, str(PAGE), "exec"), names)
    assert "unet: told from real with an accuracy of 1.00" in capsys.readouterr().out
    assert Path("results/study.html").is_file()


def test_words_that_make_no_session_are_refused(ground: ReadingGround, tmp_path: Path) -> None:
    systems = {"a": ground.systems["smooth"]}
    with pytest.raises(UsageError, match="repeats"):
        transmodal.reader.make(tmp_path / "s", systems, ground.cohort, target="fa", repeats=0.5)
    assert list(tmp_path.iterdir()) == []
