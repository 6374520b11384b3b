"""The page of promises: each row with the figure that was measured, or the words that none was."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from promises.run_words import (
    Sections,
    deaths_words,
    figures_of,
    fuzz_words,
    kills_words,
    prepare_kills_words,
    resumes_words,
    tests_words,
)
from promises.table import ROOT, Promise, is_there, read_promises

RESULTS = ROOT / "docs" / "results" / "checks" / "promises.json"
PAGE = ROOT / "docs" / "promises.md"
NOT_MEASURED = "not measured yet"
HEAD = """\
# Promises

What a user may rely on, the target by which each promise counts as kept, the figure that was last measured, what others do, and
[the tests](#what-holds-them) that hold it in CI. The page is written from `tests/promises/promises.yaml` and
`docs/results/checks/promises.json` by `python tools/write_promises.py`; a figure that nobody measured is not there.

```bash
python -m tests.promises                 # the corpus, 12 kills, the audit: minutes
python -m tests.promises tests --rows 3,6,7   # the tests of some rows
python -m tests.promises --full          # all tests of all rows, 300 kills, 50 deaths, fuzzing, mutants: hours
```

*Passed* counts the cases of the named tests that passed in the last run of that row. *Measured here* marks figures of other
software that were taken in the same run as ours, on the same files; all others carry their source.
"""


def read_sections(path: Path = RESULTS) -> Sections:
    """Return what was measured; nothing where nothing was."""
    sections: Sections = json.loads(path.read_text(encoding="utf-8"))["sections"] if path.is_file() else {}
    return sections


def page(sections: Sections) -> str:
    """Return the text of the page."""
    lines = [HEAD, "| # | promise | target | our figure | others |", "|---|---|---|---|---|"]
    lines += [_row(promise, sections) for promise in read_promises()]
    lines += [
        "",
        "## What holds them",
        "Files of `tests/`, and the tests in them.",
        "",
        "| # | tests |",
        "|---|---|",
    ]
    lines += [f"| {promise.number} | {_tests(promise)} |" for promise in read_promises() if promise.tests]
    lines += [
        "",
        "## How the figures were taken",
        "| what | when | commit | machine | versions | seed |",
        "|---|---|---|---|---|---|",
    ]
    lines += [_origin(name, section) for name, section in sections.items()]
    return "\n".join(lines) + "\n"


def figure_of(promise: Promise, sections: Sections) -> str:
    """Return the words for a row's figure: what was measured, then what is missing."""
    if promise.state == "service":
        return f"applies with the service: {promise.gap}"
    measured = FIGURES[promise.figure](promise, sections) if promise.figure else ""
    parts = [measured or NOT_MEASURED]
    if promise.state == "not met" or promise.gap:
        parts.append(f"not met in full: {promise.gap}")
    return "; ".join(parts)


def _row(promise: Promise, sections: Sections) -> str:
    peers = "; ".join(part for part in (_measured_peers(promise, sections), promise.peers) if part)
    cells = (
        str(promise.number),
        promise.promise,
        promise.target,
        figure_of(promise, sections),
        peers or "-",
    )
    return f"| {' | '.join(cells)} |"


def _tests(promise: Promise) -> str:
    """Return the tests of a row, by the file that they are in."""
    named: dict[str, list[str]] = {}
    for test in promise.tests:
        path, _, name = test.removeprefix("tests/").partition("::")
        named.setdefault(path, []).append(name.replace("::", " "))
    return "<br>".join(
        f"`{path}`: {', '.join(f'`{name}`' for name in names if name)}".removesuffix(": ")
        for path, names in named.items()
    )


def _origin(name: str, section: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{key} {value}" for key, value in section["versions"].items())
    cells = (
        name,
        section["date"],
        section["commit"][:10],
        section["machine"],
        versions,
        str(section.get("seed", "-")),
    )
    return f"| {' | '.join(cells)} |"


def _corpus(_: Promise, sections: Sections) -> str:
    figures = figures_of("corpus", sections)
    if not figures:
        return ""
    entries, wrong = figures["entries"], figures["ours_unexpected"]
    n = entries["faulty"] + entries["valid"]
    short = " (fewer than the target)" if entries["faulty"] < 250 or entries["valid"] < 60 else ""
    return f"{n - len(wrong)} of {n} verdicts right: {entries['faulty']} faulty and {entries['valid']} valid files{short}"


def _damaged_bytes(promise: Promise, sections: Sections) -> str:
    figures = figures_of("corpus", sections)
    parts = [tests_words(promise, sections)]
    if figures:
        ours = figures["refused_or_right"]["transmodal"]
        n_silent = ours["faulty_given"] - ours["faulty_judged_rightly"] - ours["faulty_read_right"]
        parts.append(f"{n_silent} of {ours['faulty_given']} faulty files of the corpus taken silently")
    return "; ".join(part for part in parts if part)


def _measured_peers(promise: Promise, sections: Sections) -> str:
    figures = figures_of("corpus", sections)
    if promise.number not in (1, 2) or not figures:
        return ""
    parts = []
    for reader, counted in figures["refused_or_right"].items():
        if reader != "transmodal" and promise.number == 1:
            n_stuck = counted.get("faulty_stuck", 0)
            n_silent = (
                counted["faulty_given"]
                - counted["faulty_judged_rightly"]
                - counted["faulty_read_right"]
                - n_stuck
            )
            stuck = f" and never came back from {n_stuck}" if n_stuck else ""
            parts.append(f"{reader} took {n_silent} of {counted['faulty_given']}{stuck}")
        elif reader != "transmodal":
            n = counted["faulty_given"] + counted["valid_given"]
            right = (
                counted["faulty_judged_rightly"]
                + counted["faulty_read_right"]
                + counted["valid_judged_rightly"]
            )
            parts.append(f"{reader} {right} of {n}")
    return f"measured here: {', '.join(parts)}" if parts else ""


def _mutation(_: Promise, sections: Sections) -> str:
    figures = figures_of("mutation", sections)
    if not figures:
        return ""
    groups = ", ".join(
        f"{name} {group['killed']} of {group['mutants']}" for name, group in figures["groups"].items()
    )
    low, high = figures["interval"]
    slow = f", {figures['slow']} of them by never ending" if figures.get("slow") else ""
    return (
        f"{figures['killed']} of {figures['mutants']} in a random sample of {figures['population']} killed "
        f"({100 * figures['killed'] / figures['mutants']:.0f} %, 95 % interval {100 * low:.0f} to {100 * high:.0f} %){slow}: {groups}"
    )


def _audit(_: Promise, sections: Sections) -> str:
    figures = figures_of("audit", sections)
    if not figures:
        return ""
    if figures["status"] == "not run":
        return f"advisories not looked up: {figures['reason']}"
    return f"{len(figures['open'])} open advisories in {figures['n_packages']} packages, {len(figures['excused'])} accepted"


def _copies(promise: Promise, _: Sections) -> str:
    content = _check("near-duplicates")
    parts = [
        f"{one['found']} of {one['planted']} planted copies among {one['subjects']} subjects at {name}, "
        f"{one['false_pairs']} false alarms"
        for name, one in sorted(content["sets"].items())
    ]
    return "; ".join(parts)


def _pairs(_: Promise, __: Sections) -> str:
    content = _check("bad-pairs")["bad pairs"]
    return "shifts of 8 mm: " + ", ".join(
        f"{one['found']['shift 8 mm']} of {one['subjects']} ({name})" for name, one in content.items()
    )


def _traces(_: Promise, __: Sections) -> str:
    rows = [promise for promise in read_promises() if promise.state != "service"]
    held = [promise for promise in rows if promise.tests and all(map(is_there, promise.tests))]
    later = len(read_promises()) - len(rows)
    return f"{len(held)} of {len(rows)}; {later} apply with the service"


def _check(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((RESULTS.parent / f"{name}.json").read_text(encoding="utf-8"))
    return content


FIGURES: Mapping[str, Callable[[Promise, Sections], str]] = {
    "tests": tests_words,
    "corpus": _corpus,
    "damaged_bytes": _damaged_bytes,
    "kills": kills_words,
    "prepare_kills": prepare_kills_words,
    "resumes": resumes_words,
    "deaths": deaths_words,
    "fuzz": fuzz_words,
    "mutation": _mutation,
    "audit": _audit,
    "copies": _copies,
    "pairs": _pairs,
    "traces": _traces,
}
