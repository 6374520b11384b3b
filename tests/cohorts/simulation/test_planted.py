"""The planted truth, made again from `case.json`: what images show follows it, region by region."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from transmodal.cohorts.simulation import atlas
from transmodal.cohorts.simulation.individual import LINKED, OWN
from transmodal.cohorts.simulation.planted import Planted, read_subject
from transmodal.errors import InputError
from transmodal.volumes import Volume, io

OPTIONS = atlas.AtlasOptions(spacing_mm=5, modalities=("t1", "fa"), head="never")


@pytest.fixture(scope="module")
def subjects(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("planted")
    atlas.write(atlas.subjects(2, OPTIONS), folder)
    return folder


def read_fa(subjects: Path, case: str) -> Volume:
    return io.read_grey(subjects / case / "fa.nii.gz")


def test_regional_means_follow_the_planted_signals(subjects: Path) -> None:
    """Between two subjects the logarithm of FA differs by what was planted, up to noise and anatomy."""
    seen, truth = [], []
    by_region: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for case in ("atlas-0000", "atlas-0001"):
        volume = read_fa(subjects, case)
        for signal in Planted(read_subject(subjects, case), volume.grid, "fa").signals():
            mean = float(volume.voxels.reshape(-1)[signal.voxels].mean())
            assert signal.own is not None
            planted = LINKED["fa"] * signal.linked + OWN["fa"] * signal.own
            if len(signal.voxels) >= 30:
                by_region.setdefault((signal.region, signal.tissue), []).append((np.log(mean), planted))
    for first, second in (pair for pair in by_region.values() if len(pair) == 2):
        seen.append(first[0] - second[0])
        truth.append(first[1] - second[1])
    assert len(seen) > 25
    assert np.corrcoef(seen, truth)[0, 1] > 0.6


def test_lesions_lie_where_they_were_planted(subjects: Path) -> None:
    volume = read_fa(subjects, "atlas-0001")
    planted = Planted(read_subject(subjects, "atlas-0001"), volume.grid, "fa")
    record = json.loads((subjects / "atlas-0001" / "case.json").read_text())
    lesions = planted.lesions()
    assert len(lesions) == len(record["lesions"]) >= 1
    for lesion, described in zip(lesions, record["lesions"], strict=True):
        assert lesion.radius_mm == pytest.approx(np.mean(described["radii_template_mm"]))
    large = lesions[0].coverage
    indices = np.argwhere(large > 0.5)
    centre = volume.grid.world(indices.astype(np.float64)).mean(axis=0)
    assert np.linalg.norm(centre - record["lesions"][0]["centre_mm"]) < 5
    around = (large < 0.01) & (planted.white > 0.9)
    assert volume.voxels[large > 0.8].mean() < 0.7 * volume.voxels[around].mean()


def test_a_modality_without_a_parameter_has_no_signals(subjects: Path) -> None:
    volume = read_fa(subjects, "atlas-0000")
    assert Planted(read_subject(subjects, "atlas-0000"), volume.grid, "colour").signals() == []


@pytest.mark.parametrize(
    ("target", "sources", "has_own", "has_foreign"),
    [("fa", ("t1",), True, True), ("t2", ("t1",), True, False), ("pd", ("t1", "t2"), False, False)],
)
def test_a_signal_that_a_source_shows_is_not_the_targets_own(
    subjects: Path, target: str, sources: tuple[str, ...], has_own: bool, has_foreign: bool
) -> None:
    volume = read_fa(subjects, "atlas-0000")
    signal = Planted(read_subject(subjects, "atlas-0000"), volume.grid, target, sources).signals()[0]
    assert (signal.own is not None, signal.foreign is not None) == (has_own, has_foreign)


@pytest.mark.parametrize(
    ("change", "part"),
    [({"fingerprint": "another"}, "another version"), ({"options": None}, "no virtual subject")],
)
def test_another_record_is_refused(
    subjects: Path, tmp_path: Path, change: dict[str, object], part: str
) -> None:
    record = json.loads((subjects / "atlas-0000" / "case.json").read_text())
    (tmp_path / "case").mkdir()
    (tmp_path / "case" / "case.json").write_text(json.dumps({**record, **change}))
    with pytest.raises(InputError, match=part):
        read_subject(tmp_path, "case")
    with pytest.raises(InputError, match=r"case\.json"):
        read_subject(tmp_path, "gone")
