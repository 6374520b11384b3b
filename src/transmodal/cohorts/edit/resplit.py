"""Resplit: another split of a prepared cohort; no array is touched."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from transmodal.cohorts.edit.linking import Taken
from transmodal.cohorts.edit.merge import check_free, write
from transmodal.cohorts.manifest import Manifest
from transmodal.cohorts.prepare import locks
from transmodal.cohorts.quality import duplicates
from transmodal.cohorts.split.folds import split_as
from transmodal.cohorts.split.relations import Relations
from transmodal.cohorts.split.split import Split, check_leaks, given_split, read_split
from transmodal.cohorts.store import Cohort
from transmodal.errors import TransmodalError
from transmodal.storage import files


class Stale(NamedTuple):
    """A run that was trained on another split of the cohort.

    Attributes:
        folder: of the run.
        split: file of the split that it was trained on, in the cohort's folder.
        learned: patients whose cases it learned from and that stand in the test split now.
        tested: patients in the test split now.
    """

    folder: Path
    split: str
    learned: int
    tested: int


def resplit(
    folder: Path,
    *,
    split: Mapping[str, Any],
    sides: Mapping[str, str] | None = None,
    relations: Relations | None = None,
    output: Path | None = None,
    progress: Callable[[str, int, int], None] | None = None,
    workers: int = 1,
) -> Cohort:
    """Split a prepared cohort anew; the split that it had is kept beside as `split-<digest>.json`.

    Args:
        folder: the cohort's.
        split: fields of `PrepareOptions` about the split.
        sides: `train`, `validation` or `test` by case id, where that is decided already.
        relations: who is one patient, and what is kept together.
        output: folder of a new cohort that shares the arrays; None changes the one there is.
        progress: told of each case of a new cohort.
        workers: processes that compare images.

    Raises:
        UsageError: E005 when something stands at the output, or the cohort is being prepared.
        InputError: E133 for a folder that is no cohort, E132 and E135 for a split that cannot be.
        IntegrityError: E501 for an array that is damaged, where a new cohort is made.
    """
    cohort = Cohort.open(Path(folder))
    entries = list(cohort.manifest.cases)
    entries = entries if relations is None else relations.applied(entries)
    options = cohort.manifest.options.model_copy(update=dict(split))
    manifest = cohort.manifest.model_copy(update={"cases": tuple(entries), "options": options})
    made = given_split(sides) if sides else split_as(entries, options)
    check_leaks(manifest, made)
    if output is None:
        with locks.only_one(cohort.folder):
            _write_here(cohort, manifest, made, workers)
        return Cohort.open(cohort.folder)
    check_free(output)
    manifest = manifest.model_copy(update={"name": output.resolve().name})
    output.parent.mkdir(parents=True, exist_ok=True)
    with files.atomic_folder(output) as beside:
        pairs = zip(cohort.manifest.cases, entries, strict=True)
        taken = [Taken(cohort.folder, was, now) for was, now in pairs]
        write(taken, beside, manifest, made, progress=progress, workers=workers)
        _keep(beside, cohort)
    return Cohort.open(output)


def stale(cohort: Cohort, runs: Path) -> list[Stale]:
    """Return the runs below a folder that were trained on a former split of the cohort.

    They are found by the digest of the cohort that a run was trained on, which `split-<digest>.json` tells again.

    Args:
        cohort: as it is now.
        runs: folder with runs in it, at any depth.
    """
    tested = {case.patient for case in cohort.cases("test")}
    found = []
    records = {path.parent: _digest(path) for path in sorted(runs.rglob("run.json"))}
    for path in sorted(cohort.folder.glob("split-*.json")):
        former = Cohort(cohort.folder, _former(cohort, path), read_split(path))
        # Patients of today: a former split may have known one under two names.
        patient_of = {case.id: case.patient for case in cohort.cases()}
        learned = {patient_of[case] for case in former.split.train if case in patient_of}
        found += [
            Stale(run, path.name, len(learned & tested), len(tested))
            for run, digest in records.items()
            if digest == former.digest() and digest != cohort.digest()
        ]
    return sorted(found)


def _write_here(cohort: Cohort, manifest: Manifest, split: Split, workers: int) -> None:
    duplicates.check(cohort.folder, manifest, split, workers=workers)
    if (split.digest(), manifest.digest()) != (cohort.split.digest(), cohort.manifest.digest()):
        _keep(cohort.folder, cohort)
    # The split first: it keeps together what the former manifest does, and more.
    files.write_json(cohort.folder / "split.json", split.model_dump(mode="json"))
    files.write_json(cohort.folder / "cohort.json", manifest.model_dump(mode="json"))


def _keep(folder: Path, cohort: Cohort) -> None:
    """Keep a cohort's split, and who its patients were, under the cohort's digest."""
    name = cohort.digest()[:12]
    files.write_json(folder / f"split-{name}.json", cohort.split.model_dump(mode="json"))
    files.write_json(
        folder / f"patients-{name}.json",
        {case.id: {"patient": case.patient, "group": case.group} for case in cohort.manifest.cases},
    )


def _former(cohort: Cohort, split: Path) -> Manifest:
    """Return the manifest with the patients and groups that it had under a former split."""
    path = split.with_name(split.name.replace("split-", "patients-", 1))
    were = files.read_json(path) if path.is_file() else {}
    cases = tuple(case.model_copy(update=were.get(case.id, {})) for case in cohort.manifest.cases)
    return cohort.manifest.model_copy(update={"cases": cases})


def _digest(record: Path) -> str:
    try:
        trained = files.read_json(record).get("cohort", {})
    except TransmodalError:
        return ""
    return str(trained.get("digest", "")) if isinstance(trained, dict) else ""
