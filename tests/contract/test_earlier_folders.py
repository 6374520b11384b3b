"""Cohorts, runs and evaluations of version 0.1.0, as committed in `earlier/`, are opened, used and gone on with.

They were made by the commands of that version from six images of blobs (14 x 17 x 10 voxels):

    transmodal prepare folders subjects -o cohort --counts 3:1:2 --for tiny.yaml
    transmodal train tiny.yaml --cohort cohort -o run
    transmodal translate run source-t1.nii.gz -o synthetic-fa.nii.gz --force
    transmodal evaluate run --cohort cohort -o evaluation --save-volumes

The training was stopped in the middle of its second epoch; gone on with by that version, it ended in `finished.safetensors`.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import transmodal
from transmodal import cli
from transmodal.cohorts.store import Cohort

EARLIER = Path(__file__).with_name("earlier")


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of the folders, which is the working directory."""
    copy = tmp_path / "earlier"
    shutil.copytree(EARLIER, copy)
    monkeypatch.chdir(copy)
    return copy


def test_the_cohort_opens_with_its_splits_and_verified_arrays(folders: Path) -> None:
    cohort = Cohort.open(folders / "cohort")
    splits = {name: [case.id for case in cohort.cases(name)] for name in ("train", "validation", "test")}
    assert splits == {"train": ["sub1", "sub2", "sub5"], "validation": ["sub3"], "test": ["sub0", "sub4"]}
    for case in cohort.cases():
        fa = case.volume("fa")
        assert fa.voxels.shape == (14, 17, 10)
        assert 0.85 < fa.voxels.max() <= 0.9 + 1e-6


def test_the_run_translates_to_the_same_volume(folders: Path) -> None:
    assert cli.run(["translate", "run", "source-t1.nii.gz", "-o", "again.nii.gz", "--force", "--quiet"]) == 0
    again, expected = transmodal.read("again.nii.gz"), transmodal.read("synthetic-fa.nii.gz")
    assert np.array_equal(again.affine, expected.affine)
    np.testing.assert_allclose(again.voxels, expected.voxels, rtol=0, atol=1e-5)


def test_the_evaluation_is_taken_again_and_compared(
    folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["check", "evaluation", "--cohort", "cohort"]) == 0
    assert "167 figures taken again" in capsys.readouterr().out
    assert cli.run(["compare", "evaluation", "-o", "comparison"]) == 0
    assert "unet_regression" in (folders / "comparison" / "comparison.csv").read_text()


def test_the_run_is_evaluated_to_the_same_figures(folders: Path) -> None:
    assert cli.run(["evaluate", "run", "--cohort", "cohort", "-o", "again", "--quiet"]) == 0
    earlier, again = (
        json.loads((folders / name / "evaluation.json").read_text())["rows"]
        for name in ("evaluation", "again")
    )
    assert len(earlier) == len(again)
    for row, expected in zip(again, earlier, strict=True):
        assert row == {**expected, "value": pytest.approx(expected["value"], abs=1e-4)}


def test_the_training_is_gone_on_with_to_the_same_weights(folders: Path) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as it was trained until then: sums of several threads round in another order
    try:
        assert cli.run(["train", "tiny.yaml", "--cohort", "cohort", "-o", "run", "--quiet"]) == 0
    finally:
        torch.set_num_threads(threads)
    weights, expected = (
        load_file(folders / name)
        for name in ("run/checkpoints/last/weights.safetensors", "finished.safetensors")
    )
    assert weights.keys() == expected.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(weights[name], tensor, rtol=0, atol=1e-4)
