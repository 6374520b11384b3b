"""Folders as other translation programs have them: small simulated heads, and what those programs would have made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from family_generators import NestedUNet
from transmodal.volumes import Volume, io

SIDES = {"train": (0, 1, 2), "val": (3,), "test": (4, 5)}
"""Patients of each side of a split."""
SLICES = 6
SLICE_SHAPE = (26, 30)
"""Rows and columns: uneven, so that a picture that is turned is noticed."""
WINDOW = 32
SHAPE = (24, 28, 22)
AFFINE = np.array([[-4.0, 0, 0, 50], [0, -4, 0, 60], [0, 0, 4, -40], [0, 0, 0, 1]])

Picture = NDArray[np.uint8]


def levels(n: int) -> tuple[Picture, Picture]:
    """Return T1 and T2 of a patient in 8 bits, `(rows, columns, slices)`."""
    draw = np.random.default_rng(n)
    i, j, k = np.indices((*SLICE_SHAPE, SLICES)).astype(float)
    inside = ((i - 13) / 10) ** 2 + ((j - 15) / 12) ** 2 + ((k - 2.5) / 6) ** 2 < 1
    texture = np.sin(i / 3 + n) * np.cos(j / 4) + 0.2 * draw.standard_normal(i.shape)
    t1, t2 = 120 + 50 * texture, 140 - 60 * texture + 2 * i
    first, second = (np.where(inside, image, 0).clip(0, 255).astype(np.uint8) for image in (t1, t2))
    return first, second


def write_pictures(place: Path) -> None:
    """Write pairs side by side, and two folders without pairs, as CycleGAN's and pix2pix's data sets lie."""
    for side, patients in SIDES.items():
        for n in patients:
            t1, t2 = levels(n)
            for k in range(SLICES):
                pair = np.concatenate([t1[..., k], t2[..., k]], axis=1)
                _save(pair, place / "aligned" / side / f"p{n}_{k:03d}.png")
                _save(t1[..., k], place / "unaligned" / f"{side}A" / f"a{n}_{k:03d}.png")
                _save(t2[..., k], place / "unaligned" / f"{side}B" / f"b{n}_{k:03d}.png")


def write_generator(place: Path) -> torch.nn.Module:
    """Write a small generator as `latest_net_G.pth`, and its test's results; return it."""
    torch.manual_seed(0)
    generator = NestedUNet((3, 3), 4, 4, "instance")
    torch.save(generator.state_dict(), place / "latest_net_G.pth")
    generator.eval()
    images = place / "results" / "t1_t2_pix2pix" / "test_latest" / "images"
    for path in sorted((place / "aligned" / "test").glob("*.png")):
        pair = np.asarray(Image.open(path))
        source = Image.fromarray(pair[:, : SLICE_SHAPE[1]]).resize((WINDOW, WINDOW))
        _save(translate_picture(generator, np.asarray(source)), images / f"{path.stem}_fake_B.png")
        source.save(images / f"{path.stem}_real_A.png")
    return generator


def translate_picture(generator: torch.nn.Module, picture: Picture) -> Picture:
    """Return what a generator gives for an RGB picture, as the family's test writes it."""
    batch = torch.from_numpy(picture.astype(np.float32) / 127.5 - 1).permute(2, 0, 1)[None]
    with torch.no_grad():
        synthetic = generator(batch)[0].permute(1, 2, 0).numpy()
    return np.rint((synthetic + 1) * 127.5).clip(0, 255).astype(np.uint8)


def write_matrices(place: Path) -> None:
    """Write SynDiff's matrices, slices x width x height from 0 to 1, and what it would have made of the test's."""
    h5py: Any = __import__("h5py")
    (place / "syndiff").mkdir()
    for side, patients in SIDES.items():
        for which, name in enumerate(("T1", "T2")):
            stacks = [levels(n)[which].transpose(2, 1, 0) for n in patients]
            slices = np.concatenate(stacks).astype(np.float64) / 255
            with h5py.File(place / "syndiff" / f"data_{side}_{name}.mat", "w") as file:
                file["data_fs"] = slices
            if (side, name) == ("test", "T2"):
                noise = np.random.default_rng(9).normal(0, 0.05, slices.shape)
                np.save(place / "syndiff-t2.npy", (slices + noise).clip(0, 1))


def write_channels(place: Path) -> None:
    """Write pictures with T1 in the red and T2 in the green channel of the left half, as ResViT has two sources."""
    for side, patients in SIDES.items():
        for n in patients:
            t1, t2 = levels(n)
            for k in range(SLICES):
                left = np.stack([t1[..., k], t2[..., k], np.zeros_like(t1[..., k])], axis=-1)
                target = np.stack([255 - t1[..., k]] * 3, axis=-1)
                path = place / "T1_T2__PD" / side / f"p{n}_{k:03d}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(np.concatenate([left, target], axis=1)).save(path)


def head(n: int) -> dict[str, Volume]:
    """Return MR, CT and body mask of a patient, and a synthetic CT with an error of 60 HU."""
    draw = np.random.default_rng(n)
    i, j, k = np.indices(SHAPE).astype(float)
    inside = ((i - 11) / 9) ** 2 + ((j - 14) / 11) ** 2 + ((k - 11) / 9) ** 2 < 1
    texture = np.sin(i / 3 + n) * np.cos(j / 4) + 0.2 * draw.standard_normal(SHAPE)
    ct = np.where(inside, 50 + 200 * texture + 20 * i, -1000)
    images = {
        "mr": np.where(inside, 300 + 100 * texture, 2).astype(np.float32),
        "ct": ct.astype(np.float32),
        "mask": inside.astype(np.uint8),
        "synthetic": np.rint(ct + draw.normal(0, 60, SHAPE)).astype(np.float32),
    }
    return {name: Volume(voxels, AFFINE) for name, voxels in images.items()}


def write_volume(volume: Volume, path: Path) -> None:
    """Write a volume, with the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    io.write(volume, path)


def _save(picture: Picture, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).convert("RGB").save(path)
