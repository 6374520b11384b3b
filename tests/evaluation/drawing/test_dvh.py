"""Dose-volume histograms as SVG: curves where the figures are, names in the legend, and what it is not for."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import numpy as np

from transmodal.evaluation.drawing.dvh import StructureHistogram, draw_histograms

DOSES = np.linspace(0, 60, 61)
SVG = "{http://www.w3.org/2000/svg}"


def drawn(*names: str) -> ElementTree.Element:
    shares = np.clip(100 - 2 * DOSES, 0, 100)
    histograms = [StructureHistogram(name, shares, np.clip(shares - 5, 0, 100)) for name in names]
    return ElementTree.fromstring(draw_histograms(DOSES, histograms))


def test_both_doses_of_each_structure_are_drawn_to_scale() -> None:
    picture = drawn("PTV", "brain <stem>")
    lines = picture.findall(f"{SVG}polyline")
    assert [line.get("class") for line in lines] == [None, "dashed", None, "dashed"]
    colours = [re.findall(r"--c\d", line.get("style", "")) for line in lines]
    assert colours == [["--c0"], ["--c0"], ["--c1"], ["--c1"]]
    points = np.array([point.split(",") for point in lines[0].get("points", "").split()], float)
    texts = picture.findall(f"{SVG}text")
    ticks = {(text.get("text-anchor"), text.text): text for text in texts}
    x = [float(ticks["middle", dose].get("x", "")) for dose in ("10", "50")]
    np.testing.assert_allclose(np.interp([10, 50], DOSES, points[:, 0]), x, atol=0.1)
    y = [float(ticks["end", share].get("y", "")) - 4 for share in ("80", "20")]
    np.testing.assert_allclose(np.interp([10, 40], DOSES, points[:, 1]), y, atol=0.1)


def test_names_are_text_and_the_notice_is_there() -> None:
    texts = [text.text or "" for text in drawn("PTV", "brain <stem>", "a" * 40).iter(f"{SVG}text")]
    assert {"PTV", "brain <stem>", "reference", "evaluated", "dose, Gy", "volume, %"} <= set(texts)
    assert any("Not a medical device" in text for text in texts)
    assert max(map(len, (text for text in texts if text.startswith("aaa")))) == 20


def test_many_structures_make_a_taller_picture_with_thinner_lines() -> None:
    few, many = drawn("a"), drawn(*[f"roi {n}" for n in range(30)])
    heights = [float(picture.get("viewBox", "").split()[3]) for picture in (few, many)]
    assert heights[1] > 30 * 22 > heights[0]
    assert "stroke-width: 1" in many.findall(f"{SVG}polyline")[12].get("style", "")
