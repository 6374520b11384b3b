"""How much memory a translation takes, told from shapes before the work: arrays by their number, networks by counting tensors."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from transmodal.inference.preprocessing import Preprocessing
from transmodal.storage import memory
from transmodal.translators._base import TranslatorConfig
from transmodal.translators._memory import forward_bytes
from transmodal.volumes import Grid
from transmodal.volumes.geometry.reorient import working_grid
from transmodal.volumes.windows.fitting import sides_of

_REAL = 4
_MASK = 1
_PREPROCESSING = 3.25
"""Real volumes of the working grid that live while a source is brought onto it: twice interpolated, mapped, its region."""
_FITTING = 3
"""Real volumes of the native grid that live while a source's intensities are fitted."""
_FUSING = 4
"""Real volumes of the working grid that live while one pass becomes a volume."""
_SPREADING = 5
"""The same for each of several passes, of which the spread is taken."""
_LEAVING = 2.3
"""Real volumes of the native grid that live while a translation comes back to it."""

ADVICE = "Free memory, crop the volume, or pass over one axis where there are several: --axes z"


class MemoryEstimate(NamedTuple):
    """How much memory work takes.

    Attributes:
        resident: bytes that this process holds already.
        more: bytes that it takes besides, at most at once.
        batch: windows that go through the network at a time.
    """

    resident: int
    more: int
    batch: int

    @property
    def peak(self) -> int:
        """Bytes of the process at its peak."""
        return self.resident + self.more

    def line(self) -> str:
        """Return the estimate on one line, with what there is."""
        free = memory.available()
        room = "" if free is None else f"; {free / memory.GIB:.3g} GiB free"
        peak, more = (n_bytes / memory.GIB for n_bytes in (self.peak, self.more))
        return f"memory: about {peak:.3g} GiB at its peak, {more:.2g} GiB of it new{room}"

    def check(self, work: str, remedy: str) -> None:
        """Refuse work that takes more memory than there is.

        Args:
            work: in words.
            remedy: what takes less.

        Raises:
            ResourceError: E402.
        """
        free = memory.available()
        if free is not None and self.more > free:
            raise memory.shortage(
                f"{work} takes about {self.more / memory.GIB:.3g} GiB, and {free / memory.GIB:.3g} GiB are free",
                f"{remedy}; or count on more: set the environment variable {memory.MEMORY}={math.ceil(self.more / memory.GIB)}.",
                "memory that suffices",
            )


class Network(NamedTuple):
    """A translator as far as memory is concerned.

    Attributes:
        name: in recipes.
        config: its settings.
        preprocessing: of its recipe, with the passes that are asked for.
        is_here: whether its tensors lie in this machine's memory, and not on a card.
    """

    name: str
    config: TranslatorConfig
    preprocessing: Preprocessing
    is_here: bool


class Sources(NamedTuple):
    """The sources of a case as far as memory is concerned.

    Attributes:
        grid: the native one.
        n_bytes: of all sources as they are stored.
        n_sources: how many there are.
    """

    grid: Grid
    n_bytes: int
    n_sources: int


def real_sources(grid: Grid, preprocessing: Preprocessing) -> Sources:
    """Return the sources of a prepared case: all of them, of real values."""
    count = len(preprocessing.sources)
    return Sources(grid, count * _REAL * math.prod(grid.shape), count)


def estimate(network: Network, cases: Iterable[Sources]) -> MemoryEstimate:
    """Return what translating the largest of several cases takes, in the largest batches that fit.

    Batches are the recipe's or, where memory does not suffice for them, a half of it, a quarter, ...

    Raises:
        ResourceError: E401 for a working grid beyond the budget.
    """
    listed = list(cases)
    free, batch = memory.available(), network.preprocessing.batch
    while True:
        more = max((_more(network, sources, batch) for sources in listed), default=0)
        if batch == 1 or free is None or more <= free:
            return MemoryEstimate(memory.resident(), more, batch)
        batch //= 2


def _more(network: Network, sources: Sources, batch: int) -> int:
    """Return the most bytes that live at once over the steps of a translation, beside the sources themselves."""
    preprocessing, channels = network.preprocessing, network.config.target_channels
    shape = working_grid(sources.grid, preprocessing.spacing_mm).shape
    native, working = _REAL * math.prod(sources.grid.shape), _REAL * math.prod(shape)
    inputs = sources.n_bytes + native // _REAL * _MASK
    n_passes = len(_axes(preprocessing)) * preprocessing.draws * (1 + len(preprocessing.flips))
    before = (sources.n_sources - 1) * working + max(_PREPROCESSING * working, _FITTING * native)
    during = channels * (n_passes + 1.25) * working + _network_bytes(network, shape, batch)
    fusing = channels * (_FUSING * working if n_passes == 1 else _SPREADING * n_passes * working + native)
    after = sources.n_sources * working + max(during, fusing, channels * _LEAVING * native)
    return int(inputs + max(before, after))


def _network_bytes(network: Network, shape: tuple[int, ...], batch: int) -> int:
    """Return what a batch of windows of a working grid takes in this machine's memory as it goes through the network."""
    if not network.is_here:
        return 0
    windows = {_sides(network.preprocessing, shape, axis) for axis in _axes(network.preprocessing)}
    settings, channels = network.config.model_dump(mode="json"), network.config.in_channels
    return max(forward_bytes(network.name, settings, (batch, channels, *window)) for window in windows)


def _axes(preprocessing: Preprocessing) -> Sequence[int | None]:
    return (None,) if preprocessing.cutting.kind == "patch" else preprocessing.axes


def _sides(preprocessing: Preprocessing, shape: tuple[int, ...], axis: int | None) -> tuple[int, ...]:
    """Return the sides of the windows along an axis."""
    cutting = preprocessing.cutting.covering(shape, axis)
    if axis is None or cutting.size is not None:
        return tuple(cutting.size or ())
    return tuple(side.out for side in sides_of(shape, axis, cutting))
