"""The embedded template laid over a head: rigid at a few sizes, then stretched from the best place."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
import SimpleITK as sitk  # noqa: N813  (the field's name for it)
from numpy.typing import NDArray
from scipy import ndimage

from transmodal.errors import InputError
from transmodal.volumes.geometry import itk, registration
from transmodal.volumes.geometry.working_pair import coarsen
from transmodal.volumes.regions import template
from transmodal.volumes.regions.components import largest_component
from transmodal.volumes.volume import Volume

Mask = NDArray[np.bool_]


_MOST_GROWN = 1.5  # by which stretching changes the brain's volume; where it ran away it doubled it
_GOOD, _LEAST = 0.4, 0.2  # mutual information in nats: right poses reach 0.45 to 1.5, wrong ones 0.25 to 0.4
_SCALES, _NODS = (
    (0.92, 1.0, 1.08),
    (-0.35, 0.35),
)  # sizes of the template, and turns about the left-right axis
_SCALP_MM = 12.0  # scalp and skull above the brain
_FLIP = np.diag([-1.0, -1.0, 1.0, 1.0])  # RAS+ to LPS+ and back
SHAPE_MM, _ALIGN_MM = 4.0, 2.0
_RING_MM = 6.0  # how far beyond the brain the search looks: cerebrospinal fluid and skull, not yet scalp


class CoarseTemplate(NamedTuple):
    """T1 and brain on a coarse grid, and what of it a search looks at."""

    t1: Volume
    mask: Volume
    ring: Mask


@cache
def coarse_template() -> CoarseTemplate:
    """Return the embedded T1 and brain on a grid of 4 mm, and the mask of brain and ring."""
    t1, mask = (coarsen(v, SHAPE_MM) for v in (template.t1(), template.mask()))
    away = ndimage.distance_transform_edt(mask.voxels < 0.5, sampling=mask.spacing)
    return CoarseTemplate(t1, mask, np.asarray(away <= _RING_MM))


def align_template(work: Volume) -> tuple[sitk.Transform, float]:
    """Return the affine map from `work` to the template in LPS+ mm, and how well it fits.

    A free affine search would blow the template up until it fills the whole head, where the air around the
    scalp is as dark as the skull. So it is laid under the head's top at a few sizes, turned and shifted as it
    is, and only from the best of these places stretched.
    """
    posed = [_rigid_pose(work, scale, 0.0) for scale in _SCALES]
    if max(pose.information for pose in posed) < _GOOD:
        posed += [_rigid_pose(work, scale, nod) for scale in _SCALES for nod in _NODS]
    best = max(posed, key=lambda pose: pose.information)
    refined = registration.refine(
        coarse_template().t1,
        work,
        best.start,
        metric="mutual_information",
        fixed_mask=coarse_template().ring,
        spacing_mm=2 * _ALIGN_MM,
    )
    # A stretch that runs away fits the air around the head: the rigid place is the better one then.
    grown = np.linalg.det(itk.matrix(refined.transform)[:3, :3]) / np.linalg.det(
        itk.matrix(best.start)[:3, :3]
    )
    stretched = 1 / _MOST_GROWN <= grown <= _MOST_GROWN
    information = refined.quality.after if stretched else best.information
    if information < _LEAST:
        raise no_brain_error(f"the template fits with {information:.2f} nats of mutual information")
    return (refined.transform if stretched else best.start).GetInverse(), information


class _RigidPose(NamedTuple):
    """A place of the template in the head, and the mutual information there."""

    start: sitk.AffineTransform
    information: float


def _rigid_pose(work: Volume, scale: float, nod: float) -> _RigidPose:
    """Return the best rigid place of the template at one size, from below the head's top."""
    around = np.eye(4)
    turn = sitk.Euler3DTransform([0.0, 0.0, 0.0], nod, 0.0, 0.0)
    around[:3, :3] = scale * np.reshape(turn.GetMatrix(), (3, 3))
    pose = _FLIP @ around @ _FLIP
    pose[:3, 3] = _crown(work) - [0.0, 0.0, _SCALP_MM] - pose[:3, :3] @ _template_crown()
    t1 = coarse_template().t1
    rigid = registration.register(
        Volume(t1.voxels, pose @ t1.affine),
        work,
        kind="rigid",
        metric="mutual_information",
        fixed_mask=coarse_template().ring,
        spacing_mm=_ALIGN_MM,
    )
    whole = itk.matrix(rigid.transform) @ _FLIP @ pose @ _FLIP
    return _RigidPose(
        sitk.AffineTransform(whole[:3, :3].ravel().tolist(), whole[:3, 3].tolist()), rigid.quality.after
    )


def _crown(work: Volume, depth_mm: float = 120.0) -> NDArray[np.float64]:
    """Return the head's top in RAS+ mm, in the middle of its upper part: the neck does not count."""
    bright = work.voxels[work.voxels > work.voxels.mean()]
    head = largest_component(ndimage.binary_opening(work.voxels > 0.5 * bright.mean()))
    if not head.any():
        raise no_brain_error("no head stands out of the background")
    points = work.grid.world(np.argwhere(head).astype(float))
    top = float(np.percentile(points[:, 2], 99.9))
    upper = points[points[:, 2] > top - depth_mm]
    x, y, _ = np.percentile(upper, (2, 98), axis=0).mean(axis=0)
    return np.array([x, y, top])


@cache
def _template_crown() -> NDArray[np.float64]:
    mask = coarse_template().mask
    points = mask.grid.world(np.argwhere(mask.voxels > 0.5).astype(float))
    x, y, _ = (points.min(axis=0) + points.max(axis=0)) / 2
    return np.array([x, y, points[:, 2].max()])


def no_brain_error(reason: str) -> InputError:
    """Return E124 for a volume in which no brain is found."""
    return InputError(
        "E124",
        f"no brain found: {reason}",
        "the MR volume of a head or of a brain without skull",
        "Check the file, or ask for the region body or whole.",
    )
