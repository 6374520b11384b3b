"""Calls that are dangerous or lossy stand in one room only, behind the checks that make them safe."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "transmodal"

READERS = {
    "nib.load", "nibabel.load", "nib.save", "sitk.ReadImage", "sitk.WriteImage", "pydicom.dcmread",
}  # fmt: skip
NEVER = {
    "torch.load", "torch.save", "pickle.load", "pickle.loads", "yaml.load", "yaml.unsafe_load", "eval", "exec",
    "os.system", "subprocess.call",
}  # fmt: skip
ATTRIBUTES = {"extractall"}
READS = {"read_text", "read_bytes"}
OWN = {"html.py", "__init__.py", "launch.py", "processes.py"}
"""Modules that read files of the package, of the system or of their own process."""
RENAMES = {"os.replace", "os.rename", "os.renames", "shutil.move"}


def name_of(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{name_of(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def calls(path: Path) -> list[ast.Call]:
    return [
        node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)
    ]


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE)))
def test_raw_calls(path: Path) -> None:
    room = path.relative_to(SOURCE).parts[0]
    for call in calls(path):
        name = name_of(call.func)
        where = f"{path.name}:{call.lineno} {name}"
        if path.name == "frozen.py" and name == "torch.load":  # published weights are such files
            safe = {one.arg: one.value for one in call.keywords}.get("weights_only")
            assert isinstance(safe, ast.Constant) and safe.value is True, where  # noqa: PT018
            continue
        assert name not in NEVER, where
        assert name.rpartition(".")[2] not in ATTRIBUTES, where
        if room != "volumes":
            assert name not in READERS, where
        if path.name != "files.py":
            assert name not in RENAMES, where
        if room != "storage" and path.name not in OWN:
            assert not is_raw_read(call), f"{where}: storage.regular opens files that are read"
        for keyword in call.keywords:
            value = keyword.value.value if isinstance(keyword.value, ast.Constant) else None
            assert not (keyword.arg in ("allow_pickle", "shell") and value is True), where
            assert not (keyword.arg == "weights_only" and value is False), where


def is_raw_read(call: ast.Call) -> bool:
    """Tell whether a call opens a file to read its bytes, or reads it whole, by itself."""
    if not isinstance(call.func, ast.Attribute) or name_of(call.func).startswith("regular."):
        return False
    modes = [word.value for word in call.args[:1] if isinstance(word, ast.Constant)]
    return call.func.attr in READS or (call.func.attr == "open" and modes in (["rb"], ["r"]))


def test_a_raw_read_would_be_noticed() -> None:
    for text, is_raw in (
        ("path.read_text()", True),
        ("Path(x).open('rb')", True),
        ("regular.read_text(path)", False),
        ("path.open('wb')", False),
    ):
        call = ast.parse(text, mode="eval").body
        assert isinstance(call, ast.Call)
        assert is_raw_read(call) is is_raw


def test_the_lint_would_notice(tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text("import torch\ntorch.load('x', weights_only=False)\n")
    assert [name_of(call.func) for call in calls(bad)] == ["torch.load"]
