"""Put evaluated runs into one table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from transmodal.evaluation.compare.compare import Comparison

EXAMPLES = (
    "Examples:\n\ntransmodal compare runs/mrnet runs/pix2pix runs/resvit -o comparison\n\n"
    "transmodal compare runs/mrnet-seed-* runs/pix2pix-seed-* --metric ssim\n\n"
    "transmodal compare runs/small runs/large --against large --margin 2 --format latex"
)


def run(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN...", help="Folders of evaluated runs, of evaluations, or their files."),
    ],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder to write into; nothing is written without.")
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(
            help="What is compared: mae, psnr, ssim, ssim-2d ...; the recipes' primary metric by default."
        ),
    ] = None,
    form: Annotated[
        str | None,
        typer.Option("--format", help="md, csv, latex or html; by default md, and all of them with -o."),
    ] = None,
    against: Annotated[
        str | None, typer.Option(help="Row that the others are held against; the best model by default.")
    ] = None,
    margin: Annotated[
        float | None,
        typer.Option(help="Worsening that does not matter, in the metric's unit: asks for non-inferiority."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object instead: rows, tests, notes.")
    ] = False,
) -> None:
    """Compare evaluated runs under one protocol: means, paired differences, corrected tests, size and time.

    Runs of one recipe that differ in their seed alone become one row.
    """
    import json

    from transmodal.evaluation.compare import table

    comparison = compare(runs, output=output, metric=metric, against=against, margin=margin, form=form)
    if as_json:
        print(
            json.dumps({"folder": None if output is None else str(output), **comparison.to_json()}, indent=1)
        )
        return
    print(_forms()[form or "md"][1](comparison) if output is None else table.markdown(comparison), end="")
    if output is not None:
        print(f"\nTables: {output}")


def compare(
    runs: Sequence[str | Path],
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
        against: row that the others are held against; the best model by default.
        margin: worsening that does not matter, in the metric's unit.
        form: the one form to write, `md`, `csv`, `latex` or `html`; all by default.

    Raises:
        TransmodalError: as `evaluation.compare.compare.compare`; E001 for another form, E005 and E403 for a place that cannot
            be written.
    """
    from transmodal.errors import UsageError
    from transmodal.evaluation.compare import table
    from transmodal.evaluation.compare.compare import compare
    from transmodal.storage import files, outputs

    forms = _forms()
    if form is not None and form not in forms:
        raise UsageError("E001", f"--format {form}", ", ".join(forms), "Choose one of them.")
    folder = None if output is None else Path(output)
    if folder is not None:
        outputs.check_folder(folder)
    paths = [Path(run) for run in ([runs] if isinstance(runs, str) else runs)]
    comparison = compare(paths, metric=metric, against=against, margin=margin)
    if folder is None:
        return comparison
    folder.mkdir(parents=True, exist_ok=True)
    chosen = [forms[form]] if form else list(forms.values())
    for name, write_text in [*chosen, ("patients.csv", table.patients_csv)]:
        with files.atomic_path(folder / name) as beside:
            beside.write_text(write_text(comparison), encoding="utf-8")
    files.write_json(folder / "comparison.json", comparison.to_json())
    return comparison


def _forms() -> dict[str, tuple[str, Callable[[Comparison], str]]]:
    """Return file name and maker of each form of a table."""
    from transmodal.evaluation.compare import table

    return {
        "md": ("comparison.md", table.markdown),
        "csv": ("comparison.csv", table.table_csv),
        "latex": ("comparison.tex", table.latex),
        "html": ("comparison.html", table.page),
    }
