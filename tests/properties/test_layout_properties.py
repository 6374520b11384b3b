"""What holds for the layouts whatever is in the folder."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from transmodal.cohorts.case import Case
from transmodal.cohorts.case_files import CaseFiles
from transmodal.cohorts.layouts import slices
from transmodal.cohorts.layouts.brats import Options, find
from transmodal.cohorts.split.split import sides_in_order, split_from_sides
from transmodal.cohorts.steps.voxelwise import Clip
from transmodal.volumes import Volume

few = settings(max_examples=25, deadline=None)


@few
@given(n=st.integers(1, 9), per_case=st.integers(1, 5), split=st.integers(1, 8))
def test_no_slice_is_lost_doubled_or_out_of_order(n: int, per_case: int, split: int) -> None:
    """However many slices lie in however many files."""
    values = np.random.default_rng(n).random((n, 3, 4)).astype(np.float32)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for which in "AB":
            (folder / which).mkdir()
            for start in range(0, n, split):
                np.save(folder / which / f"{start}.npy", values[start : start + split])
        found = slices.find(folder, slices.Options(per_case=per_case)).cases
        stacks = [one.load().volumes["b"].voxels.transpose(2, 1, 0) for one in found]
    np.testing.assert_array_equal(np.concatenate(stacks), values)
    assert all(len(stack) == per_case for stack in stacks[:-1])


@few
@given(owners=st.lists(st.sampled_from("pqrstu"), min_size=6, max_size=20))
def test_a_split_by_order_divides_no_patient(owners: list[str]) -> None:
    cases = [CaseFiles(f"case-{n:02d}", owner, {}) for n, owner in enumerate(owners)]
    patients = list(dict.fromkeys(owners))
    counts = (max(1, len(patients) - 2), int(len(patients) > 1), int(len(patients) > 2))
    split = split_from_sides(sides_in_order(cases, counts))
    owner_of = {case.id: case.patient for case in cases}
    sides = [{owner_of[case] for case in split.ids(name)} for name in ("train", "validation", "test")]
    assert [len(side) for side in sides] == list(counts)
    assert len(set.union(*sides)) == sum(counts)


@few
@given(
    low=st.integers(-40000, 30000),
    width=st.integers(1, 60000),
    kind=st.sampled_from([np.uint8, np.int16, np.int32, np.float32]),
)
def test_clipping_keeps_the_type_and_what_is_inside(low: int, width: int, kind: type[np.generic]) -> None:
    voxels = np.linspace(0, 255, 24).reshape(2, 3, 4).astype(kind)
    case = Case("a", "a", {"ct": Volume(voxels, np.eye(4))})
    clip = Clip(("ct", "cbct"), float(low), float(low + width))
    clipped = clip(case).volumes["ct"].voxels
    assert clipped.dtype == voxels.dtype
    inside = (voxels >= low) & (voxels <= low + width)
    np.testing.assert_array_equal(clipped[inside], voxels[inside])
    if kind != np.float32:
        ends = np.clip([low, low + width], np.iinfo(kind).min, np.iinfo(kind).max)  # type: ignore[type-var]
        assert ends[0] <= clipped.min() <= clipped.max() <= ends[1]
    np.testing.assert_array_equal(clip(clip(case)).volumes["ct"].voxels, clipped)


@few
@given(order=st.permutations(range(5)))
def test_who_is_who_does_not_depend_on_the_order_of_the_rows(order: list[int]) -> None:
    """A chain of names over five rows is one patient."""
    rows = [f"BraTS2021_0000{n},BraTS2021_0000{n + 1}" for n in range(5)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for n in range(6):
            case = f"BraTS2021_0000{n}"
            (folder / case).mkdir()
            (folder / case / f"{case}_t1.nii.gz").touch()
        table = "\n".join(["BraTS one,BraTS other", *(rows[n] for n in order)])
        (folder / "mapping.csv").write_text(table + "\n")
        found = find(folder, Options(need=("t1",)))
    assert {one.patient for one in found.cases} == {"BraTS-GLI-00000"}
