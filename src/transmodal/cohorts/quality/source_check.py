"""A source image compared with the sources of training: its grid, its unit, its noise, and its content.

A head's contrast is also compared with T1, T2, PD, FLAIR, CT and FA maps of any site (`head_contrast`), so that
another scanner is no alarm and another contrast is one.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from transmodal.cohorts.quality.finding import Finding
from transmodal.cohorts.quality.head_check import head_findings
from transmodal.cohorts.quality.training_sources import (
    LEAST_CASES,
    ModalityReference,
    extent_mm,
    figures_of,
)
from transmodal.volumes import Grid, Volume
from transmodal.volumes.appearance import Appearance, is_hu, measure_appearance

_COARSER, _FINER = 2.5, 5.0  # how much coarser or finer than training's range a spacing is not worth a word
_SHORTER, _LONGER = 0.4, 2.5


class SourceCheck(NamedTuple):
    """The result of a check.

    Attributes:
        findings: what speaks against the image.
        figures: the figures behind, JSON-able.
    """

    findings: list[Finding]
    figures: dict[str, Any]


def check_source(reference: ModalityReference, volume: Volume) -> SourceCheck:
    """Compare an image with training.

    Args:
        reference: of the image's modality.
        volume: as it came.
    """
    findings = grid_findings(reference, volume.grid)
    if reference.kind == "none":
        return SourceCheck(findings, {"image": f"not judged: {_missing_reference(reference)}"})
    image = measure_appearance(volume)
    if image is None:
        text = "it is too small, thin or even to be held against training, whose images are not"
        figures = {"image": "not judged: too small or even"}
        return SourceCheck([*findings, Finding("image", "warn", text)], figures)
    return SourceCheck([*findings, *image_findings(reference, image)], figures_of(image))


def grid_findings(reference: ModalityReference, grid: Grid) -> list[Finding]:
    """Return what speaks against a grid: a slice much thicker, or a field of view much smaller, than any of training's."""
    texts = []
    coarsest, finest = max(grid.spacing), min(grid.spacing)
    spacing = " x ".join(f"{mm:.3g}" for mm in grid.spacing)
    if reference.cases and coarsest > _COARSER * reference.spacing_mm.high:
        texts.append(f"spacing {spacing} mm; training had {reference.spacing_mm} mm")
    elif reference.cases and finest < reference.spacing_mm.low / _FINER:
        texts.append(f"spacing {spacing} mm, far finer than training's {reference.spacing_mm} mm")
    names = ("left to right", "front to back", "top to bottom")
    for name, mm, usual in zip(names, extent_mm(grid), reference.extent_mm, strict=True):
        if usual is not None and not _SHORTER * usual.low <= mm <= _LONGER * usual.high:
            texts.append(
                f"field of view {mm:.0f} mm {name}; training had {usual.low:.0f} to {usual.high:.0f} mm"
            )
    return [Finding("grid", "warn", text) for text in texts]


def image_findings(reference: ModalityReference, image: Appearance) -> list[Finding]:
    """Return what speaks against an image, the plainest first: noise, unit, place, contrast."""
    findings = [*_noise_findings(reference, image), *_unit_findings(reference, image)]
    if findings:
        return findings
    return head_findings(reference, image) if reference.kind == "head" else _body_findings(reference, image)


def _noise_findings(reference: ModalityReference, image: Appearance) -> list[Finding]:
    usual = reference.figures["detail"]
    if image.detail <= max(3 * usual.high, usual.high + 0.12):
        return []
    text = (
        f"{100 * image.detail:.0f} % of its variance is finer than 8 mm; in training {100 * usual.low:.0f} to "
        f"{100 * usual.high:.0f} %: noise, or another kind of image"
    )
    return [Finding("image", "refuse" if image.detail > max(0.5, 4 * usual.high) else "warn", text)]


def _unit_findings(reference: ModalityReference, image: Appearance) -> list[Finding]:
    """Compare levels: Hounsfield units have air far below 0, and a map such as FA has a range of its own."""
    low, _, high = image.levels
    usual_low, usual_high = reference.figures["low"], reference.figures["high"]
    was_hu, hu = is_hu(usual_low.middle), is_hu(low)
    if was_hu != hu:
        before, now = ("Hounsfield units", "none") if was_hu else ("none", "Hounsfield units")
        text = (
            f"values from {low:.4g} to {high:.4g} look like {now}; training's, from "
            f"{usual_low.middle:.4g} to {usual_high.middle:.4g}, look like {before}"
        )
        return [Finding("image", "refuse", text.replace("look like none", "are no Hounsfield units"))]
    if reference.in_unit and not hu and not usual_high.low / 3 <= high <= 3 * usual_high.high:
        text = f"values reach {high:.4g}; in training {usual_high}: another unit or another kind of image"
        return [Finding("image", "refuse", text)]
    return []


def _body_findings(reference: ModalityReference, image: Appearance) -> list[Finding]:
    """Compare an image of anything but a head with training's own ranges, widened generously."""
    figures, findings = figures_of(image), []
    rim = reference.figures["rim"]
    if rim.high < -0.1 and image.rim > max(0.0, rim.high + 0.3):
        text = f"its rim is brighter than its middle by {image.rim:+.2f} of its range; in training {rim}"
        findings.append(Finding("image", "refuse", f"{text}: the contrast is reversed"))
    for name in ("quarter", "half", "three_quarters"):
        usual = reference.figures[name]
        more = max(0.2, usual.high - usual.low)
        if not usual.low - more <= figures[name] <= usual.high + more:
            text = f"{name.replace('_', ' ')} of its content lies below {figures[name]:.2f} of its range"
            findings.append(Finding("image", "warn", f"{text}; in training below {usual}"))
    for name in ("right_mm", "anterior_mm", "superior_mm"):
        usual = reference.figures[name]
        if not 0.5 * usual.low <= figures[name] <= 1.8 * usual.high:
            text = f"its content measures {figures[name]:.0f} mm {name.removesuffix('_mm')}wards"
            findings.append(Finding("image", "warn", f"{text}; in training {usual} mm"))
    return findings


def _missing_reference(reference: ModalityReference) -> str:
    """Return why training gives nothing to compare an image with."""
    if reference.cases < LEAST_CASES:
        return f"{reference.cases} training case{'' if reference.cases == 1 else 's'}, and {LEAST_CASES} are needed"
    return "training's images are too small, thin or even"
