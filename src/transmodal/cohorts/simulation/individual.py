"""Individual variation of a virtual subject: tissue parameters by region, and lesions.

In every region and tissue the parameters T1, T2, PD, FA and HU are multiplied by `exp(linked * shared + own *
draw)`: `shared` is one standard normal draw that all parameters follow, so that a source shows what happened
to the target; the own draws show in one parameter only and cannot be recovered from another one.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from transmodal.cohorts.simulation.anatomy import Brain, Place
from transmodal.cohorts.simulation.draws import Floats
from transmodal.volumes.regions import template

REGIONS: Mapping[str, tuple[float, float, float]] = MappingProxyType(
    {
        "frontal pole": (22, 58, 5),
        "superior frontal": (22, 25, 50),
        "inferior frontal": (45, 25, 10),
        "precentral": (38, -10, 50),
        "superior parietal": (25, -60, 55),
        "inferior parietal": (48, -45, 35),
        "occipital": (22, -88, 5),
        "temporal pole": (38, 8, -32),
        "temporal": (52, -32, -8),
        "deep": (18, -5, 8),
        "cerebellum": (25, -62, -38),
        "brain stem": (6, -28, -38),
    }
)
"""Middle of each region in the right hemisphere, template mm; the left one mirrors it."""

TISSUES = ("gm", "wm")
PARAMETERS = ("t1", "t2", "pd", "fa", "hu")
LINKED: Mapping[str, float] = MappingProxyType({"t1": 0.07, "t2": 0.06, "pd": 0.01, "fa": -0.07, "hu": -0.05})
"""Change of a parameter's logarithm per unit of the shared draw."""
OWN: Mapping[str, float] = MappingProxyType({"t1": 0.03, "t2": 0.05, "pd": 0.05, "fa": 0.05, "hu": 0.05})
"""The same per unit of the parameter's own draw."""
T1_SENSITIVITY = -0.87
"""Change of the T1-weighted signal's logarithm with that of T1, for TR 18 ms and 30 degrees."""

_BORDER_MM = 14.0
_FA_LOSS = 0.65


class Lesion(NamedTuple):
    """A lesion of white matter: side, centre and radii in template mm, three waves that dent its border."""

    side: str
    centre_mm: tuple[float, float, float]
    radii_mm: tuple[float, float, float]
    dents: tuple[float, float, float]


class TissueShares(NamedTuple):
    """Fractions of the brain's voxels after lesions, `(P,)` each, in the order of `Brain.indices`."""

    csf: Floats
    gm: Floats
    wm: Floats
    lesion: Floats


def draw_latents(rng: np.random.Generator) -> Floats:
    """Draw `(2 x regions, 2 tissues, 6)`: shared, then one of its own for every parameter; within 2.5."""
    shape = (2 * len(REGIONS), len(TISSUES), 1 + len(PARAMETERS))
    return rng.standard_normal(shape, dtype=np.float32).clip(-2.5, 2.5)


def region_names() -> list[str]:
    """Return the names of the regions in the latents' order: right, then left."""
    return [f"{side} {name}" for side in ("right", "left") for name in REGIONS]


def membership(place: Place) -> Floats:
    """Return how much every lattice node belongs to each region, `(2 x regions, i, j, k)`, summing to 1."""
    right = np.array(list(REGIONS.values()), np.float32)
    seeds = np.concatenate([right, right * np.array([-1, 1, 1], np.float32)])
    nodes = place.nodes_mm.reshape(3, -1)
    apart = ((nodes[None] - seeds[:, :, None]) ** 2).sum(axis=1)
    apart -= apart.min(axis=0)
    shares: Floats = np.exp(-apart / np.float32(2 * _BORDER_MM**2))
    shares /= shares.sum(axis=0)
    return shares.reshape(-1, *place.nodes_mm.shape[1:])


def changes(parameter: str, latents: Floats, shares: Floats, place: Place) -> dict[str, Floats]:
    """Return the change of a parameter's logarithm on the grid, `(I, J, K)` for each of `TISSUES`."""
    own = latents[:, :, 1 + PARAMETERS.index(parameter)]
    total = np.float32(LINKED[parameter]) * latents[:, :, 0] + np.float32(OWN[parameter]) * own
    fields = {}
    for tissue, values in zip(TISSUES, total.T, strict=True):
        at_nodes = (shares * values.reshape(-1, 1, 1, 1)).sum(axis=0)
        fields[tissue] = place.spread(at_nodes)
    return fields


def draw_lesions(rng: np.random.Generator) -> tuple[Lesion, ...]:
    """Draw one large lesion in the white matter of one side, and up to two small ones near it."""
    sign = float(rng.choice([-1, 1]))
    white = np.argwhere(template.wm().voxels > 0.97)
    points = template.wm().grid.world(white.astype(np.float64))
    x, y, z = points.T
    deep = points[(x * sign > 17) & (x * sign < 42) & (abs(y + 10) < 42) & (z > 4) & (z < 45)]
    first = deep[rng.integers(len(deep))]
    near = deep[np.linalg.norm(deep - first, axis=1) < 28]
    small_centres = near[rng.integers(len(near), size=rng.integers(0, 3))]
    side = "right" if sign > 0 else "left"
    large = _lesion(rng, side, first, rng.uniform(6.5, 10.5))
    return (large, *(_lesion(rng, side, at, rng.uniform(2.5, 4.5)) for at in small_centres))


def with_lesions(brain: Brain, place: Place, lesions: tuple[Lesion, ...]) -> TissueShares:
    """Turn white, and half of the grey, matter within the lesions into lesion."""
    points = place.template_mm.reshape(3, -1)[:, brain.indices]
    coverage = np.zeros(brain.indices.shape, np.float32)
    for lesion in lesions:
        coverage = np.maximum(coverage, _coverage(lesion, points))
    wm, gm = brain.wm * (1 - coverage), brain.gm * (1 - coverage / 2)
    return TissueShares(brain.csf, gm, wm, brain.wm - wm + brain.gm - gm)


def fa_share(lesion: Floats) -> Floats:
    """Return the share of FA that a voxel with this much lesion keeps."""
    share: Floats = 1 - np.float32(_FA_LOSS) * lesion
    return share


def _lesion(rng: np.random.Generator, side: str, centre: NDArray[np.float64], radius: float) -> Lesion:
    x, y, z = centre.tolist()
    a, b, c = (radius * rng.uniform(0.8, 1.25, 3)).tolist()
    p, q, r = rng.uniform(0, 2 * np.pi, 3).tolist()
    return Lesion(side, (x, y, z), (a, b, c), (p, q, r))


def _coverage(lesion: Lesion, points: Floats) -> Floats:
    """Return the share of each point's surroundings that a lesion covers; its border is 3 mm soft."""
    centre, radii = (np.array(v, np.float32).reshape(3, 1) for v in (lesion.centre_mm, lesion.radii_mm))
    distance = np.sqrt((((points - centre) / radii) ** 2).sum(axis=0))
    dented = sum(np.cos(points[a] / 4 - points[a - 1] / 7 + phase) for a, phase in enumerate(lesion.dents))
    level = (distance - 1 + np.float32(0.1) * dented) * radii.mean()
    covered: Floats = np.clip(np.float32(0.5) - level / 3, 0, 1)
    return covered
