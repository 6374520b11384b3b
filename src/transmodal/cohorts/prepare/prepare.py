"""Prepare: cases in, a cohort folder out; checked, oriented, hashed, split; resumable."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from transmodal.cohorts import manifest_index, patient_marks
from transmodal.cohorts.case import CaseMaker
from transmodal.cohorts.manifest import CaseEntry, Manifest
from transmodal.cohorts.options import PrepareOptions
from transmodal.cohorts.prepare import locks, selection
from transmodal.cohorts.prepare.case_jobs import CaseJob, CaseResults, run_jobs
from transmodal.cohorts.prepare.choose_split import GivenSides, choose_split
from transmodal.cohorts.prepare.naming import folder_names
from transmodal.cohorts.quality import duplicates
from transmodal.cohorts.split.leaks import check_leaks
from transmodal.cohorts.split.relations import Relations
from transmodal.cohorts.store import Cohort
from transmodal.cohorts.units import check_one_unit
from transmodal.errors import CODES, InputError, TransmodalError, UsageError
from transmodal.progress import StageProgress
from transmodal.storage import files, orphans, outputs, sealed

__all__ = ["PrepareOptions", "prepare"]

_log = logging.getLogger(__name__)


def prepare(
    cases: Sequence[CaseMaker],
    folder: Path,
    options: PrepareOptions | None = None,
    *,
    sides: Mapping[str, str] | None = None,
    within_subject: bool = False,
    relations: Relations | None = None,
    mark_key: Path | None = None,
    progress: StageProgress | None = None,
    workers: int = 1,
) -> Cohort:
    """Prepare a cohort, or continue to; cases that are prepared already are left as they are.

    A case is prepared anew when the content of its inputs or the options that touch it have changed, or when one of its
    files is damaged (`Cohort.repaired` names them); a cohort may grow, but one that was prepared from other cases is left
    as it is (`selection.check`). All cases are tried before the failing ones are reported, and those that succeed are kept.

    Case ids become folder names, as `naming.folder_names` says.

    Args:
        cases: files, or makers of virtual subjects.
        folder: the cohort's folder.
        options: what to compute and how to split.
        sides: `train`, `validation` or `test` by case id, where that is decided already; cases that are
            not named stand on no side.
        within_subject: whether `sides` divide patients knowingly, slab by slab; the split is stamped so.
        relations: which cases are of one patient and which are kept together, where the cases do not say it.
        mark_key: file of the key that marks the patients, shared with other cohorts; None makes one of its own.
        progress: called after each case.
        workers: processes; the result does not depend on how many.

    Raises:
        InputError: what is wrong with the cases; E130 for pairs that strict options do not take, E132 when
            there is no case, E136 when a modality is in two units, E135 when one patient or image, or a copy of it, would stand on two sides.
        ResourceError: E402 naming the case whose process died, E403 when the disk is full.
        UsageError: E005 when another process prepares the same folder, when it holds a cohort of other cases, or when
            its name is no UTF-8.
    """
    options = options or PrepareOptions()
    folder = Path(folder)
    makers = folder_names(cases)
    if not files.is_text(folder.name):
        raise UsageError(
            "E005",
            f"a cohort called {folder.name!r}, which is no UTF-8",
            "a name in UTF-8",
            "Choose another.",
        )
    outputs.check_folder(folder / "cases")
    side_of = {name: sides[case.id] for name, case in makers.items() if case.id in sides} if sides else {}
    with _cases_folder(folder), locks.hold_folder(folder), orphans.cleared(folder):
        selection.check(folder, makers)
        _clear_leftovers(folder)
        results = _prepare_cases(makers, folder, options, progress, workers)
        entries = results.entries if relations is None else relations.apply(results.entries)
        manifest = _build_manifest(folder, entries, results.failures, options)
        patient_marks.provide_key(folder, mark_key)
        _write_cohort(folder, manifest, GivenSides(side_of, within_subject), workers)
    return Cohort.open(folder).after_repair(results.repaired)


def _prepare_cases(
    makers: Mapping[str, CaseMaker],
    folder: Path,
    options: PrepareOptions,
    progress: StageProgress | None,
    workers: int,
) -> CaseResults:
    """Prepare the cases; raise an error where some failed, unless they are left out."""
    manifest = selection.read_recorded(folder)
    recorded = {} if manifest is None else {entry.id: entry for entry in manifest.cases}
    jobs = {name: CaseJob(maker, folder, name, options, recorded.get(name)) for name, maker in makers.items()}
    results = run_jobs(jobs, workers, progress)
    if options.strict_pairs:
        results = results.without_doubtful()
    if results.failures and (not options.keep_going or not results.entries):
        raise _summary(results.failures, len(jobs))
    for name, error in results.failures.items():
        _log.warning("case %s is left out: %s", name, error.line())
    return results


def _build_manifest(
    folder: Path,
    entries: Sequence[CaseEntry],
    failures: Mapping[str, TransmodalError],
    options: PrepareOptions,
) -> Manifest:
    return Manifest(
        name=folder.resolve().name,
        modalities=tuple(sorted({modality for entry in entries for modality in entry.volumes})),
        cases=tuple(entries),
        options=options.model_copy(update={"keep_going": False}),
        # The kind alone: a whole line can hold a path, and a path a patient's name.
        left_out={name: f"{error.code}: {CODES[error.code]}" for name, error in failures.items()},
        has_patient_key=True,
    )


def _write_cohort(folder: Path, manifest: Manifest, sides: GivenSides, workers: int) -> None:
    """Check the cohort as a whole, split it, and write manifest and split."""
    _check_modalities(manifest)
    check_one_unit(manifest.cases)
    split = choose_split(folder / "split.json", manifest, sides)
    check_leaks(manifest, split)
    duplicates.check(folder, manifest, split, workers=workers)
    for name, record in (("split.json", split), ("cohort.json", manifest)):
        _write_if_changed(folder / name, sealed.seal(record.model_dump(mode="json")))
    _write_if_changed(folder / manifest_index.FILE, manifest_index.build(folder, manifest))


def _check_modalities(manifest: Manifest) -> None:
    """Refuse options for a modality that no case has."""
    modalities = {*manifest.options.regions, *manifest.options.intensity}
    for modality in sorted(modalities - set(manifest.modalities)):
        raise InputError(
            "E131",
            f"options for {modality}, which no case has",
            f"{', '.join(manifest.modalities)}",
            "Correct the name of the modality.",
        )


def _write_if_changed(path: Path, data: dict[str, Any]) -> None:
    try:
        if files.read_json(path) == data:
            return
    except InputError:
        pass
    files.write_json(path, data)


def _summary(failures: Mapping[str, TransmodalError], n: int) -> TransmodalError:
    first = next(iter(failures.values()))
    state = f"{n - len(failures)} of {n} are done and kept"
    if len(failures) == 1:
        remedy = f"{first.remedy} Then prepare again ({state}), or leave it out: --keep-going."
        return type(first)(first.code, first.got, first.expected, remedy)
    lines = "; ".join(error.line() for error in list(failures.values())[:3])
    more = f"; and {len(failures) - 3} more" if len(failures) > 3 else ""
    return type(first)(
        first.code,
        f"{len(failures)} of {n} cases failed: {lines}{more}",
        "cases that can be prepared",
        f"Mend them and prepare again ({state}), or leave them out: --keep-going.",
    )


@contextmanager
def _cases_folder(folder: Path) -> Iterator[None]:
    """Make the cohort's folder; when the block refuses its input, folders that were made and are empty go again."""
    cases = folder / "cases"
    new = [place for place in (cases, *cases.parents) if not place.exists()]
    try:
        cases.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise outputs.from_os_error(error) from error
    try:
        yield
    except (InputError, UsageError):
        for place in new:
            with suppress(OSError):  # not empty: what is there is kept
                place.rmdir()
        raise


def _clear_leftovers(folder: Path) -> None:
    """Remove what a killed preparation left half-written."""
    # Not what else is below `working`: others may be writing there while they read the cohort.
    for place in (folder, folder / "cases", *folder.glob("working/likeness-*/*")):
        for pattern in (".partial-*", ".old-*"):
            for leftover in place.glob(pattern):
                if leftover.is_dir():
                    shutil.rmtree(leftover, ignore_errors=True)
                else:
                    leftover.unlink(missing_ok=True)
