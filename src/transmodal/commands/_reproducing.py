"""The verb behind `reproduce`: a translation once more, by what its sidecar records, and whether the bytes are the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from transmodal.commands import _bids, _dicom_out, _gate, _sources
from transmodal.commands._jobs import Job, mark_series
from transmodal.commands._places import check_places
from transmodal.commands._volume_work import Request, write_image
from transmodal.commands._words import list_words
from transmodal.errors import InputError, ResourceError, UsageError
from transmodal.inference import pictures
from transmodal.inference.device import device_of
from transmodal.inference.ensemble import Translating, as_loaded
from transmodal.inference.intervals.interval import of_record
from transmodal.inference.load import load
from transmodal.inference.names import SPREADS, suffix_of
from transmodal.inference.preprocessing import Preprocessing
from transmodal.inference.provenance import environment, origin, recorded
from transmodal.inference.provenance import sidecar as sidecars
from transmodal.inference.provenance.environment import EnvironmentDifference
from transmodal.inference.provenance.origin import CheckpointOrigin
from transmodal.inference.provenance.recorded import Recorded
from transmodal.inference.provenance.sidecar import Sidecar
from transmodal.models import library
from transmodal.progress import Progress, Silent
from transmodal.storage import memory
from transmodal.volumes.reading import Reading

_DIGITS = 12


class Reproduction(NamedTuple):
    """A translation that was made again.

    Attributes:
        images: how each image differs from the recorded one, in words, by its recorded file name; empty words for
            the same bytes.
        differences: of recorded things that are not so here.
        output: the image that was written; None where none was asked for.
    """

    images: Mapping[str, tuple[str, ...]]
    differences: tuple[EnvironmentDifference, ...]
    output: Path | None

    @property
    def is_equal(self) -> bool:
        """Whether every image came out with the recorded bytes."""
        return not any(self.images.values())

    def lines(self) -> list[str]:
        """Return the outcome of each image on a line, then what differs."""
        outcomes = [
            f"not equal: {name} has {' and '.join(words)}" if words else f"equal: {name}, byte for byte"
            for name, words in self.images.items()
        ]
        return outcomes + [f"differs: {difference.line()}" for difference in self.differences]

    def to_json(self) -> dict[str, Any]:
        """Return it as `--json` prints it."""
        return {
            "equal": self.is_equal,
            "images": {name: list(words) for name, words in self.images.items()},
            "differences": [difference._asdict() for difference in self.differences],
            "output": None if self.output is None else str(self.output),
        }


class _OutputPlace(NamedTuple):
    """An image to write, and whether it may replace one that is synthetic itself."""

    path: Path
    overwrite: bool


@memory.guarded("a volume was translated", "Free memory.")
def reproduce(
    sidecar: str | Path,
    sources: str | Path | Sequence[str | Path] | Mapping[str, str | Path],
    *,
    run: str | Path | Sequence[str | Path] | None = None,
    output: str | Path | None = None,
    weights: Sequence[str] | Mapping[str, str] = (),
    series: str | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Reproduction:
    """Translate again by what a sidecar records, on as many threads, and compare the bytes.

    Args:
        sidecar: of the synthetic image, or the image.
        sources: what it was made from: an image, a DICOM folder, or a folder, a cohort or a BIDS dataset that holds
            it; several sources by modality, or as words `modality=path`.
        run: that made it, or its name of `transmodal models`; by default the one whose manifest is recorded, found in the
            working directory, beside the sidecar, or up to two folders below; of an ensemble the runs, in any order.
        output: image to write; none by default.
        weights: where frozen networks' weights lie now, by name or as words `name=path`.
        series: of a DICOM folder with several, where it was named by its SeriesInstanceUID.
        overwrite: replace an output that is synthetic itself.
        progress: where the work reports to.

    Raises:
        UsageError: E004 for a series that is not the recorded one, E005 for an output that cannot be.
        InputError: E102 for a sidecar that does not record enough, E134 where there is no such run, E100 where the
            source is not among several.
        IntegrityError: E501 for a sidecar that was changed, or a damaged checkpoint.
    """
    before = sidecars.read(sidecars.place_of(Path(sidecar)))
    before.check()
    settings = recorded.parse(before)
    place = None if output is None else _OutputPlace(Path(output), overwrite)
    with environment.threads(settings.environment.threads), TemporaryDirectory() as scratch:
        runs = [] if run is None else [library.resolve(name) for name in list_words(run)]
        model = _load(before, settings, runs, _sources.weights(weights))
        reading = _reading_of(settings, series)
        jobs = _list_jobs(list_words(sources), model.preprocessing, reading, Path(scratch))
        job = _choose(jobs, before)
        job = replace(job, output=Path(scratch) / Path(settings.image.name).name)
        after = _translate(model, job, before, place, progress or Silent())
        output = None if place is None else place.path
        return Reproduction(_compare_images(before, after), tuple(_compare(before, after)), output)


def _load(
    sidecar: Sidecar, settings: Recorded, runs: Sequence[Path], weights: Mapping[str, str]
) -> Translating:
    """Load the checkpoints that made the image: one, or those of an ensemble."""
    origins, device = origin.all_of(sidecar.content), _device_of(settings.environment.device)
    members = []
    for n, (recorded_origin, recorded_run) in enumerate(zip(origins, settings.runs, strict=True)):
        folder = _find_folder(sidecar, recorded_origin, runs, n)
        name = origin.find_checkpoint(recorded_origin, folder) or recorded_origin.name
        model = load(folder, checkpoint=name, device=device, weights=weights, engine=recorded_run.engine)
        model = model.with_passes(recorded_run.passes_of(has_axes=model.has_axes))
        members.append(replace(model, preprocessing=replace(model.preprocessing, batch=recorded_run.batch)))
    return as_loaded(members, None if settings.ensemble is None else settings.ensemble.combine)


def _find_folder(sidecar: Sidecar, recorded_origin: CheckpointOrigin, runs: Sequence[Path], n: int) -> Path:
    """Return the run with a checkpoint: of those that are named the one that has it, else the one at its place.

    Raises:
        InputError: E134 where there is none.
    """
    if runs:
        own = (run for run in runs if origin.find_checkpoint(recorded_origin, run))
        folder = next(own, runs[n] if n < len(runs) else None)
    else:
        folder = origin.find_run(recorded_origin, [Path(), sidecar.path.parent])
    if folder is None:
        raise InputError(
            "E134",
            f"no run here with the checkpoint that made {sidecar.path.name}",
            "a run with the recorded manifest, here or up to two folders below",
            "Name the run: --run RUN." if n == 0 else "Name every run of the ensemble, each behind a --run.",
        )
    return folder


def _device_of(name: str) -> str:
    """Return the recorded device where it is here; else the CPU, which is said among the differences."""
    try:
        return str(device_of(name))
    except ResourceError:
        return "cpu"


def _reading_of(settings: Recorded, series: str | None) -> Reading:
    reading, mark = settings.reading, settings.reading.series
    if series is None and mark == mark_series(str(mark)):
        series = mark  # a number, which stands there as it is
    if mark != (None if series is None else mark_series(series)):
        raise UsageError(
            "E004",
            "another series than the recorded one, or none",
            "the SeriesInstanceUID whose hash is recorded" if mark else "no series",
            "Name it: --series UID." if mark else "Leave --series out.",
        )
    return Reading(
        reading.nonfinite, reading.orientation_from, reading.assume_orientation, reading.frame, series
    )


def _list_jobs(
    words: Sequence[str], preprocessing: Preprocessing, reading: Reading, folder: Path
) -> list[Job]:
    path = Path(words[0])
    if len(words) == 1 and _bids.is_dataset(path):
        return _bids.jobs(path, preprocessing, folder, reading)
    return _sources.find(words, preprocessing, folder, split="all", reading=reading)


def _choose(jobs: Sequence[Job], sidecar: Sidecar) -> Job:
    """Return the job of the recorded source: the only one there is, or the one with the recorded hashes."""
    if len(jobs) == 1:
        return jobs[0]
    for job in jobs:
        if job.is_of(sidecar.content.get("origins")):
            return job
    raise InputError(
        "E100",
        f"{len(jobs)} sources, none of which has the recorded SHA-256",
        "the source that was translated",
        "Name its file: --source FILE.",
    )


def _translate(
    model: Translating, job: Job, before: Sidecar, place: _OutputPlace | None, progress: Progress
) -> Sidecar:
    """Translate once more, write as it was written, and to a place where one is named; return the new sidecar."""
    has_spread = any(kind in before.content for kind in SPREADS)
    dicom = _dicom_out.options_in(before.content)
    if dicom is not None:
        # A run that translates everywhere did not make the image, and has no region to write.
        dicom = replace(dicom, has_region=dicom.has_region and model.preprocessing.region != "whole")
        (job,) = _dicom_out.as_series([job], job.output, model.preprocessing.target, dicom)
    request = Request((), job.output, job.reading, disagreement=has_spread, dicom=dicom)
    interval = of_record(before.content)
    if place is not None:
        _check_ending(place.path, job.output.name)
        check_places(
            [replace(job, output=place.path)],
            overwrite=place.overwrite,
            disagreement=has_spread,
            interval=interval is not None,
            has_region=request.has_region,
        )
    # A source that does not fit is said to differ: what the gate refuses is no less to be compared.
    gate = _gate.of(job, "warn", alone=True)
    translation = model.translate(job.read(), advance=partial(progress.advance, job.output.name), gate=gate)
    if interval is not None:
        translation = interval.apply(translation, model.preprocessing.bounds)
    translation = pictures.in_levels(translation, model.preprocessing, job.output)
    if place is not None:
        write_image(translation, replace(job, output=place.path), model, request)
    return sidecars.read(write_image(translation, job, model, request).sidecar)


def _check_ending(place: Path, name: str) -> None:
    if suffix_of(place.name).lower() != suffix_of(name).lower():
        raise UsageError(
            "E005",
            f"output {place.name}",
            f"a name that ends in {suffix_of(name)}, as the recorded image's does",
            "Rename it.",
        )


def _compare_images(before: Sidecar, after: Sidecar) -> dict[str, tuple[str, ...]]:
    images = after.bindings()
    return {
        image.path.name: tuple(image.recorded.differences(images[key].recorded))
        if key in images
        else ("no image",)
        for key, image in before.bindings().items()
    }


def _compare(before: Sidecar, after: Sidecar) -> list[EnvironmentDifference]:
    """Return the recorded things that are not so here: run, sources, device, threads, versions."""
    first, second = before.content, after.content
    differences = []
    for recorded_origin, own in zip(origin.all_of(first), origin.all_of(second), strict=True):
        if recorded_origin.manifest_sha256 != own.manifest_sha256:
            parts = ", ".join(recorded_origin.changed_parts(own.parts))
            differences.append(
                EnvironmentDifference(
                    "the run's manifest",
                    recorded_origin.manifest_sha256[:_DIGITS],
                    f"{own.manifest_sha256[:_DIGITS]}, which differs in {parts}",
                )
            )
    for part, key, words in (
        ("origins", "sha256", "file"),
        ("sources", "voxels_sha256", "voxels"),
        ("sources", "affine_sha256", "place in space"),
    ):
        differences += _compare_sources(first.get(part), second.get(part), key, words)
    return differences + environment.compare(first["environment"], second["environment"])


def _compare_sources(
    first: Mapping[str, Mapping[str, Any]] | None,
    second: Mapping[str, Mapping[str, Any]] | None,
    key: str,
    words: str,
) -> list[EnvironmentDifference]:
    """Compare one hash of each source; a translation from Python knows no files."""
    if first is None or second is None:
        return []
    names = [*first, *(name for name in second if name not in first)]
    hashes = [
        (name, *(str(part.get(name, {}).get(key, "nothing")) for part in (first, second))) for name in names
    ]
    return [
        EnvironmentDifference(f"the {words} of source {name}", recorded_hash[:_DIGITS], hash_here[:_DIGITS])
        for name, recorded_hash, hash_here in hashes
        if recorded_hash != hash_here
    ]
