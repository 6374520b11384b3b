"""Write a trained run as an artefact that goes elsewhere."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

EXAMPLES = (
    "Examples:\n\n"
    "transmodal export runs/t1-to-fa -o model.tmz          (one file that translate takes on another machine)\n\n"
    "transmodal export runs/t1-to-fa -o last.tmz --checkpoint last\n\n"
    "transmodal export runs/t1-to-fa -o graph --as onnx --volume t1.nii.gz\n\n"
    "transmodal export model.tmz -o graph --as openvino --window 256,256"
)


class ArtefactForm(StrEnum):
    """Kinds of artefacts."""

    FILE = "file"
    CARD = "card"
    BUNDLE = "bundle"
    ONNX = "onnx"
    OPENVINO = "openvino"
    TORCH = "torch"


Run = Annotated[
    Path,
    typer.Argument(
        metavar="RUN",
        help="Folder of a trained run; its file (.tmz) or a name of transmodal models for a graph.",
    ),
]
Output = Annotated[
    Path, typer.Option("-o", "--output", help="File to write, such as model.tmz; folder for a graph.")
]
As = Annotated[
    ArtefactForm,
    typer.Option(
        "--as",
        help="file: one file that every verb takes in the place of the run. card: its model card. bundle: a folder that MONAI runs. onnx, openvino, torch: the network as a "
        "graph, with its description and its parity with the library.",
    ),
]
Checkpoint = Annotated[str, typer.Option(help="best or last.")]
Volume = Annotated[
    list[str] | None,
    typer.Option(
        metavar="[NAME=]PATH",
        help="Of a graph: test volume that its parity is measured on; may be repeated, once per source. A synthetic "
        "phantom by default.",
    ),
]
Window = Annotated[
    str | None,
    typer.Option(
        metavar="SIDES",
        help="Of a graph: sides of the windows that it takes, such as 256,256; training's by default, widened to the "
        "test volume's slices.",
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an artefact that is there.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object: what was written.")]


def run(
    trained: Run,
    output: Output,
    form: As = ArtefactForm.FILE,
    checkpoint: Checkpoint = "best",
    volume: Volume = None,
    window: Window = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Write a trained run as an artefact that goes elsewhere, with hashes of all that is in it."""
    import json

    from transmodal.commands._exporting import export

    place = export(
        trained,
        output,
        form=form.value,
        checkpoint=checkpoint,
        volume=volume,
        window=window,
        overwrite=overwrite,
    )
    if as_json:
        print(json.dumps({"artefact": str(place), "form": form.value}, indent=1))
    else:
        print(f"{place}: {form.value}, for research and retrospective evaluation; not a medical device")
