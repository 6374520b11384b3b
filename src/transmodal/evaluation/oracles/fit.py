"""Oracles: baselines without learning of images, fitted on the training split and scored beside every model.

A model that does not beat `mean_target`, `lookup` and `linear_patch` has not learned translation. They see the
sources through the model's own preprocessing: the same region, spacing and intensity maps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from transmodal.cohorts.store import PreparedCase
from transmodal.errors import InputError, UsageError
from transmodal.evaluation.oracles.linear_patch import fit_linear_patch
from transmodal.evaluation.oracles.lookup import fit_lookup
from transmodal.evaluation.oracles.mean_target import fit_mean_target, fit_registered_mean
from transmodal.evaluation.oracles.training import OracleCases, Predict
from transmodal.inference.preprocessing import Preprocessing, preprocess_case
from transmodal.modalities import modality_of
from transmodal.progress import StageProgress
from transmodal.volumes import Volume
from transmodal.volumes.bounds import physical_bounds
from transmodal.volumes.geometry.reorient import resample

STANDARD = ("mean_target", "lookup", "linear_patch")
REGISTERED = "registered_mean"
"""Registered to each case: the hardest to beat."""
NAMES = (*STANDARD, REGISTERED)


@dataclass(frozen=True, slots=True)
class Oracle:
    """A fitted oracle: a case's sources in, a volume of the target modality out.

    Attributes:
        name: one of `NAMES`.
        preprocessing: the model's preprocessing of volumes.
        predict: gives real values of the target on any grid.
    """

    name: str
    preprocessing: Preprocessing
    predict: Predict = field(repr=False)

    def translate(self, case: PreparedCase) -> Volume:
        """Return the volume on the case's canonical grid, real units; the preprocessing's fill outside the region.

        Values are clipped to what the target can be; to the models' window they are not.
        """
        preprocessed = preprocess_case(self.preprocessing, case)
        values = resample(
            self.predict(preprocessed), preprocessed.canonical.grid, fill=self.preprocessing.fill
        )
        inside = preprocessed.region if values.voxels.ndim == 3 else preprocessed.region[..., None]
        filled = np.where(inside, values.voxels, np.float32(self.preprocessing.fill))
        own = modality_of(self.preprocessing.target).bounds
        return values.with_voxels(physical_bounds(own, self.preprocessing.target_map).clip(filled)[0])

    def translate_case(self, case: PreparedCase) -> Volume:
        """Translate, under the name by which models and oracles are evaluated alike."""
        return self.translate(case)


def fit(
    name: str,
    cases: Sequence[PreparedCase],
    preprocessing: Preprocessing,
    *,
    progress: StageProgress | None = None,
) -> Oracle:
    """Fit an oracle on training cases.

    Args:
        name: one of `NAMES`.
        cases: the training cases, each with the preprocessing's sources and its target.
        preprocessing: of the model that it stands beside.
        progress: told how far it is.

    Raises:
        UsageError: E002 for an unknown name.
        InputError: E132 without training cases.
    """
    check_names([name])
    if not cases:
        raise InputError(
            "E132",
            f"no training case to fit {name} on",
            "one or more",
            "Evaluate without oracles, or on the cohort that the model was trained on.",
        )
    return Oracle(name, preprocessing, _FIT[name](OracleCases(name, cases, preprocessing, progress)))


def check_names(names: Sequence[str]) -> None:
    """Refuse an oracle that is not known.

    Raises:
        UsageError: E002.
    """
    for name in names:
        if name not in NAMES:
            raise UsageError("E002", f"the oracle {name!r}", ", ".join(NAMES), "Choose among these.")


_FIT: dict[str, Callable[[OracleCases], Predict]] = {
    "mean_target": fit_mean_target,
    "lookup": fit_lookup,
    "linear_patch": fit_linear_patch,
    "registered_mean": fit_registered_mean,
}
