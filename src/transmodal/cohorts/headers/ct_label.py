"""Which modality a CT series is: of a fan beam, of a cone beam, or no image in HU at all."""

from __future__ import annotations

import re
from collections.abc import Sequence

from transmodal.cohorts.headers.mr_label import Label
from transmodal.cohorts.headers.mr_words import normalise

_CONE = re.compile(
    r"cbct|cone ?-?beam|conebeam|(?<![a-z])(?:xvi|obi|kv ?-?cb|digitale? ?volumentomogra\w*|dynact|o-?arm|newtom|i-?cat|accuitomo"
    r"|promax|orthophos|galileos|veraview\w*|hyperscan|kvct|on ?-?board ?imag\w*|onboard)(?![a-z])"
)
_MEGAVOLT = re.compile(r"mvct|mv ?-?ct|mega ?-?volt|mvcbct|mv ?-?cb")
_COMPUTED = re.compile(
    r"(?<![a-z])(?:synth\w*|s[ -]?ct|mr ?-?cat|pseudo ?-?ct|mr ?-?only|deep ?ct|bone ?mri)(?![a-z])"
)
_NO_HU = re.compile(
    r"(?<![a-z])(?:mip|minip|vrt|ssd|perfusion\w*|perf|cbf|cbv|mtt|ttp|tmax|iod|iodine|iodkarte|z ?eff|rho|virtual ?non\w*|vnc|effective ?z"
    r"|overlay|fusion|fused|topogram\w*|scout|surview|localizer|dose ?report|patient ?protocol|smart ?prep|monitoring|premonitoring"
    r"|test ?bolus|screen\w*|subtr\w*|map|bone ?removal)(?![a-z])"
)
_NO_HU_TYPES = frozenset(
    [
        "MIP",
        "MINIP",
        "VRT",
        "SSD",
        "PERFUSION",
        "SCREEN SAVE",
        "REPORT",
        "LOCALIZER",
        "SCOUT",
        "TOPOGRAM",
        "CSA MPR THICK",
        "PROJECTION IMAGE",
    ]
)


def label(description: str, protocol: str, image_type: Sequence[str], scanner: str) -> Label:
    """Return `ct` or `cbct`, or no modality and why it is left aside.

    Args:
        description: SeriesDescription.
        protocol: ProtocolName.
        image_type: ImageType.
        scanner: maker, model and station.
    """
    words = _spell(f"{description} {protocol} {' '.join(image_type[2:])}")
    all_words = f"{words} {_spell(scanner)}"
    if _MEGAVOLT.search(all_words):
        return Label("", "a CT of megavolts, whose numbers are not those of kilovolts")
    if _COMPUTED.search(words):
        return Label("", "by its words a CT that was computed from MR")
    if _CONE.search(all_words):
        return Label("cbct")
    types = {part.strip().upper() for part in image_type[2:]}
    if types & _NO_HU_TYPES or _NO_HU.search(words):
        return Label("", "CT computed to something else than HU")
    return Label("ct")


def _spell(text: str) -> str:
    """Return words as `normalise` parts them, and once more with capitals within words: kV_CB and DynaCT are no two words."""
    return f"{normalise(text)} {normalise(text.lower())}"
