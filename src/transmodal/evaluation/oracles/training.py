"""Training cases of an oracle, read one at a time, and volumes on the working grid as arrays with channels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transmodal.cohorts.store import PreparedCase
from transmodal.inference.preprocessing import Preprocessed, Preprocessing, preprocess_case
from transmodal.progress import StageProgress
from transmodal.volumes import Volume

Float = NDArray[np.float64]
Mask = NDArray[np.bool_]
Predict = Callable[[Preprocessed], Volume]
"""Returns real values of the target on any grid."""


@dataclass(slots=True)
class OracleCases:
    """Training cases, read one at a time.

    Attributes:
        name: of the oracle, for the progress.
        cases: each with the preprocessing's sources and its target.
        preprocessing: of the model that the oracle stands beside.
        progress: told how far it is.
        n_complete: cases that were read.
    """

    name: str
    cases: Sequence[PreparedCase]
    preprocessing: Preprocessing
    progress: StageProgress | None
    n_complete: int = 0

    def tick(self) -> None:
        """Count one more case as complete."""
        self.n_complete += 1
        if self.progress is not None:
            self.progress(self.name, self.n_complete, len(self.cases))

    def working(self) -> Iterator[tuple[Float, Mask, Float]]:
        """Yield sources `(I, J, K, C)`, region and target `(I, J, K, T)` on the working grid."""
        first, spacing_mm = self.preprocessing.sources[0], self.preprocessing.spacing_mm
        for case in self.cases:
            target = case.volume(self.preprocessing.target, spacing_mm)
            inside = case.region(first, self.preprocessing.region, spacing_mm)
            source = channels(preprocess_case(self.preprocessing, case))
            yield source, inside, with_channels(target.voxels).astype(np.float64)
            self.tick()


def channels(preprocessed: Preprocessed) -> Float:
    """Return the sources on the working grid, `(I, J, K, C)` in [-1, 1], colour channels side by side."""
    stacked: Float = np.concatenate(
        [with_channels(volume.voxels) for volume in preprocessed.working.values()], axis=-1, dtype=np.float64
    )
    return stacked


def volume_of(values: Float, preprocessed: Preprocessed) -> Volume:
    """Return values `(I, J, K, T)` as a volume on the working grid, colour where T is 3."""
    grid = next(iter(preprocessed.working.values())).grid
    voxels = values.astype(np.float32)
    return Volume(voxels if voxels.shape[-1] == 3 else voxels[..., 0], grid.affine)


def with_channels(voxels: NDArray[Any]) -> NDArray[Any]:
    """Return voxels as `(I, J, K, C)`."""
    return voxels if voxels.ndim == 4 else voxels[..., None]
