"""Coregistration: one grid for a case whose contrasts were taken on several; scored, failures refused."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from transmodal.cohorts.case import Case
from transmodal.errors import InputError
from transmodal.volumes import Volume
from transmodal.volumes.bias import without_bias
from transmodal.volumes.geometry.registration import Registration, register

_LOST = 0.02
"""Mutual information in nats that a good registration may lose against the headers' positions: it samples."""

_ENOUGH = 5
_LOW = 0.75


def find_dissimilar(notes: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Return the cases whose contrasts are much less similar than those of the other cases.

    Two directions can agree on a wrong place: contrasts of two people, or of one mirrored, still come to lie on
    one another. Such a case shows among the others: its mutual information after registration is below 0.75 of
    their median. On the atlas cohort the right ones reach 0.9 of it, those two 0.46 to 0.64.

    Args:
        notes: of every case, by name; cases without a registration do not count.

    Returns:
        Names, the least similar first; none where fewer than five cases were registered.
    """
    similarities = {case: own["similarity_after"] for case, own in notes.items() if "similarity_after" in own}
    if len(similarities) < _ENOUGH:
        return []
    limit = _LOW * statistics.median(similarities.values())
    return sorted(
        (case for case, value in similarities.items() if value < limit),
        key=lambda case: (similarities[case], case),
    )


@dataclass(frozen=True)
class Coregister:
    """Bring one contrast, and those taken along with it, rigidly onto the grid of another.

    The map is sought twice, from either side, by mutual information; a pair that is laid right comes back to
    where it started. How far it does not, on average over the content, is the score in millimetres.

    Attributes:
        fixed: the contrast with the grid; never resampled.
        moving: the contrast that is registered.
        along: contrasts that share the moving one's grid and transform, as PD does T2's.
        limit_mm: a score above it is a failure.
    """

    fixed: str
    moving: str
    along: tuple[str, ...] = ()
    limit_mm: float = 2.0

    def __repr__(self) -> str:
        # Part of a case's fingerprint: under another text, cohorts would be prepared again.
        values = f"moving={self.moving!r}, along={self.along!r}, limit_mm={self.limit_mm!r}"
        return f"Onto(fixed={self.fixed!r}, {values})"

    @property
    def moved(self) -> frozenset[str]:
        """The contrasts that come onto the grid of the fixed one."""
        return frozenset({self.moving, *self.along})

    @property
    def waits(self) -> str:
        """The registration."""
        return f"{', '.join((self.moving, *self.along))} to be registered onto {self.fixed}"

    def __call__(self, case: Case) -> Case:
        """Return the case on one grid, float32 where it was sampled; notes hold the score.

        Raises:
            InputError: E131 when a contrast is missing, E130 when one that comes along has another grid or
                the registration failed, and as `volumes.geometry.registration.register`.
        """
        registration, notes = self.registration(case)
        volumes = case.volumes
        sampled = {
            name: registration.warp(volumes[name], fill=float(volumes[name].voxels.min()))
            for name in self.moved
        }
        return replace(case, volumes={**volumes, **sampled}, notes={**case.notes, **notes})

    def registration(self, case: Case) -> tuple[Registration, dict[str, float]]:
        """Return the map from the fixed contrast to the moving one, and its score.

        Raises:
            InputError: as when called.
        """
        volumes = self._checked(case.volumes)
        fixed, moving = volumes[self.fixed], volumes[self.moving]
        forward = register(fixed, moving, kind="rigid", metric="mutual_information")
        back = register(moving, fixed, kind="rigid", metric="mutual_information")
        apart = _mean_error_mm(fixed, forward, back)
        _, before, after, _ = forward.quality
        if apart > self.limit_mm or after < before - _LOST:
            raise InputError(
                "E130",
                f"{self.moving} could not be laid over {self.fixed}: from either side the result differs by "
                f"{apart:.1f} mm, mutual information {before:.2f} before and {after:.2f} after",
                f"at most {self.limit_mm:g} mm, and no loss",
                "Look at both images; leave the case out, or register it by hand.",
            )
        notes = {"registration_mm": apart, "similarity_before": before, "similarity_after": after}
        return forward, {name: round(value, 4) for name, value in notes.items()}

    def _checked(self, volumes: Mapping[str, Volume]) -> Mapping[str, Volume]:
        for name in (self.fixed, self.moving, *self.along):
            if name not in volumes:
                raise InputError("E131", f"no {name}", "what is to be registered", "Leave the case out.")
        moving = volumes[self.moving].grid
        for name in self.along:
            if not volumes[name].grid.same_as(moving):
                raise InputError(
                    "E130",
                    f"{name} lies on another grid than {self.moving}, whose transform it would share",
                    "contrasts of one acquisition",
                    "Leave the case out, or bring both onto one grid yourself.",
                )
        return volumes


@dataclass(frozen=True)
class Unbias:
    """Take the bias field out of contrasts with N4.

    Attributes:
        modalities: which, where the case has them.
    """

    modalities: tuple[str, ...]

    @property
    def moved(self) -> frozenset[str]:
        """No modality."""
        return frozenset()

    @property
    def waits(self) -> str:
        """The search for the fields."""
        return f"the bias field of {', '.join(self.modalities)} to be taken out"

    def __call__(self, case: Case) -> Case:
        """Return the case so, these contrasts as float32.

        Raises:
            InputError: as `volumes.bias.without_bias`.
        """
        present = [name for name in self.modalities if name in case.volumes]
        return replace(
            case, volumes={**case.volumes, **{name: without_bias(case.volumes[name]) for name in present}}
        )


def plan_coregistrations(fixed: str, modalities: Iterable[str], limit_mm: float) -> tuple[Coregister, ...]:
    """Return the registrations of all other modalities onto one; none where it is empty or not among them."""
    ordered = sorted(modalities)
    moving = [name for name in ordered if name != fixed] if fixed in ordered else []
    return tuple(Coregister(fixed, name, (), limit_mm) for name in moving)


def _mean_error_mm(fixed: Volume, forward: Registration, back: Registration) -> float:
    """Return how far, on average over the content, points do not come back to where they started."""
    content = np.argwhere(fixed.voxels > np.percentile(fixed.voxels, 50))
    sample = content[:: max(1, len(content) // 2000)].astype(float)
    points = fixed.grid.world(sample) * (-1, -1, 1)  # ITK's LPS+ mm
    returned = [back.transform.TransformPoint(forward.transform.TransformPoint(p)) for p in points.tolist()]
    return float(np.linalg.norm(np.array(returned) - points, axis=1).mean())
