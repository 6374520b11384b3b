"""What every conditional GAN has to do with its terms."""

from __future__ import annotations

import torch

from transmodal.batch import Batch
from transmodal.translators._conditional_gan import ConditionalGan


def check_terms(translator: ConditionalGan, batch: Batch) -> None:
    """See that each player's terms reach it alone, weighted by 3 (L1) and by a half (adversarial)."""
    outputs = translator.synthesise(batch)
    terms = translator.losses("generator", batch, outputs)
    assert batch.target is not None
    torch.testing.assert_close(terms["l1"], 3.0 * (outputs.synthetic - batch.target).abs().mean())
    assert translator.discriminator is not None
    verdicts = translator.discriminator(torch.cat([batch.source, outputs.synthetic], dim=1))
    torch.testing.assert_close(terms["adversarial"], 0.5 * ((verdicts - 1) ** 2).mean())
    torch.autograd.backward(list(translator.losses("discriminator", batch, outputs).values()))
    assert all(weight.grad is None for weight in translator.generator.parameters())
    assert all(weight.grad is not None for weight in translator.discriminator.parameters())
    torch.autograd.backward(terms["l1"])
    assert all(weight.grad is not None for weight in translator.generator.parameters())
