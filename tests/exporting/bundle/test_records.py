"""Records of bundles, in MONAI's words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from transmodal.exporting.bundle import records
from transmodal.exporting.description import describe
from transmodal.inference.model import Model
from transmodal.storage import files


def test_metadata_has_the_keys_that_monai_asks_for(small: Callable[..., Model], tmp_path: Path) -> None:
    (tmp_path / "configs").mkdir()
    description = describe(small(), "bundle")
    records.write_metadata(tmp_path, description, needs_library=False)
    content = files.read_json(tmp_path / "configs" / "metadata.json")
    for key in ("version", "changelog", "monai_version", "pytorch_version", "task", "network_data_format"):
        assert key in content
    image = content["network_data_format"]["inputs"]["image"]
    assert (image["num_channels"], image["spatial_shape"]) == (1, [16, 16])
    assert "transmodal" not in content["required_packages_version"]
    records.write_metadata(tmp_path, description, needs_library=True)
    content = files.read_json(tmp_path / "configs" / "metadata.json")
    assert content["network_data_format"]["outputs"]["pred"]["spatial_shape"] == ["*", "*"]


def test_the_page_names_each_source_and_the_reason(small: Callable[..., Model]) -> None:
    report = {
        "test_volume": {"words": "a phantom"},
        "largest_difference": 1.0,
        "mean_difference": 0.1,
        "tolerance": 2.0,
        "seconds_in_all": 3.0,
    }
    text = records._page(describe(small(), "bundle"), report, "its region is found")
    assert "--t1 /data/t1.nii.gz" in text
    assert "by which it translates: its region is found" in text
    assert "Largest difference 1, mean 0.1 (at most 2)" in text
