"""`transmodal doctor`: what is there, what is absent with what brings it, and an exit status for what is broken."""

from __future__ import annotations

import json

import pytest

from cli_calls import check_error
from transmodal import cli
from transmodal.commands import _examination
from transmodal.commands._examination import InstalledPart


def test_all_that_is_needed_works_here(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    topics = [line for line in lines if not line.startswith(" ")]
    assert topics[:4] == ["versions", "devices", "codecs", "optional"]
    assert lines[-1] == "All that is needed works."
    assert any(line.split()[0] == "torch" for line in lines)


def test_what_is_broken_has_a_remedy_and_a_status(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    findings = [
        InstalledPart("codecs", "JPEG-LS", "absent", "is not decoded", "pip install 'transmodal[dicom]'"),
        InstalledPart("places", "temporary files", "broken", "Permission denied", "Free space."),
    ]
    monkeypatch.setattr(_examination, "examine", lambda _: findings)
    assert cli.run(["doctor"]) == 4
    shown = capsys.readouterr().out
    assert "JPEG-LS           absent: is not decoded -> pip install 'transmodal[dicom]'" in shown
    assert "temporary files   broken: Permission denied -> Free space." in shown
    assert "Something that is needed is broken" in shown
    assert cli.run(["doctor", "--json"]) == 4
    content = json.loads(capsys.readouterr().out)
    assert content["is_well"] is False
    assert content["findings"][0] == findings[0]._asdict()


def test_a_recipe_that_there_is_not_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    check_error("doctor no-such-recipe", "E002", "no-such-recipe", capsys)
