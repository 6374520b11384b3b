"""Copies, mirrored volumes and those of another case are told from good ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from transmodal.cohorts.quality.misalignment import measure_misalignment
from transmodal.evaluation.predictions.doubts import (
    find_contrast,
    find_copy,
    find_displaced,
    find_exchanged,
    find_mirroring,
    measure_details,
    note_doubts,
)
from transmodal.volumes import Volume
from transmodal.volumes.geometry.reorient import reorient

Head = Callable[[int], tuple[Volume, Volume, Volume]]


def test_copies_of_target_and_source_are_found(head: Head, synthetic_ct: Callable[[int], Volume]) -> None:
    mr, ct, _ = head(4)
    sources = {"mr": mr}
    assert find_copy(ct, ct, sources) == "the target"
    assert find_copy(ct.with_voxels(ct.voxels * 0.5 + 3), ct, sources) == "the target"
    assert find_copy(mr, ct, sources) == "the source mr"
    assert find_copy(synthetic_ct(4), ct, sources) == ""
    assert find_copy(ct.with_voxels(np.zeros_like(ct.voxels)), ct, sources) == ""


def test_mirrored_volumes_are_found(head: Head, synthetic_ct: Callable[[int], Volume]) -> None:
    ct, made = reorient(head(4)[1]), reorient(synthetic_ct(4))
    assert find_mirroring(made, ct) == ""
    for axis, words in enumerate(("left to right", "front to back", "top to bottom")):
        assert find_mirroring(made.with_voxels(np.flip(made.voxels, axis)), ct) == words


@pytest.mark.parametrize(
    ("slope", "intercept", "part"),
    [
        (1, 0, ""),
        (0.8, 20, ""),
        (1.3, -40, ""),
        (0.5, 0, "another scale"),
        (2, 0, "another scale"),
        (1 / 16, 64, "another scale"),
        (1, 1024, "far above or below"),
        (-1, 0, "inverse"),
        (0, 3, ""),
    ],
)
def test_values_of_another_unit_are_doubted(
    head: Head, synthetic_ct: Callable[[int], Volume], slope: float, intercept: float, part: str
) -> None:
    ct, made = head(4)[1], synthetic_ct(4)
    doubt = find_contrast(made.with_voxels(made.voxels * slope + intercept), ct)
    assert (part in doubt) if part else not doubt


def test_exchanged_cases_are_found(head: Head, synthetic_ct: Callable[[int], Volume]) -> None:
    targets = {n: head(n)[1] for n in (4, 5, 6)}
    right = {f"A{n}": measure_details(synthetic_ct(n), targets[n]) for n in targets}
    assert find_exchanged(right) == []
    swapped = {4: 5, 5: 4, 6: 6}
    wrong = {f"A{n}": measure_details(synthetic_ct(m), targets[n]) for n, m in swapped.items()}
    assert find_exchanged(wrong) == [("A4", "A5"), ("A5", "A4")]


def test_what_lies_beside_its_target_is_found(head: Head, synthetic_ct: Callable[[int], Volume]) -> None:
    targets = {f"A{n}": head(n)[1] for n in (4, 5, 6)}
    right = {f"A{n}": measure_misalignment(targets[f"A{n}"], synthetic_ct(n)) for n in (4, 5, 6)}
    assert all(right.values())
    assert find_displaced("ct", right) == {}
    made = synthetic_ct(5)
    moved = made.with_voxels(np.roll(made.voxels, 3, 1))
    wrong = {**right, "A5": measure_misalignment(targets["A5"], moved), "A6": None}
    assert find_displaced("ct", wrong) == {"lies 5 mm or more beside its target": ["A5"]}


def test_doubts_are_notes_with_their_cases() -> None:
    assert note_doubts("tool", {"is a copy": ["A1"]}) == ["WARNING: tool is a copy, in 1 case (A1)."]
    (note,) = note_doubts("tool", {"is a copy": ["A1", "A2", "A3", "A4"]})
    assert note.endswith("in 4 cases (A1, A2, A3, ...).")
