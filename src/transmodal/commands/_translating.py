"""The verb behind `translate`: images in files, folders, a BIDS dataset or a cohort, each written with its sidecar."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

import torch

from transmodal.cluster.crew import working_on
from transmodal.commands import _bids, _dicom_out, _gate, _sources
from transmodal.commands._dicom_words import DicomWords, words_of
from transmodal.commands._jobs import Job, keys_of
from transmodal.commands._notes import Notes
from transmodal.commands._passes import letters
from transmodal.commands._places import check_places
from transmodal.commands._reading import SeriesReadingWords
from transmodal.commands._resuming import Earlier, find_earlier, say_earlier
from transmodal.commands._volume_work import (
    Loading,
    RemoteWork,
    Request,
    Translated,
    VolumeWork,
    WrittenImage,
)
from transmodal.commands._words import Words, list_words
from transmodal.errors import InputError, UsageError
from transmodal.experiments.pool import work_with_threads
from transmodal.inference import engines, pictures
from transmodal.inference.dicom.region import check_region
from transmodal.inference.ensemble import Translating
from transmodal.inference.gate import Policy
from transmodal.inference.intervals import calibration
from transmodal.inference.intervals.interval import VoxelInterval
from transmodal.inference.names import sidecar_of
from transmodal.inference.passes import Passes
from transmodal.parallel import current_crew
from transmodal.progress import Progress, Silent
from transmodal.storage import memory, orphans


def translate(
    run: str | Path,
    sources: Words,
    output: str | Path,
    *,
    split: str = "test",
    training_cohort: str | Path | None = None,
    axes: str | Sequence[str] = "",
    fuse: Literal["mean", "median"] | None = None,
    disagreement: bool = False,
    interval: float | None = None,
    draws: int = 1,
    translate_with: Literal["batch_statistics", "running"] | None = None,
    flips: str | Sequence[str] = "",
    with_run: str | Path | Sequence[str | Path] = (),
    combine: Literal["mean", "median"] | None = None,
    checkpoint: str = "best",
    device: str | None = None,
    engine: str = engines.DEFAULT,
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
    form: Literal["", "dicom", "parametric-map"] | DicomWords = "",
    scheduler: str = "",
    progress: Progress | None = None,
) -> list[WrittenImage]:
    """Translate images that lie in files, folders, a BIDS dataset or a cohort, and write them with their sidecars.

    Args:
        run: folder of a trained run, the file (`.tmz`) that it was exported as, or a name of `transmodal models`.
        sources: an image, a DICOM folder, a folder of images, a BIDS dataset or a cohort; several sources by
            modality, or as words `modality=path`.
        output: image to write, or folder for several.
        split: of a cohort: `train`, `validation`, `test` or `all`.
        training_cohort: what the run learned from, to find subjects by that it learned from.
        axes: slice axes, such as `x,y,z`; the recipe's by default.
        fuse: how passes become one; the recipe's by default.
        disagreement: also write the standard deviation over the passes, or over the runs of several.
        interval: level of the interval whose lower and upper volume are written too, such as 0.95; the run has to be
            calibrated, by the same passes.
        draws: passes per axis with noise of their own, of a translator that draws noise.
        translate_with: what batch normalisation takes; the recipe's by default.
        flips: axes, such as `x`, along each of which the volume is mirrored for one more pass.
        with_run: another run, or several, that translate together with the first: their volumes become one.
        combine: how the volumes of several runs become one; the mean by default.
        checkpoint: `best` or `last`.
        device: such as `cpu` or `cuda:0`; a GPU by default where there is one.
        engine: what computes the network: `torch`, `onnxruntime`, `openvino`, `auto`, the fastest that is installed and
            computes as torch does, or `int8`, of a run that was quantized.
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
        form: `dicom`, `parametric-map`, or `transmodal.DicomWords(...)` with more of it, writes each volume as a series into a folder;
            by default the ending of the output says the format.
        scheduler: of a dask cluster whose workers translate, as `cluster.crew.working_on` takes it.
        progress: where the work reports to.

    Returns:
        The images that were written, in order.

    Raises:
        UsageError: E001, E004 for words that do not fit the run, E005 for a place that cannot be written.
        InputError: for a source that cannot be read, or is not what the run learned from: E140, or E141 once
            the others of several are translated; E142 for an interval that no calibration suffices for.
        ResourceError: E404 for a device that is not there, E403 where nothing can be written.
    """
    reading = SeriesReadingWords(nonfinite, orientation_from, assume_orientation, frame, series).reading()
    words, dicom = list_words(sources), words_of(form).options()
    images, keys = _bids.Selection(tuple(subject), space), keys_of(training_cohort)
    request = Request(
        words,
        Path(output),
        reading,
        split,
        images,
        overwrite,
        disagreement,
        gate,
        record_names,
        keys,
        dicom,
        interval,
    )
    passes = Passes(letters(axes), fuse, draws, translate_with, letters(flips) or ())
    frozen = _sources.weights(weights)
    other_runs = tuple(list_words(with_run))
    loading = Loading(run, checkpoint, device, tuple(frozen.items()), engine, passes, other_runs, combine)
    with working_on(scheduler, [Path(run), *map(Path, other_runs), request.output, *sources_of(words)]):
        return translate_images(loading, request, progress or Silent())


@memory.guarded("volumes were translated", "Free memory, crop the volumes, or pass over one axis: --axes z.")
def translate_images(loading: Loading, request: Request, progress: Progress) -> list[WrittenImage]:
    """Translate the images of a request, past those that the gate refuses; those of an earlier call are kept.

    Raises:
        TransmodalError: as `translate`.
    """
    model = loading.load()
    interval = None if request.interval is None else _interval(loading, model, request.interval)
    jobs, earlier, dataset = _plan(model, request, interval)
    say_earlier(jobs, earlier, progress)
    notes, tally = Notes(progress), _gate.GateTally(jobs)
    images_by_path: dict[Path, WrittenImage] = {}
    for job in jobs:
        previous = earlier.get(job.output)
        if previous is not None and previous.is_complete:
            tally.add(previous.record["gate"]["outcome"])
            images_by_path[job.output] = _of_earlier(job, previous)
    waiting = {str(job.output): job for job in jobs if job.output not in images_by_path}
    n_done = len(images_by_path)
    work = VolumeWork(request, len(jobs) == 1, dataset, interval)
    for name, result in _results(work, waiting, model, loading, notes, progress):
        n_done += 1
        if isinstance(result, InputError):
            tally.refuse(waiting[name], result)
            continue
        tally.add(result.outcome)
        images_by_path[waiting[name].output] = result.image
        notes.say(result.image.notes)
        if len(jobs) > 1:
            progress.advance("volumes", n_done, len(jobs))
    tally.report(progress)
    return [images_by_path[job.output] for job in jobs if job.output in images_by_path]


def _results(
    work: VolumeWork,
    jobs: Mapping[str, Job],
    model: Translating,
    loading: Loading,
    notes: Notes,
    progress: Progress,
) -> Iterator[tuple[str, Translated | InputError]]:
    """Yield what comes of each volume: by a crew where there is one, else one by one here."""
    crew = current_crew()
    if crew is not None:
        remote = RemoteWork(work, loading, model.digest)
        with _cleared({work.request.output, *(job.output.parent for job in jobs.values())}):
            yield from crew.run(partial(work_with_threads, remote, torch.get_num_threads()), jobs)
        return
    for name, job in jobs.items():
        yield name, work.translate(job, model, partial(progress.advance, job.name), notes.say_memory)


@contextmanager
def _cleared(folders: Collection[Path]) -> Iterator[None]:
    """Remove from folders, when the block is left, what workers that died left half-written; not from folders below them."""
    try:
        yield
    finally:
        for folder in folders:
            orphans.clear(folder)


def sources_of(words: Sequence[str]) -> list[Path]:
    """Return the paths of words that are a path or `modality=path`."""
    return [Path(word.partition("=")[2] if "=" in word else word) for word in words]


class _Plan(NamedTuple):
    """A job for each volume, the outputs of an earlier call, and the BIDS dataset that they are derivatives of."""

    jobs: list[Job]
    earlier: dict[Path, Earlier]
    dataset: Path | None


def _interval(loading: Loading, model: Translating, level: float) -> VoxelInterval:
    """Return the interval of a level by the run's calibration."""
    calibration.check_level(level)
    return calibration.find(loading.run, model).interval(level)


def _plan(model: Translating, request: Request, interval: VoxelInterval | None) -> _Plan:
    """Plan the jobs of a request; all places can be written."""
    preprocessing, output = model.preprocessing, request.output
    path = Path(request.words[0])
    is_dataset = len(request.words) == 1 and _bids.is_dataset(path)
    has_interval = interval is not None
    _dicom_out.check(
        request.dicom, is_dataset=is_dataset, disagreement=request.disagreement, interval=has_interval
    )
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
    if request.dicom is not None:
        jobs = _dicom_out.as_series(jobs, output, preprocessing.target, request.dicom)
    if request.has_region:
        check_region(preprocessing.region)
    earlier = (
        {}
        if request.overwrite
        else find_earlier(
            jobs,
            model,
            disagreement=request.disagreement,
            gate=request.gate,
            keys=request.keys,
            interval=interval,
            has_region=request.has_region,
        )
    )
    check_places(
        jobs,
        overwrite=request.overwrite,
        disagreement=request.disagreement,
        interval=has_interval,
        has_region=request.has_region,
        begun_before=earlier,
    )
    for job in jobs:
        pictures.check(preprocessing, job.output, disagreement=request.disagreement, interval=has_interval)
    if is_dataset:
        _bids.check_derivatives(output)
    return _Plan(jobs, earlier, path if is_dataset else None)


def _of_earlier(job: Job, earlier: Earlier) -> WrittenImage:
    return WrittenImage(job.name, job.output, sidecar_of(job.output), tuple(earlier.record["notes"]))
