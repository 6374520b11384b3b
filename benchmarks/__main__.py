"""Run every bench_*.py of this folder, each in a process of its own, and print the table.

python -m benchmarks                       # all of them, at full size
python -m benchmarks ssim metrics          # some
python -m benchmarks --smoke               # small sizes: seconds, as CI runs them; their ratios mean nothing
python -m benchmarks --record              # keeps the figures for docs/performance.md, and writes the page
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.page import PAGE, RECORD, read_record, rows, table, write_page
from benchmarks.place import describe_place

FOLDER = Path(__file__).parent
PREFIX = "bench_"


def main() -> int:
    names = [path.stem.removeprefix(PREFIX) for path in sorted(FOLDER.glob(f"{PREFIX}*.py"))]
    words = read_words(names)
    record = read_record() if words.record else {}
    failures = []
    for name, entry in run_all(words.names or names, smoke=words.smoke):
        if "missing" in entry:
            print(f"{name}: not run, {entry['missing']} is not installed", file=sys.stderr)
            continue
        if entry["status"]:
            failures.append(name)
        record[name] = entry
        if words.record:
            RECORD.parent.mkdir(parents=True, exist_ok=True)
            RECORD.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    print("\n".join(table(rows({name: record[name] for name in record if name in (words.names or names)}))))
    if words.record:
        write_page()
        print(f"Record: {RECORD}\nPage: {PAGE}")
    for name in failures:
        print(f"{name} failed: its own check does not hold, or it stopped", file=sys.stderr)
    return int(bool(failures))


def read_words(names: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which: {', '.join(names)}; all by default")
    parser.add_argument("--smoke", action="store_true", help="small sizes, few rounds")
    parser.add_argument("--record", action="store_true", help="write the record and docs/performance.md")
    words = parser.parse_args()
    unknown = sorted(set(words.names) - set(names))
    if unknown:
        parser.error(f"no benchmark {unknown[0]}: choose among {', '.join(names)}")
    if words.smoke and words.record:
        parser.error("figures of a smoke run are none: leave out --smoke or --record")
    return words


def run_all(names: Sequence[str], *, smoke: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """Run files and yield their entries: one at a time, since figures need a quiet machine, which those of a smoke run do not."""
    if not smoke:
        yield from ((name, run(name, smoke=False)) for name in names)
        return
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from zip(names, pool.map(partial(run, smoke=True), names), strict=True)


def run(name: str, *, smoke: bool) -> dict[str, Any]:
    """Run a file; return its status, its lines, the machine's ceilings meanwhile, and where and when it ran.

    A file whose peer is not installed says so by an import that fails: the entry then has `missing` and nothing else.
    """
    print(f"{name} ...", file=sys.stderr, flush=True)
    origin, start = describe_place(), time.perf_counter()
    ceilings = {} if smoke else json.loads(call("ceilings.py").stdout)["ceilings"]
    process = call(f"{PREFIX}{name}.py", *(["--smoke"] if smoke else []))
    missing = missing_package(process.stderr)
    if process.returncode and missing:
        return {"missing": missing}
    sys.stderr.write(process.stderr)
    lines = [json.loads(line) for line in process.stdout.splitlines() if line.startswith("{")]
    return {
        "status": process.returncode,
        "lines": [line for line in lines if "benchmark" in line],
        "ceilings": ceilings,
        "origin": {**origin, "load_after": load(), "seconds": round(time.perf_counter() - start)},
    }


def call(file: str, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(FOLDER / file), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


def missing_package(errors: str) -> str:
    """Return the package that is not there, where that is what stopped a file and the package is a peer."""
    last = errors.strip().splitlines()[-1] if errors.strip() else ""
    module = last.partition("No module named ")[2].strip("'\"").split(".")[0]
    return module if last.startswith("ModuleNotFoundError") and module != "transmodal" else ""


def load() -> float:
    return round(os.getloadavg()[0], 1)


if __name__ == "__main__":
    sys.exit(main())
