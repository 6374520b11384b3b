"""Cases prepared side by side: those that are prepared already are left as they are, failures do not stop the others."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from transmodal.cohorts.case import CaseMaker
from transmodal.cohorts.case_files import hashed_once
from transmodal.cohorts.manifest import CaseEntry
from transmodal.cohorts.options import PrepareOptions
from transmodal.cohorts.prepare import locks, write_case
from transmodal.cohorts.quality import duplicates
from transmodal.cohorts.quality.pair_notes import read_cohort
from transmodal.cohorts.quality.pairs import refuse_doubtful
from transmodal.errors import InputError, TransmodalError
from transmodal.parallel import spread
from transmodal.progress import StageProgress
from transmodal.storage import memory

_log = logging.getLogger(__name__)


class CaseJob(NamedTuple):
    """One case to prepare, as it travels to a worker.

    Attributes:
        maker: of the case.
        folder: the cohort's.
        name: of the case's folder.
        options: what to compute.
        recorded: its entry in the manifest that there is.
    """

    maker: CaseMaker
    folder: Path
    name: str
    options: PrepareOptions
    recorded: CaseEntry | None = None


class CaseResults(NamedTuple):
    """The entries of the cases that are prepared, and the errors of those that failed; both sorted by name.

    Attributes:
        repaired: the files that were damaged and are made anew, by case.
    """

    entries: list[CaseEntry]
    failures: dict[str, TransmodalError]
    repaired: dict[str, str]

    def without_doubtful(self) -> CaseResults:
        """Return the results with doubtful pairs of contrasts taken for failures."""
        doubtful = refuse_doubtful(read_cohort(self.entries))
        return CaseResults(
            [entry for entry in self.entries if entry.id not in doubtful],
            dict(sorted({**self.failures, **doubtful}.items())),
            self.repaired,
        )


def run_jobs(jobs: Mapping[str, CaseJob], workers: int, progress: StageProgress | None) -> CaseResults:
    """Prepare cases.

    Raises:
        ResourceError: E402 naming the case whose process died, E403 when the disk is full.
        TransmodalError: of a case, where the next one would fail likewise.
    """
    entries: list[CaseEntry] = []
    failures: dict[str, TransmodalError] = {}
    damaged: dict[str, str] = {}
    for name, result in _results(jobs, workers, damaged):
        if isinstance(result, CaseEntry):
            entries.append(result)
        elif not isinstance(result, InputError) and result.code != "E401":
            # Not the case's own fault: the next case would fail likewise.
            raise result
        else:
            failures[name] = result
        if progress is not None:
            progress(name, len(entries) + len(failures), len(jobs))
    return CaseResults(
        sorted(entries, key=lambda entry: entry.id),
        dict(sorted(failures.items())),
        {name: damage for name, damage in sorted(damaged.items()) if name not in failures},
    )


def _results(
    jobs: Mapping[str, CaseJob], workers: int, damaged: dict[str, str]
) -> Iterator[tuple[str, CaseEntry | TransmodalError]]:
    """Yield the cases that are prepared already, then those that are prepared now; note which were damaged."""
    # Hashing inputs frees the interpreter's lock: threads do, and a run with nothing to do starts no process.
    existing = {name: job for name, job in jobs.items() if (job.folder / "cases" / name).exists()}
    todo = dict(jobs)
    with ThreadPoolExecutor(max(1, workers)) as pool:
        for name, (record, fits) in zip(existing, pool.map(_load_prepared, existing.values()), strict=True):
            if record.entry is not None and fits:
                del todo[name]
                yield name, record.entry
            elif record.entry is None:
                damaged[name] = record.damage
                _log.warning(
                    "case %s: %s is damaged; the case is prepared again from its source", name, record.damage
                )
            else:
                _log.warning("case %s: its inputs or the options have changed; it is prepared again", name)
    yield from spread(_prepare_case, todo, workers)


def _load_prepared(job: CaseJob) -> tuple[write_case.PreparedRecord, bool]:
    """Return the case of an earlier preparation, and whether it is what would be prepared now."""
    record = write_case.load_prepared(job.folder, job.name, job.recorded)
    entry = record.entry
    if entry is None:
        return record, False
    try:
        fingerprint = write_case.fingerprint(job.maker.fingerprint(), entry.volumes, job.options)
    except TransmodalError:
        return record, False
    return record, entry.fingerprint == fingerprint


def _prepare_case(job: CaseJob) -> CaseEntry | TransmodalError:
    """Prepare a case; an error is returned, so that the other cases go on."""
    try:
        with hashed_once():
            inputs, case = job.maker.fingerprint(), job.maker.load()
        with locks.mark_working(job.folder):
            entry, volumes = write_case.store(case, inputs, job.folder, job.name, job.options)
            if job.options.copies != "ignore":
                duplicates.write_details(job.folder, entry, volumes)
            return entry
    except TransmodalError as error:
        return type(error)(error.code, f"case {job.name}: {error.got}", error.expected, error.remedy)
    except Exception as error:
        if memory.is_out_of_memory(error):
            return memory.shortage(f"case {job.name} needs more memory than there is", "Use fewer workers.")
        error.add_note(f"while preparing case {job.name}")
        raise
