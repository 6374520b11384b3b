"""The blocks of the fusion network, by hand."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from transmodal.translators.colorization.fusion import (
    Decoder,
    Encoder,
    FusionBlock,
    FusionSpec,
    SqueezeExcite,
)

SPEC = FusionSpec(4, 2, multiscale=True, squeeze=True, convolutions=False)


def test_squeeze_and_excitation_by_hand() -> None:
    block, x = SqueezeExcite(32), torch.randn(2, 32, 5, 3)
    first, second = block.squeeze, block.excite
    assert first.weight.shape == (8, 32)
    assert SqueezeExcite(512).squeeze.weight.shape == (32, 512)
    pooled = x.numpy().mean(axis=(2, 3))
    hidden = np.maximum(pooled @ first.weight.detach().numpy().T + first.bias.detach().numpy(), 0)
    logits = hidden @ second.weight.detach().numpy().T + second.bias.detach().numpy()
    expected = x.numpy() / (1 + np.exp(-logits))[..., None, None]
    np.testing.assert_allclose(block(x).detach().numpy(), expected, rtol=1e-5, atol=1e-6)


def test_a_block_adds_what_its_switches_say() -> None:
    x = torch.randn(2, 16, 6, 6)
    block = FusionBlock(16, SPEC)
    assert block.squeeze is not None
    torch.testing.assert_close(block(x), x + block.squeeze(x))
    assert torch.equal(FusionBlock(16, SPEC._replace(squeeze=False))(x), x)
    convolved = FusionBlock(16, SPEC._replace(squeeze=False, convolutions=True))
    inner = (convolved(x) - x).detach()
    torch.testing.assert_close(inner.mean(dim=(2, 3)), torch.zeros(2, 16), atol=1e-5, rtol=0)
    torch.testing.assert_close(inner.var(dim=(2, 3), correction=0), torch.ones(2, 16), atol=1e-2, rtol=0)


def test_smaller_scales_are_added_to_the_whole() -> None:
    encoder, image = Encoder(1, SPEC), torch.rand(2, 1, 16, 24)
    assert encoder.smaller is not None
    half = F.avg_pool2d(image, 2)
    # A quarter is sampled between the two middle pixels of four.
    quarter = image.reshape(2, 1, 4, 4, 6, 4)[:, :, :, 1:3, :, 1:3].mean(dim=(3, 5))
    for branch, seen in zip(encoder.smaller, (half, quarter), strict=True):
        assert branch(seen).shape == (2, 8, 4, 6)
    expected = torch.cat([b(s) for b, s in zip(encoder.smaller, (half, quarter), strict=True)], dim=1)
    torch.testing.assert_close(encoder(image) - encoder.whole(image), expected, atol=1e-5, rtol=1e-4)
    single = Encoder(1, SPEC._replace(multiscale=False))
    assert torch.equal(single(image), single.whole(image))


def test_guides_are_added_stage_by_stage() -> None:
    decoder, code = Decoder(3, SPEC).eval(), torch.randn(1, 16, 3, 4)
    plain = decoder.stages(code)
    assert [tuple(one.shape[1:]) for one in plain] == [(16, 3, 4), (8, 6, 8), (4, 12, 16)]
    guided = decoder.stages(code, [torch.zeros(1), torch.zeros(1), torch.full((1,), 2.0)])
    torch.testing.assert_close(guided[1], plain[1])
    torch.testing.assert_close(guided[2], plain[2] + 2)
