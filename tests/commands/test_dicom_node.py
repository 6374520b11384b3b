from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest

import transmodal
from dicom_files import series
from dicom_nodes import write_rules
from transmodal import cli
from transmodal.service.dicom_node import node
from transmodal.service.dicom_node.queue import SeriesQueue
from transmodal.service.dicom_node.settings import NodeLimits, NodeSettings
from transmodal.service.dicom_node.tls import TlsFiles


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[NodeSettings]:
    """Return the settings of nodes that are started; none listens."""
    settings: list[NodeSettings] = []

    def serve(own: NodeSettings, announce: Callable[[str], None]) -> None:
        settings.append(own)
        announce("TRANSMODAL@127.0.0.1:1")

    monkeypatch.setattr(node, "serve", serve)
    monkeypatch.chdir(tmp_path)
    write_rules(tmp_path / "rules.yaml", 104)
    return settings


def test_this_machine_alone_by_default(
    started: list[NodeSettings], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert cli.run(["dicom-node", "rules.yaml"]) == 0
    transmodal.dicom_node("rules.yaml")
    first, second = started
    assert first == second
    assert (first.host, first.port, first.ae_title, first.callers) == ("127.0.0.1", 11112, "TRANSMODAL", ())
    assert (first.folder, first.rules_path) == (tmp_path / "dicom-node", tmp_path / "rules.yaml")
    assert first.limits == NodeLimits()
    shown = capsys.readouterr()
    assert shown.out == "TRANSMODAL@127.0.0.1:1\n" * 2
    assert "Not a medical device" in shown.err


def test_options_are_limits(started: list[NodeSettings]) -> None:
    line = (
        "dicom-node rules.yaml --port 0 --folder q --host 0.0.0.0 --ae-title NODE --accept A --accept B --wait 1 --keep 2 "
        "--max-image 3 --max-series 4 --images 5 --queue 6 --job-seconds 7 --memory 8 --patience 9 --retry 10 --attempts 11 "
        "--device cpu --engine auto --tls-cert n.pem --tls-key n.key --tls-ca ca.pem"
    )
    assert cli.run(line.split()) == 0
    (own,) = started
    assert own.limits == NodeLimits(3 << 20, 5, 4 << 20, 6, 10, 9, 1, 7, 8 << 30, 2, 10, 11)
    assert (own.host, own.port, own.ae_title, own.callers) == ("0.0.0.0", 0, "NODE", ("A", "B"))
    assert (own.device, own.engine, own.folder.name) == ("cpu", "auto", "q")
    assert own.tls == TlsFiles(Path("n.pem"), Path("n.key"), Path("ca.pem"))


def test_tables(started: list[NodeSettings], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    series(tmp_path / "series")
    SeriesQueue(tmp_path, NodeLimits()).close()
    assert cli.run(["dicom-node", "rules.yaml", "--dry-run", "series", "--caller", "A"]) == 0
    assert cli.run(["dicom-node", "--status", "."]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].endswith("refused: no rule takes it") or shown[0].endswith("rule fa")
    assert shown[1].startswith("series")
    assert started == []


@pytest.mark.parametrize(
    ("words", "status", "code"),
    [
        ("", 2, "E001"),
        ("gone.yaml", 3, "E100"),
        ("rules.yaml --host 0.0.0.0", 2, "E004"),
        ("rules.yaml --ae-title " + "A" * 17, 2, "E001"),
        ("--status gone", 3, "E100"),
        ("rules.yaml --dry-run gone", 3, "E100"),
    ],
)
@pytest.mark.usefixtures("started")
def test_refusals(words: str, status: int, code: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["dicom-node", *words.split()]) == status
    assert capsys.readouterr().err.startswith(f"error[{code}]")


@pytest.mark.usefixtures("started")
def test_a_missing_package_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert cli.run(["dicom-node", "rules.yaml"]) == 4
    assert "pip install 'transmodal[service]'" in capsys.readouterr().err
