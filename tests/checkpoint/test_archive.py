"""A checkpoint as one file: what its folder gives, or a refusal."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import torch

from transmodal import checkpoint
from transmodal.checkpoint import Checkpoint, archive
from transmodal.errors import InputError, IntegrityError, TransmodalError
from transmodal.storage import sealed, store_zip


@pytest.fixture
def folder(tmp_path: Path, whole: Checkpoint) -> Path:
    checkpoint.save(tmp_path / "run" / "checkpoints" / "best", whole)
    return tmp_path / "run" / "checkpoints" / "best"


def repack(path: Path, **changes: object) -> None:
    """Change the record and seal it anew, as somebody would who knows the format; `None` drops a field."""
    members = {name: bytes(body) for name, body in store_zip.read(path).items()}
    record = {**json.loads(members.pop(archive.RECORD)), **changes}
    record.pop(sealed.KEY)
    text = json.dumps(sealed.seal({key: value for key, value in record.items() if value != "dropped"}))
    store_zip.write(path, {archive.RECORD: text.encode(), **members})


def code_of(path: Path) -> str:
    with pytest.raises(TransmodalError) as refused:
        archive.load(archive.read(path))
    return refused.value.code


def test_it_is_the_checkpoint_without_its_optimisers(tmp_path: Path, folder: Path) -> None:
    path = tmp_path / "model.tmz"
    archive.pack(path, folder, {"recipe.yaml": b"name: tiny\n"})
    packed = archive.read(path)
    assert packed.member("recipe.yaml") == b"name: tiny\n"
    assert packed.member("MODEL_CARD.md") is None
    own, expected = archive.load(packed), checkpoint.load(folder)
    assert own.fingerprint == expected.fingerprint
    assert own.fingerprint is not None
    assert own.fingerprint.name == "best"
    assert own.weights.keys() == expected.weights.keys()
    assert all(torch.equal(own.weights[name], tensor) for name, tensor in expected.weights.items())
    assert (own.recipe, own.state, own.cohort) == (expected.recipe, expected.state, expected.cohort)
    assert own.optimizers == {}
    first = hashlib.sha256(path.read_bytes()).hexdigest()
    archive.pack(path, folder, {"recipe.yaml": b"name: tiny\n"})
    assert hashlib.sha256(path.read_bytes()).hexdigest() == first


def test_the_time_of_the_whole_training_goes_with_it(tmp_path: Path, folder: Path, whole: Checkpoint) -> None:
    archive.pack(tmp_path / "model.tmz", folder)
    assert archive.read(tmp_path / "model.tmz").record.training_seconds is None
    end = whole.state.model_copy(update={"seconds": 12.34})
    checkpoint.save(folder.with_name("last"), Checkpoint(**{**fields_of(whole), "state": end}))
    archive.pack(tmp_path / "model.tmz", folder)
    assert archive.read(tmp_path / "model.tmz").record.training_seconds == 12.3


def fields_of(whole: Checkpoint) -> dict[str, object]:
    return {name: getattr(whole, name) for name in Checkpoint.__slots__}  # type: ignore[attr-defined]  # a slotted dataclass


def test_a_damaged_checkpoint_is_not_exported(tmp_path: Path, folder: Path) -> None:
    (folder / checkpoint.WEIGHTS).write_bytes(b"0")
    with pytest.raises(IntegrityError):
        archive.pack(tmp_path / "model.tmz", folder)
    assert not (tmp_path / "model.tmz").exists()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"format": 2}, "E502"),
        ({"format": "1"}, "E102"),
        ({"files": "dropped"}, "E102"),
        ({"files": {}}, "E501"),
        ({"checkpoint": "last"}, "E502"),
        ({"checkpoint": "../best"}, "E102"),
    ],
)
def test_a_record_that_says_something_else_is_refused(
    tmp_path: Path, folder: Path, changes: dict[str, object], code: str
) -> None:
    path = tmp_path / "model.tmz"
    archive.pack(path, folder)
    repack(path, **changes)
    assert code_of(path) == code


def test_members_that_are_not_the_recorded_ones_are_refused(tmp_path: Path, folder: Path) -> None:
    path, below = tmp_path / "model.tmz", "checkpoints/best/"
    archive.pack(path, folder)
    members = {name: bytes(body) for name, body in store_zip.read(path).items()}
    store_zip.write(path, {**members, below + checkpoint.WEIGHTS: b"other"})
    assert code_of(path) == "E501"
    hashes = {
        name: hashlib.sha256(body).hexdigest() for name, body in members.items() if name != archive.RECORD
    }
    repack(path, files={**hashes, below + checkpoint.WEIGHTS: hashlib.sha256(b"other").hexdigest()})
    assert code_of(path) == "E501"  # the manifest knows the weights
    record = json.loads(members[archive.RECORD])
    text = json.dumps({**record, "training_seconds": 7.0})
    store_zip.write(path, {**members, archive.RECORD: text.encode()})
    assert code_of(path) == "E501"
    store_zip.write(path, {"a": b""})
    assert code_of(path) == "E102"


def test_weights_that_are_no_tensors_are_refused(tmp_path: Path, folder: Path) -> None:
    """Of a file that is sealed through and through, by somebody who knows the format."""
    (folder / checkpoint.WEIGHTS).write_bytes(b"no tensors")
    content = checkpoint.manifest.unseal(folder / checkpoint.MANIFEST)
    content["files"] = {checkpoint.WEIGHTS: hashlib.sha256(b"no tensors").hexdigest()}
    (folder / checkpoint.MANIFEST).write_bytes(checkpoint.manifest.seal(content))
    archive.pack(tmp_path / "model.tmz", folder)
    assert code_of(tmp_path / "model.tmz") == "E502"


def test_it_holds_one_checkpoint(tmp_path: Path, folder: Path) -> None:
    archive.pack(tmp_path / "model.tmz", folder)
    packed = archive.read(tmp_path / "model.tmz")
    archive.check_name(packed, "best")
    with pytest.raises(InputError, match="without last checkpoint") as refused:
        archive.check_name(packed, "last")
    assert refused.value.code == "E134"


def test_a_folder_is_no_file_whatever_its_name(tmp_path: Path) -> None:
    (tmp_path / "run.tmz").mkdir()
    assert not archive.is_archive(tmp_path / "run.tmz")
    assert archive.is_archive(tmp_path / "MODEL.TMZ")
