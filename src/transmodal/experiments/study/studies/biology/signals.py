"""Planted signals in the values: the linked one that a source shows, the target's own, and the source's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from transmodal.evaluation.statistics.association import Estimate
from transmodal.evaluation.statistics.bootstrap import Values
from transmodal.evaluation.statistics.paired_tests import holm
from transmodal.evaluation.statistics.signals import Chance, beyond_chance, centre, recovered, relative
from transmodal.experiments.study.record import StudyChart, StudyFigure, StudyTable
from transmodal.experiments.study.studies.biology.values import Regional, by_tissue

SHARES = "Signal that the source shows"
CHANCE = "Signals that the source or the target alone shows"
REGIONS = "Signal that the source shows, region by region"
RECOVERED = "share recovered"
OWN, FOREIGN = "target's own, partial r", "source's own, partial r"
MEASURED = "measured"
TABLES = (
    StudyTable(
        name=SHARES,
        caption="In every region and tissue a signal was planted that source and target both show. 1: the synthetic image "
        "follows it as far as the measured one does; 0: not at all; above 1 it exaggerates (95 % interval over subjects and seeds).",
        group_heading="tissue",
    ),
    StudyTable(
        name=CHANCE,
        caption="Another signal was planted in the target alone: no translator can know it, and a correlation with it outside "
        "the range of chance (in brackets, 95 % of 999 shuffles of the subjects; p is Holm-corrected) would be an error of "
        "the study. A third is in the source alone: a correlation with it outside of chance is individuality that the "
        "translator invented. The row of the measured images shows that the signals are there to be found.",
        group_heading="tissue",
    ),
    StudyTable(
        name=REGIONS,
        caption="The share recovered of every region. Where the measured image is not shown to follow the signal there is no "
        "share.",
        is_detail=True,
    ),
)
CHARTS = (
    StudyChart(
        table=SHARES,
        figure=RECOVERED,
        caption="Share of the planted linked signal that is recovered (95 % interval over subjects and seeds). Dashed: all "
        "of it.",
        reference=1.0,
    ),
    StudyChart(
        table=CHANCE,
        figure=OWN,
        caption="Correlation with the signal that the target alone shows; the bar is the range of chance. Only the measured "
        "images can know it.",
        reference=0.0,
    ),
)


class SignalFigures(NamedTuple):
    """Figures of all translators, and what was found, by row and tissue."""

    figures: tuple[StudyFigure, ...]
    shares: Mapping[tuple[str, str], Estimate]
    own: Mapping[tuple[str, str], Chance]
    foreign: Mapping[tuple[str, str], Chance]


class _Signals(NamedTuple):
    """Centred signals and relative values of one translator in one tissue."""

    linked: Values
    own: Values | None
    foreign: Values | None
    measured: Values
    synthetic: Values


def take_signals(rows: Mapping[str, Regional]) -> SignalFigures:
    """Return what every translator, and the measured images, show of the planted signals.

    Args:
        rows: values with their planted signals, by row; the measured ones are taken of the first.
    """
    parts = {
        (row, tissue): _centred(part)
        for row, values in rows.items()
        for tissue, part in by_tissue(values).items()
    }
    shares, details = {}, []
    for (row, tissue), signals in parts.items():
        pooled, regions = recovered(signals.linked, signals.measured, signals.synthetic)
        shares[row, tissue] = pooled
        names = by_tissue(rows[row])[tissue].regions
        details += [
            _share(REGIONS, row, region, share, len(signals.linked))
            for region, share in zip(names, regions, strict=True)
        ]
    first = next(iter(rows))
    controls = {
        (MEASURED, tissue): signals._replace(synthetic=signals.measured[None])
        for (row, tissue), signals in parts.items()
        if row == first
    }
    own, foreign = _chances({**controls, **parts}, "own"), _chances({**controls, **parts}, "foreign")
    figures = [
        *(
            _share(SHARES, row, tissue, share, len(parts[row, tissue].linked))
            for (row, tissue), share in shares.items()
        ),
        *_chance_figures(own, OWN, len(parts[next(iter(parts))].linked)),
        *_chance_figures(foreign, FOREIGN, len(parts[next(iter(parts))].linked)),
        *details,
    ]
    return SignalFigures(tuple(figures), shares, own, foreign)


def _centred(part: Regional) -> _Signals:
    planted = [None if signal is None else centre(signal) for signal in (part.linked, part.own, part.foreign)]
    linked = planted[0]
    assert linked is not None  # rows without are not asked
    return _Signals(
        linked,
        planted[1],
        planted[2],
        relative(part.measured, part.measured),
        relative(part.synthetic, part.measured),
    )


def _chances(parts: Mapping[tuple[str, str], _Signals], kind: str) -> dict[tuple[str, str], Chance]:
    """Return the correlations with one signal after the linked one, p-values corrected for their number."""
    chances = {}
    for key, signals in parts.items():
        signal = signals.own if kind == "own" else signals.foreign
        if signal is not None:
            chances[key] = beyond_chance(signal, signals.linked, signals.synthetic)
    corrected = holm([chance.p for chance in chances.values()])
    return {key: chance._replace(p=p) for (key, chance), p in zip(chances.items(), corrected, strict=True)}


def _share(table: str, row: str, group: str, share: Estimate, n: int) -> StudyFigure:
    note = "" if share.value is not None else "the measured image is not shown to follow it"
    return StudyFigure(
        table=table,
        row=row,
        group=group,
        figure=RECOVERED,
        value=share.value,
        interval=share.interval,
        n=n,
        note=note,
    )


def _chance_figures(chances: Mapping[tuple[str, str], Chance], figure: str, n: int) -> list[StudyFigure]:
    return [
        StudyFigure(
            table=CHANCE,
            row=row,
            group=tissue,
            figure=figure,
            value=chance.value,
            interval=chance.range,
            n=n,
            p=chance.p,
            note="" if chance.value is not None else "does not vary",
        )
        for (row, tissue), chance in chances.items()
    ]
