from __future__ import annotations

import json
import multiprocessing
import pickle
import shutil
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from transmodal.cohorts.case import Case, CaseMaker
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.cohorts.store import Cohort, PreparedCase
from transmodal.errors import InputError, IntegrityError, UsageError
from transmodal.modalities import modality_of
from transmodal.storage.arrays import npy
from transmodal.volumes import Volume
from transmodal.volumes.geometry.reorient import reorient, resample, working_grid
from transmodal.volumes.intensity import fit

OPTIONS = PrepareOptions(regions={"t1": ("body",)}, counts=(2, 1, 1))


@pytest.fixture
def cases(a_case: Callable[..., Case]) -> list[Case]:
    colour = np.random.default_rng(0).integers(0, 255, (9, 7, 11, 3)).astype(np.uint8)
    made = [a_case(f"s{n}") for n in range(4)]
    made[3] = replace(made[3], mask=None, segmentation=None)
    return [
        replace(
            one, volumes={**one.volumes, "colour": Volume(colour + np.uint8(n), one.volumes["t1"].affine)}
        )
        for n, one in enumerate(made)
    ]


@pytest.fixture
def cohort(cases: list[Case], ready: Callable[[Case], CaseMaker], tmp_path: Path) -> Cohort:
    return prepare([ready(case) for case in cases], tmp_path / "cohort", OPTIONS)


def test_cases_by_split_and_by_id(cohort: Cohort) -> None:
    assert [case.id for case in cohort.cases()] == ["s0", "s1", "s2", "s3"]
    sides = {name: {case.id for case in cohort.cases(name)} for name in ("train", "validation", "test")}
    assert {name: len(ids) for name, ids in sides.items()} == {"train": 2, "validation": 1, "test": 1}
    assert set().union(*sides.values()) == {"s0", "s1", "s2", "s3"}
    assert cohort.case("s2").patient == "s2"
    assert cohort.modalities == ("colour", "ct", "fa", "t1")
    with pytest.raises(InputError, match=r"no case s9.*Did you mean s") as caught:
        cohort.case("s9")
    assert caught.value.code == "E132"
    with pytest.raises(InputError, match="Look into"):
        cohort.case("zzz")
    with pytest.raises(UsageError, match="'val'"):
        cohort.cases("val")


def test_volumes_are_mapped_and_read_only(cohort: Cohort, cases: list[Case]) -> None:
    case = cohort.case("s0")
    volume = case.volume("t1")
    wanted = reorient(cases[0].volumes["t1"])
    assert isinstance(volume.voxels, np.memmap)
    assert not volume.voxels.flags.writeable
    np.testing.assert_array_equal(volume.voxels, wanted.voxels)
    np.testing.assert_array_equal(volume.affine, wanted.affine)
    assert volume.orientation == "RAS"
    assert volume.grid == case.grid
    native = case.native_grid("t1")
    assert native == cases[0].volumes["t1"].grid
    np.testing.assert_array_equal(resample(volume, native).voxels, cases[0].volumes["t1"].voxels)
    assert case.intensity("fa") == fit(modality_of("fa").intensity, np.zeros(1))


def test_working_arrays_are_what_resampling_gives(cohort: Cohort, cases: list[Case]) -> None:
    case = cohort.case("s1")
    grid = working_grid(case.grid, 2.0)
    for modality in ("t1", "fa"):
        working = case.volume(modality, 2.0)
        assert isinstance(working.voxels, np.memmap)
        assert working.voxels.dtype == np.float32
        assert working.grid == grid
        wanted = resample(reorient(cases[1].volumes[modality]), grid)
        np.testing.assert_array_equal(working.voxels, wanted.voxels)
    colour = case.volume("colour", 2.0)
    assert colour.voxels.dtype == np.uint8
    exact = resample(reorient(cases[1].volumes["colour"]), grid).voxels
    assert np.abs(colour.voxels - exact).max() <= 0.5 + 1e-4
    mask, labels, body = case.mask(2.0), case.segmentation(2.0), case.region("t1", "body", 2.0)
    assert mask is not None
    assert labels is not None
    assert cases[1].mask is not None
    assert cases[1].segmentation is not None
    assert [str(one.dtype) for one in (mask, labels, body)] == ["bool", "uint8", "bool"]
    np.testing.assert_array_equal(mask, resample(reorient(cases[1].mask), grid, how="nearest").voxels > 0)
    nearest = resample(reorient(cases[1].segmentation), grid, how="nearest").voxels
    np.testing.assert_array_equal(labels, nearest)
    assert body.shape == mask.shape == case.region("fa", "whole", 2.0).shape
    assert case.region("fa", "whole", 2.0).all()


def test_working_arrays_are_made_once(cohort: Cohort, monkeypatch: pytest.MonkeyPatch) -> None:
    case = cohort.case("s0")
    first = case.volume("ct", 1.75)
    (kept,) = cohort.folder.glob("working/*mm/**/*.npy")
    before = kept.stat().st_mtime_ns
    monkeypatch.setattr(npy, "write_npy", lambda *_: pytest.fail("made again"))
    np.testing.assert_array_equal(
        Cohort.open(cohort.folder).case("s0").volume("ct", 1.75).voxels, first.voxels
    )
    assert kept.stat().st_mtime_ns == before
    assert cohort.case("s0").volume("ct", None).grid == case.grid


def test_a_damaged_working_array_is_made_again(cohort: Cohort) -> None:
    first = np.array(cohort.case("s0").volume("t1", 3.0).voxels)
    (kept,) = cohort.folder.glob("working/*mm/**/*.npy")
    kept.write_bytes(kept.read_bytes()[:-5])
    np.testing.assert_array_equal(cohort.case("s0").volume("t1", 3.0).voxels, first)
    np.save(kept, np.zeros((2, 2, 2), np.float32))
    np.testing.assert_array_equal(cohort.case("s0").volume("t1", 3.0).voxels, first)


def test_spacings_do_not_meet_in_one_place(cohort: Cohort) -> None:
    case = cohort.case("s0")
    close = [case.volume("t1", spacing).grid.spacing for spacing in (2.0, 2.0000004, 2.1)]
    assert len({spacing[0] for spacing in close}) == 3
    with pytest.raises(UsageError, match="spacing_mm -1"):
        case.volume("t1", -1.0)


def test_own_spacing_needs_no_copy(
    a_case: Callable[..., Case], ready: Callable[..., CaseMaker], tmp_path: Path
) -> None:
    case = a_case()
    volumes = {name: Volume(one.voxels, np.diag([2.0, 2.0, 2.0, 1.0])) for name, one in case.volumes.items()}
    plain = ready(replace(case, volumes=volumes, mask=None, segmentation=None))
    cohort = prepare([plain], tmp_path / "cohort", PrepareOptions(ratios=(1, 0, 0)))
    assert cohort.case("s01").volume("t1", 2.0).voxels.dtype == np.int16
    assert not list(cohort.folder.glob("working/*mm"))


def _shape_of(folder: Path) -> tuple[int, ...]:
    return Cohort.open(folder).case("s0").volume("t1", 0.9).voxels.shape


def test_two_processes_may_make_one_array(cohort: Cohort) -> None:
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork")) as pool:
        shapes = set(pool.map(_shape_of, [cohort.folder] * 6))
    assert len(shapes) == 1
    made = list(cohort.folder.glob("working/*mm/**/*"))
    assert len([path for path in made if path.is_file()]) == 1


def test_what_is_missing_is_named(cohort: Cohort) -> None:
    case = cohort.case("s3")
    assert case.mask() is None
    assert case.segmentation(2.0) is None
    for act in (case.volume, case.native_grid, case.intensity):
        with pytest.raises(InputError, match="case s3 has colour, ct, fa, t1; expected t2") as caught:
            act("t2")
        assert caught.value.code == "E131"
    with pytest.raises(InputError, match=r"prepared with --region t1=brain.*--for RECIPE") as caught:
        case.region("t1", "brain")
    assert caught.value.code == "E131"
    assert case.region("fa", "whole").all()


def test_cases_travel_between_processes(cohort: Cohort) -> None:
    case = pickle.loads(pickle.dumps(cohort.case("s0")))
    assert isinstance(case, PreparedCase)
    np.testing.assert_array_equal(case.volume("t1").voxels, cohort.case("s0").volume("t1").voxels)
    assert len(pickle.dumps(cohort.case("s0"))) < 20_000


def test_no_cohort_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"without cohort\.json and split\.json.*prepare --help") as caught:
        Cohort.open(tmp_path)
    assert caught.value.code == "E133"


def test_lost_or_cut_arrays_are_said(cohort: Cohort) -> None:
    path = cohort.folder / "cases" / "s0" / "t1.npy"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with pytest.raises(IntegrityError, match=r"cases/s0/t1\.npy is missing, truncated"):
        cohort.case("s0").volume("t1")
    path.unlink()
    with pytest.raises(IntegrityError):
        cohort.case("s0").volume("t1", 2.0)
    with pytest.raises(IntegrityError, match=r"cases/s0/t1\.npy .*\(1 of 26 arrays\)"):
        cohort.verify()


@pytest.mark.parametrize(
    "name", ["fa.npy", "mask.npy", "segmentation.npy", "region_t1_body.npy", "colour.npy"]
)
def test_a_flipped_bit_is_found(name: str, cohort: Cohort) -> None:
    assert cohort.verify() == 26
    path = cohort.folder / "cases" / "s1" / name
    content = bytearray(path.read_bytes())
    content[-40] ^= 4
    path.write_bytes(content)
    with pytest.raises(
        IntegrityError, match=rf"cases/s1/{name} .*\(1 of 26 arrays\).*Prepare the cohort again"
    ) as caught:
        cohort.verify()
    assert caught.value.code == "E501"


@pytest.mark.parametrize("name", ["fa", "mask", "segmentation", "region_t1_body", "colour"])
@pytest.mark.parametrize("is_opened", [False, True])
def test_the_first_touch_of_a_damaged_array_names_case_and_array(
    name: str, is_opened: bool, cohort: Cohort
) -> None:
    def touch() -> object:
        case = Cohort.open(cohort.folder).case("s1")
        other: dict[str, Callable[[], object]] = {
            "mask": case.mask,
            "segmentation": case.segmentation,
            "region_t1_body": lambda: case.region("t1", "body"),
        }
        return other[name]() if name in other else case.volume(name)

    if is_opened:
        touch()
    path = cohort.folder / "cases" / "s1" / f"{name}.npy"
    np.save(path, np.zeros_like(np.load(path)))
    with pytest.raises(IntegrityError, match=rf"case s1: cases/s1/{name}\.npy has another content") as caught:
        touch()
    assert caught.value.code == "E501"
    assert "Prepare the cohort again" in caught.value.remedy
    cohort.case("s0").volume("fa")


@pytest.mark.parametrize("modality", ["t1", "colour"])
def test_no_working_array_is_made_of_a_damaged_one(modality: str, cohort: Cohort) -> None:
    path = cohort.folder / "cases" / "s1" / f"{modality}.npy"
    np.save(path, np.zeros_like(np.load(path)))
    with pytest.raises(IntegrityError, match="case s1"):
        cohort.case("s1").volume(modality, 2.0)
    assert not list(cohort.folder.glob("working/*mm"))


@pytest.mark.parametrize("modality", ["t1", "colour"])
def test_a_working_array_with_a_flipped_bit_is_made_again(
    modality: str, cohort: Cohort, caplog: pytest.LogCaptureFixture
) -> None:
    first = np.array(cohort.case("s0").volume(modality, 3.0).voxels)
    (kept,) = cohort.folder.glob("working/*mm/**/*.npy")
    whole = kept.read_bytes()
    kept.write_bytes(bytes([*whole[:-7], whole[-7] ^ 1, *whole[-6:]]))
    np.testing.assert_array_equal(cohort.case("s0").volume(modality, 3.0).voxels, first)
    assert kept.read_bytes() == whole
    assert f"{kept} has another content than was kept: it is made again" in caplog.text


def test_digest_follows_content_and_split_alone(
    cohort: Cohort,
    cases: list[Case],
    ready: Callable[..., CaseMaker],
    tmp_path: Path,
) -> None:
    moved = tmp_path / "moved" / "renamed"
    shutil.copytree(cohort.folder, moved)
    assert Cohort.open(moved).digest() == cohort.digest()
    makers = [ready(case) for case in cases]
    again = prepare(makers, moved, OPTIONS)
    assert again.manifest.name == "renamed"
    assert again.digest() == cohort.digest()
    seeded = prepare(makers, moved, OPTIONS.model_copy(update={"seed": 1}))
    assert seeded.split.test != cohort.split.test
    assert seeded.digest() != cohort.digest()
    fa = cases[0].volumes["fa"].voxels.copy()
    fa[4, 3, 5] += 0.125
    volumes = {**cases[0].volumes, "fa": cases[0].volumes["fa"].with_voxels(fa)}
    changed = [ready(replace(cases[0], volumes=volumes), "2"), *makers[1:]]
    assert prepare(changed, moved, OPTIONS).digest() != cohort.digest()


def test_a_leaking_split_is_not_opened(cohort: Cohort) -> None:
    path = cohort.folder / "split.json"
    split = json.loads(path.read_text())
    split["test"] = [*split["test"], split["train"][0]]
    path.write_text(json.dumps(split))
    with pytest.raises(InputError) as caught:
        Cohort.open(cohort.folder)
    assert caught.value.code == "E135"


def test_arrays_of_a_folder_that_cannot_be_written_are_kept_in_memory(
    cohort: Cohort, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(self: Path, *_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    expected = np.array(cohort.case("s1").volume("t1", 2.0).voxels)
    monkeypatch.setattr("transmodal.storage.arrays.kept._in_memory", {})
    shutil.rmtree(cohort.folder / "working")
    monkeypatch.setattr(Path, "mkdir", refuse)
    voxels = cohort.case("s1").volume("t1", 2.0).voxels
    np.testing.assert_array_equal(voxels, expected)
    assert cohort.case("s1").volume("t1", 2.0).voxels is voxels  # made once
    assert "Permission denied" in caplog.text
