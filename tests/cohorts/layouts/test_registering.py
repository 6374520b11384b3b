"""Plain folders and pairs register their contrasts where they are told, as E130 advises."""

from __future__ import annotations

from pathlib import Path

import pytest

from transmodal import cli
from transmodal.cohorts import layouts
from transmodal.cohorts.simulation import atlas
from transmodal.cohorts.store import Cohort
from transmodal.volumes import Volume, io
from transmodal.volumes.geometry.reorient import reorient


@pytest.mark.parametrize("layout", ["folders", "pairs"])
def test_two_grids_are_registered_as_the_error_advises(
    layout: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = atlas.AtlasOptions(modalities=("t1", "t2"), spacing_mm=5.0, head="always")
    case = atlas.subjects(1, options, seed=3)[0].load()
    t2 = reorient(case.volumes["t2"], "PSR")
    affine = t2.affine.copy()
    affine[:3, 3] += (3.0, -4.0, 2.0)
    for name, volume in (("t1", case.volumes["t1"]), ("t2", Volume(t2.voxels, affine))):
        path = tmp_path / "data" / (f"a/{name}.nii.gz" if layout == "folders" else f"{name}/a.nii.gz")
        path.parent.mkdir(parents=True, exist_ok=True)
        io.write(volume, path)
    line = f"prepare {layout} {tmp_path}/data -o {tmp_path}/c --split 1:0:0 --workers 1".split()
    assert cli.run(line) == 3
    error = capsys.readouterr().err
    assert "error[E130]" in error
    assert "--with onto=MODALITY" in error
    assert cli.run([*line, "--with", "onto=t1"]) == 0
    (prepared,) = Cohort.open(tmp_path / "c").cases()
    assert prepared.volume("t1").grid.same_as(prepared.volume("t2").grid)
    assert 0 <= prepared.entry.notes["registration_mm"] < 2


@pytest.mark.parametrize("layout", ["folders", "pairs", "bids", "dicom", "ixi", "t1_fa"])
def test_the_layouts_that_the_error_names_have_the_key(layout: str) -> None:
    assert "onto" in layouts.keys_of(layout)
