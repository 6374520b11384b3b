"""Colour by organ: which voxels count, what an organ is called, and its table."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from transmodal.evaluation.measures.organs import OrganRow, rows, section
from transmodal.volumes import Volume

PHOTO = np.random.default_rng(0).integers(0, 200, (4, 5, 3, 3), dtype=np.uint8)
LABELS = np.zeros((4, 5, 3), np.uint8)
LABELS[:2], LABELS[2:] = 1, 7


def case_of(labels: object, mask: object = None) -> Any:  # noqa: ANN401  # a fake
    return SimpleNamespace(id="c", patient="p", segmentation=lambda: labels, mask=lambda: mask)


def figures_of(case: Any, target: Volume, synthetic: Volume) -> list[OrganRow]:  # noqa: ANN401  # a fake
    return rows(case, target, synthetic, "unet", {1: "liver"}, 255.0)


def test_organs_count_inside_the_mask_and_have_names_where_given() -> None:
    target, mask = Volume(PHOTO, np.eye(4)), np.ones((4, 5, 3), bool)
    mask[0] = False
    shifted = target.with_voxels(np.where(LABELS[..., None] == 1, PHOTO + 20, PHOTO).astype(np.uint8))
    liver, second = figures_of(case_of(LABELS, mask), target, shifted)
    assert (liver.organ, liver.n) == ("liver", 15)
    assert (second.organ, second.n) == ("label 7", 30)
    assert liver.ciede2000 > 2
    assert second.ciede2000 == second.delta_cf == 0
    assert figures_of(case_of(LABELS), target, shifted)[0].n == 30


def test_grey_volumes_and_cases_without_labels_have_none() -> None:
    colour, grey = Volume(PHOTO, np.eye(4)), Volume(PHOTO[..., 0], np.eye(4))
    assert figures_of(case_of(None), colour, colour) == []
    assert figures_of(case_of(LABELS), grey, grey) == []
    assert figures_of(case_of(LABELS, np.zeros((4, 5, 3), bool)), colour, colour) == []


def test_the_table_holds_means_over_cases_and_no_markup_of_names() -> None:
    members = [OrganRow(f"c{n}", "p", "unet", "<liver>", 9, 2.0 + n, 0.1 * n) for n in range(2)]
    table = section(members)
    assert '&lt;liver&gt;</th><td class="left">unet</td><td>2</td><td>2.50</td><td>0.0500</td>' in table
    assert section([]) == ""
    assert members[1].to_json()["delta_cf"] == 0.1
