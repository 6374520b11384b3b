"""Images against sidecars: a hundred that were tampered with or swapped, a hundred found, and none of those left alone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import transmodal
from transmodal.errors import IntegrityError
from transmodal.inference.names import sidecar_of
from transmodal.inference.provenance.checks import check_image, list_checks
from transmodal.inference.provenance.sidecar import read
from transmodal.inference.translation import Translation
from transmodal.storage import files, sealed
from transmodal.volumes import Volume, io

AFFINE = np.diag([2.0, 2.0, 3.0, 1.0])
KINDS = (".nii.gz", ".nii", ".mha", ".mhd")
Draw = np.random.Generator


def write_image(path: Path, seed: int, *, disagreement: bool = False) -> Path:
    draw = np.random.default_rng(seed)
    volume = Volume(draw.normal(size=(3, 4, 5)).astype(np.float32), AFFINE)
    record: dict[str, Any] = {
        "synthetic": True,
        "intended_use": "research",
        "tool": {"name": "transmodal", "version": transmodal.__version__},
        "target": "fa",
        "passes": {"axes": ["x", "z"], "fuse": "mean"},
        "sources": {"t1": {"voxels_sha256": files.sha256_text(str(seed))}},
        "environment": {"device": "cpu", "threads": 1 + seed % 3},
        "values": {"clipped": {"voxels": seed}},
    }
    spread = volume.with_voxels(np.abs(volume.voxels)) if disagreement else None
    Translation(volume, spread, record).write(path, disagreement=disagreement)
    return path


def faults(place: Path) -> list[str]:
    return [fault.line() for check in list_checks(place) if (fault := check.find_fault())]


def swap_sidecars(image: Path, draw: Draw) -> None:
    """Give the image the sidecar of another one that has its name."""
    other = write_image(image.parent / "other" / image.name, int(draw.integers(1000, 2000)))
    shutil.copy(sidecar_of(other), sidecar_of(image))


def swap_images(image: Path, draw: Draw) -> None:
    other = write_image(image.parent / "other" / image.name, int(draw.integers(1000, 2000)))
    for path in other.parent.glob(f"{sidecar_of(image).stem}*"):
        if path != sidecar_of(other):
            shutil.copy(path, image.parent)


def change_voxel(image: Path, draw: Draw) -> None:
    volume = io.read(image)
    voxels = volume.voxels.copy()
    voxels[tuple(draw.integers(0, voxels.shape))] += 1e-3
    io.write(volume.with_voxels(voxels), image)


def change_voxels_behind_a_header(image: Path, draw: Draw) -> None:
    """Give the header of a pair other voxels under the name that it knows; of other formats change a byte."""
    beside = next(image.parent.glob(f"{image.stem}.*.zraw"), None)
    if beside is None:
        flip_byte(image, draw)
        return
    other = write_image(image.parent / "other" / image.name, int(draw.integers(1000, 2000)))
    shutil.copy(next(other.parent.glob("*.zraw")), beside)
    text = image.read_bytes()
    size = next(line for line in other.read_bytes().splitlines() if line.startswith(b"CompressedDataSize"))
    image.write_bytes(
        b"\n".join(size if line.startswith(b"CompressedDataSize") else line for line in text.splitlines())
        + b"\n"
    )


def move_origin(image: Path, draw: Draw) -> None:
    volume = io.read(image)
    affine = volume.affine.copy()
    affine[:3, 3] += draw.uniform(0.1, 3, 3)
    io.write(Volume(volume.voxels, affine), image)


def flip_byte(image: Path, draw: Draw) -> None:
    content = bytearray(image.read_bytes())
    content[int(draw.integers(len(content)))] ^= int(draw.integers(1, 256))
    image.write_bytes(content)


def edit_sidecar(image: Path, draw: Draw) -> None:
    """Change one value somewhere in the sidecar, or a digit of its seal."""
    path = sidecar_of(image)
    record = files.read_json(path)
    place, key = _leaves(record)[int(draw.integers(len(_leaves(record))))]
    value = place[key]
    if isinstance(value, bool):
        place[key] = not value
    else:
        place[key] = value + 1 if isinstance(value, int | float) else value + "x"
    if record["synthetic"] is not True:  # else it would be no sidecar at all
        record["synthetic"], record["target"] = True, "ct"
    path.write_text(json.dumps(record))


def remove_seal(image: Path, draw: Draw) -> None:
    path = sidecar_of(image)
    record = sealed.read(path).content
    record["values"]["clipped"]["voxels"] = int(draw.integers(5000))
    files.write_json(path, record)


def cut_sidecar(image: Path, draw: Draw) -> None:
    """Leave of a sidecar what stood there before its image, sealed: as if the call had been killed."""
    path = sidecar_of(image)
    record = sealed.read(path).content
    del record["image"]
    files.write_json(path, sealed.seal(record | {"draw": int(draw.integers(9))}))


def remove_image(image: Path, _: Draw) -> None:
    image.unlink()


DAMAGES: tuple[Callable[[Path, Draw], None], ...] = (
    swap_sidecars, swap_images, change_voxel, change_voxels_behind_a_header, move_origin,
    flip_byte, edit_sidecar, remove_seal, cut_sidecar, remove_image,
)  # fmt: skip


def _leaves(record: dict[str, Any]) -> list[tuple[dict[str, Any], str]]:
    leaves = []
    for key, value in record.items():
        if isinstance(value, dict):
            leaves += _leaves(value)
        elif not isinstance(value, list):
            leaves.append((record, key))
    return leaves


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_ten_of_each_kind_are_found(damage: Callable[[Path, Draw], None], tmp_path: Path) -> None:
    for seed in range(10):
        image = write_image(tmp_path / f"fa{KINDS[seed % len(KINDS)]}", seed)
        assert faults(image) == faults(sidecar_of(image)) == []
        damage(image, np.random.default_rng([seed, 7]))
        assert faults(sidecar_of(image)), (damage.__name__, seed)
        shutil.rmtree(tmp_path)
        tmp_path.mkdir()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (change_voxel, "fa.mha is not the image of its sidecar: it has other voxels. Take"),
        (move_origin, "fa.mha is not the image of its sidecar: it has another place in space. Take"),
        (swap_images, "fa.mha is not the image of its sidecar: it has other voxels. Take"),
        (edit_sidecar, "fa.json was changed since it was written"),
        (remove_seal, "fa.json has lost its seal"),
        (cut_sidecar, "holds no hash of an image: the call that wrote it was ended"),
        (remove_image, "fa.mha is no file"),
    ],
)
def test_the_difference_is_named(damage: Callable[[Path, Draw], None], words: str, tmp_path: Path) -> None:
    image = write_image(tmp_path / "fa.mha", 3)
    damage(image, np.random.default_rng(0))
    (line,) = faults(sidecar_of(image))
    assert words in line


def test_faults_of_an_image_are_of_code_501(tmp_path: Path) -> None:
    image = write_image(tmp_path / "fa.nii", 3)
    change_voxel(image, np.random.default_rng(0))
    with pytest.raises(IntegrityError) as caught:
        check_image(read(sidecar_of(image)).bindings()["image"])
    assert caught.value.code == "E501"


def test_an_image_under_another_name_is_held_against_the_sidecar_of_that_name(tmp_path: Path) -> None:
    first, second = write_image(tmp_path / "a.nii.gz", 1), write_image(tmp_path / "b.nii.gz", 2)
    shutil.copy(second, tmp_path / "c.nii.gz")
    shutil.copy(sidecar_of(first), tmp_path / "c.json")
    assert "c.nii.gz is not the image of its sidecar" in faults(tmp_path / "c.nii.gz")[0]
    shutil.copy(first, tmp_path / "c.nii.gz")
    assert faults(tmp_path / "c.nii.gz") == []


def test_a_spread_belongs_to_its_image(tmp_path: Path) -> None:
    image = write_image(tmp_path / "a" / "fa.nii.gz", 1, disagreement=True)
    other = write_image(tmp_path / "b" / "fa.nii.gz", 2, disagreement=True)
    spread = image.with_name("fa_plane_disagreement.nii.gz")
    assert len(list_checks(image)) == 4
    assert faults(image) == faults(spread) == []
    shutil.copy(sidecar_of(other.with_name(spread.name)), sidecar_of(spread))
    assert "is of the spread of another image" in faults(image)[0]
    shutil.copy(other.with_name(spread.name), spread)
    assert faults(spread) == []  # these two belong together
    assert len(faults(image)) == 2  # not to this image


def test_a_spread_of_an_image_before_is_found_and_goes_with_it(tmp_path: Path) -> None:
    image = write_image(tmp_path / "fa.nii.gz", 1, disagreement=True)
    spread = image.with_name("fa_plane_disagreement.nii.gz")
    pair = {path: path.read_bytes() for path in (spread, sidecar_of(spread))}
    write_image(image, 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fa.json", "fa.nii.gz"]
    for path, content in pair.items():
        path.write_bytes(content)  # as it was left by versions that replaced the image alone
    assert "is of the spread of another image" in faults(image)[0]
    write_image(image, 3, disagreement=True)
    assert faults(image) == []
    flip_byte(spread, np.random.default_rng(0))
    write_image(image, 4)
    assert spread.exists()  # another file by now, which nobody asked to remove
