"""One case of a written evaluation: its target, its volumes, and every figure of them, taken again."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import NamedTuple

from transmodal.cohorts.store import PreparedCase
from transmodal.evaluation import per_case
from transmodal.evaluation.measures import disagreement, organs, regional
from transmodal.evaluation.measures.disagreement import DisagreementRow
from transmodal.evaluation.measures.reference_mask import MaskedCase
from transmodal.evaluation.measures.regional import RegionRow
from transmodal.evaluation.records import figures, schema, store
from transmodal.evaluation.records.store import StoredFile, TargetHashes
from transmodal.evaluation.task import EvaluationTask
from transmodal.evaluation.verify.tally import Tally, fields_of
from transmodal.metrics import registry
from transmodal.metrics.table import Row
from transmodal.volumes import Volume

RowKey = tuple[str, str, str, str]
"""Case, translator, metric and text of the protocol."""


class _Translated(NamedTuple):
    """A case, its target as it is compared, and the stored volume of one translator."""

    case: PreparedCase
    target: Volume
    synthetic: Volume
    translator: str


class CaseChecker:
    """Takes the figures of cases again, compares them, and collects them for the checks of totals.

    Attributes:
        tally: counts the figures that agree.
        keys: of the figures that were taken again.
        regions: means of regions that were taken again.
        disagreements: figures of disagreements that were taken again.
        n_volumes: stored volumes that were read.
    """

    def __init__(self, file: schema.EvaluationFile, task: EvaluationTask, tally: Tally) -> None:
        """Take the content of the file, the task that its figures depend on, and the count."""
        self._file, self._task = file, task
        self.tally = tally
        self.keys: set[RowKey] = set()
        self.regions: list[RegionRow] = []
        self.disagreements: list[DisagreementRow] = []
        self.n_volumes = 0

    @cached_property
    def metrics(self) -> list[str]:
        """Metrics of the file that can be taken again from volumes alone."""
        names = dict.fromkeys(row.metric for row in self._file.rows)
        return [name for name in names if name in registry.names()]

    @cached_property
    def rows(self) -> dict[RowKey, figures.Figure]:
        """Written figures."""
        return {(row.case, row.translator, row.metric, row.protocol): row for row in self._file.rows}

    @cached_property
    def disagreement_rows(self) -> dict[tuple[str, str], figures.DisagreementFigures]:
        """Written figures of disagreements, by case and translator."""
        uncertainty = self._file.uncertainty
        return {} if uncertainty is None else {(row.case, row.translator): row for row in uncertainty.cases}

    @property
    def disagreement_files(self) -> schema.VolumeFiles:
        """Stored disagreements, by translator and case."""
        return {} if self._file.uncertainty is None else self._file.uncertainty.volumes

    def check(self, case: PreparedCase, hashes: TargetHashes) -> None:
        """Compare one case: its target and mask, its volumes, every figure of each.

        Raises:
            IntegrityError: E501 where one of them differs.
        """
        if self._task.mask is not None:
            case = MaskedCase(case, self._task.mask.modality, (self._task.mask.kind,))
        self._check_target(case, hashes)
        target = per_case.read_target(case, self._task)
        for name, files in self._file.volumes.items():
            if case.id not in files:
                raise self.tally.changed(f"no volume of {name} for case {case.id}", "one of every case")
            synthetic = self._read(files[case.id], target, f"{name} for case {case.id}")
            translated = _Translated(case, target, synthetic, name)
            for value in per_case.measure_case(case, target, synthetic, self._task, self.metrics):
                self._check_figure(per_case.build_row(case, name, value))
            if name in self._file.provenance.models:
                self._check_organs(translated)
                self._check_regions(translated)
            self._check_disagreement(translated)

    def _check_target(self, case: PreparedCase, hashes: TargetHashes) -> None:
        current = store.hash_target(case, self._task.target)
        if current != hashes:
            part = "target" if current.target != hashes.target else "evaluation mask"
            raise self.tally.changed(f"the {part} of case {case.id} has another content", "what was scored")

    def _read(self, files: tuple[schema.VolumeFile, ...], target: Volume, label: str) -> Volume:
        parts = tuple(StoredFile(part.file, part.sha256) for part in files)
        volume = store.read(self.tally.path.parent, parts, target.grid, label)
        self.n_volumes += 1
        return volume

    def _check_figure(self, row: Row) -> None:
        key = (row.case, row.translator, row.metric, row.protocol.text())
        label = f"{row.metric} of {row.translator} on {row.case}"
        if key not in self.rows:
            raise self.tally.changed(f"no {label} under the protocol {key[-1]!r}", "that figure")
        self.keys.add(key)
        stored = self.rows[key]
        if (stored.patient, stored.unit) != (row.patient, row.unit):
            raise self.tally.changed(
                f"{label} of patient {stored.patient} in {stored.unit}", f"{row.patient}, {row.unit}"
            )
        self.tally.compare(label, row.to_json()["value"], stored.value)

    def _check_organs(self, translated: _Translated) -> None:
        """Compare the colour of every organ, where it was asked for."""
        if not self._file.organs:
            return
        case, target, synthetic, name = translated
        stored: Mapping[str, figures.OrganFigure] = {
            row.organ: row for row in self._file.organs if (row.case, row.translator) == (case.id, name)
        }
        rows = organs.rows(case, target, synthetic, name, self._task.labels, self._task.data_range)
        if len(stored) != len(rows):
            raise self.tally.changed(
                f"{len(stored)} organs of {name} on {case.id}", f"{len(rows)}, from the labels"
            )
        for row in rows:
            label = f"of {row.organ} of {name} on {case.id}"
            self.tally.compare_fields(label, row.to_json(), fields_of(stored.get(row.organ)))

    def _check_regions(self, translated: _Translated) -> None:
        """Compare the means of every region."""
        case, target, synthetic, name = translated
        stored = {
            row.region: row for row in self._file.regions if (row.case, row.translator) == (case.id, name)
        }
        for row in regional.rows(case, target, synthetic, name, self._task.unit, self._task.labels):
            self.regions.append(row)
            label = f"of {row.region} of {name} on {case.id}"
            self.tally.compare_fields(label, row.to_json(), fields_of(stored.get(row.region)))

    def _check_disagreement(self, translated: _Translated) -> None:
        """Compare the figures of a disagreement, where one is stored."""
        case, target, synthetic, name = translated
        files = self.disagreement_files.get(name)
        if files is None:
            return
        owner = f"of {name} on {case.id}"
        stored = self.disagreement_rows.get((case.id, name))
        if case.id not in files or stored is None:
            raise self.tally.changed(f"no disagreement {owner}", "one of every case")
        spread = self._read(files[case.id], target, f"{name}'s disagreement for case {case.id}")
        row = disagreement.row(case, target, synthetic, spread, name)
        self.disagreements.append(row)
        self.tally.compare_fields(f"of the disagreement {owner}", row.to_json(), fields_of(stored))
