"""The audit of packages: what is open fails, what is excused passes until its day, and silence is not taken for safety."""

from __future__ import annotations

import datetime
import importlib.util
import json
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
TODAY = datetime.date(2026, 11, 28)


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("audit", ROOT / "tools" / "audit.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def report(*vulnerable: str) -> dict[str, Any]:
    fault = {
        "id": "PYSEC-1",
        "aliases": ["CVE-2026-1", "GHSA-1"],
        "fix_versions": ["2.1"],
        "description": "x",
    }
    return {
        "dependencies": [
            {"name": name, "version": "2.0", "vulns": [fault] if name in vulnerable else []}
            for name in ("torch", "pydicom", "Pillow_Core")
        ]
    }


def excuse(tool: ModuleType, name: str, days: int) -> Any:  # noqa: ANN401
    return tool.Excuse(name, "never called", TODAY + datetime.timedelta(days=days))


def test_nothing_open_passes(tool: ModuleType) -> None:
    verdict = tool.judge(report(), [], TODAY, ["torch", "pillow-core"])
    assert verdict == tool.Verdict("passed", 3, [], [], [])


def test_an_open_advisory_fails_and_is_named(tool: ModuleType) -> None:
    verdict = tool.judge(report("torch"), [], TODAY, ["torch"])
    assert verdict.status == "failed"
    assert verdict.open == ["torch 2.0: PYSEC-1, mended in 2.1"]


@pytest.mark.parametrize("name", ["PYSEC-1", "CVE-2026-1"])
def test_an_accepted_advisory_passes_through_its_last_day(tool: ModuleType, name: str) -> None:
    verdict = tool.judge(report("torch"), [excuse(tool, name, 0)], TODAY, ["torch"])
    assert (verdict.status, verdict.open) == ("passed", [])
    assert "accepted until 2026-11-28: never called" in verdict.excused[0]


def test_a_day_later_it_fails(tool: ModuleType) -> None:
    verdict = tool.judge(report("torch"), [excuse(tool, "CVE-2026-1", -1)], TODAY, ["torch"])
    assert verdict.status == "failed"
    assert verdict.faults == ["CVE-2026-1 was accepted until 2026-11-27: never called"]
    assert verdict.open
    offline = tool.judge_without_report("no network", [excuse(tool, "CVE-2026-1", -1)], TODAY)
    assert offline.status == "failed"


def test_an_excuse_that_excuses_nothing_fails(tool: ModuleType) -> None:
    verdict = tool.judge(report(), [excuse(tool, "CVE-2026-9", 9)], TODAY, ["torch"])
    assert verdict.faults == ["CVE-2026-9 excuses nothing any more"]
    assert verdict.status == "failed"


def test_packages_that_the_index_does_not_know_are_not_clean(tool: ModuleType) -> None:
    skipped = {"dependencies": [{"name": "torch", "skip_reason": "Dependency not found on PyPI"}]}
    verdict = tool.judge(skipped, [excuse(tool, "CVE-2026-1", 9)], TODAY, ["torch", "pydicom"])
    assert (verdict.status, verdict.n_packages) == ("not run", 0)
    assert verdict.reason == "the index knows no advisories for 2 direct dependencies, such as pydicom"


@pytest.mark.parametrize(
    "text",
    [
        "- {id: CVE-1, reason: x}",
        "- {id: CVE-1, reason: ' ', until: 2026-12-01}",
        "- {id: CVE-1, reason: x, until: soon}",
        "- CVE-1",
    ],
)
def test_an_entry_has_an_id_a_reason_and_a_day(tool: ModuleType, text: str, tmp_path: Path) -> None:
    (tmp_path / "allow.yaml").write_text(text)
    with pytest.raises(SystemExit, match=r"allow\.yaml"):
        tool.read_allowed(tmp_path / "allow.yaml")


def test_no_accepted_advisory_of_the_repository_is_over(tool: ModuleType) -> None:
    assert tool.read_allowed() == [one for one in tool.read_allowed() if one.until >= datetime.date.today()]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("requests.exceptions.ConnectionError: Max retries exceeded", "no network"),
        ("/usr/bin/python: No module named pip_audit", "pip-audit is not installed"),
    ],
)
def test_without_an_answer_it_says_so_and_passes(
    tool: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    answer: str,
    reason: str,
) -> None:
    done = subprocess.CompletedProcess([], 1, "", answer)
    monkeypatch.setattr(tool.subprocess, "run", lambda *_, **__: done)
    assert tool.main([]) == 0
    assert f"audit not run: {reason}" in capsys.readouterr().out


def test_a_report_is_judged_from_its_file(
    tool: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = tool.direct_dependencies()
    assert {"torch", "pydicom", "h5py"} <= set(names)
    assert "pytest" not in names
    packages = [{"name": name, "version": "1", "vulns": []} for name in names]
    packages[0]["vulns"] = [{"id": "PYSEC-1", "aliases": [], "fix_versions": []}]
    path = tmp_path / "report.json"
    path.write_text(json.dumps({"dependencies": packages}))
    assert tool.main([str(path), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["open"] == [f"{names[0]} 1: PYSEC-1, mended in no version"]


def test_known_faults_are_below_what_is_asked_for() -> None:
    """Advisories that were answered by a floor; the floor stays."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for floor in ('"torch>=2.10', '"pydicom>=3.0.2', '"transformers>=5', '"safetensors>=0.5'):
        assert floor in text
