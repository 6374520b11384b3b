"""Translate volumes with a trained run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import typer

from transmodal.commands._passes import Fusing, Normalising, letters
from transmodal.commands._reading import (
    AssumeOrientation,
    DicomSeries,
    Frame,
    Nonfinite,
    NonfiniteVoxels,
    OrientationFrom,
)
from transmodal.progress import Progress

if TYPE_CHECKING:
    from transmodal.inference.gate import Policy

EXAMPLES = (
    "Examples:\n\n"
    "transmodal translate runs/t1-to-fa t1.nii.gz -o fa.nii.gz\n\n"
    "transmodal translate runs/pd t1=a/t1.nii.gz t2=a/t2.nii.gz -o pd.nii.gz --axes x,y,z --disagreement\n\n"
    "transmodal translate runs/t1-to-fa cohort -o synthetic --split test\n\n"
    "transmodal translate runs/flair-to-t2 dataset -o dataset/derivatives/transmodal --subject sub-01          (BIDS)\n\n"
    "transmodal translate runs/t1-to-fa study -o fa.nii.gz --series 4          (a DICOM folder of several series)\n\n"
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
    series: DicomSeries = None,
    subject: Annotated[
        list[str] | None,
        typer.Option(help="Of a BIDS dataset: a subject to translate, such as sub-01; may be repeated."),
    ] = None,
    space: Annotated[
        str, typer.Option(help="Of a BIDS dataset: images of this space-, not those without one.")
    ] = "",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace outputs that are synthetic themselves.")
    ] = False,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Refuse a source on a warning of the gate, not only on a refusal."),
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Translate what the gate refuses; the sidecar says so.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object: the images written, and notes on them.")
    ] = False,
) -> None:
    """Write the synthetic volume on the source's own grid, with a JSON sidecar that says how it came about."""
    import json

    from transmodal.commands import _gate
    from transmodal.commands._progress import bars

    with bars() as shown:
        made = translate(
            trained,
            sources,
            output,
            split=split,
            axes=axes,
            fuse=fuse.value if fuse else None,
            disagreement=disagreement,
            draws=draws,
            translate_with=translate_with.value if translate_with else None,
            checkpoint=checkpoint,
            device=device,
            weights=weights or (),
            nonfinite=nonfinite.value,
            orientation_from=orientation_from.value if orientation_from else None,
            assume_orientation=assume_orientation,
            frame=frame,
            series=series,
            subject=subject or (),
            space=space,
            overwrite=overwrite,
            gate=_gate.policy(strict=strict, force=force),
            progress=shown,
        )
    if as_json:
        print(json.dumps({"run": str(trained), "images": [one.to_json() for one in made]}, indent=1))
        return
    for one in made:
        print(one.image)


class Translated(NamedTuple):
    """An image that was written.

    Attributes:
        name: of the source or the case.
        image: the synthetic image.
        sidecar: how it came about, JSON.
        notes: what its reader has to know; they stand in the sidecar too.
    """

    name: str
    image: Path
    sidecar: Path
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it as `--json` prints it."""
        return {
            "name": self.name,
            "image": str(self.image),
            "sidecar": str(self.sidecar),
            "notes": list(self.notes),
        }


def translate(
    run: str | Path,
    sources: str | Path | Sequence[str | Path] | Mapping[str, str | Path],
    output: str | Path,
    *,
    split: str = "test",
    axes: str | Sequence[str] = "",
    fuse: Literal["mean", "median"] | None = None,
    disagreement: bool = False,
    draws: int = 1,
    translate_with: Literal["batch_statistics", "running"] | None = None,
    checkpoint: str = "best",
    device: str | None = None,
    weights: Sequence[str] | Mapping[str, str] = (),
    nonfinite: Literal["refuse", "zero"] = "refuse",
    orientation_from: Literal["sform", "qform"] | None = None,
    assume_orientation: str | None = None,
    frame: int | None = None,
    series: str | None = None,
    subject: Sequence[str] = (),
    space: str = "",
    overwrite: bool = False,
    gate: Policy = "refuse",
    progress: Progress | None = None,
) -> list[Translated]:
    """Translate images that lie in files, folders, a BIDS dataset or a cohort, and write them with their sidecars.

    Args:
        run: folder of a trained run.
        sources: an image, a DICOM folder, a folder of images, a BIDS dataset or a cohort; several sources by
            modality, or as words `modality=path`.
        output: image to write, or folder for several.
        split: of a cohort: `train`, `validation`, `test` or `all`.
        axes: slice axes, such as `x,y,z`; the recipe's by default.
        fuse: how passes become one; the recipe's by default.
        disagreement: also write the standard deviation over the passes.
        draws: passes per axis with noise of their own, of a translator that draws noise.
        translate_with: what batch normalisation takes; the recipe's by default.
        checkpoint: `best` or `last`.
        device: such as `cpu` or `cuda:0`; a GPU by default where there is one.
        weights: where frozen networks' weights lie now, by name or as words `name=path`.
        nonfinite: what becomes of voxels that are NaN or infinite.
        orientation_from: where sform and qform disagree: which to believe.
        assume_orientation: where a file does not say how it lies: such as `RAS`.
        frame: of a series of volumes, from 0.
        series: of a DICOM folder with several: SeriesNumber or SeriesInstanceUID.
        subject: of a BIDS dataset: those to translate; all by default.
        space: of a BIDS dataset: translate images of this `space-` instead of those without one.
        overwrite: replace images that are synthetic themselves.
        gate: what becomes of sources that do not look like training's: `refuse`, `strict` (refuse on a warning
            too), `warn` (translate all the same, and record it) or `off`.
        progress: told how far it is.

    Returns:
        What was written, in order.

    Raises:
        UsageError: E001, E004 for words that do not fit the run, E005 for a place that cannot be written.
        InputError: for a source that cannot be read, or is not what the run learned from: E140, or E141 once
            the others of several are translated.
        ResourceError: E404 for a device that is not there, E403 where nothing can be written.
    """
    from transmodal.commands import _bids, _gate, _sources
    from transmodal.errors import InputError, UsageError
    from transmodal.inference import pictures
    from transmodal.inference.names import sidecar_of
    from transmodal.inference.translate import load
    from transmodal.inference.write import write
    from transmodal.volumes.reading import Reading

    words = _sources.words_of(sources)
    place = Path(output)
    reading = Reading(nonfinite, orientation_from, assume_orientation, frame, series)
    loaded = load(Path(run), which=checkpoint, device=device, weights=_sources.weights(weights))
    model = loaded.along(letters(axes), fuse).drawing(draws).normalising(translate_with)
    dataset = Path(words[0]) if len(words) == 1 and _bids.is_dataset(Path(words[0])) else None
    if dataset is not None:
        jobs = _bids.jobs(dataset, model.preprocessing, place, reading, _bids.Chosen(tuple(subject), space))
    elif subject or space:
        raise UsageError(
            "E004", "--subject or --space without a BIDS dataset", "a BIDS dataset", "Leave them out."
        )
    else:
        jobs = _sources.find(words, model.preprocessing, place, split=split, reading=reading)
    _sources.check_places(jobs, overwrite=overwrite, disagreement=disagreement)
    for job in jobs:
        pictures.check(model.preprocessing, job.output, disagreement=disagreement)
    if dataset is not None:
        _bids.open_derivatives(dataset, place, model.preprocessing.target)
    notes, tally = _Notes(progress), _gate.Tally(jobs)
    made = []
    for n, job in enumerate(jobs, start=1):
        advance = partial(progress.advance, job.name) if progress is not None else None
        own = _gate.of(job, gate, alone=len(jobs) == 1)
        try:
            translation = model.translate(job.read(), advance=advance, gate=own)
            translation = pictures.in_levels(translation, model.preprocessing, job.output)
        except InputError as error:
            tally.refuse(job, error)
            continue
        tally.add(translation.record["gate"]["outcome"])
        known = {"origins": job.origins(), **job.about, **_sources.learned(job, model)}
        said = (*translation.record["notes"], *job.assumed(), *known.pop("notes", ()))
        write(translation, job.output, {**known, "notes": list(said)}, disagreement=disagreement)
        notes.tell(said)
        made.append(Translated(job.name, job.output, sidecar_of(job.output), said))
        if progress is not None and len(jobs) > 1:
            progress.advance("volumes", n, len(jobs))
    tally.tell(progress)
    return made


class _Notes:
    """Tells each note once, however many images it is of."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._told: set[str] = set()

    def tell(self, notes: Sequence[str]) -> None:
        for note in notes:
            if self._progress is not None and note not in self._told:
                self._told.add(note)
                self._progress.say(f"note: {note}")
