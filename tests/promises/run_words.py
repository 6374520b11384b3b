"""The words for figures of runs: cases of tests, kills, deaths, and inputs of the fuzzer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from promises.table import Promise
from promises.tasks import LOADERS, TRANSLATORS, Task

COUNTED = ("executions", "accepted", "agreed", "second_refused", "n_failures")
"""Numbers of a format's inputs that are added up over formats, and over runs."""
Sections = Mapping[str, Any]
"""What was measured, by sub-command: figures, with commit, date, versions, machine and seed."""


def tests_words(promise: Promise, sections: Sections) -> str:
    """Return how many cases of a row's tests passed."""
    counted = figures_of("tests", sections).get(str(promise.number))
    if counted is None:
        return ""
    failed = f", {counted['failed']} failed" if counted["failed"] else ""
    skipped = f", {counted['skipped']} skipped" if counted["skipped"] else ""
    examples = f", {counted['examples']} examples of each property" if "examples" in counted else ""
    return f"{counted['passed']} cases passed{failed}{skipped}{examples}"


def kills_words(_: Promise, sections: Sections) -> str:
    """Return what kills lost and left."""
    figures = figures_of("kills", sections)
    if not figures:
        return ""
    verbs = ", ".join(f"{verb} {n}" for verb, n in figures["by_verb"].items())
    runs = figures.get("runs", ())
    of_runs = ", ".join(f"{run['kills']} at {run['commit'][:10]}" for run in runs) if len(runs) > 1 else ""
    return (
        f"{figures['lost']} of {figures['kills']} kills lost something, {figures['partial_files']} left half a file, "
        f"{figures['leftovers']} left anything when the command had gone on; at most {figures['most_steps_lost']} step lost "
        f"({verbs}; {len(figures['by_translator'])} translators{f'; {of_runs}' if of_runs else ''})"
    )


def prepare_kills_words(promise: Promise, sections: Sections) -> str:
    """Return how many killed preparations went on as uninterrupted."""
    return _kills_of("prepare", "kills as uninterrupted", promise, sections)


def resumes_words(promise: Promise, sections: Sections) -> str:
    """Return how many killed trainings ended with equal hashes, and at how many instants at least."""
    figures = figures_of("kills", sections)
    outcome = "killed trainings with equal hashes"
    if figures:
        by_task = figures.get("by_task", {})
        least = [
            min(by_task.get(str(Task("train", translator, loaders)), 0) for translator in TRANSLATORS)
            for loaders in (0, LOADERS)
        ]
        outcome += (
            f", each of {len(TRANSLATORS)} translators killed at {least[0]} instants or more without, {least[1]} with loader "
            "processes"
        )
    return _kills_of("train", outcome, promise, sections)


def _kills_of(verb: str, outcome: str, promise: Promise, sections: Sections) -> str:
    """Return how many kills of a verb lost nothing, beside its tests."""
    figures = figures_of("kills", sections)
    tests = tests_words(promise, sections)
    if not figures:
        return tests
    n = figures["by_verb"].get(verb, 0)
    n_lost = sum(line.startswith(f"{verb} ") for line in figures["faults"])
    return "; ".join(part for part in (f"{n - n_lost} of {n} {outcome}", tests) if part)


def deaths_words(promise: Promise, sections: Sections) -> str:
    """Return how many deaths were named, and when."""
    figures = figures_of("deaths", sections)
    tests = tests_words(promise, sections)
    if not figures:
        return tests
    places = ", ".join(f"{place} {held}" for place, held in figures["by_place"].items())
    return "; ".join(
        part
        for part in (
            f"{figures['named']} of {figures['deaths']} deaths named with their cause within 30 s, the last after "
            f"{figures['slowest_s']:.0f} s; {figures['ended']} of the commands came to an end by themselves ({places})",
            tests,
        )
        if part
    )


def fuzz_words(_: Promise, sections: Sections) -> str:
    """Return how many inputs were tried, and what came of them."""
    figures = figures_of("fuzz", sections)
    by_format = {name: tally for name, tally in figures.items() if name != "runs"}
    if not by_format:
        return ""
    seeds = len(figures.get("runs", ()))
    total = {key: sum(tally[key] for tally in by_format.values()) for key in COUNTED}
    inputs = ", ".join(f"{name} {tally['executions']}" for name, tally in by_format.items())
    return (
        f"{total['executions']} inputs{f' of {seeds} seeds' if seeds > 1 else ''} ({inputs}): {total['n_failures']} foreign exceptions, hangs or readings that differ; of "
        f"{total['accepted']} that were read a second reading by other means agreed on {total['agreed']} and refused "
        f"{total['second_refused']}"
    )


def figures_of(name: str, sections: Sections) -> dict[str, Any]:
    """Return the figures of a part; none where it was not measured."""
    figures: dict[str, Any] = sections[name]["figures"] if name in sections else {}
    return figures
