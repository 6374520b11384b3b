from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from moved_heads import moved
from transmodal.cohorts.case import Case
from transmodal.cohorts.layouts import ixi
from transmodal.cohorts.layouts.ixi import Options
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.cohorts.steps.coregistration import Coregister, Unbias
from transmodal.errors import InputError, UsageError
from transmodal.volumes import io
from transmodal.volumes.geometry.reorient import reorient

NAMES = ("IXI002-Guys-0828", "IXI012-HH-1211", "IXI035-IOP-0873")


@pytest.fixture
def place(tmp_path: Path, head: Case) -> Path:
    """Three people; T1 in another axis order and not registered, as IXI has it."""
    for name in NAMES:
        for contrast, volume in head.volumes.items():
            folder = tmp_path / "IXI" / f"IXI-{contrast.upper()}"
            folder.mkdir(parents=True, exist_ok=True)
            one = reorient(moved(volume), "PSR") if contrast == "t1" else volume
            io.write(one, folder / f"{name}-{contrast.upper()}.nii.gz")
    return tmp_path / "IXI"


def test_cases_are_found_by_name(place: Path) -> None:
    (place / "IXI-MRA").mkdir()
    for name in NAMES[:2]:
        (place / "IXI-MRA" / f"{name}-MRA.nii.gz").write_bytes(b"x")
    (place / "IXI.xls").write_bytes(b"x")
    (place / "IXI-PD" / f"{NAMES[2]}-PD.nii.gz").unlink()
    found = ixi.find(place)
    assert [(one.id, one.patient, one.group) for one in found.cases] == [
        (NAMES[0], "IXI002", ""),
        (NAMES[1], "IXI012", ""),
    ]
    assert found.left_out == [f"{NAMES[2]} (no pd)"]
    assert found.ignored == [
        "IXI.xls (neither T1, T2 nor PD by its name)",
        f"2 files such as IXI-MRA/{NAMES[0]}-MRA.nii.gz in IXI-MRA, *.nii.gz (neither T1, T2 nor PD by its name)",
    ]
    assert [one.group for one in ixi.find(place, Options(group="site")).cases] == ["site Guys", "site HH"]
    assert len(ixi.find(place, Options(need=("t1", "t2"))).cases) == 3


def test_t1_comes_onto_the_grid_of_t2_and_pd(place: Path, head: Case, tmp_path: Path) -> None:
    cohort = prepare(ixi.find(place).cases[:1], tmp_path / "cohort", PrepareOptions(ratios=(1, 0, 0)))
    (case,) = cohort.cases()
    assert case.entry.notes["registration_mm"] < 2
    assert case.entry.notes["similarity_after"] > case.entry.notes["similarity_before"]
    loaded = ixi.find(place).cases[0].load()
    for name in ("t2", "pd"):
        np.testing.assert_array_equal(loaded.volumes[name].voxels, head.volumes[name].voxels)
    assert loaded.volumes["t1"].grid == loaded.volumes["t2"].grid
    back, still = loaded.volumes["t1"].voxels, head.volumes["t1"].voxels.astype(float)
    assert np.corrcoef(back.ravel(), still.ravel())[0, 1] > 0.97


def test_the_other_way_both_echoes_share_one_transform(place: Path) -> None:
    (one, *_), (pair, *_) = (
        ixi.find(place, Options(onto="t1", need=need)).cases for need in (("t1", "t2", "pd"), ("t1", "pd"))
    )
    assert one.steps == (Coregister("t1", "t2", ("pd",)),)
    assert pair.steps == (Coregister("t1", "pd"),)
    loaded = one.load()
    assert loaded.volumes["t2"].grid == loaded.volumes["pd"].grid == loaded.volumes["t1"].grid
    np.testing.assert_array_equal(loaded.volumes["t1"].voxels, io.read(one.volumes["t1"]).voxels)


def test_steps_follow_what_was_told(place: Path) -> None:
    def steps(options: Options) -> tuple[Any, ...]:
        return ixi.find(place, options).cases[0].steps

    assert steps(Options(onto="none")) == ()
    assert steps(Options(need=("t2", "pd"))) == ()
    assert steps(Options(bias=True, limit_mm=1.5)) == (
        Unbias(("t1", "t2", "pd")),
        Coregister("t2", "t1", (), 1.5),
    )


def test_unregistered_files_are_refused_by_case_where_nothing_registers(place: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"case {NAMES[0]}") as caught:
        prepare(ixi.find(place, Options(onto="none")).cases[:1], tmp_path / "cohort")
    assert caught.value.code == "E130"


@pytest.mark.parametrize(
    "wrong", [{"onto": "pd"}, {"need": ()}, {"need": ("ct",)}, {"group": "x"}, {"limit_mm": 0.0}]
)
def test_other_values_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as caught:
        Options(**wrong)
    assert caught.value.code == "E001"
