"""T1 of a virtual subject under another sequence: tissue contrast, shading and noise, for the demonstration model."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from transmodal.cohorts.case import Case
from transmodal.cohorts.simulation import acquisition
from transmodal.cohorts.simulation.atlas import AtlasSubject
from transmodal.cohorts.simulation.contrasts import LABELS
from transmodal.cohorts.simulation.draws import stream
from transmodal.cohorts.simulation.render import FLUID, GREY, WHITE
from transmodal.storage import files
from transmodal.volumes import Volume

Floats = NDArray[np.floating]


class Contrast(NamedTuple):
    """Signal of tissues relative to white matter, and what the scanner adds.

    Attributes:
        fluid: signal of CSF; 0.31 in the embedded T1.
        grey: signal of grey matter; 0.75 in the embedded T1.
        bright: signal of what is twice as bright as white matter in the embedded T1, such as fat.
        shading: standard deviation of the logarithm of the bias field.
        noise: standard deviation of the noise.
    """

    fluid: float
    grey: float
    bright: float
    shading: float
    noise: float


SHIFTS = {
    "steep": Contrast(0.15, 0.60, 2.0, 0.02, 0.01),  # as an inversion-prepared sequence at 3 T
    "flat": Contrast(0.48, 0.86, 1.8, 0.02, 0.01),
    "shaded": Contrast(0.31, 0.75, 2.0, 0.12, 0.01),
    "noisy": Contrast(0.31, 0.75, 2.0, 0.02, 0.06),
}
"""Contrasts at the edges of what is drawn for training; the noise of the last, and its shading, lie beyond them."""


def draw_contrast(rng: np.random.Generator) -> Contrast:
    """Draw a contrast wider than T1-weighted sequences of adults have: training's."""
    fluid, grey = rng.uniform(0.12, 0.5), rng.uniform(0.58, 0.88)
    return Contrast(
        fluid, max(grey, fluid + 0.12), rng.uniform(1.2, 2.6), rng.uniform(0, 0.1), rng.uniform(0, 0.04)
    )


@dataclass(frozen=True, slots=True)
class ContrastSubject:
    """A virtual subject whose T1 has another contrast; a `CaseMaker`.

    Attributes:
        subject: the subject.
        contrast: of its T1; None draws one from the subject's own seed.
    """

    subject: AtlasSubject
    contrast: Contrast | None = None

    @property
    def id(self) -> str:
        """Name of the case."""
        return self.subject.id

    @property
    def patient(self) -> str:
        """Every virtual subject is a patient of its own."""
        return self.subject.patient

    def fingerprint(self) -> str:
        """Return a hash of everything that the case is made from."""
        parts = {"subject": asdict(self.subject), "contrast": self._drawn()._asdict()}
        return files.sha256_text(json.dumps(parts, sort_keys=True))

    def load(self) -> Case:
        """Make the case and change its T1."""
        case = self.subject.load()
        if case.segmentation is None:
            raise ValueError("subjects without a segmentation have no level of white matter")
        voxels = change_contrast(case.volumes["t1"], case.segmentation, self._drawn(), self._stream("voxels"))
        return replace(case, volumes={**case.volumes, "t1": case.volumes["t1"].with_voxels(voxels)})

    def _drawn(self) -> Contrast:
        return self.contrast or draw_contrast(self._stream("contrast"))

    def _stream(self, purpose: str) -> np.random.Generator:
        return stream(self.subject.seed, self.subject.index, f"demo-model/{purpose}")


def change_contrast(
    t1: Volume, segmentation: Volume, contrast: Contrast, rng: np.random.Generator
) -> NDArray[np.int16]:
    """Return the voxels of T1 under another contrast; zeros outside of a stripped T1 stay zeros.

    Args:
        t1: as the simulator renders it.
        segmentation: its labels, on the same grid.
        contrast: to change to.
        rng: of shading and noise.
    """
    voxels = t1.voxels.astype(np.float32)
    white = float(np.median(voxels[segmentation.voxels == LABELS["wm"]]))
    curve = PchipInterpolator(
        [0, FLUID / WHITE, GREY / WHITE, 1, 2], [0, contrast.fluid, contrast.grey, 1, contrast.bright]
    )
    signal = curve(np.minimum(voxels / white, 2)).astype(np.float32)
    signal *= np.exp(acquisition.bias(rng, _scanner_mm(t1), contrast.shading))
    noisy = acquisition.rician(rng, signal, contrast.noise) * np.float32(white)
    is_stripped = float(np.mean(voxels == 0)) > 0.2
    kept = np.where(voxels > 0, noisy, 0) if is_stripped else noisy
    return np.rint(kept.clip(0, 32767)).astype(np.int16)


def _scanner_mm(volume: Volume) -> NDArray[np.float32]:
    """Return the voxels' positions, `(3, I, J, K)` in mm."""
    indices = np.indices(volume.voxels.shape, dtype=np.float32)
    affine = volume.affine.astype(np.float32)
    return np.tensordot(affine[:3, :3], indices, axes=1) + affine[:3, 3][:, None, None, None]
