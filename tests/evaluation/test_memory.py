"""Memory of an evaluation: more for larger cases, more volumes at once, and figures that are more than errors of voxels."""

from __future__ import annotations

from small_models import cases, model
from transmodal.evaluation.memory import estimate_evaluation


def more(side: int = 40, *, metrics: tuple[str, ...] = ("mae",), n_oracles: int = 0) -> int:
    models, volumes = [model({"axes": ["z"]})], cases((side, side, side), (8, 8, 8))
    return estimate_evaluation(models, volumes, metrics, n_oracles=n_oracles).more


def test_the_largest_case_counts() -> None:
    assert more(20) < more(40)


def test_every_oracle_is_a_volume_more() -> None:
    assert more(n_oracles=3) - more() == 3 * 4 * 40**3


def test_ssim_takes_more_than_errors() -> None:
    assert more(400) < more(400, metrics=("mae", "ssim"))
