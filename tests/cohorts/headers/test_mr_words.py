"""Words of MR series: how they are parted, what they weight, and what is no plain image."""

from __future__ import annotations

import pytest

from transmodal.cohorts.headers.mr_words import (
    find_exclusion,
    normalise,
    says_flair,
    says_two_echoes,
    weightings,
)


@pytest.mark.parametrize(
    ("given", "plain"),
    [
        ("SagT1Post", "sag t1post"),
        ("T2_TSE;ax", "t2 tse ax"),
        ("Größe  Séquence", "grosse sequence"),
        ("t2*_fl2d", "t2* fl2d"),
        ("", ""),
    ],
)
def test_text_is_parted_into_small_letters_without_accents(given: str, plain: str) -> None:
    assert normalise(given) == plain


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("ax T1 SE", {"t1"}),
        ("MPRAGE sag", {"t1"}),
        ("T2_TSE_cor", {"t2"}),
        ("3D FLAIR", {"flair"}),
        ("T2 FLAIR ax", {"flair"}),
        ("T1 FLAIR", {"t1"}),
        ("PD/T2 dual", {"pd", "t2"}),
        ("AX T10", set()),
        ("localizer", set()),
    ],
)
def test_weightings_are_those_that_are_named(words: str, names: set[str]) -> None:
    assert weightings(normalise(words)) == names


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("localizer 3 plane", "a localizer or a calibration"),
        ("ep2d_diff_b1000 ADC", "diffusion"),
        ("TOF 3D", "angiography or flow"),
        ("T2* GRE", "T2* or susceptibility"),
        ("T2 gre", "T2*: a gradient echo"),
        ("mp2rage INV1", "an inversion image of MP2RAGE"),
        ("mp2rage", "one of several images of MP2RAGE"),
        ("T1 arterial phase", ""),
        ("ax T1 SE post Gd", ""),
    ],
)
def test_what_is_no_plain_weighted_image_says_why(words: str, reason: str) -> None:
    assert find_exclusion(normalise(words)) == reason


def test_suppressed_fluid_and_double_echoes_are_words_of_their_own() -> None:
    assert says_flair(normalise("T1-FLAIR"))
    assert says_flair(normalise("dark-fluid"))
    assert not says_flair(normalise("STIR"))
    assert says_two_echoes(normalise("PD T2 dual echo"))
    assert not says_two_echoes(normalise("T2 TSE"))
