"""MR series that are no plain weighted images: by ImageType, SequenceName, echoes and words."""

from __future__ import annotations

from transmodal.cohorts.headers import mr_words
from transmodal.cohorts.headers.acquisition import Acquisition

_PARTS = {
    "P": "phase",
    "PHASE": "phase",
    "PHASE MAP": "phase",
    "R": "the real part",
    "REAL": "the real part",
    "I": "the imaginary part",
    "IMAGINARY": "the imaginary part",
}
_DERIVED = (
    ("a localizer", ("LOCALIZER",)),
    ("diffusion", ("DIFFUSION", "ADC", "EADC", "TRACEW", "TRACE", "FA", "TENSOR", "EXP", "CALC_BVALUE")),
    ("perfusion", ("PERFUSION", "ASL", "CBF", "CBV", "RCBF", "RCBV", "MTT", "TTP", "TMAX", "RELCBF")),
    ("functional imaging", ("FMRI", "MOSAIC", "EPI", "MOCO")),
    ("a subtraction", ("SUBTRACT", "SUBTRACTION", "SUB")),
    ("a projection", ("MIP", "MNIP", "MIN IP", "MINIP", "PROJECTION IMAGE", "CSA MIP", "VOLUME RENDERED")),
    ("susceptibility", ("SWI", "SWAN", "QSM", "T2_STAR MAP", "T2* MAP", "R2_STAR MAP", "R2* MAP")),
    ("flow", ("VELOCITY", "VELOCITY MAP", "FLOW_ENCODED", "PCA", "PCM")),
    (
        "a map of figures",
        ("MAP", "T1 MAP", "T2 MAP", "T1", "T2", "R1", "R2", "B0", "B1", "FIELD_MAP", "PDMAP", "RHO"),
    ),
    (
        "fat, or fat and water of opposed phase",
        ("FAT", "FAT_FRACTION", "OPP_PHASE", "OUT_PHASE", "OPPOSED_PHASE", "F", "OPP"),
    ),
    ("a screen, a report or a fusion", ("SCREEN SAVE", "REPORT", "POST_PROCESSED", "FUSED")),
    ("synthetic, computed from a quantification", ("SYNTHETIC", "SYMRI", "MAGIC")),
)
_SEQUENCES = (
    ("diffusion", ("ep_b", "epse", "re_b", "ez_b")),
    ("functional imaging", ("epfid", "mbep2d_bold")),
    ("susceptibility", ("swi3d", "me2d", "me3d")),
    ("a field map", ("fm2d", "fm3d")),
    ("steady-state free precession", ("ci3d", "tfi2d", "tfi3d", "de3d", "bs2d")),
    ("angiography", ("fi3d", "fi2d")),
)


def find_exclusion(series: Acquisition) -> str:
    """Return why a series is no plain weighted image, by its header and its words; empty where nothing says so."""
    image_type = tuple(part.strip().upper() for part in series.image_type)
    if len(image_type) > 2:
        for part in image_type[2:4]:
            if part in _PARTS:
                return _PARTS[part]
    for reason, parts in _DERIVED:
        if set(parts) & set(image_type[2:]):
            return reason
    name = series.sequence_name.lower().lstrip("*")
    for reason, starts in _SEQUENCES:
        if name.startswith(starts):
            return reason
    exclusion = mr_words.find_exclusion(mr_words.normalise(series.description))
    if exclusion or mr_words.weightings(mr_words.normalise(series.description)):
        return exclusion
    return mr_words.find_exclusion(mr_words.normalise(series.protocol)) or _by_sequence(series)


def _by_sequence(series: Acquisition) -> str:
    """Return what echoes alone rule out, whatever the words are."""
    return "echo-planar" if "EP" in series.scanning_sequence else ""
