"""One virtual subject: its random draws, and its anatomy on its grid."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transmodal.cohorts.simulation import acquisition, anatomy, contrasts, head, individual
from transmodal.cohorts.simulation.draws import Floats, stream
from transmodal.volumes import Grid
from transmodal.volumes.volume import Affine


@dataclass(frozen=True, slots=True, eq=False)
class VirtualSubject:
    """The random draws of a subject, made before any voxel.

    Attributes:
        seed: of the cohort.
        index: of the subject in it.
        spacing_mm: around which the grid's spacing was drawn.
        affine: template mm, after the warp, to scanner mm.
        warp: the subject's diffeomorphism.
        grid: on which all its volumes lie.
        latents: regional draws, as `individual.draw_latents`.
        lesions: none, or one large and up to two small ones.
        scanner: field strength, tissues and protocols.
        shift_mm: length of every modality's shift against T1.
    """

    seed: int
    index: int
    spacing_mm: float
    affine: Affine
    warp: anatomy.Warp
    grid: Grid
    latents: Floats
    lesions: tuple[individual.Lesion, ...]
    scanner: contrasts.Scanner
    shift_mm: float

    def stream(self, purpose: str) -> np.random.Generator:
        """Return the generator of one purpose."""
        return stream(self.seed, self.index, purpose)

    def shift(self, modality: str) -> NDArray[np.float64]:
        """Return by how many mm the content of a modality is moved in the scanner; T1 stays."""
        if modality == "t1" or self.shift_mm == 0:
            return np.zeros(3)
        direction = self.stream(f"shift/{modality}").standard_normal(3)
        moved: NDArray[np.float64] = self.shift_mm * direction / np.linalg.norm(direction)
        return moved


def draw_subject(
    seed: int, index: int, spacing_mm: float, shift_mm: float, *, lesions: bool
) -> VirtualSubject:
    """Draw a subject; the same arguments give the same subject, on any grid the same anatomy."""
    warp = anatomy.draw_warp(stream(seed, index, "warp"))
    affine = anatomy.draw_affine(stream(seed, index, "affine"))
    surface = anatomy.to_scanner(anatomy.surface(), affine, warp)
    return VirtualSubject(
        seed,
        index,
        spacing_mm,
        affine,
        warp,
        acquisition.draw_grid(stream(seed, index, "grid"), spacing_mm, surface),
        individual.draw_latents(stream(seed, index, "individual")),
        individual.draw_lesions(stream(seed, index, "lesions")) if lesions else (),
        contrasts.draw_scanner(stream(seed, index, "scanner")),
        shift_mm,
    )


class AnatomyOnGrid:
    """A subject's anatomy on its grid, moved by a shift; each part is made when it is first asked for."""

    def __init__(self, subject: VirtualSubject, shift_mm: NDArray[np.float64]) -> None:
        self.subject = subject
        self._shift = shift_mm

    @cached_property
    def place(self) -> anatomy.Place:
        """Positions of the voxels in the template."""
        return anatomy.place(self.subject.grid, self.subject.affine, self.subject.warp, self._shift)

    @cached_property
    def brain(self) -> anatomy.Brain:
        """The warped sources."""
        return anatomy.brain(self.place, self.subject.spacing_mm)

    @cached_property
    def tissue(self) -> individual.TissueShares:
        """The brain's tissues with the lesions in them."""
        return individual.with_lesions(self.brain, self.place, self.subject.lesions)

    @cached_property
    def shells(self) -> head.Shells:
        """The head around the brain."""
        borders = head.draw(self.subject.stream("head"))
        inside = self.full(self.brain.inside)
        return head.shells(borders, self.place.template_mm, inside, float(np.mean(self.subject.grid.spacing)))

    @cached_property
    def _membership(self) -> Floats:
        return individual.membership(self.place)

    def change(self, parameter: str) -> dict[str, Floats]:
        """Return the regional change of a parameter's logarithm at the brain's voxels, by tissue."""
        fields = individual.changes(parameter, self.subject.latents, self._membership, self.place)
        return {tissue: field.ravel()[self.brain.indices] for tissue, field in fields.items()}

    def full(self, values: Floats) -> Floats:
        """Return values of the brain's voxels on the whole grid, 0 elsewhere."""
        whole = np.zeros(self.subject.grid.shape, np.float32)
        whole.reshape(-1)[self.brain.indices] = values
        return whole

    @cached_property
    def mask(self) -> NDArray[np.bool_]:
        """Voxels that are at least half brain."""
        inside: NDArray[np.bool_] = self.full(self.brain.inside) >= 0.5
        return inside

    def bias(self, rng: np.random.Generator, strength: float) -> Floats:
        """Return a bias field with a mean near 1 on the whole grid."""
        at_nodes = acquisition.bias(rng, self.place.nodes_world, strength)
        return np.exp(self.place.spread(at_nodes))


def describe_subject(subject: VirtualSubject) -> dict[str, Any]:
    """Return what is known of a subject, ready for JSON; distances in mm, angles in degrees."""
    return {
        "warp": {
            "largest_displacement_mm": round(subject.warp.peak_mm, 3),
            "jacobian_min": round(subject.warp.jacobian_min, 4),
            "jacobian_max": round(subject.warp.jacobian_max, 4),
        },
        "affine_template_to_scanner": subject.affine.tolist(),
        "grid": {
            "shape": list(subject.grid.shape),
            "affine": subject.grid.affine.tolist(),
            "orientation": subject.grid.orientation,
            "spacing_mm": [round(s, 4) for s in subject.grid.spacing],
        },
        "lesions": [_lesion(subject, lesion) for lesion in subject.lesions],
        "scanner": _scanner(subject.scanner),
        "individual": _individual(subject.latents),
        "fiducial": _fiducial(subject),
    }


def _scanner_mm(subject: VirtualSubject, template_mm: tuple[float, float, float]) -> list[float]:
    at = anatomy.to_scanner(np.array([template_mm]), subject.affine, subject.warp)[0]
    x, y, z = at.round(3).tolist()
    return [x, y, z]


def _fiducial(subject: VirtualSubject) -> dict[str, Any]:
    centre = head.draw(subject.stream("head")).fiducial_mm
    return {
        "side": "right",
        "centre_mm": _scanner_mm(subject, centre),
        "radius_template_mm": head.FIDUCIAL_MM,
    }


def _lesion(subject: VirtualSubject, lesion: individual.Lesion) -> dict[str, Any]:
    return {
        "side": lesion.side,
        "centre_mm": _scanner_mm(subject, lesion.centre_mm),
        "centre_template_mm": list(lesion.centre_mm),
        "radii_template_mm": list(lesion.radii_mm),
    }


def _scanner(scanner: contrasts.Scanner) -> dict[str, Any]:
    return {
        "field_t": scanner.field_t,
        "tissues_t1_ms_t2_ms_pd": {name: list(values) for name, values in scanner.tissues.items()},
        "t2_tr_te_ms": list(scanner.t2),
        "pd_tr_te_ms": list(scanner.pd),
        "flair_tr_te_ti_ms": list(scanner.flair),
        "t1_tr_ms_flip_deg": [contrasts.T1_TR_MS, contrasts.T1_FLIP_DEG],
        "t1_fat_relative_to_wm": scanner.t1_fat,
    }


def _individual(latents: Floats) -> dict[str, Any]:
    names = ("shared", *individual.PARAMETERS)
    regions = {
        region: {
            tissue: dict(zip(names, values.round(4).astype(float).tolist(), strict=True))
            for tissue, values in zip(individual.TISSUES, of_region, strict=True)
        }
        for region, of_region in zip(individual.region_names(), latents, strict=True)
    }
    return {
        "model": "parameter x exp(linked x shared + own x draw), per region and tissue",
        "linked": dict(individual.LINKED),
        "own": dict(individual.OWN),
        "draws": regions,
    }
