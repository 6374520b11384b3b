"""A distribution from outside brings a layout, a translator and a metric, and goes the whole way with them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from cli_calls import call, check_refused
from plugin_kits import install, pack
from subject_files import tiny_recipe
from transmodal.volumes import Volume, io


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The distribution as pip installs it, and images in its layout."""
    folder = tmp_path_factory.mktemp("plugins")
    words = "install -q --no-index --no-deps --disable-pip-version-check --target"
    wheel = pack(install(folder / "source"), folder)
    subprocess.run(
        [sys.executable, "-m", "pip", *words.split(), str(folder / "installed"), str(wheel)], check=True
    )
    (folder / "images").mkdir()
    i, j, k = np.indices((12, 12, 9)) - np.array([6, 6, 4]).reshape(3, 1, 1, 1)
    for n, patient in enumerate(("anna", "ben", "cleo", "dora", "emil")):
        t1 = (i**2 + j**2 + 1.5 * k**2 < 20) * (100 + 100 * np.random.default_rng(n).random((12, 12, 9)))
        for contrast, voxels in (("t1", t1), ("fa", t1 / 400)):
            affine = np.diag([4.0, 4, 4, 1])
            io.write(
                Volume(voxels.astype(np.float32), affine), folder / "images" / f"{patient}_{contrast}.nii.gz"
            )
    text = tiny_recipe(translator="line", data="{}", settings="{}")
    (folder / "tiny.yaml").write_text(text)
    return folder


@pytest.fixture
def installed(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(place / "installed")
    yield
    for module in [module for module in sys.modules if module.partition(".")[0] == "night_kit"]:
        del sys.modules[module]


@pytest.mark.usefixtures("installed")
def test_its_parts_are_prepared_trained_translated_and_evaluated(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call("prepare --help")
    assert (
        "Scans of a night shift: a file per contrast, named after the patient. [night-kit 1.2]"
        in " ".join(capsys.readouterr().out.split())
    )
    call(f"prepare night_shift {place}/images -o {place}/cohort --counts 2:1:2 --workers 1")
    call(f"train {place}/tiny.yaml --cohort {place}/cohort -o {place}/run")
    manifest = json.loads((place / "run/checkpoints/best/manifest.json").read_text())["content"]
    assert manifest["plugin"] == {"name": "night-kit", "version": "1.2"}
    call(f"translate {place}/run {place}/images/anna_t1.nii.gz -o {place}/fa.nii.gz --force")
    sidecar = json.loads((place / "fa.json").read_text())
    assert "'plugin': {'name': 'night-kit', 'version': '1.2'}" in str(sidecar)
    call(f"evaluate {place}/run --cohort {place}/cohort --metrics mae,contrast_kept --save-volumes")
    evaluation = json.loads((place / "run/evaluation/evaluation.json").read_text())
    assert {row["metric"] for row in evaluation["rows"]} == {"mae", "contrast_kept"}
    assert "'night-kit': '1.2'" in str(evaluation)
    call(f"check {place}/run --cohort {place}/cohort")


def test_without_it_a_run_says_which_package_it_needs(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = f"{place}/images/anna_t1.nii.gz -o {place}/again.nii.gz"
    part = "the translator line of night-kit 1.2 is not installed"
    check_refused(f"translate {place}/run {words}", 4, part, capsys)
    check_refused(
        f"train {place}/tiny.yaml --cohort {place}/cohort -o {place}/run", 2, "no translator 'line'", capsys
    )
    call(f"translate {place}/run {words}", 4)
    assert "pip install night-kit==1.2" in capsys.readouterr().err
