"""Bundles: MONAI runs them, and its volume is the library's. A run of MONAI takes seconds to start: there are two of them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import small_models
from transmodal.errors import UsageError
from transmodal.exporting import file
from transmodal.exporting.bundle import write
from transmodal.inference.load import load
from transmodal.inference.model import Model
from transmodal.storage import files
from transmodal.volumes import Volume
from transmodal.volumes.intensity import IntensitySpec, fit

EARLIER = Path(__file__).parents[2] / "contract" / "earlier"
WITHOUT_US = (
    "import sys; sys.modules['transmodal'] = None; import torch; "
    "print(tuple(torch.export.load(sys.argv[1]).module()(torch.zeros(3, 1, 32, 28)).shape))"
)


def turned() -> Volume:
    """Return a volume that lies flipped, permuted and oblique, of odd sides and whole numbers."""
    turn = np.array([[-0.8, 0.6, 0], [0, 0, 1], [0.6, 0.8, 0]]) * (2.0, 1.5, 3.0)
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = turn, (30, -20, 9)
    voxels = np.random.default_rng(0).integers(0, 900, (19, 25, 7)).astype(np.int16)
    return Volume(voxels, affine)


def in_hu() -> Model:
    """Return a model of MONAI's parts alone: two passes over padded slices, a target of whole numbers."""
    torch.manual_seed(2)
    model = small_models.model({"size": [32, 28]}).with_axes(("x", "z"))
    model.translator.eval()
    preprocessing = replace(
        model.preprocessing,
        spacing_mm=None,
        target="ct",
        target_map=fit(IntensitySpec("window", -1000, 2000), np.zeros((1, 1, 1))),
    )
    return replace(model, preprocessing=preprocessing)


def test_monai_alone_gives_the_librarys_volume(tmp_path: Path) -> None:
    place = tmp_path / "bundle"
    write.write_bundle(
        in_hu(), tmp_path / "unread.tmz", place, card="# Card\n", window=(32, 28), volume={"t1": turned()}
    )
    report = files.read_json(place / "parity.json")
    assert report["needs_transmodal"] is False
    assert report["largest_difference"] <= 1  # a value that is rounded to the other side
    assert report["mean_difference"] < 0.01
    assert report["test_volume"]["shape"] == [19, 25, 7]
    config = (place / "configs" / "inference.json").read_text()
    assert "transmodal" not in config.replace(
        files.read_json(place / "configs" / "inference.json")["intended_use"], ""
    )
    assert "not Transmodal" in (place / "docs" / "README.md").read_text()
    assert (place / "MODEL_CARD.md").read_text() == "# Card\n"
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_US, str(place / "models" / "model.pt2")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "(3, 1, 32, 28)"


def test_what_monai_does_not_do_is_done_by_the_library_and_said(tmp_path: Path) -> None:
    file.write(EARLIER / "run", tmp_path / "model.tmz")
    write.write_bundle(
        load(EARLIER / "run", device="cpu"), tmp_path / "model.tmz", tmp_path / "bundle", card=""
    )
    report = files.read_json(tmp_path / "bundle" / "parity.json")
    assert report["largest_difference"] == 0
    assert report["needs_transmodal"] == "its windows are not padded slices"
    packed = json.loads((tmp_path / "bundle" / "configs" / "metadata.json").read_text())
    assert "transmodal" in packed["required_packages_version"]
    assert (tmp_path / "bundle" / "models" / "model.tmz").read_bytes() == (
        tmp_path / "model.tmz"
    ).read_bytes()
    assert "needs MONAI and Transmodal" in (tmp_path / "bundle" / "docs" / "README.md").read_text()


def test_a_bundle_that_computes_otherwise_or_fails_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other(folder: Path, sources: dict[str, Path], output: Path, *, gate: str) -> Path:
        return sources["t1"]

    monkeypatch.setattr(write, "run", other)
    with pytest.raises(UsageError, match=r"differs from the library.*--as file") as refused:
        write.write_bundle(in_hu(), tmp_path / "unread.tmz", tmp_path / "bundle", card="", window=(32, 28))
    assert refused.value.code == "E004"
    assert not (tmp_path / "bundle").exists()
    monkeypatch.undo()
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    with pytest.raises(UsageError, match="died with status 1"):
        write.run(tmp_path, {"t1": tmp_path / "t1.nii.gz"}, tmp_path / "output")
