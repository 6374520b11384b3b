"""The record of an evaluation: everything but its pictures, in the format of `evaluation.json`."""

from __future__ import annotations

import platform
from importlib import metadata
from typing import TYPE_CHECKING

from transmodal._version import __version__
from transmodal.evaluation.external import strata
from transmodal.evaluation.measures import disagreement
from transmodal.evaluation.measures.regional import agreements
from transmodal.evaluation.records import schema
from transmodal.evaluation.records.store import to_json
from transmodal.metrics import registry
from transmodal.notice import INTENDED_USE

if TYPE_CHECKING:
    from transmodal.evaluation.result import Evaluation
    from transmodal.evaluation.task import EvaluationTask

_LIBRARIES = ("numpy", "scipy", "torch", "nibabel", "SimpleITK")


def build_record(evaluation: Evaluation) -> schema.EvaluationFile:
    """Return the record of an evaluation; parts that were not asked for are left out, or None."""
    protocols = dict.fromkeys(row.protocol for row in evaluation.rows)
    organs = {"organs": [row.to_json() for row in evaluation.organs]} if evaluation.organs else {}
    return schema.EvaluationFile.model_validate(
        {
            "version": schema.VERSION,
            "rows": [row.to_json() for row in evaluation.rows],
            "summary": [summary.to_json() for summary in evaluation.summary()],
            "regions": [row.to_json() for row in evaluation.regions],
            **organs,
            "agreement": [agreement.to_json() for agreement in agreements(evaluation.regions)],
            "protocols": {protocol.text(): protocol.to_json() for protocol in protocols},
            "split_figures": [figure._asdict() for figure in evaluation.splits],
            "judges": dict(evaluation.learned),
            "elsewhere": strata.to_json(evaluation.points(), evaluation.strata, evaluation.internal_test),
            "scoring": _scoring(evaluation.task),
            "targets": {case: hashes._asdict() for case, hashes in evaluation.targets.items()},
            "volumes": to_json(evaluation.volumes),
            "uncertainty": disagreement.record(
                evaluation.disagreements,
                evaluation.pooled,
                evaluation.disagreement_protocol(),
                evaluation.spreads,
            ),
            "provenance": build_provenance(evaluation),
        }
    )


def _scoring(task: EvaluationTask) -> schema.Scoring:
    """Return everything that figures depend on beside volumes, so that they can be taken again."""
    units = task.reference
    reference = (
        None
        if units is None
        else schema.ReferenceUnits(source=units.source, region=units.region, map=units.map.to_json())
    )
    scoring = schema.Scoring(data_range=task.data_range, reference=reference)
    optional: dict[str, object] = {}
    if task.mask is not None:
        optional["mask"] = schema.MaskChoice(modality=task.mask.modality, kind=task.mask.kind)
    if task.labels:
        optional["labels"] = dict(task.labels)
    if task.has_resampled:
        optional["has_resampled"] = True
    if task.has_fitted:
        optional["has_fitted"] = True
    return scoring.model_copy(update=optional)


def build_provenance(evaluation: Evaluation) -> schema.Provenance:
    """Return how the figures came about."""
    task = evaluation.task
    partial = {"left_out": task.left_out} if task.left_out else {}
    patients = sorted({row.patient for row in evaluation.rows})
    return schema.Provenance(
        intended_use=INTENDED_USE,
        tool=schema.Tool(name="transmodal", version=__version__),
        versions={
            "python": platform.python_version(),
            **_library_versions(),
            **registry.distributions({row.metric for row in evaluation.rows}),
        },
        task=schema.TaskRecord(source=task.sources, target=task.target, unit=task.unit),
        cohort=schema.ScoredCohort(
            name=task.cohort,
            digest=task.digest,
            split=task.split,
            n_cases=len(evaluation.cases),
            n_training_cases=task.n_training,
            oracles_fitted_on=task.fitted_on or task.cohort,
            simulated=task.simulated,
            training_patients_sha256=tuple(
                key.mark(name) for key in task.keys[:1] for name in task.training_patients
            ),
            training_patients_key="".join(key.id for key in task.keys[:1]),
            patient_marks={
                key.id: {name: key.mark(name) for name in patients} for key in task.keys if key.secret
            },
            **partial,
        ),
        models={name: dict(evaluation.records.get(name, {})) for name in evaluation.models},
        oracles=evaluation.oracles,
        slices_excluded=dict(evaluation.slices_excluded),
        notes=task.notes,
    )


def _library_versions() -> dict[str, str]:
    versions = {}
    for name in _LIBRARIES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions
