"""Take every figure of a written evaluation again, from the stored volumes and the cohort, and compare."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from transmodal.cohorts.store import Cohort, PreparedCase
from transmodal.errors import IntegrityError, UsageError
from transmodal.evaluation import per_case
from transmodal.evaluation.external import sites, strata
from transmodal.evaluation.measures import disagreement, organs, regional
from transmodal.evaluation.measures.reference_mask import MaskedCase, ReferenceMask
from transmodal.evaluation.measures.regional import RegionRow, agreements
from transmodal.evaluation.records import read as reading
from transmodal.evaluation.records import schema as kept_room
from transmodal.evaluation.records import store as stored
from transmodal.evaluation.records.schema import Elsewhere, Kept
from transmodal.evaluation.records.store import StoredFile, TargetHashes
from transmodal.evaluation.task import EvaluationTask, Reference
from transmodal.metrics import registry
from transmodal.metrics.table import Row
from transmodal.progress import StageProgress
from transmodal.volumes import Volume
from transmodal.volumes.intensity import IntensityMap

TOLERANCE = 1e-9
"""Relative: on another machine the last bits of a sum may differ. What differs more was changed."""


class Verification(NamedTuple):
    """What was found to be true.

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
        """Say it on one line."""
        rest = self.figures - self.exact
        parts = [
            f"{self.volumes} volumes and {self.targets} targets have the content that was scored",
            f"{self.figures} figures taken again: {self.exact} agree exactly"
            + (f", {rest} to {TOLERANCE:g}" if rest else ""),
        ]
        if self.left_out:
            parts.append(f"not taken again: {', '.join(self.left_out)}")
        return "; ".join(parts) + "."


def check(folder: Path, cohort: Cohort | Path, *, progress: StageProgress | None = None) -> Verification:
    """Take every figure of an evaluation again.

    Args:
        folder: of an evaluated run, of an evaluation, or its file; written with its volumes.
        cohort: the prepared cohort that was scored on.
        progress: told how far it is.

    Raises:
        IntegrityError: E501 when a volume, a target or a mask has another content, or a figure is another one.
        InputError: E100 for an evaluation without volumes, E101 when it is none or contradicts itself.
        UsageError: E004 for another cohort.
    """
    path = reading.find(Path(folder))
    kept = kept_room.read(path)
    store = cohort if isinstance(cohort, Cohort) else Cohort.open(cohort)
    said = kept.provenance.cohort
    if store.digest() != said.digest:
        raise UsageError(
            "E004",
            f"the cohort {store.manifest.name} ({store.digest()[:12]})",
            f"{said.name} ({said.digest[:12]}), which was scored on",
            "Name that cohort.",
        )
    cases = [case.id for case in sites.select_cases(store, said.split)]
    if set(cases) != set(kept.targets):
        odd = sorted(set(cases) ^ set(kept.targets))[0]
        raise _changed(
            path, f"case {odd} is only in one of evaluation and cohort", f"every {said.split} case"
        )
    found = _Comparison(path, kept)
    store = store.named_for([*kept.provenance.task.source, found.target])
    for n, (id_, hashes) in enumerate(kept.targets.items(), start=1):
        found.case(store.case(id_), TargetHashes(hashes.target, hashes.mask))
        if progress is not None:
            progress("check", n, len(kept.targets))
    found.finish()
    reading.read(path)  # the summary, from the rows that now are known to be true
    return found.result()


class _Comparison:
    """Compares case by case and counts what agrees."""

    def __init__(self, path: Path, kept: Kept) -> None:
        self._path, self._kept = path, kept
        self._metrics = [
            name for name in dict.fromkeys(row.metric for row in kept.rows) if name in registry.names()
        ]
        self._task = _task(kept)
        self._rows = {(row.case, row.translator, row.metric, row.protocol): row for row in kept.rows}
        self._regions = {(one["case"], one["translator"], one["region"]): one for one in kept.regions}
        self._seen: set[tuple[str, ...]] = set()
        self._made: list[RegionRow] = []
        self._doubts = _Doubts.of(kept)
        self._volumes = self._figures = self._exact = 0

    @property
    def target(self) -> str:
        """The modality that was scored."""
        return self._task.target

    def case(self, case: PreparedCase, said: TargetHashes) -> None:
        """Compare one case: its target and mask, its volumes, every figure of each."""
        if self._task.mask is not None:
            case = MaskedCase(case, self._task.mask.modality, (self._task.mask.kind,))
        now = stored.hash_target(case, self._task.target)
        if now != said:
            what = "target" if now.target != said.target else "evaluation mask"
            raise _changed(self._path, f"the {what} of case {case.id} has another content", "what was scored")
        target = per_case.compared_target(case, self._task)
        for name, cases in self._kept.volumes.items():
            if case.id not in cases:
                raise _changed(self._path, f"no volume of {name} for case {case.id}", "one of every case")
            parts = tuple(StoredFile(one.file, one.sha256) for one in cases[case.id])
            made = stored.read(self._path.parent, parts, target.grid, f"{name} for case {case.id}")
            self._volumes += 1
            for one in per_case.measure_case(case, target, made, self._task, self._metrics):
                self._figure(per_case.table_row(case, name, one))
            if self._kept.organs and name in self._kept.provenance.models:
                self._organ(case, target, made, name)
            if name in self._kept.provenance.models:
                self._region(regional.rows(case, target, made, name, self._task.unit, self._task.labels))
            self._doubt(case, target, made, name)

    def finish(self) -> None:
        """See that nothing is written that was not taken again, and that the agreement follows from the means."""
        left = [
            key for key, row in self._rows.items() if key not in self._seen and row.metric in self._metrics
        ]
        if left:
            case, name, metric, _ = left[0]
            raise _changed(self._path, f"{metric} of {name} on {case}", "no such figure")
        if len(self._made) != len(self._kept.regions):
            raise _changed(self._path, f"{len(self._kept.regions)} means of regions", str(len(self._made)))
        self._finish_doubts()
        agreed = [one.to_json() for one in agreements(self._made)]
        self._list("the agreement", agreed, self._kept.agreement, ("translator", "region"))
        if self._kept.elsewhere is not None:
            again = [one.to_json() for one in _strata(self._kept, self._kept.elsewhere)]
            self._list(
                "the strata", again, self._kept.elsewhere.figures, ("translator", "metric", "by", "name")
            )

    def result(self) -> Verification:
        """Return what was found."""
        left_out = dict.fromkeys(row.metric for row in self._kept.rows if row.metric not in self._metrics)
        if self._doubts.rows and not self._doubts.volumes:
            left_out["uncertainty (no disagreement is stored)"] = None
        return Verification(
            self._volumes, len(self._kept.targets), self._figures, self._exact, tuple(left_out)
        )

    def _doubt(self, case: PreparedCase, target: Volume, made: Volume, name: str) -> None:
        """Compare what a disagreement is worth, where one is stored."""
        cases = self._doubts.volumes.get(name)
        if cases is None:
            return
        whose = f"of {name} on {case.id}"
        if case.id not in cases or (case.id, name) not in self._doubts.rows:
            raise _changed(self._path, f"no disagreement {whose}", "one of every case")
        parts = tuple(StoredFile(one.file, one.sha256) for one in cases[case.id])
        spread = stored.read(
            self._path.parent, parts, target.grid, f"{name}'s disagreement for case {case.id}"
        )
        self._volumes += 1
        now = disagreement.row(case, target, made, spread, name)
        self._doubts.made.append(now)
        then = self._doubts.rows[case.id, name]
        for field, value in now.to_json().items():
            self._compare(f"{field} of the disagreement {whose}", value, then.get(field))

    def _finish_doubts(self) -> None:
        """See that every disagreement was taken again, under its protocol, and that the means follow."""
        said, made = self._kept.uncertainty, self._doubts.made
        if said is None or not said.volumes:
            return
        if len(made) != len(said.cases):
            raise _changed(self._path, f"{len(said.cases)} figures of disagreements", str(len(made)))
        task = self._task
        how = disagreement.protocol(
            task.unit, target_normalised=task.reference is not None, mask=task.mask_text
        )
        self._compare("the protocol of the uncertainty", how, said.protocol)
        again = [one.to_json() for one in disagreement.pool(made)]
        self._list("the uncertainty over patients", again, said.patients, ("translator",))

    def _list(
        self, what: str, again: Sequence[dict[str, Any]], said: Sequence[dict[str, Any]], named: Sequence[str]
    ) -> None:
        """Compare records that follow from figures, one by one, numbers within records as well."""
        if len(again) != len(said):
            raise _changed(self._path, f"{what} with {len(said)} lines", str(len(again)))
        for now, then in zip(json.loads(json.dumps(again)), said, strict=True):
            whose = " ".join(str(now[name]) for name in named if now[name])
            for name, value in _flat(now).items():
                self._compare(f"{name} of {whose}", value, _flat(then).get(name))

    def _figure(self, row: Row) -> None:
        now = row.to_json()
        key = (row.case, row.translator, row.metric, now["protocol"])
        whose = f"{row.metric} of {row.translator} on {row.case}"
        if key not in self._rows:
            raise _changed(self._path, f"no {whose} under the protocol {now['protocol']!r}", "that figure")
        self._seen.add(key)
        then = self._rows[key]
        if (then.patient, then.unit) != (row.patient, row.unit):
            raise _changed(
                self._path, f"{whose} of patient {then.patient} in {then.unit}", f"{row.patient}, {row.unit}"
            )
        self._compare(whose, now["value"], then.value)

    def _organ(self, case: PreparedCase, target: Volume, made: Volume, name: str) -> None:
        """Compare the colour of every organ with what was written."""
        said = {(one["case"], one["translator"], one["organ"]): one for one in self._kept.organs}
        task = self._task
        again = organs.rows(case, target, made, name, task.labels, task.data_range)
        theirs = [key for key in said if key[:2] == (case.id, name)]
        if len(theirs) != len(again):
            raise _changed(
                self._path, f"{len(theirs)} organs of {name} on {case.id}", f"{len(again)}, from the labels"
            )
        for row in again:
            then = said.get((row.case, row.translator, row.organ), {})
            for field, value in row.to_json().items():
                self._compare(f"{field} of {row.organ} of {name} on {case.id}", value, then.get(field))

    def _region(self, rows: Iterable[RegionRow]) -> None:
        for row in rows:
            self._made.append(row)
            then = self._regions.get((row.case, row.translator, row.region), {})
            for name, value in row.to_json().items():
                self._compare(
                    f"{name} of {row.region} of {row.translator} on {row.case}", value, then.get(name)
                )

    def _compare(self, whose: str, now: object, then: object) -> None:
        """Compare what was taken again with what was written; count where it is a figure."""
        same_length = isinstance(now, list) and isinstance(then, list) and len(now) == len(then)
        pairs = list(zip(now, then, strict=True)) if same_length else [(now, then)]  # type: ignore[call-overload]
        for one, other in pairs:
            if not _close(one, other):
                raise _changed(self._path, f"{whose} is {other}", f"{one}, from the stored volume")
        if now is None or isinstance(now, float | list):
            self._figures += 1
            self._exact += now == then


class _Doubts(NamedTuple):
    """What an evaluation says of disagreements, and what was taken again of it."""

    rows: dict[tuple[str, str], dict[str, Any]]
    volumes: Mapping[str, Mapping[str, Sequence[Any]]]
    made: list[disagreement.DisagreementRow]

    @classmethod
    def of(cls, kept: Kept) -> _Doubts:
        said = kept.uncertainty
        if said is None:
            return cls({}, {}, [])
        return cls({(one["case"], one["translator"]): one for one in said.cases}, said.volumes, [])


def _flat(record: dict[str, Any]) -> dict[str, Any]:
    """Return the record with the fields of records within it beside its own."""
    inner = {
        f"{name} {key}": one
        for name, value in record.items()
        if isinstance(value, dict)
        for key, one in value.items()
    }
    return {**{name: value for name, value in record.items() if not isinstance(value, dict)}, **inner}


def _strata(kept: Kept, said: Elsewhere) -> list[strata.Stratum]:
    points = [
        strata.Point(
            row.patient,
            row.translator,
            row.metric,
            row.unit,
            row.protocol,
            math.inf if row.value is None else row.value,
        )
        for row in kept.rows
    ]
    parted = None if said.phenotypes is None else strata.Strata(**said.phenotypes.model_dump())
    home = None
    if said.home is not None:
        figures = {(one.translator, one.metric, one.protocol): one.patients for one in said.home.figures}
        home = strata.InternalTest(said.home.cohort, said.home.digest, said.home.how, figures)
    return strata.describe_strata(points, parted, home)


def _close(one: object, other: object) -> bool:
    if isinstance(one, float) and isinstance(other, float | int):
        return math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=1e-12)
    return one == other


def _task(kept: Kept) -> EvaluationTask:
    """Return what figures need to know of the evaluation."""
    task, cohort, scoring = kept.provenance.task, kept.provenance.cohort, kept.scoring
    said = scoring.reference
    reference = (
        None if said is None else Reference(IntensityMap.from_json(said.map), said.source, said.region)
    )
    return EvaluationTask(
        task.source,
        task.target,
        scoring.data_range,
        cohort.name,
        cohort.digest,
        cohort.split,
        reference=reference,
        units={task.target: task.unit},
        labels=scoring.labels,
        mask=None if scoring.mask is None else ReferenceMask(scoring.mask.modality, scoring.mask.kind),
    )


def _changed(path: Path, got: str, expected: str) -> IntegrityError:
    return IntegrityError("E501", f"{path.name}: {got}", expected, "It was changed after it was written.")
