"""The codebook of the autoencoder."""

from __future__ import annotations

import torch

from transmodal.translators.aldm.vq import AutoencoderShape, VQAutoencoder, codebook_terms


def test_codes_are_the_nearest_and_pass_the_gradient_on() -> None:
    torch.manual_seed(0)
    net = VQAutoencoder(1, AutoencoderShape(4, (1, 2), 3, 8, 4))
    coded = net.encode(torch.rand(2, 1, 8, 12))
    assert coded.latent.shape == (2, 3, 4, 6)
    for b, i, j in ((0, 0, 0), (1, 3, 5), (0, 2, 1)):
        latent = coded.latent[b, :, i, j]
        nearest = min(range(8), key=lambda n: float((net.codebook.weight[n] - latent).detach().norm()))
        torch.testing.assert_close(coded.code[b, :, i, j], net.codebook.weight[nearest])
    torch.testing.assert_close(coded.passed, coded.code)
    coded.passed.sum().backward(retain_graph=True)
    assert net.codebook.weight.grad is None
    assert all(parameter.grad is not None for parameter in net.encoder.parameters())
    net.zero_grad(set_to_none=True)
    terms = codebook_terms(coded, 0.5, 0.25)
    terms["codebook"].backward(retain_graph=True)
    assert net.codebook.weight.grad is not None
    assert all(parameter.grad is None for parameter in net.encoder.parameters())
    # The released code has beta at the codes' term, not at the commitment.
    torch.testing.assert_close(terms["codebook"], 0.25 * terms["commitment"])
    expected = 0.5 * (coded.latent - coded.code).square().mean()
    torch.testing.assert_close(terms["commitment"], expected)
