"""Preparing in the words of the command line, for the command and for Python."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from transmodal.commands._splitting import asked, relations, sides_of
from transmodal.progress import Progress, Silent

if TYPE_CHECKING:
    from transmodal.cohorts.case import CaseMaker
    from transmodal.cohorts.layouts import FolderContents
    from transmodal.cohorts.store import Cohort
    from transmodal.volumes.intensity import IntensitySpec

Kind = Literal["whole", "body", "brain", "around_brain"]


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
    workers: int = 1,
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
        workers: processes; more than one needs `if __name__ == "__main__":` in a script.
        progress: told how far it is.

    Raises:
        TransmodalError: as the command's error line says.
    """
    from transmodal.cohorts import layouts
    from transmodal.volumes.reading import Reading

    words = [f"{key}={value}" for key, value in options.items()] if isinstance(options, Mapping) else options
    reading = Reading(nonfinite, orientation_from, assume_orientation, frame)
    found = layouts.select_subjects(
        layouts.find(layout, Path(folder), list(words), reading), listed(list(subjects))
    )
    say(found)
    tables = [Path(table) for table in groups]
    cohort = prepared(
        found,
        Path(output),
        Masks(list(region), list(recipes)),
        list(intensity),
        Splitting(split, counts, fold, test_group, seed, tables, group_by, list(same_patient), copies),
        labels=None if labels is None else Path(labels),
        keep_going=keep_going,
        strict_pairs=strict_pairs,
        workers=workers,
        progress=progress,
    )
    draw(cohort, workers, progress)
    return cohort


class Masks(NamedTuple):
    """Which masks are computed: regions in words, and recipes that need some."""

    region: list[str]
    recipes: list[str]


class Splitting(NamedTuple):
    """How a cohort is split, in the words of the command line."""

    split: str
    counts: str
    fold: str
    test_group: str
    seed: int
    groups: list[Path]
    group_by: str
    same_patient: list[str]
    copies: str


def prepared(
    found: FolderContents[CaseMaker],
    output: Path,
    masks: Masks,
    intensity: list[str],
    splitting: Splitting,
    *,
    labels: Path | None,
    keep_going: bool,
    strict_pairs: bool,
    workers: int,
    progress: Progress | None,
) -> Cohort:
    """Prepare what was found in a layout."""
    from transmodal.cohorts import label_names
    from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
    from transmodal.cohorts.split.split import COMMUNITY, sides_in_order

    split = splitting.split
    related = relations(splitting.same_patient, splitting.groups, splitting.group_by)
    cases, sides = found.cases, {} if splitting.fold or splitting.test_group else found.sides
    shares = "8:1:1" if split in COMMUNITY or split.endswith(".json") else split
    if split.endswith(".json"):
        sides = sides_of(Path(split), [case.id for case in cases])
    if split in COMMUNITY:
        sides = sides_in_order(cases, COMMUNITY[split])
        cases = [case for case in cases if case.id in sides]
    options = PrepareOptions(
        regions=_regions(masks, _modalities(cases)),
        intensity=intensities(intensity),
        labels=label_names.read(labels) if labels is not None else dict(found.labels),
        **asked(
            split=shares,
            counts=splitting.counts,
            seed=splitting.seed,
            fold=splitting.fold,
            test_group=splitting.test_group,
            copies=splitting.copies,
        ),
        keep_going=keep_going,
        strict_pairs=strict_pairs,
    )
    return prepare(
        cases,
        output,
        options,
        sides=sides,
        within_subject=found.within_subject and sides is found.sides,
        relations=related,
        progress=None
        if progress is None
        else lambda case, done, total: progress.advance("prepare", done, total, case),
        workers=workers,
    )


def summary(cohort: Cohort, page: Path | None) -> dict[str, object]:
    """Return what `--json` prints."""
    from transmodal.cohorts.quality.pairs import doubts

    notes = {one.id: one.notes for one in cohort.manifest.cases}
    return {
        "cohort": str(cohort.folder),
        "digest": cohort.digest(),
        "modalities": list(cohort.modalities),
        "cases": len(cohort.cases()),
        "split": {name: len(cohort.split.ids(name)) for name in ("train", "validation", "test")},
        "left_out": dict(cohort.manifest.left_out),
        "look_at": [{"case": one.case, "why": one.line()} for one in doubts(notes)],
        "page": None if page is None else str(page),
    }


def draw(cohort: Cohort, workers: int, progress: Progress | None) -> Path | None:
    """Write the cohort's page and return where; None where that failed: a cohort stands without one."""
    from transmodal.errors import TransmodalError
    from transmodal.evaluation.cohort_report import page as cohort_page

    told = progress or Silent()
    try:
        return cohort_page.write(
            cohort,
            workers=workers,
            progress=lambda case, done, total: told.advance("draw", done, total, case),
        )
    except TransmodalError as error:
        logging.getLogger(__name__).warning("no cohort.html: %s", error.line())
        return None


def say(found: FolderContents[CaseMaker]) -> None:
    """Log what a layout ignores and leaves out."""
    log = logging.getLogger(__name__)
    for line in found.ignored:
        log.warning("ignored: %s", line)
    for line in found.left_out:
        log.warning("left out: %s", line)


def _modalities(cases: Sequence[CaseMaker]) -> set[str]:
    """Return what the cases have, as far as their files say it before they are read."""
    return {modality for case in cases for modality in getattr(case, "volumes", {})}


def _regions(masks: Masks, there: Collection[str]) -> dict[str, tuple[Kind, ...]]:
    from transmodal.cohorts.aliases import alias_of
    from transmodal.errors import UsageError
    from transmodal.recipes import load

    kinds: dict[str, Kind] = {"body": "body", "brain": "brain", "around_brain": "around_brain"}
    found: dict[str, tuple[Kind, ...]] = {}
    for word in masks.region:
        modality, _, kind = word.partition("=")
        if not modality or kind not in kinds:
            raise UsageError(
                "E001", f"--region {word}", "MODALITY=body, brain or around_brain", "Correct it."
            )
        found[modality] = (*found.get(modality, ()), kinds[kind])
    for recipe in masks.recipes:
        wanted = load.load(recipe)
        kind_of = wanted.data.region
        first = alias_of(wanted.task.source[0], there) or wanted.task.source[0]
        if kind_of != "whole" and kind_of not in found.get(first, ()):
            found[first] = (*found.get(first, ()), kind_of)
    return found


def intensities(words: Sequence[str]) -> dict[str, IntensitySpec]:
    """Return intensity maps by modality.

    Raises:
        UsageError: E001 for a word that cannot be read.
    """
    from transmodal.errors import UsageError
    from transmodal.volumes.intensity import IntensitySpec

    found = {}
    for word in words:
        modality, _, spec = word.partition("=")
        method, *ends = spec.split(":")
        try:
            if not modality or len(ends) not in (0, 2):
                raise ValueError(word)
            found[modality] = IntensitySpec(method, *(float(end) for end in ends))  # type: ignore[arg-type]  # it checks itself
        except ValueError as error:
            raise UsageError(
                "E001",
                f"--intensity {word}",
                "MODALITY=window:LOW:HIGH, =percentile:LOW:HIGH, =zscore or =minmax",
                "Correct it.",
            ) from error
    return found


def listed(words: Sequence[str]) -> list[str]:
    """Return names that commas divide, or that stand in words of their own."""
    return [name.strip() for word in words for name in word.split(",") if name.strip()]
