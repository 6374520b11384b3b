"""Which modality an MR series is: by the parameters of its sequence first, by the words of its description second.

The parameters decide what a series cannot be; words decide among what is left, and where there are none, parameters
decide alone if they are of a kind that only one weighting has. What stays doubtful gets no modality, with the reason.
"""

from __future__ import annotations

from typing import NamedTuple

from transmodal.cohorts.headers import contrast_agent, mr_exclusion, mr_words
from transmodal.cohorts.headers.acquisition import LONG_TI_MS, Acquisition

_SHORT_TI_MS = 330.0
"""Below it an inversion recovery of spin echoes suppresses fat (STIR: 100 to 300 ms at 0.5 to 3 T)."""


class Label(NamedTuple):
    """A modality, or no modality and the reason."""

    modality: str
    reason: str = ""


def label(series: Acquisition) -> Label:
    """Return the modality of an MR series: t1, t1ce, t2, pd or flair, or none and why it is left aside."""
    reason = mr_exclusion.find_exclusion(series)
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
    return _apply_agent(weighting, series) if weighting.modality == "t1" else weighting


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
        prepared = inversion and 200 <= inversion <= LONG_TI_MS and "MP" in series.variant
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


def _apply_agent(weighting: Label, series: Acquisition) -> Label:
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
