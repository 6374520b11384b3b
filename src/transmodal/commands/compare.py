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


Runs = Annotated[
    list[Path],
    typer.Argument(metavar="RUN...", help="Folders of evaluated runs, of evaluations, or their files."),
]
Metric = Annotated[
    str | None,
    typer.Option(
        help="What is compared: mae, psnr, ssim, ssim-2d ...; the recipes' primary metric by default."
    ),
]
Form = Annotated[
    str | None,
    typer.Option("--format", help="md, csv, latex or html; by default md, and all of them with -o."),
]
Margin = Annotated[
    float | None,
    typer.Option(help="Worsening that does not matter, in the metric's unit: asks for non-inferiority."),
]


def run(
    runs: Runs,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder to write into; nothing is written without.")
    ] = None,
    metric: Metric = None,
    form: Form = None,
    against: Annotated[
        str | None, typer.Option(help="Row that the others are held against; the best model by default.")
    ] = None,
    margin: Margin = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object instead: rows, tests, notes.")
    ] = False,
) -> None:
    """Compare evaluated runs under one protocol: means, paired differences, corrected tests, size and time.

    Runs of one recipe that differ in their seed alone become one row.
    """
    import json

    from transmodal.evaluation.compare.write import FORMS, compare

    comparison = compare(runs, output=output, metric=metric, against=against, margin=margin, form=form)
    if as_json:
        folder = None if output is None else str(output)
        print(json.dumps({"folder": folder, **comparison.to_json()}, indent=1))
        return
    print(FORMS[(form if output is None else None) or "md"].text(comparison), end="")
    if output is not None:
        print(f"\nTables: {output}")
