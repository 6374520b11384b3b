"""The work on one volume: read, checked at the gate, translated, written with its sidecar; here or on a worker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from transmodal.cohorts.patient_marks import PatientKey
from transmodal.commands import _bids, _dicom_out, _gate
from transmodal.commands._dicom_out import DicomOptions
from transmodal.commands._jobs import Job, mark_training_subject
from transmodal.errors import InputError, IntegrityError
from transmodal.inference import engines, pictures
from transmodal.inference.ensemble import Translating, as_loaded
from transmodal.inference.fuse import Fuse
from transmodal.inference.gate import Policy
from transmodal.inference.intervals.interval import VoxelInterval
from transmodal.inference.load import load
from transmodal.inference.memory import MemoryEstimate
from transmodal.inference.model import Model
from transmodal.inference.passes import BY_RECIPE, Passes
from transmodal.inference.translation import Translation
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
        dicom: how series of DICOM are written; None writes files by their endings.
        interval: level of the interval whose ends are written too; None writes none.
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
    dicom: DicomOptions | None = None
    interval: float | None = None

    @property
    def has_region(self) -> bool:
        """Whether the region that the run translates is written too, beside each series."""
        return self.dicom is not None and self.dicom.has_region


class Loading(NamedTuple):
    """How a model comes from its run, here and on every worker.

    Attributes:
        run: folder of a trained run, a file that it was exported as, or a name of `transmodal models`.
        checkpoint: `best` or `last`.
        device: where it computes; None takes a GPU where there is one.
        weights: where frozen networks' weights lie now, as pairs of name and path.
        engine: what computes the network.
        passes: by which it translates.
        other_runs: runs that translate together with it.
        combine: how the volumes of several runs become one; None takes the mean.
    """

    run: str | Path
    checkpoint: str = "best"
    device: str | None = None
    weights: tuple[tuple[str, str], ...] = ()
    engine: str = engines.DEFAULT
    passes: Passes = BY_RECIPE
    other_runs: tuple[str | Path, ...] = ()
    combine: Fuse | None = None

    def load(self) -> Translating:
        """Return the model, or the ensemble where there are several runs.

        Raises:
            TransmodalError: as `inference.load.load`, `Model.with_passes` and `ensemble.as_loaded`.
        """
        return as_loaded([self._load(run) for run in (self.run, *self.other_runs)], self.combine)

    def _load(self, run: str | Path) -> Model:
        model = load(
            run,
            checkpoint=self.checkpoint,
            device=self.device,
            weights=dict(self.weights),
            engine=self.engine,
        )
        return model.with_passes(self.passes)


class Translated(NamedTuple):
    """An image that was written, and the gate's outcome."""

    image: WrittenImage
    outcome: str


@dataclass(frozen=True, slots=True)
class VolumeWork:
    """The work on every volume of a request.

    Attributes:
        request: that it is of.
        alone: whether it is the only one.
        dataset: the BIDS dataset that outputs are derivatives of; None for no derivatives.
        interval: that is written around each; None for none.
    """

    request: Request
    alone: bool
    dataset: Path | None = None
    interval: VoxelInterval | None = None

    def translate(
        self,
        job: Job,
        model: Translating,
        advance: Callable[[int, int], None] | None = None,
        announce: Callable[[MemoryEstimate], None] | None = None,
    ) -> Translated | InputError:
        """Translate a volume and write it; return why not, where its sources are refused.

        Args:
            job: the volume.
            model: that translates.
            advance: told how far it is.
            announce: told how much memory it takes.

        Raises:
            TransmodalError: as `transmodal.translate`, but for errors of the sources.
        """
        gate = _gate.of(job, self.request.gate, alone=self.alone)
        try:
            sources = job.read()
            if announce is not None:
                announce(model.estimate(sources))
            translation = model.translate(sources, advance=advance, gate=gate)
            if self.interval is not None:
                translation = self.interval.apply(translation, model.preprocessing.bounds)
            translation = pictures.in_levels(translation, model.preprocessing, job.output)
        except InputError as error:
            return error
        if self.dataset is not None:
            _bids.open_derivatives(self.dataset, self.request.output, model.preprocessing.target)
        image = write_image(translation, job, model, self.request)
        return Translated(image, translation.record["gate"]["outcome"])


@dataclass(frozen=True, slots=True)
class RemoteWork:
    """The same on a worker, which loads the model once and keeps it.

    Attributes:
        work: that is done.
        loading: of the model.
        digest: of its weights, where the work was asked for.
    """

    work: VolumeWork
    loading: Loading
    digest: str

    def __call__(self, job: Job) -> Translated | InputError:
        """Translate a volume.

        Raises:
            IntegrityError: E501 when the run is another one by now.
            TransmodalError: as `VolumeWork.translate`.
        """
        return self.work.translate(job, _loaded(self.loading, self.digest))


@lru_cache(maxsize=1)
def _loaded(loading: Loading, digest: str) -> Translating:
    model = loading.load()
    if model.digest != digest:
        raise IntegrityError(
            "E501",
            f"weights of {loading.run} with the SHA-256 {model.digest[:12]}",
            f"{digest[:12]}, as when the command began",
            "Translate when the run is no longer being trained.",
        )
    return model


def write_image(translation: Translation, job: Job, model: Translating, request: Request) -> WrittenImage:
    """Write a translation with its sidecar, which says where its sources come from and how they were read.

    Raises:
        TransmodalError: as `Translation.write`.
    """
    translation = translation if request.dicom is None else request.dicom.place(translation)
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
    form = (
        None
        if request.dicom is None
        else _dicom_out.form_of(job, translation, request.dicom, model.preprocessing.region)
    )
    sidecar = translation.write(job.output, disagreement=request.disagreement, about=about, form=form)
    notes = notes if form is None else (*notes, *form.notes(translation.volume))
    return WrittenImage(job.name, job.output, sidecar, notes)
