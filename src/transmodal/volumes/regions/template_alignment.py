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
from transmodal.volumes.geometry.linear_search import climb, find_starts
from transmodal.volumes.geometry.similarity import similarity_before_and_after
from transmodal.volumes.geometry.working_pair import WorkingPair, coarsen
from transmodal.volumes.regions import template
from transmodal.volumes.regions.components import largest_component
from transmodal.volumes.volume import Volume

Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]

_MOST_GROWN = 1.5  # by which stretching changes the brain's volume; where it ran away it doubled it
_SURE, _GOOD, _LEAST = (
    0.5,
    0.4,
    0.2,
)  # mutual information in nats: right poses reach 0.45 to 1.5, wrong ones 0.25 to 0.42
_TIE = 0.93  # share of the best place's information from which on another one may lead further uphill
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


class Alignment(NamedTuple):
    """The affine map of a head to the template in LPS+ mm.

    Attributes:
        transform: from the head to the template.
        information: mutual information in nats within the brain and the ring around it.
    """

    transform: sitk.Transform
    information: float

    @property
    def is_sure(self) -> bool:
        """Whether it fits so well that no other place can be the right one."""
        return self.information >= _SURE


def align_template(work: Volume) -> Alignment:
    """Return the affine map from `work` to the template, and how well it fits.

    A free affine search would blow the template up until it fills the whole head, where the air around the
    scalp is as dark as the skull. So it is laid under the head's top at a few sizes, turned and shifted as it
    is, and only from the best of these places stretched. The places are searched on a grid of 8 mm; where
    that leads to no sure fit, they are searched on finer ones, from more starts and with the head nodding.

    Args:
        work: a grey volume on a coarse grid.

    Raises:
        InputError: E124 where no place fits.
    """
    crown = _crown(work)
    quick = [_stretch(work, pose) for pose in _pose_quickly(work, crown)]
    sure = [alignment for alignment in quick if alignment is not None and alignment.is_sure]
    if sure:
        return max(sure, key=lambda alignment: alignment.information)
    posed = [_rigid_pose(work, crown, scale, 0.0) for scale in _SCALES]
    if max(pose.information for pose in posed) < _GOOD:
        posed += [_rigid_pose(work, crown, scale, nod) for scale in _SCALES for nod in _NODS]
    best = max(posed, key=lambda pose: pose.information)
    alignment = _stretch(work, best) or Alignment(best.start.GetInverse(), best.information)
    if alignment.information < _LEAST:
        raise no_brain_error(f"the template fits with {alignment.information:.2f} nats of mutual information")
    return alignment


class _RigidPose(NamedTuple):
    """A place of the template in the head, and the mutual information there."""

    start: sitk.AffineTransform
    information: float


def _pose_quickly(work: Volume, crown: Floats) -> list[_RigidPose]:
    """Return the best rigid places that a search on a coarse grid finds, judged on a finer one: of several, the near ties."""
    t1, ring = coarse_template().t1, coarse_template().ring
    pair = WorkingPair.of(t1, work, ring, "mutual_information").at(SHAPE_MM)
    head = pair.at(2 * SHAPE_MM).moving
    places = []
    for scale in _SCALES:
        hung = _hang(crown, scale, 0.0)
        coarse = WorkingPair.of(Volume(t1.voxels, hung @ t1.affine), head, ring, "mutual_information")
        first = coarse.at(2 * SHAPE_MM)
        rigid, _ = climb(first, find_starts(first)[0])
        start = _follow(hung, rigid)
        places.append(_RigidPose(start, similarity_before_and_after(pair, start)[1]))
    best = max(pose.information for pose in places)
    return [pose for pose in places if pose.information >= _TIE * best]


def _rigid_pose(work: Volume, crown: Floats, scale: float, nod: float) -> _RigidPose:
    """Return the best rigid place of the template at one size, from below the head's top."""
    hung = _hang(crown, scale, nod)
    t1 = coarse_template().t1
    rigid = registration.register(
        Volume(t1.voxels, hung @ t1.affine),
        work,
        kind="rigid",
        metric="mutual_information",
        fixed_mask=coarse_template().ring,
        spacing_mm=_ALIGN_MM,
    )
    return _RigidPose(_follow(hung, rigid.transform), rigid.quality.after)


def _stretch(work: Volume, best: _RigidPose) -> Alignment | None:
    """Return the affine place that is uphill from a rigid one; None where the stretch ran away."""
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
    is_likely = 1 / _MOST_GROWN <= grown <= _MOST_GROWN
    return Alignment(refined.transform.GetInverse(), refined.quality.after) if is_likely else None


def _hang(crown: Floats, scale: float, nod: float) -> Floats:
    """Return the matrix in RAS+ mm that hangs the template's brain below the head's top."""
    around = np.eye(4)
    turn = sitk.Euler3DTransform([0.0, 0.0, 0.0], nod, 0.0, 0.0)
    around[:3, :3] = scale * np.reshape(turn.GetMatrix(), (3, 3))
    pose: Floats = _FLIP @ around @ _FLIP
    pose[:3, 3] = crown - [0.0, 0.0, _SCALP_MM] - pose[:3, :3] @ _template_crown()
    return pose


def _follow(hung: Floats, rigid: sitk.Transform) -> sitk.AffineTransform:
    """Return the map from the template to the head: hung below its top, then as a rigid map says."""
    whole = itk.matrix(rigid) @ _FLIP @ hung @ _FLIP
    return sitk.AffineTransform(whole[:3, :3].ravel().tolist(), whole[:3, 3].tolist())


def _crown(work: Volume, depth_mm: float = 120.0) -> Floats:
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
def _template_crown() -> Floats:
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
