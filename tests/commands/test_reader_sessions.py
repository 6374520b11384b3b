from __future__ import annotations

import os
import signal
import subprocess
import sys
from http.client import HTTPConnection
from pathlib import Path

import pytest

import reading_sessions
from reading_sessions import ReadingGround
from transmodal import cli
from transmodal.experiments.reader.answers import read_answers
from transmodal.experiments.reader.session import read_key, read_session


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> ReadingGround:
    return reading_sessions.write_ground(tmp_path_factory.mktemp("ground"))


def make(ground: ReadingGround, folder: Path, *words: str) -> int:
    place = ground.systems["smooth"]
    line = ["reader", "make", str(folder / "s"), f"{place}=unet", "--cohort", str(ground.cohort.folder)]
    return cli.run([*line, "--target", "fa", "--seed", "1", *words])


def test_a_session_is_made_read_left_by_interrupt_and_scored(
    ground: ReadingGround, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--questions", "lesion,origin", "--lesion-labels", str(reading_sessions.LESION)]
    assert make(ground, tmp_path, *words, "--repeats", "0") == 0
    shown = capsys.readouterr().out
    assert f"Key: {tmp_path / 's.key.json'}" in shown
    session = read_session(tmp_path / "s")
    key = read_key(tmp_path / "s.key.json", session)
    assert {item.question for item in session.items.values()} == {"origin", "lesion"}
    assert {truth.system for truth in key.pictures.values()} == {"real", "unet"}

    line = [
        sys.executable,
        "-m",
        "transmodal",
        "reader",
        "read",
        str(tmp_path / "s"),
        "--name",
        "anna",
        "--no-browser",
    ]
    with subprocess.Popen(
        line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    ) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        host, token = address.removeprefix("http://").split("/")[:2]
        connection = HTTPConnection(host, timeout=120)
        content = '{"place": 0, "answer": "synthetic", "seconds": 2}'
        connection.request("POST", f"/{token}/answer", content, {"Content-Type": "application/json"})
        assert connection.getresponse().status == 200
        connection.close()
        process.send_signal(signal.SIGKILL)
        process.wait(120)
    assert read_answers(tmp_path / "s/answers/anna.jsonl", session).answers[0].word == "synthetic"

    reading_sessions.read_all_items(tmp_path / "s", session, key, "anna", reading_sessions.knowing)
    assert cli.run(["reader", "score", str(tmp_path / "s"), "-o", str(tmp_path / "out")]) == 0
    shown = capsys.readouterr().out
    assert "unet: told from real with an accuracy of 1.00" in shown
    assert (tmp_path / "out/study.html").is_file()


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["read", "s", "--cohort", "c"], "--cohort for reader read"),
        (["read", "s", "pred"], "pred for reader read"),
        (["score", "s", "--name", "anna"], "--name for reader score"),
        (["score", "s", "--lesion-labels", "1"], "--lesion-labels for reader score"),
        (["make", "s", "pred", "-o", "x"], "--output for reader make"),
        (["make", "s", "pred", "--no-browser"], "--no-browser for reader make"),
        (["make", "s", "pred"], "without --cohort"),
        (["read", "s"], "without --name"),
    ],
)
def test_words_that_an_act_has_no_use_for_are_refused(
    words: list[str], part: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["reader", *words]) == 2
    assert part in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["--questions", "origins"], "Did you mean origin?"),
        (["--lesion-labels", "a"], "numbers such as 1,2,3"),
        (["--window", "1"], "two numbers"),
        (["--window", "2,1"], "the lower one first"),
        (["--window", "nan,1"], "the lower one first"),
        (["--repeats", "0.5"], "0 to 0.33"),
    ],
)
def test_words_that_make_no_session_are_refused_in_one_line(
    ground: ReadingGround, tmp_path: Path, words: list[str], part: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert make(ground, tmp_path, *words) == 2
    error = capsys.readouterr().err
    assert part in error
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
