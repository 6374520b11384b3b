from __future__ import annotations

import importlib.machinery
import importlib.util
from pathlib import Path

import pytest

from transmodal.errors import ResourceError
from transmodal.viewing import niivue


@pytest.fixture(autouse=True)
def _fresh() -> None:
    niivue.script.cache_clear()


def install(folder: Path, widget: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an ipyniivue be found whose widget has this text; its code would fail."""
    package = folder / "ipyniivue"
    (package / "static").mkdir(parents=True)
    (package / "__init__.py").write_text("raise AssertionError('run')")
    (package / "static" / "widget.js").write_text(widget)
    spec = importlib.machinery.ModuleSpec("ipyniivue", None, is_package=True)
    spec.submodule_search_locations = [str(package)]
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec if name == "ipyniivue" else None)


def test_the_installed_package_carries_a_module_that_becomes_a_plain_script() -> None:
    assert niivue.is_installed()
    script = niivue.script()
    members = script[script.rindex("globalThis.niivue = {") :]
    assert " Niivue," in members
    assert " NVImage," in members
    assert "</script" not in script
    assert "import.meta" not in script


def test_exports_become_members_and_tags_are_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = (
        "var%20a%3D1%2Cb%3D%22%3C%2Fscript%3E%22%3B" + "%20" * 40000 + "export%7Ba%20as%20Niivue%2Cb%7D%3B"
    )
    install(tmp_path, f'var x="{module}";export{{y as default}};', monkeypatch)
    script = niivue.script()
    assert 'b="<\\/script>"' in script
    assert script.endswith("globalThis.niivue = {Niivue: a, b};\n})();\n")


@pytest.mark.parametrize(
    "widget", ["", 'var x="' + "%20" * 40000 + '";', 'x="' + "%20" * 40000 + 'export%7Bb%7D%3B";']
)
def test_another_package_is_refused_with_its_remedy(
    widget: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, widget, monkeypatch)
    with pytest.raises(ResourceError, match=r"carries no module.*pip install 'transmodal\[view\]'") as caught:
        niivue.script()
    assert caught.value.code == "E404"


def test_a_missing_package_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert not niivue.is_installed()
    for call in (niivue.check, niivue.script):
        with pytest.raises(ResourceError, match=r"not installed.*pip install 'transmodal\[view\]'") as caught:
            call()
        assert caught.value.code == "E404"
