from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest

from transmodal import cli
from transmodal.service import server
from transmodal.service.settings import Settings


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, folders: Path) -> list[Settings]:
    """Return the settings of services that the command line starts; none serves."""
    settings: list[Settings] = []

    def serve(own: Settings, announce: Callable[[str], None]) -> None:
        settings.append(own)
        assert own.folder.parent.is_dir()
        announce("http://127.0.0.1:1/")

    monkeypatch.setattr(server, "serve", serve)
    return settings


def test_this_machine_alone_by_default(started: list[Settings], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["serve", "fa=run"]) == 0
    (own,) = started
    assert (own.host, own.port, own.token, list(own.models)) == ("127.0.0.1", 8080, "", ["fa"])
    shown = capsys.readouterr()
    assert shown.out == "http://127.0.0.1:1/\n"
    assert "Not a medical device" in shown.err
    assert not own.folder.exists()


def test_options_are_limits(started: list[Settings], tmp_path: Path) -> None:
    line = (
        "serve run --port 0 --folder jobs --keep 5 --job-seconds 6 --memory 2 --max-upload 3 --jobs 4 --queue 7 "
        "--workers 2 --patience 8 --device cpu --engine auto --allow-host a.example --allow-host b.example"
    )
    assert cli.run(line.split()) == 0
    (own,) = started
    limits = own.limits
    assert (limits.keep_seconds, limits.seconds, limits.memory_bytes) == (5, 6, 2 << 30)
    assert (limits.upload_bytes, limits.jobs, limits.queue, limits.workers) == (3 << 20, 4, 7, 2)
    assert (limits.patience_seconds, own.device, own.engine) == (8, "cpu", "auto")
    assert own.names == ("a.example", "b.example")
    assert own.folder == Path("jobs").absolute()


def test_others_need_a_token_which_is_made_or_read(
    started: list[Settings], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["serve", "run", "--host", "0.0.0.0"]) == 0
    token = started[0].token
    assert len(token) > 40
    assert token in capsys.readouterr().err
    Path("token").write_text("a-token-that-is-long\n")
    assert cli.run(["serve", "run", "--token-file", "token"]) == 0
    assert started[1].token == "a-token-that-is-long"
    assert "a-token" not in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    ("words", "status", "code"),
    [
        ("run --token-file nowhere", 3, "E100"),
        ("nowhere", 3, "E100"),
        ("run run", 2, "E004"),
        ("run --token secret", 2, "E001"),
        ("run --port 70000", 2, "E001"),
    ],
)
@pytest.mark.usefixtures("started")
def test_refusals(words: str, status: int, code: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["serve", *words.split()]) == status
    assert capsys.readouterr().err.startswith(f"error[{code}]")


@pytest.mark.usefixtures("started")
def test_a_missing_package_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert cli.run(["serve", "run"]) == 4
    assert "pip install 'transmodal[service]'" in capsys.readouterr().err
