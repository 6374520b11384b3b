"""Hold the pinned packages against the advisories that pip-audit knows.

`tools/audit_allow.yaml` lists advisories that are accepted for a time, each with a reason and a last day; beyond that
day the entry fails. Where no advisories can be had, the tool says so and passes nothing off as clean.

    python tools/audit.py                  # asks PyPI about constraints.txt
    python tools/audit.py report.json      # judges what `pip-audit --format json` wrote
    python tools/audit.py --json           # the verdict as one object
"""

from __future__ import annotations

import argparse
import datetime
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

ROOT = Path(__file__).parents[1]
ALLOWED = ROOT / "tools" / "audit_allow.yaml"
PINS = ROOT / "constraints.txt"
NOT_RUN = "not run"


class Excuse(NamedTuple):
    """An advisory that is accepted for a time.

    Attributes:
        id: of the advisory, or one of its aliases, such as a CVE number.
        reason: why it does no harm here.
        until: the last day on which it is accepted.
    """

    id: str
    reason: str
    until: datetime.date


class Verdict(NamedTuple):
    """What an audit came to.

    Attributes:
        status: `passed`, `failed` or `not run`.
        n_packages: that advisories were looked up for.
        open: lines about advisories that nothing excuses.
        excused: lines about advisories that are accepted today.
        faults: lines about the list of excuses: entries that are over, or that excuse nothing any more.
        reason: why it was not run.
    """

    status: str
    n_packages: int
    open: list[str]
    excused: list[str]
    faults: list[str]
    reason: str = ""


def read_allowed(path: Path = ALLOWED) -> list[Excuse]:
    """Read the list of accepted advisories.

    Raises:
        SystemExit: for an entry without an id, a reason or a date.
    """
    excuses = []
    for entry in yaml.safe_load(path.read_text(encoding="utf-8")) or []:
        if not isinstance(entry, dict) or set(entry) != {"id", "reason", "until"}:
            raise SystemExit(f"{path.name}: {entry} is not made of id, reason and until")
        if not str(entry["reason"]).strip() or type(entry["until"]) is not datetime.date:
            raise SystemExit(f"{path.name}: {entry['id']} needs a reason, and a date such as 2027-01-31")
        excuses.append(Excuse(**entry))
    return excuses


def judge(
    report: Mapping[str, Any], excuses: Sequence[Excuse], today: datetime.date, direct: Iterable[str]
) -> Verdict:
    """Judge a report of pip-audit.

    Args:
        report: the content of its JSON.
        excuses: advisories that are accepted.
        today: the day of the audit.
        direct: names of the packages that the project asks for itself: where nothing is known of one of them, the audit
            counts as not run. pip-audit itself passes packages that its index does not know.
    """
    looked_up = [package for package in report["dependencies"] if "vulns" in package]
    names = {canonical(package["name"]) for package in looked_up}
    missing = sorted({canonical(name) for name in direct} - names)
    over = [one for one in excuses if one.until < today]
    valid = {one.id: one for one in excuses if one.until >= today}
    faults = [f"{one.id} was accepted until {one.until}: {one.reason}" for one in over]
    open_lines, excused, used = [], [], set()
    for package in looked_up:
        for found in package["vulns"]:
            match = next((name for name in (found["id"], *found.get("aliases", ())) if name in valid), None)
            fixed = ", ".join(found.get("fix_versions", ())) or "no version"
            line = f"{package['name']} {package['version']}: {found['id']}, mended in {fixed}"
            if match is None:
                open_lines.append(line)
            else:
                used.add(match)
                excused.append(f"{line}; accepted until {valid[match].until}: {valid[match].reason}")
    if not missing:
        faults += [f"{name} excuses nothing any more" for name in valid if name not in used]
    if open_lines or faults:
        return Verdict("failed", len(names), open_lines, excused, faults)
    if missing:
        why = f"the index knows no advisories for {len(missing)} direct dependencies, such as {missing[0]}"
        return Verdict(NOT_RUN, len(names), [], excused, [], why)
    return Verdict("passed", len(names), [], excused, [])


def judge_without_report(reason: str, excuses: Sequence[Excuse], today: datetime.date) -> Verdict:
    """Return the verdict where no report could be had; excuses that are over fail all the same."""
    faults = [
        f"{one.id} was accepted until {one.until}: {one.reason}" for one in excuses if one.until < today
    ]
    return Verdict("failed" if faults else NOT_RUN, 0, [], [], faults, reason)


def direct_dependencies() -> list[str]:
    """Return the names of the packages that the package and its extras ask for; tests and docs are no part of it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [
        extra for extra in project["optional-dependencies"] if extra not in ("test", "docs", "audit", "tools")
    ]
    wanted = project["dependencies"] + [
        one for extra in extras for one in project["optional-dependencies"][extra]
    ]
    return [re.split(r"[<>=\[!~ ;]", one)[0] for one in wanted]


def canonical(name: str) -> str:
    """Return a package's name as indices compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def ask() -> tuple[dict[str, Any] | None, str]:
    """Run pip-audit on the pinned versions; return its report, or none and why."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        words = [
            sys.executable,
            "-m",
            "pip_audit",
            "-r",
            str(PINS),
            "--no-deps",
            "--disable-pip",
            "--format",
            "json",
        ]
        try:
            done = subprocess.run(
                [*words, "--progress-spinner", "off", "--timeout", "20", "--output", str(report)],
                capture_output=True,
                text=True,
                timeout=300,
            )
        except subprocess.TimeoutExpired:
            return None, "no network: pip-audit had no answer in 300 s"
        if report.is_file() and report.stat().st_size:
            content: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
            return content, ""
    if "No module named pip_audit" in done.stderr:
        return None, "pip-audit is not installed (pip install -e '.[audit]')"
    last = done.stderr.strip().splitlines()[-1:] or ["pip-audit wrote no report"]
    is_offline = re.search(r"ConnectionError|NameResolution|Max retries|timed out|ProxyError", done.stderr)
    return None, "no network" if is_offline else last[0][:200]


def main(words: Sequence[str] | None = None) -> int:
    """Judge, show the verdict, and return 1 where it failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument(
        "report", nargs="?", type=Path, help="JSON of pip-audit; without it, pip-audit is run"
    )
    parser.add_argument("--json", action="store_true", help="print the verdict as one object")
    given = parser.parse_args(words)
    excuses, today = read_allowed(), datetime.datetime.now(datetime.UTC).date()
    report, reason = (json.loads(given.report.read_text(encoding="utf-8")), "") if given.report else ask()
    if report is None:
        verdict = judge_without_report(reason, excuses, today)
    else:
        verdict = judge(report, excuses, today, direct_dependencies())
    if given.json:
        print(json.dumps(verdict._asdict(), indent=1))
    else:
        for line in (*verdict.open, *verdict.faults, *verdict.excused):
            print(line)
        print(f"audit {verdict.status}: {verdict.reason or f'{verdict.n_packages} packages looked up'}")
    return int(verdict.status == "failed")


if __name__ == "__main__":
    raise SystemExit(main())
