from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from typer.testing import CliRunner

from transmodal.cli import app
from transmodal.cohorts.case import Case, CaseMaker
from transmodal.cohorts.manifest import read_manifest
from transmodal.cohorts.options import PrepareOptions
from transmodal.cohorts.prepare.prepare import prepare
from transmodal.cohorts.prepare.survey import survey
from transmodal.cohorts.store import Cohort
from transmodal.cohorts.units import unit_of_values
from transmodal.errors import InputError
from transmodal.storage import sealed
from transmodal.volumes import Volume
from transmodal.volumes.intensity import IntensitySpec

MakeCase = Callable[..., Case]
Maker = Callable[[Case], CaseMaker]
GREY = IntensitySpec("window", 0, 255)
HU = IntensitySpec("window", -1000, 2000)
SHAPE = (4, 5, 3)


def values(low: float, high: float, dtype: type[Any] = np.int16) -> NDArray[Any]:
    return np.linspace(low, high, int(np.prod(SHAPE))).reshape(SHAPE).astype(dtype)


def with_ct(case: Case, voxels: NDArray[Any]) -> Case:
    affine = case.volumes["ct"].affine
    return replace(case, volumes={**case.volumes, "ct": Volume(voxels, affine)})


def eight_bits(case: Case) -> Case:
    hu = case.volumes["ct"].voxels.astype(np.float64)
    return with_ct(case, np.clip((hu + 1000) / 5, 0, 255).astype(np.uint8))


@pytest.mark.parametrize(
    ("modality", "voxels", "spec", "unit"),
    [
        ("ct", values(-1024, 1800), None, ""),
        ("ct", values(-1024, 1800), HU, ""),
        ("ct", values(-10, 80), IntensitySpec("window", 0, 80), ""),
        ("ct", values(0, 255, np.uint8), GREY, "grey level"),
        ("ct", values(0, 255), GREY, "grey level"),
        ("ct", values(0, 4095, np.uint16), IntensitySpec("minmax"), "grey level"),
        ("ct", values(0, 80), IntensitySpec("window", -1024, 3000), ""),
        ("fa", values(0, 1.2, np.float32), None, ""),
        ("fa", values(0, 255, np.uint8), GREY, "grey level"),
        ("t1", values(0, 255, np.uint8), None, ""),
    ],
)
def test_values_and_the_map_say_the_unit(
    modality: str, voxels: NDArray[Any], spec: IntensitySpec | None, unit: str
) -> None:
    assert unit_of_values(modality, voxels, spec) == unit


@pytest.mark.parametrize(
    ("modality", "voxels", "spec", "remedy"),
    [
        ("ct", values(0, 255, np.uint8), None, "--intensity ct=window:0:255"),
        ("ct", values(0, 255, np.uint8), HU, "--intensity ct=window:0:255"),
        ("ct", values(24, 1900), None, "--intensity ct=window:0:4095"),
        ("ct", values(0, 80), None, "--intensity ct=window:-1024:3000"),
        ("fa", values(0, 255, np.uint8), None, "--intensity fa=window:0:255"),
        ("fa", values(0, 1000), IntensitySpec("window", 0, 1), "--intensity fa=window:0:4095"),
    ],
)
def test_values_that_cannot_be_in_the_unit_are_refused_with_the_way_out(
    modality: str, voxels: NDArray[Any], spec: IntensitySpec | None, remedy: str
) -> None:
    with pytest.raises(InputError) as caught:
        unit_of_values(modality, voxels, spec)
    assert caught.value.code == "E125"
    assert remedy in caught.value.remedy
    method, low, high = remedy.split("=")[1].split(":")
    assert method == "window"
    unit_of_values(modality, voxels, IntensitySpec("window", float(low), float(high)))  # the way out is one


def test_the_cohort_remembers_the_unit(a_case: MakeCase, ready: Maker, tmp_path: Path) -> None:
    options = PrepareOptions(ratios=(1, 0, 0), intensity={"ct": GREY})
    with pytest.raises(InputError, match="8-bit values"):
        prepare([ready(eight_bits(a_case()))], tmp_path / "cohort", PrepareOptions(ratios=(1, 0, 0)))
    assert not (tmp_path / "cohort").exists()
    cohort = prepare([ready(eight_bits(a_case()))], tmp_path / "cohort", options)
    assert Cohort.open(cohort.folder).units() == {"ct": "grey level"}
    assert cohort.case("s01").entry.volumes["t1"].unit == ""


def test_units_that_are_the_modalities_own_do_not_enter_the_digest(
    a_case: MakeCase, ready: Maker, tmp_path: Path
) -> None:
    cohort = prepare([ready(a_case())], tmp_path / "cohort", PrepareOptions(ratios=(1, 0, 0)))
    path = cohort.folder / "cohort.json"
    old = (
        json.dumps(sealed.read(path).content, indent=1)
        .replace('"simulated": true,', '"simulated": true')
        .replace('"unit": ""', "")
    )
    old = old.replace('"simulated": false,', '"simulated": false')
    assert "unit" not in old
    path.write_text(old)
    assert read_manifest(path).digest() == cohort.manifest.digest()


def test_one_modality_in_two_units_is_refused(a_case: MakeCase, ready: Maker, tmp_path: Path) -> None:
    cases = [ready(eight_bits(a_case("s01"))), ready(a_case("s02", seed=3))]
    with pytest.raises(InputError, match="ct of case s01 in grey level, of case s02 in HU") as caught:
        prepare(cases, tmp_path / "cohort", PrepareOptions(ratios=(1, 0, 0), intensity={"ct": GREY}))
    assert caught.value.code == "E136"
    assert not (tmp_path / "cohort" / "cohort.json").exists()


def test_a_survey_says_it_before_anything_is_prepared(a_case: MakeCase, ready: Maker) -> None:
    case = ready(eight_bits(a_case()))
    assert "error[E125]" in survey([case])[0].faults[0]
    assert survey([case], intensity={"ct": GREY})[0].faults == ()


def test_pairs_of_pictures_are_no_ct_unless_it_is_said(tmp_path: Path) -> None:
    draw = np.random.default_rng(3)
    for side, n in (("train", 3), ("val", 2), ("test", 2)):
        for patient in range(n):
            place = tmp_path / "data" / side
            place.mkdir(parents=True, exist_ok=True)
            for number in range(3):
                pair = draw.integers(0, 256, (12, 24)).astype(np.uint8)
                Image.fromarray(pair).save(place / f"{side}{patient}_{number}.png")
    words = ["prepare", "slices", str(tmp_path / "data"), "--with", "a=mr", "--with", "b=ct"]
    refused = CliRunner().invoke(app, [*words, "-o", str(tmp_path / "cohort"), "--workers", "1"])
    assert refused.exit_code != 0
    assert isinstance(refused.exception, InputError)
    assert refused.exception.code == "E125"
    assert "--intensity ct=window:0:255" in str(refused.exception)
    taken = CliRunner().invoke(
        app, [*words, "-o", str(tmp_path / "cohort"), "--intensity", "ct=window:0:255", "--workers", "1"]
    )
    assert taken.exit_code == 0, taken.output
    assert Cohort.open(tmp_path / "cohort").units() == {"ct": "grey level"}
