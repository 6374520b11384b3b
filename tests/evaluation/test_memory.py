"""Memory of an evaluation: more for larger cases, more volumes at once, and figures that are more than errors of voxels."""

from __future__ import annotations

from small_models import cases, model
from transmodal.evaluation.memory import estimate_evaluation


def more(
    side: int = 40, *, metrics: tuple[str, ...] = ("mae",), n_oracles: int = 0, has_mask: bool = False
) -> int:
    models, volumes = [model({"axes": ["z"]})], cases((side, side, side), (8, 8, 8))
    return estimate_evaluation(models, volumes, metrics, n_oracles=n_oracles, has_mask=has_mask).more


def test_the_largest_case_counts() -> None:
    assert more(20) < more(40)


def test_every_oracle_is_a_volume_more() -> None:
    assert more(n_oracles=3) - more() == 3 * 4 * 40**3


def test_ssim_takes_more_than_errors_and_most_within_a_mask() -> None:
    large = 96
    assert more(large) <= more(large, metrics=("mae", "ssim")) < more(large, metrics=("ssim",), has_mask=True)
    assert more(large, has_mask=True) == more(large)
