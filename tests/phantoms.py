"""Cases that tests make on the spot: one maker, of which a test says what the images hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from transmodal.cohorts.case import Case
from transmodal.cohorts.manifest import CaseEntry, VolumeEntry, matrix
from transmodal.modalities import modality_of
from transmodal.volumes import Volume
from transmodal.volumes.intensity import fit

Values = NDArray[np.generic]


class Place(NamedTuple):
    """Coordinates of every voxel, from -1 to 1 along each axis, and the ellipsoid of a head."""

    i: NDArray[np.float64]
    j: NDArray[np.float64]
    k: NDArray[np.float64]

    def head(self, offset: float = 0.1) -> NDArray[np.bool_]:
        """Return where a head is, off the centre along the first axis."""
        inside: NDArray[np.bool_] = (self.i - offset) ** 2 + self.j**2 + 1.2 * self.k**2 < 0.8
        return inside


class Images(NamedTuple):
    """Values by modality, a mask and labels, all of one shape."""

    volumes: Mapping[str, Values]
    mask: Values | None = None
    labels: Values | None = None


@dataclass(frozen=True)
class Phantom:
    """A case of one patient, made when it is loaded; its images follow from its number."""

    number: int
    prefix: ClassVar[str] = "case"
    shape: ClassVar[tuple[int, int, int]] = (14, 17, 10)
    spacing_mm: ClassVar[tuple[float, float, float]] = (2.0, 2.0, 2.5)

    @property
    def id(self) -> str:
        return f"{self.prefix}{self.number}"

    @property
    def patient(self) -> str:
        return self.id

    def fingerprint(self) -> str:
        return f"{self}"

    def images(self, place: Place) -> Images:
        """Return T1 with noise and FA that follows from it, in a head's mask."""
        head, wave = place.head(), np.sin(3 * place.i + self.number)
        noise = np.random.default_rng(self.number).normal(size=self.shape)
        t1 = np.where(head, 600 + 300 * wave + 40 * noise, 5.0)
        fa = np.where(head, 0.5 + 0.4 * wave, 0)
        return Images({"t1": t1.astype(np.float32), "fa": fa.astype(np.float32)}, head.astype(np.uint8))

    def load(self) -> Case:
        affine = np.diag([*self.spacing_mm, 1.0])
        place = Place(*np.meshgrid(*(np.linspace(-1, 1, n) for n in self.shape), indexing="ij"))
        images = self.images(place)
        volumes = {name: Volume(values, affine) for name, values in images.volumes.items()}
        mask, labels = (
            None if values is None else Volume(values, affine) for values in (images.mask, images.labels)
        )
        return Case(self.id, self.patient, volumes, mask, labels)


@dataclass(frozen=True)
class SmoothPhantom(Phantom):
    """The same without noise, with T2 that falls where T1 rises."""

    shape = (14, 13, 12)

    def images(self, place: Place) -> Images:
        head, wave = place.head(), np.sin(3 * place.i + self.number)
        values = {
            "t1": np.where(head, 600 + 300 * wave, 5.0),
            "t2": np.where(head, 500 - 300 * wave, 5.0),
            "fa": np.where(head, 0.5 + 0.4 * wave, 0.0),
        }
        return Images({name: v.astype(np.float32) for name, v in values.items()}, head.astype(np.uint8))


def entry_of(name: str, patient: str = "", group: str = "", content: str = "") -> CaseEntry:
    """Return the entry of a case that has one image, a T1; the patient is called as the case if nothing is said."""
    volume = VolumeEntry(
        file=f"cases/{name}/t1.npy",
        dtype="<i2",
        shape=(2, 3, 4),
        sha256=f"sha of {name}",
        content_sha256=content or f"content of {name}",
        native_shape=(2, 3, 4),
        native_affine=matrix(np.eye(4)),
        intensity=_INTENSITY,
        fitted_in="whole",
    )
    return CaseEntry(
        id=name,
        patient=patient or name,
        group=group,
        affine=matrix(np.eye(4)),
        volumes={"t1": volume},
        fingerprint=name,
    )


_INTENSITY = fit(modality_of("t1").intensity, np.arange(24)).to_json()
