from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from transmodal.cohorts.case import Case
from transmodal.cohorts.manifest import ArrayEntry, Manifest, matrix, read_case, read_manifest
from transmodal.cohorts.options import PrepareOptions
from transmodal.cohorts.prepare.prepare import prepare
from transmodal.errors import InputError, UsageError
from transmodal.storage import sealed
from transmodal.volumes.intensity import IntensitySpec


@pytest.fixture
def folder(a_case: Callable[..., Case], ready: Any, tmp_path: Path) -> Path:  # noqa: ANN401
    options = PrepareOptions(ratios=(1, 0, 0), regions={"t1": ("body",)}, keep_going=True)
    return prepare([ready(a_case())], tmp_path / "cohort", options).folder


def test_manifest_reads_back_to_the_last_bit(folder: Path) -> None:
    manifest = read_manifest(folder / "cohort.json")
    assert manifest == Manifest.model_validate_json(manifest.model_dump_json())
    (case,) = manifest.cases
    assert read_case(folder / "cases" / "s01" / "case.json") == case
    assert manifest.options.regions == {"t1": ("body",)}
    assert manifest.options.keep_going is False
    assert case.volumes["fa"].intensity_map.apply(np.array([0.0, 0.5, 1.0])).tolist() == [-1, 0, 1]
    assert len(case.arrays()) == 6


def test_affines_keep_every_bit() -> None:
    affine = np.random.default_rng(0).normal(size=(4, 4)) * 1e3
    np.testing.assert_array_equal(np.array(json.loads(json.dumps(matrix(affine)))), affine)


@pytest.mark.parametrize(
    "name", ["../x.npy", "/x.npy", "cases/../../x.npy", "", "a\\b.npy", "C:x.npy", "nul\0.npy", "..", "a/.."]
)
def test_no_array_lies_outside(name: str, folder: Path) -> None:
    with pytest.raises(ValidationError):
        ArrayEntry(file=name, dtype="<f4", shape=(1,), sha256="0")
    data = json.loads((folder / "cohort.json").read_text())
    data["cases"][0]["volumes"]["t1"]["file"] = name
    (folder / "cohort.json").write_text(json.dumps(data))
    with pytest.raises(InputError, match=r"bad cases\.0\.volumes\.t1\.file") as caught:
        read_manifest(folder / "cohort.json")
    assert caught.value.code == "E133"


@pytest.mark.parametrize(("key", "value"), [("version", 2), ("extra", 1), ("cases", {}), ("name", None)])
def test_other_manifests_are_refused(key: str, value: object, folder: Path) -> None:
    data = json.loads((folder / "cohort.json").read_text()) | {key: value}
    (folder / "cohort.json").write_text(json.dumps(data))
    with pytest.raises(InputError, match=f"bad {key}") as caught:
        read_manifest(folder / "cohort.json")
    assert caught.value.code == "E133"


@pytest.mark.parametrize("name", ["../x", ".x", "a/b", ""])
def test_case_names_are_safe(name: str, folder: Path) -> None:
    data = sealed.read(folder / "cohort.json").content
    data["cases"][0]["id"] = name
    with pytest.raises(ValidationError):
        Manifest.model_validate(data)


def test_digest_sees_what_matters(folder: Path) -> None:
    data = sealed.read(folder / "cohort.json").content
    digest = Manifest.model_validate(data).digest()

    def changed(change: Callable[[dict[str, Any]], object]) -> str:
        copy = json.loads(json.dumps(data))
        change(copy)
        return Manifest.model_validate(copy).digest()

    case = ("cases", 0)

    def put(*where: str | int, value: object) -> Callable[[dict[str, Any]], None]:
        def act(copy: Any) -> None:  # noqa: ANN401 - JSON
            for key in where[:-1]:
                copy = copy[key]
            copy[where[-1]] = value

        return act

    same = [
        put("name", value="other"),
        put("left_out", value={"x": "E120"}),
        put(*case, "fingerprint", value="0"),
        put(*case, "volumes", "t1", "origin", value={"name": "a.nii", "sha256": "1"}),
        put("options", "seed", value=1),
    ]
    other = [
        put(*case, "patient", value="p"),
        put(*case, "group", value="g"),
        put(*case, "volumes", "t1", "sha256", value="0"),
        put(*case, "volumes", "t1", "simulated", value=True),
        put(*case, "volumes", "t1", "native_affine", 0, 3, value=7.5),
        put(*case, "affine", 0, 3, value=7.5),
        put(*case, "mask", value=None),
        put(*case, "regions", 0, "sha256", value="0"),
    ]
    assert {changed(change) for change in same} == {digest}
    assert len({digest, *(changed(change) for change in other)}) == len(other) + 1


def test_options_count_where_they_touch() -> None:
    base = PrepareOptions()
    assert base.fingerprint(("t1",)) == PrepareOptions(seed=3, ratios=(1, 1, 1), keep_going=True).fingerprint(
        ("t1",)
    )
    regions = PrepareOptions(regions={"t1": ("brain",)})
    assert regions.fingerprint(("fa",)) == base.fingerprint(("fa",))
    assert regions.fingerprint(("fa", "t1")) != base.fingerprint(("fa", "t1"))
    window = PrepareOptions(intensity={"ct": IntensitySpec("window", -1000, 2000)})
    assert window.fingerprint(("ct",)) != base.fingerprint(("ct",))
    assert PrepareOptions(record_names=False).fingerprint(("t1",)) != base.fingerprint(("t1",))


def test_wrong_options_are_refused() -> None:
    with pytest.raises(ValidationError):
        PrepareOptions.model_validate({"regions": {"t1": ["skull"]}})
    with pytest.raises(ValidationError):
        PrepareOptions.model_validate({"ratio": [8, 1, 1]})
    with pytest.raises(UsageError):
        PrepareOptions.model_validate({"intensity": {"ct": {"method": "window", "low": 2, "high": 1}}})
