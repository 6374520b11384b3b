"""Lesions over subjects: seen, vanished and invented ones, by size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from transmodal.experiments.study.studies.biology.lesions import (
    ALIKE,
    CONTRAST,
    INVENTED,
    VISIBLE,
    take_lesions,
)
from transmodal.experiments.study.studies.biology.values import Source
from transmodal.experiments.study.units import Content

SOURCES = [Source("unet", 1, Path(), "unet")]
KEY = SOURCES[0].key


def lesion(radius_mm: float, contrast: float, detectability: float = 0.95, measured: float = 0.95) -> Content:
    pair: dict[str, Any] = {
        "measured": {"contrast": -0.4, "detectability": measured, "volume_ml": 2.0},
        "synthetic": {"contrast": contrast, "detectability": detectability, "volume_ml": 1.0},
    }
    return {"radius_mm": radius_mm, "figures": {KEY: pair}}


def subject(*lesions: Content, invented: int = 0) -> Content:
    alike = {"look_alikes": {KEY: {"measured": 2, "synthetic": 2 + invented, "invented": invented}}}
    return {"lesions": [*lesions, alike]}


def test_sizes_are_told_apart() -> None:
    contents = [subject(lesion(8, -0.4), lesion(3, -0.04, 0.55), invented=n % 2) for n in range(8)]
    result = take_lesions(contents, SOURCES)
    assert result.still_visible_shares["unet", "large"].value == 1
    assert result.still_visible_shares["unet", "small"].value == 0
    by_place = {(figure.group, figure.figure): figure for figure in result.figures}
    assert by_place["large", CONTRAST].value == pytest.approx(1)
    assert by_place["small", CONTRAST].value == pytest.approx(0.1)
    assert by_place["small", VISIBLE].value == 1
    assert by_place["anywhere", ALIKE].value == 2
    assert by_place["anywhere", INVENTED].value == pytest.approx(0.5)
    assert by_place["anywhere", INVENTED].interval is not None


def test_lesions_that_the_measured_image_does_not_show_do_not_count() -> None:
    contents = [subject(lesion(8, -0.4), lesion(8, 0.0, 0.5, measured=0.6)) for _ in range(6)]
    result = take_lesions(contents, SOURCES)
    assert result.still_visible_shares["unet", "large"].value == 1
    assert next(f for f in result.figures if f.figure == VISIBLE).value == pytest.approx(0.5)


def test_without_lesions_there_is_a_reason() -> None:
    assert take_lesions([{"lesions": []}], SOURCES).reason
