"""Merge: several prepared cohorts as one, without preparing anything again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from transmodal.cohorts import patient_marks
from transmodal.cohorts.edit.linking import LinkedCase, add_prefix, link_cases
from transmodal.cohorts.manifest import CaseEntry, Manifest
from transmodal.cohorts.manifest_index import write_manifest
from transmodal.cohorts.patient_marks import PatientKey
from transmodal.cohorts.quality import duplicates
from transmodal.cohorts.split.folds import split_as
from transmodal.cohorts.split.leaks import check_leaks
from transmodal.cohorts.split.request import SplitRequest
from transmodal.cohorts.split.split import NAMES, Split, split_from_sides, write_split
from transmodal.cohorts.store import Cohort
from transmodal.cohorts.units import check_one_unit
from transmodal.errors import InputError, UsageError
from transmodal.progress import StageProgress
from transmodal.storage import files, outputs


def merge(
    folders: Sequence[Path],
    output: Path,
    request: SplitRequest | None = None,
    *,
    keep_sides: bool = False,
    prefix: bool = False,
    progress: StageProgress | None = None,
    workers: int = 1,
) -> Cohort:
    """Merge prepared cohorts; the new one appears whole or not at all.

    A case that stands in several cohorts with the same content is taken once. The new cohort has the patient keys of
    all, the first one's first; where a prefix gives patients other names, it has a new one.

    Args:
        folders: of the cohorts, two or more.
        output: the new cohort's folder, which is not there yet.
        request: how the cases are split anew; what it leaves open is as in the first cohort.
        keep_sides: leave every case on the side that it has, instead of splitting anew.
        prefix: put the name of its cohort before the names of every case, patient and group.
        progress: called after each case.
        workers: processes that compare images.

    Raises:
        UsageError: E004 for cohorts that were prepared differently or have two cases of one name, E005 when
            something stands at the output.
        InputError: E133 for a folder that is no cohort, E135 when a patient or image stands on two sides,
            E136 when a modality is in two units.
        IntegrityError: E501 for an array that is damaged.
    """
    request = request or SplitRequest()
    cohorts = [Cohort.open(Path(folder)) for folder in folders]
    if len(cohorts) < 2:
        raise UsageError("E004", f"{len(cohorts)} cohort", "two or more", "Name another one.")
    check_free(output)
    _check_alike(cohorts)
    cases = _relate(_unique_cases(cohorts, prefix=prefix), request)
    manifest = _merged_manifest(cohorts, cases, output, request, prefix=prefix)
    check_one_unit(manifest.cases)
    split = (
        _former_sides(cohorts, prefix=prefix) if keep_sides else split_as(manifest.cases, manifest.options)
    )
    _check_sides(manifest, split, keep_sides=keep_sides)
    output.parent.mkdir(parents=True, exist_ok=True)
    with files.atomic_folder(output) as beside:
        keys = [] if prefix else [key for cohort in cohorts for key in patient_marks.read_keys(cohort.folder)]
        write(cases, beside, manifest, split, keys, progress=progress, workers=workers)
    return Cohort.open(output)


def write(
    cases: Sequence[LinkedCase],
    folder: Path,
    manifest: Manifest,
    split: Split,
    keys: Sequence[PatientKey],
    *,
    progress: StageProgress | None = None,
    workers: int = 1,
) -> None:
    """Write a cohort of cases that were prepared elsewhere; refuse copies on two sides.

    Args:
        cases: to link.
        folder: of the cohort.
        manifest: of the cohort.
        split: of the cohort.
        keys: that its patients are known by; without any it gets a new one.
        progress: called after each case.
        workers: processes that compare images.

    Raises:
        InputError: E135 as `cohorts.quality.duplicates.check`.
        IntegrityError: E501 as `cohorts.edit.linking.link_cases`.
    """
    link_cases(cases, folder, progress)
    duplicates.check(folder, manifest, split, workers=workers)
    write_split(folder / "split.json", split)
    patient_marks.write_keys(folder, list(dict.fromkeys(keys)) or [patient_marks.make_key()])
    write_manifest(folder, manifest.model_copy(update={"has_patient_key": True}))


def check_free(output: Path) -> None:
    """Refuse a place where something is.

    Raises:
        UsageError: E005.
    """
    if output.exists():
        raise UsageError("E005", f"{output} exists", "a new folder", "Choose another name.")
    outputs.check_folder(output)


def _check_alike(cohorts: Sequence[Cohort]) -> None:
    """Refuse cohorts of other modalities, regions or intensity maps than the first."""
    first, *further = cohorts
    for cohort in further:
        for subject, expected, current in (
            ("modalities", first.modalities, cohort.modalities),
            ("regions", first.manifest.options.regions, cohort.manifest.options.regions),
            ("intensity maps", first.manifest.options.intensity, cohort.manifest.options.intensity),
        ):
            if expected != current:
                raise UsageError(
                    "E004",
                    f"{first.folder} with the {subject} {_list_options(expected)}, {cohort.folder} with "
                    f"{_list_options(current)}",
                    f"one and the same {subject}",
                    "Prepare one of them again with the options of the other.",
                )


def _unique_cases(cohorts: Sequence[Cohort], *, prefix: bool) -> list[LinkedCase]:
    """Return every case once, sorted by its new name."""
    _check_prefixes(cohorts, prefix=prefix)
    unique: dict[str, LinkedCase] = {}
    for cohort in cohorts:
        for entry in cohort.manifest.cases:
            renamed = add_prefix(entry, _prefix(cohort)) if prefix else entry
            case = LinkedCase(cohort.folder, entry, renamed)
            # Names that differ in case alone are one name on some file systems.
            first = unique.setdefault(renamed.id.lower(), case)
            if first is not case and _content(first.entry) != _content(renamed):
                raise UsageError(
                    "E004",
                    f"{first.former.id} of {first.folder} and {entry.id} of {cohort.folder} differ in content or patient",
                    "one name for one case",
                    "Put the cohorts' names before their cases': --prefix.",
                )
    return sorted(unique.values(), key=lambda case: case.entry.id)


def _relate(cases: Sequence[LinkedCase], request: SplitRequest) -> list[LinkedCase]:
    entries = request.relate([case.entry for case in cases])
    return [case._replace(entry=entry) for case, entry in zip(cases, entries, strict=True)]


def _merged_manifest(
    cohorts: Sequence[Cohort],
    cases: Sequence[LinkedCase],
    output: Path,
    request: SplitRequest,
    *,
    prefix: bool,
) -> Manifest:
    first = cohorts[0].manifest
    return Manifest(
        name=output.resolve().name,
        modalities=first.modalities,
        cases=tuple(case.entry for case in cases),
        options=request.update_options(first.options),
        left_out={
            _name(case, cohort, prefix=prefix): reason
            for cohort in cohorts
            for case, reason in cohort.manifest.left_out.items()
        },
    )


def _former_sides(cohorts: Sequence[Cohort], *, prefix: bool) -> Split:
    """Return the split that leaves every case on its side."""
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
    return split_from_sides(sides, within_subject=within)


def _check_sides(manifest: Manifest, split: Split, *, keep_sides: bool) -> None:
    try:
        check_leaks(manifest, split)
    except InputError as error:
        if not keep_sides or error.code != "E135":
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
    arrays = tuple(sorted((array.file, array.sha256) for array in entry.arrays()))
    return entry.id, entry.patient, entry.affine, arrays


def _list_options(options: object) -> str:
    if isinstance(options, tuple):
        return ", ".join(options)
    return ", ".join(sorted(map(str, options))) or "(none)" if isinstance(options, Mapping) else str(options)
