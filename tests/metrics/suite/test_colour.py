from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from transmodal.errors import InputError, UsageError
from transmodal.metrics.measure import measure
from transmodal.metrics.pair import ImagePair
from transmodal.metrics.suite.colour import by_organ, ciede2000, colourfulness, delta_cf, difference, to_lab

# Pairs of Sharma et al.'s supplementary test data (table 1): L a b, L a b, Delta E00.
SHARMA = [
    ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
    ((50, 3.1571, -77.2803), (50, 0, -82.7485), 2.8615),
    ((50, 2.8361, -74.0200), (50, 0, -82.7485), 3.4412),
    ((50, 0, 0), (50, -1, 2), 2.3669),
    ((50, 2.4900, -0.0010), (50, -2.4900, 0.0009), 7.1792),
    ((50, 2.4900, -0.0010), (50, -2.4900, 0.0011), 7.2195),
    ((50, 2.5, 0), (73, 25, -18), 27.1492),
    ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
]


@pytest.mark.parametrize(("one", "other", "expected"), SHARMA)
def test_ciede2000_is_sharmas(one: tuple[float, ...], other: tuple[float, ...], expected: float) -> None:
    a, b = np.array(one, float), np.array(other, float)
    assert difference(a, b) == pytest.approx(expected, abs=5e-5)
    assert difference(b, a) == pytest.approx(expected, abs=5e-5)


def test_lab_of_white_black_and_red() -> None:
    white, black, red = to_lab(np.array([[255, 255, 255], [0, 0, 0], [255, 0, 0]]), white=255)
    assert white == pytest.approx([100, 0, 0], abs=0.01)
    assert black == pytest.approx([0, 0, 0], abs=1e-12)
    assert red == pytest.approx([53.24, 80.09, 67.20], abs=0.01)


def test_colourfulness_by_hand() -> None:
    # Half red, half blue: rg is 1 and 0, yb is 0.5 and -1.
    image = np.array([[1.0, 0, 0], [0, 0, 1.0]])
    expected = math.hypot(0.5, 0.75) + 0.3 * math.hypot(0.5, -0.25)
    assert colourfulness(image, white=1) == pytest.approx(expected)
    assert colourfulness(image * 255, white=255) == pytest.approx(expected)
    assert colourfulness(image * 255, white=1) == pytest.approx(255 * expected)
    assert colourfulness(image, white=1, mask=np.array([True, False])) == pytest.approx(
        0.3 * math.hypot(1, 0.5)
    )


def test_signs_are_kept() -> None:
    # Red and green cancel in the mean; with absolute values they would not.
    image = np.array([[1.0, 0, 0.5], [0, 1.0, 0.5]])
    assert colourfulness(image, white=1) == pytest.approx(1)


def test_grey_has_no_colour() -> None:
    grey = np.repeat(np.random.default_rng(0).random((5, 6, 1)), 3, axis=2)
    assert colourfulness(grey, white=1) == pytest.approx(0, abs=1e-12)
    assert delta_cf(grey, grey[::-1], white=1) == pytest.approx(0, abs=1e-12)


def test_values_beyond_white_are_clipped_for_the_eye() -> None:
    x = np.ones((2, 2, 3))
    assert ciede2000(x, x * 1.3, white=1) == 0
    assert delta_cf(x, x * 1.3, white=1) == pytest.approx(0, abs=1e-12)


def test_organs_have_their_own_figures() -> None:
    rng = np.random.default_rng(4)
    x, y = rng.random((2, 4, 5, 6, 3))
    labels = rng.integers(0, 3, (4, 5, 6)) * 7
    figures = by_organ(x, y, labels, white=1)
    assert [one.label for one in figures] == [7, 14]
    for one in figures:
        mask = labels == one.label
        assert one.n == mask.sum()
        assert one.ciede2000 == ciede2000(x, y, white=1, mask=mask)
        assert one.delta_cf == delta_cf(x, y, white=1, mask=mask)


def test_what_has_no_answer_is_refused_by_name() -> None:
    x = np.full((3, 4, 3), 0.5)
    for call, code in (
        (lambda: colourfulness(x[..., 0], white=1), "E122"),
        (lambda: ciede2000(x[..., 0], x[..., 0], white=1), "E122"),
        (lambda: delta_cf(x, x[:2], white=1), "E130"),
        (lambda: ciede2000(x, x * np.nan, white=1), "E120"),
        (lambda: ciede2000(x, x, white=1, mask=np.zeros((3, 4), bool)), "E124"),
        (lambda: by_organ(x, x, np.zeros((3, 4), int), white=1), "E124"),
        (lambda: by_organ(x, x, np.ones((4, 3), int), white=1), "E130"),
    ):
        with pytest.raises(InputError) as caught:
            call()
        assert caught.value.code == code
    with pytest.raises(UsageError):
        colourfulness(x, white=0)


def test_means_over_organs_count_every_organ_once(
    colour_pair: ImagePair, inner_mask: NDArray[np.bool_]
) -> None:
    assert colour_pair.labels is not None
    figures = {
        figure.metric: figure for figure in measure(colour_pair, ["ciede2000_organs", "delta_cf_organs"])
    }
    organs = by_organ(colour_pair.reference, colour_pair.synthetic, colour_pair.labels, white=255.0)
    assert [organ.label for organ in organs] == [1, 4]
    assert figures["ciede2000_organs"].value == np.mean([organ.ciede2000 for organ in organs])
    assert figures["ciede2000_organs"].detail == "2 organs"
    assert figures["delta_cf_organs"].value == np.mean([organ.delta_cf for organ in organs])
    half = inner_mask & (np.arange(inner_mask.shape[0])[:, None, None] < 24)
    (first,) = measure(replace(colour_pair, mask=half), ["ciede2000_organs"])
    assert first.value == organs[0].ciede2000  # the second lies outside the mask
    with pytest.raises(UsageError, match="no labels"):
        measure(replace(colour_pair, labels=None), ["ciede2000_organs"])
