"""The truth that was planted in a virtual subject, on any grid: regional signals and lesions.

`case.json` records how a subject was drawn; the same draws are made again here, so that the truth has every voxel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from transmodal.cohorts.simulation import individual
from transmodal.cohorts.simulation.atlas import AtlasOptions, AtlasSubject
from transmodal.cohorts.simulation.draws import Floats
from transmodal.cohorts.simulation.subject import AnatomyOnGrid, draw_subject
from transmodal.errors import InputError
from transmodal.storage import files
from transmodal.volumes import Grid

TARGETS: Mapping[str, str] = {"t1": "t1", "t2": "t2", "flair": "t2", "pd": "pd", "fa": "fa", "ct": "hu"}
"""The parameter that a modality is about; colour has none."""
_WEIGHTED = frozenset({"t1", "t2", "pd"})
VISIBLE_PARAMETERS: Mapping[str, frozenset[str]] = {
    "t1": frozenset({"t1"}),
    "t2": _WEIGHTED,
    "pd": _WEIGHTED,
    "flair": _WEIGHTED,
    "fa": frozenset({"fa"}),
    "ct": frozenset({"hu"}),
}
"""The parameters whose own draws show in a modality."""
PURE = 0.7
"""Share of a voxel that a tissue fills, from which on the voxel counts for the tissue."""


class PlantedSignal(NamedTuple):
    """A region of one tissue and the signals planted there.

    Attributes:
        region: its name, such as `right occipital`.
        tissue: `gm` or `wm`.
        voxels: flat indices on the grid: mostly this tissue, no lesion.
        linked: mean over the voxels of the shared draw, in standard deviations; every image shows it.
        own: the same of the draw of the target's own parameter; None where a source shows it too.
        foreign: the same of a parameter that a source shows and the target does not; None where there is none.
    """

    region: str
    tissue: str
    voxels: NDArray[np.intp]
    linked: float
    own: float | None
    foreign: float | None


class PlantedLesion(NamedTuple):
    """A planted lesion.

    Attributes:
        radius_mm: mean of its three radii, template mm.
        coverage: share of every voxel that it fills, `(I, J, K)`.
    """

    radius_mm: float
    coverage: Floats


class Planted:
    """The truth of one subject on a grid."""

    def __init__(self, subject: AtlasSubject, grid: Grid, target: str, sources: Sequence[str] = ()) -> None:
        """Draw the subject again.

        Args:
            subject: virtual.
            grid: in scanner mm, such as a prepared case's.
            target: modality that is looked at; its shift is that of the truth.
            sources: modalities that it is translated from.
        """
        options = subject.options
        draws = draw_subject(
            subject.seed, subject.index, options.spacing_mm, options.shift_mm, lesions=options.lesions
        )
        self._shift = draws.shift(target)
        self._draws = replace(draws, grid=grid)
        visible = frozenset[str]().union(*(VISIBLE_PARAMETERS.get(source, frozenset()) for source in sources))
        self._target = TARGETS.get(target)
        self._own = None if self._target in visible else self._target
        self._foreign = min(visible - VISIBLE_PARAMETERS.get(target, frozenset()), default=None)

    @cached_property
    def anatomy(self) -> AnatomyOnGrid:
        """The subject's anatomy on the grid."""
        return AnatomyOnGrid(self._draws, self._shift)

    @cached_property
    def white(self) -> Floats:
        """Share of every voxel that is white matter or lesion, `(I, J, K)`."""
        tissue = self.anatomy.tissue
        return self.anatomy.full(tissue.wm + tissue.lesion)

    def signals(self) -> list[PlantedSignal]:
        """Return the signals of every region and tissue; none for a modality without a parameter of its own."""
        if self._target is None:
            return []
        anatomy, brain = self.anatomy, self.anatomy.brain
        regions = self._regions()
        signals = []
        for n, tissue in enumerate(individual.TISSUES):
            linked = self._field(self._draws.latents[:, n, 0])
            own, foreign = (
                None
                if name is None
                else self._field(self._draws.latents[:, n, 1 + individual.PARAMETERS.index(name)])
                for name in (self._own, self._foreign)
            )
            share = getattr(anatomy.tissue, tissue) / np.maximum(brain.inside, 0.5)
            is_pure = (share >= PURE) & (anatomy.tissue.lesion < 0.02) & (brain.inside > 0.9)
            for region, name in enumerate(individual.region_names()):
                inside = np.flatnonzero(is_pure & (regions == region))
                if len(inside):
                    means = [
                        None if field is None else float(field[inside].mean()) for field in (own, foreign)
                    ]
                    signals.append(
                        PlantedSignal(
                            name, tissue, brain.indices[inside], float(linked[inside].mean()), *means
                        )
                    )
        return signals

    def lesions(self) -> list[PlantedLesion]:
        """Return the planted lesions on the grid; none where the cohort has none."""
        anatomy = self.anatomy
        return [
            PlantedLesion(
                float(np.mean(lesion.radii_mm)),
                anatomy.full(individual.with_lesions(anatomy.brain, anatomy.place, (lesion,)).lesion),
            )
            for lesion in self._draws.lesions
        ]

    def _regions(self) -> NDArray[np.intp]:
        """Return the region that every voxel of the brain belongs to most, `(P,)`."""
        shares = individual.membership(self.anatomy.place)
        best = np.full(self.anatomy.brain.indices.shape, -1.0, np.float32)
        regions = np.zeros(best.shape, np.intp)
        for region, share in enumerate(shares):
            own = self.anatomy.place.spread(share).ravel()[self.anatomy.brain.indices]
            regions[own > best] = region
            best = np.maximum(best, own)
        return regions

    def _field(self, draws: Floats) -> Floats:
        """Return draws by region at the brain's voxels, `(P,)`, as the simulator spreads them."""
        shares = individual.membership(self.anatomy.place)
        at_nodes = (shares * draws.reshape(-1, 1, 1, 1)).sum(axis=0)
        field: Floats = self.anatomy.place.spread(at_nodes).ravel()[self.anatomy.brain.indices]
        return field


def read_subject(folder: Path, case: str) -> AtlasSubject:
    """Return the virtual subject of a case by the `case.json` that was written with it.

    Args:
        folder: that `transmodal atlas` wrote.
        case: id of the case.

    Raises:
        InputError: E100 where there is no such file, E101 where it is of no virtual subject, or of another version of
            the simulator.
    """
    path = folder / case / "case.json"
    record = files.read_json(path)
    try:
        options = AtlasOptions(**_options(record["options"]))
        subject = AtlasSubject(int(record["index"]), options, int(record["seed"]))
    except (KeyError, TypeError, ValueError) as error:
        raise _unknown(path, "of no virtual subject") from error
    if subject.fingerprint() != record.get("fingerprint"):
        raise _unknown(path, "of another version of the simulator")
    return subject


def _options(record: Mapping[str, Any]) -> dict[str, Any]:
    return {**record, "modalities": tuple(record["modalities"])}


def _unknown(path: Path, fault: str) -> InputError:
    return InputError(
        "E101",
        f"{path} {fault}",
        "what transmodal atlas wrote",
        "Make the subjects again, with the seed and options that the cohort was made with: transmodal atlas.",
    )
