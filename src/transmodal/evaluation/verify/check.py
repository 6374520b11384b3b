"""Take every figure of a written evaluation again, from the stored volumes and the cohort, and compare."""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

from transmodal.cohorts.store import Cohort
from transmodal.counts import counted
from transmodal.errors import UsageError
from transmodal.evaluation.external import strata
from transmodal.evaluation.external.sites import select_cases
from transmodal.evaluation.external.strata import InternalTest, Point, Strata
from transmodal.evaluation.measures import disagreement
from transmodal.evaluation.measures.reference_mask import ReferenceMask
from transmodal.evaluation.measures.regional import agreements
from transmodal.evaluation.records import read as records
from transmodal.evaluation.records.figures import External
from transmodal.evaluation.records.schema import EvaluationFile, Scoring
from transmodal.evaluation.records.store import TargetHashes
from transmodal.evaluation.task import EvaluationTask, Reference
from transmodal.evaluation.verify.cases import CaseChecker
from transmodal.evaluation.verify.tally import TOLERANCE, Tally, fields_of
from transmodal.progress import StageProgress
from transmodal.volumes.intensity import IntensityMap


class FigureCheck(NamedTuple):
    """Counts of what agrees.

    Attributes:
        volumes: synthetic volumes whose content is what the evaluation says.
        targets: targets and masks, likewise.
        figures: figures that were taken again and agree.
        exact: those of them that agree to the last bit.
        left_out: metrics that cannot be taken again from volumes alone, such as those of a network.
    """

    volumes: int
    targets: int
    figures: int
    exact: int
    left_out: tuple[str, ...]

    def text(self) -> str:
        """Return the counts on one line."""
        n_close = self.figures - self.exact
        parts = [
            f"{counted(self.volumes, 'volume')} and {counted(self.targets, 'target')} have the content that was scored",
            f"{self.figures} figures taken again: {self.exact} agree exactly"
            + (f", {n_close} to {TOLERANCE:g}" if n_close else ""),
        ]
        if self.left_out:
            parts.append(f"not taken again: {', '.join(self.left_out)}")
        return "; ".join(parts) + "."


def check(folder: Path, cohort: Cohort | Path, *, progress: StageProgress | None = None) -> FigureCheck:
    """Take every figure of an evaluation again.

    Args:
        folder: of an evaluated run, of an evaluation, or its file; written with its volumes.
        cohort: the prepared cohort that was scored on.
        progress: told how far it is.

    Raises:
        IntegrityError: E501 when a volume, a target or a mask has another content, or a figure is another one.
        InputError: E100 for an evaluation without volumes, E101 when it is none or contradicts itself, E102 when it
            is of a later format.
        UsageError: E004 for another cohort.
    """
    path = records.find(Path(folder))
    file, scoring = records.read_with_volumes(path)
    store = cohort if isinstance(cohort, Cohort) else Cohort.open(cohort)
    tally = Tally(path)
    _check_cohort(file, store, tally)
    task = task_of(file, scoring)
    checker = CaseChecker(file, task, tally)
    store = store.named_for([*task.sources, task.target])
    for n, (id_, hashes) in enumerate(file.targets.items(), start=1):
        checker.check(store.case(id_), TargetHashes(hashes.target, hashes.mask))
        if progress is not None:
            progress("check", n, len(file.targets))
    _check_totals(file, task, checker)
    records.check_figures(path, file)  # the summary, from rows that are verified by here
    return FigureCheck(
        checker.n_volumes, len(file.targets), tally.n_figures, tally.n_exact, _left_out(file, checker)
    )


def _check_cohort(file: EvaluationFile, cohort: Cohort, tally: Tally) -> None:
    """Refuse another cohort than the scored one, and cases that only one of file and cohort has."""
    scored = file.provenance.cohort
    if cohort.digest() != scored.digest:
        raise UsageError(
            "E004",
            f"the cohort {cohort.manifest.name} ({cohort.digest()[:12]})",
            f"{scored.name} ({scored.digest[:12]}), which was scored on",
            "Name that cohort.",
        )
    ids = {case.id for case in select_cases(cohort, scored.split)} - set(scored.left_out)
    odd = sorted(ids ^ set(file.targets))
    if odd:
        raise tally.changed(
            f"case {odd[0]} is only in one of evaluation and cohort", f"every {scored.split} case"
        )


def _check_totals(file: EvaluationFile, task: EvaluationTask, checker: CaseChecker) -> None:
    """See that nothing is written that was not taken again, and that totals follow from figures."""
    tally = checker.tally
    for key, row in checker.rows.items():
        if key not in checker.keys and row.metric in checker.metrics:
            raise tally.changed(f"{row.metric} of {row.translator} on {row.case}", "no such figure")
    if len(checker.regions) != len(file.regions):
        raise tally.changed(f"{len(file.regions)} means of regions", str(len(checker.regions)))
    _check_uncertainty(file, task, checker)
    tally.compare_records(
        "the agreement",
        [agreement.to_json() for agreement in agreements(checker.regions)],
        [fields_of(agreement) for agreement in file.agreement],
        ("translator", "region"),
    )
    if file.elsewhere is not None:
        tally.compare_records(
            "the strata",
            [stratum.to_json() for stratum in _strata(file, file.elsewhere)],
            [fields_of(stratum) for stratum in file.elsewhere.figures],
            ("translator", "metric", "by", "name"),
        )


def _check_uncertainty(file: EvaluationFile, task: EvaluationTask, checker: CaseChecker) -> None:
    """See that every disagreement was taken again, under its protocol, and that the means follow."""
    stored, tally = file.uncertainty, checker.tally
    if stored is None or not stored.volumes:
        return
    if len(checker.disagreements) != len(stored.cases):
        raise tally.changed(f"{len(stored.cases)} figures of disagreements", str(len(checker.disagreements)))
    protocol = disagreement.protocol(
        task.unit, target_normalised=task.reference is not None, mask=task.mask_text
    )
    tally.compare("the protocol of the uncertainty", protocol, stored.protocol)
    tally.compare_records(
        "the uncertainty over patients",
        [pooled.to_json() for pooled in disagreement.pool(checker.disagreements)],
        [fields_of(pooled) for pooled in stored.patients],
        ("translator",),
    )


def _strata(file: EvaluationFile, external: External) -> list[strata.Stratum]:
    """Describe strata and internal test again, from the figures of the file."""
    points = [
        Point(
            row.patient,
            row.translator,
            row.metric,
            row.unit,
            row.protocol,
            math.inf if row.value is None else row.value,
        )
        for row in file.rows
    ]
    groups = None if external.phenotypes is None else Strata(**external.phenotypes.model_dump())
    internal = None
    if external.home is not None:
        figures = {
            (line.translator, line.metric, line.protocol): line.patients for line in external.home.figures
        }
        internal = InternalTest(external.home.cohort, external.home.digest, external.home.how, figures)
    return strata.describe_strata(points, groups, internal)


def task_of(file: EvaluationFile, scoring: Scoring) -> EvaluationTask:
    """Return the task of a written evaluation, as far as figures depend on it."""
    task, cohort, units = file.provenance.task, file.provenance.cohort, scoring.reference
    return EvaluationTask(
        task.source,
        task.target,
        scoring.data_range,
        cohort.name,
        cohort.digest,
        cohort.split,
        reference=None
        if units is None
        else Reference(IntensityMap.from_json(units.map), units.source, units.region),
        units={task.target: task.unit},
        labels=scoring.labels,
        mask=None if scoring.mask is None else ReferenceMask(scoring.mask.modality, scoring.mask.kind),
        has_resampled=scoring.has_resampled,
        has_fitted=scoring.has_fitted,
    )


def _left_out(file: EvaluationFile, checker: CaseChecker) -> tuple[str, ...]:
    """Return the figures that cannot be taken again from the stored volumes."""
    names = dict.fromkeys(row.metric for row in file.rows if row.metric not in checker.metrics)
    if checker.disagreement_rows and not checker.disagreement_files:
        names["uncertainty (no disagreement is stored)"] = None
    return tuple(names)
