"""Mutants are made, noticed where a test looks, and counted with their interval."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
CODE = "def larger(a: int, b: int) -> bool:\n    return a > b\n"
MEASURE = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import mutation_trials
folder = Path(sys.argv[2])
mutant = mutation_trials.Mutant("module.py", sys.argv[3], "")
print(mutation_trials.try_mutant(mutant, [str(folder / "test_module.py")], folder, float(sys.argv[4])))
"""


@pytest.fixture(scope="module")
def tool() -> Iterator[ModuleType]:
    sys.path.insert(0, str(ROOT / "tools"))  # for its parts
    spec = importlib.util.spec_from_file_location("mutate", ROOT / "tools" / "mutate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    sys.path.remove(str(ROOT / "tools"))


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (CODE.replace(">", ">="), "killed"),
        (CODE.replace("a > b", "b < a"), "survived"),
        (CODE.replace("return", "retrun"), "killed"),
        (CODE.replace("return a > b", "while True:\n        pass"), "slow"),
    ],
)
def test_a_mutant_that_a_test_notices_is_killed(code: str, outcome: str, tmp_path: Path) -> None:
    (tmp_path / "transmodal").mkdir()
    (tmp_path / "transmodal/module.py").write_text(CODE)
    (tmp_path / "test_module.py").write_text(
        "import sys\n"
        f"sys.path.insert(0, {str(tmp_path / 'transmodal')!r})\n"
        "from module import larger\n\n"
        "def test_it():\n    assert larger(2, 1) and not larger(1, 2) and not larger(1, 1)\n"
    )
    words = [
        sys.executable,
        "-c",
        MEASURE,
        str(ROOT / "tools"),
        str(tmp_path),
        code,
        "1" if outcome == "slow" else "60",
    ]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == outcome
    assert (tmp_path / "transmodal/module.py").read_text() == CODE


def test_mutmut_makes_the_mutants(tool: ModuleType, tmp_path: Path) -> None:
    pytest.importorskip("mutmut", reason="is of the extra `audit`")
    (tmp_path / "module.py").write_text(CODE)
    population = tool.Population("module.py", tmp_path)
    changes = [population.render(index).change for index in range(len(population))]
    assert changes == ["-    return a > b\n+    return a >= b"]


def test_a_share_has_wilsons_interval(tool: ModuleType) -> None:
    assert tool.interval(9, 10) == (0.5958, 0.9821)
    assert tool.interval(0, 0) == (0.0, 1.0)


def test_every_module_and_test_of_the_groups_is_there(tool: ModuleType) -> None:
    for modules in tool.GROUPS.values():
        for module, tests in modules.items():
            assert (tool.SOURCE / module).is_file(), module
            for test in tests:
                assert (ROOT / "tests" / test).is_file(), test
