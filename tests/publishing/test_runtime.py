from __future__ import annotations

import gzip
import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

import small_pages
from transmodal.errors import ResourceError
from transmodal.publishing import runtime

ROOT = Path(__file__).parents[2]
PACKAGE = json.loads((ROOT / "web" / "package.json").read_text())
LOCK = json.loads((ROOT / "web" / "package-lock.json").read_text())


@pytest.fixture
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_web", ROOT / "tools" / "build_web.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def install(folder: Path, script: str) -> Path:
    """Write what npm would install."""
    (folder / "dist").mkdir(parents=True)
    (folder / "package.json").write_text('{"version": "9.9.9", "license": "MIT"}')
    for kind in ("wasm", "jspi"):
        (folder / "dist" / f"ort.{kind}.bundle.min.mjs").write_text(script)
    for ending in ("wasm", "jspi.wasm"):
        (folder / "dist" / f"ort-wasm-simd-threaded.{ending}").write_bytes(b"\0asm " + ending.encode())
    return folder


def test_what_the_tool_builds_is_what_is_loaded(
    tool: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert tool.OUTPUT == runtime.FOLDER
    monkeypatch.setattr(runtime, "FOLDER", tmp_path / "runtime")
    assert not runtime.is_built()
    tool.build(
        install(tmp_path / "npm", "var a=import.meta.url;export{a as InferenceSession};\n//# map\n"),
        runtime.FOLDER,
    )
    ort = runtime.load(("gpu", "cpu"))
    assert list(ort.parts) == ["gpu", "cpu"]
    for kind, ending in (("cpu", b"wasm"), ("gpu", b"jspi.wasm")):
        part = ort.parts[kind]  # type: ignore[index]  # one of two words
        assert "globalThis.ort = {InferenceSession: a};" in part.script
        assert "import.meta" not in part.script
        assert gzip.decompress(part.program) == b"\0asm " + ending
    assert "Permission is hereby granted" in (runtime.FOLDER / "LICENSE").read_text()
    assert ort.name == "ONNX Runtime Web 9.9.9, MIT, (c) Microsoft"


def test_another_make_is_refused(tool: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "FOLDER", tmp_path / "runtime")
    tool.build(install(tmp_path / "npm", "export{a};"), runtime.FOLDER)
    with pytest.raises(ResourceError, match=r"InferenceSession.*build_web") as refused:
        runtime.load()
    assert refused.value.code == "E404"


def test_where_it_is_missing_the_remedy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "FOLDER", tmp_path)
    with pytest.raises(ResourceError, match=r"python tools/build_web\.py") as refused:
        runtime.load()
    assert refused.value.code == "E404"


def test_without_npm_the_tool_says_so(
    tool: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tool.shutil, "which", lambda _: None)
    assert tool.main() == 1
    assert "npm is missing" in capsys.readouterr().err


def test_the_lock_file_holds_the_hash_of_every_package_and_the_version_that_was_built() -> None:
    packages = {name: entry for name, entry in LOCK["packages"].items() if name}
    assert all(entry["integrity"].startswith("sha512-") for entry in packages.values())
    version = PACKAGE["dependencies"]["onnxruntime-web"]
    assert packages["node_modules/onnxruntime-web"]["version"] == version
    small_pages.need_runtime()
    assert runtime.load().name.split()[3].rstrip(",") == version
