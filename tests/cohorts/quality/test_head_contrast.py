from __future__ import annotations

from transmodal.cohorts.quality.head_contrast import PROTOTYPES, nearest
from transmodal.volumes.appearance import Tissue


def test_a_stripped_brain_is_the_contrast_that_it_was_with_its_skull() -> None:
    head = Tissue(1.12, 0.45, 0.42, 0.01, 0.075, 0.5, 500.0)
    assert nearest(head._replace(skull=0.0))[:2] == nearest(head)[:2]
    bone = Tissue(1.06, 0.93, 1.95, 0.0, 0.02, 0.2, 28.0)
    assert PROTOTYPES["ct"].distance(bone._replace(skull=0.0)) > 6
