"""Train and evaluate many translators under one protocol."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from transmodal.commands._clusters import Scheduler, working
from transmodal.commands._words import seed_numbers
from transmodal.progress import Progress

if TYPE_CHECKING:
    from transmodal.experiments.benchmark.run import Benchmark
    from transmodal.experiments.benchmark.suite import Suite

EXAMPLES = (
    "Examples:\n\ntransmodal benchmark --list\n\n"
    "transmodal benchmark atlas --cohort cohort -o benchmarks/atlas --workers 2\n\n"
    "transmodal benchmark atlas --cohort cohort -o benchmarks/atlas --only pix2pix --only resvit --seeds 1,2\n\n"
    "transmodal benchmark mine.yaml --cohort cohort -o benchmarks/mine"
)
SuiteName = Annotated[
    str | None, typer.Argument(help="Name of a suite that comes with transmodal, or a YAML file.")
]
Output = Annotated[Path | None, typer.Option("-o", "--output", help="Folder to write into, or to continue.")]
Workers = Annotated[
    int | None,
    typer.Option(min=1, help="Trainings at once; by default one per GPU, or per core without any."),
]
Seeds = Annotated[str | None, typer.Option(help="Seeds instead of the suite's, such as 1 or 1,2,3.")]
Only = Annotated[list[str] | None, typer.Option(help="Entry to run; can be given several times.")]
Listed = Annotated[bool, typer.Option("--list", help="List the suites and what each holds; train nothing.")]


def run(
    suite: SuiteName = None,
    cohort: Annotated[Path | None, typer.Option(help="Prepared cohort.")] = None,
    output: Output = None,
    workers: Workers = None,
    scheduler: Scheduler = "",
    seeds: Seeds = None,
    only: Only = None,
    listed: Listed = False,
) -> None:
    """Train and evaluate a suite of translators with several seeds; write one table per target beside the runs.

    Interrupted? The same command goes on; what is trained and scored is not done again. Every training takes one core.
    A model that an oracle beats, which learns nothing, is marked as not converged and is not ranked.
    """
    from transmodal.errors import UsageError
    from transmodal.experiments.benchmark.suite import LIBRARY, suite_of

    if listed:
        for name in [suite] if suite else LIBRARY.names():
            print("\n".join(_lines(suite_of(name))))
        return
    if suite is None or cohort is None or output is None:
        raise UsageError(
            "E001",
            "a benchmark without suite, --cohort or -o",
            "all three",
            "Name them, or list the suites with --list.",
        )
    from transmodal.commands._progress import bars
    from transmodal.experiments.benchmark.run import benchmark

    whole = suite_of(suite)
    part = whole.narrowed(only or (), seed_numbers(seeds))
    with working(scheduler, workers, _default_workers(), [cohort, output]) as n_processes, bars() as terminal:
        progress = _Logged(terminal)
        result = benchmark(part, cohort, output, whole=whole, workers=n_processes, progress=progress)
    _write(result, output)


class _Logged:
    """Progress that also says each count in a log, where there is no terminal: a log of hours tells how far it is."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def advance(self, stage: str, completed: int, total: int, note: str = "") -> None:
        """Show that `completed` of the `total` items of a stage are complete."""
        self._progress.advance(stage, completed, total, note)
        if completed < total and not sys.stderr.isatty():
            self._progress.say(f"{stage}: {completed}/{total} {note}".rstrip())

    def say(self, line: str) -> None:
        """Show a line."""
        self._progress.say(line)


def _write(result: Benchmark, output: Path) -> None:
    """Write the record and the tables, and print them.

    Raises:
        Exit: with status 1 where trainings failed.
    """
    from transmodal.evaluation.compare import table as compare_table
    from transmodal.experiments.benchmark import table
    from transmodal.storage import files

    files.write_json(output / "benchmark.json", dict(result.content))
    folders = table.write(result.comparisons, output)
    for comparison in result.comparisons.values():
        print(compare_table.markdown(comparison))
    print(f"Tables: {', '.join(map(str, folders))}\nFigures: {output / 'benchmark.json'}")
    if result.failures:
        (entry, seed), line = next(iter(result.failures.items()))
        print(f"{len(result.failures)} of the trainings failed, the first {entry} with seed {seed}: {line}")
        raise typer.Exit(1)


def _default_workers() -> int:
    """Return how many trainings run at once: one per GPU, or one per core where there is none."""
    import torch

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return torch.cuda.device_count() or cores or 1


def _lines(suite: Suite) -> list[str]:
    """Return the lines of a suite in the list."""
    lines = [
        f"{suite.name}: {suite.about}",
        f"  budget: {suite.budget}",
        f"  cohort: {suite.cohort}",
        f"  seeds: {', '.join(map(str, suite.seeds))}; ranked by {suite.metric}"
        f"{', beside ' + ', '.join(suite.metrics) if suite.metrics else ''}",
    ]
    for name, entry in suite.entries.items():
        task = suite.resolved(name, suite.seeds[0]).task
        lines.append(f"  {name:24} {' + '.join(task.source)} -> {task.target}   {entry.recipe}")
    return [*lines, ""]
