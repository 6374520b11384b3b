"""Preparing in the words of the command line, for the command and for Python."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from transmodal.commands._computing import parse_intensities, parse_regions
from transmodal.commands._prepare_words import CohortSplitWords, PrepareWords
from transmodal.commands._reading import ReadingWords
from transmodal.commands._splitting import parse_copies, parse_split
from transmodal.commands._words import path_of
from transmodal.progress import Progress, report_stage
from transmodal.storage import memory

if TYPE_CHECKING:
    from transmodal.cohorts.case import CaseMaker
    from transmodal.cohorts.layouts import FolderContents
    from transmodal.cohorts.options import PrepareOptions
    from transmodal.cohorts.store import Cohort
    from transmodal.volumes.reading import Reading


def prepare(
    layout: str,
    folder: str | Path,
    output: str | Path,
    *,
    options: Mapping[str, str] | Sequence[str] = (),
    subjects: Sequence[str] = (),
    labels: str | Path | None = None,
    recipes: Sequence[str] = (),
    region: Sequence[str] = (),
    intensity: Sequence[str] = (),
    split: str = "8:1:1",
    counts: str = "",
    fold: str = "",
    test_group: str = "",
    seed: int = 2024,
    groups: Sequence[str | Path] = (),
    group_by: str = "",
    same_patient: Sequence[str] = (),
    copies: str = "refuse",
    nonfinite: Literal["refuse", "zero"] = "refuse",
    orientation_from: Literal["sform", "qform"] | None = None,
    assume_orientation: str | None = None,
    frame: int | None = None,
    keep_going: bool = False,
    strict_pairs: bool = False,
    mark_key: str | Path | None = None,
    viewer: bool = False,
    workers: int = 1,
    scheduler: str = "",
    progress: Progress | None = None,
) -> Cohort:
    """Turn images into a prepared cohort, as `transmodal prepare` does; its page `cohort.html` is written too.

    Args:
        layout: how the data lie, such as `folders` or `synthrad`.
        folder: of the data.
        output: the cohort's folder, to write or to continue.
        options: the layout's own (`--with`), by key or as words `key=value`.
        subjects: those to take, by name; all by default.
        labels: table of the segmentation's labels and their names.
        recipes: whose masks to compute (`--for`).
        region: masks to compute, such as `t1=brain`.
        intensity: intensity maps, such as `ct=window:-1000:2000`.
        split: shares of training, validation and test, a way that papers split, or a `split.json`.
        counts: counts instead of shares, such as `12:2:4`.
        fold: one of several folds to test, such as `0/5`.
        test_group: group to test, such as `site Guys`.
        seed: of the split.
        groups: tables of what keeps patients together.
        group_by: their column.
        same_patient: `A=B` for cases or patients that are one.
        copies: what is done about copies of an image on two sides: `refuse`, `warn` or `ignore`.
        nonfinite: what becomes of voxels that are NaN or infinite.
        orientation_from: where sform and qform disagree: which to believe.
        assume_orientation: where a file does not say how it lies: such as `RAS`.
        frame: of a series of volumes, from 0.
        keep_going: leave out cases that fail.
        strict_pairs: take a case whose contrasts do not seem to lie on one another for one that fails.
        mark_key: file of the key that marks the patients, to share with other cohorts; made where it is not there.
        viewer: also write a page per case beside `cohort.html` that shows its volumes.
        workers: processes; more than one needs `if __name__ == "__main__":` in a script.
        scheduler: of a dask cluster whose workers do the work instead, as `cluster.crew.working_on` takes it.
        progress: shows how far the work is.

    Raises:
        TransmodalError: as the command's error line says.
    """
    from transmodal.cluster.crew import working_on

    reading = ReadingWords(nonfinite, orientation_from, assume_orientation, frame).reading()
    contents = find_cases(layout, Path(folder), options, subjects, reading)
    log_left_aside(contents)
    tables = [Path(table) for table in groups]
    sides = CohortSplitWords(split, counts, fold, test_group, seed, tables, group_by, same_patient, copies)
    key, names = path_of(mark_key), path_of(labels)
    words = PrepareWords(key, region, recipes, intensity, names, sides, keep_going, strict_pairs, viewer)
    with working_on(scheduler, [Path(folder), Path(output)]):
        return write_cohort(contents, Path(output), words, workers, progress).cohort


class WrittenCohort(NamedTuple):
    """A prepared cohort and the page that shows its pairs; None where it could not be drawn."""

    cohort: Cohort
    page: Path | None


def find_cases(
    layout: str,
    folder: Path,
    settings: Mapping[str, str] | Sequence[str],
    subjects: Sequence[str],
    reading: Reading,
) -> FolderContents[CaseMaker]:
    """Return the cases of a folder.

    Args:
        layout: how the data lie.
        folder: of the data.
        settings: the layout's own, by key or as words such as `onto=t1`.
        subjects: names of cases or patients, divided by commas or in words of their own; all where there is none.
        reading: how image files are read where they leave something open.

    Raises:
        TransmodalError: as `cohorts.layouts.find` and `cohorts.layouts.select_subjects`.
    """
    from transmodal.cohorts import layouts

    words = (
        [f"{key}={value}" for key, value in settings.items()] if isinstance(settings, Mapping) else settings
    )
    names = [name.strip() for word in subjects for name in word.split(",") if name.strip()]
    return layouts.select_subjects(layouts.find(layout, folder, words, reading), names)


def write_cohort(
    contents: FolderContents[CaseMaker],
    output: Path,
    words: PrepareWords,
    workers: int,
    progress: Progress | None,
) -> WrittenCohort:
    """Prepare the cases of a layout and draw the page of their pairs; arguments and errors as `prepare_contents`."""
    from transmodal.evaluation.cohort_report.draw import draw_page
    from transmodal.viewing import niivue

    if words.has_viewer:
        niivue.check()
    cohort = prepare_contents(contents, output, words, workers, progress)
    return WrittenCohort(cohort, draw_page(cohort, workers, progress, has_viewer=words.has_viewer))


@memory.guarded("cases were prepared", "Free memory, or give fewer --workers.")
def prepare_contents(
    contents: FolderContents[CaseMaker],
    output: Path,
    words: PrepareWords,
    workers: int,
    progress: Progress | None,
) -> Cohort:
    """Prepare the cases of a layout.

    Args:
        contents: of the folder.
        output: the cohort's folder.
        words: what to compute and how to split.
        workers: processes.
        progress: shows each case; None shows nothing.

    Raises:
        TransmodalError: for words that cannot be read, and as `cohorts.prepare.prepare.prepare`.
    """
    from transmodal.cohorts.prepare.division import Division, divide
    from transmodal.cohorts.prepare.prepare import prepare

    split = words.split
    relations = split.relations()
    division = divide(
        Division(contents.cases, contents.sides, contents.within_subject),
        split.split,
        has_test=split.has_test,
    )
    return prepare(
        division.cases,
        output,
        _parse_options(words, division.cases, contents.labels),
        sides=division.sides,
        within_subject=division.within_subject,
        relations=relations,
        mark_key=words.mark_key,
        progress=report_stage(progress, "prepare"),
        workers=workers,
    )


def log_left_aside(contents: FolderContents[CaseMaker]) -> None:
    """Log what a layout ignores and leaves out."""
    log = logging.getLogger(__name__)
    for line in contents.ignored:
        log.warning("ignored: %s", line)
    for line in contents.left_out:
        log.warning("left out: %s", line)


def _parse_options(
    words: PrepareWords, cases: Sequence[CaseMaker], labels: Mapping[int, str]
) -> PrepareOptions:
    """Return the options of a preparation; `labels` are those that the layout names."""
    from transmodal.cohorts import label_names
    from transmodal.cohorts.case import NamesModalities
    from transmodal.cohorts.options import PrepareOptions
    from transmodal.cohorts.prepare.division import is_named_split

    contents = [case.modalities for case in cases if isinstance(case, NamesModalities)]
    options = PrepareOptions(
        regions=parse_regions(words.regions, words.recipes, contents),
        intensity=parse_intensities(words.intensity),
        labels=label_names.read(words.labels) if words.labels is not None else dict(labels),
        copies=parse_copies(words.split.copies),
        keep_going=words.keep_going,
        strict_pairs=words.strict_pairs,
    )
    shares = "8:1:1" if is_named_split(words.split.split) else words.split.split
    return options.with_split(parse_split(words.split, shares))
