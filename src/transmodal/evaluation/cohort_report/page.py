"""The cohort's page: one HTML file that opens offline and shows every pair, those that stand out first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from transmodal.cohorts.manifest import CaseEntry
from transmodal.cohorts.quality.pair_notes import PairMeasures, read_cohort
from transmodal.cohorts.quality.pairs import PairCheck, check_pairs, measure_pairs
from transmodal.cohorts.split.split import NAMES
from transmodal.cohorts.store import Cohort, PreparedCase
from transmodal.counts import counted
from transmodal.evaluation.cohort_report import cards, grids
from transmodal.evaluation.cohort_report.summary import (
    BINS,
    CaseSummary,
    Histogram,
    SummaryJob,
    summarise_case,
)
from transmodal.evaluation.drawing.charts import plot_figure
from transmodal.evaluation.drawing.contents import with_contents
from transmodal.evaluation.drawing.figures import label
from transmodal.evaluation.drawing.html import document
from transmodal.evaluation.drawing.viewer_pages import write_cohort_pages
from transmodal.evaluation.drawing.words import number
from transmodal.notice import INTENDED_USE
from transmodal.parallel import spread
from transmodal.progress import StageProgress
from transmodal.storage import files
from transmodal.viewing.folder import ViewerFolder

MAX_PICTURED = 400
"""Cases with pictures: of more, the three quarters that stand out most, and of the rest every n-th."""

_WIDTH, _HEIGHT = 300.0, 90.0


def write(
    cohort: Cohort, *, workers: int = 1, progress: StageProgress | None = None, has_viewer: bool = False
) -> Path:
    """Summarise every case of a prepared cohort and write `cohort.html` into its folder.

    A case takes some 20 KB of the page, and no more than `MAX_PICTURED` cases have pictures.

    Args:
        cohort: prepared by this version or an earlier one; what its notes lack is measured.
        workers: processes.
        progress: told of each case.
        has_viewer: also write a page per case below it, which shows the volumes.

    Raises:
        IntegrityError: E501 when an array is not there.
        ResourceError: E402 naming the case whose process died, E403 when the page cannot be written.
    """
    pairs = check_pairs(_pair_measures(cohort, workers))
    pictured = _choose_pictured([entry.id for entry in cohort.manifest.cases], pairs)
    jobs = {
        entry.id: SummaryJob(cohort.folder, entry, entry.id in pictured) for entry in cohort.manifest.cases
    }
    summaries: dict[str, CaseSummary] = {}
    for name, summary in spread(summarise_case, jobs, workers):
        summaries[name] = summary
        if progress is not None:
            progress(name, len(summaries), len(jobs))
    viewer = write_cohort_pages(cohort) if has_viewer else None
    path = cohort.folder / "cohort.html"
    with files.atomic_path(path) as beside:
        beside.write_text(page(cohort, summaries, pairs, viewer), encoding="utf-8")
    return path


def page(
    cohort: Cohort,
    summaries: Mapping[str, CaseSummary],
    pairs: Sequence[PairCheck],
    viewer: ViewerFolder | None = None,
) -> str:
    """Return the page as one self-contained HTML document; all text from data is escaped.

    Args:
        cohort: prepared.
        summaries: of every case, by its name.
        pairs: of every case, those that stand out most first.
        viewer: pages that show the cases' volumes; None where there are none.
    """
    entries = {entry.id: entry for entry in cohort.manifest.cases}
    summaries = {
        name: summaries[name] for name in entries
    }  # they come in the order in which workers got done
    by_case: dict[str, list[PairCheck]] = {}
    for pair in pairs:
        by_case.setdefault(pair.case, []).append(pair)
    order = [*by_case, *sorted(set(entries) - set(by_case))]
    side_of = {case: side for side in NAMES for case in cohort.split.ids(side)}
    addresses = viewer.addresses if viewer else {}
    facts = [
        cards.CaseFacts(
            entries[n], summaries[n], side_of.get(n, "no side"), by_case.get(n, []), addresses.get(n, "")
        )
        for n in order
    ]
    sections = (
        _header(cohort, pairs),
        grids.section(cohort, summaries.values()),
        _histograms(cohort, summaries, {pair.case for pair in pairs if pair.is_doubtful}),
        cards.mosaic([case for case in facts if case.summary.pictures], len(facts)),
        cards.table(facts, viewer.note() if viewer else ""),
        f"<footer><strong>{escape(INTENDED_USE)}</strong></footer>",
    )
    return document(
        f"{cohort.manifest.name}: a cohort\N{RIGHT SINGLE QUOTATION MARK}s quality",
        with_contents(sections),
        "cohort",
    )


def _pair_measures(cohort: Cohort, workers: int) -> Mapping[str, PairMeasures]:
    """Return how the contrasts of every case lie on one another, measured where its notes do not say it."""
    measures = read_cohort(cohort.manifest.cases)
    missing = {
        entry.id: SummaryJob(cohort.folder, entry, False)
        for entry in cohort.manifest.cases
        if len(entry.volumes) > 1 and not measures[entry.id]
    }
    return {**measures, **dict(spread(_measure_pairs, missing, workers))}


def _measure_pairs(job: SummaryJob) -> PairMeasures:
    case = PreparedCase(job.folder, job.entry)
    return measure_pairs({name: case.volume(name) for name in case.modalities})


def _choose_pictured(cases: Sequence[str], pairs: Sequence[PairCheck]) -> set[str]:
    """Return the cases that are shown with pictures."""
    if len(cases) <= MAX_PICTURED:
        return set(cases)
    order = list(dict.fromkeys(pair.case for pair in pairs))
    order += [case for case in cases if case not in set(order)]
    worst, remainder = order[: MAX_PICTURED * 3 // 4], order[MAX_PICTURED * 3 // 4 :]
    return {*worst, *remainder[:: -(-len(remainder) // (MAX_PICTURED - len(worst)))]}


def _header(cohort: Cohort, pairs: Sequence[PairCheck]) -> str:
    manifest = cohort.manifest
    sides = [f"{len(cohort.split.ids(side))} {side}" for side in NAMES]
    patients = len({entry.patient for entry in manifest.cases})
    return (
        f'<header><p class="eyebrow">Transmodal cohort</p><h1>{escape(manifest.name)}</h1>'
        f'<p class="lead">{counted(len(manifest.cases), "case")} of {counted(patients, "patient")} with '
        f"{escape(', '.join(label(name) for name in manifest.modalities))}; {', '.join(sides)}.</p>"
        f"{_findings(pairs)}{_notice(manifest.cases)}{_left_out(manifest.left_out)}</header>"
    )


def _findings(pairs: Sequence[PairCheck]) -> str:
    doubtful = [pair for pair in pairs if pair.is_doubtful]
    if not pairs:
        return '<p class="about">No pair of contrasts could be judged.</p>'
    if not doubtful:
        text = f"Nothing stands out among {counted(len(pairs), 'pair')}. A pair that lies 8 mm off would."
        return f'<ul class="findings"><li>{text}</li></ul>'
    items = "".join(
        f'<li class="not"><a href="#case-{escape(pair.case)}">{escape(pair.case)}</a>: {escape(pair.line())}.</li>'
        for pair in doubtful[:20]
    )
    more = f"<li>and {len(doubtful) - 20} more, below</li>" if len(doubtful) > 20 else ""
    return f"<p><b>{counted(len(doubtful), 'pair')} of {len(pairs)} to look at</b></p><ul class=findings>{items}{more}</ul>"


def _notice(entries: Iterable[CaseEntry]) -> str:
    cases = list(entries)
    simulated = Counter(name for entry in cases for name, volume in entry.volumes.items() if volume.simulated)
    if not simulated:
        return ""
    words = ", ".join(
        label(name) if n == len(cases) else f"{label(name)} in {counted(n, 'case')}"
        for name, n in sorted(simulated.items())
    )
    return f'<aside class="notice"><p><b>Simulated data.</b> No scanner measured {escape(words)}.</p></aside>'


def _left_out(left_out: Mapping[str, str]) -> str:
    if not left_out:
        return ""
    items = "".join(f"<li>{escape(case)}: {escape(why)}</li>" for case, why in list(left_out.items())[:50])
    more = f"<li>and {len(left_out) - 50} more</li>" if len(left_out) > 50 else ""
    return f"<details><summary>{counted(len(left_out), 'case')} left out</summary><ul>{items}{more}</ul></details>"


def _histograms(cohort: Cohort, summaries: Mapping[str, CaseSummary], odd: set[str]) -> str:
    """Return a chart per contrast: the cases' histograms as a band, and those to look at as lines."""
    charts = "".join(
        _chart(
            name,
            {
                case: summary.histograms[name]
                for case, summary in summaries.items()
                if name in summary.histograms
            },
            odd,
        )
        for name in cohort.modalities
    )
    return (
        '<section><h2>Intensities</h2><p class="about">Inside the mask, or where there is none in what stands out of '
        "the background; line: the median over cases, band: nine cases in ten. Cases to look at are drawn apart."
        f'</p><div class="charts">{charts}</div></section>'
    )


def _chart(name: str, histograms: Mapping[str, Histogram], odd: set[str]) -> str:
    # One case in ten may lie beyond: an odd one must not squeeze the others.
    low = float(np.percentile([histogram.low for histogram in histograms.values()], 10, method="higher"))
    high = float(np.percentile([histogram.high for histogram in histograms.values()], 90, method="lower"))
    edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
    curves = {case: _rebinned(histogram, edges) for case, histogram in histograms.items()}
    lower, middle, upper = np.percentile(list(curves.values()), (5, 50, 95), axis=0)
    top = float(max(upper.max(), 1e-9))
    band = f"{_points(upper / top)} {' '.join(reversed(_points(lower / top).split()))}"
    outliers = [case for case in curves if case in odd][:20]
    lines = "".join(
        f'<polyline class="odd" points="{_points(np.minimum(curves[case] / top, 1))}"><title>{escape(case)}</title>'
        "</polyline>"
        for case in outliers
    )
    return plot_figure(
        label(name),
        f'<polygon points="{band}"/><polyline class="run0" points="{_points(middle / top)}"/>{lines}',
        (_WIDTH, _HEIGHT),
        description=f"histogram of {label(name)}",
        across=(number(edges[0]), number(edges[-1])),
    )


def _rebinned(histogram: Histogram, edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the shares of a histogram in other bins, taking each of its bins as filled evenly."""
    own = np.linspace(histogram.low, histogram.high, BINS + 1)
    below = np.concatenate([[0.0], np.cumsum(histogram.counts) / max(sum(histogram.counts), 1)])
    shares: NDArray[np.float64] = np.diff(np.interp(edges, own, below))
    return shares


def _points(heights: NDArray[np.float64]) -> str:
    step = _WIDTH / (len(heights) - 1)
    return " ".join(f"{n * step:.0f},{_HEIGHT * (1 - height):.1f}" for n, height in enumerate(heights))
