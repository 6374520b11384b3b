"""Mutation testing on demand: change the code as mutmut would, and see whether the tests notice.

The mutants are mutmut's; a random sample of them is tried, each in a process forked from one that has imported numpy and torch, so
that a mutant costs its tests and no more. A figure of a sample comes with its interval.

    python tools/mutate.py                                   # 15 mutants of each group
    python tools/mutate.py readers metrics --sample 40 --seed 2
    python tools/mutate.py src/transmodal/volumes/bounds.py tests/volumes/test_bounds.py --sample 20
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import importlib
import json
import math
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "transmodal"
Modules = dict[str, tuple[str, ...]]
"""Test files by the module whose mutants they have to notice."""

GROUPS: dict[str, Modules] = {
    "readers": {
        "volumes/formats/nifti.py": ("volumes/formats/test_nifti.py",),
        "volumes/formats/nifti_header.py": (
            "volumes/formats/test_nifti_header.py",
            "volumes/formats/test_nifti.py",
        ),
        "volumes/formats/nifti_affine.py": (
            "volumes/formats/test_nifti_affine.py",
            "volumes/formats/test_nifti.py",
        ),
        "volumes/formats/metaimage.py": (
            "volumes/formats/test_metaimage.py",
            "volumes/formats/test_metaimage_header.py",
        ),
        "volumes/formats/metaimage_header.py": ("volumes/formats/test_metaimage_header.py",),
        "volumes/formats/png.py": ("volumes/formats/test_png.py",),
    },
    "geometry": {
        "volumes/geometry/reorient.py": ("volumes/geometry/test_reorient.py",),
        "volumes/geometry/resampling.py": ("volumes/geometry/test_resampling.py",),
        "volumes/geometry/interpolation.py": ("volumes/geometry/test_interpolation.py",),
    },
    "intensity": {"volumes/intensity.py": ("volumes/test_intensity.py",)},
    "split": {
        "cohorts/split/split.py": ("cohorts/split/test_split.py",),
        "cohorts/split/leaks.py": ("cohorts/split/test_leaks.py",),
        "cohorts/split/folds.py": ("cohorts/split/test_folds.py",),
    },
    "checkpoint": {
        "checkpoint/manifest.py": ("checkpoint/test_manifest.py", "checkpoint/test_folder.py"),
        "checkpoint/checks.py": ("checkpoint/test_checks.py",),
    },
    "metrics": {
        "metrics/slices.py": ("metrics/test_slices.py",),
        "metrics/suite/ssim.py": ("metrics/suite/test_ssim.py",),
        "metrics/suite/voxels.py": ("metrics/suite/test_voxels.py",),
    },
}
TARGET = 0.85
_OTHERS = (
    "torch",
    "nibabel",
    "SimpleITK",
    "scipy.ndimage",
    "pydicom",
    "pydantic",
    "PIL.Image",
    "skimage.metrics",
    "pytest",
)
_KILLED, _SURVIVED, _SLOW = "killed", "survived", "slow"
_PATIENCE_SECONDS = 600.0  # for tests that use no processor: a mutant may wait for what never comes


class Mutant(NamedTuple):
    """A changed module.

    Attributes:
        module: path below the package.
        code: of the whole module, changed.
        change: the lines that differ.
    """

    module: str
    code: str
    change: str


class Population:
    """Every mutant of a module, in mutmut's order; one is rendered when it is drawn."""

    def __init__(self, module: str, source: Path = SOURCE) -> None:
        from mutmut.mutation.file_mutation import create_mutations

        self.module = module
        self._text = (source / module).read_text(encoding="utf-8")
        self._tree, self._mutations, _, _ = create_mutations(module, self._text)

    def __len__(self) -> int:
        return len(self._mutations)

    def render(self, index: int) -> Mutant:
        """Return a mutant by its place in the order."""
        from mutmut.mutation.file_mutation import deep_replace

        mutation = self._mutations[index]
        code = deep_replace(self._tree, mutation.original_node, mutation.mutated_node).code
        lines = difflib.unified_diff(self._text.splitlines(), code.splitlines(), lineterm="", n=0)
        change = "\n".join(line for line in lines if not line.startswith(("---", "+++", "@@")))
        return Mutant(self.module, code, change)


def measure(
    groups: dict[str, Modules], sample: int, seed: int, report: Callable[[str], None] = print
) -> dict[str, Any]:
    """Try a random sample of the mutants of each group.

    Args:
        groups: modules with their tests, by name.
        sample: mutants per group.
        seed: of the draw.
        report: called with a line per mutant.

    Returns:
        `mutants`, `killed` (of them `slow`, that did not come to an end), `population`, the `interval` of the share (Wilson, 95 %), the `target`, per group the same, and
        `survivors`, the changes that no test noticed.

    Raises:
        SystemExit: when tests fail on code that nobody changed.
    """
    by_group: dict[str, dict[str, int]] = {}
    survivors = []
    with _copy() as source:
        for name, modules in groups.items():
            populations = [Population(module) for module in modules]
            places = [(one, index) for one in populations for index in range(len(one))]
            limits: dict[str, float] = {}
            counted = {"mutants": 0, "killed": 0, "slow": 0, "population": len(places)}
            # Drawn anew for each group, so that one alone gives what it gives among the others.
            for population, index in random.Random(seed).sample(places, min(sample, len(places))):
                mutant = population.render(index)
                tests = modules[mutant.module]
                limit = limits.get(mutant.module) or limits.setdefault(mutant.module, _limit(source, tests))
                outcome = try_mutant(mutant, tests, source, limit)
                counted["mutants"] += 1
                counted["killed"] += outcome != _SURVIVED
                counted["slow"] += outcome == _SLOW
                report(
                    f"{name}: {mutant.module}: {outcome}"
                    + (f"\n{mutant.change}" if outcome != _KILLED else "")
                )
                if outcome == _SURVIVED:
                    survivors.append(f"{mutant.module}: {mutant.change}")
            by_group[name] = counted
    total = {
        key: sum(group[key] for group in by_group.values())
        for key in ("mutants", "killed", "slow", "population")
    }
    return {
        **total,
        "interval": interval(total["killed"], total["mutants"]),
        "target": TARGET,
        "groups": by_group,
        "survivors": survivors,
    }


def try_mutant(mutant: Mutant, tests: Sequence[str], source: Path, limit: float) -> str:
    """Return whether a mutant is killed by its tests, survives them, or takes so long that it counts as killed."""
    path = source / "transmodal" / mutant.module
    before = path.read_text(encoding="utf-8")
    path.write_text(mutant.code, encoding="utf-8")
    try:
        status, _ = _run(source, tests, limit)
    finally:
        path.write_text(before, encoding="utf-8")
    return _SLOW if status is None else _SURVIVED if status == 0 else _KILLED


def interval(killed: int, mutants: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share; 0 to 1 where nothing was tried."""
    if not mutants:
        return 0.0, 1.0
    z, share = 1.959964, killed / mutants
    centre = share + z * z / (2 * mutants)
    half = z * math.sqrt(share * (1 - share) / mutants + z * z / (4 * mutants * mutants))
    scale = 1 + z * z / mutants
    return round((centre - half) / scale, 4), round((centre + half) / scale, 4)


@contextlib.contextmanager
def _copy() -> Iterator[Path]:
    """Give a copy of the package that mutants are written into."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(SOURCE, Path(folder) / "transmodal", ignore=shutil.ignore_patterns("__pycache__"))
        yield Path(folder)


def _limit(source: Path, tests: Sequence[str]) -> float:
    """Return how many seconds of processor time tests may take: ten times what they take of unchanged code.

    Raises:
        SystemExit: when they fail there.
    """
    status, seconds = _run(source, tests, 600.0)
    if status:
        raise SystemExit(f"{', '.join(tests)} fail on code that nobody changed")
    return 10 + 10 * seconds


def _run(source: Path, tests: Sequence[str], limit: float) -> tuple[int | None, float]:
    """Run test files against a copy of the package, in a child; return the status, none beyond the limit, and the seconds: of the processor, so that nothing beside this makes a mutant slow."""
    begun = time.monotonic()
    child = os.fork()
    if not child:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(limit), math.ceil(limit) + 5))
        _become(source, tests)
    while time.monotonic() - begun < _PATIENCE_SECONDS:
        number, code, used = os.wait4(child, os.WNOHANG)
        if number:
            status = os.waitstatus_to_exitcode(code)
            seconds = used.ru_utime + used.ru_stime
            return None if status in (-signal.SIGXCPU, -signal.SIGKILL) else status, seconds
        time.sleep(0.01)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None, time.monotonic() - begun


def _become(source: Path, tests: Sequence[str]) -> None:
    status = 70
    try:
        nothing = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(nothing, number)
        sys.dont_write_bytecode = True
        sys.path.insert(0, str(source))
        os.environ["PYTHONPATH"] = str(source)
        import pytest

        words = [
            "-q",
            "-x",
            "-p",
            "no:cacheprovider",
            "--rootdir",
            str(ROOT),
            "-c",
            str(ROOT / "pyproject.toml"),
        ]
        status = int(pytest.main([*words, *(str(ROOT / "tests" / test) for test in tests)]))
    finally:
        os._exit(status)


def _import_others() -> None:
    """Import what the package and its tests stand on, so that no child has to; the package itself is imported by the child."""
    for name in _OTHERS:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def main(words: Sequence[str] | None = None) -> int:
    """Try the sample and show it; return 1 where fewer are killed than the target asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "names", nargs="*", help=f"groups ({', '.join(GROUPS)}), or a module and its test files"
    )
    parser.add_argument("--sample", type=int, default=15, help="mutants per group")
    parser.add_argument("--seed", type=int, default=1, help="of the draw")
    parser.add_argument("--json", type=Path, help="file to write the figures into")
    given = parser.parse_args(words)
    groups = {name: GROUPS[name] for name in given.names or GROUPS if name in GROUPS}
    if given.names and not groups:
        relative = Path(given.names[0]).resolve().relative_to(SOURCE).as_posix()
        groups = {relative: {relative: tuple(test.removeprefix("tests/") for test in given.names[1:])}}
    _import_others()
    figures = measure(groups, given.sample, given.seed, lambda line: print(line, flush=True))
    if given.json:
        given.json.write_text(json.dumps(figures), encoding="utf-8")
    low, high = figures["interval"]
    print(f"{figures['killed']} of {figures['mutants']} killed (95 % interval {low:.2f} to {high:.2f})")
    return int(figures["killed"] < TARGET * figures["mutants"])


if __name__ == "__main__":
    raise SystemExit(main())
