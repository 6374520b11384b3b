"""One record says what a modality is; a new one is one line."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import numpy as np
import pytest

from transmodal import modalities
from transmodal.cohorts.aliases import alias_of
from transmodal.cohorts.case import Case
from transmodal.cohorts.headers import bids_names
from transmodal.cohorts.headers.source_facts import read_source_facts
from transmodal.cohorts.options import PrepareOptions
from transmodal.cohorts.prepare import write_case
from transmodal.evaluation.drawing.figures import DisplayWindow, label, window_of
from transmodal.evaluation.score import range_of, score, unit_of
from transmodal.modalities import BidsName, Modality, known_modalities, modality_in, modality_of
from transmodal.recipes.schema import Data
from transmodal.volumes import Volume
from transmodal.volumes.bounds import Bounds, physical_bounds
from transmodal.volumes.intensity import IntensityMap, IntensitySpec, fit

ADC = Modality(
    name="adc",
    unit="um2/s",
    window=Bounds(0.0, 3000.0),
    decimals=0,
    background=-5.0,
    bounds=Bounds(0.0, 5000.0),
    intensity=IntensitySpec("window", 0.0, 4000.0),
    dicom="MR",
    bids=BidsName("dwi", "ADC"),
    aliases=frozenset({"md"}),
)
SHAPE = (12, 12, 9)


@pytest.fixture
def adc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modalities, "MODALITIES", (*modalities.MODALITIES, ADC))


def _case() -> Case:
    values = np.random.default_rng(7).uniform(0, 4200, SHAPE).astype(np.float32)
    volumes = {"t1": Volume(values[::-1].copy(), np.eye(4)), "adc": Volume(values, np.eye(4))}
    return Case("s1", "s1", volumes)


def _prepared(cohort: Path, options: PrepareOptions) -> write_case.StoredCase:
    (cohort / "cases").mkdir()
    return write_case.store(_case(), "inputs", cohort, "s1", options)


@pytest.mark.usefixtures("adc")
def test_a_new_modality_is_one_line(tmp_path: Path) -> None:
    stored = _prepared(tmp_path, PrepareOptions())
    mapped_by = IntensityMap.from_json(stored.entry.volumes["adc"].intensity)
    assert mapped_by == fit(ADC.intensity, np.zeros(1))
    assert Data().spec("adc") == ADC.intensity

    assert unit_of("adc") == "um2/s"
    assert range_of("adc", mapped_by) == range_of("adc") == 4000
    reference = stored.volumes["adc"]
    figures = score(reference, reference, None, modality="adc", data_range=range_of("adc"))
    assert {figure.unit for figure in figures if figure.metric == "mae"} == {"um2/s"}
    counted = {figure.protocol.definition for figure in figures if figure.metric == "ssim"}
    assert counted == {"counted from -5 um2/s"}

    assert window_of("adc", reference.voxels) == DisplayWindow(0, 3000, "um2/s")
    assert label("adc") == "ADC"
    assert modality_in("um2/s").decimals == 0
    assert physical_bounds(modality_of("adc").bounds, mapped_by) == (0, 5000)


@pytest.mark.usefixtures("adc")
def test_a_new_modality_is_known_by_its_names() -> None:
    assert alias_of("adc", ["t1", "MD"]) == "MD"
    source = bids_names.parse(Path("sub-01_T1w.nii.gz"))
    assert source is not None
    place = bids_names.derivative(source, "adc")
    assert str(place) == "sub-01/dwi/sub-01_desc-synthetic_ADC.nii.gz"
    own = read_source_facts(Path(place.name.replace("desc-synthetic_", "")))
    assert (own.modality, own.family) == ("adc", "MR")


def test_a_modality_of_a_users_own_is_like_mr(tmp_path: Path) -> None:
    stored = _prepared(tmp_path, PrepareOptions())
    mapped_by = IntensityMap.from_json(stored.entry.volumes["adc"].intensity)
    assert mapped_by.spec == modality_of("t1").intensity == modality_of("adc").intensity
    assert modality_of("adc") == Modality(name="adc")
    assert unit_of("adc") == "reference units"
    assert range_of("adc", mapped_by) == pytest.approx(0.99 * 4200, rel=0.02)
    assert modality_in("reference units").background == 0
    window = window_of("adc", stored.volumes["adc"].voxels)
    assert (window.low > 0, window.unit, window.is_colour) == (True, "reference units", False)


def test_a_cohorts_own_map_holds_before_the_record(tmp_path: Path) -> None:
    own = IntensitySpec("minmax")
    stored = _prepared(tmp_path, PrepareOptions(intensity={"adc": own}))
    assert IntensityMap.from_json(stored.entry.volumes["adc"].intensity).spec == own


def test_records_agree() -> None:
    records = known_modalities()
    names = [record.name for record in records]
    spoken = [*names, *(alias for record in records for alias in record.aliases)]
    assert len(set(spoken)) == len(spoken)
    assert [name.lower() for name in spoken] == spoken
    assert {record.usually for record in records} <= {"", *names}
    in_unit = sorted((record for record in records if record.unit), key=lambda record: record.unit)
    for unit, group in groupby(in_unit, key=lambda record: record.unit):
        assert len({(record.decimals, record.background, record.regions) for record in group}) == 1, unit
    # Figures of different cohorts can be compared where a unit has a data range of its own.
    assert all(record.data_range and record.bounds for record in in_unit)


def test_a_window_holds_in_its_unit_alone() -> None:
    levels = np.linspace(0, 255, 1001)
    assert window_of("ct", levels) == DisplayWindow(-1000, 1000, "HU")
    assert window_of("ct", levels, unit="grey level").low > 0


def test_an_end_at_nothing_holds_in_every_unit() -> None:
    assert window_of("fa", np.linspace(3, 255, 1001), unit="grey level").low == 0
