"""A comparison as Markdown, LaTeX and CSV."""

from __future__ import annotations

from transmodal.evaluation.compare.captions import table_caption, table_notes
from transmodal.evaluation.compare.columns import table_columns
from transmodal.evaluation.compare.compare import Comparison
from transmodal.evaluation.drawing.tables import (
    csv_table,
    escape_latex,
    escape_markdown,
    interval_fields,
    latex_table,
    markdown_table,
)


def markdown(comparison: Comparison) -> str:
    """Return the table as Markdown, with its protocol, method and notes."""
    columns = table_columns(comparison)
    rows = []
    for row in comparison.rows:
        name, *cells = (escape_markdown(column.cell(row)) for column in columns)
        title = f"*{name}*" if row.is_oracle else f"**{name}**" if row.name == comparison.reference else name
        rows.append([title, *cells])
    table = markdown_table([column.heading for column in columns], rows)
    notes = "\n".join(f"- {text}" for text in table_notes(comparison))
    return f"{table_caption(comparison)}\n\n{table}\n\n{notes}\n"


def latex(comparison: Comparison) -> str:
    """Return a table for LaTeX with the package booktabs; text from data is escaped."""
    columns = table_columns(comparison)
    rows, rules = [], set()
    for n, row in enumerate(comparison.rows):
        if row.is_oracle and n and not comparison.rows[n - 1].is_oracle:
            rules.add(n)
        cells = [escape_latex(column.cell(row)) for column in columns]
        if row.name == comparison.reference:
            cells[0] = rf"\textbf{{{cells[0]}}}"
        rows.append(cells)
    caption = " ".join([table_caption(comparison), *table_notes(comparison)])
    return latex_table(caption, [column.heading for column in columns], rows, rules)


def table_csv(comparison: Comparison) -> str:
    """Return one line per row with every number in full; what there is not is an empty field."""
    metric = comparison.primary
    return csv_table(
        [
            {
                "translator": row.name,
                "oracle": int(row.is_oracle),
                "trainings": row.trainings,
                "seeds": " ".join(map(str, row.seeds)),
                "patients": row.description.n,
                "metric": metric.metric,
                "unit": metric.unit,
                "mean": row.description.mean,
                "sd": row.description.sd,
                **interval_fields("mean", row.description.of_mean),
                "median": row.description.median,
                **interval_fields("median", row.description.of_median),
                "reference": comparison.reference,
                "difference": row.difference and row.difference.mean,
                **interval_fields("difference", row.difference and row.difference.interval),
                "p": row.difference and row.difference.p,
                "p_holm": row.p,
                "rank_biserial": row.difference and row.difference.rank_biserial,
                "cohens_dz": row.difference and row.difference.standardised,
                "margin": comparison.margin,
                "non_inferior": row.non_inferiority and row.non_inferiority.is_shown,
                "parameters": row.parameters,
                "training_seconds": row.training_seconds,
                "seconds_per_volume": row.seconds,
                "protocol": metric.protocol,
            }
            for row in comparison.rows
        ]
    )


def patients_csv(comparison: Comparison) -> str:
    """Return one line per patient and row: the figure, mean over the seeds."""
    metric = comparison.primary
    return csv_table(
        [
            {
                "patient": patient,
                "translator": row.name,
                "metric": metric.metric,
                "value": value,
                "unit": metric.unit,
                "protocol": metric.protocol,
            }
            for row in comparison.rows
            for patient, value in zip(comparison.patients, row.patients, strict=True)
        ]
    )
