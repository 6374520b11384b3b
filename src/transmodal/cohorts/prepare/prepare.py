"""Prepare: cases in, a cohort folder out; checked, oriented, hashed, split; resumable."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from transmodal.cohorts.case import CaseMaker, hashed_once
from transmodal.cohorts.manifest import CaseEntry, Manifest, PrepareOptions
from transmodal.cohorts.prepare import locks, selection, write_case
from transmodal.cohorts.prepare.naming import folder_names
from transmodal.cohorts.quality import duplicates
from transmodal.cohorts.quality.pairs import refusals
from transmodal.cohorts.split.folds import split_as
from transmodal.cohorts.split.relations import Relations
from transmodal.cohorts.split.split import NAMES, Split, check_leaks, given_split, groups_of, read_split
from transmodal.cohorts.store import Cohort
from transmodal.cohorts.units import check_one_unit
from transmodal.errors import CODES, InputError, ResourceError, TransmodalError, UsageError
from transmodal.parallel import spread
from transmodal.progress import StageProgress
from transmodal.storage import files, outputs

__all__ = ["PrepareOptions", "prepare"]


_log = logging.getLogger(__name__)


class _Job(NamedTuple):
    """One case to prepare, as it travels to a worker."""

    maker: CaseMaker
    folder: Path
    name: str
    options: PrepareOptions


def prepare(
    cases: Sequence[CaseMaker],
    folder: Path,
    options: PrepareOptions | None = None,
    *,
    sides: Mapping[str, str] | None = None,
    within_subject: bool = False,
    relations: Relations | None = None,
    progress: StageProgress | None = None,
    workers: int = 1,
) -> Cohort:
    """Prepare a cohort, or continue to; cases that stand already are left as they are.

    A case is prepared anew when the content of its inputs or the options that touch it have changed; a cohort
    may grow, but one that was prepared from other cases is left as it is (`selection.check`).
    All cases are tried before the failing ones are reported, and those that succeed are kept.

    Case ids become folder names, as `naming.folder_names` says.

    Args:
        cases: files, or makers of virtual subjects.
        folder: the cohort's folder.
        options: what to compute and how to split.
        sides: `train`, `validation` or `test` by case id, where that is decided already; cases that are
            not named stand on no side.
        within_subject: whether `sides` divide patients knowingly, slab by slab; the split is stamped so.
        relations: who is one patient and what is kept together, where the cases do not say it.
        progress: told of each case.
        workers: processes; the result does not depend on how many.

    Raises:
        InputError: what is wrong with the cases; E130 for pairs that strict options do not take, E132 when
            there is no case, E136 when a modality is in two units, E135 when one patient or image, or a copy of it, would stand on two sides.
        ResourceError: E402 naming the case whose process died, E403 when the disk is full.
        UsageError: E005 when another process prepares the same folder, or when it holds a cohort of other cases.
    """
    options = options or PrepareOptions()
    folder = Path(folder)
    names = folder_names(cases)
    outputs.check_folder(folder / "cases")
    with _made(folder), locks.only_one(folder):
        selection.check(folder, names)
        _clear_leftovers(folder)
        jobs = {name: _Job(case, folder, name, options) for name, case in names.items()}
        entries, failures = _all(jobs, workers, progress)
        if options.strict_pairs:
            refused = refusals({entry.id: entry.notes for entry in entries})
            entries = [entry for entry in entries if entry.id not in refused]
            failures = dict(sorted({**failures, **refused}.items()))
        if failures and (not options.keep_going or not entries):
            raise _summary(failures, len(jobs))
        for name, error in failures.items():
            _log.warning("case %s is left out: %s", name, error.line())
        given = {name: sides[case.id] for name, case in names.items() if case.id in sides} if sides else {}
        entries = entries if relations is None else relations.applied(entries)
        _finish(folder, entries, failures, options, given, workers, within_subject=within_subject)
    return Cohort.open(folder)


def _all(
    jobs: Mapping[str, _Job], workers: int, progress: StageProgress | None
) -> tuple[list[CaseEntry], dict[str, TransmodalError]]:
    entries: list[CaseEntry] = []
    failures: dict[str, TransmodalError] = {}
    for name, result in _results(jobs, workers):
        if isinstance(result, CaseEntry):
            entries.append(result)
        elif not isinstance(result, InputError) and result.code != "E401":
            # Not the case's own fault: the next case would fail likewise.
            raise result
        else:
            failures[name] = result
        if progress is not None:
            progress(name, len(entries) + len(failures), len(jobs))
    return sorted(entries, key=lambda entry: entry.id), dict(sorted(failures.items()))


def _results(jobs: Mapping[str, _Job], workers: int) -> Iterator[tuple[str, CaseEntry | TransmodalError]]:
    """Yield what stands already, then what is made."""
    # Hashing inputs frees the interpreter's lock: threads do, and a run with nothing to do starts no process.
    begun = {name: job for name, job in jobs.items() if (job.folder / "cases" / name).exists()}
    todo = dict(jobs)
    with ThreadPoolExecutor(max(1, workers)) as pool:
        for name, (entry, fits) in zip(begun, pool.map(_standing, begun.values()), strict=True):
            if entry is not None and fits:
                del todo[name]
                yield name, entry
            elif entry is not None:
                _log.warning("case %s: its inputs or the options have changed; it is prepared again", name)
    yield from spread(_try, todo, workers)


def _standing(job: _Job) -> tuple[CaseEntry | None, bool]:
    """Return what was prepared before, and whether it is what would be prepared now."""
    entry = write_case.standing(job.folder, job.name)
    if entry is None:
        return None, False
    try:
        wanted = write_case.fingerprint(job.maker.fingerprint(), entry.volumes, job.options)
    except TransmodalError:
        return entry, False
    return entry, entry.fingerprint == wanted


def _try(job: _Job) -> CaseEntry | TransmodalError:
    """Prepare a case; an error is returned, so that the other cases go on."""
    try:
        with hashed_once():
            inputs, case = job.maker.fingerprint(), job.maker.load()
        with locks.at_work(job.folder):
            entry, volumes = write_case.store(case, inputs, job.folder, job.name, job.options)
            if job.options.copies != "ignore":
                duplicates.keep(job.folder, entry, volumes)
            return entry
    except TransmodalError as error:
        return type(error)(error.code, f"case {job.name}: {error.got}", error.expected, error.remedy)
    except MemoryError:
        return ResourceError(
            "E402", f"case {job.name} needs more memory than there is", "enough", "Use fewer workers."
        )
    except Exception as error:
        error.add_note(f"while preparing case {job.name}")
        raise


def _finish(
    folder: Path,
    entries: list[CaseEntry],
    failures: Mapping[str, TransmodalError],
    options: PrepareOptions,
    given: Mapping[str, str],
    workers: int,
    *,
    within_subject: bool,
) -> None:
    manifest = Manifest(
        name=folder.resolve().name,
        modalities=tuple(sorted({modality for entry in entries for modality in entry.volumes})),
        cases=tuple(entries),
        options=options.model_copy(update={"keep_going": False}),
        # The kind alone: a whole line can hold a path, and a path a patient's name.
        left_out={name: f"{error.code}: {CODES[error.code]}" for name, error in failures.items()},
    )
    _check_asked(manifest)
    check_one_unit(manifest.cases)
    kept = {name: side for name, side in given.items() if name not in failures}
    split = (
        given_split(kept, within_subject=within_subject) if given else _split(folder / "split.json", manifest)
    )
    check_leaks(manifest, split)
    duplicates.check(folder, manifest, split, workers=workers)
    _write_if_changed(folder / "split.json", split.model_dump(mode="json"))
    _write_if_changed(folder / "cohort.json", manifest.model_dump(mode="json"))


def _check_asked(manifest: Manifest) -> None:
    asked = {*manifest.options.regions, *manifest.options.intensity}
    for modality in sorted(asked - set(manifest.modalities)):
        raise InputError(
            "E131",
            f"options for {modality}, which no case has",
            f"{', '.join(manifest.modalities)}",
            "Correct the name of the modality.",
        )


def _split(path: Path, manifest: Manifest) -> Split:
    """Keep a split that still fits; one that was written by hand has to."""
    options = manifest.options
    kept = read_split(path) if path.exists() else None
    if kept is not None and kept.by in ("given", "within-subject"):
        idle = len(manifest.cases) - len({case for name in NAMES for case in kept.ids(name)})
        if idle > 0:
            _log.warning("%s was given and leaves %d cases aside", path.name, idle)
        return kept
    wanted = split_as(manifest.cases, options)
    if kept is None or _shape(kept, manifest) == _shape(wanted, manifest):
        return kept or wanted
    _log.warning("%s does not fit the cases or the options any more; it is made again", path.name)
    return wanted


def _shape(split: Split, manifest: Manifest) -> tuple[int, str, tuple[str, ...], tuple[int, ...]]:
    """Return what has to be equal for one split to do for another: seed, folds, cases, groups on each side.

    A split that divides a group counts it twice, and so has no shape of one that divides none.
    """
    owner = {case: name for name, ids in groups_of(manifest.cases).items() for case in ids}
    sides = [split.ids(name) for name in NAMES]
    counts = tuple(len({owner.get(case, "") for case in side}) for side in sides)
    return split.seed, split.how, tuple(sorted(case for side in sides for case in side)), counts


def _write_if_changed(path: Path, data: dict[str, Any]) -> None:
    try:
        if files.read_json(path) == data:
            return
    except InputError:
        pass
    files.write_json(path, data)


def _summary(failures: Mapping[str, TransmodalError], n: int) -> TransmodalError:
    first = next(iter(failures.values()))
    kept = f"{n - len(failures)} of {n} are done and kept"
    if len(failures) == 1:
        remedy = f"{first.remedy} Then prepare again ({kept}), or leave it out: --keep-going."
        return type(first)(first.code, first.got, first.expected, remedy)
    lines = "; ".join(error.line() for error in list(failures.values())[:3])
    more = f"; and {len(failures) - 3} more" if len(failures) > 3 else ""
    return type(first)(
        first.code,
        f"{len(failures)} of {n} cases failed: {lines}{more}",
        "cases that can be prepared",
        f"Mend them and prepare again ({kept}), or leave them out: --keep-going.",
    )


@contextmanager
def _made(folder: Path) -> Iterator[None]:
    """Make the cohort's folder; when the block refuses its input, folders that were made and are empty go again."""
    cases = folder / "cases"
    new = [place for place in (cases, *cases.parents) if not place.exists()]
    try:
        cases.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise outputs.refused(error) from error
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
            for one in place.glob(pattern):
                if one.is_dir():
                    shutil.rmtree(one, ignore_errors=True)
                else:
                    one.unlink(missing_ok=True)
