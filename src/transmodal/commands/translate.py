"""Translate volumes with a trained run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from transmodal.commands._passes import Fusing, Normalising, letters
from transmodal.commands._reading import (
    AssumeOrientation,
    Frame,
    Nonfinite,
    NonfiniteVoxels,
    OrientationFrom,
    reading_of,
)

if TYPE_CHECKING:
    from transmodal.inference.translate import Translation

EXAMPLES = (
    "Examples:\n\n"
    "transmodal translate runs/t1-to-fa t1.nii.gz -o fa.nii.gz\n\n"
    "transmodal translate runs/pd t1=a/t1.nii.gz t2=a/t2.nii.gz -o pd.nii.gz --axes x,y,z --disagreement\n\n"
    "transmodal translate runs/t1-to-fa cohort -o synthetic --split test\n\n"
    "transmodal translate runs/flair-to-t2 dataset -o dataset/derivatives/transmodal          (BIDS)\n\n"
    "transmodal translate runs/agi-net t1=a/t1.nii.gz -o pd.nii.gz          (T2 is missing, and may be)"
)


def run(
    trained: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a trained run.")],
    sources: Annotated[
        list[str],
        typer.Argument(
            help="An image, a DICOM series folder, a folder of images, a BIDS dataset, or a prepared cohort; "
            "several sources as modality=path."
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="Image to write, or folder for several.")],
    split: Annotated[str, typer.Option(help="Of a cohort: train, validation, test or all.")] = "test",
    axes: Annotated[
        str, typer.Option(help="Slice axes to pass over, such as z or x,y,z; the recipe's by default.")
    ] = "",
    fuse: Annotated[Fusing | None, typer.Option(help="How the passes become one.")] = None,
    disagreement: Annotated[
        bool, typer.Option("--disagreement", help="Also write the standard deviation over the passes.")
    ] = False,
    draws: Annotated[
        int,
        typer.Option(
            min=1, help="Passes per axis with noise of their own, of a translator that draws noise."
        ),
    ] = 1,
    translate_with: Annotated[
        Normalising | None,
        typer.Option(
            help="What batch normalisation takes: each window's own statistics, or training's averages; the recipe's "
            "by default."
        ),
    ] = None,
    checkpoint: Annotated[str, typer.Option(help="best or last.")] = "best",
    device: Annotated[str | None, typer.Option(help="cpu or cuda.")] = None,
    weights: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=PATH",
            help="Where a frozen network's weights lie now, such as sam=sam_vit_b_01ec64.pth.",
        ),
    ] = None,
    nonfinite: NonfiniteVoxels = Nonfinite.REFUSE,
    orientation_from: OrientationFrom = None,
    assume_orientation: AssumeOrientation = None,
    frame: Frame = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing output.")] = False,
) -> None:
    """Write the synthetic volume on the source's own grid, with a JSON sidecar that says how it came about."""
    from transmodal.commands import _bids, _sources
    from transmodal.commands._progress import bars
    from transmodal.inference.translate import load

    reading = reading_of(nonfinite, orientation_from, assume_orientation, frame)
    loaded = load(trained, which=checkpoint, device=device, weights=_sources.weights(weights))
    model = loaded.along(letters(axes), fuse.value if fuse else None).drawing(draws)
    model = model.normalising(translate_with.value if translate_with else None)
    dataset = Path(sources[0]) if len(sources) == 1 and _bids.is_dataset(Path(sources[0])) else None
    if dataset is not None:
        jobs = _bids.jobs(dataset, model.view, output, reading)
    else:
        jobs = _sources.find(sources, model.view, output, split=split, reading=reading)
    _sources.check_places(jobs, overwrite=overwrite)
    if dataset is not None:
        _bids.open_derivatives(dataset, output, model.view.target)
    with bars() as shown:
        for n, job in enumerate(jobs, start=1):
            translation = model.translate(
                job.read(),
                advance=lambda done, total, name=job.name: shown.advance(name, done, total),  # type: ignore[misc]  # mypy cannot infer the default
            )
            known = {"origins": job.origins(), **job.about}
            write(translation, job.output, known, disagreement=disagreement)
            if len(jobs) > 1:
                shown.advance("volumes", n, len(jobs))
    for job in jobs:
        print(job.output)


def write(translation: Translation, path: Path, known: Mapping[str, object], *, disagreement: bool) -> None:
    """Write the volume, the spread over the passes on request, and the sidecar bound to them by SHA-256.

    Args:
        translation: what was made.
        path: of the volume.
        known: what the sidecar says besides how the volume came about, such as the sources' hashes.
        disagreement: write the spread.

    Raises:
        UsageError: E004 when the spread is asked for but there was one pass.
    """
    from transmodal.errors import UsageError
    from transmodal.volumes import files, io

    spread = translation.disagreement
    if disagreement and spread is None:
        raise UsageError(
            "E004",
            "--disagreement with one pass",
            "several axes, or draws of noise",
            "Add --axes x,y,z, or --draws N where the translator draws noise, or leave it out.",
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    record = {**translation.record, **known}
    record["image"] = {"name": path.name, "sha256": io.write(translation.volume, path)}
    if disagreement and spread is not None:
        what = "disagreement" if "draws" in translation.record["passes"] else "plane_disagreement"
        beside = path.with_name(f"{_stem(path)}_{what}{_suffix(path)}")
        record[what] = {"name": beside.name, "sha256": io.write(spread, beside)}
    files.write_json(path.with_name(_stem(path) + ".json"), record)


def _suffix(path: Path) -> str:
    return ".nii.gz" if path.name.endswith(".nii.gz") else path.suffix


def _stem(path: Path) -> str:
    return path.name.removesuffix(_suffix(path))
