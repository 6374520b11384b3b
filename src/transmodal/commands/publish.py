"""Write a run as a page that translates in the browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

EXAMPLES = (
    "Examples:\n\n"
    "transmodal publish t1-to-fa-demo -o model.html          (of the package: transmodal models)\n\n"
    "transmodal publish runs/t1-to-fa -o model.html\n\n"
    "transmodal publish runs/t1-to-fa -o model.html --axes x,y,z\n\n"
    "transmodal publish runs/pd -o pd.html --example t1=t1.nii.gz --example t2=t2.nii.gz"
)


def run(
    trained: Annotated[
        Path,
        typer.Argument(
            metavar="RUN", help="Folder of a trained run, its exported file, or a name of transmodal models."
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="The page, ending in .html.")],
    example: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[MODALITY=]PATH",
            help="An image that the page brings along, once for each source; whoever has the page has it. A virtual "
            "subject by default.",
        ),
    ] = None,
    axes: Annotated[
        str, typer.Option(help="Slice axes to pass over, such as z or x,y,z; the recipe's by default.")
    ] = "",
    fuse: Annotated[Literal["mean", "median"] | None, typer.Option(help="How the passes become one.")] = None,
    checkpoint: Annotated[str, typer.Option(help="best or last.")] = "best",
    gpu: Annotated[
        bool,
        typer.Option(
            "--gpu", help="Also hold what computes on a graphics card (WebGPU), for browsers that have it."
        ),
    ] = False,
) -> None:
    """Write a run as one HTML file that opens offline: drop a NIfTI file on it, scroll, save the synthetic volume.

    The page holds the network and what computes it (ONNX Runtime Web); images that are dropped on it stay on the machine.
    """
    from transmodal.commands._publishing import publish

    page = publish(
        trained,
        output,
        example=example or (),
        axes=axes,
        fuse=fuse,
        checkpoint=checkpoint,
        gpu=gpu,
    )
    print(f"{page} ({page.stat().st_size / 1e6:.1f} MB)")
