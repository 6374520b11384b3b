from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from phantoms import Images, Phantom, Place
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.errors import InputError, IntegrityError
from transmodal.evaluation.casewise import evaluate_cases
from transmodal.evaluation.participants import Participants
from transmodal.evaluation.records import store as stored
from transmodal.evaluation.report.write import write
from transmodal.evaluation.task import build_task
from transmodal.evaluation.verify import check as verify
from transmodal.inference.preprocessing import Preprocessing
from transmodal.metrics.suite.stsim import stsim2
from transmodal.volumes import Volume
from transmodal.volumes.intensity import IntensitySpec, fit

NAMES = ("mae", "ssim", "ms_ssim", "stsim2", "fsim", "stsim2_source", "fsim_source", "delta_cf")
MORE = ("ciede2000_organs", "outside_energy", "ring_energy")
SPLIT = PrepareOptions(copies="ignore", labels={1: "liver"})
SIDES = {"slab0": "train", "slab1": "test"}
SHAPE = (52, 50, 2)


@dataclass(frozen=True)
class Slab(Phantom):
    """MR, colour and perhaps labels of two slices."""

    with_labels: bool = True
    prefix = "slab"
    shape = SHAPE
    spacing_mm = (2.0, 2.0, 3.0)

    def images(self, place: Place) -> Images:
        draw = np.random.default_rng(self.number)
        i, j, _ = place
        body = i**2 + j**2 < 0.5
        mr = np.where(body, 300 + 200 * np.sin(5 * i) * np.cos(4 * j) + 20 * draw.random(SHAPE), 0)
        tint = np.array([0.45, 0.3, 0.25])
        rgb = np.clip(mr[..., None] * tint + 10 * draw.random((*SHAPE, 3)), 0, 255).astype(np.uint8)
        labels = np.where(body, 1 + (i > 0), 0).astype(np.uint8) if self.with_labels else None
        return Images({"mr": mr.astype(np.float32), "colour": rgb}, body.astype(np.uint8), labels)


class Paler:
    name = "paler"

    def translate_case(self, case: object) -> Volume:
        colour = Slab(1).load().volumes["colour"]
        return colour.with_voxels((0.9 * colour.voxels + 4).astype(np.float32))


def preprocessing_of_colour(make_preprocessing: Callable[..., Preprocessing]) -> Preprocessing:
    return make_preprocessing(
        ("mr",), "colour", region="whole", target_map=fit(IntensitySpec("window", 0.0, 255.0), np.zeros(1))
    )


def test_a_colour_evaluation_reports_what_the_paper_does(
    make_preprocessing: Callable[..., Preprocessing], tmp_path: Path
) -> None:
    cohort = prepare([Slab(0), Slab(1)], tmp_path / "cohort", SPLIT, sides=SIDES)
    task = build_task(cohort, preprocessing_of_colour(make_preprocessing), ("mr",), "test")
    record = {"paler": {"weights_sha256": "f" * 64}}
    evaluation = evaluate_cases(
        Participants([Paler()], (), record),
        cohort.cases("test"),
        task,
        metrics=(*NAMES, *MORE),
        store=stored.VolumeStore(tmp_path),
    )
    inside = {
        (row.metric, row.protocol.dims): row for row in evaluation.rows if row.protocol.region != "whole"
    }
    assert {name for name, _ in inside} == {*NAMES, *MORE}
    assert all(np.isfinite(row.value) for row in inside.values())
    source, target = inside["stsim2_source", 2].protocol, inside["stsim2", 2].protocol
    assert "against the source" in source.definition
    assert "three channels" in target.definition
    assert source.text() != target.text()
    assert source.data_range == 1
    assert inside["ring_energy", 3].protocol.text().startswith("around the evaluation mask; 3D")
    whole = {row.metric: row.value for row in evaluation.rows if row.protocol.region == "whole"}
    case = cohort.cases("test")[0]
    low, high = case.intensity("mr").low, case.intensity("mr").high
    assert low is not None
    assert high is not None
    mr = np.clip((case.volume("mr").voxels.astype(np.float64) - low) / (high - low), 0, 1)
    made = Paler().translate_case(case)
    grey = made.voxels.astype(np.float64).mean(axis=-1)
    planes = [stsim2(mr[..., k], grey[..., k] / 255, data_range=1.0) for k in range(SHAPE[2])]
    assert whole["stsim2_source"] == pytest.approx(np.mean(planes), abs=1e-6)
    labels = [column.label for column in evaluation.main_columns()]
    assert {"MS_SSIM 2D", "MS_SSIM 3D", "SSIM 2D", "STSIM2", "STSIM2_SOURCE", "RING_ENERGY"} <= set(labels)
    assert len(labels) == len(set(labels))
    organs = {one.organ: one for one in evaluation.organs}
    assert set(organs) == {"liver", "label 2"}
    assert inside["ciede2000_organs", 3].value == pytest.approx(
        np.mean([one.ciede2000 for one in organs.values()])
    )
    write(evaluation, tmp_path)
    assert "<h2>Colour by organ</h2>" in (tmp_path / "report.html").read_text()
    checked = verify.check(tmp_path, cohort)
    assert checked.figures > 20
    assert checked.left_out == ()
    path = tmp_path / "evaluation.json"
    said = json.loads(path.read_text())
    said["organs"][0]["ciede2000"] += 0.01
    path.write_text(json.dumps(said))
    with pytest.raises(IntegrityError, match="ciede2000 of"):
        verify.check(tmp_path, cohort)


def test_organs_need_labels(make_preprocessing: Callable[..., Preprocessing], tmp_path: Path) -> None:
    cases = [Slab(n, with_labels=False) for n in range(2)]
    cohort = prepare(cases, tmp_path / "cohort", SPLIT, sides=SIDES)
    task = build_task(cohort, preprocessing_of_colour(make_preprocessing), ("mr",), "test")
    with pytest.raises(InputError, match="without a segmentation") as caught:
        evaluate_cases(Participants([Paler()]), cohort.cases("test"), task, metrics=("delta_cf_organs",))
    assert caught.value.code == "E131"
