"""Notes on clipped values say what was clipped, and which runs were scored before clipping."""

from __future__ import annotations

from transmodal.evaluation.measures.clipping import RANGE, note_clipped, note_unclipped
from transmodal.volumes.bounds import Clipped


def test_models_with_clipped_voxels_are_named() -> None:
    (note,) = note_clipped(
        {"unet": [Clipped(3, 20.0), Clipped(), Clipped(1, 45.5)], "gan": [Clipped()]}, "HU"
    )
    assert note.startswith("unet: 4 voxels in 2 of 3 cases lay outside the target's range, by up to 45.5 HU")
    assert note_clipped({"gan": [Clipped()]}, "HU") == []


def test_runs_scored_before_clipping_are_named_beside_those_after() -> None:
    new, old = {RANGE: [-1024, 3000]}, {"seed": 1}
    (note,) = note_unclipped({"new": new, "old": old})
    assert "clipped to the target's range: old;" in note
    assert note_unclipped({"new": new}) == note_unclipped({"old": old}) == []
