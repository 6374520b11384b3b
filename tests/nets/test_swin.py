"""Windows of a map: cutting, attention and its shift, what every window sees besides, merging."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

from transmodal.nets.swin import Merge, WindowAttention, windows


def test_windows_are_blocks_of_the_map() -> None:
    x = torch.randn(2, 4, 6, 3)
    cut = windows(x, 2)
    assert cut.shape == (12, 4, 3)
    assert torch.equal(cut[6 + 4], x[1, 2:4, 2:4].reshape(4, 3))


@pytest.mark.parametrize("pooled", [0, 2])
@pytest.mark.parametrize(("h", "w", "shift"), [(8, 8, 0), (8, 8, 2), (6, 9, 2), (3, 10, 2), (2, 4, 2)])
def test_attention_is_that_of_each_token_with_its_window_and_the_means(
    h: int, w: int, shift: int, pooled: int
) -> None:
    torch.manual_seed(0)
    side, heads, channels = 4, 2, 6
    attention = WindowAttention(channels, heads, side, shift, pooled)
    nn.init.normal_(attention.bias)
    x = torch.randn(1, h, w, channels)
    by = [shift if length > side else 0 for length in (h, w)]
    q, k, v = attention.qkv(x[0]).unflatten(-1, (3, heads, channels // heads)).unbind(2)
    means = torch.stack([
        x[0, h * i // pooled : -(-h * (i + 1) // pooled), w * j // pooled : -(-w * (j + 1) // pooled)].mean((0, 1))
        for i in range(pooled) for j in range(pooled)
    ]) if pooled else torch.zeros(0, channels)  # fmt: skip
    if pooled:
        far_k, far_v = (
            attention.pooled_kv(attention.pooled_norm(means)).unflatten(-1, (2, heads, -1)).unbind(1)
        )
    else:
        far_k = far_v = torch.zeros(0, heads, channels // heads)
    wanted = torch.zeros(h, w, channels)
    for i in range(h):
        for j in range(w):
            # Shifted windows begin at the shift; what lies before it is a smaller window of its own.
            near = [
                (m, n)
                for m in range(h)
                for n in range(w)
                if (m - by[0]) // side == (i - by[0]) // side and (n - by[1]) // side == (j - by[1]) // side
            ]
            for head in range(heads):
                scale = (channels // heads) ** 0.5
                scores = [
                    q[i, j, head] @ k[m, n, head] / scale
                    + attention.bias[(i - m + side - 1) * (2 * side - 1) + (j - n + side - 1), head]
                    for m, n in near
                ]  # fmt: skip
                scores += [q[i, j, head] @ one / scale for one in far_k[:, head]]
                values = torch.stack([*(v[m, n, head] for m, n in near), *far_v[:, head]])
                part = slice(head * channels // heads, (head + 1) * channels // heads)
                wanted[i, j, part] = torch.stack(scores).softmax(0) @ values
    torch.testing.assert_close(attention(x)[0], attention.out(wanted), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("pooled", [0, 2])
@pytest.mark.parametrize(
    ("h", "w", "shift"), [(8, 8, 0), (8, 8, 2), (6, 9, 2), (3, 10, 1), (4, 4, 2), (5, 3, 0)]
)
def test_the_published_transformer_attends_to_what_fills_a_map_up(
    h: int, w: int, shift: int, pooled: int
) -> None:
    """Zeros are tokens as any, in windows and in the means; a map of one window is shifted as others are."""
    torch.manual_seed(0)
    side, heads, depth = 4, 2, 3
    attention = WindowAttention(heads * depth, heads, side, shift, pooled, "attended")
    nn.init.normal_(attention.bias)
    x = torch.randn(1, h, w, heads * depth)
    filled = torch.zeros(-(-h // side) * side, -(-w // side) * side, heads * depth)
    filled[:h, :w] = x[0]
    rows, columns = filled.shape[:2]
    q, k, v = attention.qkv(filled).unflatten(-1, (3, heads, depth)).unbind(2)
    far_k = far_v = torch.zeros(0, heads, depth)
    if pooled:
        down, across = rows // pooled, columns // pooled  # whole windows of 4 divide into 2
        means = filled.unflatten(1, (pooled, across)).unflatten(0, (pooled, down)).mean((1, 3)).flatten(0, 1)
        both = attention.pooled_kv(attention.pooled_norm(means)).unflatten(-1, (2, heads, depth))
        far_k, far_v = both.unbind(1)

    def region(place: int, length: int) -> tuple[int, bool]:
        """Return the window of a shifted place, and whether it came round from the other end."""
        return (place - shift) % length // side, place < shift

    wanted = torch.zeros_like(x[0])
    for i, j in itertools.product(range(h), range(w)):
        own = (region(i, rows), region(j, columns))
        near = [
            (m, n)
            for m, n in itertools.product(range(rows), range(columns))
            if (region(m, rows), region(n, columns)) == own
        ]
        seen = []
        for head in range(heads):
            scores = []
            for m, n in near:
                # Offsets are those of places within the window, which a shift may have turned round.
                apart = [
                    ((one - shift) % length) % side - ((other - shift) % length) % side + side - 1
                    for one, other, length in ((i, m, rows), (j, n, columns))
                ]
                bias = attention.bias[apart[0] * (2 * side - 1) + apart[1], head]
                scores.append(q[i, j, head] @ k[m, n, head] / depth**0.5 + bias)
            scores += [q[i, j, head] @ key / depth**0.5 for key in far_k[:, head]]
            values = torch.stack([*(v[m, n, head] for m, n in near), *far_v[:, head]])
            seen.append(torch.stack(scores).softmax(0) @ values)
        wanted[i, j] = torch.cat(seen)
    torch.testing.assert_close(attention(x)[0], attention.out(wanted), atol=1e-5, rtol=1e-4)


def test_the_two_rules_are_one_where_windows_fit() -> None:
    torch.manual_seed(0)
    masked = WindowAttention(4, 2, 3, 1, pooled=2)
    attended = WindowAttention(4, 2, 3, 1, pooled=2, padding="attended")
    attended.load_state_dict(masked.state_dict())
    whole, filled, single = torch.randn(1, 6, 9, 4), torch.randn(1, 7, 9, 4), torch.randn(1, 3, 3, 4)
    assert torch.equal(masked(whole), attended(whole))
    assert not torch.allclose(masked(filled), attended(filled), atol=1e-3)
    assert not torch.allclose(masked(single), attended(single), atol=1e-3)


def test_merging_takes_four_neighbours() -> None:
    merge = Merge(1)
    assert merge(torch.randn(1, 4, 6, 1)).shape == (1, 2, 3, 2)
    x = torch.arange(16.0).reshape(1, 4, 4, 1)
    merge.norm, merge.linear = nn.Identity(), nn.Identity()  # type: ignore[assignment]
    assert merge(x)[0, 0, 1].tolist() == [2.0, 6.0, 3.0, 7.0]


def test_one_sample_does_not_see_the_means_of_another() -> None:
    torch.manual_seed(0)
    attention, x = WindowAttention(4, 2, 3, 0, pooled=2), torch.randn(3, 7, 5, 4)
    torch.testing.assert_close(attention(x)[1:2], attention(x[1:2]), atol=1e-6, rtol=1e-5)
