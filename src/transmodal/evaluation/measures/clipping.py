"""Notes on synthetic values that were clipped, for the readers of figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from transmodal.counts import counted
from transmodal.evaluation.provenance import ANOTHER_PROGRAM, ORIGIN
from transmodal.volumes.bounds import Clipped

RANGE = "synthetic_range"
"""Key of a model's record under which its synthetic volumes' range of values stands; absent where nothing was clipped."""


def note_clipped(clipped: Mapping[str, Sequence[Clipped]], unit: str) -> list[str]:
    """Return a note on each model whose volumes lay outside the target's range before they were scored.

    Args:
        clipped: the clipped values, per case, by the model's name.
        unit: of the target's values.
    """
    notes_of_models = []
    for name, cases in clipped.items():
        hit = [case for case in cases if case.voxels]
        if hit:
            notes_of_models.append(
                f"{name}: {counted(sum(case.voxels for case in hit), 'voxel')} in {len(hit)} of {counted(len(cases), 'case')} lay outside the "
                f"target's range, by up to {max(case.largest_excess for case in hit):.3g} {unit}, and were clipped to it "
                "before scoring, as translate does."
            )
    return notes_of_models


def note_unclipped(models: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return a note on models that were scored without clipping, where others were scored with it.

    Args:
        models: records of models by name, of all evaluations that are compared.
    """
    models = {name: record for name, record in models.items() if record.get(ORIGIN) != ANOTHER_PROGRAM}
    without = [name for name, record in models.items() if RANGE not in record]
    if not without or len(without) == len(models):
        return []
    return [
        f"Scored before synthetic values were clipped to the target's range: {', '.join(without)}; evaluate again to "
        "compare volumes as translate writes them."
    ]
