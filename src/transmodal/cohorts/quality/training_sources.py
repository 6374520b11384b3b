"""What the sources of a training cohort looked like, in figures that a checkpoint keeps, and what they say of a source.

Of each source modality: spacing, extent and orientation of the grids, and the figures of `volumes.appearance` over
the training cases. An image is held against these, and a head's contrast also against what T1, T2, PD, FLAIR, CT
and FA maps look like at any site (`cohorts.quality.head_contrast`), so that another scanner is no alarm and another
contrast is one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from transmodal.cohorts.quality.head_contrast import FEATURES, PROTOTYPES, nearest
from transmodal.cohorts.store import PreparedCase
from transmodal.modalities import modality_of
from transmodal.volumes import Grid, Volume
from transmodal.volumes.appearance import Appearance, Tissue, appearance, is_hu
from transmodal.volumes.geometry.reorient import working_grid

Outcome = Literal["pass", "warn", "refuse"]
Kind = Literal["head", "other", "none"]

FORMAT = 1
MOST_CASES = 16
"""Training cases that are looked at, spread evenly over the cohort."""
LEAST_CASES = 3
"""Cases below which there is nothing to hold an image against."""
OUTCOMES: tuple[Outcome, ...] = ("pass", "warn", "refuse")

_COARSER, _FINER = 2.5, 5.0  # how much coarser or finer than training's range a spacing is not worth a word
_SHORTER, _LONGER = 0.4, 2.5
_HEADS = 0.8  # share of the training cases in which a head has to lie
_FEW_MM = 8  # slices below which a grid's extent says nothing


class Finding(NamedTuple):
    """One thing that speaks against a source.

    Attributes:
        evidence: `header`, `grid` or `image`.
        outcome: `warn` or `refuse`.
        text: in words and figures.
    """

    evidence: Literal["header", "grid", "image"]
    outcome: Outcome
    text: str


class Range(NamedTuple):
    """Least, middle and greatest value over the training cases."""

    low: float
    middle: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Range:
        """Return the range of values; NaN is left out."""
        known = [value for value in values if math.isfinite(value)] or [0.0]
        low, middle, high = np.quantile(known, (0, 0.5, 1)).tolist()
        return cls(low, middle, high)

    def __str__(self) -> str:
        return f"{self.low:.3g} to {self.high:.3g}"


@dataclass(frozen=True, slots=True)
class ModalityReference:
    """What one source modality looked like in training.

    Attributes:
        cases: how many training cases were looked at.
        kind: `head` where the embedded template lies in most of them, `other`, or `none` where fewer than
            three could be judged: small, thin or even images.
        in_unit: whether the modality has a unit, so that levels can be compared.
        spacing_mm: finest and coarsest, and the thickest slice's.
        extent_mm: of the grids along right, anterior and superior; absent where slices are too few.
        orientations: of the files' voxels.
        figures: ranges by name, of `FIGURES` and, of heads, `TISSUES`.
        contrast: which contrast a head shows, of `head_contrast.PROTOTYPES`; empty where it is none of these.
    """

    cases: int
    kind: Kind
    in_unit: bool
    spacing_mm: Range
    extent_mm: tuple[Range | None, Range | None, Range | None]
    orientations: tuple[str, ...]
    figures: Mapping[str, Range]
    contrast: str = ""

    def judge(self, volume: Volume) -> tuple[list[Finding], dict[str, Any]]:
        """Hold an image against training.

        Args:
            volume: as it came.

        Returns:
            What speaks against it, and the figures behind, JSON-able.
        """
        found = grid_findings(self, volume.grid)
        if self.kind == "none":
            return found, {"image": f"not judged: {_why_not(self)}"}
        seen = appearance(volume)
        if seen is None:
            text = "it is too small, thin or even to be held against training, whose images are not"
            return [*found, Finding("image", "warn", text)], {"image": "not judged: too small or even"}
        return [*found, *image_findings(self, seen)], _figures_of(seen)


class Reference(NamedTuple):
    """What a run keeps of its training sources.

    Attributes:
        modalities: by source.
    """

    modalities: Mapping[str, ModalityReference]

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` takes."""
        return {
            "format": FORMAT,
            "modalities": {name: asdict(one) for name, one in self.modalities.items()},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> Reference | None:
        """Rebuild it; None where there is none, or one of another format."""
        if not data or data.get("format") != FORMAT:
            return None
        return cls({name: _modality(one) for name, one in data["modalities"].items()})


def fit(
    cases: Sequence[PreparedCase],
    modalities: Mapping[str, bool],
    advance: Callable[[int, int], None] | None = None,
) -> Reference:
    """Look at the sources of training cases.

    Args:
        cases: of the training split.
        modalities: source modalities, and whether each has a unit.
        advance: called with images done and images in all.
    """
    chosen = {}
    for name in modalities:
        there = [case for case in cases if name in case.modalities]
        chosen[name] = [there[n] for n in _spread(len(there))]
    total, done = sum(map(len, chosen.values())), 0
    found = {}
    for name, in_unit in modalities.items():
        looks = []
        for case in chosen[name]:
            looks.append(appearance(case.volume(name)))
            done += 1
            if advance is not None:
                advance(done, total)
        found[name] = of_looks(looks, [case.native_grid(name) for case in chosen[name]], in_unit=in_unit)
    return Reference(found)


def of_looks(
    looks: Sequence[Appearance | None], grids: Sequence[Grid], *, in_unit: bool
) -> ModalityReference:
    """Gather what images of one modality look like.

    Args:
        looks: of each image; None where it could not be judged.
        grids: on which the images came.
        in_unit: whether the modality has a unit.
    """
    seen = [look for look in looks if look is not None]
    few = len(seen) < max(LEAST_CASES, _HEADS * len(looks))
    tissues = [look.tissue for look in seen if look.tissue is not None and _is_head(look, look.tissue)]
    heads = not few and len(tissues) >= _HEADS * len(seen)
    figures = {name: Range.of(_figures_of(look)[name] for look in seen) for name in FIGURES}
    if heads:
        figures |= {name: Range.of(getattr(one, name) for one in tissues) for name in Tissue._fields}
    return ModalityReference(
        cases=len(looks),
        kind="none" if few else "head" if heads else "other",
        in_unit=in_unit,
        spacing_mm=Range.of(mm for grid in grids for mm in grid.spacing),
        extent_mm=_extents(grids),
        orientations=tuple(sorted({grid.orientation for grid in grids})),
        figures={} if few else figures,
        contrast=_contrast(figures) if heads else "",
    )


FIGURES = (
    "detail",
    "rim",
    "quarter",
    "half",
    "three_quarters",
    "right_mm",
    "anterior_mm",
    "superior_mm",
    "low",
    "median",
    "high",
    "fit",
)
"""Figures of every image, of which a reference keeps the ranges."""


def grid_findings(known: ModalityReference, grid: Grid) -> list[Finding]:
    """Return what speaks against a grid: a slice much thicker, or a field of view much smaller, than any of training's."""
    found = []
    coarsest, finest = max(grid.spacing), min(grid.spacing)
    shown = " x ".join(f"{mm:.3g}" for mm in grid.spacing)
    if known.cases and coarsest > _COARSER * known.spacing_mm.high:
        found.append(f"spacing {shown} mm; training had {known.spacing_mm} mm")
    elif known.cases and finest < known.spacing_mm.low / _FINER:
        found.append(f"spacing {shown} mm, far finer than training's {known.spacing_mm} mm")
    names = ("left to right", "front to back", "top to bottom")
    for name, mm, usual in zip(names, _sides(grid), known.extent_mm, strict=True):
        if usual is not None and not _SHORTER * usual.low <= mm <= _LONGER * usual.high:
            found.append(
                f"field of view {mm:.0f} mm {name}; training had {usual.low:.0f} to {usual.high:.0f} mm"
            )
    return [Finding("grid", "warn", text) for text in found]


def image_findings(known: ModalityReference, seen: Appearance) -> list[Finding]:
    """Return what speaks against an image, the plainest first: noise, unit, place, contrast."""
    found = [*_noise(known, seen), *_unit(known, seen)]
    if found:
        return found
    return _head(known, seen) if known.kind == "head" else _body(known, seen)


def _noise(known: ModalityReference, seen: Appearance) -> list[Finding]:
    usual = known.figures["detail"]
    if seen.detail <= max(3 * usual.high, usual.high + 0.12):
        return []
    text = (
        f"{100 * seen.detail:.0f} % of its variance is finer than 8 mm; in training {100 * usual.low:.0f} to "
        f"{100 * usual.high:.0f} %: noise, or another kind of image"
    )
    return [Finding("image", "refuse" if seen.detail > max(0.5, 4 * usual.high) else "warn", text)]


def _unit(known: ModalityReference, seen: Appearance) -> list[Finding]:
    """Compare levels: Hounsfield units have air far below 0, and a map such as FA has a range of its own."""
    low, _, high = seen.levels
    was_hu, hu = is_hu(known.figures["low"].middle), is_hu(low)
    if was_hu != hu:
        was, now = ("Hounsfield units", "none") if was_hu else ("none", "Hounsfield units")
        text = (
            f"values from {low:.4g} to {high:.4g} look like {now}; training's, from "
            f"{known.figures['low'].middle:.4g} to {known.figures['high'].middle:.4g}, look like {was}"
        )
        return [Finding("image", "refuse", text.replace("look like none", "are no Hounsfield units"))]
    usual = known.figures["high"]
    if known.in_unit and not hu and not usual.low / 3 <= high <= 3 * usual.high:
        text = f"values reach {high:.4g}; in training {usual}: another unit or another kind of image"
        return [Finding("image", "refuse", text)]
    return []


def _head(known: ModalityReference, seen: Appearance) -> list[Finding]:
    tissue = seen.tissue
    if tissue is None or not _lies_as_usual(known, seen, tissue):
        fit = known.figures["fit"]
        text = (
            f"no head lies in it as in training: the template fits with {seen.fit:.2f} (training {fit}), and tissue "
            f"explains {0.0 if tissue is None else max(tissue.explained, 0.0):.2f} of the brain's contrasts (training "
            f"{known.figures['explained']})"
        )
        return [Finding("image", "refuse" if seen.fit < 0.4 * fit.low else "warn", text)]
    if tissue.air > _BRIGHT_AIR:
        text = (
            f"around the head it shows {tissue.air:.2f} of what white matter shows; in training "
            f"{known.figures['air']}: the contrast is reversed, or the image is cut within the head"
        )
        return [Finding("image", "refuse" if tissue.air > 2 * _BRIGHT_AIR else "warn", text)]
    return _other_contrast(known, tissue)


_BRIGHT_AIR = 0.75
_LEAST_SKULL = 1.2
_WHOLE = 0.95  # share of the template's points in the image below which the head is cut, and fits less well
_LEAST_EXPLAINED = 0.12  # wrong places reach 0.11, right ones 0.3 to 0.7
_FAR, _VERY_FAR, _CLEARLY = 3.5, 6.0, 1.0  # in widths of a prototype


def _other_contrast(known: ModalityReference, tissue: Tissue) -> list[Finding]:
    if is_hu(known.figures["low"].middle):
        # Hounsfield units say by themselves that it is CT; in a head a skull has to stand around the brain.
        if tissue.skull >= _LEAST_SKULL:
            return []
        text = f"around the brain it shows {tissue.skull:.2f} of what white matter shows; in training {known.figures['skull']}"
        return [Finding("image", "warn", f"{text}: no skull where it should be")]
    name, distance, second = nearest(tissue)
    apart = _apart(known, tissue)
    own = min(apart, PROTOTYPES[known.contrast].distance(tissue)) if known.contrast else apart
    is_other = name != known.contrast and distance < min(own, _FAR)
    # At another site a contrast may lie where two contrasts meet: it is named where training never was.
    between = "" if is_other or apart <= _FAR - 1 or second.distance - own > _CLEARLY else second.name
    if own <= _FAR and not is_other and not between:
        return []
    usual = known.figures
    like = (
        modality_of(name).label
        if is_other
        else f"{modality_of(between).label} as much"
        if between
        else "no contrast that is known here"
    )
    was = f", which is {modality_of(known.contrast).label}" if known.contrast else ""
    text = (
        f"grey matter shows {tissue.grey:.2f} of what white matter shows and fluid {tissue.fluid:.2f}; in training{was} "
        f"{usual['grey']} and {usual['fluid']}: it looks like {like}"
    )
    strong = own > _VERY_FAR or (is_other and own > _FAR)
    return [Finding("image", "refuse" if strong else "warn", text)]


def _apart(known: ModalityReference, tissue: Tissue) -> float:
    """Return how far a head lies beyond the range of training's own, in widths; a skull that is missing is no distance."""
    terms = []
    for name, width in zip(FEATURES, (0.06, 0.15, 0.6, 0.4), strict=True):
        usual, value = known.figures[name], math.log(max(getattr(tissue, name), 0.01))
        low, high = math.log(max(usual.low, 0.01)), math.log(max(usual.high, 0.01))
        less = 0.0 if name == "skull" else low - value
        terms.append(max(less, 0.0, value - high) / width)
    return math.hypot(*terms)


def _body(known: ModalityReference, seen: Appearance) -> list[Finding]:
    """Hold an image of anything but a head against training's own ranges, widened generously."""
    figures, found = _figures_of(seen), []
    rim = known.figures["rim"]
    if rim.high < -0.1 and seen.rim > max(0.0, rim.high + 0.3):
        text = f"its rim is brighter than its middle by {seen.rim:+.2f} of its range; in training {rim}"
        found.append(Finding("image", "refuse", f"{text}: the contrast is reversed"))
    for name in ("quarter", "half", "three_quarters"):
        usual = known.figures[name]
        more = max(0.2, usual.high - usual.low)
        if not usual.low - more <= figures[name] <= usual.high + more:
            text = f"{name.replace('_', ' ')} of its content lies below {figures[name]:.2f} of its range"
            found.append(Finding("image", "warn", f"{text}; in training below {usual}"))
    for name in ("right_mm", "anterior_mm", "superior_mm"):
        usual = known.figures[name]
        if not 0.5 * usual.low <= figures[name] <= 1.8 * usual.high:
            text = f"its content measures {figures[name]:.0f} mm {name.removesuffix('_mm')}wards"
            found.append(Finding("image", "warn", f"{text}; in training {usual} mm"))
    return found


def _lies_as_usual(known: ModalityReference, seen: Appearance, tissue: Tissue) -> bool:
    """Tell whether the template was laid well: by what tissue explains, since bias lowers the fit.

    In CT tissues differ by little more than the noise, and the skull around the brain has to tell.
    """
    fit, explained = known.figures["fit"], known.figures["explained"]
    if is_hu(seen.levels[0]):
        is_cut = seen.seen < _WHOLE
        return seen.fit >= (0.72 if is_cut else 0.8) * fit.middle
    return tissue.explained >= max(_LEAST_EXPLAINED, min(0.3 * explained.middle, explained.low))


def _is_head(look: Appearance, tissue: Tissue) -> bool:
    """Tell whether a head lies in an image: tissue explains the brain, or a skull stands around it as in CT."""
    hard = is_hu(look.levels[0]) and look.fit > 0.75 and tissue.skull > 1.3
    return hard or (look.fit > 0.7 and tissue.explained > 0.2)


def _contrast(figures: Mapping[str, Range]) -> str:
    middle = Tissue(**{name: figures[name].middle for name in Tissue._fields})
    name, distance, _ = nearest(middle)
    return name if distance <= _FAR else ""


def _figures_of(seen: Appearance) -> dict[str, Any]:
    general = (seen.detail, seen.rim, *seen.middle, *seen.extent_mm, *seen.levels, seen.fit)
    figures: dict[str, Any] = dict(zip(FIGURES, (_short(value) for value in general), strict=True))
    if seen.tissue is not None:
        figures |= {name: _short(value) for name, value in seen.tissue._asdict().items()}
    return figures


def _short(value: float) -> float:
    """Round to four digits; what is not known counts as 0, since JSON has no NaN."""
    return float(f"{value:.4g}") if math.isfinite(value) else 0.0


def _why_not(known: ModalityReference) -> str:
    if known.cases < LEAST_CASES:
        return f"{known.cases} training case{'' if known.cases == 1 else 's'}, and {LEAST_CASES} are needed"
    return "training's images are too small, thin or even"


def _extents(grids: Sequence[Grid]) -> tuple[Range | None, Range | None, Range | None]:
    if not grids or min(min(grid.shape) for grid in grids) < _FEW_MM:
        return None, None, None
    right, anterior, superior = (Range.of(sides) for sides in zip(*map(_sides, grids), strict=True))
    return right, anterior, superior


def _sides(grid: Grid) -> tuple[float, float, float]:
    """Return what a grid measures along right, anterior and superior in mm."""
    turned = working_grid(grid, None)
    x, y, z = (n * mm for n, mm in zip(turned.shape, turned.spacing, strict=True))
    return x, y, z


def _spread(n: int) -> list[int]:
    """Return up to `MOST_CASES` indices of n, evenly."""
    return sorted({round(value) for value in np.linspace(0, n - 1, min(n, MOST_CASES))}) if n else []


def _modality(data: Mapping[str, Any]) -> ModalityReference:
    return ModalityReference(
        cases=int(data["cases"]),
        kind=data["kind"],
        in_unit=bool(data["in_unit"]),
        spacing_mm=Range(*data["spacing_mm"]),
        extent_mm=_three(data["extent_mm"]),
        orientations=tuple(data["orientations"]),
        figures={name: Range(*values) for name, values in data["figures"].items()},
        contrast=str(data["contrast"]),
    )


def _three(data: Sequence[Sequence[float] | None]) -> tuple[Range | None, Range | None, Range | None]:
    right, anterior, superior = (None if values is None else Range(*values) for values in data)
    return right, anterior, superior
