"""Cases for tests of pairs: lumps in air, of a head's size, moved or of another head."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from transmodal.cohorts.case import Case
from transmodal.volumes import Volume

SHAPE = (37, 43, 33)
N_CASES = 6


def lumps(seed: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Ellipsoid of lumps in air, a head's size at 5 mm, of a shape of its own."""
    draw = np.random.default_rng(seed)
    i, j, k = np.meshgrid(
        *(np.linspace(-1.4, 1.4, n) * draw.uniform(0.9, 1.15) for n in SHAPE), indexing="ij"
    )
    field = ndimage.gaussian_filter(draw.normal(size=SHAPE), 1.4)
    return np.where(i**2 + 0.8 * j**2 + 1.1 * k**2 < 1, 500 + 90 * field / field.std(), 0)


class Maker:
    """A case with T1 and CT; CT is moved by voxels along j, or of another head."""

    def __init__(self, n: int, *, moved: int = 0, head: int | None = None, masked: bool = True) -> None:
        self.id = f"s{n}"
        self.patient = f"<b>p{n}</b>"
        self._n, self._moved, self._head, self._masked = n, moved, n if head is None else head, masked

    def fingerprint(self) -> str:
        return repr(vars(self))

    def load(self) -> Case:
        t1, own = lumps(self._n), lumps(self._head)
        ct = np.roll(np.where(own > 0, np.abs(own - 480), -1000), self._moved, 1)
        affine = np.diag([-5.0, 5.0, 5.0, 1.0])
        volumes = {"ct": Volume(ct.astype(np.int16), affine), "t1": Volume(t1.astype(np.float32), affine)}
        mask = Volume((t1 > 0).astype(np.uint8), affine) if self._masked else None
        return Case(
            self.id, self.patient, volumes, mask, simulated=frozenset({"ct"}), notes={"registration_mm": 0.25}
        )
