"""Sidecars: sealed, bound to images that keep or change their name, and told from other JSON files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from transmodal.errors import InputError, IntegrityError
from transmodal.inference.provenance import sidecar as sidecars
from transmodal.storage import files
from transmodal.volumes import Volume, binding, io

RECORD = {"synthetic": True, "environment": {"threads": 1}}


def write_pair(folder: Path, name: str = "fa") -> Path:
    volume = Volume(np.arange(24, dtype=np.float32).reshape(2, 3, 4), np.eye(4))
    image = folder / f"{name}.nii.gz"
    image.parent.mkdir(exist_ok=True, parents=True)
    record = {"name": image.name, **binding.write(volume, image)._asdict()}
    sidecars.write(image.with_name(f"{name}.json"), {**RECORD, "image": record})
    return image


def test_the_seal_holds_until_a_word_changes_and_its_loss_is_noticed(tmp_path: Path) -> None:
    path = sidecars.place_of(write_pair(tmp_path))
    assert path == sidecars.place_of(path) == tmp_path / "fa.json"
    sidecars.read(path).check()
    for changed in ({"notes": []}, {"sha256": "0" * 64}):
        files.write_json(path, files.read_json(path) | changed)
        with pytest.raises(IntegrityError) as caught:
            sidecars.read(path).check()
        assert caught.value.code == "E501"
    files.write_json(path, RECORD)
    with pytest.raises(IntegrityError, match="lost its seal"):
        sidecars.read(path).check()
    files.write_json(path, {"synthetic": True})  # of an earlier version, which sealed none
    sidecars.read(path).check()


def test_images_are_where_they_are_named_or_renamed_with_the_sidecar(tmp_path: Path) -> None:
    image = write_pair(tmp_path)
    assert sidecars.read(tmp_path / "fa.json").bindings()["image"].path == image
    for suffix in (".nii.gz", ".json"):
        (tmp_path / f"fa{suffix}").rename(tmp_path / f"anna{suffix}")
    renamed, recorded = sidecars.read(tmp_path / "anna.json").bindings()["image"]
    assert renamed == tmp_path / "anna.nii.gz"
    assert recorded == binding.read(renamed)
    renamed.unlink()
    assert sidecars.read(tmp_path / "anna.json").bindings()["image"].path == image
    sidecars.write(tmp_path / "anna.json", RECORD)
    assert sidecars.read(tmp_path / "anna.json").bindings() == {}


def test_a_record_leads_to_no_other_folder(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "fa.json"
    path.parent.mkdir()
    sidecars.write(path, {**RECORD, "image": {"name": "../outside.nii.gz", "sha256": "0"}})
    assert sidecars.read(path).bindings()["image"].path == tmp_path / "folder" / "outside.nii.gz"


def test_a_folder_lists_its_sidecars_and_those_of_its_subjects(tmp_path: Path) -> None:
    first, second = write_pair(tmp_path, "b"), write_pair(tmp_path / "sub-01" / "anat", "a")
    write_pair(tmp_path / "deeper", "c")
    sidecars.write(tmp_path / "b_disagreement.json", {**RECORD, "of": {"name": first.name}})
    sidecars.write(tmp_path / "lonely.json", {**RECORD, "of": {"name": "gone.nii.gz"}})
    (tmp_path / "notes.json").write_text("[1]")
    files.write_json(tmp_path / "dataset_description.json", {"Name": "x"})
    assert sidecars.list_places(tmp_path) == [
        tmp_path / "b.json", tmp_path / "lonely.json", sidecars.place_of(second),
    ]  # fmt: skip


def test_another_json_file_is_refused(tmp_path: Path) -> None:
    files.write_json(tmp_path / "x.json", {"synthetic": "yes"})
    with pytest.raises(InputError) as caught:
        sidecars.read(tmp_path / "x.json")
    assert caught.value.code == "E102"


def test_synthetic_images_without_a_sidecar_are_told_from_others(tmp_path: Path) -> None:
    write_pair(tmp_path / "out", "anna_fa")
    places = sidecars.list_places(tmp_path / "out")
    volume = Volume(np.ones((2, 3, 4), np.float32), np.eye(4))
    for name, description in (("synthetic_fa.nii.gz", "SYNTHETIC fa"), ("measured_fa.nii", "scanner")):
        io.write(volume, tmp_path / "out" / name, description=description)
    for name in ("berta_fa.mha", "berta_t1.mha", "sub-01_desc-synthetic_dwimap.mha"):
        io.write(volume, tmp_path / "out" / name)
    (tmp_path / "out" / "cut_fa.nii.gz").write_bytes(b"\x1f\x8b")
    sidecars.write(places[0], {**sidecars.read(places[0]).content, "target": "fa"})
    orphans = [path.name for path in sidecars.list_orphans(tmp_path / "out", places)]
    assert orphans == ["berta_fa.mha", "sub-01_desc-synthetic_dwimap.mha", "synthetic_fa.nii.gz"]
