from __future__ import annotations

import json
import pickle
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from transmodal.cohorts import layouts
from transmodal.cohorts.layouts import korean_human
from transmodal.cohorts.layouts.korean_human import Options
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.cohorts.prepare.survey import survey
from transmodal.cohorts.simulation import atlas, releases
from transmodal.errors import InputError, ResourceError, UsageError
from transmodal.storage import memory
from transmodal.volumes import Volume, io
from transmodal.volumes.geometry.reorient import reorient

COLUMNS, ROWS, SLICES = 9, 7, 40
SPACED = Options(spacing_mm=("2", "3"), gap_mm=6)
"""3 mm between slices: two of them make a gap."""


def voxels(seed: int = 0) -> tuple[NDArray[np.uint16], NDArray[np.uint8], NDArray[np.uint8]]:
    """MR, colour and labels as they lie in pictures: slices, rows, columns."""
    draw = np.random.default_rng(seed)
    shape = (SLICES, ROWS, COLUMNS)
    return (
        draw.integers(0, 4000, shape).astype(np.uint16),
        draw.integers(0, 256, (*shape, 3)).astype(np.uint8),
        draw.integers(0, 47, shape).astype(np.uint8),
    )


def body(folder: Path, seed: int = 0, ending: str = ".png") -> Path:
    for what, stack in zip(("mr", "colour", "segmentation"), voxels(seed), strict=True):
        (folder / what).mkdir(parents=True)
        kind = ".png" if what == "mr" else ending
        for number, plane in enumerate(stack, 1):
            Image.fromarray(plane).save(folder / what / f"{what}_{number:03d}{kind}")
    return folder


def whole(case: Any) -> dict[str, NDArray[Any]]:  # noqa: ANN401
    """Return a loaded slab's voxels as they lie in pictures."""
    given = {**case.volumes, "segmentation": case.segmentation}
    return {
        name: np.moveaxis(one.voxels, (0, 1, 2), (2, 1, 0)) for name, one in given.items() if one is not None
    }


def test_one_body_is_split_into_slabs_with_gaps(tmp_path: Path) -> None:
    found = korean_human.find(body(tmp_path / "vkm"), SPACED)
    assert found.within_subject
    assert list(found.sides.values()).count("train") == 1
    assert sorted(found.sides) == ["vkm-test-00036", "vkm-train-00000", "vkm-validation-00031"]
    assert found.ignored == ["vkm: 4 slices (in the gaps between training, validation and test)"]
    truth = dict(zip(("mr", "colour", "segmentation"), voxels(), strict=True))
    for case, (first, last) in zip(found.cases, ((36, 40), (0, 29), (31, 34)), strict=True):
        loaded = whole(case.load())
        assert case.patient == "vkm"
        for what, stack in truth.items():
            np.testing.assert_array_equal(loaded[what], stack[first:last])
    assert pickle.loads(pickle.dumps(found.cases)) == found.cases


def test_slabs_lie_in_one_world_from_head_to_feet(tmp_path: Path) -> None:
    test, train, _ = korean_human.find(body(tmp_path / "vkm"), SPACED).cases
    one, other = train.load().volumes["colour"], test.load().volumes["colour"]
    assert one.orientation == "LPI"
    assert one.spacing == (2.0, 2.0, 3.0)
    np.testing.assert_allclose(one.affine[:3, 3] - other.affine[:3, 3], (0, 0, 36 * 3))
    middle = Volume(np.zeros((COLUMNS, ROWS, SLICES)), one.affine).grid.corners().mean(axis=0)
    np.testing.assert_allclose(middle, 0, atol=1e-9)


def test_a_cohort_of_one_body_is_stamped(tmp_path: Path) -> None:
    found = korean_human.find(body(tmp_path / "vkm"), SPACED)
    options = PrepareOptions()
    cohort = prepare(found.cases, tmp_path / "c", options, sides=found.sides, within_subject=True)
    assert cohort.split.by == "within-subject"
    assert cohort.modalities == ("colour", "mr")
    again = prepare(found.cases, tmp_path / "c", options)  # as it stands
    assert again.split == cohort.split
    with pytest.raises(InputError) as caught:
        prepare(found.cases, tmp_path / "d", options, sides=found.sides)
    assert caught.value.code == "E135"


def test_three_bodies_are_split_by_body(tmp_path: Path) -> None:
    for seed, name in enumerate(("f", "m", "n")):
        body(tmp_path / name, seed)
    found = korean_human.find(tmp_path, SPACED)
    assert (found.within_subject, found.sides) == (False, {})
    assert [(one.id, one.patient) for one in found.cases] == [
        ("f-00000", "f"),
        ("m-00000", "m"),
        ("n-00000", "n"),
    ]
    cut = korean_human.find(tmp_path, Options(spacing_mm=("2", "3"), gap_mm=6, slabs="yes"))
    assert len(cut.cases) == 9
    shutil.rmtree(tmp_path / "n")
    assert korean_human.find(tmp_path, SPACED).within_subject
    assert not korean_human.find(tmp_path, Options(spacing_mm=("2",), slabs="no")).within_subject


def test_long_slabs_are_cut_into_pieces_and_at_missing_slices(tmp_path: Path) -> None:
    folder = body(tmp_path / "vkm")
    (folder / "mr" / "mr_010.png").unlink()
    told = Options(spacing_mm=("1",), slabs="no", per_case=8)
    found = korean_human.find(folder, told)
    assert found.ignored == [
        "vkm: 1 of 40 slices of colour (not in the other stacks)",
        "vkm: 1 of 40 slices of segmentation (not in the other stacks)",
    ]
    loaded = [one.load().volumes["colour"] for one in found.cases]
    assert [one.grid.shape[2] for one in loaded] == [4, 5, 7, 8, 7, 8]
    after = [one.affine[2, 3] for one in loaded]
    assert after[1] - after[2] == 6  # five slices, and the missing one
    everything = np.concatenate([whole(one.load())["mr"] for one in found.cases])
    np.testing.assert_array_equal(everything, np.delete(voxels()[0], 9, axis=0))


def test_mr_of_other_pixels_is_sampled_on_the_grid_of_colour(tmp_path: Path) -> None:
    folder = body(tmp_path / "vkm")
    ramp = np.arange(5) * 100 + 1000
    for path in (folder / "mr").iterdir():
        Image.fromarray(np.tile(ramp.astype(np.uint16), (4, 1))).save(path)
    with pytest.raises(InputError, match=r"MR slices of \(5, 4\).*mr_spacing_mm") as caught:
        korean_human.find(folder, SPACED)
    assert caught.value.code == "E130"
    told = Options(spacing_mm=("1", "1"), mr_spacing_mm=("2", "2"), slabs="no")
    (case,) = korean_human.find(folder, told).cases
    loaded = case.load()
    np.testing.assert_array_equal(whole(loaded)["colour"], voxels()[1])
    # 5 pixels of 2 mm and 9 of 1 mm about one middle: centres at every second column.
    np.testing.assert_allclose(whole(loaded)["mr"][3, 3], 1000 + 50 * np.arange(9), atol=1e-3)
    moved = Options(spacing_mm=("1", "1"), mr_spacing_mm=("2",), mr_offset_mm=("1", "0"), slabs="no")
    (case,) = korean_human.find(folder, moved).cases
    np.testing.assert_allclose(whole(case.load())["mr"][3, 3, 1:], 1000 + 50 * np.arange(8), atol=1e-3)


def test_what_is_told_in_stack_json(tmp_path: Path) -> None:
    folder = body(tmp_path / "vkm")
    facts = {"spacing_mm": [0.5, 0.25, 1], "orientation": "RPS", "colours": "organs.csv"}
    (folder / "stack.json").write_text(json.dumps(facts))
    (folder / "organs.csv").write_text("label,r,g,b\n3,0,0,0\n")
    found = korean_human.find(folder, Options(slabs="no"))
    assert found.ignored == ["organs.csv (neither of a stack nor about one)"]
    loaded = found.cases[0].load().volumes["colour"]
    assert (loaded.spacing, loaded.orientation) == ((0.5, 0.25, 1.0), "RPS")
    over = (
        korean_human.find(folder, Options(slabs="no", orientation="LPI", spacing_mm=("4",))).cases[0].load()
    )
    assert (over.volumes["colour"].spacing, over.volumes["colour"].orientation) == ((4.0, 4.0, 4.0), "LPI")
    (folder / "stack.json").write_text('{"spacing": 1}')
    with pytest.raises(InputError, match=r"stack\.json with spacing") as caught:
        korean_human.find(folder)
    assert caught.value.code == "E103"
    (folder / "stack.json").unlink()
    with pytest.raises(InputError, match="do not say how far apart") as caught:
        korean_human.find(folder)
    assert caught.value.code == "E111"


@pytest.mark.parametrize("ending", [".bmp", ".tif"])
def test_other_pictures_and_colours_of_labels(ending: str, tmp_path: Path) -> None:
    folder = body(tmp_path / "vkm", ending=ending)
    shutil.rmtree(folder / "segmentation")
    palette = np.array([[0, 0, 0], [9, 0, 0], [200, 50, 50]], np.uint8)
    drawn = voxels()[2] % 3
    (folder / "Labels").mkdir()
    for number, plane in enumerate(palette[drawn], 1):
        Image.fromarray(plane).save(folder / "Labels" / f"l{number}{ending}")
    (case,) = korean_human.find(folder, Options(spacing_mm=("1",), slabs="no")).cases
    loaded = whole(case.load())
    np.testing.assert_array_equal(loaded["segmentation"], drawn)
    np.testing.assert_array_equal(loaded["colour"], voxels()[1])
    (folder / "colours.csv").write_text("label,r,g,b\n0,0,0,0\n40,9,0,0\n46,200,50,50\n")
    (told,) = korean_human.find(folder, Options(spacing_mm=("1",), slabs="no")).cases
    np.testing.assert_array_equal(whole(told.load())["segmentation"], np.array([0, 40, 46])[drawn])
    assert told.fingerprint() != case.fingerprint()


def test_volumes_do_as_well(tmp_path: Path) -> None:
    affine = np.diag([-2.0, 2.0, -3.0, 1.0])
    coarse = np.diag([-4.0, 4.0, -3.0, 1.0])
    mr, colour, labelled = (np.moveaxis(stack, (0, 1, 2), (2, 1, 0)) for stack in voxels())
    folder = tmp_path / "vkf"
    folder.mkdir()
    io.write(Volume(colour, affine), folder / "colour.nii.gz")
    io.write(Volume(labelled, affine), folder / "seg.nii.gz")
    io.write(Volume(mr[::2, ::2], coarse), folder / "MRI.nii.gz")
    found = korean_human.find(tmp_path, Options(gap_mm=6))
    assert sorted(found.sides) == ["vkf-test-00036", "vkf-train-00000", "vkf-validation-00031"]
    test = found.cases[0].load()
    straight = reorient(Volume(colour, affine)).voxels[:, :, 36:]
    np.testing.assert_array_equal(test.volumes["colour"].voxels, straight)
    assert test.volumes["mr"].grid.same_as(test.volumes["colour"].grid)
    np.testing.assert_allclose(
        test.volumes["mr"].voxels[-1::-2, -1::-2],
        reorient(Volume(mr, affine)).voxels[-1::-2, -1::-2, 36:],
        rtol=1e-5,
    )
    assert test.segmentation is not None
    (folder / "MRI.nii.gz").unlink()
    (folder / "mr").mkdir()
    Image.fromarray(voxels()[0][0]).save(folder / "mr" / "1.png")
    with pytest.raises(InputError, match="pictures and volumes") as caught:
        korean_human.find(tmp_path)
    assert caught.value.code == "E130"


def test_names_unlike_the_others_are_told(tmp_path: Path) -> None:
    folder = body(tmp_path / "vkm")
    shutil.copy(folder / "mr" / "mr_001.png", folder / "mr" / "copy of mr_001.png")
    shutil.copy(folder / "mr" / "mr_001.png", folder / "mr" / "overview.png")
    (folder / "mr" / "Thumbs.db").write_bytes(b"x")
    found = korean_human.find(folder, SPACED)
    assert "vkm: overview.png of mr (named unlike the others)" in found.ignored
    assert "vkm: copy of mr_001.png of mr (named unlike the others)" in found.ignored
    assert "mr/Thumbs.db (neither of a stack nor about one)" in found.ignored
    shutil.copy(folder / "mr" / "mr_001.png", folder / "mr" / "mr_01.png")
    with pytest.raises(InputError, match=r"mr_01\.png") as caught:
        korean_human.find(folder, SPACED)
    assert caught.value.code == "E103"


def test_stacks_that_do_not_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = body(tmp_path / "vkm")
    shutil.rmtree(folder / "mr")
    shutil.copytree(folder / "segmentation", folder / "mr")
    (folder / "colour").rename(folder / "photo")
    with pytest.raises(InputError, match="no colour") as caught:
        korean_human.find(tmp_path, SPACED)
    assert caught.value.code == "E131"
    (folder / "mr").rename(folder / "colour")
    (folder / "photo").rename(folder / "mr")
    finding = survey(korean_human.find(tmp_path, SPACED).cases)[0]
    assert "error[E122]: colour in grey" in finding.faults[0]
    for path in (folder / "colour").iterdir():
        path.rename(path.with_name(path.name.replace("_0", "_9")))
    with pytest.raises(InputError, match="without a number that stands in all") as caught:
        korean_human.find(tmp_path, SPACED)
    assert caught.value.code == "E130"
    (folder / "mri").mkdir()
    (folder / "mri" / "1.png").write_bytes(b"x")
    with pytest.raises(InputError) as caught:
        korean_human.find(tmp_path, SPACED)
    assert caught.value.code == "E103"
    other = body(tmp_path / "vkf")
    Image.fromarray(np.zeros((3, 4, 3), np.uint8)).save(other / "colour" / "colour_002.png")
    (case, *_) = korean_human.find(other, Options(spacing_mm=("1",), slabs="no")).cases
    with pytest.raises(InputError, match=r"colour_002\.png") as caught:
        case.load()
    assert caught.value.code == "E130"
    monkeypatch.setenv(memory.BUDGET, str(2000 / memory.GIB))
    with pytest.raises(ResourceError, match="a slab of 40 slices") as refused:
        case.load()
    assert refused.value.code == "E401"


def test_labels_of_other_pixels_are_refused(tmp_path: Path) -> None:
    folder = body(tmp_path / "vkm")
    for path in (folder / "segmentation").iterdir():
        Image.fromarray(np.zeros((3, 4), np.uint8)).save(path)
    (case,) = korean_human.find(folder, Options(spacing_mm=("1",), slabs="no")).cases
    with pytest.raises(InputError, match="on two grids") as caught:
        case.load()
    assert caught.value.code == "E130"


def test_a_body_too_small_for_its_slabs_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="vkm: 40 slices") as caught:
        korean_human.find(body(tmp_path / "vkm"), Options(spacing_mm=("1",), gap_mm=30))
    assert caught.value.code == "E132"


@pytest.mark.parametrize(
    "wrong",
    [
        {"slabs": "perhaps"},
        {"gap_mm": 0.0},
        {"blocks": 0},
        {"per_case": 0},
        {"shares": ("8", "1")},
        {"shares": ("0", "1", "1")},
        {"shares": ("8", "-1", "1")},
        {"shares": ("8", "x", "1")},
    ],
)
def test_other_values_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as caught:
        Options(**wrong)
    assert caught.value.code == "E001"


@pytest.mark.parametrize(
    "wrong",
    [
        {"spacing_mm": ("1", "2", "3", "4")},
        {"spacing_mm": ("0",)},
        {"spacing_mm": ("1",), "orientation": "LPX"},
        {"spacing_mm": ("1",), "mr_offset_mm": ("1",)},
        {"spacing_mm": ("1",), "mr_spacing_mm": ("-1",)},
    ],
)
def test_spacings_that_cannot_be(wrong: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        korean_human.find(body(tmp_path / "vkm"), Options(**wrong))
    assert caught.value.code == "E001"


def test_the_atlas_as_a_body_comes_out_as_it_went_in(tmp_path: Path) -> None:
    releases.write("korean_human", 1, tmp_path, spacing_mm=7)
    found = layouts.find("korean_human", tmp_path, ["slabs=no"])
    (case,) = found.cases
    made = releases.release_of("korean_human").options
    truth = atlas.subjects(1, replace(made, spacing_mm=7.0))[0].load()
    loaded = case.load()
    for name, volume in (("mr", truth.volumes["t1"]), ("colour", truth.volumes["colour"])):
        wanted = reorient(volume, "LPI").voxels[:, :, :-1]
        np.testing.assert_array_equal(loaded.volumes[name].voxels, wanted)
    assert truth.segmentation is not None
    assert loaded.segmentation is not None
    wanted = reorient(truth.segmentation, "LPI").voxels[:, :, :-1]
    np.testing.assert_array_equal(loaded.segmentation.voxels, wanted)
