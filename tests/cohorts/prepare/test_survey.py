from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from transmodal.cohorts.case import Case, CaseMaker
from transmodal.cohorts.case_files import CaseFiles
from transmodal.cohorts.prepare.survey import survey
from transmodal.cohorts.steps.coregistration import Coregister
from transmodal.cohorts.steps.voxelwise import Relabel
from transmodal.volumes import Volume, io

OnDisk = Callable[[Case], CaseFiles]
MakeCase = Callable[..., Case]


def test_what_is_there_is_described(a_case: MakeCase, on_disk: OnDisk) -> None:
    told: list[tuple[str, int, int]] = []
    (one,) = survey([on_disk(a_case("s1", patient="p1"))], progress=lambda *words: told.append(words))
    assert (one.id, one.patient, one.faults, one.pending) == ("s1", "p1", (), ())
    assert one.images[0].startswith("t1: 9 x 7 x 11 of 1.5 x 1.25 x 2 mm, LAS, int16, ")
    assert [line.split(":")[0] for line in one.images] == ["t1", "ct", "fa", "mask", "segmentation"]
    assert told == [("s1", 1, 1)]


def test_all_that_is_wrong_is_said_at_once(a_case: MakeCase, on_disk: OnDisk, tmp_path: Path) -> None:
    case = on_disk(a_case("s1"))
    case.volumes["t1"].write_bytes(b"not an image")
    volume = io.read(case.volumes["ct"])
    io.write(Volume(volume.voxels[:-1], volume.affine), case.volumes["ct"])
    strange = replace(case, steps=(Relabel(((1, 1), (2, 2)), "another data set"),))
    (one,) = survey([strange])
    assert [line[:12] for line in one.faults] == ["error[E102]:", "error[E103]:", "error[E130]:"]
    assert not any(line.startswith("t1") for line in one.images)


def test_what_waits_for_registration_is_checked_by_itself(a_case: MakeCase, on_disk: OnDisk) -> None:
    case = on_disk(a_case("s1"))
    volume = io.read(case.volumes["t1"])
    io.write(Volume(volume.voxels, np.diag([1.0, 1, 3, 1])), case.volumes["t1"])
    (one,) = survey([replace(case, steps=(Coregister("ct", "t1"),))])
    assert one.faults == ()
    assert one.pending == ("t1 to be registered onto ct",)
    io.write(Volume(np.ones_like(volume.voxels), volume.affine), case.volumes["t1"])
    (one,) = survey([replace(case, steps=(Coregister("ct", "t1"),))])
    assert len(one.faults) == 1
    assert "t1 is 1 everywhere" in one.faults[0]


def test_cases_that_are_made_are_loaded(slow: Callable[..., CaseMaker]) -> None:
    good, bad = survey([slow(1), slow(2, mood="fail")], workers=2)
    assert good.images[0].startswith("t1: 6 x 5 x 7")
    assert good.faults == ()
    assert bad.images == ()
    assert "a voxel is NaN" in bad.faults[0]


def test_nothing_is_written(
    a_case: MakeCase, on_disk: OnDisk, tree: Callable[[Path], dict[str, str]], tmp_path: Path
) -> None:
    case = on_disk(a_case("s1"))
    before = tree(tmp_path)
    survey([case])
    assert tree(tmp_path) == before


@pytest.mark.parametrize("workers", [1, 2])
def test_findings_come_in_order(workers: int, a_case: MakeCase, on_disk: OnDisk) -> None:
    cases = [on_disk(a_case(name)) for name in ("b", "a", "c")]
    assert [one.id for one in survey(cases, workers=workers)] == ["b", "a", "c"]
