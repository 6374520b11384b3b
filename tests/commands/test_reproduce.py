"""`transmodal reproduce`: equal bytes are said in words or as JSON, other bytes have an exit status of their own."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

import transmodal
from cli_calls import check_refused
from transmodal import cli
from transmodal.commands import _reproducing


def test_equal_bytes_are_said(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    transmodal.translate("run", "source-t1.nii.gz", "fa.nii.gz", gate="off")
    line = "reproduce fa.json --source source-t1.nii.gz --run run"
    assert cli.run(line.split()) == 0
    assert capsys.readouterr().out == "equal: fa.nii.gz, byte for byte\n"
    assert cli.run([*line.split(), "--json", "-o", "again.nii.gz"]) == 0
    assert json.loads(capsys.readouterr().out)
    assert Path("again.nii.gz").is_file()


def test_other_bytes_end_with_status_5(
    folders: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls: list[tuple[object, ...]] = []

    def reproduce(sidecar: Path, source: list[str], **more: object) -> SimpleNamespace:
        calls.append((sidecar, source, more["run"], more["weights"], more["overwrite"]))
        return SimpleNamespace(
            is_equal=False, lines=lambda: ["other bytes"], to_json=lambda: {"equal": False}
        )

    monkeypatch.setattr(_reproducing, "reproduce", reproduce)
    assert (
        cli.run(
            [
                "reproduce",
                "fa.json",
                "--source",
                "t1=a",
                "--source",
                "t2=b",
                "--weights",
                "sam=c",
                "--overwrite",
            ]
        )
        == 5
    )
    assert calls == [(Path("fa.json"), ["t1=a", "t2=b"], None, ["sam=c"], True)]
    assert capsys.readouterr().out == "other bytes\n"


@pytest.mark.parametrize(
    ("words", "status", "part"),
    [
        ("reproduce fa.json", 2, "--source"),
        ("reproduce --source source-t1.nii.gz", 2, "SIDECAR"),
        ("reproduce gone.json --source source-t1.nii.gz", 3, "gone"),
    ],
)
def test_refusals(
    words: str, status: int, part: str, folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    check_refused(words, status, part, capsys)
