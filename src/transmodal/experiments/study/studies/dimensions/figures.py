"""Figures by form: errors, what fused planes and patches change against axial slices, and what each costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from transmodal.evaluation.statistics.bootstrap import Values
from transmodal.evaluation.statistics.paired_tests import (
    Difference,
    holm,
    paired,
    paired_by_run,
)
from transmodal.experiments.study.matrices import mean_figure, values_of
from transmodal.experiments.study.record import StudyChart, StudyFigure, StudyTable
from transmodal.experiments.study.studies.dimensions.forms import (
    AXIAL,
    FORMS,
    FUSED,
    METRICS,
    PROCESSOR,
    SECONDS,
    SOLID,
    STEPS,
    Form,
)
from transmodal.experiments.study.units import Content

ERRORS, CHANGES, COSTS = "Figures by form", "Against another form", "Cost"
HEADINGS = {"mae": "MAE", "psnr": "PSNR, dB", "ssim": "SSIM", STEPS: "steps between slices"}
PAIRS: tuple[tuple[Form, Form], ...] = ((FUSED, AXIAL), (SOLID, AXIAL), (SOLID, FUSED))
PARAMETERS, TIME, WORK, MEMORY = "parameters, M", "seconds per volume", "processor seconds", "memory, MB"
CHANGED = {"mae": "change in MAE", STEPS: "change in steps"}
TABLES = (
    StudyTable(
        name=ERRORS,
        caption="Error and similarity inside the evaluation mask, in 3D, and the error of the slopes from one axial slice to the "
        "next, per mm, which shows the steps that a translator of slices leaves; 95 % intervals over subjects and seeds.",
        group_heading="form",
        decimals=4,
    ),
    StudyTable(
        name=CHANGES,
        caption="One form less another: below 0 the first errs less. 95 % intervals over subjects and seeds; p of a paired "
        "Wilcoxon test, Holm-corrected over the table.",
        group_heading="forms",
        decimals=4,
    ),
    StudyTable(
        name=COSTS,
        caption="Parameters of the generator; seconds that translating a volume took on the machine of the record, longer where other "
        "programs ran beside it; processor seconds, over all threads, which hang on no other program (of a GPU's work they see "
        "the host's part); and the memory that it takes besides the process, as counted from shapes. Means over subjects.",
        group_heading="form",
        decimals=3,
    ),
)
Seeds = Sequence[Sequence[Content]]
"""Contents of the cases of every run of a form."""


class DimensionRow(NamedTuple):
    """The measured cases of one translator.

    Attributes:
        row: its name in tables.
        unit: of the error.
        flat: of its runs of slices.
        solid: of its runs of patches.
        parameters: by form.
    """

    row: str
    unit: str
    flat: Seeds
    solid: Seeds
    parameters: Mapping[Form, int]

    def values(self, form: Form, name: str) -> Values | None:
        """Return a figure as `(seeds, patients)`; None where a case has none."""
        seeds = self.solid if form == SOLID else self.flat
        return values_of(seeds, lambda case: case["forms"][form][name])


class FormChange(NamedTuple):
    """The change of a figure from one form to another."""

    row: str
    first: Form
    second: Form
    metric: str
    difference: Difference
    p: float | None
    reference: float


def charts(unit: str) -> tuple[StudyChart, StudyChart]:
    """Return the drawings of errors, whose axes have the unit of the target."""
    over = "(95 % interval over subjects and seeds)."
    return (
        StudyChart(
            table=ERRORS, figure=HEADINGS["mae"], caption=f"Mean absolute error by form {over}", unit=unit
        ),
        StudyChart(
            table=ERRORS,
            figure=HEADINGS[STEPS],
            caption=f"Error of the steps between axial slices by form {over}",
            unit=f"{unit} per mm",
        ),
    )


def take_errors(rows: Sequence[DimensionRow]) -> Iterator[StudyFigure]:
    """Yield the figures of every form."""
    for row in rows:
        for form in FORMS:
            for metric in (*METRICS, STEPS):
                unit = {"mae": row.unit, STEPS: f"{row.unit} per mm"}.get(metric, "")
                yield _mean(row, form, metric, ERRORS, HEADINGS[metric], unit)


def take_costs(rows: Sequence[DimensionRow]) -> Iterator[StudyFigure]:
    """Yield parameters, time and memory of every form."""
    for row in rows:
        for form in FORMS:
            yield StudyFigure(
                table=COSTS,
                row=row.row,
                group=form,
                figure=PARAMETERS,
                value=row.parameters[form] / 1e6,
            )
            for name, heading in ((SECONDS, TIME), (PROCESSOR, WORK)):
                yield _mean(row, form, name, COSTS, heading, "")
            yield _mean(row, form, "bytes", COSTS, MEMORY, "", scale=1e-6)


def take_changes(rows: Sequence[DimensionRow]) -> list[FormChange]:
    """Return what forms change in the error and in the steps between slices, tested over subjects."""
    changes = []
    for row in rows:
        for metric in CHANGED:
            for first, second in PAIRS:
                own, reference = row.values(first, metric), row.values(second, metric)
                assert own is not None  # every case has an error
                assert reference is not None
                # Planes are fused of the same trainings; patches are other ones.
                compare = paired if SOLID in (first, second) else paired_by_run
                difference = compare(own, reference)
                changes.append(
                    FormChange(row.row, first, second, metric, difference, None, float(reference.mean()))
                )
    corrected = holm([change.difference.p for change in changes])
    return [change._replace(p=p) for change, p in zip(changes, corrected, strict=True)]


def change_figures(changes: Sequence[FormChange], units: Mapping[str, str]) -> list[StudyFigure]:
    """Return the changes as figures."""
    return [
        StudyFigure(
            table=CHANGES,
            row=change.row,
            group=f"{change.first} less {change.second}",
            figure=CHANGED[change.metric],
            value=change.difference.mean,
            interval=change.difference.interval,
            n=change.difference.n,
            p=change.p,
            note=units[change.row] if change.metric == "mae" else f"{units[change.row]} per mm",
        )
        for change in changes
    ]


def _mean(
    row: DimensionRow, form: Form, name: str, table: str, heading: str, note: str, scale: float = 1.0
) -> StudyFigure:
    values = row.values(form, name)
    place = StudyFigure(table=table, row=row.row, group=form, figure=heading, value=None, note=note)
    scaled = None if values is None else scale * values
    return mean_figure(place, scaled, "a volume that equals its target has none")
