"""Look at volumes in the browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from transmodal.commands._groups import grouped
from transmodal.commands._reading import SeriesReadingWords

EXAMPLES = (
    "Examples:\n\n"
    "transmodal view t1.nii.gz fa.nii.gz\n\n"
    "transmodal view ct=ct.nii.gz sct=synthetic_ct.nii.gz --difference\n\n"
    "transmodal view t1.nii.gz --run runs/t1-to-fa\n\n"
    "transmodal view ct.nii.gz -o ct.html --max-size 20          (one file, to hand on)"
)

Volumes = Annotated[
    list[str],
    typer.Argument(
        metavar="[NAME=]VOLUME...",
        help="Images or DICOM series folders; a name such as t1 or ct says what the values are.",
    ),
]
Run = Annotated[
    Path | None,
    typer.Option(
        metavar="RUN",
        help="Translate the volumes with a trained run, or a name of transmodal models, and show that too.",
    ),
]
Difference = Annotated[
    bool, typer.Option("--difference", help="Show the second volume minus the first; they share one grid.")
]
Output = Annotated[
    Path | None,
    typer.Option(
        "-o", "--output", help="Write one HTML file that holds the volumes, instead of opening a page."
    ),
]
MaxSize = Annotated[
    float, typer.Option(min=0.1, help="Of the file, in MB; volumes become coarser until they fit.")
]
Force = Annotated[bool, typer.Option("--force", help="With --run: translate what the gate refuses.")]
NoBrowser = Annotated[bool, typer.Option("--no-browser", help="Print the address and open no browser.")]


@grouped
def run(
    volumes: Volumes,
    run: Run = None,
    difference: Difference = False,
    output: Output = None,
    max_size: MaxSize = 40.0,
    force: Force = False,
    no_browser: NoBrowser = False,
    *,
    reading: SeriesReadingWords,
) -> None:
    """Look at volumes in the browser: three planes, 3D, overlay, difference. Nothing leaves this machine."""
    from transmodal.commands._viewing import view
    from transmodal.viewing.page import MEGABYTE

    page = view(
        volumes,
        run=run,
        difference=difference,
        output=output,
        max_size=max_size,
        gate="warn" if force else "refuse",
        browser=not no_browser,
        reading=reading.reading(),
    )
    if page is not None:
        print(f"{page} ({page.stat().st_size / MEGABYTE:.1f} MB)")
