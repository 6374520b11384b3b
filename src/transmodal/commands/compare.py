"""Put evaluated runs into one table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
) -> None:
    """Compare evaluated runs under one protocol: means, paired differences, corrected tests, size and time.

    Runs of one recipe that differ in their seed alone become one row.
    """
    from transmodal.errors import UsageError
    from transmodal.evaluation import compare_table as table
    from transmodal.evaluation.compare import compare
    from transmodal.volumes import files, outputs

    forms = {
        "md": ("comparison.md", table.markdown),
        "csv": ("comparison.csv", table.table_csv),
        "latex": ("comparison.tex", table.latex),
        "html": ("comparison.html", table.page),
    }
    if form is not None and form not in forms:
        raise UsageError("E001", f"--format {form}", ", ".join(forms), "Choose one of them.")
    if output is not None:
        outputs.check_folder(output)
    comparison = compare(runs, metric=metric, against=against, margin=margin)
    print(forms[form or "md"][1](comparison) if output is None else table.markdown(comparison), end="")
    if output is None:
        return
    output.mkdir(parents=True, exist_ok=True)
    chosen = [forms[form]] if form else list(forms.values())
    for name, made in [*chosen, ("patients.csv", table.patients_csv)]:
        with files.atomic_path(output / name) as beside:
            beside.write_text(made(comparison), encoding="utf-8")
    files.write_json(output / "comparison.json", comparison.to_json())
    print(f"\nTables: {output}")
