"""The bill of materials of a release holds what users get, and nothing that is only used to work on it."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("write_sbom", ROOT / "tools" / "write_sbom.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def bill_of(*names: str) -> dict[str, Any]:
    return {
        "specVersion": "1.6",
        "metadata": {"component": {"bom-ref": "root", "name": "transmodal"}},
        "components": [{"name": name, "bom-ref": f"{name}==1"} for name in names],
        "dependencies": [
            {"ref": "root", "dependsOn": [f"{name}==1" for name in names]},
            *({"ref": f"{name}==1"} for name in names),
        ],
    }


def test_the_closure_follows_what_packages_ask_for(tool: ModuleType) -> None:
    names = tool.closure([Requirement("torch>=2")])
    assert {"torch", "sympy", "mpmath", "jinja2", "markupsafe"} <= names
    assert not names & {"pytest", "numpy-stubs", "optree"}


def test_what_users_get_is_asked_for_and_no_more(tool: ModuleType) -> None:
    names = {one.name for one in tool.wanted()}
    assert {"torch", "pydicom", "typer"} <= names
    assert not names & {"pytest", "ruff", "mkdocs", "matplotlib", "pip-audit"}


def test_a_missing_direct_package_is_named(tool: ModuleType) -> None:
    with pytest.raises(SystemExit, match="no-such-package-here is not installed"):
        tool.closure([Requirement("no-such-package-here")])


def test_a_bill_is_pruned_with_its_links(tool: ModuleType) -> None:
    pruned = tool.prune(bill_of("Py_Torch", "pytest"), {"py-torch"})
    assert [part["name"] for part in pruned["components"]] == ["Py_Torch"]
    assert pruned["dependencies"] == [{"ref": "root", "dependsOn": ["Py_Torch==1"]}, {"ref": "Py_Torch==1"}]


def test_a_bill_without_a_package_that_users_get_is_not_written(
    tool: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tool, "wanted", lambda: [Requirement("mpmath")])
    monkeypatch.setattr(tool, "environment_bill", lambda: bill_of("pytest"))
    with pytest.raises(SystemExit, match="the bill lacks mpmath"):
        tool.main([str(tmp_path / "bill.json")])
    assert not (tmp_path / "bill.json").exists()

    monkeypatch.setattr(tool, "environment_bill", lambda: bill_of("mpmath", "pytest"))
    tool.main([str(tmp_path / "bill.json")])
    assert "1 packages" in capsys.readouterr().out
    assert [part["name"] for part in json.loads((tmp_path / "bill.json").read_text())["components"]] == [
        "mpmath"
    ]
