"""Weights that training starts from: what is taken arrives, all else is refused by name, nothing is unpickled."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from transmodal.errors import InputError, IntegrityError, ResourceError
from transmodal.nets.meta import shapes_alone
from transmodal.nets.pretrained import PretrainedWeights, TensorMap, WeightFile, read_weights
from transmodal.storage import memory

PUBLISHED = WeightFile("weights.pth", "https://example.org", "MIT")
TAKEN = [
    TensorMap("stem.weight", ("stem/kernel",), torch.Tensor.t),
    TensorMap("stem.bias", ("stem/one", "stem/two"), lambda *parts: torch.cat(parts)),
]
LEFT = (r"head\..*",)


def _file() -> dict[str, Tensor]:
    return {
        "stem/kernel": torch.arange(6.0).reshape(3, 2),
        "stem/one": torch.tensor([7.0]),
        "stem/two": torch.tensor([8.0]),
        "head.weight": torch.ones(4),
    }


class _Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.other = nn.Linear(3, 2), nn.Linear(2, 5)


def _net() -> _Net:
    torch.manual_seed(0)
    return _Net()


def _weights(net: nn.Module, path: Path | None) -> PretrainedWeights:
    return PretrainedWeights(net, None if path is None else str(path), PUBLISHED, TAKEN, LEFT)


def _saved(tensors: Mapping[str, Any], path: Path) -> Path:
    if path.suffix == ".npz":
        np.savez(path, **{name: tensor.numpy() for name, tensor in tensors.items()})
    elif path.suffix == ".safetensors":
        safetensors.torch.save_file(dict(tensors), path)
    else:
        torch.save(tensors, path)
    return path


@pytest.mark.parametrize("name", ["w.npz", "w.safetensors", "w.pth", "nested.pth"])
def test_what_is_taken_arrives_and_the_rest_stays_as_it_was_drawn(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    _saved({"model": _file(), "epoch": 3} if name == "nested.pth" else _file(), path)
    net = _net()
    before = {key: tensor.clone() for key, tensor in net.state_dict().items()}
    weights = _weights(net, path)
    weights.check()
    assert all(torch.equal(tensor, before[key]) for key, tensor in net.state_dict().items())
    weights.load()
    assert net.stem.weight.tolist() == [[0.0, 2.0, 4.0], [1.0, 3.0, 5.0]]
    assert net.stem.bias.tolist() == [7.0, 8.0]
    assert torch.equal(net.other.weight, before["other.weight"])
    assert net.stem.weight.requires_grad
    assert weights.digest() == hashlib.sha256(path.read_bytes()).hexdigest()
    assert weights.record() == {
        "sha256": weights.digest(),
        "published": "weights.pth of https://example.org (MIT)",
    }


def test_no_path_starts_from_scratch() -> None:
    net = _net()
    weights = _weights(net, None)
    weights.check()
    weights.load()
    assert all(
        torch.equal(one, other) for one, other in zip(net.parameters(), _net().parameters(), strict=True)
    )
    assert weights.digest() == "from scratch"
    assert weights.record()["sha256"] == "from scratch"


def test_a_file_can_be_checked_for_a_network_that_is_on_the_meta_device(tmp_path: Path) -> None:
    path = _saved(_file(), tmp_path / "w.pth")
    with shapes_alone():
        net = _net()
    _weights(net, path).check()
    assert all(one.is_meta for one in net.parameters())


def test_half_precision_is_read(tmp_path: Path) -> None:
    net = _net()
    _weights(net, _saved({k: v.half() for k, v in _file().items()}, tmp_path / "w.pth")).load()
    assert net.stem.weight.dtype == torch.float32
    assert net.stem.bias.tolist() == [7.0, 8.0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"stem/two": None}, "1 missing such as stem/two"),
        ({"neck": torch.ones(1)}, "1 not known such as neck"),
        ({"stem/kernel": torch.ones(4, 2)}, "1 of another shape such as stem/kernel"),
        ({"stem/kernel": torch.ones(3, 2, 1, 1)}, "1 of another shape such as stem/kernel"),
        ({"stem/kernel": torch.ones(3, 2, dtype=torch.int64)}, "1 of another shape such as stem/kernel"),
    ],
)
def test_what_does_not_fit_is_refused_by_name_and_nothing_is_filled(
    change: dict[str, Tensor | None], said: str, tmp_path: Path
) -> None:
    content = {name: tensor for name, tensor in {**_file(), **change}.items() if tensor is not None}
    net = _net()
    weights = _weights(net, _saved(content, tmp_path / "w.pth"))
    for refused in (weights.check, weights.load):
        with pytest.raises(IntegrityError) as found:
            refused()
        assert found.value.code == "E502"
        assert said in found.value.got
    assert torch.equal(net.stem.weight, _net().stem.weight)


def test_a_number_that_is_not_finite_is_refused(tmp_path: Path) -> None:
    content = {**_file(), "stem/one": torch.tensor([torch.nan])}
    with pytest.raises(InputError, match="not finite") as found:
        _weights(_net(), _saved(content, tmp_path / "w.pth")).check()
    assert found.value.code == "E101"


def test_a_missing_file_is_refused_with_where_it_is_published(tmp_path: Path) -> None:
    weights = _weights(_net(), tmp_path / "gone.pth")
    for refused in (weights.check, weights.load, weights.digest):
        with pytest.raises(InputError) as found:
            refused()
        assert found.value.code == "E100"
        assert "https://example.org" in found.value.remedy


class _Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("touched"),)


@pytest.mark.parametrize("name", ["evil.pth", "evil.npz"])
def test_nothing_is_unpickled_but_tensors(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    if name == "evil.pth":
        torch.save({"model": {"a": _Evil()}}, name)
    else:
        np.savez(name, a=np.array([_Evil()], dtype=object))
    with pytest.raises(InputError) as found:
        read_weights(tmp_path / name)
    assert found.value.code == "E101"
    assert not Path("touched").exists()


@pytest.mark.parametrize("suffix", [".npz", ".pth", ".safetensors"])
@pytest.mark.parametrize("damage", ["cut", "text", "empty", "flipped"])
def test_a_damaged_file_is_refused_with_one_line(suffix: str, damage: str, tmp_path: Path) -> None:
    path = _saved(_file(), tmp_path / f"w{suffix}")
    whole = path.read_bytes()
    made = {
        "cut": whole[: len(whole) // 2],
        "text": b"<html>not found</html>",
        "empty": b"",
        "flipped": b"\xff" * 64 + whole[64:],
    }
    path.write_bytes(made[damage])
    with pytest.raises(InputError) as found:
        read_weights(path)
    assert found.value.code == "E101"
    assert "\n" not in found.value.line()


@pytest.mark.parametrize("n_bytes", [8 << 20, 1 << 20])
def test_arrays_that_inflate_more_than_weights_do_are_refused(
    n_bytes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "GIB", 2 << 20)  # up to there anything may inflate as far as it likes
    np.savez_compressed(tmp_path / "w.npz", a=np.zeros(n_bytes // 4, np.float32))
    if n_bytes < memory.GIB:
        assert read_weights(tmp_path / "w.npz")["a"].numel() == n_bytes // 4
        return
    with pytest.raises(ResourceError) as refused:
        read_weights(tmp_path / "w.npz")
    assert refused.value.code == "E401"


@pytest.mark.parametrize(
    "made", [lambda path: np.save(path, np.ones(3)), lambda path: pickle.dump([1], path)]
)
def test_an_npz_that_holds_no_arrays_by_name_is_refused(
    made: Callable[[IO[bytes]], None], tmp_path: Path
) -> None:
    path = tmp_path / "one.npz"
    with path.open("wb") as stream:
        made(stream)
    with pytest.raises(InputError, match="cannot be read"):
        read_weights(path)


def test_an_archive_of_something_else_than_numbers_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "w.npz", a=np.array(["text"]))
    with pytest.raises(InputError, match="cannot be read"):
        read_weights(tmp_path / "w.npz")


def test_a_file_that_does_not_fit_into_memory_is_said_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*args: object, **kwargs: object) -> None:
        raise MemoryError

    path = _saved(_file(), tmp_path / "w.npz")
    monkeypatch.setattr(np, "load", exhausted)
    with pytest.raises(ResourceError) as found:
        read_weights(path)
    assert found.value.code == "E402"
