"""A swollen, bright hemisphere inside a skull that has not moved: the outlines say so, and no shift is named."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from transmodal.cohorts.case import Case
from transmodal.cohorts.prepare.validate import check
from transmodal.cohorts.quality.misalignment import measure_misalignment
from transmodal.cohorts.quality.pair_notes import read_pairs, write_pairs
from transmodal.cohorts.quality.pairs import check_pairs, find_contradicted, find_doubtful, measure_pairs
from transmodal.cohorts.simulation import atlas
from transmodal.errors import InputError
from transmodal.volumes import Volume
from transmodal.volumes.geometry.reorient import reorient

OPTIONS = atlas.AtlasOptions(modalities=("t1", "t2"), spacing_mm=2.0, head="always", mask="brain")
SWELLING_MM, BRIGHTER, SLICES = 20.0, 20.0, 4


@pytest.fixture(scope="module")
def head() -> dict[str, Volume]:
    """T1, T2 and the brain of a virtual subject with its head."""
    (subject,) = atlas.subjects(1, OPTIONS, seed=7)
    case = subject.load()
    assert case.mask is not None
    return {"mask": reorient(case.mask), **{name: reorient(one) for name, one in case.volumes.items()}}


def swollen(volume: Volume, mask: Volume) -> Volume:
    """Brighten the left hemisphere and push the midline to the right; skull and skin stay where they are."""
    brain, spacing = mask.voxels > 0, np.array(mask.spacing)
    index = np.indices(brain.shape).astype(float)
    left_mm = (ndimage.center_of_mass(brain)[0] - index[0]) * spacing[0]
    depth_mm = ndimage.distance_transform_edt(brain, sampling=spacing)
    push = SWELLING_MM * np.exp(-((left_mm / 35) ** 2)) * np.clip(depth_mm / 15, 0, 1)
    push = ndimage.gaussian_filter(push, 4 / spacing) * np.clip(depth_mm / 6, 0, 1)
    index[0] -= push / spacing[0]
    moved = ndimage.map_coordinates(volume.voxels.astype(np.float32), index, order=1)
    oedema = np.clip(depth_mm / 6, 0, 1) / (1 + np.exp(-(left_mm + push) / 4))
    oedema = ndimage.gaussian_filter(oedema * brain, 2 / spacing)
    return volume.with_voxels((moved * (1 + (BRIGHTER - 1) * oedema)).astype(np.float32))


def thick(volume: Volume) -> Volume:
    """Average neighbouring slices: 8 mm."""
    *sides, n = volume.voxels.shape
    slices = volume.voxels[:, :, : n // SLICES * SLICES].astype(np.float32)
    means = slices.reshape(*sides, n // SLICES, SLICES).mean(axis=3)
    return Volume(means, volume.affine @ np.diag([1.0, 1.0, SLICES, 1.0]))


def shifted(volume: Volume, mm: float) -> Volume:
    return volume.with_voxels(np.roll(volume.voxels, round(mm / volume.spacing[0]), axis=0))


def test_a_swollen_hemisphere_is_no_shift(head: dict[str, Volume]) -> None:
    """Mutual information alone says 18 mm with a gain of a tenth, beyond both limits."""
    volumes = {"t1": thick(head["t1"]), "t2": thick(swollen(head["t2"], head["mask"]))}
    found = measure_misalignment(volumes["t1"], volumes["t2"])
    assert found is not None
    assert found.off_mm > 10
    assert found.gain >= 0.1
    assert found.outline_mm is not None
    assert found.outline_mm < 1
    assert found.outline_gain is not None
    assert found.outline_gain < -0.3
    measures = {"a": measure_pairs(volumes)}
    assert find_doubtful(measures) == []
    (one,) = find_contradicted(measures)
    assert one.line() == (
        f"the inside of t2 fits best {found.off_mm:.0f} mm off t1, though the outlines (skin, skull) lie within 0 mm of "
        "one another: a swelling or large lesion does that, and nothing is to be moved; look at both images"
    )
    old = {name: value for name, value in write_pairs(measures["a"]).items() if "outline" not in name}
    assert [one.case for one in find_doubtful({"a": read_pairs(old)})] == ["a"], (
        "what cohorts of before hold is judged as before"
    )


@pytest.mark.parametrize("is_swollen", [False, True], ids=["plain", "swollen"])
def test_a_shift_is_named_all_the_same(is_swollen: bool, head: dict[str, Volume]) -> None:
    other = swollen(head["t2"], head["mask"]) if is_swollen else head["t2"]
    measures = {"a": measure_pairs({"t1": head["t1"], "t2": shifted(other, 12)})}
    (one,) = check_pairs(measures)
    assert one.misalignment.outline_mm is not None
    assert one.misalignment.outline_mm == pytest.approx(12, abs=2.5)
    assert not one.outlines_agree
    assert (one.displacement >= 1) or is_swollen


def test_nothing_in_question_asks_no_outline(head: dict[str, Volume]) -> None:
    found = measure_misalignment(head["t1"], head["t2"])
    assert found is not None
    assert (found.outline_mm, found.outline_gain) == (None, None)
    assert set(write_pairs(measure_pairs({"t1": head["t1"], "t2": head["t2"]}))) == {
        f"pair t1 t2 {word}" for word in ("off_mm", "gain", "likeness")
    }


@pytest.mark.parametrize("how", ["same", "another type", "turned"])
def test_one_image_under_two_names_is_refused(how: str, head: dict[str, Volume]) -> None:
    t1 = head["t1"]
    copy = {
        "same": t1,
        "another type": t1.with_voxels(t1.voxels.astype(np.float32)),
        "turned": reorient(t1, "PIR"),
    }[how]
    with pytest.raises(
        InputError, match="t1 and fa have the same voxels; expected an image of its own"
    ) as caught:
        check(Case("a", "a", {"t1": t1, "fa": copy}))
    assert caught.value.code == "E143"
