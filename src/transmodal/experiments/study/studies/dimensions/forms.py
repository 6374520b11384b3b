"""Figures of one case in every form that a run can translate it, with the time: a unit of work; and what a form takes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from transmodal.cohorts.store import Cohort
from transmodal.evaluation.score import score
from transmodal.experiments.study.bench import Entrant
from transmodal.experiments.study.scored import Scored, read_scored
from transmodal.experiments.study.units import Content
from transmodal.inference.load import load
from transmodal.metrics.suite.gradient import gradient_error
from transmodal.metrics.table import finite
from transmodal.translators._facts import generator_parameters
from transmodal.volumes import Volume

Form = Literal["2D, axial slices", "2D, three planes fused", "3D, patches"]
AXIAL: Form = "2D, axial slices"
FUSED: Form = "2D, three planes fused"
SOLID: Form = "3D, patches"
FORMS = (AXIAL, FUSED, SOLID)
IN_WORDS: dict[Form, str] = {AXIAL: "axial slices", FUSED: "three planes fused", SOLID: "patches"}
"""Forms in a sentence."""
METRICS = ("mae", "psnr", "ssim")
STEPS, SECONDS, PROCESSOR = "steps", "seconds", "processor seconds"
_AXES: dict[Form, tuple[str, ...] | None] = {AXIAL: ("z",), FUSED: ("x", "y", "z"), SOLID: None}
_UP = frozenset("IS")


class FormItem(NamedTuple):
    """A case of a run, as it travels to a process.

    Attributes:
        entrant: the run.
        evaluation: folder of its evaluation, which says target, units and mask.
        cohort: that is scored.
        case: its id.
        device: where the run translates.
    """

    entrant: Entrant
    evaluation: Path
    cohort: Path
    case: str
    device: str | None


def is_solid(entrant: Entrant) -> bool:
    """Return whether a run cuts patches."""
    return entrant.recipe.windows.kind == "patch"


def forms_of(entrant: Entrant) -> tuple[Form, ...]:
    """Return the forms in which a run translates."""
    return (SOLID,) if is_solid(entrant) else (AXIAL, FUSED)


def measure_forms(item: FormItem) -> Content:
    """Return a case's figures by form.

    Returns:
        `forms`: by form the metrics inside the mask, in 3D; `steps`, the error of the slopes from one axial slice to the
        next, per mm; `seconds` that translating it took, and those that processors worked for it, over all threads; and `bytes`,
        the memory that it takes at most.
    """
    scored = read_scored(item.evaluation, Cohort.open(item.cohort))
    case = next(case for case in scored.cases() if case.id == item.case)
    model = load(item.entrant.folder, device=item.device)
    sources = {name: case.volume(name) for name in item.entrant.recipe.task.source if name in case.modalities}
    target, mask = scored.target(case), case.mask()
    inside = np.ones(target.grid.shape, bool) if mask is None else mask
    forms = {}
    for form in forms_of(item.entrant):
        own = model.with_axes(_AXES[form])
        start, work = time.perf_counter(), time.process_time()
        synthetic = own.translate(sources, gate="off").volume
        seconds, processor_seconds = time.perf_counter() - start, time.process_time() - work
        forms[form] = {
            **_score(scored, target, synthetic, inside),
            SECONDS: seconds,
            PROCESSOR: processor_seconds,
            "bytes": own.estimate(sources).more,
        }
    return {"case": case.id, "patient": case.patient, "unit": scored.task.unit, "forms": forms}


def count_parameters(entrant: Entrant) -> int:
    """Return the parameters that a run's translation depends on."""
    config = load(entrant.folder, device="cpu").translator.config
    return generator_parameters(entrant.recipe.translator, config.model_dump(mode="json"))


def _score(
    scored: Scored, target: Volume, synthetic: Volume, inside: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
) -> dict[str, float | None]:
    task = scored.task
    values = score(
        target,
        synthetic,
        inside,
        modality=task.target,
        data_range=task.data_range,
        unit=task.unit,
        metrics=METRICS,
        target_normalised=task.reference is not None,
        mask_text=task.mask_text,
    )
    axis = next(n for n, letter in enumerate(target.orientation) if letter in _UP)
    steps = gradient_error(
        target.voxels, synthetic.voxels, axis=axis, spacing_mm=target.spacing[axis], mask=inside
    )
    in_mask = [value for value in values if value.protocol.region == "mask" and value.protocol.dims == 3]
    return {**{value.metric: finite(float(value.value)) for value in in_mask}, STEPS: steps}
