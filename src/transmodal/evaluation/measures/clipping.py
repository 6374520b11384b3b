"""What was clipped of synthetic values, told to the readers of figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from transmodal.volumes.bounds import Clipped

RANGE = "synthetic_range"
"""Key of a model's record under which its synthetic volumes' range of values stands; absent where nothing was clipped."""


def notes(clipped: Mapping[str, Sequence[Clipped]], unit: str) -> list[str]:
    """Say of each model how much of its volumes lay outside the target's range before they were scored.

    Args:
        clipped: what was clipped, per case, by the model's name.
        unit: of the target's values.
    """
    said = []
    for name, cases in clipped.items():
        hit = [one for one in cases if one.voxels]
        if hit:
            said.append(
                f"{name}: {sum(one.voxels for one in hit)} voxels in {len(hit)} of {len(cases)} cases lay outside the "
                f"target's range, by up to {max(one.largest_excess for one in hit):.3g} {unit}, and were clipped to it "
                "before scoring, as translate does."
            )
    return said


def unclipped(models: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Say which models were scored without clipping, where others were scored with it.

    Args:
        models: records of models by name, of all evaluations that are compared.
    """
    without = [name for name, record in models.items() if RANGE not in record]
    if not without or len(without) == len(models):
        return []
    return [
        f"Scored before synthetic values were clipped to the target's range: {', '.join(without)}; evaluate again to "
        "compare volumes as translate writes them."
    ]
