"""A file of the family as a run: the library's volume is what the family's own network gives, slice by slice."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from family_generators import NestedUNet, Residual, draw, own_statistics
from transmodal import checkpoint
from transmodal.errors import InputError, IntegrityError, UsageError
from transmodal.importing.image_translation import Knowledge, windows_of, write_run
from transmodal.inference.load import load
from transmodal.volumes import Volume

T1_TO_CT = Knowledge(("t1",), "ct", windows_of(["t1=0,800", "ct=-1000,2000"]), (32, 32))


def saved(network: nn.Module, path: Path) -> nn.Module:
    torch.save(network.state_dict(), path)
    return network


@pytest.mark.parametrize("is_unet", [True, False])
def test_a_run_translates_as_the_familys_network_does(is_unet: bool, tmp_path: Path) -> None:
    network = NestedUNet((3, 3), 2, 4, "batch") if is_unet else Residual((3, 3), 2, 2, has_dropout=True)
    saved(draw(network), tmp_path / "latest_net_G.pth")
    generator = write_run(tmp_path / "latest_net_G.pth", tmp_path / "run", T1_TO_CT)
    assert generator.kind == ("unet" if is_unet else "resnet")
    voxels = np.random.default_rng(0).uniform(0, 900, (32, 28, 3)).astype(np.float32)
    result = load(tmp_path / "run", device="cpu").translate(Volume(voxels, np.eye(4)))
    own_statistics(network)
    scaled = np.full((32, 32), -1, np.float32)
    for k in range(3):
        scaled[:, 2:30] = np.clip(voxels[..., k] / 400 - 1, -1, 1)
        with torch.no_grad():
            image = network(torch.from_numpy(scaled).expand(1, 3, -1, -1))[0, 0, :, 2:30].numpy()
        expected = np.rint((image.astype(float) + 1) * 1500 - 1000)
        assert np.abs(result.volume.voxels[..., k] - expected).max() <= 1  # rounded to HU
        assert np.ptp(expected) > 300
    assert result.record["target"] == "ct"
    assert result.record["checkpoint"]["starting_weights"]["imported"] == generator_hash(tmp_path)


def generator_hash(folder: Path) -> str:
    record: dict[str, Any] = json.loads((folder / "run" / "run.json").read_text())
    return str(record["imported"]["sha256"])


def test_the_same_file_gives_the_same_run(tmp_path: Path) -> None:
    saved(draw(NestedUNet((1, 1), 2, 4, "instance")), tmp_path / "g.pth")
    for name in ("first", "second"):
        write_run(tmp_path / "g.pth", tmp_path / name, T1_TO_CT)
    first, second = (
        checkpoint.load(tmp_path / name / "checkpoints" / "best") for name in ("first", "second")
    )
    assert first.weights_sha256 == second.weights_sha256
    assert first.translator_config["norm"] == "instance"


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"sources": ("t1", "t2")}, "E004", "2 channels for a network that takes 3"),
        ({"target": "colour"}, "E004", "network that gives 1"),
        ({"size": (30, 32)}, "E001", "multiples of 16"),
        ({"fit": "stretch"}, "E001", "fit"),
    ],
)
def test_facts_that_do_not_fit_the_file_are_refused(
    tmp_path: Path, changes: dict[str, Any], code: str, words: str
) -> None:
    saved(NestedUNet((3, 1), 2, 4, "batch"), tmp_path / "g.pth")
    intensity = {**T1_TO_CT.intensity, **windows_of(["t2=0,1", "colour=0,255"])}
    with pytest.raises(UsageError, match=words) as refused:
        write_run(
            tmp_path / "g.pth", tmp_path / "run", T1_TO_CT._replace(intensity=intensity)._replace(**changes)
        )
    assert refused.value.code == code
    assert not (tmp_path / "run").exists()


def test_other_files_are_refused_and_no_code_of_them_is_run(tmp_path: Path) -> None:
    ran = tmp_path / "ran"

    class Payload:
        def __reduce__(self) -> tuple[object, tuple[Path]]:
            return Path.touch, (ran,)

    (tmp_path / "code.pth").write_bytes(pickle.dumps(Payload()))
    saved(nn.Linear(2, 2), tmp_path / "linear.pth")
    lacking = draw(Residual((1, 1), 2, 2, has_dropout=False)).state_dict()
    lacking.pop("model.4.weight")
    torch.save(lacking, tmp_path / "lacking.pth")
    batch = dict(Residual((1, 1), 2, 1, has_dropout=False).state_dict()) | {"model.2.weight": torch.ones(2)}
    torch.save(batch, tmp_path / "batch.pth")
    kinds: dict[str, tuple[type[Exception], str]] = {
        "code": (InputError, "cannot be read"),
        "linear": (IntegrityError, "another family"),
        "lacking": (IntegrityError, "missing such as model.4.weight"),
        "batch": (IntegrityError, "residual blocks with batch normalisation"),
        "none": (InputError, "no file"),
    }
    for name, (kind, words) in kinds.items():
        with pytest.raises(kind, match=words):
            write_run(tmp_path / f"{name}.pth", tmp_path / "run", T1_TO_CT)
    assert not ran.exists()
    assert not (tmp_path / "run").exists()


def test_words_of_intensities() -> None:
    assert windows_of(["t1=p0.5,p99.5"]) == {"t1": {"method": "percentile", "low": 0.5, "high": 99.5}}
    for word in ("t1", "t1=1", "t1=a,b", "t1=p1,2"):
        with pytest.raises(UsageError, match="--intensity ct=-1000,2000") as refused:
            windows_of([word])
        assert refused.value.code == "E001"
