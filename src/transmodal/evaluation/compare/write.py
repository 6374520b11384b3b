"""Compare runs and write the tables: the door that the command line and `transmodal.compare` go through."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from transmodal.errors import UsageError
from transmodal.evaluation.compare import compare as comparing
from transmodal.evaluation.compare import page, table
from transmodal.evaluation.compare.compare import Comparison
from transmodal.storage import files, memory, outputs


class TableFile(NamedTuple):
    """One form of a comparison's table.

    Attributes:
        name: of the file.
        text: writes it.
    """

    name: str
    text: Callable[[Comparison], str]


FORMS = {
    "md": TableFile("comparison.md", table.markdown),
    "csv": TableFile("comparison.csv", table.table_csv),
    "latex": TableFile("comparison.tex", table.latex),
    "html": TableFile("comparison.html", page.page),
}
"""By the names that `--format` takes."""
PATIENTS = TableFile("patients.csv", table.patients_csv)


@memory.guarded("runs were compared", "Free memory, or compare fewer runs.")
def compare(
    runs: str | Path | Sequence[str | Path],
    *,
    output: str | Path | None = None,
    metric: str | None = None,
    against: str | None = None,
    margin: float | None = None,
    form: str | None = None,
) -> Comparison:
    """Compare evaluated runs under one protocol and write the tables, as `transmodal compare` does.

    Args:
        runs: folders of evaluated runs, of evaluations, or their files.
        output: folder to write into; None writes nothing.
        metric: what is compared; the recipes' primary metric by default.
        against: row that all rows are compared with; the best model by default.
        margin: worsening that does not matter, in the metric's unit.
        form: the one form to write, `md`, `csv`, `latex` or `html`; all by default.

    Raises:
        TransmodalError: as `evaluation.compare.compare.compare`; E001 for another form, E005 and E403 for a place that cannot
            be written.
    """
    if form is not None and form not in FORMS:
        raise UsageError("E001", f"--format {form}", ", ".join(FORMS), "Choose one of them.")
    folder = None if output is None else Path(output)
    if folder is not None:
        outputs.check_folder(folder)
    paths = [Path(run) for run in ([runs] if isinstance(runs, str | Path) else runs)]
    comparison = comparing.compare(paths, metric=metric, against=against, margin=margin)
    if folder is not None:
        write_tables(comparison, folder, [FORMS[form]] if form else FORMS.values())
        files.write_json(folder / "comparison.json", comparison.to_json())
    return comparison


def write_tables(
    comparison: Comparison, folder: Path, forms: Iterable[TableFile] = tuple(FORMS.values())
) -> None:
    """Write a comparison's tables, and every patient's figure, into a folder, which is made.

    Raises:
        ResourceError: E403 where a file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for table_file in (*forms, PATIENTS):
        with files.atomic_path(folder / table_file.name) as path:
            path.write_text(table_file.text(comparison), encoding="utf-8")
