"""The cohort that is scored and the one that the models learned from: the same, or another site."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from transmodal.checkpoint import archive
from transmodal.cohorts.patient_marks import PatientKey, read_marks, untested
from transmodal.cohorts.store import Cohort, PreparedCase
from transmodal.errors import InputError, UsageError
from transmodal.evaluation.measures.reference_mask import ReferenceMask, choose, mask_cases
from transmodal.evaluation.records.store import plain
from transmodal.evaluation.task import EvaluationTask, build_task
from transmodal.inference.preprocessing import Preprocessing
from transmodal.storage import files

ALL_CASES = "all"
"""The split that is every case of a cohort; only of one that no model learned from."""


class Site(NamedTuple):
    """A cohort as an evaluation reads it, once.

    Attributes:
        cohort: with its modalities under the names that the runs have for them.
        task: of an evaluation on it.
        cases: of the scored side of its split.
    """

    cohort: Cohort
    task: EvaluationTask
    cases: Sequence[PreparedCase]


class Sites(NamedTuple):
    """The scored cohort and the one that the models learned from.

    Attributes:
        scored: the cohort that is evaluated on.
        training: the cohort that the models learned from, for oracles to be fitted on; None where it was not given.
        is_external: whether the models learned from another cohort than the scored one.
    """

    scored: Site
    training: Site | None
    is_external: bool

    def task(self) -> EvaluationTask:
        """Return the task of the evaluation; the data range and the oracles' cases are the training cohort's."""
        task = self.scored.task
        if self.training is None:
            return replace(task, n_training=0)
        if not self.is_external:
            return task
        own = self.training.task
        return replace(
            task,
            data_range=own.data_range,
            n_training=own.n_training,
            fitted_on=own.cohort,
            keys=tuple(dict.fromkeys([*task.keys, *own.keys])),
        )

    def notes(self, oracles: Sequence[str]) -> tuple[str, ...]:
        """Return the notes for a reader: that there are no oracles, where the training cohort is not at hand."""
        if self.training is not None or not oracles:
            return ()
        return (
            "No oracles: the models learned from another cohort, and oracles that are fitted on this one would know "
            "what the models do not. --training-cohort names the cohort to fit them on.",
        )


def read_site(cohort: Cohort, preprocessing: Preprocessing, sources: tuple[str, ...], split: str) -> Site:
    """Return all that an evaluation takes from a cohort.

    Args:
        cohort: prepared.
        preprocessing: of the runs.
        sources: source modalities of all runs.
        split: `train`, `validation`, `test` or `all`.

    Raises:
        InputError: as `build_task`.
    """
    cohort = cohort.named_for((*sources, preprocessing.target))
    return Site(cohort, build_task(cohort, preprocessing, sources, split), select_cases(cohort, split))


def find_sites(scored: Site, training: Site | None, records: Mapping[str, Mapping[str, Any]]) -> Sites:
    """Find out where the models learned.

    Args:
        scored: the cohort that is evaluated on.
        training: the training cohort, as the user names it; None takes the scored one where the models learned from it.
        records: how each model came about; none where volumes of another program are scored alone, which may be on
            all cases.

    Raises:
        UsageError: E004 for another training cohort than the models', or for all cases of a cohort that a model
            learned from.
    """
    learned = {
        str(record["cohort"]["digest"]): record["cohort"]
        for record in records.values()
        if "digest" in record.get("cohort", {})
    }
    own = scored.task.digest
    if training is not None and set(learned) - {training.task.digest}:
        odd = next(cohort for digest, cohort in learned.items() if digest != training.task.digest)
        raise UsageError(
            "E004",
            f"--training-cohort {training.task.cohort} ({training.task.digest[:12]})",
            f"{odd.get('name')} ({str(odd['digest'])[:12]}), which a run learned from",
            "Name that cohort, or leave the option out.",
        )
    if records and scored.task.split == ALL_CASES and (own in learned or not learned):
        raise UsageError(
            "E004",
            f"--split all of {scored.task.cohort}, which a run learned from",
            "another cohort",
            "Score its test split.",
        )
    if training is not None and training.task.digest != own:
        return Sites(scored, training, is_external=True)
    is_external = training is None and bool(learned) and own not in learned
    return Sites(scored, None if is_external else scored, is_external)


def select_cases(cohort: Cohort, split: str) -> list[PreparedCase]:
    """Return the cases of a side of the split, or all of them."""
    return cohort.cases(None if split == ALL_CASES else split)


def mask_site_cases(
    site: Site, preprocessing: Preprocessing
) -> tuple[list[PreparedCase], ReferenceMask | None]:
    """Return a site's cases with their evaluation mask, and which region of the target that is."""
    mask = choose(site.cohort, site.cases, preprocessing.target, preprocessing.region)
    if mask is None:
        return list(site.cases), None
    return mask_cases(site.cohort, site.cases, mask.modality, (mask.kind,)), mask


def namesakes(
    cases: Sequence[PreparedCase],
    records: Mapping[str, Mapping[str, Any]],
    keys: Sequence[PatientKey] = (),
) -> tuple[str, ...]:
    """Return notes on patients with the id of one that a model learned from: the same person, or a namesake.

    Args:
        cases: that are scored.
        records: how each model came about, by its name.
        keys: of the cohorts at hand; a model whose marks are of another is said to be untested.
    """
    patients: set[str] = set()
    notes = []
    for name, record in records.items():
        marks = read_marks(record)
        leaked = None if marks is None else marks.find((case.patient for case in cases), keys)
        if marks is not None and leaked is None:
            notes.append(untested(name, marks))
        patients.update(leaked or ())
    return (*_note_namesakes(sorted(patients)), *notes)


def _note_namesakes(patients: Sequence[str]) -> tuple[str, ...]:
    if not patients:
        return ()
    return (
        f"{len(patients)} patients here have the id of one that a model learned from, such as {patients[0]}. If they are the "
        "same persons, these figures are too good.",
    )


def evaluation_folder(run: Path, cohort: Cohort) -> Path:
    """Return the folder of a run's evaluation: beside the internal test's where the cohort is another.

    That of a run in one file lies beside the file.
    """
    is_file = archive.is_archive(run)
    own, learned = cohort.digest(), _learned(run, is_file=is_file)
    name = "evaluation" if learned in (None, own) else f"evaluation-{plain(cohort.manifest.name)}-{own[:8]}"
    return run.with_name(f"{run.stem}-{name}") if is_file else run / name


def _learned(run: Path, *, is_file: bool) -> str | None:
    """Return the digest of the cohort that a run learned from; None where the run does not say it."""
    if is_file:
        return archive.load(archive.read(run)).cohort.digest
    try:
        digest = files.read_json(run / "run.json").get("cohort", {}).get("digest")
    except InputError:
        return None
    return None if digest is None else str(digest)
