"""The record of a metric: all that is known of it, in one place, and how it is measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from transmodal.metrics.checks import Array, Mask
from transmodal.metrics.pair import ImagePair
from transmodal.metrics.slices import SliceMean, over_slices

Direction = Literal["higher", "lower", "zero"]
Kind = Literal["any", "grey", "colour"]
Need = Literal["pair", "mask", "inside", "source", "labels"]
Dims = Literal[2, 3]
Learned = Literal["slices", "volume", "split"]
In3D = Callable[[ImagePair], float]
In2D = Callable[[ImagePair], SliceMean]


class PairFigures(NamedTuple):
    """A metric's figures of one region: of the volume at once, and of its slices."""

    in_3d: float
    in_2d: SliceMean


class BothRegions(NamedTuple):
    """A metric's figures inside the mask and of the whole volume."""

    inside: PairFigures
    whole: PairFigures


@dataclass(frozen=True, slots=True)
class Metric:
    """All that is known of one metric.

    Attributes:
        name: such as `stsim2`.
        unit: of its values; `{unit}` stands for the voxels' own.
        best: `higher`, `lower`, or `zero` where the sign says which way the value is off.
        in_3d: measures the volume at once; None where the metric has no value in 3D.
        in_2d: measures every axial slice and averages; None where the metric has no value in 2D.
        learned: of a network in `evaluation.learned`, which measures slices, a volume, or a whole split; None for a
            metric that has a function here.
        definition: stamped into the protocol, where others define the metric in another way.
        kind: the volumes that it takes.
        needs: a mask to look around, a mask to look inside of alone, the grey source, or labels of organs, beside the pair.
        has_range: whether the data range enters, and is stamped.
        in_grey: whether colour is measured by the mean of its channels.
        window: taps of its Gaussian window by the shape that it filters; stamped. None without a window.
        detail: the part of the definition that the pair decides, such as the number of levels.
        no_value: the reason that tables give for a value that is not finite.
        decimals: shown in tables; None shows three digits.
        smallest: the fewest pixels that a slice may have along an axis.
        slices: the fewest slices.
        takes_unit: unit that the voxels have to be in; empty where any will do.
        clips: whether it clips values itself; stamped.
        in_both: measures a pair with a mask inside of it and whole, in fewer passes than `in_3d` and `in_2d` take for the
            two; None where that saves nothing.
    """

    name: str
    unit: str
    best: Direction
    in_3d: In3D | None = None
    in_2d: In2D | None = None
    learned: Learned | None = None
    definition: str = ""
    kind: Kind = "any"
    needs: Need = "pair"
    has_range: bool = True
    in_grey: bool = False
    window: Callable[[tuple[int, ...]], tuple[int, ...]] | None = None
    detail: Callable[[ImagePair, Dims], str] | None = None
    no_value: str = "the metric has no finite value here"
    decimals: int | None = None
    smallest: int = 1
    slices: int = 1
    takes_unit: str = ""
    clips: bool = False
    in_both: Callable[[ImagePair], BothRegions] | None = None

    @property
    def dims(self) -> tuple[Dims, ...]:
        """Dimensions in which it has a value: 3 for the volume at once, 2 for the mean over slices."""
        has_volume = self.in_3d is not None or self.learned == "volume"
        has_slices = self.in_2d is not None or self.learned == "slices"
        return (*((3,) if has_volume else ()), *((2,) if has_slices else ()))

    @property
    def is_ranked(self) -> bool:
        """Whether one end is better, and translators can be ranked by it."""
        return self.best != "zero"

    def takes(self, kind: Literal["grey", "colour"]) -> bool:
        """Return whether it takes volumes of a kind."""
        return self.kind in ("any", kind)


def over_voxels(function: Callable[..., float]) -> In3D:
    """Return how a function of all voxels, with the arguments reference, synthetic and mask, measures a pair."""

    def measure(pair: ImagePair) -> float:
        return function(pair.reference, pair.synthetic, mask=pair.mask)

    return measure


def over_planes(function: Callable[..., float]) -> In2D:
    """Return how a function of grey images measures a pair slice by slice, values counted from the background.

    Args:
        function: with the arguments reference, synthetic, data_range and mask.
    """

    def measure(pair: ImagePair) -> SliceMean:
        def measure_slice(reference: Array, synthetic: Array, mask: Mask | None) -> float:
            return function(reference, synthetic, data_range=pair.data_range, mask=mask)

        return over_slices(measure_slice, *pair.above_background, axis=pair.axis, mask=pair.mask)

    return measure
