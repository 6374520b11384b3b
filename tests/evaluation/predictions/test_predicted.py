"""Folders of volumes as participants: matched, left out together, beside runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from transmodal.cohorts.case_files import CaseFiles
from transmodal.cohorts.prepare.prepare import prepare
from transmodal.cohorts.store import Cohort
from transmodal.errors import InputError, TransmodalError, UsageError
from transmodal.evaluation.predictions.folder import parse
from transmodal.evaluation.predictions.predicted import Predictions, open_predictions
from transmodal.evaluation.predictions.reading import ReadingOptions
from transmodal.evaluation.request import CaseSelection, EvaluationRequest, ScoringOptions
from transmodal.evaluation.run import evaluate
from transmodal.evaluation.task import EvaluationTask
from transmodal.evaluation.verify.check import check
from transmodal.volumes import Grid, Volume, io
from transmodal.volumes.geometry.reorient import resample

STRICT = ReadingOptions()


def _request(
    *folders: str, allows_missing: bool = False, options: ReadingOptions = STRICT
) -> EvaluationRequest:
    predictions = Predictions(tuple((parse(words), options) for words in folders), allows_missing)
    return EvaluationRequest(
        scoring=ScoringOptions(metrics=("mae",), oracles=("lookup",)),
        predictions=predictions,
        save_volumes=True,
    )


def test_two_folders_need_two_names(heads: Cohort, task: EvaluationTask) -> None:
    twice = Predictions(((parse("a=x"), STRICT), (parse("b=x"), STRICT)))
    with pytest.raises(UsageError, match="names x, x"):
        open_predictions(twice, heads.cases("test"), ["A4"], task)


def test_several_folders_stand_in_one_table_that_can_be_checked(
    heads: Cohort, write_predictions: Callable[..., Path], tmp_path: Path
) -> None:
    exact = write_predictions(folder="exact")
    dull = write_predictions(
        lambda volume: volume.with_voxels(volume.voxels * np.float32(0.5)), folder="dull"
    )
    evaluation = evaluate([], heads, _request(f"{exact}=exact", f"{dull}=dull"), output=tmp_path / "out")
    assert evaluation.models == ("exact", "dull")
    assert evaluation.oracles == ("lookup",)
    means = {line.translator: line.mean for line in evaluation.summary() if line.protocol.region == "mask"}
    assert means["exact"] == pytest.approx(24, abs=2)  # the mean of |normal(0, 30)|
    assert means["exact"] < means["dull"]
    assert set(evaluation.seconds) == {"lookup"}  # reading a file is no translation
    assert any("a leak cannot be excluded" in note for note in evaluation.task.notes)
    assert check(tmp_path / "out", heads).volumes == 9
    report = (tmp_path / "out" / "report.html").read_text()
    assert "volumes of another program" in report


def test_missing_cases_are_left_out_for_everyone_and_said(
    heads: Cohort, write_predictions: Callable[..., Path], tmp_path: Path
) -> None:
    whole, part = write_predictions(folder="whole"), write_predictions(folder="part", cases=(4, 6))
    with pytest.raises(InputError, match="part without a volume of case A5, of 3"):
        evaluate([], heads, _request(str(whole), str(part)))
    request = _request(str(whole), str(part), allows_missing=True)
    evaluation = evaluate([], heads, request, output=tmp_path / "out")
    assert evaluation.cases == ("A4", "A6")
    assert "PARTIAL: 2 of 3 cases are scored" in (tmp_path / "out" / "report.html").read_text()
    assert evaluation.provenance()["cohort"]["left_out"] == ["A5"]
    assert check(tmp_path / "out", heads).targets == 2
    disjoint = write_predictions(folder="disjoint", cases=(5,))
    with pytest.raises(InputError, match="no case that each of part, disjoint has a volume of"):
        evaluate([], heads, _request(str(part), str(disjoint), allows_missing=True))


def test_a_left_out_case_that_is_not_declared_is_found_by_the_check(
    heads: Cohort, write_predictions: Callable[..., Path], tmp_path: Path
) -> None:
    part = write_predictions(folder="part", cases=(4, 6))
    evaluate([], heads, _request(str(part), allows_missing=True), output=tmp_path / "out")
    path = tmp_path / "out" / "evaluation.json"
    content = json.loads(path.read_text())
    del content["provenance"]["cohort"]["left_out"]
    path.write_text(json.dumps(content))
    with pytest.raises(TransmodalError, match="A5 is only in one of"):
        check(tmp_path / "out", heads)


def test_resampling_is_in_the_protocol_of_all_figures(
    heads: Cohort, write_predictions: Callable[..., Path], tmp_path: Path
) -> None:
    def refine(volume: Volume) -> Volume:
        return resample(volume, Grid((60, 68, 56), volume.affine @ np.diag([0.5, 0.5, 0.5, 1])))

    folder = write_predictions(refine)
    resampling = ReadingOptions(resamples=True)
    evaluation = evaluate([], heads, _request(str(folder), options=resampling), output=tmp_path / "out")
    assert all("resampled onto it, linearly" in row.protocol.text() for row in evaluation.rows)
    assert check(tmp_path / "out", heads).figures > 0
    plain = write_predictions(folder="plain")
    evaluation = evaluate([], heads, _request(str(plain), options=resampling), output=tmp_path / "again")
    assert not any("resampled" in row.protocol.text() for row in evaluation.rows)


def test_a_fitted_line_is_in_the_protocol_of_all_figures(
    heads: Cohort, write_predictions: Callable[..., Path], tmp_path: Path
) -> None:
    folder = write_predictions(lambda volume: volume.with_voxels(volume.voxels * np.float32(0.05) + 64))
    request = _request(f"{folder}=tool", options=ReadingOptions(fits=True))
    evaluation = evaluate([], heads, request, output=tmp_path / "out")
    assert all(
        "fitted to the targets' by a line per program" in row.protocol.text() for row in evaluation.rows
    )
    means = {line.translator: line.mean for line in evaluation.summary() if line.protocol.region == "mask"}
    assert means["tool"] == pytest.approx(24, abs=3)
    assert any("it uses the answers" in note for note in evaluation.task.notes)
    assert check(tmp_path / "out", heads).figures > 0


def test_all_cases_may_be_scored_without_a_run_and_then_without_oracles(
    heads: Cohort, write_predictions: Callable[..., Path]
) -> None:
    folder = write_predictions(cases=(1, 2, 3, 4, 5, 6))
    request = replace(_request(str(folder)), selection=CaseSelection("all"), save_volumes=False)
    evaluation = evaluate([], heads, request)
    assert len(evaluation.cases) == 6
    assert evaluation.oracles == ()


def test_colour_is_scored_too(tmp_path: Path, head: Callable[[int], tuple[Volume, Volume, Volume]]) -> None:
    cases = []
    for n in (1, 2):
        mr, ct, _ = head(n)
        scaled = np.clip((ct.voxels + 1000) / 8, 0, 255)
        colour = np.stack([scaled, scaled * 0.8, scaled * 0.5], axis=-1).astype(np.uint8)
        noisy = np.clip(colour + np.random.default_rng(n).normal(0, 9, colour.shape), 0, 255).astype(np.uint8)
        images = {"mr": mr, "colour": Volume(colour, ct.affine)}
        for name, volume in images.items():
            io.write(volume, tmp_path / f"{name}-{n}.nii.gz")
        (tmp_path / "pred").mkdir(exist_ok=True)
        io.write(Volume(noisy, ct.affine), tmp_path / "pred" / f"C{n}.nii.gz")
        cases.append(CaseFiles(f"C{n}", f"C{n}", {name: tmp_path / f"{name}-{n}.nii.gz" for name in images}))
    cohort = prepare(cases, tmp_path / "cohort", sides={"C1": "test", "C2": "test"})
    request = EvaluationRequest(
        scoring=ScoringOptions(metrics=("mae", "ciede2000"), oracles=("lookup",)),
        predictions=Predictions(((parse(f"{tmp_path}/pred=tool"), STRICT),)),
        save_volumes=True,
    )
    evaluation = evaluate([], cohort, request, output=tmp_path / "out")
    assert evaluation.task.unit == "sRGB levels"
    assert {row.metric for row in evaluation.rows} == {"mae", "ciede2000"}
    assert check(tmp_path / "out", cohort).exact > 0
