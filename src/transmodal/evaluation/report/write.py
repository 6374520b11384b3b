"""Files of an evaluation: its record, its tables, its report."""

from __future__ import annotations

from pathlib import Path

from transmodal.evaluation.measures.disagreement import csv_records
from transmodal.evaluation.report import page, strata, text
from transmodal.evaluation.result import Evaluation
from transmodal.metrics.table import write_records
from transmodal.storage import files, sealed


def write(evaluation: Evaluation, folder: Path) -> None:
    """Write evaluation.json, .csv, .md and .tex, timing.json and report.html into a folder, made where it is missing.

    Where there are strata or a training site, strata.csv as well.

    Raises:
        ResourceError: E403 when they cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    protocol = evaluation.disagreement_protocol()
    disagreements = csv_records(evaluation.disagreements, evaluation.task.unit, protocol)
    write_records([*(row.to_json() for row in evaluation.rows), *disagreements], folder / "evaluation.csv")
    contents = {
        "report.html": page.page(evaluation),
        "evaluation.md": text.markdown(evaluation),
        "evaluation.tex": text.latex(evaluation),
        "strata.csv": strata.table_csv(evaluation),
    }
    for name, content in contents.items():
        if content:
            with files.atomic_path(folder / name) as part:
                part.write_text(content, encoding="utf-8")
    files.write_json(folder / "timing.json", evaluation.timing())
    files.write_json(folder / "evaluation.json", sealed.seal(evaluation.to_json()))
