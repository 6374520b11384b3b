from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy.io import savemat

from transmodal.cohorts.layouts import _slice_stack, slices
from transmodal.cohorts.layouts._slice_stack import SliceStack
from transmodal.cohorts.layouts.slices import Options
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.cohorts.prepare.validate import read_rgb_notes
from transmodal.errors import InputError, ResourceError, UsageError

DRAW = np.random.default_rng(5)


def picture(path: Path, shape: tuple[int, ...] = (6, 8), kind: type[Any] = np.uint16) -> NDArray[Any]:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = DRAW.integers(0, np.iinfo(kind).max, shape).astype(kind)
    Image.fromarray(pixels).save(path)
    return pixels


def array(path: Path, shape: tuple[int, ...] = (6, 8)) -> NDArray[np.float32]:
    path.parent.mkdir(parents=True, exist_ok=True)
    values = DRAW.uniform(-1, 1, shape).astype(np.float32)
    np.save(path, values)
    return values


def planes(case: SliceStack, modality: str) -> NDArray[Any]:
    """Slices first, then rows and columns, as the files have them."""
    return case.load().volumes[modality].voxels.transpose(2, 1, 0)


def test_two_folders_with_equal_names(tmp_path: Path) -> None:
    """16 bits stay; slices are stacked by patient in the order of their numbers."""
    data = tmp_path / "data"
    a = [picture(data / "trainA" / f"p1_{n}.png") for n in (2, 10)]
    b = [picture(data / "trainB" / f"p1_{n}.png") for n in (2, 10)]
    picture(data / "testA" / "p2_1.png")
    picture(data / "testB" / "p2_1.png")
    picture(data / "testA" / "p2_2.png")
    (data / "readme.txt").write_text("x")
    found = slices.find(data, Options(a="t1", b="t2", spacing_mm=("0.5", "3")))
    assert [(one.id, one.patient) for one in found.cases] == [("test-p2", "p2"), ("train-p1", "p1")]
    assert found.left_out == ["test p2_2 (no t2)"]
    assert found.ignored == ["readme.txt (no slice by its place and name)"]
    assert found.sides == {"test-p2": "test", "train-p1": "train"}
    train = found.cases[1]
    np.testing.assert_array_equal(planes(train, "t1"), np.stack(a))
    np.testing.assert_array_equal(planes(train, "t2"), np.stack(b))
    volume = train.load().volumes["t1"]
    assert volume.voxels.dtype == np.uint16
    assert (volume.spacing, volume.orientation) == ((0.5, 0.5, 3.0), "LPS")
    cohort = prepare(found.cases, tmp_path / "cohort", sides=found.sides)
    assert (cohort.split.train, cohort.split.validation, cohort.split.test) == (
        ("train-p1",),
        (),
        ("test-p2",),
    )
    assert cohort.split.by == "given"
    assert pickle.loads(pickle.dumps(found.cases)) == found.cases


def test_side_by_side_and_grey_saved_as_colour(tmp_path: Path) -> None:
    left, right = DRAW.integers(0, 255, (2, 6, 8)).astype(np.uint8)
    (tmp_path / "train").mkdir()
    both = np.concatenate([left, right], axis=1)
    Image.fromarray(np.stack([both] * 3, axis=2)).save(tmp_path / "train" / "p1_1.png")
    colour = picture(tmp_path / "train" / "q_1.png", (6, 16, 3), np.uint8)
    found = slices.find(tmp_path)
    assert found.sides == {}
    first, second = found.cases
    np.testing.assert_array_equal(planes(first, "a")[0], left)
    np.testing.assert_array_equal(planes(first, "b")[0], right)
    loaded = second.load().volumes["b"]
    assert loaded.is_colour
    np.testing.assert_array_equal(loaded.voxels[:, :, 0].swapaxes(0, 1), colour[:, 8:])


def test_grey_of_two_kinds_in_one_stack_and_a_black_slice_in_colour(tmp_path: Path) -> None:
    """A black slice in colour used to be refused beside the others, as one of another size."""
    grey = DRAW.integers(0, 255, (2, 6, 8)).astype(np.uint8)
    (tmp_path / "trainA").mkdir()
    Image.fromarray(grey[0]).save(tmp_path / "trainA" / "p1_1.png")
    Image.fromarray(np.stack([grey[1]] * 3, axis=2)).save(tmp_path / "trainA" / "p1_2.png")
    colour = picture(tmp_path / "trainB" / "p1_1.png", (6, 8, 3), np.uint8)
    Image.fromarray(np.zeros_like(colour)).save(tmp_path / "trainB" / "p1_2.png")
    case = slices.find(tmp_path).cases[0].load()
    np.testing.assert_array_equal(case.volumes["a"].voxels.transpose(2, 1, 0), grey)
    assert read_rgb_notes(case.notes) == ["a"]
    np.testing.assert_array_equal(case.volumes["b"].voxels[:, :, 0].swapaxes(0, 1), colour)
    assert not case.volumes["b"].voxels[:, :, 1].any()


def test_an_odd_width_is_refused(tmp_path: Path) -> None:
    picture(tmp_path / "train" / "p1_1.png", (6, 7))
    with pytest.raises(InputError, match="a width of 7") as caught:
        slices.find(tmp_path).cases[0].load()
    assert caught.value.code == "E103"


def test_arrays_keep_their_values_and_unknown_patients_are_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    written = [array(tmp_path / "train" / "A" / f"{n}.npy") for n in range(5)]
    for n in range(5):
        array(tmp_path / "train" / "B" / f"{n}.npy")
    cases = slices.find(tmp_path, Options(per_case=2)).cases
    assert [one.id for one in cases] == ["train-stack-000", "train-stack-001", "train-stack-002"]
    np.testing.assert_array_equal(planes(cases[1], "a"), np.stack(written[2:4]))
    assert len(planes(cases[2], "a")) == 1
    assert "do not tell the patients apart" in caplog.text


def test_syndiffs_mat_files(tmp_path: Path) -> None:
    written = {}
    for side, n in (("train", 5), ("val", 2), ("test", 1)):
        for contrast in ("T1", "T2"):
            stack = DRAW.random((n, 6, 8)).astype(np.float32)
            written[side, contrast] = stack
            shown = stack.transpose(1, 2, 0)  # in MATLAB, rows x columns x slices
            savemat(tmp_path / f"data_{side}_{contrast}.mat", {"data_fs": shown, "other": np.zeros((2, 2))})
    found = slices.find(tmp_path, Options(per_case=3))
    assert sorted(found.sides.values()) == ["test", "train", "train", "validation"]
    cases = {one.id: one for one in found.cases}
    np.testing.assert_array_equal(planes(cases["train-stack-001"], "t2"), written["train", "T2"][3:])
    np.testing.assert_array_equal(planes(cases["val-stack-000"], "t1"), written["val", "T1"])


def test_a_slice_of_syndiff_lies_as_its_loader_turns_it(tmp_path: Path) -> None:
    """Its matrices show slices x width x height in HDF5; a nose at the top of the picture is anterior."""
    h5py = pytest.importorskip("h5py", reason="is of the extra `matlab`")
    upright = np.zeros((1, 6, 8), np.float32)  # slices x height x width
    upright[0, 0, 3] = 1  # the nose, at the top and left of the middle
    for contrast in ("T1", "T2"):
        with h5py.File(tmp_path / f"data_test_{contrast}.mat", "w") as file:
            file["data_fs"] = upright.transpose(0, 2, 1)
    volume = slices.find(tmp_path).cases[0].load().volumes["t1"]
    assert (volume.voxels.shape, volume.orientation) == ((8, 6, 1), "LPS")
    assert np.argwhere(volume.voxels).tolist() == [[3, 0, 0]]


def test_matrices_that_were_taken_transposed_are_another_case(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for contrast in ("T1", "T2"):
        savemat(tmp_path / f"data_train_{contrast}.mat", {"data_fs": np.ones((6, 8, 2))})
    turned = slices.find(tmp_path).cases[0].fingerprint()
    monkeypatch.setattr(_slice_stack, "_axes", lambda path: ())
    assert slices.find(tmp_path).cases[0].fingerprint() != turned


def test_a_mat_file_without_one_array_is_refused(tmp_path: Path) -> None:
    for contrast in ("T1", "T2"):
        savemat(tmp_path / f"data_train_{contrast}.mat", {"x": np.zeros((2, 2)), "y": np.zeros((2, 2))})
    with pytest.raises(InputError, match=r"data_train_T[12]\.mat with x, y") as caught:
        slices.find(tmp_path)
    assert caught.value.code == "E103"


def test_a_new_mat_file_needs_h5py(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for contrast in ("T1", "T2"):
        head = b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM"
        (tmp_path / f"data_train_{contrast}.mat").write_bytes(head + bytes(600))
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    with pytest.raises(ResourceError, match="matlab") as caught:
        slices.find(tmp_path)
    assert caught.value.code == "E404"


def test_a_new_mat_file_is_read_through_h5py(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    stack = DRAW.random((3, 6, 8)).astype(np.float32)
    for contrast in ("T1", "T2"):
        with h5py.File(tmp_path / f"data_train_{contrast}.mat", "w", userblock_size=512) as file:
            file["data_fs"] = stack.swapaxes(1, 2)
        with (tmp_path / f"data_train_{contrast}.mat").open("r+b") as raw:
            raw.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")
    np.testing.assert_array_equal(planes(slices.find(tmp_path).cases[0], "t1"), stack)


def test_slices_of_two_sizes_are_refused_by_name(tmp_path: Path) -> None:
    for side in "AB":
        array(tmp_path / side / "p_1.npy")
        array(tmp_path / side / "p_2.npy", (6, 9))
    with pytest.raises(InputError, match=r"p_2\.npy of 6 x 9 beside p_1\.npy of 6 x 8") as caught:
        slices.find(tmp_path).cases[0].load()
    assert caught.value.code == "E130"


def test_as_many_slices_in_each(tmp_path: Path) -> None:
    array(tmp_path / "A" / "p_1.npy", (3, 6, 8))
    array(tmp_path / "B" / "p_1.npy", (2, 6, 8))
    with pytest.raises(InputError, match="3 slices") as caught:
        slices.find(tmp_path)
    assert caught.value.code == "E130"


def test_other_dimensions_are_refused(tmp_path: Path) -> None:
    for side in "AB":
        array(tmp_path / side / "p_1.npy", (2, 3, 6, 8))
    with pytest.raises(InputError, match="one slice, or slices") as caught:
        slices.find(tmp_path)
    assert caught.value.code == "E121"


def test_unpaired_sets_are_refused_with_the_way_out(tmp_path: Path) -> None:
    picture(tmp_path / "trainA" / "x_1.png")
    picture(tmp_path / "trainB" / "y_1.png")
    with pytest.raises(InputError, match="--with unpaired=true") as caught:
        slices.find(tmp_path)
    assert caught.value.code == "E131"


def test_unpaired_sets_have_one_modality_per_case(tmp_path: Path) -> None:
    """Equal names pair nothing: CycleGAN's sets number A and B alike."""
    data = tmp_path / "data"
    a = [picture(data / "trainA" / f"a1_{n}.png") for n in (1, 2)]
    b = [picture(data / "trainB" / f"b1_{n}.png") for n in (1, 2, 3)]
    picture(data / "testA" / "a2_1.png")
    picture(data / "testB" / "b2_1.png")
    found = slices.find(data, Options(a="t1", b="t2", unpaired=True))
    assert [case.id for case in found.cases] == ["test-a2-t1", "test-b2-t2", "train-a1-t1", "train-b1-t2"]
    assert (found.left_out, set(found.sides.values())) == ([], {"train", "test"})
    first, second = found.cases[2], found.cases[3]
    assert list(first.load().volumes) == ["t1"]
    np.testing.assert_array_equal(planes(first, "t1"), np.stack(a))
    np.testing.assert_array_equal(planes(second, "t2"), np.stack(b))


def test_unpaired_slices_of_one_modality_are_refused(tmp_path: Path) -> None:
    picture(tmp_path / "trainA" / "x_1.png")
    with pytest.raises(InputError, match="slices of a alone") as caught:
        slices.find(tmp_path, Options(unpaired=True))
    assert caught.value.code == "E131"


def test_one_slice_twice_is_refused(tmp_path: Path) -> None:
    for name in ("x_1.png", "x_1_A.png"):
        picture(tmp_path / "trainA" / name)
    with pytest.raises(InputError, match=r"x_1\.png and x_1_A\.png") as caught:
        slices.find(tmp_path)
    assert caught.value.code == "E103"


def test_a_patient_on_two_sides_is_refused(tmp_path: Path) -> None:
    for side in ("train", "test"):
        for which in "AB":
            picture(tmp_path / f"{side}{which}" / "p1_1.png")
    found = slices.find(tmp_path)
    with pytest.raises(InputError, match="patient p1") as caught:
        prepare(found.cases, tmp_path / "cohort", PrepareOptions(), sides=found.sides)
    assert caught.value.code == "E135"


def test_another_file_or_spacing_is_another_case(tmp_path: Path) -> None:
    for which in "AB":
        picture(tmp_path / which / "p1_1.png")
    (before,), (wider,) = slices.find(tmp_path).cases, slices.find(tmp_path, Options(spacing_mm=("2",))).cases
    first = before.fingerprint()
    assert first != wider.fingerprint()
    picture(tmp_path / "A" / "p1_1.png", (6, 9))
    assert slices.find(tmp_path).cases[0].fingerprint() != first


@pytest.mark.parametrize(
    "wrong",
    [
        {"a": "T 1"},
        {"b": "a"},
        {"patient": "("},
        {"patient": "p"},
        {"per_case": 0},
        {"spacing_mm": ("x",)},
        {"spacing_mm": ("1", "2", "3")},
        {"spacing_mm": ("1", "0")},
    ],
)
def test_other_values_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as caught:
        Options(**wrong)
    assert caught.value.code == "E001"
