"""Coregistration of contrasts: known movements are recovered, failures flagged."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from moved_heads import moved
from transmodal.cohorts.case import Case
from transmodal.cohorts.simulation import atlas
from transmodal.cohorts.steps.coregistration import Coregister, find_dissimilar, plan_coregistrations
from transmodal.errors import InputError
from transmodal.volumes import Volume


def test_a_failed_registration_is_flagged_and_not_passed_on(head: Case) -> None:
    noise = np.random.default_rng(3).random(head.volumes["t1"].voxels.shape).astype(np.float32)
    broken = replace(head, volumes={**head.volumes, "t1": head.volumes["t1"].with_voxels(noise)})
    with pytest.raises(InputError, match="t1 could not be laid over t2") as caught:
        Coregister("t2", "t1")(broken)
    assert caught.value.code == "E130"


def test_what_comes_along_needs_the_same_grid(head: Case) -> None:
    apart = replace(head, volumes={**head.volumes, "pd": moved(head.volumes["pd"])})
    with pytest.raises(InputError, match="pd lies on another grid than t2") as caught:
        Coregister("t1", "t2", ("pd",))(apart)
    assert caught.value.code == "E130"
    with pytest.raises(InputError, match="no flair") as caught:
        Coregister("t1", "flair")(head)
    assert caught.value.code == "E131"


def test_two_people_show_among_the_others(head: Case) -> None:
    """Both directions agree on a place; the similarity tells."""
    options = atlas.AtlasOptions(spacing_mm=6, modalities=("t1",), head="always", lesions=False)
    other = atlas.subjects(2, options)[1].load()
    swapped = replace(head, volumes={**head.volumes, "t1": other.volumes["t1"]})
    right, wrong = (
        Coregister("t2", "t1", limit_mm=50)(head).notes,
        Coregister("t2", "t1", limit_mm=50)(swapped).notes,
    )
    others = {f"p{n}": right for n in range(5)}
    assert find_dissimilar({**others, "swapped": wrong, "none": {}}) == ["swapped"]
    assert find_dissimilar(others) == []
    assert find_dissimilar({"swapped": wrong, "p0": right, "p1": right}) == []


@pytest.mark.parametrize("trial", range(4))
def test_known_movements_are_recovered_to_a_millimetre(trial: int) -> None:
    """Of up to 10 degrees and 15 mm, at 3 mm; mean over the head, against what was done to it."""
    draw = np.random.default_rng(trial)
    options = atlas.AtlasOptions(spacing_mm=3, modalities=("t1", "t2"), head="always")
    case = atlas.subjects(trial + 1, options)[trial].load()
    shift = draw.normal(size=3)
    shift *= draw.uniform(5, 15) / np.linalg.norm(shift)
    angle = np.deg2rad(draw.uniform(-10, 10))
    move = np.eye(4)
    axis = int(draw.integers(3))
    a, b = (n for n in range(3) if n != axis)
    move[a, a] = move[b, b] = np.cos(angle)
    move[a, b], move[b, a] = -np.sin(angle), np.sin(angle)
    move[:3, 3] = shift
    t1 = case.volumes["t1"]
    turned = replace(case, volumes={**case.volumes, "t1": Volume(t1.voxels, move @ t1.affine)})
    found, notes = Coregister("t2", "t1").registration(turned)
    assert notes["registration_mm"] < 1
    assert case.mask is not None
    points = case.mask.grid.world(np.argwhere(case.mask.voxels > 0)[::100].astype(float))
    to_itk = np.array([-1.0, -1.0, 1.0])
    there = [found.transform.TransformPoint(point) for point in (points * to_itk).tolist()]
    wanted = points @ move[:3, :3].T + move[:3, 3]
    assert np.linalg.norm(np.array(there) * to_itk - wanted, axis=1).mean() < 1


def test_all_other_modalities_are_planned_onto_one() -> None:
    assert plan_coregistrations("t2", ["t2", "t1", "pd"], 1.5) == (
        Coregister("t2", "pd", (), 1.5),
        Coregister("t2", "t1", (), 1.5),
    )
    assert plan_coregistrations("", ["t1", "t2"], 2.0) == plan_coregistrations("ct", ["t1", "t2"], 2.0) == ()
    assert Coregister("t2", "t1", ("pd",)).moved == {"t1", "pd"}
