"""The models of the package: names, files whose hashes are recorded, cards, and what the demonstration model reaches."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hatchling.builders.wheel import WheelBuilder

import transmodal
from transmodal.checkpoint import archive
from transmodal.cohorts.simulation import atlas
from transmodal.errors import InputError, UsageError
from transmodal.models import MOST_BYTES, library

ROOT = Path(library.__file__).parents[3]
DEMO = "t1-to-fa-demo"


def test_a_name_is_a_file_of_the_package_and_a_path_goes_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert library.names() == (DEMO,)
    assert library.resolve(DEMO) == library.resolve(Path("demo:t1-to-fa")) == library.FOLDER / f"{DEMO}.tmz"
    assert library.is_own(library.resolve(DEMO))
    assert library.resolve("runs/mine") == Path("runs/mine")
    (tmp_path / DEMO).mkdir()
    assert library.resolve(DEMO) == Path(DEMO)
    assert not library.is_own(tmp_path / f"{DEMO}.tmz")


def test_unknown_names_get_the_list() -> None:
    with pytest.raises(UsageError, match=f"no model demo:t1-to-ct in the package.*{DEMO}") as refused:
        library.resolve("demo:t1-to-ct")
    assert refused.value.code == "E002"
    with pytest.raises(UsageError, match=DEMO):
        library.read_card("t1-to-fb-demo")
    with pytest.raises(InputError, match=DEMO) as missing:
        transmodal.load("t1-to-fb-demo")
    assert missing.value.code == "E134"


@pytest.mark.parametrize("name", library.names())
def test_a_model_is_small_has_the_recorded_bytes_and_carries_its_card(name: str) -> None:
    content, record = library.resolve(name).read_bytes(), library.read_record(name)
    assert len(content) == record["bytes"] < MOST_BYTES
    assert hashlib.sha256(content).hexdigest() == record["sha256"]
    packed = archive.read(library.resolve(name))
    assert packed.member("MODEL_CARD.md") == library.read_card(name).encode()
    saved = archive.load(packed)
    assert saved.cohort.digest == record["cohort_digest"]
    assert (*saved.recipe.task.source, saved.recipe.task.target) == (*record["source"], record["target"])


def test_the_card_says_what_the_model_is_not_and_shows_the_recorded_figures() -> None:
    card, record = library.read_card(DEMO), library.read_record(DEMO)
    for words in (
        "Not a medical device",
        "Not trained on people",
        "Not validated on any real scan",
        "DATA_LICENSES.md",
    ):
        assert words in card
    assert "{" not in card
    assert "20 to train, 2 to validate" in card
    for contrast, row in record["figures"].items():
        figures = " | ".join(f"{row[name]:.4f}" for name in ("model", "lookup", "mean_target"))
        assert f"| {contrast} | {figures} |" in card


def test_a_virtual_subject_comes_out_nearer_than_by_the_look_up_table() -> None:
    options = atlas.AtlasOptions(spacing_mm=3.0, modalities=("fa", "t1"), segmentation=False)
    case = atlas.AtlasSubject(0, options, seed=99).load()
    translation = transmodal.load(DEMO, device="cpu").translate(case.volumes["t1"])
    synthetic = translation.volume.voxels
    assert case.mask is not None
    inside = case.mask.voxels > 0
    error = float(np.abs(synthetic - case.volumes["fa"].voxels)[inside].mean())
    assert error < 0.95 * library.read_record(DEMO)["figures"]["plain"]["lookup"]


def test_the_wheel_holds_models_cards_and_records(tmp_path: Path) -> None:
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    packed = zipfile.ZipFile(wheel)
    for name in library.names():
        path = library.resolve(name)
        for ending in (".tmz", ".md", ".json"):
            beside = path.with_suffix(ending)
            assert packed.read(f"transmodal/models/{beside.name}") == beside.read_bytes()
