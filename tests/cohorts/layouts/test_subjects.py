"""Subjects that are chosen by name, of any layout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from transmodal import cli
from transmodal.cohorts import layouts
from transmodal.cohorts.store import Cohort
from transmodal.errors import InputError
from transmodal.volumes import Volume, io


def write(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    voxels = np.random.default_rng(seed).integers(1, 900, (5, 6, 4)).astype(np.int16)
    io.write(Volume(voxels, np.eye(4)), path)


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """BIDS: three subjects, the first twice, the third without T2."""
    for seed, name in enumerate(("sub-01_ses-1", "sub-01_ses-2", "sub-02", "sub-03")):
        place = tmp_path / "data" / Path(*name.split("_")) / "anat"
        write(place / f"{name}_T1w.nii.gz", seed)
        if name != "sub-03":
            write(place / f"{name}_T2w.nii.gz", seed + 10)
    (tmp_path / "data/dataset_description.json").write_text("{}")
    return tmp_path / "data"


@pytest.mark.parametrize(
    ("subjects", "wanted"),
    [
        (["sub-01"], ["sub-01_ses-1", "sub-01_ses-2"]),
        (["01"], ["sub-01_ses-1", "sub-01_ses-2"]),
        (["sub-01_ses-2", "sub-02"], ["sub-01_ses-2", "sub-02"]),
        ([], ["sub-01_ses-1", "sub-01_ses-2", "sub-02"]),
    ],
)
def test_subjects_are_chosen_by_case_or_patient(
    subjects: list[str], wanted: list[str], dataset: Path
) -> None:
    found = layouts.select_subjects(layouts.find("bids", dataset), subjects)
    assert [case.id for case in found.cases] == wanted
    assert bool(found.left_out) == (not subjects)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("sub-2", "no subject sub-2 to prepare; expected names of cases or patients, such as sub-02"),
        ("sub-03", r"no subject sub-03 to prepare; left out: sub-03 \(no t2\)"),
    ],
)
def test_a_subject_that_is_not_there_is_refused(name: str, said: str, dataset: Path) -> None:
    with pytest.raises(InputError, match=said) as caught:
        layouts.select_subjects(layouts.find("bids", dataset), ["sub-01", name])
    assert caught.value.code == "E132"


def test_prepare_takes_the_subjects_alone(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = f"prepare bids {dataset} --subjects 01,sub-02 --workers 1"
    assert cli.run([*line.split(), "--dry-run"]) == 0
    assert "3 cases, 0 with something wrong" in capsys.readouterr().out
    assert cli.run([*line.split(), "-o", f"{tmp_path}/c", "--counts", "1:0:1"]) == 0
    assert [case.id for case in Cohort.open(tmp_path / "c").cases()] == [
        "sub-01_ses-1",
        "sub-01_ses-2",
        "sub-02",
    ]
    assert cli.run(f"prepare bids {dataset} --subjects 9 --dry-run".split()) == 3
    assert "error[E132]: no subject 9 to prepare" in capsys.readouterr().err
