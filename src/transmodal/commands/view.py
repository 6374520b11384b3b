"""Look at volumes in the browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from transmodal.commands._groups import grouped
from transmodal.commands._reading import SeriesReadingWords

if TYPE_CHECKING:
    from transmodal.viewing.page import Scene

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
    from transmodal.commands._viewing import ViewRequest, scene_of, write_page
    from transmodal.viewing import niivue
    from transmodal.viewing.page import MEGABYTE

    niivue.check()
    request = ViewRequest(
        volumes,
        reading.reading(),
        run,
        difference,
        "warn" if force else "refuse",
        output is None,
    )
    scene = scene_of(request)
    if output is None:
        _serve(scene, has_browser=not no_browser)
        return
    n_bytes = write_page(scene, output, max_size)
    print(f"{output} ({n_bytes / MEGABYTE:.1f} MB)")


def _serve(scene: Scene, *, has_browser: bool) -> None:
    """Serve a scene to this machine until Ctrl-C."""
    import sys
    import webbrowser

    from transmodal.viewing.page import parts
    from transmodal.viewing.server import PageServer

    with PageServer(parts(scene)) as server:
        print(server.address, flush=True)
        print("for this machine alone, until Ctrl-C", file=sys.stderr)
        if has_browser:
            webbrowser.open(server.address)
        server.serve()
