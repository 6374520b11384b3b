"""The cases of the cohort's page: a card each with pictures and pairs, and one table of all."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple
from urllib.parse import quote

from transmodal.cohorts.manifest import CaseEntry
from transmodal.cohorts.quality.pair_notes import ContrastPair, without_pairs
from transmodal.cohorts.quality.pairs import PairCheck
from transmodal.evaluation.cohort_report.summary import CaseSummary, tilt_degrees
from transmodal.evaluation.drawing.figures import label
from transmodal.evaluation.drawing.html import DASH, data_uri, headings
from transmodal.evaluation.drawing.words import interval, number

_UNSURE = {False: "place unsure", True: "outlines agree, inside does not"}
"""Text instead of a distance that is not sure, and of one that the outlines contradict."""


class CaseFacts(NamedTuple):
    """One case with its pictures and pairs.

    Attributes:
        entry: what the manifest says.
        summary: pictures and histograms.
        side: of the split.
        pairs: those that stand out most first; none where none could be judged.
        address: of the viewer's page, relative to the cohort's; empty where there is none.
    """

    entry: CaseEntry
    summary: CaseSummary
    side: str
    pairs: Sequence[PairCheck]
    address: str = ""

    @property
    def score(self) -> float:
        """Score of the pair that stands out most; from 1 on it is to be looked at."""
        return max((pair.score for pair in self.pairs), default=0.0)


def mosaic(cases: Sequence[CaseFacts], n_cases: int) -> str:
    """Return the section with a card per case.

    Args:
        cases: those with pictures, the first first.
        n_cases: how many the cohort has.
    """
    outlined = sorted({case.summary.outlined for case in cases if case.summary.outline})
    switch = (
        '<label class="switch"><input type="checkbox" id="outlines" checked>outline of '
        f"{escape(', '.join(outlined))}</label>"
        if outlined
        else ""
    )
    fewer = (
        f" Of {n_cases} cases the {len(cases)} shown are those that stand out most and an even sample of the rest."
        if len(cases) < n_cases
        else ""
    )
    return (
        '<section><h2>Every pair</h2><p class="about">Those that stand out most come first. Axial, coronal and '
        "sagittal planes through the middle, in the display that radiologists use: the patient&rsquo;s right is on "
        f"the left. Press a picture to enlarge all pictures of its case at that place.{fewer} Joint histograms show the first contrast to the right and the other upwards, with their mutual information (MI).</p>{switch}"
        f'<div class="cases">{"".join(map(_card, cases))}</div></section>'
    )


def table(cases: Sequence[CaseFacts], note: str = "") -> str:
    """Return the section with one row per pair, and a note on the viewer's pages where there are any."""
    heads = (
        "Case",
        "Side",
        "Pair",
        "Score",
        "Off, mm",
        "Likeness",
        "MI, nats",
        "Shape",
        "Spacing, mm",
        "Tilt, °",
    )
    rows = "".join(_rows(case) for case in cases)
    return (
        '<section><h2>Every figure</h2><p class="about">Press a heading to sort. <b>Off</b>: how far a rigid search '
        "moves the second contrast from where it lies. <b>Likeness</b>: the share of mutual information that "
        "fitting exactly gains over lying 4 mm beside; contrasts of two people gain little. <b>Score</b>: from 1 on "
        f"the pair is to be looked at.{' A case opens the viewer. ' if note else ''}{escape(note)}</p>"
        f'<div class="scroll tall"><table class="sortable"><thead><tr>{headings(heads, n_text_columns=3)}</tr></thead><tbody>{rows}</tbody>'
        "</table></div></section>"
    )


def _card(facts: CaseFacts) -> str:
    entry, summary = facts.entry, facts.summary
    simulated = [label(name) for name, volume in sorted(entry.volumes.items()) if volume.simulated]
    group = f"group {entry.group}" if entry.group else ""
    words = [facts.side, f"patient {entry.patient}" if entry.patient != entry.id else "", group]
    words += [f"simulated: {', '.join(simulated)}"] if simulated else []
    odd = "".join(f'<p class="why">{escape(check.line())}</p>' for check in facts.pairs if check.is_doubtful)
    strips = "".join(_strip(facts, name) for name in summary.pictures)
    pairs = "".join(_pair(facts, pair) for pair in summary.joints)
    return (
        f'<article class="case{" odd" if facts.score >= 1 else ""}" id="case-{escape(entry.id)}">'
        f"<header><h3>{escape(entry.id)}</h3><span>{escape(', '.join(filter(None, words)))}</span>"
        f"{_linked(facts, 'open in the viewer') if facts.address else ''}</header>{odd}"
        f'<div class="strips">{strips}</div><div class="pairs">{pairs}</div>{_grid(facts)}{_notes(entry)}</article>'
    )


def _linked(facts: CaseFacts, text: str) -> str:
    """Return text as a link to the viewer's page, or as it is where there is none."""
    return f'<a href="{escape(quote(facts.address))}">{escape(text)}</a>' if facts.address else escape(text)


def _strip(facts: CaseFacts, name: str) -> str:
    summary = facts.summary
    width, height = summary.size
    line = f'<img class="outline" src="{data_uri(summary.outline)}" alt="">' if summary.outline else ""
    histogram = summary.histograms[name]
    top = max(*histogram.counts, 1)
    step = 100 / (len(histogram.counts) - 1)
    points = " ".join(
        f"{n * step:.0f},{20 - 20 * count / top:.0f}" for n, count in enumerate(histogram.counts)
    )
    return (
        f'<figure><div class="frame" style="aspect-ratio:{width}/{height}"><img src="{data_uri(summary.pictures[name], "webp")}" '
        f'alt="{escape(label(name))} of {escape(facts.entry.id)}">{line}</div><figcaption><b>{escape(label(name))}</b>'
        f"<span>{escape(interval((histogram.low, histogram.high), number))}</span>"
        f'<svg class="spark" viewBox="0 0 100 20" preserveAspectRatio="none" aria-hidden="true"><polyline points="{points}"/>'
        "</svg></figcaption></figure>"
    )


def _pair(facts: CaseFacts, pair: ContrastPair) -> str:
    joint = facts.summary.joints[pair]
    pair_check = next((check for check in facts.pairs if check.pair == pair), None)
    words = [f"MI {joint.information:.2f} nats"]
    if pair_check is None:
        words.append("place not judged")
    else:
        usual = f" ({pair_check.usual:.2f} in the cohort)" if pair_check.usual is not None else ""
        off = (
            f"{pair_check.misalignment.off_mm:.1f} mm off"
            if pair_check.is_sure
            else _UNSURE[pair_check.is_contradicted]
        )
        words += [off, f"likeness {pair_check.misalignment.similarity:.2f}{usual}"]
    lines = "".join(f"<span>{escape(word)}</span>" for word in words)
    return (
        f'<figure class="joint{" odd" if pair_check and pair_check.is_doubtful else ""}"><img src="{data_uri(joint.picture)}" '
        f'alt="joint histogram"><figcaption><b>{escape(label(pair.fixed))} | {escape(label(pair.moving))}</b>{lines}</figcaption></figure>'
    )


def _grid(facts: CaseFacts) -> str:
    grid = facts.summary.grid
    native = sorted(set(facts.summary.native.values()))
    view = " x ".join(f"{n * mm:.0f}" for n, mm in zip(grid.shape, grid.spacing, strict=True))
    text = (
        f"{' x '.join(map(str, grid.shape))} of {' x '.join(f'{mm:.3g}' for mm in grid.spacing)} mm, view {view} mm, "
        f"stored {', '.join(native)}, {tilt_degrees(grid):.1f}° oblique"
    )
    return f'<p class="small">{escape(text)}</p>'


def _notes(entry: CaseEntry) -> str:
    notes = without_pairs(entry.notes)
    text = ", ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in sorted(notes.items()))
    return f'<p class="small">{escape(text)}</p>' if text else ""


def _rows(facts: CaseFacts) -> str:
    grid = facts.summary.grid
    last = (
        f'<td data-value="{max(grid.shape)}">{" x ".join(map(str, grid.shape))}</td>'
        f'<td data-value="{max(grid.spacing)!r}">{" x ".join(f"{mm:.3g}" for mm in grid.spacing)}</td>'
        f"<td>{tilt_degrees(grid):.1f}</td>"
    )
    checks = {check.pair: check for check in facts.pairs}
    rows = []
    for pair, joint in facts.summary.joints.items() or [(ContrastPair("", ""), None)]:
        pair_check = checks.get(pair)
        figures = (
            (
                f"{pair_check.score:.2f}",
                f"{pair_check.misalignment.off_mm:.1f}" if pair_check.is_sure else "",
                f"{pair_check.misalignment.similarity:.2f}",
            )
            if pair_check
            else ("", "", "")
        )
        cells = "".join(f'<td data-value="{text}">{text or DASH}</td>' for text in figures)
        rows.append(
            f"<tr{' class=odd' if pair_check and pair_check.is_doubtful else ''}><td>{_linked(facts, facts.entry.id)}</td>"
            f'<td class="left">{escape(facts.side)}</td><td class="left">{escape(f"{label(pair.fixed)} | {label(pair.moving)}")}</td>'
            f"{cells}<td>{joint.information if joint else 0:.2f}</td>{last}</tr>"
        )
    return "".join(rows)
