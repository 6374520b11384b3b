"""Prepare a cohort."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from transmodal.commands._clusters import Scheduler, Workers, working
from transmodal.commands._groups import grouped
from transmodal.commands._layout_help import LayoutCommand
from transmodal.commands._prepare_words import PrepareWords
from transmodal.commands._preparing import find_cases, log_left_aside, write_cohort
from transmodal.commands._reading import ReadingWords
from transmodal.commands._splitting import describe_sizes
from transmodal.counts import counted

if TYPE_CHECKING:
    from transmodal.cohorts.case import CaseMaker
    from transmodal.cohorts.layouts import FolderContents

COMMAND = LayoutCommand
EXAMPLES = (
    "Examples:\n\ntransmodal prepare folders subjects -o cohort --for t1-to-fa-small --split 8:1:1\n\n"
    "transmodal prepare brats ASNR-MICCAI-BraTS2023-GLI-Challenge-TrainingData --dry-run\n\n"
    "transmodal prepare ixi IXI -o cohort --with onto=t1 --split syndiff --keep-going\n\n"
    "transmodal prepare folders subjects -o cohort --scheduler tcp://10.0.0.1:8786          (a dask cluster)\n\n"
    "transmodal prepare ixi --help          (what the layout expects on the disk, and its keys)"
)


Layout = Annotated[
    str,
    typer.Argument(help="How the data lie, such as folders; the layouts are listed below."),
]
Folder = Annotated[Path, typer.Argument(help="Folder of the data.")]
Output = Annotated[
    Path | None, typer.Option("-o", "--output", help="Cohort folder to write, or to continue.")
]
Settings = Annotated[
    Sequence[str],
    typer.Option(
        "--with",
        help="KEY=VALUE for the layout, such as onto=t1; may be repeated. `transmodal prepare LAYOUT --help` lists "
        "the keys.",
    ),
]
Subjects = Annotated[
    Sequence[str],
    typer.Option(
        help="Subjects to take, as names of cases or patients, such as a,b; may be repeated. All by default."
    ),
]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Read all, say what was found and what is wrong, write nothing."),
]
Key = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Also write whose each pseudonymous case is, as CSV, for the owner of the data; of DICOM, with or without "
        "--dry-run.",
    ),
]
AsJson = Annotated[
    bool,
    typer.Option("--json", help="Print one JSON object instead: the cohort, its sizes, what to look at."),
]


@grouped
def run(
    layout: Layout,
    folder: Folder,
    output: Output = None,
    settings: Settings = (),
    subjects: Subjects = (),
    dry_run: DryRun = False,
    key: Key = None,
    *,
    words: PrepareWords,
    workers: Workers = None,
    scheduler: Scheduler = "",
    reading: ReadingWords,
    as_json: AsJson = False,
) -> None:
    """Turn images into a prepared cohort: checked, oriented, hashed, memory-mapped, split by patient.

    Preparing twice does nothing; preparing after an interruption goes on.
    """
    contents = find_cases(layout, folder, settings, subjects, reading.reading())
    _write_key(contents, layout, key, output)
    with working(scheduler, workers, 2, [folder, output]) as n_processes:
        if dry_run:
            raise typer.Exit(_survey(contents, words, n_processes))
        _prepare(contents, output, words, n_processes, as_json=as_json)


def _prepare(
    contents: FolderContents[CaseMaker],
    output: Path | None,
    words: PrepareWords,
    workers: int,
    *,
    as_json: bool,
) -> None:
    """Prepare the cohort, draw its page, and print what to know of it."""
    import json

    from transmodal.cohorts.prepare.remarks import cohort_lines, summarise
    from transmodal.commands._progress import bars
    from transmodal.errors import UsageError

    log_left_aside(contents)
    if output is None:
        raise UsageError("E001", "no -o", "-o COHORT, a folder to write", "Name it, or say --dry-run.")
    with bars() as progress:
        cohort, page = write_cohort(contents, output, words, workers, progress)
    if as_json:
        print(json.dumps({**summarise(cohort), "page": None if page is None else str(page)}, indent=1))
        return
    print(
        f"{output}: {counted(len(cohort.cases()), 'case')} with {', '.join(cohort.modalities)}; {describe_sizes(cohort)}"
    )
    for line in cohort_lines(cohort):
        print(line)
    if page is not None:
        print(f"every pair is shown in {page}")


def _survey(contents: FolderContents[CaseMaker], words: PrepareWords, workers: int) -> int:
    """Print the survey of the cases; return the exit status, 3 where something is wrong."""
    from transmodal.cohorts.prepare.remarks import has_faults, survey_lines
    from transmodal.cohorts.prepare.survey import survey
    from transmodal.commands._computing import parse_intensities
    from transmodal.commands._progress import bars
    from transmodal.progress import report_stage

    maps = parse_intensities(words.intensity)
    with bars() as progress:
        surveys = survey(
            contents.cases, intensity=maps, progress=report_stage(progress, "look"), workers=workers
        )
    for line in survey_lines(surveys, contents.left_out, contents.ignored):
        print(line)
    return 3 if has_faults(surveys, strict_pairs=words.strict_pairs) else 0


def _write_key(
    contents: FolderContents[CaseMaker], layout: str, path: Path | None, output: Path | None
) -> None:
    """Write whose the cases are into a file that its owner alone can read, where one is named."""
    from transmodal.cohorts.prepare import key_file
    from transmodal.errors import UsageError

    if path is None:
        return
    if not contents.key:
        raise UsageError(
            "E004",
            f"--key with the layout {layout}",
            "dicom, whose cases are called by pseudonyms",
            "Leave it out.",
        )
    key_file.write(contents.key, path, output)
    print(
        f"{path}: whose the {len({row['case'] for row in contents.key})} cases are. Keep it apart from the cohort."
    )
