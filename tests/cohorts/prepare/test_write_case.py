from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from transmodal.cohorts.case import Case, CaseMaker
from transmodal.cohorts.case_files import CaseFiles
from transmodal.cohorts.prepare import write_case
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.cohorts.store import Cohort
from transmodal.errors import InputError, IntegrityError
from transmodal.volumes import Volume
from transmodal.volumes.geometry.reorient import reorient
from transmodal.volumes.intensity import IntensitySpec, fit
from transmodal.volumes.regions.masks import Region

MakeCase = Callable[..., Case]
OnDisk = Callable[[Case], CaseFiles]
Maker = Callable[..., CaseMaker]
ALONE = PrepareOptions(ratios=(1, 0, 0))


def test_arrays_are_canonical_and_whole(a_case: MakeCase, on_disk: OnDisk, tmp_path: Path) -> None:
    case = a_case(group="g", patient="p")
    cohort = prepare([on_disk(case)], tmp_path / "cohort", ALONE)
    entry = cohort.case("s01").entry
    assert (entry.patient, entry.group, cohort.modalities) == ("p", "g", ("ct", "fa", "t1"))
    for modality, dtype in (("t1", "<i2"), ("ct", "<i2"), ("fa", "<f4")):
        wanted = reorient(case.volumes[modality])
        stored = np.load(tmp_path / "cohort" / "cases" / "s01" / f"{modality}.npy")
        np.testing.assert_array_equal(stored, wanted.voxels)
        volume = entry.volumes[modality]
        assert (volume.dtype, volume.simulated) == (dtype, modality == "ct")
        assert volume.origin is not None
        assert volume.origin.name == f"{modality}.nii.gz"
        np.testing.assert_allclose(volume.native_grid.affine, case.volumes[modality].affine, atol=1e-6)
        np.testing.assert_allclose(np.array(entry.affine), wanted.affine, atol=1e-6)
    assert case.segmentation is not None
    labels = np.load(tmp_path / "cohort" / "cases" / "s01" / "segmentation.npy")
    assert labels.dtype == np.uint8
    np.testing.assert_array_equal(labels, reorient(case.segmentation).voxels)
    assert cohort.verify() == 5


def test_intensities_are_fitted_where_it_is_said(a_case: MakeCase, ready: Maker, tmp_path: Path) -> None:
    case = a_case()
    options = PrepareOptions(
        ratios=(1, 0, 0), regions={"t1": ("body",)}, intensity={"ct": IntensitySpec("minmax")}
    )
    cohort = prepare([ready(case)], tmp_path / "cohort", options)
    prepared = cohort.case("s01")
    body = prepared.region("t1", "body")
    mask = prepared.mask()
    assert mask is not None
    assert 0 < body.sum() < body.size
    t1, ct, fa = (prepared.entry.volumes[name] for name in ("t1", "ct", "fa"))
    assert (t1.fitted_in, ct.fitted_in, fa.fitted_in) == ("body of t1", "mask", "mask")
    assert t1.intensity_map == fit(
        IntensitySpec("percentile", 0.5, 99.5), prepared.volume("t1").voxels, np.array(body)
    )
    assert ct.intensity_map == fit(IntensitySpec("minmax"), prepared.volume("ct").voxels, np.array(mask))
    assert (fa.intensity_map.low, fa.intensity_map.high) == (0, 1)
    (region,) = prepared.entry.regions
    assert (region.modality, region.kind) == ("t1", "body")
    assert region.method


def test_without_mask_another_sources_region_is_taken(a_case: MakeCase, ready: Maker, tmp_path: Path) -> None:
    case = replace(a_case(), mask=None)
    regions = PrepareOptions(ratios=(1, 0, 0), regions={"t1": ("body",)})
    with_region = prepare([ready(case)], tmp_path / "a", regions).case("s01").entry
    without = prepare([ready(case)], tmp_path / "b", ALONE).case("s01").entry
    assert with_region.volumes["fa"].fitted_in == "body of t1"
    assert without.volumes["fa"].fitted_in == "whole"
    assert without.mask is None


def _other_grid(case: Case) -> Case:
    moved = case.volumes["ct"].affine.copy()
    moved[2, 3] += 2.5
    return replace(case, volumes={**case.volumes, "ct": Volume(case.volumes["ct"].voxels, moved)})


def _with(case: Case, modality: str, voxels: NDArray[Any]) -> Case:
    volume = Volume(voxels, case.volumes["t1"].affine)
    if modality == "mask":
        return replace(case, mask=volume)
    if modality == "segmentation":
        return replace(case, segmentation=volume)
    return replace(case, volumes={**case.volumes, modality: volume})


SHAPE = (9, 7, 11)


NOT_FINITE = np.where(np.arange(693).reshape(SHAPE) % 300 == 5, np.nan, 1.0)


WRONG: dict[str, tuple[Callable[[Case], Case], str, str]] = {
    "grid": (_other_grid, "E130", r"fa \(9 x 7 x 11 .* and ct .*, corners up to 2\.5 mm apart"),
    "shape": (lambda case: _with(case, "t2", np.ones((9, 7, 10))), "E130", "t2.*corners up to 2 mm apart"),
    "mask grid": (lambda case: _with(case, "mask", np.ones((9, 7, 10))), "E130", "mask .* and ct"),
    "constant": (lambda case: _with(case, "t2", np.full(SHAPE, 7)), "E124", "t2 is 7 everywhere"),
    "nan": (lambda case: _with(case, "t2", NOT_FINITE), "E120", r"t2 has 3 voxels .* first at \(0, 0, 5\)"),
    "empty mask": (lambda case: _with(case, "mask", np.zeros(SHAPE)), "E124", "an empty mask"),
    "soft mask": (lambda case: _with(case, "mask", np.arange(693).reshape(SHAPE)), "E123", "from 1 to 692"),
    "colour mask": (
        lambda case: _with(case, "mask", np.full((*SHAPE, 3), [1, 2, 3], np.uint8)),
        "E122",
        "in colour",
    ),
    "fractions": (lambda case: _with(case, "segmentation", np.full(SHAPE, 0.5)), "E123", "fractions"),
    "labels": (lambda case: _with(case, "segmentation", np.full(SHAPE, 2**40)), "E123", "labels from"),
    "complex": (lambda case: _with(case, "t2", np.ones(SHAPE, complex)), "E123", "complex128"),
    "real colour": (lambda case: _with(case, "colour", np.ones((*SHAPE, 3), np.float32)), "E123", "uint8"),
    "huge": (lambda case: _with(case, "t2", np.linspace(0, 1e39, 693).reshape(SHAPE)), "E123", "float32"),
    "no volume": (lambda case: replace(case, volumes={}), "E131", "no volume"),
    "name": (lambda case: replace(case, volumes={"../x": case.volumes["t1"]}), "E103", r"'\.\./x'"),
    "reserved": (lambda case: replace(case, volumes={"mask": case.volumes["t1"]}), "E103", "'mask'"),
}


@pytest.mark.parametrize("what", sorted(WRONG))
def test_wrong_content_is_named(what: str, a_case: MakeCase, ready: Maker, tmp_path: Path) -> None:
    change, code, words = WRONG[what]
    with pytest.raises(InputError, match=words) as caught:
        prepare([ready(change(a_case()))], tmp_path / "cohort", ALONE)
    assert caught.value.code == code
    assert "case s01: " in caught.value.line()
    assert not (tmp_path / "cohort").exists()  # a preparation that keeps no case leaves no folder


def test_an_empty_region_is_refused(
    a_case: MakeCase,
    ready: Maker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    nothing = Region(np.zeros(SHAPE, bool), "none")
    monkeypatch.setattr(write_case, "find_region", lambda volume, kind: nothing)
    options = PrepareOptions(ratios=(1, 0, 0), regions={"t1": ("body",)})
    with pytest.raises(InputError, match="an empty body region of t1"):
        prepare([ready(a_case())], tmp_path / "cohort", options)


def test_voxel_types(a_case: MakeCase, ready: Maker, tmp_path: Path) -> None:
    draw = np.random.default_rng(3)
    case = a_case()
    kinds = {
        "big": draw.integers(0, 900, SHAPE).astype(">i2"),
        "flags": draw.random(SHAPE) > 0.5,
        "real": draw.random(SHAPE),
        "colour": draw.integers(0, 255, (*SHAPE, 3)).astype(np.uint8),
    }
    for modality, voxels in kinds.items():
        case = _with(case, modality, voxels)
    case = _with(case, "segmentation", draw.integers(-1, 3, SHAPE).astype(np.float32))
    case = _with(case, "mask", (draw.random(SHAPE) > 0.5) * 255)
    prepared = prepare([ready(case)], tmp_path / "cohort", ALONE).case("s01")
    wanted = {"big": "<i2", "flags": "|u1", "real": "<f4", "colour": "|u1"}
    for modality, dtype in wanted.items():
        assert prepared.entry.volumes[modality].dtype == dtype
        stored = prepared.volume(modality).voxels
        np.testing.assert_array_equal(stored, np.flip(kinds[modality], 0).astype(stored.dtype))
    labels, mask = prepared.segmentation(), prepared.mask()
    assert labels is not None
    assert mask is not None
    assert labels.dtype == np.int16
    assert labels.min() == -1
    assert mask.dtype == np.bool_
    assert case.mask is not None
    np.testing.assert_array_equal(mask, np.flip(case.mask.voxels, 0) == 255)


def test_a_shared_grid_may_be_oriented_differently(a_case: MakeCase, ready: Maker, tmp_path: Path) -> None:
    case = a_case()
    assert case.mask is not None
    turned = replace(
        case,
        volumes={**case.volumes, "fa": reorient(case.volumes["fa"], "PIR")},
        mask=reorient(case.mask, "SAL"),
    )
    one = prepare([ready(case)], tmp_path / "one", ALONE).case("s01")
    two = prepare([ready(turned)], tmp_path / "two", ALONE).case("s01")
    np.testing.assert_array_equal(one.volume("fa").voxels, two.volume("fa").voxels)
    np.testing.assert_array_equal(one.mask(), two.mask())
    assert two.native_grid("fa").orientation == "PIR"


def test_replacing_a_case_takes_the_manifest_with_it(
    a_case: MakeCase,
    ready: Maker,
    tmp_path: Path,
) -> None:
    """Between the new arrays and the new manifest nothing may pass for a whole cohort."""
    folder = tmp_path / "cohort"
    cohort = prepare([ready(a_case())], folder, ALONE)
    write_case.store(a_case(seed=2), "new", folder, "s01", ALONE)
    with pytest.raises(InputError, match="interrupted"):
        Cohort.open(folder)
    with pytest.raises(IntegrityError):
        cohort.verify()


def test_a_folder_of_another_case_does_not_stand(a_case: MakeCase, ready: Maker, tmp_path: Path) -> None:
    folder = tmp_path / "cohort"
    prepare([ready(a_case())], folder, ALONE)
    shutil.copytree(folder / "cases" / "s01", folder / "cases" / "s02")
    assert write_case.load_prepared(folder, "s01").entry is not None
    assert write_case.load_prepared(folder, "s02").entry is None
    assert write_case.load_prepared(folder, "s03").entry is None
