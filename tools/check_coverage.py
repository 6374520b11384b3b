"""Hold branch coverage to its floors, room by room: `python tools/check_coverage.py coverage.json`."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path

FLOORS = {"volumes": 90.0, "cohorts": 90.0, "metrics": 90.0, "checkpoint": 90.0}
"""Per cent of lines and branches; these only rise."""

ELSEWHERE = 80.0


def room(file: str) -> str:
    """Name the room that a source file belongs to; nothing for a module that a test wrote."""
    _, _, inside = Path(file).as_posix().rpartition("src/transmodal/")
    return inside.partition("/")[0].removesuffix(".py") if inside != Path(file).as_posix() else ""


def main(report: Path) -> int:
    """Print each room's coverage and return 1 when one lies under its floor."""
    covered: dict[str, int] = defaultdict(int)
    total: dict[str, int] = defaultdict(int)
    for file, entry in json.loads(report.read_text())["files"].items():
        if not room(file):
            continue
        summary = entry["summary"]
        covered[room(file)] += summary["covered_lines"] + summary.get("covered_branches", 0)
        total[room(file)] += summary["num_statements"] + summary.get("num_branches", 0)
    low = False
    for name in sorted(total):
        if total[name] == 0:
            continue
        per_cent = 100 * covered[name] / total[name]
        floor = FLOORS.get(name, ELSEWHERE)
        low |= per_cent < floor
        sys.stdout.write(
            f"{name:14} {per_cent:5.1f} %  floor {floor:.0f} %{'  TOO LOW' if per_cent < floor else ''}\n"
        )
    return int(low)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
