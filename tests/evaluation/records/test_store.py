"""Synthetic volumes are kept by hash, under names that every path holds, and read as they were written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from transmodal.errors import IntegrityError, UsageError
from transmodal.evaluation import run
from transmodal.evaluation.records.store import VolumeStore, hash_target, plain, read, to_json
from transmodal.storage import files
from transmodal.volumes import Grid, Volume

CASE: Any = SimpleNamespace(id="case/1")


def grey() -> Volume:
    return Volume(np.random.default_rng(0).normal(size=(5, 4, 3)), np.diag([1.0, 2.0, 3.0, 1.0]))


@pytest.mark.parametrize(
    ("name", "path"),
    [("a / model", "a-model"), ("é", "unnamed"), ("../up", "up"), ("unet_2.v1", "unet_2.v1")],
)
def test_names_become_parts_of_paths(name: str, path: str) -> None:
    assert plain(name) == path


def test_a_volume_comes_back_as_float32_of_what_was_given(tmp_path: Path) -> None:
    store, volume = VolumeStore(tmp_path), grey()
    kept = store.keep("a / model", CASE, volume)
    np.testing.assert_array_equal(kept.voxels, volume.voxels.astype(np.float32))
    assert to_json(store.volumes) == {
        "a / model": {
            "case/1": [
                {
                    "file": "volumes/01-a-model/case-1.nii.gz",
                    "sha256": files.sha256_file(tmp_path / "volumes/01-a-model/case-1.nii.gz"),
                }
            ]
        }
    }
    back = read(tmp_path, store.volumes["a / model"]["case/1"], volume.grid, "a / model")
    np.testing.assert_array_equal(back.voxels, kept.voxels)
    assert back.grid == volume.grid


def test_colour_is_three_files_and_one_volume(tmp_path: Path) -> None:
    store = VolumeStore(tmp_path)
    colour = Volume(np.arange(5 * 4 * 3 * 3, dtype=np.uint8).reshape(5, 4, 3, 3), np.eye(4))
    store.keep("unet", CASE, colour)
    store.keep_disagreement("unet", CASE, grey())
    parts = store.volumes["unet"]["case/1"]
    assert [Path(part.file).name for part in parts] == [
        "case-1_r.nii.gz",
        "case-1_g.nii.gz",
        "case-1_b.nii.gz",
    ]
    np.testing.assert_array_equal(read(tmp_path, parts, colour.grid, "unet").voxels, colour.voxels)
    (spread,) = store.disagreements["unet"]["case/1"]
    assert spread.file == "volumes/01-unet/disagreement/case-1.nii.gz"


def test_a_changed_a_lost_and_a_foreign_volume_are_refused(tmp_path: Path) -> None:
    store, volume = VolumeStore(tmp_path), grey()
    store.keep("unet", CASE, volume)
    parts = store.volumes["unet"]["case/1"]
    changed = (parts[0]._replace(sha256="0" * 64),)
    for wrong, grid, said in (
        (changed, volume.grid, "has the SHA-256"),
        (parts, Grid((4, 5, 3), volume.affine), r"is \(5, 4, 3\)"),
        ((parts[0]._replace(file="volumes/none.nii.gz"),), volume.grid, "cannot be read"),
    ):
        with pytest.raises(IntegrityError, match=said) as refused:
            read(tmp_path, wrong, grid, "unet")
        assert refused.value.code == "E501"


def test_a_target_and_its_mask_have_hashes(make_case: Callable[..., Any]) -> None:
    case = make_case(0)
    target, mask = hash_target(case, "fa")
    assert target == files.sha256_array(case.volumes["fa"].voxels)
    assert mask == files.sha256_array(case.inside.view(np.uint8))
    assert hash_target(make_case(0, masked=False), "fa").mask is None


def test_volumes_need_a_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no folder"):
        run._volume_store(None)
    (tmp_path / "volumes").write_text("")
    with pytest.raises(UsageError, match="cannot make"):
        VolumeStore(tmp_path).keep("unet", SimpleNamespace(id="case"), Volume(np.zeros((2, 2, 2)), np.eye(4)))  # type: ignore[arg-type]
