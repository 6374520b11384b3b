"""Frozen networks: loaded by path, checked, hashed, and never a part of what holds them."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import nn

from transmodal.errors import InputError, IntegrityError, UsageError
from transmodal.nets.frozen import FrozenNet, read_tensors

WHERE = "net.pth is published nowhere."


def make() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))


def saved(tmp_path: Path, net: nn.Module, name: str = "net.safetensors") -> str:
    path = tmp_path / name
    if path.suffix == ".safetensors":
        safetensors.torch.save_file(net.state_dict(), path)
    else:
        torch.save(net.state_dict(), path)
    return str(path)


@pytest.mark.parametrize("name", ["net.safetensors", "net.pth"])
def test_weights_come_from_the_file_and_only_the_input_gets_a_gradient(tmp_path: Path, name: str) -> None:
    net = make().eval()
    frozen = FrozenNet(make, saved(tmp_path, net, name), WHERE)
    x = torch.randn(5, 3, requires_grad=True)

    out = frozen(x)
    out.sum().backward()

    torch.testing.assert_close(out, net(x))
    assert x.grad is not None
    assert x.grad.abs().sum() > 0
    assert len(frozen.digest()) == 64
    assert not frozen.is_random


def test_a_module_that_holds_it_does_not_own_it(tmp_path: Path) -> None:
    class Holder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.held = FrozenNet(make, "random", WHERE)

    holder = Holder()
    holder.held(torch.randn(2, 3))
    assert list(holder.parameters()) == []
    assert holder.state_dict() == {}
    holder.train()
    before = holder.held.digest()
    holder.held(torch.randn(2, 3) * 100)  # BatchNorm in evaluation mode remembers nothing
    assert holder.held.digest() == before


def test_random_weights_are_the_same_everywhere_and_called_random() -> None:
    drawn = torch.random.get_rng_state()
    torch.manual_seed(1)
    one = FrozenNet(make, "random", WHERE).digest()
    torch.manual_seed(2)
    other = FrozenNet(make, "random", WHERE).digest()
    after = torch.random.get_rng_state()
    torch.manual_seed(2)
    assert one == other
    assert one.startswith("random:")
    assert torch.equal(after, torch.random.get_rng_state())
    torch.random.set_rng_state(drawn)


def test_names_are_brought_to_the_architectures(tmp_path: Path) -> None:
    net = make()
    renamed = {f"encoder.{name}": tensor for name, tensor in net.state_dict().items()}
    safetensors.torch.save_file(renamed, tmp_path / "net.safetensors")
    frozen = FrozenNet(
        make,
        str(tmp_path / "net.safetensors"),
        WHERE,
        lambda given: {name.removeprefix("encoder."): tensor for name, tensor in given.items()},
    )
    x = torch.randn(2, 3)
    torch.testing.assert_close(frozen(x), net.eval()(x))


def test_what_is_missing_is_refused_before_it_is_used(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="published nowhere"):
        FrozenNet(make, None, WHERE).check()
    with pytest.raises(InputError, match="does not exist") as missing:
        FrozenNet(make, str(tmp_path / "gone.pth"), WHERE).check()
    assert missing.value.code == "E100"
    FrozenNet(make, "random", WHERE).check()


def test_weights_of_another_architecture_are_refused(tmp_path: Path) -> None:
    wide = FrozenNet(make, saved(tmp_path, nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5))), WHERE)
    with pytest.raises(IntegrityError, match="another shape such as 0"):
        wide(torch.randn(1, 3))
    other = FrozenNet(make, saved(tmp_path, nn.Linear(3, 4)), WHERE)
    with pytest.raises(IntegrityError, match="not known such as bias"):
        other(torch.randn(1, 3))


class Evil:
    def __reduce__(self) -> tuple[object, ...]:
        return (print, ("this ran",))


def test_nothing_but_tensors_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "bad.pth"
    bad.write_bytes(pickle.dumps(Evil(), protocol=2))
    with pytest.raises(InputError, match="cannot be read") as refused:
        read_tensors(bad)
    assert refused.value.code == "E101"
    torch.save({"names": ["a"]}, tmp_path / "list.pth")
    with pytest.raises(InputError, match="no tensors by name"):
        read_tensors(tmp_path / "list.pth")
    (tmp_path / "cut.safetensors").write_bytes(b"\x10\x00")
    with pytest.raises(InputError, match="cannot be read"):
        read_tensors(tmp_path / "cut.safetensors")
    assert "this ran" not in capsys.readouterr().out


def test_a_file_with_objects_in_it_names_them_and_how_to_save_its_tensors(tmp_path: Path) -> None:
    torch.save(nn.Linear(3, 4), tmp_path / "net.pth")
    with pytest.raises(InputError) as refused:
        read_tensors(tmp_path / "net.pth")
    assert "holds torch.nn.modules.linear.Linear beside tensors" in refused.value.got
    assert "torch.save(network.state_dict(), FILE)" in refused.value.remedy
    assert "weights_only" not in refused.value.line()
    (tmp_path / "page.pth").write_bytes(b"<html>not found</html>")
    with pytest.raises(InputError, match=r"torch\.save did not write it"):
        read_tensors(tmp_path / "page.pth")


def test_the_names_that_a_parallel_network_gives_are_its_own(tmp_path: Path) -> None:
    net = nn.Linear(3, 4)
    torch.save({"model": nn.DataParallel(net).state_dict()}, tmp_path / "net.pth")
    assert list(read_tensors(tmp_path / "net.pth", inside=("model",))) == ["weight", "bias"]
    torch.save({"module.weight": net.weight, "bias": net.bias}, tmp_path / "net.pth")
    assert list(read_tensors(tmp_path / "net.pth")) == ["module.weight", "bias"]


def test_it_is_counted_without_being_made() -> None:
    frozen = FrozenNet(make, None, WHERE)
    assert frozen.count() == 3 * 4 + 4 + 2 * 4
    shape = frozen(torch.empty(2, 3, device="meta"))
    assert shape.is_meta
    assert shape.shape == (2, 4)


def test_the_network_itself_can_be_asked_for(tmp_path: Path) -> None:
    net = make().eval()
    frozen = FrozenNet(make, saved(tmp_path, net), WHERE)
    images = torch.rand(2, 3)
    assert torch.equal(frozen.module()(images), frozen(images))
    with pytest.raises(UsageError, match="no pretrained weights"):
        FrozenNet(make, None, WHERE).module()
