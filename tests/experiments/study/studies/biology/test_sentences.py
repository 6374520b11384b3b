"""Sentences say what figures say, null results and leaks included."""

from __future__ import annotations

from transmodal.evaluation.statistics.association import Estimate
from transmodal.evaluation.statistics.bootstrap import Interval
from transmodal.evaluation.statistics.signals import Chance
from transmodal.experiments.study.studies.biology.agreement import SubjectAgreement
from transmodal.experiments.study.studies.biology.lesions import LesionTable
from transmodal.experiments.study.studies.biology.phenotypes import LINKED, MEASURED, PhenotypeTable
from transmodal.experiments.study.studies.biology.sentences import write
from transmodal.experiments.study.studies.biology.signals import SignalFigures

CLEAR = Estimate(0.8, Interval(0.5, 0.9))
FLAT = Estimate(None)
KEY = ("unet", "grey matter")


def say(p_own: float, p_foreign: float, r: Estimate = CLEAR) -> str:
    lines = write(
        SubjectAgreement(
            (),
            {KEY: {"Pearson r": r, "slope": r}, ("mean_target", "grey matter"): {"Pearson r": r, "slope": r}},
        ),
        SignalFigures((), {KEY: r}, {KEY: Chance(0.1, None, p_own)}, {KEY: Chance(0.1, None, p_foreign)}),
        LesionTable((), {("unet", "small"): Estimate(0.25, Interval(0, 0.5))}),
        PhenotypeTable(
            (),
            {(MEASURED, LINKED): CLEAR, ("unet", LINKED): CLEAR},
            {(MEASURED, LINKED): p_own, ("unet", LINKED): 0.4},
        ),
        ["unet"],
        "fa",
    )
    return "\n".join(lines)


def test_knowledge_is_said() -> None:
    text = say(0.5, 0.5)
    first = "Of the planted signal that source and target share, translation recovers in grey matter 80%, 50% to 90% (unet)."
    head = (
        "Of 1 translator, 1 recover the planted signal that source and target share, none show the signal that the target "
        "alone has and none invent differences between people from a signal that the source alone has."
    )
    assert text.startswith(f"{head}\n{first}")
    assert "by the median over regions: unet (r 0.80, slope 0.80)." in text
    assert "nothing beyond chance is found in unet, as it must be" in text
    assert "No individuality of the source alone is carried over by unet." in text
    assert "the measured image shows, the synthetic one still shows 25%, 0% to 50% (unet)." in text
    assert f"The {LINKED} of a person is not shown to be predicted" in text
    assert "mean_target" not in text


def test_leaks_inventions_and_nothing_to_recover_are_said() -> None:
    text = say(0.001, 0.001, FLAT)
    assert (
        "beyond chance with the signal of the target alone is found in unet (grey matter): look for a leak"
        in text
    )
    assert "is invented from the source in unet (grey matter)" in text
    assert text.startswith("Of 1 translator, none recover the planted signal")
    assert "nothing to recover" in text
    assert "unet makes every subject alike." in text
    assert f"The {LINKED} of a person is shown to be predicted from the measured images." in text


def test_without_a_test_nothing_is_said_of_chance() -> None:
    untested = Chance(0.1, None, None)
    lines = write(
        SubjectAgreement((), {}),
        SignalFigures((), {}, {KEY: untested}, {KEY: untested}),
        LesionTable((), {}),
        PhenotypeTable((), {}, {}),
        ["unet"],
        "fa",
    )
    assert lines == []


def test_exaggeration_and_unclear_orders_are_said() -> None:
    much, unclear = Estimate(2.0, Interval(1.5, 2.5)), Estimate(0.2, Interval(-0.2, 0.6))
    lines = write(
        SubjectAgreement((), {KEY: {"Pearson r": unclear, "slope": much}}),
        SignalFigures((), {KEY: much}, {KEY: Chance(0.1, None, None)}, {}),
        LesionTable((), {}),
        PhenotypeTable((), {}, {}),
        ["unet"],
        "fa",
    )
    assert lines[0].endswith("200%, 150% to 250% (unet); it is exaggerated by unet.")
    assert lines[1].endswith("unet (not shown to, r 0.20, slope 2.00).")
