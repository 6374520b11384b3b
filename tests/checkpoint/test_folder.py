from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from transmodal import checkpoint
from transmodal.checkpoint import MANIFEST, OPTIMIZERS, WEIGHTS, Checkpoint
from transmodal.errors import InputError, IntegrityError, ResourceError
from transmodal.storage import files

Reseal = Callable[[Path, Callable[[dict[str, object]], None]], None]


def test_what_is_saved_comes_back(whole: Checkpoint, tmp_path: Path) -> None:
    digest = checkpoint.save(tmp_path / "runs" / "last", whole)
    back = checkpoint.load(tmp_path / "runs" / "last", optimizers=True)

    assert back.weights_sha256 == digest == files.sha256_file(tmp_path / "runs" / "last" / WEIGHTS)
    assert back.weights.keys() == whole.weights.keys()
    assert all(back.weights[key].equal(whole.weights[key]) for key in whole.weights)
    assert back.weights["b.half"].dtype == torch.bfloat16
    assert back.optimizers["g/a.weight/exp_avg"].equal(whole.optimizers["g/a.weight/exp_avg"])
    assert back.state == whole.state
    for name in (
        "recipe",
        "translator_config",
        "target_map",
        "sources",
        "cohort",
        "frozen",
        "window",
        "versions",
    ):
        assert getattr(back, name) == getattr(whole, name)
    assert back.provenance()["best"] == {"metric": "mae", "value": 0.1 + 0.2}
    assert json.dumps(back.provenance())


def test_optimisers_are_read_when_asked_for(whole: Checkpoint, tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "last", whole)
    assert checkpoint.load(tmp_path / "last").optimizers == {}
    checkpoint.save(tmp_path / "best", replace(whole, optimizers={}))
    assert not (tmp_path / "best" / OPTIMIZERS).exists()
    assert checkpoint.load(tmp_path / "best", optimizers=True).optimizers == {}


def test_the_manifest_says_what_it_is(whole: Checkpoint, tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "last", whole)
    manifest = files.read_json(tmp_path / "last" / MANIFEST)

    assert "Not a medical device" in manifest["content"]["intended_use"]
    assert manifest["content"]["files"][OPTIMIZERS] == files.sha256_file(tmp_path / "last" / OPTIMIZERS)
    assert str(tmp_path) not in (tmp_path / "last" / MANIFEST).read_text()


@pytest.mark.parametrize("name", [WEIGHTS, OPTIMIZERS, MANIFEST])
def test_every_flipped_bit_is_found(whole: Checkpoint, tmp_path: Path, name: str) -> None:
    checkpoint.save(tmp_path / "last", whole)
    path = tmp_path / "last" / name
    data = path.read_bytes()
    draw = np.random.default_rng(11)
    for bit in draw.choice(8 * len(data), size=min(200, 8 * len(data)), replace=False):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << (bit % 8)
        path.write_bytes(flipped)
        with pytest.raises(IntegrityError):
            checkpoint.load(tmp_path / "last")
    path.write_bytes(data)
    assert checkpoint.load(tmp_path / "last").state == whole.state


@pytest.mark.parametrize("name", [WEIGHTS, OPTIMIZERS, MANIFEST])
@pytest.mark.parametrize("keep", [0.0, 0.5, 0.99, None])
def test_every_cut_is_found(whole: Checkpoint, tmp_path: Path, name: str, keep: float | None) -> None:
    checkpoint.save(tmp_path / "last", whole)
    path = tmp_path / "last" / name
    if keep is None:
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[: int(keep * path.stat().st_size)])

    with pytest.raises(IntegrityError) as caught:
        checkpoint.load(tmp_path / "last")
    assert caught.value.code in ("E501", "E502")
    assert name in caught.value.got


def test_a_pickle_is_never_opened(whole: Checkpoint, reseal: Reseal, tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path(tmp_path / "canary").write_text, ("executed",))

    checkpoint.save(tmp_path / "last", whole)
    (tmp_path / "last" / WEIGHTS).write_bytes(pickle.dumps(Bomb()))
    digest = files.sha256_file(tmp_path / "last" / WEIGHTS)
    reseal(tmp_path / "last", lambda content: content.update({"files": {WEIGHTS: digest}}))

    with pytest.raises(IntegrityError, match=WEIGHTS):
        checkpoint.load(tmp_path / "last")
    assert not (tmp_path / "canary").exists()


def test_the_one_before_is_kept_and_taken_when_needed(
    whole: Checkpoint, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "last"
    for step in (1, 2, 3):
        state = whole.state.model_copy(update={"step": step})
        checkpoint.save(folder, replace(whole, state=state), keep_previous=True)
    assert checkpoint.load(folder).state.step == 3
    assert checkpoint.load(checkpoint.previous(folder)).state.step == 2

    (folder / WEIGHTS).write_bytes(b"rotten")
    assert checkpoint.load(folder).state.step == 2
    assert "E501" in caplog.text
    assert "last.previous" in caplog.text
    assert checkpoint.peek(folder) == whole.state.model_copy(update={"step": 3})
    shutil.rmtree(folder)
    assert checkpoint.load(folder).state.step == 2
    peeked = checkpoint.peek(folder)
    assert peeked is not None
    assert peeked.step == 2
    (checkpoint.previous(folder) / MANIFEST).write_text("{}")
    with pytest.raises(IntegrityError):
        checkpoint.load(folder)
    assert checkpoint.peek(folder) is None


def test_a_missing_folder_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist") as caught:
        checkpoint.load(tmp_path / "none")
    assert caught.value.code == "E100"
    assert checkpoint.peek(tmp_path / "none") is None


@pytest.mark.parametrize("nth", range(1, 4))
def test_a_full_disk_keeps_the_old_one(
    whole: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nth: int
) -> None:
    checkpoint.save(tmp_path / "last", whole)
    calls = 0
    write = Path.write_bytes

    def fail(self: Path, data: bytes) -> int:
        nonlocal calls
        calls += 1
        if calls == nth:
            write(self, data[: len(data) // 2])
            raise OSError(28, "No space left on device")
        return write(self, data)

    monkeypatch.setattr(Path, "write_bytes", fail)
    other = replace(whole, state=whole.state.model_copy(update={"step": 99}))
    with pytest.raises(ResourceError, match="No space left") as caught:
        checkpoint.save(tmp_path / "last", other, keep_previous=True)
    assert caught.value.code == "E403"
    monkeypatch.undo()

    assert checkpoint.load(tmp_path / "last", optimizers=True).state == whole.state
    assert {path.name for path in tmp_path.iterdir()} == {"last"}


def test_a_disk_that_lies_is_found_before_the_name_is_taken(
    whole: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Path.write_bytes
    monkeypatch.setattr(Path, "write_bytes", lambda self, data: write(self, data[:-1] + b"?"))

    with pytest.raises(IntegrityError) as caught:
        checkpoint.save(tmp_path / "last", whole)
    assert caught.value.code == "E503"
    assert list(tmp_path.iterdir()) == []


def test_numbers_that_are_not_finite_are_refused(whole: Checkpoint, tmp_path: Path) -> None:
    bad = replace(whole, state=whole.state.model_copy(update={"best": float("nan")}))
    with pytest.raises(ValueError, match="not JSON compliant"):
        checkpoint.save(tmp_path / "last", bad)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["folder", "loop", "nowhere"])
def test_a_manifest_that_is_no_file_gives_way_to_the_one_before(
    whole: Checkpoint, tmp_path: Path, kind: str
) -> None:
    for _ in range(2):
        checkpoint.save(tmp_path / "last", whole, keep_previous=True)
    path = tmp_path / "last" / MANIFEST
    path.unlink()
    if kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(path.name if kind == "loop" else "nothing")
    with pytest.raises(IntegrityError) as refused:
        checkpoint.verify(tmp_path / "last")
    assert refused.value.code == "E502"
    assert checkpoint.load(tmp_path / "last").state == whole.state
