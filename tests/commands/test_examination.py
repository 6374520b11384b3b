"""What is examined is what the project stands on, and each thing that is missing is found."""

from __future__ import annotations

import re
import tempfile
import tomllib
import webbrowser
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest

from plugin_kits import ENTRIES, install
from transmodal.commands import _examination
from transmodal.commands._examination import DEPENDENCIES, OPTIONAL, PYTHON, InstalledPart, examine
from transmodal.errors import UsageError
from transmodal.viewing import niivue

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
DEVELOPMENT = {"test", "audit", "docs", "benchmarks", "tools", "judge"}
"""Extras for those who work on transmodal."""


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[<>=\[!~; ]", requirement)[0] for requirement in requirements}


def states(recipe: str | None = None) -> dict[tuple[str, str], InstalledPart]:
    return {(finding.topic, finding.name): finding for finding in examine(recipe)}


def test_it_looks_at_every_dependency_and_every_extra() -> None:
    assert set(DEPENDENCIES) == names(PROJECT["dependencies"])
    extras = PROJECT["optional-dependencies"]
    assert set(OPTIONAL) == set(extras) - DEVELOPMENT
    assert {extra: set(parts) for extra, (parts, _) in OPTIONAL.items()} == {
        extra: names(extras[extra]) for extra in OPTIONAL
    }
    assert PROJECT["requires-python"] == f">={PYTHON[0]}.{PYTHON[1]}"


def test_what_is_missing_is_named_with_what_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    version = metadata.version

    def without(*missing: str) -> Callable[[str], str]:
        def look(name: str) -> str:
            if name in missing:
                raise metadata.PackageNotFoundError(name)
            return version(name)

        return look

    monkeypatch.setattr(_examination.metadata, "version", without("numpy", "dipy", "highdicom"))
    monkeypatch.setattr(niivue, "_widget", lambda: None)
    monkeypatch.setattr(webbrowser, "get", lambda: (_ for _ in ()).throw(webbrowser.Error))
    findings = states()
    assert findings["versions", "numpy"].state == "broken"
    assert findings["versions", "torch"].state == "fine"
    assert findings["optional", "diffusion"] == InstalledPart(
        "optional",
        "diffusion",
        "absent",
        "dipy not installed: FA of diffusion images",
        "pip install 'transmodal[diffusion]'",
    )
    assert findings["optional", "dicom"].text.startswith("highdicom not installed: ")
    assert (findings["viewer", "NiiVue"].state, findings["viewer", "browser"].state) == ("absent", "absent")


def test_codecs_are_those_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    from pydicom.pixels.decoders import base

    assert states()["codecs", "RLE"].state == "fine"
    decoder = type("Decoder", (), {"is_available": False})
    monkeypatch.setattr(base, "get_decoder", lambda _: decoder)
    assert states()["codecs", "JPEG-LS"].remedy == "pip install 'transmodal[dicom]'"


def test_a_place_that_cannot_be_written_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> object:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    finding = states()["places", "temporary files"]
    assert (finding.state, finding.text) == ("broken", "Permission denied")


def test_weights_are_looked_for_where_a_recipe_names_them(tmp_path: Path) -> None:
    assert states("t1-to-fa-small")["weights", "unet_regression"].text == "needs none"
    recipe = tmp_path / "mrnet.yaml"
    recipe.write_text(
        "name: a\ntranslator: mrnet\ntask: {source: [t1], target: fa}\nsettings: {sam: gone.pth}\n"
        "windows: {kind: slice, axes: [z]}\ntraining: {epochs: 1, batch: 1}\n"
    )
    broken = [finding for finding in examine(str(recipe)) if finding.topic == "weights"]
    assert [finding.state for finding in broken] == ["broken"]
    assert "gone.pth does not exist" in broken[0].text
    with pytest.raises(UsageError, match="no-such"):
        examine("no-such")


def test_plugins_are_loaded_and_those_that_fail_are_faulty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = {
        **ENTRIES,
        "translators": {"line": "ill_kit.line", "night": "ill_kit.gone", "pix2pix": "ill_kit.line"},
    }
    entries |= {
        "layouts": {"night_shift": "ill_kit.night"},
        "metrics": {"contrast_kept": "ill_kit.contrast:CONTRAST"},
    }
    monkeypatch.syspath_prepend(install(tmp_path / "installed", entries, name="ill-kit"))
    findings = [finding for finding in examine() if finding.topic == "plugins"]
    assert {finding.name: finding.state for finding in findings} == {
        "line": "fine",
        "night_shift": "fine",
        "contrast_kept": "fine",
        "night": "faulty",
        "translators": "faulty",  # pix2pix, which is refused
    }
