"""The verb behind `translate`: images in files, folders, a BIDS dataset or a cohort, each written with its sidecar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

from transmodal.cohorts.patient_marks import PatientKey
from transmodal.commands import _bids, _gate, _sources
from transmodal.commands._jobs import Job, keys_of, mark_training_subject
from transmodal.commands._notes import Notes
from transmodal.commands._passes import letters
from transmodal.commands._places import check_places
from transmodal.commands._resuming import Earlier, find_earlier, say_earlier
from transmodal.errors import InputError, UsageError
from transmodal.inference import pictures
from transmodal.inference.gate import Policy
from transmodal.inference.load import load
from transmodal.inference.model import Model
from transmodal.inference.names import sidecar_of
from transmodal.inference.passes import Passes
from transmodal.inference.translation import Translation
from transmodal.progress import Progress, Silent
from transmodal.storage import memory
from transmodal.volumes.reading import STRICT, Reading


class WrittenImage(NamedTuple):
    """An image that was written.

    Attributes:
        name: of the source or the case.
        image: the synthetic image.
        sidecar: how it came about, JSON.
        notes: for its reader; they stand in the sidecar too.
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


@dataclass(frozen=True, slots=True)
class Request:
    """Which images are translated, and how they are read, checked and written.

    Attributes:
        words: a path, or `modality=path` for several sources.
        output: image to write, or folder for several.
        reading: how files are read.
        split: of a cohort: `train`, `validation`, `test` or `all`.
        images: of a BIDS dataset: which.
        overwrite: whether images may be replaced that are synthetic themselves.
        disagreement: whether the standard deviation over the passes is written too.
        gate: what becomes of sources that do not look like training's.
        record_names: whether sidecars have the names of the sources' files.
        keys: by which the subjects of the training are known (`cohorts.patient_marks`).
    """

    words: Sequence[str]
    output: Path
    reading: Reading = STRICT
    split: str = "test"
    images: _bids.Selection = _bids.EVERY_IMAGE
    overwrite: bool = False
    disagreement: bool = False
    gate: Policy = "refuse"
    record_names: bool = False
    keys: tuple[PatientKey, ...] = ()


def translate(
    run: str | Path,
    sources: str | Path | Sequence[str | Path] | Mapping[str, str | Path],
    output: str | Path,
    *,
    split: str = "test",
    training_cohort: str | Path | None = None,
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
    record_names: bool = False,
    progress: Progress | None = None,
) -> list[WrittenImage]:
    """Translate images that lie in files, folders, a BIDS dataset or a cohort, and write them with their sidecars.

    Args:
        run: folder of a trained run.
        sources: an image, a DICOM folder, a folder of images, a BIDS dataset or a cohort; several sources by
            modality, or as words `modality=path`.
        output: image to write, or folder for several.
        split: of a cohort: `train`, `validation`, `test` or `all`.
        training_cohort: what the run learned from, to find subjects by that it learned from.
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
        record_names: write the names of the sources' files into the sidecars.
        progress: where the work reports to.

    Returns:
        The images that were written, in order.

    Raises:
        UsageError: E001, E004 for words that do not fit the run, E005 for a place that cannot be written.
        InputError: for a source that cannot be read, or is not what the run learned from: E140, or E141 once
            the others of several are translated.
        ResourceError: E404 for a device that is not there, E403 where nothing can be written.
    """
    request = Request(
        _sources.words_of(sources),
        Path(output),
        Reading(nonfinite, orientation_from, assume_orientation, frame, series),
        split,
        _bids.Selection(tuple(subject), space),
        overwrite,
        disagreement,
        gate,
        record_names,
        keys_of(training_cohort),
    )
    passes = Passes(letters(axes), fuse, draws, translate_with)
    model = load(Path(run), checkpoint=checkpoint, device=device, weights=_sources.weights(weights))
    return translate_images(model.with_passes(passes), request, progress or Silent())


@memory.guarded("volumes were translated", "Free memory, crop the volumes, or pass over one axis: --axes z.")
def translate_images(model: Model, request: Request, progress: Progress) -> list[WrittenImage]:
    """Translate the images of a request one by one, past those that the gate refuses.

    Raises:
        TransmodalError: as `translate`.
    """
    jobs, earlier, dataset = _plan(model, request)
    say_earlier(jobs, earlier, progress)
    notes, tally = Notes(progress), _gate.GateTally(jobs)
    images = []
    for n, job in enumerate(jobs, start=1):
        previous = earlier.get(job.output)
        if previous is not None and previous.is_complete:
            tally.add(previous.record["gate"]["outcome"])
            images.append(_of_earlier(job, previous))
            continue
        advance = partial(progress.advance, job.name)
        gate = _gate.of(job, request.gate, alone=len(jobs) == 1)
        try:
            sources = job.read()
            notes.say_memory(model.estimate(sources))
            translation = model.translate(sources, advance=advance, gate=gate)
            translation = pictures.in_levels(translation, model.preprocessing, job.output)
        except InputError as error:
            tally.refuse(job, error)
            continue
        tally.add(translation.record["gate"]["outcome"])
        if dataset is not None:
            _bids.open_derivatives(dataset, request.output, model.preprocessing.target)
        images.append(write_image(translation, job, model, request))
        notes.say(images[-1].notes)
        if len(jobs) > 1:
            progress.advance("volumes", n, len(jobs))
    tally.report(progress)
    return images


class _Plan(NamedTuple):
    """A job for each volume, the outputs of an earlier call, and the BIDS dataset that they are derivatives of."""

    jobs: list[Job]
    earlier: dict[Path, Earlier]
    dataset: Path | None


def _plan(model: Model, request: Request) -> _Plan:
    """Plan the jobs of a request; all places can be written."""
    preprocessing, output = model.preprocessing, request.output
    path = Path(request.words[0])
    is_dataset = len(request.words) == 1 and _bids.is_dataset(path)
    if is_dataset:
        jobs = _bids.jobs(path, preprocessing, output, request.reading, request.images)
    elif request.images != _bids.EVERY_IMAGE:
        raise UsageError(
            "E004", "--subject or --space without a BIDS dataset", "a BIDS dataset", "Leave them out."
        )
    else:
        jobs = _sources.find(
            request.words, preprocessing, output, split=request.split, reading=request.reading
        )
    earlier = (
        {}
        if request.overwrite
        else find_earlier(jobs, model, disagreement=request.disagreement, gate=request.gate)
    )
    check_places(jobs, overwrite=request.overwrite, disagreement=request.disagreement, begun_before=earlier)
    for job in jobs:
        pictures.check(preprocessing, job.output, disagreement=request.disagreement)
    if is_dataset:
        _bids.check_derivatives(output)
    return _Plan(jobs, earlier, path if is_dataset else None)


def _of_earlier(job: Job, earlier: Earlier) -> WrittenImage:
    return WrittenImage(job.name, job.output, sidecar_of(job.output), tuple(earlier.record["notes"]))


def write_image(translation: Translation, job: Job, model: Model, request: Request) -> WrittenImage:
    """Write a translation with its sidecar, which says where its sources come from and how they were read.

    Raises:
        TransmodalError: as `Translation.write`.
    """
    about = {
        "origins": job.origins(),
        "reading": job.describe_reading(),
        **job.about,
        **mark_training_subject(job, model, request.keys),
    }
    notes = (*translation.record["notes"], *job.assumed(), *about.pop("notes", ()))
    about["notes"] = list(notes)
    if request.record_names:
        about["source_names"] = job.source_names()
    sidecar = translation.write(job.output, disagreement=request.disagreement, about=about)
    return WrittenImage(job.name, job.output, sidecar, notes)
