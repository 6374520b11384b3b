from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from transmodal.nets.vit import MapTransformer


def published_block(tokens: Tensor, weights: dict[str, Tensor], heads: int) -> Tensor:
    """One block of Dosovitskiy et al., appendix A, written out: layer norms add 1e-6 to variances."""

    def normed(x: Tensor, name: str) -> Tensor:
        centred = x - x.mean(-1, keepdim=True)
        return (
            centred / (centred.square().mean(-1, keepdim=True) + 1e-6).sqrt() * weights[f"{name}.weight"]
            + weights[f"{name}.bias"]
        )

    x = normed(tokens, "norm1")
    query, key, value = (
        part.unflatten(-1, (heads, -1)).transpose(1, 2)
        for part in F.linear(x, weights["self_attn.in_proj_weight"], weights["self_attn.in_proj_bias"]).chunk(
            3, -1
        )
    )
    shares = (query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5).softmax(-1)
    seen = (shares @ value).transpose(1, 2).flatten(2)
    tokens = tokens + F.linear(seen, weights["self_attn.out_proj.weight"], weights["self_attn.out_proj.bias"])
    inner = F.gelu(F.linear(normed(tokens, "norm2"), weights["linear1.weight"], weights["linear1.bias"]))
    return tokens + F.linear(inner, weights["linear2.weight"], weights["linear2.bias"])


def test_a_block_is_the_published_one_where_variances_are_small() -> None:
    torch.manual_seed(1)
    net = MapTransformer(8, depth=1, heads=2).double().eval()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    image = 1e-3 * torch.randn(2, 8, 3, 2, dtype=torch.float64)  # a variance of 1e-6: what is added counts
    weights = {
        name.removeprefix("layers.layers.0."): value
        for name, value in net.state_dict().items()
        if name.startswith("layers.layers.0.")
    }
    block = published_block(image.flatten(2).transpose(1, 2), weights, heads=2)
    centred = block - block.mean(-1, keepdim=True)
    last = centred / (centred.square().mean(-1, keepdim=True) + 1e-6).sqrt()
    state = net.state_dict()
    wanted = last * state["layers.norm.weight"] + state["layers.norm.bias"]
    torch.testing.assert_close(net(image).flatten(2).transpose(1, 2), wanted, rtol=1e-9, atol=1e-9)
