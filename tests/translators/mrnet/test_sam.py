"""SAM's encoder against plain tensor operations, and the three files that it takes."""

from __future__ import annotations

from pathlib import Path

import pytest
import safetensors.torch
import torch
import torch.nn.functional as F
from torch import Tensor

from transmodal.errors import InputError, IntegrityError, UsageError
from transmodal.nets.meta import shapes_alone
from transmodal.translators.mrnet.sam import SamEncoder, SamModel, pretrained_sam, rename_tensors

WIDTH, HEADS, OUT, WINDOW = 32, 2, 16, 14
EVERYWHERE = 1  # the second of two layers


def metas(side: int) -> dict[str, Tensor]:
    """Return tensors of a tiny encoder as Meta's file names them, for images of `16 * side`."""
    torch.manual_seed(5)
    found = {
        "pos_embed": torch.randn(1, side, side, WIDTH) / 5,
        "patch_embed.proj.weight": torch.randn(WIDTH, 3, 16, 16) / 28,
        "patch_embed.proj.bias": torch.randn(WIDTH) / 5,
        "neck.0.weight": torch.randn(OUT, WIDTH, 1, 1) / 5,
        "neck.1.weight": 1 + torch.randn(OUT) / 5,
        "neck.1.bias": torch.randn(OUT) / 5,
        "neck.2.weight": torch.randn(OUT, OUT, 3, 3) / 12,
        "neck.3.weight": 1 + torch.randn(OUT) / 5,
        "neck.3.bias": torch.randn(OUT) / 5,
    }
    for n in range(2):
        block, reach = f"blocks.{n}", side if n == EVERYWHERE else WINDOW
        for name, after, before in (
            ("attn.qkv", 3 * WIDTH, WIDTH),
            ("attn.proj", WIDTH, WIDTH),
            ("mlp.lin1", 4 * WIDTH, WIDTH),
            ("mlp.lin2", WIDTH, 4 * WIDTH),
        ):
            found[f"{block}.{name}.weight"] = torch.randn(after, before) / before**0.5
            found[f"{block}.{name}.bias"] = torch.randn(after) / 5
        for norm in ("norm1", "norm2"):
            found[f"{block}.{norm}.weight"] = 1 + torch.randn(WIDTH) / 5
            found[f"{block}.{norm}.bias"] = torch.randn(WIDTH) / 5
        for axis in "hw":
            found[f"{block}.attn.rel_pos_{axis}"] = torch.randn(2 * reach - 1, WIDTH // HEADS) / 3
    return found


def written(layout: str, given: dict[str, Tensor], folder: Path) -> str:
    """Write the tensors as one of the three files that are published, and what else these hold."""
    if layout == "timm":
        path = folder / "timm.pth"
        torch.save({name.replace("mlp.lin", "mlp.fc"): value for name, value in given.items()}, path)
    elif layout == "meta":
        path = folder / "meta.pth"
        rest = {"prompt_encoder.not_a_point_embed.weight": torch.zeros(3), "mask_decoder.x": torch.zeros(2)}
        torch.save({f"image_encoder.{name}": value for name, value in given.items()} | rest, path)
    else:
        path, found = folder / "hf.safetensors", {}
        for name, value in given.items():
            for old, new in (
                ("blocks.", "layers."),
                (".norm1", ".layer_norm1"),
                (".norm2", ".layer_norm2"),
                ("embed.proj", "embed.projection"),
                ("neck.0", "neck.conv1"),
                ("neck.1", "neck.layer_norm1"),
                ("neck.2", "neck.conv2"),
                ("neck.3", "neck.layer_norm2"),
            ):
                name = name.replace(old, new)
            found[f"vision_encoder.{name}"] = value
        found["shared_image_embedding.positional_embedding"] = torch.zeros(2)
        safetensors.torch.save_file(found, path)
    return str(path)


def attended(given: dict[str, Tensor], block: str, x: Tensor) -> Tensor:
    """Return the attention of one square of tokens `(n, n, WIDTH)`, head by head, with its biases spelt out."""
    n = x.shape[0]
    flat = x.reshape(n * n, WIDTH)
    q, k, v = F.linear(flat, given[f"{block}.qkv.weight"], given[f"{block}.qkv.bias"]).chunk(3, dim=1)
    rows, columns = torch.arange(n * n) // n, torch.arange(n * n) % n
    # The table's middle row is for two tokens in one line; a query below its key looks up further on.
    down = given[f"{block}.rel_pos_h"][rows[:, None] - rows[None] + n - 1]
    right = given[f"{block}.rel_pos_w"][columns[:, None] - columns[None] + n - 1]
    heads = []
    for part in torch.arange(WIDTH).chunk(HEADS):
        scores = q[:, part] @ k[:, part].T / len(part) ** 0.5
        scores = scores + (q[:, None, part] * (down + right)).sum(dim=2)
        heads.append(scores.exp() / scores.exp().sum(dim=1, keepdim=True) @ v[:, part])
    joined = F.linear(torch.cat(heads, dim=1), given[f"{block}.proj.weight"], given[f"{block}.proj.bias"])
    return joined.reshape(n, n, WIDTH)


def plainly(given: dict[str, Tensor], image: Tensor) -> Tensor:
    """Return the features of one image `(3, S, S)` that is normalised already, as Meta describes its encoder."""
    x = F.conv2d(image[None], given["patch_embed.proj.weight"], given["patch_embed.proj.bias"], stride=16)[0]
    x = x.permute(1, 2, 0) + given["pos_embed"][0]
    side = len(x)
    for n in range(2):
        block = f"blocks.{n}"
        norm = [given[f"{block}.norm1.{part}"] for part in ("weight", "bias")]
        normed = F.layer_norm(x, (WIDTH,), *norm, eps=1e-6)
        if n == EVERYWHERE:
            seen = attended(given, f"{block}.attn", normed)
        else:
            whole = -(-side // WINDOW) * WINDOW
            padded = torch.zeros(whole, whole, WIDTH)
            padded[:side, :side] = normed
            for i in range(0, whole, WINDOW):
                for j in range(0, whole, WINDOW):
                    here = (slice(i, i + WINDOW), slice(j, j + WINDOW))
                    padded[here] = attended(given, f"{block}.attn", padded[here].clone())
            seen = padded[:side, :side]
        x = x + seen
        norm = [given[f"{block}.norm2.{part}"] for part in ("weight", "bias")]
        hidden = F.linear(F.layer_norm(x, (WIDTH,), *norm, eps=1e-6), *weights(given, f"{block}.mlp.lin1"))
        x = x + F.linear(F.gelu(hidden), *weights(given, f"{block}.mlp.lin2"))
    features = F.conv2d(x.permute(2, 0, 1)[None], given["neck.0.weight"])
    features = over_channels(features, *weights(given, "neck.1"))
    features = F.conv2d(features, given["neck.2.weight"], padding=1)
    return over_channels(features, *weights(given, "neck.3"))[0]


def weights(given: dict[str, Tensor], name: str) -> tuple[Tensor, Tensor]:
    return given[f"{name}.weight"], given[f"{name}.bias"]


def over_channels(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    mean = x.mean(dim=1, keepdim=True)
    deviation = (x.var(dim=1, keepdim=True, unbiased=False) + 1e-6).sqrt()
    return (x - mean) / deviation * weight[:, None, None] + bias[:, None, None]


def normalised(images: Tensor) -> Tensor:
    """Normalise as Meta's code does, in grey levels of 0 to 255."""
    mean, deviation = torch.tensor([123.675, 116.28, 103.53]), torch.tensor([58.395, 57.12, 57.375])
    return (255 * images - mean[:, None, None]) / deviation[:, None, None]


@pytest.mark.parametrize("layout", ["meta", "hf", "timm"])
def test_every_file_gives_the_features_of_the_plain_encoder(layout: str, tmp_path: Path) -> None:
    given, images = metas(16), torch.rand(2, 3, 256, 256)
    sam = pretrained_sam(written(layout, given, tmp_path), "tiny", 256, "")
    features = sam(images)
    assert features.shape == (2, OUT, 16, 16)
    for n in range(2):
        torch.testing.assert_close(features[n], plainly(given, normalised(images[n])), rtol=1e-4, atol=2e-5)


def test_the_files_are_the_same_weights(tmp_path: Path) -> None:
    given, image = metas(64), torch.rand(1, 3, 64, 64)
    nets = [
        pretrained_sam(written(name, given, tmp_path), "tiny", 256, "") for name in ("meta", "hf", "timm")
    ]
    assert len({net.digest() for net in nets}) == 1
    assert not nets[0].is_random
    for net in nets[1:]:
        torch.testing.assert_close(net(image), nets[0](image), rtol=0, atol=1e-6)


@pytest.mark.parametrize(("size", "side"), [(256, 16), (512, 32), (1024, 64)])
def test_positions_are_brought_to_the_size(size: int, side: int) -> None:
    given = metas(64)
    # What rises by 1 from token to token rises by 64 / side after resizing, seen from the middle.
    ramp = torch.arange(64.0) - 31.5
    given["pos_embed"] = (ramp[:, None] + 100 * ramp[None])[None, :, :, None].expand(1, 64, 64, WIDTH).clone()
    far = (torch.arange(127.0) - 63)[:, None].expand(127, WIDTH // HEADS)
    given["blocks.1.attn.rel_pos_h"], given["blocks.1.attn.rel_pos_w"] = far.clone(), 2 * far
    found = rename_tensors({f"image_encoder.{name}": value for name, value in given.items()}, "tiny", size)  # type: ignore[arg-type]
    step = 64 / side
    wanted = (torch.arange(float(side)) - (side - 1) / 2) * step
    absolute = found["vision_encoder.pos_embed"]
    assert absolute.shape == (1, side, side, WIDTH)
    inner = slice(2, side - 2)  # the outermost ones lean on repeated edges
    torch.testing.assert_close(
        absolute[0, inner, inner, 7], wanted[inner, None] + 100 * wanted[None, inner], rtol=1e-4, atol=0.05
    )
    relative = found["vision_encoder.layers.1.attn.rel_pos_h"]
    assert len(relative) == 2 * side - 1
    step = 127 / (2 * side - 1)
    torch.testing.assert_close(relative[:, 3], (torch.arange(2.0 * side - 1) - (side - 1)) * step)
    torch.testing.assert_close(found["vision_encoder.layers.1.attn.rel_pos_w"], 2 * relative)
    for axis in "hw":  # within windows nothing changes
        name = f"attn.rel_pos_{axis}"
        assert torch.equal(found[f"vision_encoder.layers.0.{name}"], given[f"blocks.0.{name}"])
    if side == 64:
        assert torch.equal(absolute, given["pos_embed"])


def test_other_sides_are_resized_and_padded_as_sam_pads(tmp_path: Path) -> None:
    given = metas(16)
    sam = pretrained_sam(written("meta", given, tmp_path), "tiny", 256, "")
    images = torch.rand(1, 3, 96, 48)
    resized = torch.zeros(3, 256, 256)
    resized[:, :, :128] = normalised(F.interpolate(images, (256, 128), mode="bilinear")[0])
    torch.testing.assert_close(sam(images)[0], plainly(given, resized)[..., :8], rtol=1e-4, atol=2e-5)
    assert sam(torch.rand(1, 3, 40, 104)).shape == (1, OUT, 6, 16)
    assert sam(torch.rand(1, 3, 4, 400)).shape == (1, OUT, 1, 16)


@pytest.mark.parametrize(
    ("model", "count", "tensors"), [("b", 89_670_912, 177), ("l", 308_278_272, 345), ("h", 637_026_048, 457)]
)
def test_the_published_sizes(model: SamModel, count: int, tensors: int) -> None:
    sam = pretrained_sam(None, model, 1024, "")
    assert sam.count() == count
    assert sam(torch.empty(1, 3, 256, 256, device="meta")).shape == (1, 256, 64, 64)
    with shapes_alone():
        assert len(SamEncoder(model).state_dict()) == tensors


def test_random_weights_are_seeded_and_tell_images_and_places_apart() -> None:
    sam, again = (pretrained_sam("random", "tiny", 256, "") for _ in range(2))
    torch.manual_seed(1)
    digest = sam.digest()
    torch.manual_seed(2)
    assert again.digest() == digest
    assert digest.startswith("random:")
    one, other = sam(torch.stack([torch.full((3, 64, 64), 0.2), torch.rand(3, 64, 64)]))
    assert (one - other).abs().mean() > 0.3
    assert one.std(dim=(1, 2)).mean() > 0.1


@pytest.mark.parametrize("spoil", ["missing", "strange", "shape", "model", "decoder", "odd"])
def test_other_files_are_refused(spoil: str, tmp_path: Path) -> None:
    given = metas(64)
    if spoil == "missing":
        del given["blocks.1.attn.rel_pos_h"]
    if spoil == "strange":
        given["blocks.2.norm1.weight"] = torch.zeros(WIDTH)
    if spoil == "shape":
        given["pos_embed"] = given["pos_embed"][..., :8]
    if spoil == "decoder":
        given = {"x.weight": torch.zeros(3)}
    if spoil == "odd":
        given["rel_pos_h"] = torch.zeros(3, 3)
    model: SamModel = "b" if spoil == "model" else "tiny"
    with pytest.raises(IntegrityError, match="another architecture") as refused:
        pretrained_sam(written("meta", given, tmp_path), model, 256, "").digest()
    assert refused.value.code == "E502"


def test_missing_weights_say_where_they_are_published() -> None:
    with pytest.raises(UsageError, match=r"sam_vit_b_01ec64\.pth of https://.*ec2df627.*; or this") as none:
        pretrained_sam(None, "b", 1024, "or this").check()
    assert none.value.code == "E004"
    with pytest.raises(InputError, match=r"sam_vit_h_4b8939\.pth") as absent:
        pretrained_sam("/nowhere/sam.pth", "h", 1024, "").check()
    assert absent.value.code == "E100"


def test_transformers_is_imported_when_an_encoder_is_made() -> None:
    import subprocess
    import sys

    code = "import sys, transmodal.translators.mrnet.sam; print('transformers' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@torch.inference_mode()
def test_stages_end_with_the_features_and_leave_no_hook() -> None:
    encoder = SamEncoder("tiny", 256).eval()
    images = torch.rand(2, 3, 32, 40, generator=torch.Generator().manual_seed(1))
    stages = encoder.stages(images)
    assert list(stages) == [f"SAM layer {EVERYWHERE + 1}", "SAM neck"]
    assert torch.equal(stages["SAM neck"], encoder(images))
    tokens = stages[f"SAM layer {EVERYWHERE + 1}"]
    assert tokens.shape == (2, WIDTH, *stages["SAM neck"].shape[2:])
    rows = 256 // 16
    padded = F.pad(tokens, (0, rows - tokens.shape[3], 0, rows - tokens.shape[2]))
    again = encoder.vision_encoder.neck(padded.permute(0, 2, 3, 1))[
        ..., : tokens.shape[2] - 1, : tokens.shape[3]
    ]
    # The neck's kernels of 3 see the padding at the lower rim alone.
    torch.testing.assert_close(again, stages["SAM neck"][..., : tokens.shape[2] - 1, :])
    assert not encoder.vision_encoder.layers[EVERYWHERE]._forward_hooks
