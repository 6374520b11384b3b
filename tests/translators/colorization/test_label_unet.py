"""The U-Net that labels."""

from __future__ import annotations

import copy

import torch

from transmodal.translators.colorization.label_unet import LabelUNet


def test_the_label_unet_takes_any_sides_and_forgets_what_it_saw_settled() -> None:
    net = LabelUNet(3, 5, 4)
    net(torch.rand(2, 3, 37, 50))
    before = copy.deepcopy(net.state_dict())
    image = torch.rand(2, 3, 37, 50)
    logits = net.settled(image)
    assert net.training
    assert logits.shape == (2, 5, 37, 50)
    assert all(torch.equal(one, before[key]) for key, one in net.state_dict().items())
    torch.testing.assert_close(net.settled(image[:1]), logits[:1])
    assert not torch.allclose(net(image), logits)
    assert not torch.equal(net.state_dict()["first.1.running_mean"], before["first.1.running_mean"])
    net.eval().settled(image)
    assert not net.training
