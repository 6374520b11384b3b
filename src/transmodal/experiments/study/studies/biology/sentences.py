"""The figures in sentences, null results included: the first stands at the head of the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from transmodal.counts import counted
from transmodal.evaluation.drawing.words import enumerated
from transmodal.evaluation.statistics.association import Estimate
from transmodal.experiments.study.studies.biology.agreement import SubjectAgreement
from transmodal.experiments.study.studies.biology.lesions import LesionTable
from transmodal.experiments.study.studies.biology.phenotypes import LINKED, MEASURED, OWN, PhenotypeTable
from transmodal.experiments.study.studies.biology.signals import SignalFigures

ALPHA = 0.05


def write(
    agreements: SubjectAgreement,
    signals: SignalFigures | None,
    lesions: LesionTable,
    phenotypes: PhenotypeTable,
    models: Sequence[str],
    target: str,
) -> list[str]:
    """Return what the figures say of the trained translators; oracles have none of their own.

    Args:
        agreements: of regional values.
        signals: planted; None where nothing is known.
        lesions: of the subjects.
        phenotypes: that were predicted.
        models: rows of trained translators.
        target: modality.
    """
    return [
        *(_headline(signals, models) if signals is not None else []),
        *(_shares(signals, models) if signals is not None else []),
        *_agreements(agreements, models, target),
        *(_beyond_chance(signals, models) if signals is not None else []),
        *_lesions(lesions, models),
        *_phenotypes(phenotypes, models),
    ]


def _headline(signals: SignalFigures, models: Sequence[str]) -> list[str]:
    """Return one sentence for who reads no other; none without tests."""
    if not all(chance.p is not None for chance in signals.own.values()):
        return []
    recover = {
        row
        for row in models
        if all(_is_clear(share) for (name, _), share in signals.shares.items() if name == row)
    }
    parts = [f"{len(recover) or 'none'} recover the planted signal that source and target share"]
    for chances, words in (
        (signals.own, "show the signal that the target alone has"),
        (signals.foreign, "invent differences between people from a signal that the source alone has"),
    ):
        if chances:
            count = len(
                {row for (row, _), chance in chances.items() if row in models and _is_found(chance.p)}
            )
            parts.append(f"{count or 'none'} {words}")
    return [f"Of {counted(len(models), 'translator')}, {enumerated(parts)}."]


def _agreements(agreements: SubjectAgreement, models: Sequence[str], target: str) -> list[str]:
    lines = []
    for tissue in dict.fromkeys(tissue for _, tissue in agreements.medians):
        parts = []
        for row in models:
            r, slope = (agreements.medians[row, tissue][name] for name in ("Pearson r", "slope"))
            if r.value is None or slope.value is None:
                parts.append(f"{row} makes every subject alike")
                continue
            verb = "" if _is_clear(r) else "not shown to, "
            parts.append(f"{row} ({verb}r {r.value:.2f}, slope {slope.value:.2f})")
        place = tissue or "the regions"
        lines.append(
            f"Preserve who is above and who below in {target.upper()} of {place}, by the median over regions: "
            f"{enumerated(parts)}."
        )
    return lines


def _shares(signals: SignalFigures, models: Sequence[str]) -> list[str]:
    lines = []
    for tissue in dict.fromkeys(tissue for _, tissue in signals.shares):
        shares = {row: signals.shares[row, tissue] for row in models}
        if all(share.value is None for share in shares.values()):
            lines.append(
                f"In {tissue} the measured images are not shown to follow the linked signal: nothing to recover."
            )
            continue
        parts = enumerated(f"{_estimate(share)} ({row})" for row, share in shares.items())
        above = [
            row for row, share in shares.items() if share.interval is not None and share.interval.low > 1
        ]
        more = f"; it is exaggerated by {enumerated(above)}" if above else ""
        lines.append(
            f"Of the planted signal that source and target share, translation recovers in {tissue} {parts}{more}."
        )
    return lines


def _beyond_chance(signals: SignalFigures, models: Sequence[str]) -> list[str]:
    own = [key for key, chance in signals.own.items() if key[0] in models and _is_found(chance.p)]
    foreign = [key for key, chance in signals.foreign.items() if key[0] in models and _is_found(chance.p)]
    lines = []
    if any(chance.p is not None for chance in signals.own.values()):
        lines.append(
            f"Of the signal that the target alone shows, nothing beyond chance is found in {enumerated(models)}, as it must be."
            if not own
            else f"A correlation beyond chance with the signal of the target alone is found in {_places(own)}: look for a leak."
        )
    if any(chance.p is not None for chance in signals.foreign.values()):
        lines.append(
            f"No individuality of the source alone is carried over by {enumerated(models)}."
            if not foreign
            else f"Individuality that the target does not have is invented from the source in {_places(foreign)}."
        )
    return lines


def _lesions(lesions: LesionTable, models: Sequence[str]) -> list[str]:
    lines = []
    for size in dict.fromkeys(size for _, size in lesions.still_visible_shares):
        shares = {
            row: lesions.still_visible_shares[row, size]
            for row in models
            if (row, size) in lesions.still_visible_shares
        }
        parts = [f"{_estimate(share)} ({row})" for row, share in shares.items() if share.value is not None]
        if parts:
            lines.append(
                f"Of {size} lesions that the measured image shows, the synthetic one still shows {enumerated(parts)}."
            )
    return lines


def _phenotypes(phenotypes: PhenotypeTable, models: Sequence[str]) -> list[str]:
    lines = []
    for name in dict.fromkeys(name for _, name in phenotypes.r):
        able = [
            "the measured images" if row == MEASURED else f"those of {row}"
            for row in (MEASURED, *models)
            if _is_found(phenotypes.p[row, name])
        ]
        noun = f"The {name}" if name in (LINKED, OWN) else name
        lines.append(
            f"{noun} of a person is shown to be predicted from {enumerated(able)}."
            if able
            else f"{noun} of a person is not shown to be predicted, from measured images no more than from synthetic ones."
        )
    return lines


def _estimate(share: Estimate) -> str:
    if share.value is None:
        return "an unknown share"
    if share.interval is None or share.interval.low == share.interval.high:
        return f"{share.value:.0%}"
    return f"{share.value:.0%}, {share.interval.low:.0%} to {share.interval.high:.0%}"


def _is_clear(figure: Estimate) -> bool:
    return figure.interval is not None and figure.interval.low > 0


def _is_found(p: float | None) -> bool:
    return p is not None and p < ALPHA


def _places(keys: Sequence[tuple[str, str]]) -> str:
    by_row: Mapping[str, list[str]] = {row: [] for row, _ in keys}
    for row, tissue in keys:
        by_row[row].append(tissue)
    return enumerated(f"{row} ({enumerated(tissues)})" for row, tissues in by_row.items())
