"""Measure what the promises need, and write it into docs/results/checks/promises.json; each part replaces its own section.

Kills and fuzzing are added to what was counted before, each run with its commit and seed; kills go on where the last ended.

    python -m tests.promises                        # corpus, 12 kills, audit
    python -m tests.promises --full                 # and all tests of all rows, 300 kills, 50 deaths, fuzzing, mutants
    python -m tests.promises corpus
    python -m tests.promises kills --count 300 --seed 1
    python -m tests.promises kills --count 60 --verbs prepare,train
    python -m tests.promises deaths --count 50
    python -m tests.promises tests --rows 3,6,7
    python -m tests.promises tests --rows 5 --examples 5000
    python -m tests.promises fuzz --seconds 3600 --seed 2
    python -m tests.promises mutation --sample 15
    python -m tests.promises audit

Afterwards docs/promises.md is written anew.
"""

from __future__ import annotations

import argparse
import datetime
import fcntl
import json
import os
import platform
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

TESTS = Path(__file__).parents[1]
sys.path.insert(0, str(TESTS))

from examples import EXAMPLES  # noqa: E402  # the tests have to be on the path
from promises.page import PAGE, RESULTS, page, read_sections  # noqa: E402
from promises.table import ROOT, read_promises  # noqa: E402
from promises.tasks import VERBS, trials  # noqa: E402

PARTS = ("corpus", "kills", "audit")
ALL_PARTS = ("corpus", "fuzz", "kills", "deaths", "mutation", "audit", "tests")
SEEDED = ("kills", "deaths", "mutation", "fuzz")
LIBRARIES = ("numpy", "torch", "nibabel", "SimpleITK", "pydicom", "safetensors")
CASES = {"failure": "failed", "error": "failed", "skipped": "skipped"}


def main(words: Sequence[str] | None = None) -> None:
    """Measure the parts that are asked for."""
    given = _parse(words)
    measure: dict[str, Callable[[], dict[str, Any]]] = {
        "corpus": _corpus,
        "fuzz": lambda: _fuzz(given.executions, given.seconds, given.seed),
        "kills": lambda: _kills(given.count or (300 if given.full else 12), given.verbs, given.seed),
        "deaths": lambda: _deaths(given.count or 50, given.seed),
        "mutation": lambda: _mutation(given.sample, given.seed),
        "audit": _audit,
        "tests": lambda: _tests(given.rows, given.examples),
    }
    for part in given.parts or (ALL_PARTS if given.full else PARTS):
        print(f"{part} ...", flush=True)
        add(part, measure[part](), given.seed if part in SEEDED else None)
    PAGE.write_text(page(read_sections()), encoding="utf-8")


def add(
    part: str, figures: dict[str, Any], seed: int | None, path: Path = RESULTS, commit: str | None = None
) -> None:
    """Write the figures of a part, with what they were taken with, beside those of the others.

    Args:
        part: whose section is replaced; of the tests, the rows that were run.
        figures: of it.
        seed: that they were taken with, where there is one.
        path: of the record.
        commit: that they were taken of; by default the one that is there now.
    """
    section = {
        "date": _today(),
        "commit": commit or _commit(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}",
        "versions": {name: metadata.version(name) for name in LIBRARIES},
        **({} if seed is None else {"seed": seed}),
    }
    with _alone_in(path.parent):
        sections = {**read_sections(path)}
        if part == "tests":  # rows that were not run again stay
            figures = {**sections.get(part, {}).get("figures", {}), **figures}
        sections[part] = {**section, "figures": figures}
        ordered = {name: sections[name] for name in ALL_PARTS if name in sections}
        path.write_text(json.dumps({"sections": ordered}, indent=1) + "\n", encoding="utf-8")


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Keep others out of the record, who measure another part beside this one."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def count_cases(report: Path) -> dict[str, Counter[str]]:
    """Return how many cases of each test passed, failed or were skipped, from JUnit's XML of pytest."""
    counted: dict[str, Counter[str]] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        outcome = next((CASES[inner.tag] for inner in case if inner.tag in CASES), "passed")
        test = f"{case.get('classname', '').replace('.', '/')}.py::{case.get('name', '').partition('[')[0]}"
        counted.setdefault(test, Counter())[outcome] += 1
    return counted


def _corpus() -> dict[str, Any]:
    from promises.figures import run_corpus

    return run_corpus()


def _fuzz(executions: int, seconds: float | None, seed: int) -> dict[str, Any]:
    """Add inputs of a seed to those that were counted; one whose inputs were counted already gives none that is new.

    Raises:
        SystemExit: for such a seed.
    """
    from promises.fuzz import add_fuzz, run_fuzz

    earlier, commit = read_sections().get("fuzz", {}).get("figures", {}), _commit()
    if seed in [run["seed"] for run in earlier.get("runs", ())]:
        raise SystemExit(f"the inputs of seed {seed} were counted: give another --seed")
    fresh = run_fuzz(None if seconds else executions, seconds, seed=seed)
    return add_fuzz(earlier, {"date": _today(), "commit": commit, "seed": seed}, fresh)


def _kills(count: int, verbs: Sequence[str], seed: int) -> dict[str, Any]:
    """Kill on from where the record stands, and write it after every kill."""
    from promises.kills import add_kills, run_kills

    earlier, commit = read_sections().get("kills", {}).get("figures", {}), _commit()
    origin = {"date": _today(), "commit": commit, "seed": seed}
    figures = run_kills(
        trials(count, verbs, earlier),
        seed,
        lambda line: print(line, flush=True),
        lambda fresh: add("kills", add_kills(earlier, origin, fresh), seed, commit=commit),
    )
    return add_kills(earlier, origin, figures)


def _deaths(count: int, seed: int) -> dict[str, Any]:
    from promises.deaths import deaths, run_deaths

    return run_deaths(deaths(count), seed, lambda line: print(line, flush=True))


def _mutation(sample: int, seed: int) -> dict[str, Any]:
    with TemporaryDirectory() as folder:
        output = Path(folder) / "figures.json"
        words = ["--sample", str(sample), "--seed", str(seed), "--json", str(output)]
        # A process that has not imported the package; it ends with 1 below the target, which is a figure too.
        subprocess.run([sys.executable, str(ROOT / "tools" / "mutate.py"), *words])
        figures: dict[str, Any] = json.loads(output.read_text(encoding="utf-8"))
        return figures


def _audit() -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "audit.py"), "--json"], capture_output=True, text=True
    )
    verdict: dict[str, Any] = json.loads(done.stdout)
    return verdict


def _tests(rows: Sequence[int], examples: int | None = None) -> dict[str, Any]:
    promises = [
        promise for promise in read_promises() if promise.tests and (not rows or promise.number in rows)
    ]
    wanted = sorted({test for promise in promises for test in promise.tests})
    with TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        words = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            f"--junitxml={report}",
            *wanted,
        ]
        more = {} if examples is None else {EXAMPLES: str(examples)}
        subprocess.run(words, cwd=ROOT, env={**os.environ, **more})
        counted = count_cases(report)
    return {
        str(promise.number): {
            **{
                outcome: sum(counted.get(test, Counter())[outcome] for test in promise.tests)
                for outcome in ("passed", "failed", "skipped")
            },
            **({} if examples is None else {"examples": examples}),
        }
        for promise in promises
    }


def _today() -> str:
    return datetime.datetime.now(datetime.UTC).date().isoformat()


def _commit(root: Path = ROOT) -> str:
    """Return the commit that figures are taken of; what an earlier part wrote here makes it no other."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True)
        return done.stdout.strip()

    written = [f":(exclude){path.relative_to(ROOT).as_posix()}" for path in (RESULTS, PAGE)]
    changed = git("status", "--porcelain", "--", ".", *written)
    return (git("rev-parse", "HEAD") or "unknown") + ("-dirty" if changed else "")


def _parse(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.promises", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "parts", nargs="*", choices=[*ALL_PARTS, []], help="by default corpus, kills and audit"
    )
    parser.add_argument("--full", action="store_true", help="everything, for hours")
    parser.add_argument("--count", type=int, help="kills (by default 12, with --full 300), or deaths (50)")
    parser.add_argument(
        "--verbs", type=lambda text: text.split(","), default=VERBS, help="to kill; by default all that write"
    )
    parser.add_argument("--seed", type=int, default=1, help="of kills, mutants and fuzzing")
    parser.add_argument("--sample", type=int, default=15, help="mutants per group")
    parser.add_argument(
        "--executions", type=int, default=100_000, help="inputs of the fuzzer for each format"
    )
    parser.add_argument(
        "--seconds", type=float, help="how long the fuzzer runs in all, instead of a number of inputs"
    )
    parser.add_argument("--examples", type=int, help="of each property; by default as many as in CI")
    parser.add_argument(
        "--rows",
        type=lambda text: [int(word) for word in text.split(",")],
        default=[],
        help="rows whose tests to run",
    )
    return parser.parse_args(words)


if __name__ == "__main__":
    main()
