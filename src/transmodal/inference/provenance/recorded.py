"""The settings of a translation as its sidecar records them: what is needed to make the same bytes again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from transmodal.errors import InputError
from transmodal.inference import engines
from transmodal.inference.passes import Passes
from transmodal.inference.provenance.sidecar import Sidecar


class _Record(BaseModel):
    """A part of a sidecar; keys that are not needed here are passed over."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")


class RecordedPasses(_Record):
    """The passes that became one volume."""

    axes: list[Literal["x", "y", "z"]]
    fuse: Literal["mean", "median"]
    draws: Annotated[int, Field(ge=1)] = 1
    flips: list[Literal["x", "y", "z"]] = []


class RecordedReading(_Record):
    """The settings that source files were read with; `series` is a number, or the hash of a SeriesInstanceUID."""

    nonfinite: Literal["refuse", "zero"] = "refuse"
    orientation_from: Literal["sform", "qform"] | None = None
    assume_orientation: str | None = None
    frame: int | None = None
    series: str | None = None


class RecordedEnvironment(_Record):
    """The device and the threads of a translation."""

    device: str
    threads: Annotated[int, Field(ge=1, le=4096)]


class RecordedSource(_Record):
    """A source as it was read."""

    voxels_sha256: str
    affine_sha256: str


class RecordedImage(_Record):
    """The synthetic image."""

    name: str


class RecordedRun(_Record):
    """The settings of one of several runs that made an image together."""

    passes: RecordedPasses
    batch: Annotated[int, Field(ge=1)]
    translate_with: Literal["batch_statistics", "running"] | None = None
    engine: str = engines.DEFAULT

    def passes_of(self, *, has_axes: bool) -> Passes:
        """Return the passes as a model takes them; one that cuts patches has no axes."""
        axes, passes = tuple(self.passes.axes) if has_axes else None, self.passes
        return Passes(axes, passes.fuse, passes.draws, self.translate_with, tuple(passes.flips))


class RecordedEnsemble(_Record):
    """The runs that made an image together, and how their volumes became one."""

    combine: Literal["mean", "median"]
    runs: Annotated[list[RecordedRun], Field(min_length=2)]


class Recorded(RecordedRun):
    """A translation as its sidecar records it.

    Attributes:
        passes: that became one volume.
        batch: windows per forward pass.
        translate_with: what batch normalisation took; None where there was nothing to choose.
        engine: that ran the network.
        environment: device and threads.
        sources: as they were read, by modality.
        reading: how files were read.
        image: its name; its ending is the format, and a `.mhd` names its voxels' file by it.
        ensemble: the runs that made it, where there were several.
    """

    environment: RecordedEnvironment
    sources: Mapping[str, RecordedSource]
    reading: RecordedReading = RecordedReading()
    image: RecordedImage
    ensemble: RecordedEnsemble | None = None

    @property
    def runs(self) -> list[RecordedRun]:
        """The settings of each run that made the image: one, or those of an ensemble."""
        return [self] if self.ensemble is None else list(self.ensemble.runs)


def parse(sidecar: Sidecar) -> Recorded:
    """Return the settings that a sidecar records.

    Raises:
        InputError: E102 when it is of an earlier version, or of the spread of an image.
    """
    try:
        return Recorded.model_validate(sidecar.content)
    except ValidationError as error:
        place = ".".join(map(str, error.errors()[0]["loc"]))
        raise InputError(
            "E102",
            f"{sidecar.path.name} does not record {place} of its translation",
            "the sidecar of an image that was translated by this version or a later one",
            "Name the image itself where this is of its spread; where it is older, translate again: "
            "from then on it can be reproduced.",
        ) from error
