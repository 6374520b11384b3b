"""Contrast agents of headers and of words."""

from __future__ import annotations

import pytest

from transmodal.cohorts.headers.contrast_agent import in_header, in_words
from transmodal.cohorts.headers.mr_words import normalise


@pytest.mark.parametrize(
    "agent",
    ["NONE", "none", "NO", "No", "N", "0", "0 ml", "nein", "ohne", "aucun", "sin", "no contrast", "-"],
)
def test_agents_that_are_none(agent: str) -> None:
    assert in_header(agent, None) == "without"


@pytest.mark.parametrize(
    ("agent", "ml", "says"), [("Gadovist", None, "with"), ("Gadovist", 0.0, "unclear"), ("", None, "")]
)
def test_agents_of_a_header(agent: str, ml: float | None, says: str) -> None:
    assert in_header(agent, ml) == says


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("T1 W/O CONTRAST", "without"),
        ("T1 W/O FS", ""),
        ("T1 W/O FS +C", "with"),
        ("t1_KM", "with"),
        ("t1 KM-frei", "without"),
        ("T1 posterior fossa", ""),
        ("T1 post fossa post", "with"),
        ("T1 post-op", ""),
        ("T1 w/wo", "unclear"),
        ("T1 sans et avec gado", "unclear"),
        ("T1 avant injection", "without"),
        ("T1 après injection", "with"),
    ],
)
def test_words_of_an_agent(words: str, says: str) -> None:
    assert in_words(normalise(words)) == says
