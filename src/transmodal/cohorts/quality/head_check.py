"""Images of heads compared with the heads of training: where the head lies, and which contrast it shows."""

from __future__ import annotations

import math
from typing import NamedTuple

from transmodal.cohorts.quality.finding import Finding
from transmodal.cohorts.quality.head_contrast import FEATURES, PROTOTYPES, nearest
from transmodal.cohorts.quality.training_sources import FAR_WIDTHS, ModalityReference
from transmodal.modalities import modality_of
from transmodal.volumes.appearance import Appearance, Tissue, is_hu

_BRIGHT_AIR = 0.75
_LEAST_SKULL = 1.2
_WHOLE = 0.95  # share of the template's points in the image below which the head is cut, and fits less well
_LEAST_EXPLAINED = 0.12  # wrong places reach 0.11, right ones 0.3 to 0.7
_VERY_FAR, _CLEARLY = 6.0, 1.0  # in widths of a prototype


def head_findings(reference: ModalityReference, image: Appearance) -> list[Finding]:
    """Return what speaks against an image where training had heads: no head in it, a bright background, a contrast."""
    tissue = image.tissue
    if tissue is None or not _fits_as_usual(reference, image, tissue):
        fit = reference.figures["fit"]
        text = (
            f"no head lies in it as in training: the template fits with {image.fit:.2f} (training {fit}), and tissue "
            f"explains {0.0 if tissue is None else max(tissue.explained, 0.0):.2f} of the brain's contrasts (training "
            f"{reference.figures['explained']})"
        )
        return [Finding("image", "refuse" if image.fit < 0.4 * fit.low else "warn", text)]
    if tissue.air > _BRIGHT_AIR:
        text = (
            f"around the head it shows {tissue.air:.2f} of what white matter shows; in training "
            f"{reference.figures['air']}: the contrast is reversed, or the image is cut within the head"
        )
        return [Finding("image", "refuse" if tissue.air > 2 * _BRIGHT_AIR else "warn", text)]
    if is_hu(reference.figures["low"].middle):
        return _skull_findings(reference, tissue)
    return _contrast_findings(reference, tissue)


def _fits_as_usual(reference: ModalityReference, image: Appearance, tissue: Tissue) -> bool:
    """Return whether the template was laid well: by the variance that tissue explains, since bias lowers the fit.

    In CT tissues differ by little more than the noise, and the skull around the brain has to tell.
    """
    fit, explained = reference.figures["fit"], reference.figures["explained"]
    if is_hu(image.levels[0]):
        is_cut = image.coverage < _WHOLE
        return image.fit >= (0.72 if is_cut else 0.8) * fit.middle
    return tissue.explained >= max(_LEAST_EXPLAINED, min(0.3 * explained.middle, explained.low))


def _skull_findings(reference: ModalityReference, tissue: Tissue) -> list[Finding]:
    """Return what speaks against a CT: Hounsfield units say that it is one; in a head a skull has to stand around the brain."""
    if tissue.skull >= _LEAST_SKULL:
        return []
    text = (
        f"around the brain it shows {tissue.skull:.2f} of what white matter shows; in training "
        f"{reference.figures['skull']}: no skull where it should be"
    )
    return [Finding("image", "warn", text)]


class _ContrastMatch(NamedTuple):
    """The contrast that a head looks like.

    Attributes:
        distance: how far it lies from training's heads, and from its contrast's prototype, in widths.
        contrast: another one that is nearer, or as near; empty where there is none.
        is_nearer: whether that one is nearer.
    """

    distance: float
    contrast: str
    is_nearer: bool

    @property
    def text(self) -> str:
        """The contrast in words."""
        if not self.contrast:
            return "no contrast that is known here"
        label = modality_of(self.contrast).label
        return label if self.is_nearer else f"{label} as much"


def _contrast_findings(reference: ModalityReference, tissue: Tissue) -> list[Finding]:
    """Return what speaks against a head's contrast: that it is another one, or none."""
    match = _match_contrast(reference, tissue)
    if match.distance <= FAR_WIDTHS and not match.contrast:
        return []
    usual = reference.figures
    contrast = f", which is {modality_of(reference.contrast).label}" if reference.contrast else ""
    text = (
        f"grey matter shows {tissue.grey:.2f} of what white matter shows and fluid {tissue.fluid:.2f}; in training{contrast} "
        f"{usual['grey']} and {usual['fluid']}: it looks like {match.text}"
    )
    is_strong = match.distance > _VERY_FAR or (match.is_nearer and match.distance > FAR_WIDTHS)
    return [Finding("image", "refuse" if is_strong else "warn", text)]


def _match_contrast(reference: ModalityReference, tissue: Tissue) -> _ContrastMatch:
    name, distance, second = nearest(tissue)
    beyond = _distance_beyond(reference, tissue)
    own = beyond
    if reference.contrast:
        own = min(beyond, PROTOTYPES[reference.contrast].distance(tissue))
    if name != reference.contrast and distance < min(own, FAR_WIDTHS):
        return _ContrastMatch(own, name, is_nearer=True)
    # At another site a contrast may lie where two contrasts meet: it is named where training never was.
    is_between = beyond > FAR_WIDTHS - 1 and second.distance - own <= _CLEARLY
    return _ContrastMatch(own, second.name if is_between else "", is_nearer=False)


def _distance_beyond(reference: ModalityReference, tissue: Tissue) -> float:
    """Return how far a head lies beyond the range of training's own, in widths; a skull that is missing is no distance."""
    terms = []
    for name, width in zip(FEATURES, (0.06, 0.15, 0.6, 0.4), strict=True):
        usual, value = reference.figures[name], math.log(max(getattr(tissue, name), 0.01))
        low, high = math.log(max(usual.low, 0.01)), math.log(max(usual.high, 0.01))
        less = 0.0 if name == "skull" else low - value
        terms.append(max(less, 0.0, value - high) / width)
    return math.hypot(*terms)
