"""Two doses in masks with names, beside those in labels."""

from __future__ import annotations

import numpy as np

from transmodal.evaluation.doses.comparison import compare_doses
from transmodal.evaluation.doses.structures import DoseRegion
from transmodal.volumes import Volume

DOSE = Volume(np.random.default_rng(3).uniform(10, 60, (6, 6, 6)).astype(np.float32), np.eye(4))
LEFT = np.indices((6, 6, 6))[0] < 3


def test_masks_may_overlap_and_keep_their_names() -> None:
    regions = [DoseRegion(1, LEFT, "PTV"), DoseRegion(2, np.ones((6, 6, 6), bool), "body")]
    comparison = compare_doses(DOSE, DOSE, regions)
    assert [structure.name for structure in comparison.structures] == ["PTV", "body"]
    assert [record["name"] for record in comparison.to_json()["structures"]] == ["PTV", "body"]
    assert comparison.text().splitlines()[1].startswith("PTV: 100.00 % pass")


def test_a_label_map_gives_the_figures_of_its_masks() -> None:
    labels = compare_doses(DOSE, DOSE, DOSE.with_voxels(LEFT.astype(np.uint8)))
    masks = compare_doses(DOSE, DOSE, [DoseRegion(1, LEFT, "PTV")])
    assert labels.structures == tuple(structure._replace(name="") for structure in masks.structures)
    assert "name" not in labels.to_json()["structures"][0]
    assert labels.text().splitlines()[1].startswith("Structure 1: ")
