"""Networks of shapes alone: what is built is the same, and nothing is drawn."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
import torch
from torch import Tensor, nn

from transmodal import translators
from transmodal.nets.meta import shapes_alone


def test_a_network_has_the_shapes_that_it_has_and_no_values() -> None:
    with shapes_alone():
        blank = translators.build("pix2pix", {"width": 4})
    whole = translators.build("pix2pix", {"width": 4})
    shapes = {name: part.shape for name, part in whole.state_dict().items()}
    assert {name: part.shape for name, part in blank.state_dict().items()} == shapes
    assert all(part.is_meta for part in blank.parameters())


def test_nothing_is_drawn_in_it_and_all_is_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    weight = torch.zeros(3)
    with shapes_alone():
        assert nn.init.normal_(weight) is weight
        assert nn.init.constant_(tensor=weight, val=1.0) is weight
        assert weight.uniform_() is weight
    assert not weight.any()
    assert nn.init.constant_(weight, 1.0).all()


Work = Callable[[Tensor], Tensor | tuple[Tensor, ...]]

OPERATIONS: dict[str, Work] = {
    "broadcast": lambda x: x * x[:, :1, :1, :1] + 1.0,
    "in place": lambda x: nn.functional.leaky_relu(x.clone(), 0.2, inplace=True),
    "batch norm": lambda x: nn.functional.batch_norm(x, None, None, training=True),
    "group norm": lambda x: nn.functional.group_norm(x, 2),
    "instance norm": nn.functional.instance_norm,
    "layer norm": lambda x: nn.functional.layer_norm(x, x.shape[-1:]),
    "softmax": lambda x: torch.softmax(x, 1),
    "cat": lambda x: torch.cat([x, x[:, :1]], dim=1),
    "convolution": lambda x: nn.functional.conv2d(x, torch.ones(6, 2, 3, 2), None, (2, 1), (1, 0), 2, 2),
    "convolution, transposed": lambda x: nn.functional.conv_transpose2d(
        x, torch.ones(4, 3, 4, 3), None, (2, 3), 1, (1, 0), 2, 1
    ),
    "convolution of a volume": lambda x: nn.functional.conv3d(x[None], torch.ones(1, 2, 1, 3, 3), padding=1),
    "padded": lambda x: nn.functional.pad(x, (1, 2, 0, 3), mode="reflect"),
    "padded by a value": lambda x: nn.functional.pad(x, (1, 0, -1, 2, 0, 1)),
    "drawn": lambda x: x + torch.randn(4, 1, 1) * torch.rand(1),
    "repeated": lambda x: x.repeat(3, 1, 2, 1, 1),
    "linear": lambda x: nn.functional.linear(x, torch.ones(3, x.shape[-1]), torch.ones(3)),
    "to a size": lambda x: nn.functional.interpolate(x, size=(5, 7), mode="bilinear"),
    "by a factor": lambda x: nn.functional.interpolate(x, scale_factor=2.0, mode="bilinear"),
    "moments": lambda x: torch.var_mean(x, dim=(-1, 0), correction=0),
    "moments of all": lambda x: torch.var_mean(x, keepdim=True),
    "integers": lambda x: torch.arange(4).roll(1) + 1,
}


@pytest.mark.parametrize("work", OPERATIONS.values(), ids=OPERATIONS)
@pytest.mark.parametrize("guard", [torch.no_grad, torch.inference_mode])
def test_an_operation_has_the_shape_and_the_type_that_it_has_with_values(
    work: Work, guard: Callable[[], AbstractContextManager[None]]
) -> None:
    def kinds(result: Tensor | tuple[Tensor, ...]) -> list[tuple[torch.Size, torch.dtype]]:
        listed = [result] if isinstance(result, Tensor) else list(result)
        return [(tensor.shape, tensor.dtype) for tensor in listed]

    with guard():
        expected = kinds(work(torch.ones(2, 4, 6, 8)))
        with shapes_alone():
            assert kinds(work(torch.ones(2, 4, 6, 8))) == expected


def test_networks_are_counted_without_torchs_compiler() -> None:
    """It takes seconds to import, of the few until a volume's first window is translated."""
    script = (
        "import sys; from transmodal import translators;"
        "from transmodal.translators import _facts, _memory\n"
        "for name in ('pix2pix', 'unet_regression', 'macro2micro'):\n"
        "    settings = translators.checked(name, {'width': 8}).model_dump(mode='json')\n"
        "    _memory.forward_bytes(name, settings, (2, 1, 256, 256)); _facts.window_work(name, settings, (256, 256))\n"
        "    print('torch._dynamo' in sys.modules or name != 'macro2micro' and 'sympy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["False"] * 3, done.stderr
