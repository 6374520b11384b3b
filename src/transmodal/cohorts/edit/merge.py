"""Merge: several prepared cohorts as one, without preparing anything again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from transmodal.cohorts.edit.linking import Taken, renamed, take
from transmodal.cohorts.manifest import CaseEntry, Manifest
from transmodal.cohorts.quality import duplicates
from transmodal.cohorts.split.folds import split_as
from transmodal.cohorts.split.relations import Relations
from transmodal.cohorts.split.split import NAMES, Split, check_leaks, given_split
from transmodal.cohorts.store import Cohort
from transmodal.cohorts.units import check_one_unit
from transmodal.errors import InputError, UsageError
from transmodal.progress import StageProgress
from transmodal.storage import files, outputs


def merge(
    folders: Sequence[Path],
    output: Path,
    *,
    split: Mapping[str, Any] | None = None,
    keep_sides: bool = False,
    relations: Relations | None = None,
    prefix: bool = False,
    progress: StageProgress | None = None,
    workers: int = 1,
) -> Cohort:
    """Merge prepared cohorts; the new one appears whole or not at all.

    A case that stands in several cohorts with the same content is taken once.

    Args:
        folders: of the cohorts, two or more.
        output: the new cohort's folder, which is not there yet.
        split: fields of `PrepareOptions` about the split, where they are not the first cohort's.
        keep_sides: leave every case on the side that it has, instead of splitting anew.
        relations: who is one patient, and what is kept together.
        prefix: put the name of its cohort before the names of every case, patient and group.
        progress: told of each case.
        workers: processes that compare images.

    Raises:
        UsageError: E004 for cohorts that were prepared differently or have two cases of one name, E005 when
            something stands at the output.
        InputError: E133 for a folder that is no cohort, E135 when a patient or image stands on two sides,
            E136 when a modality is in two units.
        IntegrityError: E501 for an array that is damaged.
    """
    cohorts = [Cohort.open(Path(folder)) for folder in folders]
    if len(cohorts) < 2:
        raise UsageError("E004", f"{len(cohorts)} cohort", "two or more", "Name another one.")
    check_free(output)
    _check_alike(cohorts)
    taken = _taken(cohorts, prefix=prefix)
    entries = [one.now for one in taken]
    entries = entries if relations is None else relations.applied(entries)
    taken = [one._replace(now=now) for one, now in zip(taken, entries, strict=True)]
    first = cohorts[0].manifest
    manifest = Manifest(
        name=output.resolve().name,
        modalities=first.modalities,
        cases=tuple(entries),
        options=first.options.model_copy(update=dict(split or {})),
        left_out={
            _name(case, cohort, prefix=prefix): why
            for cohort in cohorts
            for case, why in cohort.manifest.left_out.items()
        },
    )
    check_one_unit(entries)
    made = _sides_kept(cohorts, prefix=prefix) if keep_sides else split_as(entries, manifest.options)
    _check_sides(manifest, made, kept=keep_sides)
    output.parent.mkdir(parents=True, exist_ok=True)
    with files.atomic_folder(output) as beside:
        write(taken, beside, manifest, made, progress=progress, workers=workers)
    return Cohort.open(output)


def write(
    taken: Sequence[Taken],
    folder: Path,
    manifest: Manifest,
    split: Split,
    *,
    progress: StageProgress | None = None,
    workers: int = 1,
) -> None:
    """Write a cohort of cases that were prepared elsewhere; refuse copies on two sides.

    Raises:
        InputError: E135 as `cohorts.quality.duplicates.check`.
        IntegrityError: E501 as `cohorts.edit.linking.take`.
    """
    take(taken, folder, progress)
    duplicates.check(folder, manifest, split, workers=workers)
    files.write_json(folder / "split.json", split.model_dump(mode="json"))
    files.write_json(folder / "cohort.json", manifest.model_dump(mode="json"))


def check_free(output: Path) -> None:
    """Refuse a place where something is.

    Raises:
        UsageError: E005.
    """
    if output.exists():
        raise UsageError("E005", f"{output} exists", "a new folder", "Choose another name.")
    outputs.check_folder(output)


def _check_alike(cohorts: Sequence[Cohort]) -> None:
    first = cohorts[0]
    for other in cohorts[1:]:
        for what, ours, theirs in (
            ("modalities", first.modalities, other.modalities),
            ("regions", first.manifest.options.regions, other.manifest.options.regions),
            ("intensity maps", first.manifest.options.intensity, other.manifest.options.intensity),
        ):
            if ours != theirs:
                raise UsageError(
                    "E004",
                    f"{first.folder} with the {what} {_shown(ours)}, {other.folder} with {_shown(theirs)}",
                    f"one and the same {what}",
                    "Prepare one of them again with the options of the other.",
                )


def _taken(cohorts: Sequence[Cohort], *, prefix: bool) -> list[Taken]:
    """Return every case once, sorted by its new name."""
    _check_prefixes(cohorts, prefix=prefix)
    found: dict[str, Taken] = {}
    for cohort in cohorts:
        for entry in cohort.manifest.cases:
            one = Taken(cohort.folder, entry, renamed(entry, _prefix(cohort)) if prefix else entry)
            # Names that differ in case alone are one name on some file systems.
            there = found.setdefault(one.now.id.lower(), one)
            if there is not one and _content(there.now) != _content(one.now):
                raise UsageError(
                    "E004",
                    f"{there.entry.id} of {there.folder} and {entry.id} of {cohort.folder} differ in content or patient",
                    "one name for one case",
                    "Put the cohorts' names before their cases': --prefix.",
                )
    return sorted(found.values(), key=lambda one: one.now.id)


def _sides_kept(cohorts: Sequence[Cohort], *, prefix: bool) -> Split:
    sides: dict[str, str] = {}
    for cohort in cohorts:
        for side in NAMES:
            for case in cohort.split.ids(side):
                name = _name(case, cohort, prefix=prefix)
                if sides.setdefault(name, side) != side:
                    raise InputError(
                        "E135",
                        f"case {name} in {sides[name]} of one cohort and in {side} of another",
                        "each case on one side",
                        "Split anew, such as with --split 8:1:1.",
                    )
    within = any(cohort.split.by == "within-subject" for cohort in cohorts)
    return given_split(sides, within_subject=within)


def _check_sides(manifest: Manifest, split: Split, *, kept: bool) -> None:
    try:
        check_leaks(manifest, split)
    except InputError as error:
        if not kept or error.code != "E135":
            raise
        remedy = "The sides of the cohorts were kept: split anew, such as with --split 8:1:1."
        raise InputError("E135", error.got, error.expected, remedy) from error


def _check_prefixes(cohorts: Sequence[Cohort], *, prefix: bool) -> None:
    names = [_prefix(cohort) for cohort in cohorts]
    if prefix and len(set(names)) < len(names):
        raise UsageError(
            "E004",
            f"--prefix with cohorts called {', '.join(names)}",
            "names that differ",
            "Rename a folder.",
        )


def _prefix(cohort: Cohort) -> str:
    # Names of cases become names of folders: a cohort's own may have anything in it.
    return "".join(
        letter if letter.isascii() and letter.isalnum() else "_" for letter in cohort.manifest.name
    )


def _name(case: str, cohort: Cohort, *, prefix: bool) -> str:
    return f"{_prefix(cohort)}-{case}" if prefix else case


def _content(entry: CaseEntry) -> tuple[object, ...]:
    arrays = tuple(sorted((one.file, one.sha256) for one in entry.arrays()))
    return entry.id, entry.patient, entry.affine, arrays


def _shown(options: object) -> str:
    if isinstance(options, tuple):
        return ", ".join(options)
    return ", ".join(sorted(map(str, options))) or "(none)" if isinstance(options, Mapping) else str(options)
