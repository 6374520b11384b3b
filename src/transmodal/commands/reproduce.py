"""Make a synthetic image again from what its JSON file records."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

EXAMPLES = (
    "Examples:\n\ntransmodal reproduce fa.json --source t1.nii.gz --run runs/t1-to-fa\n\n"
    "transmodal reproduce pd.json --source t1=t1.nii.gz --source t2=t2.nii.gz\n\n"
    "transmodal reproduce synthetic/sub-01_fa.json --source cohort -o again.nii.gz"
)
_DIFFERENT = 5
"""Exit status where an image did not come out with the recorded bytes."""


Sidecar = Annotated[
    Path, typer.Argument(metavar="SIDECAR", help="JSON file of a synthetic image, or the image.")
]
Sources = Annotated[
    list[str],
    typer.Option(
        metavar="FILE",
        help="What it was made from: an image, a DICOM folder, or a folder, cohort or BIDS dataset with it; "
        "several sources as modality=path, each behind a --source.",
    ),
]
RunFolders = Annotated[
    list[Path] | None,
    typer.Option(
        "--run",
        metavar="RUN",
        help="The run that made it; by default the one with the recorded manifest, here or below. Of an ensemble "
        "every run, each behind a --run.",
    ),
]
Output = Annotated[Path | None, typer.Option("-o", "--output", help="Image to write; none by default.")]
Weights = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=PATH", help="Where a frozen network's weights lie now."),
]
Series = Annotated[
    str | None,
    typer.Option(metavar="UID", help="Of a DICOM folder, where the series was named by SeriesInstanceUID."),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an output that is synthetic itself.")]
AsJson = Annotated[
    bool,
    typer.Option("--json", help="Print one JSON object instead: whether it is equal, and what differs."),
]


def run(
    sidecar: Sidecar,
    source: Sources,
    trained: RunFolders = None,
    output: Output = None,
    weights: Weights = None,
    series: Series = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Translate again with the recorded passes, options and threads, and say whether the bytes are the same.

    On the CPU the same run, source and versions give the same bytes: exit status 0. Where the bytes are others it is 5, and
    each recorded thing that is not so here is named: versions, machine, the run's manifest, the source.
    """
    import json

    from transmodal.commands._progress import bars
    from transmodal.commands._reproducing import reproduce

    with bars() as progress:
        reproduction = reproduce(
            sidecar,
            source,
            run=trained or None,
            output=output,
            weights=weights or (),
            series=series,
            overwrite=overwrite,
            progress=progress,
        )
    print(json.dumps(reproduction.to_json(), indent=1) if as_json else "\n".join(reproduction.lines()))
    if not reproduction.is_equal:
        raise typer.Exit(_DIFFERENT)
