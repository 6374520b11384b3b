"""A run's calibration: sealed in its folder, one for each set of weights and passes, refused where it does not suffice."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from small_models import model
from transmodal.errors import InputError, IntegrityError, UsageError
from transmodal.inference.intervals import calibration as calibrations
from transmodal.inference.intervals.calibration import Calibration
from transmodal.inference.intervals.conformal import ScoreTable
from transmodal.inference.model import Model
from transmodal.storage import files


def made(model: Model, n_subjects: int = 9, **changes: object) -> Calibration:
    scores = tuple(step / 1000 for step in range(1, 1001))
    content = {
        "settings": calibrations.settings_of(model),
        "target": "fa",
        "cohort": "c" * 64,
        "split": "validation",
        "score": "absolute",
        "floor": 0.0,
        "voxels": ScoreTable(n_subjects, scores),
        "regions": {"region": tuple(range(n_subjects)), "small": (1.0,)},
    }
    return Calibration(**{**content, **changes})  # type: ignore[arg-type]


def test_an_interval_says_level_subjects_regions_and_promise() -> None:
    interval = made(model({"axes": ["z"]})).interval(0.8)
    assert interval.factor == pytest.approx(0.889)  # 0.8 * 10 / 9, of a thousand steps the next
    about = interval.to_json()
    assert (about["level"], about["subjects"], about["split"]) == (0.8, 9, "validation")
    assert about["region_means"] == {"half_widths": {"region": 7}, "too_few_subjects": ["small"]}
    assert "probability 0.8 or more" in about["promise"]
    assert "exchangeable with the 9 calibration subjects" in about["promise"]


def test_levels_that_cannot_be_promised_are_refused() -> None:
    few = made(model({"axes": ["z"]}))
    with pytest.raises(
        InputError, match=r"level 0\.95 with 9 calibration subjects; expected at least 19"
    ) as caught:
        few.interval(0.95)
    assert caught.value.code == "E142"
    assert "9 promise at most 0.9" in str(caught.value)
    clipped = made(model({"axes": ["z"]}), voxels=ScoreTable(99, (0.1,) * 500 + (math.inf,) * 500))
    assert clipped.interval(0.4).factor == 0.1
    with pytest.raises(InputError, match="beyond the range of fa"):
        clipped.interval(0.8)
    for level in (0.0, 1.0, 1.5, -1.0):
        with pytest.raises(UsageError) as refused:
            few.interval(level)
        assert refused.value.code == "E001"


def test_one_is_kept_for_each_set_of_passes_and_replaced_by_its_like(tmp_path: Path) -> None:
    one, other = model({"axes": ["z"]}), model({"axes": ["z"]}).with_axes(("x", "z"))
    with pytest.raises(InputError, match="without a calibration of its errors") as caught:
        calibrations.find(tmp_path, one)
    assert caught.value.code == "E142"
    assert "transmodal calibrate" in caught.value.remedy
    calibrations.save(tmp_path, made(one, notes=("first",)))
    with pytest.raises(InputError, match="without a calibration of these weights and passes"):
        calibrations.find(tmp_path, other)
    calibrations.save(tmp_path, made(other, voxels=ScoreTable(3, (0.5, math.inf))))
    path = calibrations.save(tmp_path, made(one, notes=("second",)))
    assert path == tmp_path / "calibration.json"
    assert calibrations.find(tmp_path, one) == made(one, notes=("second",))
    assert calibrations.find(tmp_path, other).voxels.scores == (0.5, math.inf)
    assert len(files.read_json(path)["calibrations"]) == 2


def test_a_changed_file_is_refused_and_one_file_keeps_none(tmp_path: Path) -> None:
    one = model({"axes": ["z"]})
    path = calibrations.save(tmp_path, made(one))
    content = files.read_json(path)
    content["calibrations"][0]["voxel_scores"][0] = 0.0
    files.write_json(path, content)
    with pytest.raises(IntegrityError) as changed:
        calibrations.find(tmp_path, one)
    assert changed.value.code == "E501"
    path.write_text('{"calibrations": [{}]}')
    with pytest.raises(InputError, match="no calibration") as caught:
        calibrations.find(tmp_path, one)
    assert caught.value.code == "E102"
    (tmp_path / "model.tmz").touch()
    with pytest.raises(UsageError, match="one file"):
        calibrations.save(tmp_path / "model.tmz", made(one))
