"""Resplit: another split of a prepared cohort; no array is touched."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from transmodal.cohorts.edit.linking import LinkedCase
from transmodal.cohorts.edit.merge import check_free, write
from transmodal.cohorts.manifest import Manifest
from transmodal.cohorts.manifest_index import write_manifest
from transmodal.cohorts.patient_marks import read_keys
from transmodal.cohorts.prepare import locks
from transmodal.cohorts.quality import duplicates
from transmodal.cohorts.split.folds import split_as
from transmodal.cohorts.split.leaks import check_leaks
from transmodal.cohorts.split.request import SplitRequest
from transmodal.cohorts.split.split import Split, read_split, split_from_sides, write_split
from transmodal.cohorts.store import Cohort
from transmodal.errors import TransmodalError
from transmodal.progress import StageProgress
from transmodal.storage import files


class StaleRun(NamedTuple):
    """A run that was trained on another split of the cohort.

    Attributes:
        folder: of the run.
        split: file of the split that it was trained on, in the cohort's folder.
        n_learned: patients whose cases it learned from and that stand in the test split now.
        n_tested: patients in the test split now.
    """

    folder: Path
    split: str
    n_learned: int
    n_tested: int


def resplit(
    folder: Path,
    request: SplitRequest | None = None,
    *,
    output: Path | None = None,
    progress: StageProgress | None = None,
    workers: int = 1,
) -> Cohort:
    """Split a prepared cohort anew; the split that it had is kept beside as `split-<digest>.json`.

    Args:
        folder: the cohort's.
        request: the new split; what it leaves open stays as it was prepared.
        output: folder of a new cohort that shares the arrays; None changes the one there is.
        progress: called after each case of a new cohort.
        workers: processes that compare images.

    Raises:
        UsageError: E005 when something stands at the output, or the cohort is being prepared.
        InputError: E133 for a folder that is no cohort, E132 and E135 for a split that cannot be.
        IntegrityError: E501 for an array that is damaged, where a new cohort is made.
    """
    request = request or SplitRequest()
    cohort = Cohort.open(Path(folder))
    entries = request.relate(cohort.manifest.cases)
    options = request.update_options(cohort.manifest.options)
    manifest = cohort.manifest.model_copy(update={"cases": tuple(entries), "options": options})
    split = split_from_sides(request.sides) if request.sides else split_as(entries, options)
    check_leaks(manifest, split)
    if output is not None:
        return _write_linked(cohort, manifest, split, output, progress, workers)
    with locks.hold_folder(cohort.folder):
        _write_here(cohort, manifest, split, workers)
    return Cohort.open(cohort.folder)


def find_stale_runs(cohort: Cohort, runs: Path) -> list[StaleRun]:
    """Return the runs below a folder that were trained on a former split of the cohort.

    They are found by the digest of the cohort that a run was trained on, which `split-<digest>.json` tells again.

    Args:
        cohort: as it is now.
        runs: folder with runs in it, at any depth.
    """
    tested = {case.patient for case in cohort.cases("test")}
    # Patients of today: a former split may have known one under two names.
    patient_of = {case.id: case.patient for case in cohort.cases()}
    digests = {path.parent: _read_digest(path) for path in sorted(runs.rglob("run.json"))}
    stale = []
    for path in sorted(cohort.folder.glob("split-*.json")):
        former = Cohort(cohort.folder, _former_manifest(cohort, path), read_split(path))
        learned = {patient_of[case] for case in former.split.train if case in patient_of}
        stale += [
            StaleRun(run, path.name, len(learned & tested), len(tested))
            for run, digest in digests.items()
            if digest == former.digest() and digest != cohort.digest()
        ]
    return sorted(stale)


def _write_linked(
    cohort: Cohort,
    manifest: Manifest,
    split: Split,
    output: Path,
    progress: StageProgress | None,
    workers: int,
) -> Cohort:
    """Write the cohort of the new split, which shares the arrays of the old one."""
    check_free(output)
    pairs = zip(cohort.manifest.cases, manifest.cases, strict=True)
    cases = [LinkedCase(cohort.folder, former, entry) for former, entry in pairs]
    manifest = manifest.model_copy(update={"name": output.resolve().name})
    output.parent.mkdir(parents=True, exist_ok=True)
    with files.atomic_folder(output) as beside:
        write(cases, beside, manifest, split, read_keys(cohort.folder), progress=progress, workers=workers)
        _keep_split(beside, cohort)
    return Cohort.open(output)


def _write_here(cohort: Cohort, manifest: Manifest, split: Split, workers: int) -> None:
    duplicates.check(cohort.folder, manifest, split, workers=workers)
    if (split.digest(), manifest.digest()) != (cohort.split.digest(), cohort.manifest.digest()):
        _keep_split(cohort.folder, cohort)
    # The split first: it keeps together what the former manifest does, and more.
    write_split(cohort.folder / "split.json", split)
    write_manifest(cohort.folder, manifest)


def _keep_split(folder: Path, cohort: Cohort) -> None:
    """Keep a cohort's split, and who its patients were, under the cohort's digest."""
    name = cohort.digest()[:12]
    files.write_json(folder / f"split-{name}.json", cohort.split.model_dump(mode="json"))
    files.write_json(
        folder / f"patients-{name}.json",
        {case.id: {"patient": case.patient, "group": case.group} for case in cohort.manifest.cases},
    )


def _former_manifest(cohort: Cohort, split: Path) -> Manifest:
    """Return the manifest with the patients and groups that it had under a former split."""
    path = split.with_name(split.name.replace("split-", "patients-", 1))
    former = files.read_json(path) if path.is_file() else {}
    cases = tuple(case.model_copy(update=former.get(case.id, {})) for case in cohort.manifest.cases)
    return cohort.manifest.model_copy(update={"cases": cases})


def _read_digest(record: Path) -> str:
    try:
        trained = files.read_json(record).get("cohort", {})
    except TransmodalError:
        return ""
    return str(trained.get("digest", "")) if isinstance(trained, dict) else ""
