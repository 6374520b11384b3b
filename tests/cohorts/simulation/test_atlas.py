from __future__ import annotations

import hashlib
import json
import os
import pickle
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from transmodal.cohorts.case import Case
from transmodal.cohorts.layouts import folders
from transmodal.cohorts.simulation import anatomy, atlas
from transmodal.cohorts.simulation.subject import draw_subject
from transmodal.errors import ResourceError, UsageError
from transmodal.volumes import Volume, io
from transmodal.volumes.geometry import reorient
from transmodal.volumes.regions import template

COARSE = 5.0


def options(**changes: object) -> atlas.AtlasOptions:
    return atlas.AtlasOptions(**{"spacing_mm": COARSE} | changes)


@cache
def case(index: int, **changes: object) -> Case:
    return atlas.AtlasSubject(index, options(**changes)).load()


def digest(made: Case) -> str:
    total = hashlib.sha256()
    for name in sorted(made.volumes):
        total.update(np.ascontiguousarray(made.volumes[name].voxels).tobytes())
        total.update(made.volumes[name].affine.tobytes())
    return total.hexdigest()


def test_all_volumes_share_one_grid() -> None:
    made = case(1)
    assert made.mask is not None
    assert made.segmentation is not None
    assert tuple(made.volumes) == atlas.MODALITIES
    grid = made.mask.grid
    assert all(volume.grid == grid for volume in (*made.volumes.values(), made.segmentation))
    kinds = {name: volume.voxels.dtype.name for name, volume in made.volumes.items()}
    expected = dict.fromkeys(("t1", "t2", "pd", "flair", "ct"), "int16") | {
        "fa": "float32",
        "colour": "uint8",
    }
    assert kinds == expected
    assert made.mask.voxels.dtype == made.segmentation.voxels.dtype == np.uint8


def test_what_no_scanner_measured_is_said_to_be_simulated() -> None:
    assert case(1).simulated == {"t2", "pd", "flair", "ct", "colour"}
    assert case(0, modalities=("fa", "ct")).simulated == {"ct"}
    assert case(0, modalities=("t1", "fa")).simulated == frozenset()


def test_ids_and_defaults() -> None:
    made = atlas.subjects(3)
    assert [subject.id for subject in made] == ["atlas-0000", "atlas-0001", "atlas-0002"]
    assert made[2].patient == made[2].id
    assert made[0].options == atlas.AtlasOptions()
    assert [subject.stripped for subject in made] == [True, False, True]


@pytest.mark.parametrize(
    "changes",
    [
        {"spacing_mm": 0.2},
        {"spacing_mm": float("nan")},
        {"shift_mm": -1},
        {"shift_mm": 90},
        {"modalities": ()},
        {"modalities": ("t1", "t3")},
        {"modalities": ("t1", "t1")},
        {"head": "none"},
        {"mask": "skull"},
    ],
)
def test_options_that_cannot_be_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(changes))) as caught:
        options(**changes)
    assert caught.value.code == "E001"


def test_no_subjects_are_refused() -> None:
    with pytest.raises(UsageError, match="0 subjects"):
        atlas.subjects(0)


def test_fingerprint_follows_everything_that_a_subject_is_made_from() -> None:
    plain = atlas.AtlasSubject(1, options())
    assert plain.fingerprint() == atlas.AtlasSubject(1, options()).fingerprint()
    others = [
        atlas.AtlasSubject(2, options()),
        atlas.AtlasSubject(1, options(), seed=1),
        atlas.AtlasSubject(1, options(lesions=False)),
        atlas.AtlasSubject(1, options(modalities=("t1",))),
    ]
    assert len({plain.fingerprint(), *(other.fingerprint() for other in others)}) == 5


def test_subjects_travel_between_processes() -> None:
    subject = atlas.AtlasSubject(1, options())
    assert pickle.loads(pickle.dumps(subject)) == subject


def test_another_process_makes_the_same_voxels() -> None:
    wanted = ("t1", "fa", "ct")
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import test_atlas as t;"
        "print(t.digest(t.case(1, modalities=('t1', 'fa', 'ct'))))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "77", "OMP_NUM_THREADS": "2"}
    here = str(Path(__file__).parent)
    done = subprocess.run(
        [sys.executable, "-c", code, here], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout.strip() == digest(case(1, modalities=wanted))


def test_a_modality_does_not_depend_on_which_others_are_made() -> None:
    alone = case(1, modalities=("fa",), segmentation=False)
    assert alone.segmentation is None
    np.testing.assert_array_equal(alone.volumes["fa"].voxels, case(1).volumes["fa"].voxels)
    pair = case(1, modalities=("flair", "t1"))
    assert tuple(pair.volumes) == ("flair", "t1")
    for name in pair.volumes:
        np.testing.assert_array_equal(pair.volumes[name].voxels, case(1).volumes[name].voxels)


def test_subjects_and_seeds_differ() -> None:
    mine = case(1)
    other = case(3)
    assert not mine.volumes["t1"].grid.same_as(other.volumes["t1"].grid)
    seeded = atlas.AtlasSubject(1, options(modalities=("fa",)), seed=5).load()
    assert not seeded.volumes["fa"].grid.same_as(mine.volumes["fa"].grid)


def test_the_heads_mask_holds_the_skull_and_nothing_of_the_air() -> None:
    brain, head = case(0, modalities=("ct",)), case(0, modalities=("ct",), mask="head")
    assert brain.mask is not None
    assert head.mask is not None
    inner, outer = brain.mask.voxels > 0, head.mask.voxels > 0
    ct = head.volumes["ct"].voxels
    assert (outer | ~inner).all()
    assert outer[ct > 300].all()
    assert not inner[ct > 600].any()
    assert (ct[outer] < -500).mean() < 0.03
    assert (ct[~outer] > -300).mean() < 0.01


def test_stripped_t1_is_the_whole_head_inside_the_mask() -> None:
    bare = case(1, modalities=("t1",), head="never")
    whole = case(1, modalities=("t1",), head="always")
    assert bare.mask is not None
    inside = bare.mask.voxels > 0
    t1, full = bare.volumes["t1"].voxels, whole.volumes["t1"].voxels
    assert not t1[~inside].any()
    assert (full[~inside] > np.median(t1[inside]) / 3).mean() > 0.15
    assert (t1[inside] == full[inside]).mean() > 0.93
    np.testing.assert_array_equal(case(1).volumes["t1"].voxels, full)
    np.testing.assert_array_equal(
        case(2, modalities=("t1",)).volumes["t1"].voxels,
        case(2, modalities=("t1",), head="never").volumes["t1"].voxels,
    )


def test_mask_is_the_brain_and_the_field_of_view_does_not_cut_it() -> None:
    for index in (0, 1, 2):
        mask = case(index, modalities=("fa",)).mask
        assert mask is not None
        for axis in range(3):
            ends = np.take(mask.voxels, (0, -1), axis)
            assert not ends.any()
        size = mask.voxels.sum() * abs(np.linalg.det(mask.affine[:3, :3]))
        assert 0.7 < size / template.mask().voxels.sum() < 1.4


@pytest.mark.parametrize("index", range(6))
def test_a_mirrored_subject_is_another_one(index: int) -> None:
    """Every subject has a lesion on one side: T1 and FA are lower there than at the mirrored place."""
    subject = atlas.AtlasSubject(index, options(spacing_mm=3.0, modalities=("t1", "fa"), segmentation=False))
    made, known = subject.load(), subject.record()
    lesion = known["lesions"][0]
    for name, most in (("t1", 0.93), ("fa", 0.75)):
        here, there = (
            level(made.volumes[name], known, np.array(centre))
            for centre in (lesion["centre_template_mm"], mirrored(lesion["centre_template_mm"]))
        )
        assert here / there < most, name
    assert (lesion["centre_template_mm"][0] > 0) == (lesion["side"] == "right")


def test_without_lesions_the_capsule_tells_right_from_left() -> None:
    subject = atlas.AtlasSubject(0, options(spacing_mm=3.0, modalities=("pd",), lesions=False))
    made, known = subject.load(), subject.record()
    assert known["lesions"] == []
    assert made.segmentation is not None
    assert not (made.segmentation.voxels == 4).any()
    pd = made.volumes["pd"]
    right = np.array(known["fiducial"]["centre_mm"])
    affine = np.array(known["affine_template_to_scanner"])
    at = (np.linalg.inv(affine) @ [*right, 1])[:3]
    left = (affine @ [-(at[0] + 4), at[1], at[2], 1])[:3]  # four millimetres outwards: off the skin
    assert near(pd, right) > 3 * near(pd, left)


def test_shift_moves_content_by_what_is_recorded() -> None:
    wanted = {"modalities": ("t1", "fa"), "lesions": False}
    still, moved = case(0, **wanted), case(0, shift_mm=8.0, **wanted)
    known = atlas.AtlasSubject(0, options(shift_mm=8.0, **wanted)).record()
    np.testing.assert_array_equal(still.volumes["t1"].voxels, moved.volumes["t1"].voxels)
    assert known["shift_mm"]["t1"] == [0, 0, 0]
    shift = np.array(known["shift_mm"]["fa"])
    assert np.linalg.norm(shift) == pytest.approx(8, abs=1e-3)
    apart = centroid(moved.volumes["fa"]) - centroid(still.volumes["fa"])
    np.testing.assert_allclose(apart, shift, atol=0.4)
    assert moved.volumes["fa"].grid == still.volumes["fa"].grid


def test_known_is_json_and_says_what_is_real() -> None:
    for index, t1 in ((0, atlas.REAL), (1, f"{atlas.REAL}; head simulated")):
        known = json.loads(json.dumps(atlas.AtlasSubject(index, options()).record()))
        assert known["provenance"]["t1"] == t1
        assert known["provenance"]["fa"] == atlas.REAL
        assert known["provenance"]["ct"] == "simulated"
        assert known["t1_stripped"] is (index == 0)
        assert known["warp"]["jacobian_min"] > 0
        assert known["warp"]["largest_displacement_mm"] <= 8
        assert known["scanner"]["field_t"] in (1.5, 3.0)
        assert set(known["individual"]["draws"]["left temporal"]["wm"]) == {
            "shared",
            "t1",
            "t2",
            "pd",
            "fa",
            "hu",
        }


def test_written_subjects_read_back_as_they_were(tmp_path: Path) -> None:
    cohort = atlas.subjects(2, options(modalities=("t1", "colour")))
    calls: list[tuple[str, int, int]] = []
    atlas.write(cohort, tmp_path / "new" / "subjects", lambda *call: calls.append(call))
    assert calls == [("atlas-0000", 1, 2), ("atlas-0001", 2, 2)]
    found = folders.find(tmp_path / "new" / "subjects").cases
    assert [files.id for files in found] == ["atlas-0000", "atlas-0001"]
    for files, subject in zip(found, cohort, strict=True):
        back, made = files.load(), subject.load()
        assert back.simulated == made.simulated == {"colour"}
        assert set(back.volumes) == set(made.volumes)
        for name, volume in made.volumes.items():
            np.testing.assert_array_equal(back.volumes[name].voxels, volume.voxels)
            assert back.volumes[name].grid.same_as(volume.grid)
        assert back.mask is not None
        assert made.mask is not None
        np.testing.assert_array_equal(back.mask.voxels, made.mask.voxels)
        assert back.segmentation is not None
    assert "simulated" in (tmp_path / "new" / "subjects" / "README.txt").read_text()
    known = json.loads((tmp_path / "new" / "subjects" / "atlas-0001" / "case.json").read_text())
    assert known["fingerprint"] == cohort[1].fingerprint()


def test_what_stands_already_stays_and_what_changed_is_made_anew(tmp_path: Path) -> None:
    small = {"spacing_mm": 9.0, "modalities": ("fa",), "segmentation": False}
    first = atlas.subjects(1, options(**small))
    atlas.write(first, tmp_path)
    made = tmp_path / "atlas-0000" / "fa.nii.gz"
    stamp = made.stat().st_mtime_ns
    atlas.write(first, tmp_path)
    assert made.stat().st_mtime_ns == stamp
    atlas.write(atlas.subjects(1, options(**small | {"modalities": ("t1",)})), tmp_path)
    assert not made.exists()
    assert (tmp_path / "atlas-0000" / "t1.nii.gz").exists()


def test_two_workers_write_the_same_files(tmp_path: Path) -> None:
    cohort = atlas.subjects(2, options(spacing_mm=9.0, modalities=("fa",), segmentation=False))
    done: list[int] = []
    atlas.write(cohort, tmp_path / "two", lambda _id, n, _total: done.append(n), workers=2)
    assert done == [1, 2]
    for subject in cohort:
        back = io.read(tmp_path / "two" / subject.id / "fa.nii.gz")
        np.testing.assert_array_equal(back.voxels, subject.load().volumes["fa"].voxels)


def test_interrupted_writing_leaves_no_half_subject(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(*_: object, **__: object) -> str:
        raise ResourceError("E403", "the disk is full", "space", "Make room.")

    monkeypatch.setattr(io, "write", full_disk)
    with pytest.raises(ResourceError, match="disk is full"):
        atlas.write(
            atlas.subjects(1, options(spacing_mm=9.0, modalities=("fa",), segmentation=False)), tmp_path
        )
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_folders_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(UsageError, match="taken") as caught:
        atlas.write(atlas.subjects(1, options()), tmp_path / "taken")
    assert caught.value.code == "E005"
    assert (tmp_path / "taken").read_text() == "mine"


def mirrored(centre: list[float]) -> list[float]:
    x, y, z = centre
    return [-x, y, z]


def level(volume: Volume, known: dict[str, Any], template_mm: np.ndarray) -> float:
    """Return the median around a template point."""
    subject = draw_subject(known["seed"], known["index"], known["options"]["spacing_mm"], 0.0, lesions=True)
    return near(volume, anatomy.to_scanner(template_mm[None], subject.affine, subject.warp)[0])


def near(volume: Volume, world: np.ndarray) -> float:
    i, j, k = np.rint(volume.grid.voxel(world)).astype(int)
    return float(np.median(volume.voxels[i - 1 : i + 2, j - 1 : j + 2, k - 1 : k + 2]))


def centroid(volume: Volume) -> np.ndarray:
    ras = reorient.reorient(volume, "RAS")
    weights = ras.voxels.astype(float)
    index = np.indices(weights.shape).reshape(3, -1).T
    return ras.grid.world((index * weights.reshape(-1, 1)).sum(axis=0) / weights.sum())
