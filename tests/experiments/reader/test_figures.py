"""Planted readers give the planted figures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from transmodal.experiments.reader import figures as measures
from transmodal.experiments.reader.rows import AnswerRow
from transmodal.experiments.study.record import StudyFigure

N = 40
"""Patients, two slices each."""


def row(reader: str, question: str, n: int, system: Sequence[str], answer: str, **more: object) -> AnswerRow:
    words: dict[str, object] = {"is_repeat": False, "has_lesion": None, "seconds": 1.0, **more}
    item = f"{question}-{n}-{'-'.join(sorted(system))}"
    return AnswerRow(
        reader=reader,
        question=question,
        item=item,
        case=f"c{n // 2}",
        patient=f"p{n // 2}",
        slice=n,
        system=tuple(system),
        answer=answer,
        **words,  # type: ignore[arg-type]  # by name
    )


def find(figures: Sequence[StudyFigure], row: str, group: str, name: str) -> StudyFigure:
    return next(own for own in figures if (own.row, own.group, own.figure) == (row, group, name))


def telling(reader: str, accuracy: float, seed: int) -> list[AnswerRow]:
    draw = np.random.default_rng(seed)
    rows = []
    for n in range(2 * N):
        for system, truth in (("real", "real"), ("unet", "synthetic")):
            wrong = {"real": "synthetic", "synthetic": "real"}[truth]
            rows.append(row(reader, "origin", n, (system,), truth if draw.random() < accuracy else wrong))
    return rows


def test_one_who_knows_and_one_who_guesses() -> None:
    rows = [*telling("anna", 1.0, 0), *telling("ben", 0.5, 1)]
    figures = measures.telling_figures(rows, ["unet"])
    for name in (measures.SENSITIVITY, measures.SPECIFICITY, measures.ACCURACY):
        perfect, chance = (find(figures, "unet", reader, name) for reader in ("anna", "ben"))
        assert perfect.value == 1
        assert perfect.interval is not None
        assert 0.85 < perfect.interval[0] < perfect.interval[1] == pytest.approx(1)
        assert chance.interval is not None
        assert chance.interval[0] < 0.5 < chance.interval[1]
        assert chance.interval[1] - chance.interval[0] < 0.35
    both = find(figures, "unet", measures.EVERYBODY, measures.ACCURACY)
    assert both.value == pytest.approx((1 + (find(figures, "unet", "ben", measures.ACCURACY).value or 0)) / 2)


def test_chance_is_held_as_often_as_the_interval_says() -> None:
    hits = 0
    for seed in range(100):
        figure = find(
            measures.telling_figures(telling("ben", 0.5, seed), ["unet"]), "unet", "ben", measures.ACCURACY
        )
        assert figure.interval is not None
        hits += figure.interval[0] <= 0.5 <= figure.interval[1]
    assert hits >= 90


def test_one_who_calls_everything_synthetic() -> None:
    rows = [one._replace(answer="synthetic") for one in telling("anna", 1.0, 0)]
    figures = measures.telling_figures(rows, ["unet"])
    values = [
        find(figures, "unet", "anna", name).value
        for name in (measures.SENSITIVITY, measures.SPECIFICITY, measures.ACCURACY)
    ]
    assert values == [1, 0, 0.5]


def test_preference_counts_equal_as_half_and_sides_do_not_matter() -> None:
    rows = []
    for n in range(2 * N):
        sides = ("unet", "gan") if n % 3 else ("gan", "unet")
        answer = "unet" if n % 4 < 2 else "equal" if n % 4 == 2 else "gan"
        rows.append(row("anna", "preference", n, sides, answer))
    figures = measures.preference_figures(rows)
    assert {figure.row for figure in figures} == {"gan over unet"}
    preferred = find(figures, "gan over unet", "anna", measures.PREFERRED)
    assert preferred.value == pytest.approx(0.25 + 0.125)
    assert find(figures, "gan over unet", "anna", measures.NO_DIFFERENCE).value == 0.25
    assert preferred.n == 2 * N


def test_the_real_picture_stands_last_in_a_comparison() -> None:
    rows = [row("anna", "preference", n, ("real", "unet"), "real") for n in range(20)]
    figures = measures.preference_figures(rows)
    assert find(figures, "unet over real", "anna", measures.PREFERRED).value == 0


def test_lesions_that_vanish_are_counted_by_patient() -> None:
    rows = []
    for n in range(2 * N):
        has_lesion = n % 2 == 0
        for system in ("real", "unet"):
            is_seen = has_lesion and (system == "real" or n % 8 == 0)
            rows.append(
                row("anna", "lesion", n, (system,), "yes" if is_seen else "no", has_lesion=has_lesion)
            )
    figures = measures.lesion_figures(rows, ["unet"])
    assert find(figures, "real", "anna", measures.SIGHTINGS).value == 1
    assert find(figures, "unet", "anna", measures.SIGHTINGS).value == 0.25
    assert find(figures, "unet", "anna", measures.INVENTED).value == 0
    lost = find(figures, "unet", "anna", measures.LOST)
    assert lost.value == 0.75
    assert lost.interval is not None
    assert 0.55 < lost.interval[0] < 0.75 < lost.interval[1] < 0.95
    assert lost.n == N


def test_lesions_that_are_all_seen_have_no_interval_of_a_difference() -> None:
    rows = [
        row("anna", "lesion", n, (system,), "yes", has_lesion=True)
        for n in range(20)
        for system in ("real", "unet")
    ]
    lost = find(measures.lesion_figures(rows, ["unet"]), "unet", "anna", measures.LOST)
    assert (lost.value, lost.interval) == (0, None)


@pytest.mark.parametrize("kappa", [0.0, 0.4, 0.8])
def test_two_readers_agree_by_the_planted_kappa(kappa: float) -> None:
    draw = np.random.default_rng(8)
    rows = []
    for n in range(600):
        first = str(draw.choice(["real", "synthetic"]))
        second = first if draw.random() < kappa else str(draw.choice(["real", "synthetic"]))
        rows += [row("anna", "origin", n, ("unet",), first), row("ben", "origin", n, ("unet",), second)]
    figure = find(measures.agreement_figures(rows), "anna and ben", "real or synthetic", measures.KAPPA)
    assert figure.value == pytest.approx(kappa, abs=0.09)
    assert figure.interval is not None
    assert figure.interval[0] < kappa < figure.interval[1]


def test_three_readers_have_fleiss_and_repeats_cohen() -> None:
    draw = np.random.default_rng(6)
    rows = []
    for n in range(200):
        words = draw.choice(["yes", "no"], 3)
        for reader, word in zip(("anna", "ben", "cleo"), words, strict=True):
            rows.append(row(reader, "lesion", n, ("unet",), str(word), has_lesion=True))
        if n % 2:
            rows.append(row("anna", "lesion", n, ("unet",), str(words[0]), has_lesion=True, is_repeat=True))
            rows.append(row("ben", "lesion", n, ("unet",), str(draw.choice(["yes", "no"])), is_repeat=True))
    figures = measures.agreement_figures(rows)
    everyone = find(figures, measures.EVERYBODY, "lesion visible", measures.KAPPA)
    assert everyone.interval is not None
    assert everyone.interval[0] < 0 < everyone.interval[1]
    assert find(figures, "anna, twice", "lesion visible", measures.KAPPA).value == 1
    chance = find(figures, "ben, twice", "lesion visible", measures.KAPPA)
    assert chance.interval is not None
    assert chance.interval[0] < 0 < chance.interval[1]
    assert chance.n == 100
    assert len([figure for figure in figures if figure.figure == measures.KAPPA]) == 6


def test_repeats_do_not_count_twice() -> None:
    rows = telling("anna", 1.0, 0)
    again = [one._replace(is_repeat=True, answer="real") for one in rows]
    assert measures.telling_figures([*rows, *again], ["unet"]) == measures.telling_figures(rows, ["unet"])
