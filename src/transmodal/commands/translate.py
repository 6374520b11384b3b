"""Translate volumes with a trained run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from transmodal.commands._clusters import Scheduler, working
from transmodal.commands._dicom_words import DicomWords
from transmodal.commands._groups import grouped
from transmodal.commands._passes import PassWords
from transmodal.commands._reading import SeriesReadingWords
from transmodal.commands._translate_words import ImageWords, RunWords, WritingWords

if TYPE_CHECKING:
    from transmodal.commands._volume_work import WrittenImage

EXAMPLES = (
    "Examples:\n\n"
    "transmodal translate runs/t1-to-fa t1.nii.gz -o fa.nii.gz\n\n"
    "transmodal translate runs/pd t1=a/t1.nii.gz t2=a/t2.nii.gz -o pd.nii.gz --axes x,y,z --disagreement\n\n"
    "transmodal translate runs/t1-to-fa cohort -o synthetic --split test\n\n"
    "transmodal translate runs/flair-to-t2 dataset -o dataset/derivatives/transmodal --subject sub-01          (BIDS)\n\n"
    "transmodal translate runs/t1-to-fa study -o fa.nii.gz --series 4          (a DICOM folder of several series)\n\n"
    "transmodal translate t1-to-fa-demo t1.nii.gz -o fa.nii.gz          (of the package: transmodal models)\n\n"
    "transmodal translate model.tmz t1.nii.gz -o fa.nii.gz          (a run in one file: transmodal export)\n\n"
    "transmodal translate runs/mr-to-ct mr_series -o sct --as dicom          (a series of the same patient and study)\n\n"
    "transmodal translate runs/seed-1 t1.nii.gz -o fa.nii.gz --with-run runs/seed-2 --with-run runs/seed-3 --disagreement\n\n"
    "transmodal translate runs/agi-net t1=a/t1.nii.gz -o pd.nii.gz          (T2 is missing, and may be)"
)


RunFolder = Annotated[
    Path,
    typer.Argument(
        metavar="RUN",
        help="Folder of a trained run, the file (.tmz) that it was exported as, or a name of transmodal models.",
    ),
]
Sources = Annotated[
    list[str],
    typer.Argument(
        help="An image, a DICOM series folder, a folder of images or of cases, a BIDS dataset, or a prepared cohort; "
        "several sources as modality=path."
    ),
]
Output = Annotated[Path, typer.Option("-o", "--output", help="Image to write, or folder for several.")]
TrainingCohort = Annotated[
    Path | None,
    typer.Option(help="What the run learned from: its key tells whether it learned from the very subject."),
]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON object: the images written, and notes on them.")
]


@grouped
def run(
    trained: RunFolder,
    sources: Sources,
    output: Output,
    training_cohort: TrainingCohort = None,
    *,
    images: ImageWords,
    passes: PassWords,
    loading: RunWords,
    reading: SeriesReadingWords,
    writing: WritingWords,
    dicom: DicomWords,
    scheduler: Scheduler = "",
    as_json: AsJson = False,
) -> None:
    """Write the synthetic volume on the source's own grid, with a JSON sidecar that says how it came about.

    Several volumes, and interrupted? The same command goes on; what this run has made of the same sources is kept.
    """
    from transmodal.commands import _translating
    from transmodal.commands._jobs import keys_of
    from transmodal.commands._progress import bars
    from transmodal.commands._volume_work import Request

    request = Request(
        sources,
        output,
        reading.reading(),
        images.split,
        images.selection(),
        writing.overwrite,
        writing.disagreement,
        writing.gate(),
        writing.record_names,
        keys_of(training_cohort),
        dicom.options(),
        writing.interval,
    )
    places = [trained, *map(Path, loading.with_run), output, *_translating.sources_of(sources)]
    with working(scheduler, None, 1, places), bars() as progress:
        written_images = _translating.translate_images(
            loading.loading(trained, passes.passes()), request, progress
        )
    _print(written_images, trained, as_json=as_json)


def _print(images: list[WrittenImage], trained: Path, *, as_json: bool) -> None:
    import json

    if as_json:
        print(json.dumps({"run": str(trained), "images": [image.to_json() for image in images]}, indent=1))
        return
    for image in images:
        print(image.image)
