"""A classifier of tissues that stands in where no segmenter is given: one Gaussian of each label's measured contrasts.

It sees a voxel's values and those around it, and no anatomy: quadratic discriminant analysis (Fisher 1936; Hastie,
Tibshirani and Friedman, The Elements of Statistical Learning, section 4.3). It learns from measured contrasts alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from transmodal.cohorts.store import Cohort, PreparedCase
from transmodal.errors import InputError
from transmodal.experiments.study.studies.consistency.steps import grey
from transmodal.experiments.study.units import Content
from transmodal.volumes import Volume

AROUND_MM = 3.0
"""Sigma of the Gaussian that looks around a voxel."""
FEATURES = 2
"""Of every contrast: the voxel's value, and the mean around it."""
_RIDGE = 1e-3  # added to every variance of standardised values, so that no label has an even one
Float = NDArray[np.float64]
Mask = NDArray[np.bool_]
Labels = NDArray[np.int64]


class LearnItem(NamedTuple):
    """The cases that the classifier learns from, as they travel to a process.

    Attributes:
        cohort: whose training split it is.
        contrasts: in order.
    """

    cohort: Path
    contrasts: tuple[str, ...]


class LabelGaussians(NamedTuple):
    """The Gaussian of every label.

    Attributes:
        labels: of the structures, `(L,)`.
        shares: of the voxels, `(L,)`.
        means: of the features, `(L, F)`.
        covariances: of the features, `(L, F, F)`.
    """

    labels: Labels
    shares: Float
    means: Float
    covariances: Float

    def without(self, contrast: int) -> LabelGaussians:
        """Return the Gaussians of the other contrasts: what the classifier had learnt without one.

        Args:
            contrast: its place among them.
        """
        other_features = [n for n in range(self.means.shape[1]) if n // FEATURES != contrast]
        return self._replace(
            means=self.means[:, other_features],
            covariances=self.covariances[:, other_features][:, :, other_features],
        )

    def classify(self, features: Float) -> Labels:
        """Return the likeliest label of each of `(n, F)`."""
        scores = []
        for share, mean, covariance in zip(self.shares, self.means, self.covariances, strict=True):
            centred = features - mean
            distance = np.einsum("nf,nf->n", centred, np.linalg.solve(covariance, centred.T).T)
            scores.append(np.log(share) - 0.5 * (distance + np.linalg.slogdet(covariance)[1]))
        best: Labels = self.labels[np.argmax(scores, axis=0)]
        return best


def learn_gaussians(item: LearnItem) -> Content:
    """Return the Gaussians of the labels of the training cases that have all contrasts, JSON-able.

    Raises:
        InputError: E131 when no training case has the contrasts, a mask and a segmentation.
    """
    cohort = Cohort.open(item.cohort).named_for(item.contrasts)
    features, labels, patients = [], [], []
    for case in cohort.cases("train"):
        segmentation, mask = case.segmentation(), case.mask()
        if segmentation is None or mask is None or not set(item.contrasts) <= set(case.modalities):
            continue
        volumes = [case.volume(name) for name in item.contrasts]
        features.append(take_features([standardise(volume, mask) for volume in volumes], mask))
        labels.append(segmentation[mask].astype(np.int64))
        patients.append(case.patient)
    if not features:
        raise InputError(
            "E131",
            f"no training case with {', '.join(item.contrasts)}, a mask and a segmentation",
            "cases to learn tissues from",
            "Prepare the cohort with segmentations, or name a segmenter: --option segmenter=FILE.onnx",
        )
    gaussians = _fit(np.concatenate(features), np.concatenate(labels))
    return {name: values.tolist() for name, values in gaussians._asdict().items()} | {
        "patients": len(set(patients))
    }


def read_gaussians(content: Content) -> LabelGaussians:
    """Return the Gaussians that `learn_gaussians` returned."""
    return LabelGaussians(
        np.array(content["labels"], np.int64),
        *(np.array(content[name], np.float64) for name in ("shares", "means", "covariances")),
    )


def standardise(volume: Volume, mask: Mask) -> Volume:
    """Return a contrast with mean 0 and standard deviation 1 inside the mask, and 0 outside.

    A contrast of one value is 0 everywhere.
    """
    values = grey(volume)
    inside = values[mask]
    spread = float(inside.std())
    scaled = (values - inside.mean()) / spread if spread > 0 else np.zeros_like(values)
    return Volume(np.where(mask, scaled, 0).astype(np.float32), volume.affine)


def take_features(contrasts: Iterable[Volume], mask: Mask) -> Float:
    """Return the features of every voxel of the mask, `(n, F)`: each contrast there, and around it.

    Args:
        contrasts: standardised.
        mask: `(I, J, K)`.
    """
    columns: list[Float] = [np.empty((int(mask.sum()), 0))]
    for volume in contrasts:
        values = volume.voxels.astype(np.float64)
        sigma = [AROUND_MM / spacing for spacing in volume.spacing]
        weight = ndimage.gaussian_filter(mask.astype(np.float64), sigma)
        around = ndimage.gaussian_filter(values, sigma) / np.maximum(weight, 1e-6)
        columns.append(np.stack([values[mask], around[mask]], axis=1))
    return np.concatenate(columns, axis=1)


def has_labels(case: PreparedCase, contrasts: Sequence[str]) -> bool:
    """Return whether a case has the contrasts and something to compare labels with."""
    return set(contrasts) <= set(case.modalities) and case.segmentation() is not None


def _fit(features: Float, labels: Labels) -> LabelGaussians:
    n_features = features.shape[1]
    counts = {int(label): int((labels == label).sum()) for label in np.unique(labels)}
    frequent_labels = [label for label, count in counts.items() if count > n_features]
    groups = [features[labels == label] for label in frequent_labels]
    whole = sum(len(group) for group in groups)
    return LabelGaussians(
        np.array(frequent_labels, np.int64),
        np.array([len(group) / whole for group in groups]),
        np.stack([group.mean(axis=0) for group in groups]),
        np.stack(
            [
                np.cov(group, rowvar=False).reshape(n_features, -1) + _RIDGE * np.eye(n_features)
                for group in groups
            ]
        ),
    )
