"""A translation as it is written: volume and sidecar that belong together, and a header that says what it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

import transmodal
from transmodal.errors import UsageError
from transmodal.inference.translation import Translation
from transmodal.storage import sealed
from transmodal.volumes import Volume, binding, io

MARK = f"SYNTHETIC fa, transmodal {transmodal.__version__}"


def translation(draws: int = 0, *, spread: bool = True) -> Translation:
    volume = Volume(np.linspace(0, 1, 60, dtype=np.float32).reshape(3, 4, 5), np.diag([2.0, 2.0, 3.0, 1.0]))
    passes: dict[str, Any] = {"axes": ["x", "z"], "fuse": "mean"} | ({"draws": draws} if draws else {})
    record = {
        "synthetic": True,
        "intended_use": "research",
        "tool": {"name": "transmodal", "version": transmodal.__version__},
        "target": "fa",
        "passes": passes,
        "notes": ["first"],
    }
    return Translation(volume, volume.with_voxels(volume.voxels / 9) if spread else None, record)


def header_mark(path: Path) -> str:
    return bytes(nib.load(path).header["descrip"]).rstrip(b"\0").decode()  # type: ignore[attr-defined]


def test_volume_and_sidecar_belong_together_and_the_header_says_synthetic(tmp_path: Path) -> None:
    made = translation()
    sidecar = made.write(tmp_path / "deeper" / "fa.nii.gz")
    image = tmp_path / "deeper" / "fa.nii.gz"
    assert sidecar == tmp_path / "deeper" / "fa.json"
    np.testing.assert_array_equal(io.read(image).voxels, made.volume.voxels)
    assert io.read(image).grid == made.volume.grid
    record = json.loads(sidecar.read_text())
    assert record["image"] == {"name": "fa.nii.gz", **binding.read(image)._asdict()}
    assert record == sealed.seal({**made.record, "image": record["image"]})
    assert header_mark(image) == MARK
    assert len(MARK) <= 79
    assert {path.name for path in image.parent.iterdir()} == {"fa.nii.gz", "fa.json"}


def test_what_is_known_besides_stands_in_the_sidecar_alone(tmp_path: Path) -> None:
    made = translation()
    sidecar = made.write(
        str(tmp_path / "fa.mha"), about={"origins": {"t1": "a"}, "notes": ["first", "second"]}
    )
    record = json.loads(sidecar.read_text())
    assert (record["origins"], record["notes"]) == ({"t1": "a"}, ["first", "second"])
    assert made.record["notes"] == ["first"]


@pytest.mark.parametrize(("draws", "kind"), [(0, "plane_disagreement"), (3, "disagreement")])
def test_the_disagreement_has_a_sidecar_and_a_mark_of_its_own(draws: int, kind: str, tmp_path: Path) -> None:
    record = json.loads(translation(draws).write(tmp_path / "fa.nii.gz", disagreement=True).read_text())
    image = tmp_path / f"fa_{kind}.nii.gz"
    assert record[kind] == {"name": image.name, **binding.read(image)._asdict()}
    own = json.loads((tmp_path / f"fa_{kind}.json").read_text())
    assert own["image"] == record[kind]
    assert own["of"] == record["image"]
    assert own["synthetic"] is True
    assert (
        header_mark(image) == f"SYNTHETIC fa: {kind.replace('_', ' ')}, transmodal {transmodal.__version__}"
    )


def test_one_pass_has_no_disagreement_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="one pass") as refused:
        translation(spread=False).write(tmp_path / "fa.nii.gz", disagreement=True)
    assert refused.value.code == "E004"
    assert not list(tmp_path.iterdir())


def test_an_image_is_announced_before_it_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill between image and sidecar leaves no image of which nobody says what it is."""
    seen: list[dict[str, Any]] = []

    def fail(*_: object, **__: object) -> str:
        seen.append(sealed.read(tmp_path / "fa.json").content)
        raise KeyboardInterrupt

    made = translation()
    with monkeypatch.context() as patched:
        patched.setattr(io, "write_back", fail)
        with pytest.raises(KeyboardInterrupt):
            made.write(tmp_path / "fa.nii.gz")
    assert seen == [made.record]
    assert list(tmp_path.iterdir()) == []
    record = made.write(tmp_path / "fa.nii.gz").read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr(io, "write_back", fail)
        with pytest.raises(KeyboardInterrupt):
            made.write(tmp_path / "fa.nii.gz")
    assert (tmp_path / "fa.json").read_bytes() == record
