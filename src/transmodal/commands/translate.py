"""Translate volumes with a trained run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from transmodal.commands._passes import Fusing, Normalising
from transmodal.commands._reading import (
    AssumeOrientation,
    DicomSeries,
    Frame,
    Nonfinite,
    NonfiniteVoxels,
    OrientationFrom,
    reading_of,
)

if TYPE_CHECKING:
    from transmodal.commands._translating import WrittenImage

EXAMPLES = (
    "Examples:\n\n"
    "transmodal translate runs/t1-to-fa t1.nii.gz -o fa.nii.gz\n\n"
    "transmodal translate runs/pd t1=a/t1.nii.gz t2=a/t2.nii.gz -o pd.nii.gz --axes x,y,z --disagreement\n\n"
    "transmodal translate runs/t1-to-fa cohort -o synthetic --split test\n\n"
    "transmodal translate runs/flair-to-t2 dataset -o dataset/derivatives/transmodal --subject sub-01          (BIDS)\n\n"
    "transmodal translate runs/t1-to-fa study -o fa.nii.gz --series 4          (a DICOM folder of several series)\n\n"
    "transmodal translate runs/agi-net t1=a/t1.nii.gz -o pd.nii.gz          (T2 is missing, and may be)"
)


RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a trained run.")]
Sources = Annotated[
    list[str],
    typer.Argument(
        help="An image, a DICOM series folder, a folder of images, a BIDS dataset, or a prepared cohort; "
        "several sources as modality=path."
    ),
]
Output = Annotated[Path, typer.Option("-o", "--output", help="Image to write, or folder for several.")]
Split = Annotated[str, typer.Option(help="Of a cohort: train, validation, test or all.")]
TrainingCohort = Annotated[
    Path | None,
    typer.Option(help="What the run learned from: its key tells whether it learned from the very subject."),
]
Axes = Annotated[
    str, typer.Option(help="Slice axes to pass over, such as z or x,y,z; the recipe's by default.")
]
Fuse = Annotated[Fusing | None, typer.Option(help="How the passes become one.")]
Disagreement = Annotated[
    bool, typer.Option("--disagreement", help="Also write the standard deviation over the passes.")
]
Draws = Annotated[
    int,
    typer.Option(min=1, help="Passes per axis with noise of their own, of a translator that draws noise."),
]
TranslateWith = Annotated[
    Normalising | None,
    typer.Option(
        help="What batch normalisation takes: each window's own statistics, or training's averages; the recipe's "
        "by default."
    ),
]
Checkpoint = Annotated[str, typer.Option(help="best or last.")]
Device = Annotated[str | None, typer.Option(help="cpu or cuda.")]
Weights = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=PATH",
        help="Where a frozen network's weights lie now, such as sam=sam_vit_b_01ec64.pth.",
    ),
]
Subject = Annotated[
    list[str] | None,
    typer.Option(help="Of a BIDS dataset: a subject to translate, such as sub-01; may be repeated."),
]
Space = Annotated[str, typer.Option(help="Of a BIDS dataset: images of this space-, not those without one.")]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace outputs that are synthetic themselves.")
]
Strict = Annotated[
    bool,
    typer.Option("--strict", help="Refuse a source on a warning of the gate, not only on a refusal."),
]
Force = Annotated[bool, typer.Option("--force", help="Translate what the gate refuses; the sidecar says so.")]
RecordNames = Annotated[
    bool,
    typer.Option("--record-names", help="Write the names of the sources' files into the sidecars."),
]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON object: the images written, and notes on them.")
]


def run(
    trained: RunFolder,
    sources: Sources,
    output: Output,
    split: Split = "test",
    training_cohort: TrainingCohort = None,
    axes: Axes = "",
    fuse: Fuse = None,
    disagreement: Disagreement = False,
    draws: Draws = 1,
    translate_with: TranslateWith = None,
    checkpoint: Checkpoint = "best",
    device: Device = None,
    weights: Weights = None,
    nonfinite: NonfiniteVoxels = Nonfinite.REFUSE,
    orientation_from: OrientationFrom = None,
    assume_orientation: AssumeOrientation = None,
    frame: Frame = None,
    series: DicomSeries = None,
    subject: Subject = None,
    space: Space = "",
    overwrite: Overwrite = False,
    strict: Strict = False,
    force: Force = False,
    record_names: RecordNames = False,
    as_json: AsJson = False,
) -> None:
    """Write the synthetic volume on the source's own grid, with a JSON sidecar that says how it came about.

    Several volumes, and interrupted? The same command goes on; what this run has made of the same sources is kept.
    """
    from transmodal.commands import _bids, _gate, _passes, _sources, _translating
    from transmodal.commands._jobs import keys_of
    from transmodal.commands._progress import bars
    from transmodal.inference.load import load

    gate = _gate.policy(strict=strict, force=force)
    reading = reading_of(nonfinite, orientation_from, assume_orientation, frame, series)
    images = _bids.Selection(tuple(subject or ()), space)
    keys = keys_of(training_cohort)
    request = _translating.Request(
        sources, output, reading, split, images, overwrite, disagreement, gate, record_names, keys
    )
    with bars() as progress:
        model = load(trained, checkpoint=checkpoint, device=device, weights=_sources.weights(weights))
        model = model.with_passes(_passes.of(axes, fuse, draws, translate_with))
        results = _translating.translate_images(model, request, progress)
    _print(results, trained, as_json=as_json)


def _print(images: list[WrittenImage], trained: Path, *, as_json: bool) -> None:
    import json

    if as_json:
        print(json.dumps({"run": str(trained), "images": [image.to_json() for image in images]}, indent=1))
        return
    for image in images:
        print(image.image)
