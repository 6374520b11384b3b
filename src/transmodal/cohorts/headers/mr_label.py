"""Which modality an MR series is: by the parameters of its sequence first, by the words of its description second.

The parameters decide what a series cannot be; words decide among what is left, and where there are none, parameters
decide alone if they are of a kind that only one weighting has. What stays doubtful gets no modality, with the reason.
"""

from __future__ import annotations

from typing import NamedTuple

from transmodal.cohorts.headers import contrast_agent, mr_words

_SHORT_TI_MS = 330.0
"""Below it an inversion recovery of spin echoes suppresses fat (STIR: 100 to 300 ms at 0.5 to 3 T)."""
_LONG_TI_MS = 1400.0
"""From it on fluid is suppressed under T2 weighting (1650 to 2900 ms at 1.5 to 3 T, less at low field)."""
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


class Acquisition(NamedTuple):
    """What a header says of how a series was made; None and empty where it says nothing.

    Attributes:
        description: SeriesDescription.
        protocol: ProtocolName; of GE the whole examination's.
        image_type: ImageType.
        scanning_sequence: SE, IR, GR, EP, RM.
        variant: SequenceVariant: SK, MTC, SS, TRSS, SP, MP, OSP, NONE.
        sequence_name: SequenceName, as Siemens and Canon have it.
        repetition_ms: TR.
        echo_ms: TE.
        inversion_ms: TI.
        agent: ContrastBolusAgent.
        agent_ml: ContrastBolusVolume.
    """

    description: str
    protocol: str = ""
    image_type: tuple[str, ...] = ()
    scanning_sequence: tuple[str, ...] = ()
    variant: tuple[str, ...] = ()
    sequence_name: str = ""
    repetition_ms: float | None = None
    echo_ms: float | None = None
    inversion_ms: float | None = None
    agent: str = ""
    agent_ml: float | None = None

    @property
    def is_gradient(self) -> bool:
        """Whether it consists of gradient echoes alone."""
        return "GR" in self.scanning_sequence and "SE" not in self.scanning_sequence

    @property
    def inverts(self) -> bool:
        """Whether its header says that it is an inversion recovery."""
        return "IR" in self.scanning_sequence

    @property
    def fluid_suppressed(self) -> bool:
        """Whether the inversion time is one that suppresses fluid under T2 weighting."""
        return self.inversion_ms is not None and self.inversion_ms >= _LONG_TI_MS


class Label(NamedTuple):
    """A modality, or no modality and the reason."""

    modality: str
    reason: str = ""


def label(series: Acquisition) -> Label:
    """Return the modality of an MR series: t1, t1ce, t2, pd or flair, or none and why it is left aside."""
    reason = _no_plain_image(series)
    if reason:
        return Label("", reason)
    words, wording = _wording(series)
    weighting = _by_words(words, wording, series)
    if weighting.reason:
        return weighting
    if weighting.modality:
        contradiction = _contradiction(weighting.modality, words, series)
        if contradiction:
            return Label("", f"its words say {weighting.modality}, its sequence does not: {contradiction}")
    else:
        weighting = _by_parameters(words, series)
    return _with_agent(weighting, series) if weighting.modality == "t1" else weighting


def _no_plain_image(series: Acquisition) -> str:
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


def _wording(series: Acquisition) -> tuple[str, frozenset[str]]:
    """Return the words that name a weighting, of the description or else of the protocol."""
    description = mr_words.normalise(series.description)
    protocol = mr_words.normalise(series.protocol)
    for words in (description, protocol):
        if mr_words.weightings(words) or mr_words.INVERSION.search(words):
            return words, mr_words.weightings(words)
    return description, frozenset()


def _by_words(words: str, weightings: frozenset[str], series: Acquisition) -> Label:
    inverts = mr_words.INVERSION.search(words) is not None and not mr_words.says_flair(words)
    if inverts and weightings <= {"t2"}:
        return _inversion(series, weightings)
    if weightings == {"pd", "t2"}:
        return _echo_of_two(series)
    if weightings == {"t1"} and mr_words.says_two_echoes(words) and "SE" not in series.scanning_sequence:
        return Label("", "one of two echoes, in phase or opposed")
    if len(weightings) > 1:
        return Label("", f"its words say {' and '.join(sorted(weightings))}")
    if inverts and weightings == {"t1"} and series.inversion_ms is None and "tirm" in words:
        return Label("", "an inversion recovery without its inversion time")
    return Label(next(iter(weightings), ""))


def _inversion(series: Acquisition, weightings: frozenset[str]) -> Label:
    """Judge an inversion recovery whose words do not say what it suppresses."""
    if series.inversion_ms is None or series.inversion_ms == 0:
        return Label("", "an inversion recovery without its inversion time: fat or fluid may be suppressed")
    if series.fluid_suppressed:
        return Label("flair")
    if series.inversion_ms <= _SHORT_TI_MS and not series.is_gradient:
        return Label("", "an inversion recovery that suppresses fat (STIR)")
    if weightings or series.repetition_ms is None or series.echo_ms is None or series.echo_ms > 45:
        return Label("", f"an inversion recovery with TI {series.inversion_ms:g} ms")
    return Label("t1")


def _echo_of_two(series: Acquisition) -> Label:
    echo, repetition = series.echo_ms, series.repetition_ms
    if echo is None or (repetition is not None and repetition < 1500):
        return Label("", "a double echo without its echo time")
    if echo <= 45:
        return Label("pd")
    return Label("t2") if echo >= 60 else Label("", f"a double echo with TE {echo:g} ms")


def _contradiction(modality: str, words: str, series: Acquisition) -> str:
    """Return what of TR, TE, TI and the kind of echoes a weighting cannot have; empty where all fits."""
    if "EP" in series.scanning_sequence:
        return "echo-planar"
    if series.is_gradient and "SS" in series.variant and not {"SP", "MP"} & set(series.variant):
        return "steady-state free precession"
    rules = {"t1": _no_t1, "t2": _no_t2, "pd": _no_pd, "flair": _no_flair}
    return rules[modality](words, series)


def _no_t1(words: str, series: Acquisition) -> str:
    echo, repetition, inversion = series.echo_ms, series.repetition_ms, series.inversion_ms
    if echo is not None and echo > (12 if series.is_gradient else 45):
        return f"TE {echo:g} ms"
    if series.fluid_suppressed and not series.is_gradient:
        return f"TI {inversion:g} ms"
    if inversion and inversion <= _SHORT_TI_MS and series.inverts and not series.is_gradient:
        return f"TI {inversion:g} ms"
    prepared = inversion or series.inverts or mr_words.says_flair(words) or series.is_gradient
    if repetition is not None and repetition > 1800 and not prepared and "SE" in series.scanning_sequence:
        return f"TR {repetition:g} ms"
    return ""


def _no_t2(words: str, series: Acquisition) -> str:
    if series.is_gradient:
        return "gradient echoes, T2*"
    if series.echo_ms is not None and series.echo_ms < 50:
        return f"TE {series.echo_ms:g} ms"
    if series.repetition_ms is not None and series.repetition_ms < 1000:
        return f"TR {series.repetition_ms:g} ms"
    if series.fluid_suppressed:
        return f"TI {series.inversion_ms:g} ms"
    if series.inverts and series.inversion_ms:
        return f"TI {series.inversion_ms:g} ms"
    return ""


def _no_pd(words: str, series: Acquisition) -> str:
    if series.is_gradient:
        return "gradient echoes"
    if series.echo_ms is not None and series.echo_ms > 60:
        return f"TE {series.echo_ms:g} ms"
    if series.repetition_ms is not None and series.repetition_ms < 1000:
        return f"TR {series.repetition_ms:g} ms"
    return f"TI {series.inversion_ms:g} ms" if series.inverts and series.inversion_ms else ""


def _no_flair(words: str, series: Acquisition) -> str:
    if series.is_gradient:
        return "gradient echoes"
    if series.inversion_ms and not series.fluid_suppressed:
        return f"TI {series.inversion_ms:g} ms"
    if series.echo_ms is not None and series.echo_ms < 50:
        return f"TE {series.echo_ms:g} ms"
    if series.repetition_ms is not None and series.repetition_ms < 3000:
        return f"TR {series.repetition_ms:g} ms"
    return ""


def _by_parameters(words: str, series: Acquisition) -> Label:
    """Judge a series whose words name no weighting: only what one weighting alone has."""
    echo, repetition, inversion = series.echo_ms, series.repetition_ms, series.inversion_ms
    unclear = Label("", "its words name no weighting, and its TR, TE and TI do not tell it")
    if series.sequence_name.lower().lstrip("*").startswith("tfl3d") and inversion:
        return Label("t1")
    if echo is None or repetition is None or "EP" in series.scanning_sequence:
        return unclear
    if series.is_gradient:
        prepared = inversion and 200 <= inversion <= _LONG_TI_MS and "MP" in series.variant
        return Label("t1") if prepared and echo <= 10 else unclear
    if "SE" not in series.scanning_sequence and not series.inverts:
        return unclear
    if inversion:
        if series.fluid_suppressed and echo >= 60 and repetition >= 4000:
            return Label("flair")
        suppresses_fat = inversion <= _SHORT_TI_MS
        return Label("", "an inversion recovery that suppresses fat (STIR)") if suppresses_fat else unclear
    if series.inverts:
        return unclear
    if mr_words.says_two_echoes(words) and repetition >= 1500:
        return _echo_of_two(series)
    if repetition <= 900 and echo <= 25:
        return Label("t1")
    return Label("t2") if repetition >= 2000 and echo >= 75 else unclear


def _with_agent(weighting: Label, series: Acquisition) -> Label:
    """Part t1 from t1ce; where it is not clear whether an agent was given, it is neither."""
    description, protocol = mr_words.normalise(series.description), mr_words.normalise(series.protocol)
    words = contrast_agent.in_words(description)
    # A protocol that names a weighting is this series' own; one that does not is the examination's.
    if not words and description != protocol and mr_words.weightings(protocol):
        own = contrast_agent.in_words(protocol)
        words = own if not mr_words.weightings(description) else "unclear" if own == "with" else own
    agent = contrast_agent.combine(contrast_agent.in_header(series.agent, series.agent_ml), words)
    if agent == "unclear":
        return Label("", "a T1 of which it is not clear whether a contrast agent was given")
    return Label("t1ce") if agent == "with" else weighting
