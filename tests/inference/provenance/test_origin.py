"""The run that made an image: known by the whole manifest, found by it, and what differs is named."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from transmodal.checkpoint import manifest
from transmodal.errors import InputError, IntegrityError
from transmodal.inference.load import load
from transmodal.inference.provenance import origin

EARLIER = Path(__file__).parents[2] / "contract" / "earlier"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    shutil.copytree(EARLIER / "run", tmp_path / "runs" / "tiny")
    return tmp_path / "runs" / "tiny"


def record_of(run: Path) -> dict[str, Any]:
    model = load(run, device="cpu")
    assert model.fingerprint is not None
    return {"checkpoint": {**model.fingerprint.to_json(), "weights_sha256": model.digest}}


def halve_scale(run: Path) -> None:
    """Change the map of target intensities, and the seal of the manifest with it."""
    path = run / "checkpoints" / "best" / "manifest.json"
    content = manifest.unseal(path)
    content["target_map"]["scale"] /= 2
    path.write_bytes(manifest.seal(content))


def test_the_seal_of_the_manifest_is_the_hash_that_is_recorded(run: Path) -> None:
    record = record_of(run)["checkpoint"]
    raw = (run / "checkpoints" / "best" / "manifest.json").read_text()
    assert raw.startswith(f'{{"sha256": "{record["manifest_sha256"]}"')
    assert record["name"] == "best"
    assert "target_map" in record["manifest_parts"]


def test_a_halved_scale_in_a_resealed_manifest_is_named(run: Path) -> None:
    record = record_of(run)
    origin.check(record, run)
    halve_scale(run)
    with pytest.raises(IntegrityError, match="its best checkpoint differs in target_map;") as caught:
        origin.check(record, run)
    assert caught.value.code == "E501"
    assert origin.find_checkpoint(origin.of(record), run) is None


def test_another_checkpoint_and_damaged_ones_did_not_make_it(run: Path) -> None:
    record = record_of(run)
    weights = run / "checkpoints" / "best" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\0\0")
    with pytest.raises(IntegrityError, match="its last checkpoint differs in files, state"):
        origin.check(record, run)
    shutil.rmtree(run / "checkpoints" / "last")
    with pytest.raises(IntegrityError, match="none of its checkpoints is whole"):
        origin.check(record, run)
    with pytest.raises(InputError, match="without checkpoints"):
        origin.check(record, run.parent)


def test_a_run_is_found_by_what_its_manifest_holds(run: Path, tmp_path: Path) -> None:
    wanted = origin.of(record_of(run))
    shutil.copytree(run, tmp_path / "a" / "changed")
    halve_scale(tmp_path / "a" / "changed")
    assert origin.find_run(wanted, [tmp_path]) == run
    assert origin.find_run(wanted, [tmp_path / "a", run]) == run
    assert origin.find_run(wanted, [tmp_path / "a"]) is None
    assert origin.find_checkpoint(wanted, run) == "best"


def test_sidecars_of_earlier_versions_know_the_weights_alone(run: Path) -> None:
    record = {"checkpoint": {"weights_sha256": record_of(run)["checkpoint"]["weights_sha256"]}}
    halve_scale(run)
    origin.check(record, run)
    with pytest.raises(IntegrityError, match="differs in weights"):
        origin.check({"checkpoint": {"weights_sha256": "0"}}, run)


@pytest.mark.parametrize("content", [{}, {"checkpoint": 3}, {"checkpoint": {}}])
def test_a_sidecar_without_a_checkpoint_is_refused(content: dict[str, Any]) -> None:
    with pytest.raises(InputError) as caught:
        origin.of(content)
    assert caught.value.code == "E102"
