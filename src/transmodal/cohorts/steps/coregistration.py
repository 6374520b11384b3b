"""Registered contrasts: one grid for a case whose contrasts were taken on several; scored, failures refused."""

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
    found = {case: one["similarity_after"] for case, one in notes.items() if "similarity_after" in one}
    if len(found) < _ENOUGH:
        return []
    limit = _LOW * statistics.median(found.values())
    return sorted(
        (case for case, value in found.items() if value < limit), key=lambda case: (found[case], case)
    )


@dataclass(frozen=True)
class Onto:
    """Bring one contrast, and those taken along with it, rigidly onto the grid of another.

    The map is sought twice, from either side, by mutual information; a pair that is laid right comes back to
    where it started. How far it does not, on average over the content, is the score in millimetres.

    Attributes:
        fixed: whose grid; never resampled.
        moving: who is registered.
        along: who shares the moving one's grid and transform, as PD does T2's.
        limit_mm: a score above it is a failure.
    """

    fixed: str
    moving: str
    along: tuple[str, ...] = ()
    limit_mm: float = 2.0

    @property
    def moved(self) -> frozenset[str]:
        """Whoever comes onto the fixed one's grid."""
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
        there, notes = self.registration(case)
        volumes = case.volumes
        sampled = {
            name: there.warp(volumes[name], fill=float(volumes[name].voxels.min())) for name in self.moved
        }
        return replace(case, volumes={**volumes, **sampled}, notes={**case.notes, **notes})

    def registration(self, case: Case) -> tuple[Registration, dict[str, float]]:
        """Return the map from the fixed contrast to the moving one, and its score.

        Raises:
            InputError: as when called.
        """
        volumes = self._checked(case.volumes)
        fixed, moving = volumes[self.fixed], volumes[self.moving]
        there = register(fixed, moving, kind="rigid", metric="mutual_information")
        back = register(moving, fixed, kind="rigid", metric="mutual_information")
        apart = _apart_mm(fixed, there, back)
        _, before, after, _ = there.quality
        if apart > self.limit_mm or after < before - _LOST:
            raise InputError(
                "E130",
                f"{self.moving} could not be laid over {self.fixed}: from either side the result differs by "
                f"{apart:.1f} mm, mutual information {before:.2f} before and {after:.2f} after",
                f"at most {self.limit_mm:g} mm, and no loss",
                "Look at both images; leave the case out, or register it by hand.",
            )
        notes = {"registration_mm": apart, "similarity_before": before, "similarity_after": after}
        return there, {name: round(value, 4) for name, value in notes.items()}

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
        wanted = [name for name in self.modalities if name in case.volumes]
        return replace(
            case, volumes={**case.volumes, **{name: without_bias(case.volumes[name]) for name in wanted}}
        )


def steps_onto(fixed: str, modalities: Iterable[str], limit_mm: float) -> tuple[Onto, ...]:
    """Return the registrations of all other modalities onto one; none where it is empty or not among them."""
    every = sorted(modalities)
    others = [name for name in every if name != fixed] if fixed in every else []
    return tuple(Onto(fixed, name, (), limit_mm) for name in others)


def _apart_mm(fixed: Volume, there: Registration, back: Registration) -> float:
    """Return how far, on average over the content, points do not come back to where they started."""
    content = np.argwhere(fixed.voxels > np.percentile(fixed.voxels, 50))
    some = content[:: max(1, len(content) // 2000)].astype(float)
    points = fixed.grid.world(some) * (-1, -1, 1)  # ITK's LPS+ mm
    returned = [back.transform.TransformPoint(there.transform.TransformPoint(p)) for p in points.tolist()]
    return float(np.linalg.norm(np.array(returned) - points, axis=1).mean())
