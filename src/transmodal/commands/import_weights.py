"""Make a run of a model that another program trained."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

EXAMPLES = (
    "Examples:\n\n"
    "transmodal import latest_net_G.pth -o runs/theirs --source t1 --target ct --intensity t1=p0.5,p99.5 "
    "--intensity ct=-1000,2000\n\n"
    "transmodal import latest_net_G_A.pth -o runs/theirs --source t1,t2 --target pd --intensity t1=0,800 "
    "--intensity t2=0,900 --intensity pd=0,1000 --fit ignore"
)


class ImportedFit(StrEnum):
    """Ways in which slices came to the windows."""

    PAD = "pad"
    KEEP = "keep"
    IGNORE = "ignore"


def run(
    weights: Annotated[
        Path, typer.Argument(help="latest_net_G.pth of the pix2pix or CycleGAN code; only tensors are read.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="Run folder to write.")],
    source: Annotated[str, typer.Option(help="Source modalities in the order of the network's channels.")],
    target: Annotated[str, typer.Option(help="Target modality.")],
    intensity: Annotated[
        list[str],
        typer.Option(
            metavar="NAME=LOW,HIGH",
            help="What became -1 to 1 in training, once per modality: in real units, or p0.5,p99.5 in percentiles.",
        ),
    ],
    size: Annotated[str, typer.Option(help="Sides of the windows that it was trained on.")] = "256,256",
    fit: Annotated[
        ImportedFit, typer.Option(help="How slices came to them: padded, padded and resized, or resized.")
    ] = ImportedFit.PAD,
    axes: Annotated[str, typer.Option(help="Slice axes, such as z.")] = "z",
) -> None:
    """Write a generator of the pix2pix and CycleGAN family as a run, which translate, evaluate and train --from take."""
    from transmodal.commands._importing import import_weights

    place = import_weights(
        weights,
        output,
        source=source,
        target=target,
        intensity=intensity,
        size=size,
        fit=fit.value,
        axes=axes,
    )
    print(f"{place}: imported; see {place / 'MODEL_CARD.md'}")
