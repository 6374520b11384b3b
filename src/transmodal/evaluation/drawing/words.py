"""Numbers, intervals and names as tables and pages write them; each is written in one way, here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

DASH = "\N{EN DASH}"
"""Stands where there is no figure."""
MINUS = "\N{MINUS SIGN}"


def number(value: float) -> str:
    """Return a number for a scale: three digits, none after the point from a hundred on, a true minus."""
    text = f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return true_minus(text)


def true_minus(text: str) -> str:
    """Return a formatted number with a minus sign instead of a hyphen."""
    return text.replace("-", MINUS)


def signed(value: float, write: Callable[[float], str], plus: str = "", minus: str = MINUS) -> str:
    """Return a number with its sign.

    Args:
        value: any.
        write: formats a number that is not negative.
        plus: sign of a number that is not negative.
        minus: sign of a negative one.
    """
    return f"{minus if value < 0 else plus}{write(abs(value))}"


def interval(ends: Sequence[float] | None, write: Callable[[float], str], absent: str = DASH) -> str:
    """Return an interval as `low to high`.

    Args:
        ends: lower and upper end; None where there is no interval.
        write: formats one end.
        absent: stands where there is no interval.
    """
    return absent if ends is None else f"{write(ends[0])} to {write(ends[1])}"


def spread(mean: float | None, sd: float | None, write: Callable[[float], str]) -> str:
    """Return `mean ± standard deviation`; the mean alone without a standard deviation, a dash without either."""
    if mean is None:
        return DASH
    return write(mean) if sd is None else f"{write(mean)} ± {write(sd)}"


def p_value(p: float | None, below: str = "<0.001", absent: str = DASH) -> str:
    """Return a p-value with three decimals.

    Args:
        p: None where there is no test.
        below: stands for what is smaller than that.
        absent: stands where there is no test.
    """
    return absent if p is None else below if p < 0.001 else f"{p:.3f}"


def enumerated(words: Iterable[str]) -> str:
    """Return words as prose lists them: `a, b and c`; empty without words."""
    *most, last = list(words) or [""]
    return f"{', '.join(most)} and {last}" if most else last


def sentence(text: str) -> str:
    """Return a clause with a capital letter and a full stop; empty text stays empty."""
    return f"{text[0].upper()}{text[1:]}." if text else ""


def protocol_lines(names: Iterable[tuple[str, str]]) -> list[str]:
    """Return one line per protocol, with what is measured under it.

    Args:
        names: pairs of a protocol's text and the name of a figure.
    """
    grouped: dict[str, list[str]] = {}
    for protocol, name in names:
        grouped.setdefault(protocol, []).append(name)
    return [f"{', '.join(figures)}: {protocol}." for protocol, figures in grouped.items()]
