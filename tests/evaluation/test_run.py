from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from transmodal.cohorts.case import patient_mark
from transmodal.errors import InputError, UsageError
from transmodal.evaluation import provenance as origin
from transmodal.evaluation import run
from transmodal.evaluation.casewise import evaluate_cases
from transmodal.evaluation.participants import Participants
from transmodal.evaluation.report import page as report
from transmodal.evaluation.report.write import write
from transmodal.evaluation.request import EvaluationRequest, ScoringOptions
from transmodal.evaluation.result import Evaluation
from transmodal.evaluation.runs import TranslationOptions
from transmodal.evaluation.task import EvaluationTask, Reference
from transmodal.inference import load, synthesis
from transmodal.inference.model import Model
from transmodal.notice import INTENDED_USE
from transmodal.recipes.schema import Recipe
from transmodal.volumes import Volume
from transmodal.volumes.intensity import IntensitySpec, fit

Make = Callable[..., Any]
SUBJECT = EvaluationTask(("t1",), "fa", 1.0, "cohort", "d" * 64, "test", 3)


class Noisy:
    """Gives the target with an error of a size that grows with the case's number."""

    def __init__(self, name: str, size: float) -> None:
        self.name = name
        self.size = size

    def translate_case(self, case: Any) -> Volume:  # noqa: ANN401  # fakes stand in for prepared cases
        target: Volume = case.volume("fa")
        size = self.size * (1 + int(case.id[-1]))
        return target.with_voxels(target.voxels + np.float32(size))


def _evaluated(make_case: Make, *seeds: int, masked: bool = True) -> Evaluation:
    entrants = Participants([Noisy("unet", 0.01)], [Noisy("mean_target", 0.02), Noisy("lookup", 0.005)])
    return evaluate_cases(entrants, [make_case(seed, masked=masked) for seed in seeds], SUBJECT)


def test_every_case_and_entrant_has_every_figure(make_case: Make) -> None:
    evaluation = _evaluated(make_case, 2, 0, 1)
    assert evaluation.cases == ("case-2", "case-0", "case-1")
    assert len(evaluation.rows) == 3 * 3 * 8
    maes = {
        (row.case, row.translator): row.value
        for row in evaluation.rows
        if row.metric == "mae" and row.protocol.region == "mask"
    }
    assert maes["case-2", "unet"] == pytest.approx(0.03, abs=1e-6)
    assert maes["case-0", "lookup"] == pytest.approx(0.005, abs=1e-6)
    assert evaluation.rows[0].patient == "patient of case-2"


def test_the_first_the_best_and_the_worst_case_are_shown(make_case: Make) -> None:
    scenes = _evaluated(make_case, 2, 0, 1, 4, 3).gallery
    assert [(scene.case, scene.why) for scene in scenes] == [
        ("case-2", ("first case",)),
        ("case-0", ("best MAE of unet",)),
        ("case-4", ("worst MAE of unet",)),
    ]
    (only,) = _evaluated(make_case, 5).gallery
    assert only.why == ("first case", "best MAE of unet", "worst MAE of unet")


def test_error_maps_take_their_limit_from_the_models(make_case: Make) -> None:
    case = make_case(0)
    loud = Participants([Noisy("unet", 0.009)], [Noisy("lookup", 0.9)])
    assert evaluate_cases(loud, [case], SUBJECT).gallery[0].limit == pytest.approx(0.01)
    assert evaluate_cases(Participants([], loud.oracles), [case], SUBJECT).gallery[0].limit == pytest.approx(
        1.0
    )


def test_findings_name_the_oracles_that_a_model_does_not_beat(make_case: Make) -> None:
    ((model, text),) = _evaluated(make_case, 0, 1).findings()
    assert model == "unet"
    assert text.startswith("does not beat lookup in MAE, PSNR")
    assert "mean_target" not in text
    better = Participants([Noisy("unet", 0.001)], [Noisy("mean_target", 0.02), Noisy("lookup", 0.005)])
    ((_, praise),) = evaluate_cases(better, [make_case(0)], SUBJECT).findings()
    assert praise == "beats mean_target and lookup in MAE, PSNR, SSIM 3D and SSIM 2D."
    assert evaluate_cases(Participants([Noisy("unet", 0.1)]), [make_case(0)], SUBJECT).findings() == []


def test_the_registered_mean_is_an_oracle_and_named_first_where_it_wins(make_case: Make) -> None:
    oracles = [Noisy("mean_target", 0.05), Noisy("lookup", 0.04), Noisy("registered_mean", 0.001)]
    evaluation = evaluate_cases(Participants([Noisy("unet", 0.01)], oracles), [make_case(0)], SUBJECT)
    ((_, text),) = evaluation.findings()
    assert text == "does not beat registered_mean in MAE, PSNR, SSIM 3D and SSIM 2D."
    worst = evaluate_cases(Participants([Noisy("unet", 0.1)], oracles), [make_case(0)], SUBJECT)
    assert worst.findings()[0][1].startswith("does not beat registered_mean in MAE")
    header = report.page(evaluation).split("</header>")[0]
    assert "does not beat registered_mean" in header


def test_pictures_stand_right_behind_the_summary(make_case: Make) -> None:
    page = report.page(_evaluated(make_case, 0, 1))
    assert re.findall(r"<section[^>]*><h2>([^<]*)</h2>", page)[:2] == ["Figures", "Cases"]


def test_the_files_say_the_same(make_case: Make, tmp_path: Path) -> None:
    evaluation = _evaluated(make_case, 0, 1)
    write(evaluation, tmp_path / "deep" / "folder")
    record = json.loads((tmp_path / "deep" / "folder" / "evaluation.json").read_text())
    with (tmp_path / "deep" / "folder" / "evaluation.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    keys = {"case", "patient", "translator", "metric", "value", "unit", "protocol"}
    assert all(set(row) == keys for row in record["rows"])
    assert [float(row["value"]) for row in table] == [row["value"] for row in record["rows"]]
    assert {row["protocol"] for row in record["rows"]} == set(record["protocols"])
    assert len(record["summary"]) == 3 * 8
    provenance = record["provenance"]
    assert provenance["intended_use"] == INTENDED_USE
    assert provenance["cohort"]["digest"] == "d" * 64
    assert provenance["cohort"]["n_cases"] == 2
    assert provenance["slices_excluded"] == {"case-0": 2, "case-1": 2}
    assert provenance["oracles"] == ["mean_target", "lookup"]
    assert "numpy" in provenance["versions"]


def test_writing_again_gives_the_same_bytes(make_case: Make, tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(_evaluated(make_case, 0, 1), tmp_path / name)
    for file in ("evaluation.json", "evaluation.csv", "report.html"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_identical_volumes_are_null_with_a_note(make_case: Make, tmp_path: Path) -> None:
    evaluation = evaluate_cases(Participants([Noisy("perfect", 0.0)]), [make_case(0), make_case(1)], SUBJECT)
    write(evaluation, tmp_path)
    record = json.loads((tmp_path / "evaluation.json").read_text())
    psnr = [row for row in record["rows"] if row["metric"] == "psnr"]
    assert all(row["value"] is None and "identical" in row["note"] for row in psnr)
    assert {one["n_infinite"] for one in record["summary"] if one["metric"] == "psnr"} == {2}
    assert "NaN" not in (tmp_path / "evaluation.json").read_text()
    assert "Infinity" not in (tmp_path / "evaluation.json").read_text()


def test_without_masks_the_whole_volume_is_scored(make_case: Make) -> None:
    evaluation = _evaluated(make_case, 0, 1, masked=False)
    assert evaluation.columns("mask") == []
    assert [column.label for column in evaluation.main_columns()] == ["MAE", "PSNR", "SSIM 3D", "SSIM 2D"]
    assert evaluation.gallery[0].border == ()


def test_the_summary_as_text(make_case: Make) -> None:
    lines = _evaluated(make_case, 0).summary_text().splitlines()
    assert lines[0].split() == ["MAE", "(FA)", "PSNR", "(dB)", "SSIM", "3D", "SSIM", "2D"]
    assert lines[1].split()[:3] == ["unet", "0.0100", "40.00"]
    assert [line.split()[0] for line in lines[1:]] == ["unet", "mean_target", "lookup"]


def test_progress_is_told(make_case: Make) -> None:
    told: list[tuple[str, int, int]] = []
    cases = [make_case(0), make_case(1)]
    evaluate_cases(
        Participants([Noisy("unet", 0.1)]), cases, SUBJECT, progress=lambda *what: told.append(what)
    )
    assert told == [("evaluate", 1, 2), ("evaluate", 2, 2)]


def test_no_cases_and_twins_are_refused(make_case: Make) -> None:
    with pytest.raises(InputError, match="no test case in cohort cohort") as empty:
        evaluate_cases(Participants([Noisy("unet", 0.1)]), [], SUBJECT)
    assert empty.value.code == "E132"
    with pytest.raises(UsageError, match="different names"):
        evaluate_cases(Participants([Noisy("a", 0.1), Noisy("a", 0.2)]), [make_case(0)], SUBJECT)
    with pytest.raises(UsageError, match="one or more"):
        evaluate_cases(Participants([]), [make_case(0)], SUBJECT)


class FakeCohort:
    """An opened cohort in memory."""

    split = SimpleNamespace(by="patient")
    modalities = ("t1", "fa")

    def units(self) -> dict[str, str]:
        return {}

    def __init__(self, cases: dict[str, list[Any]], simulated: bool = False) -> None:
        self._cases = cases
        volumes = {"t1": SimpleNamespace(simulated=False), "fa": SimpleNamespace(simulated=simulated)}
        entries = [SimpleNamespace(volumes=volumes, mask=object())]
        self.manifest = SimpleNamespace(name="mine", cases=entries, options=SimpleNamespace(labels={}))

    def cases(self, split: str) -> list[Any]:
        return self._cases.get(split, [])

    def named_for(self, wanted: Sequence[str]) -> FakeCohort:  # the names that recipes have already
        return self

    def digest(self) -> str:
        return "e" * 64


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch, make_preprocessing: Make) -> dict[str, Any]:
    """Runs by folder name; their models add a constant to the target."""
    loaded: dict[str, Any] = {}

    def add(name: str, translator: str, **preprocessing: Any) -> None:  # noqa: ANN401  # passed on to the preprocessing
        preprocessed = make_preprocessing(**preprocessing)
        recipe = {
            "name": f"recipe-{name}",
            "translator": translator,
            "task": {"source": preprocessed.sources, "target": preprocessed.target},
            "training": {"epochs": 1, "batch": 1, "players": {}},
        }
        loaded[name] = Model(
            SimpleNamespace(adds=0.05, draws=False, translates_with=lambda: None),  # type: ignore[arg-type]  # `synthesise` asks for no more
            Recipe.model_validate(recipe),
            preprocessed,
            "f" * 64,
            {"seed": 7, "cohort": {"name": "mine", "digest": "e" * 64}},
            torch.device("cpu"),
        )

    add("a", "unet_regression")
    add("b", "pix2pix")
    add("c", "pix2pix")
    add("other", "pix2pix", target="t2")
    add("free", "unet_regression", target="t2", target_map=fit(IntensitySpec("zscore"), np.arange(9.0)))

    def synthesise(
        engine: Any,  # noqa: ANN401
        preprocessing: Any,  # noqa: ANN401
        case: Any,  # noqa: ANN401
        without: tuple[str, ...],
    ) -> synthesis.Synthetic:
        target: Volume = case.volume(preprocessing.target)
        adds = np.float32(engine.translator.adds)
        return synthesis.Synthetic(target.with_voxels(target.voxels + adds), None)

    marks = {"recipe_sha256": "r" * 64, "parameters": 11, "device": "cpu"}
    monkeypatch.setattr(origin, "describe_model", lambda _: marks)
    monkeypatch.setattr(load, "load", lambda path, **_: loaded[Path(path).name])
    monkeypatch.setattr(synthesis, "synthesise_case", synthesise)
    monkeypatch.setattr(run.Cohort, "open", staticmethod(lambda folder: folder))
    return loaded


@pytest.fixture
def cohort(make_case: Make) -> FakeCohort:
    return FakeCohort({"train": [make_case(n) for n in range(3)], "test": [make_case(5)]})


@pytest.mark.usefixtures("models")
def test_runs_stand_beside_oracles(cohort: FakeCohort, tmp_path: Path) -> None:
    told: list[str] = []
    evaluation = run.evaluate(
        {"ours": tmp_path / "a", "theirs": tmp_path / "b"},
        cohort,  # type: ignore[arg-type]  # a fake
        EvaluationRequest(notes=("a note",)),
        output=tmp_path / "out",
        progress=lambda what, *_: told.append(what),
    )
    assert evaluation.models == ("ours", "theirs")
    assert evaluation.oracles == ("mean_target", "lookup", "linear_patch")
    assert evaluation.task.n_training == 3
    assert evaluation.task.notes == ("a note",)
    assert evaluation.records["ours"]["weights_sha256"] == "f" * 64
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "evaluation.json",
        "evaluation.csv",
        "evaluation.md",
        "evaluation.tex",
        "timing.json",
        "report.html",
    }
    timing = json.loads((tmp_path / "out" / "timing.json").read_text())
    assert set(timing["seconds"]) == {*evaluation.models, *evaluation.oracles}
    assert timing["device"]["ours"] == "cpu"
    assert all(seconds > 0 for cases in timing["seconds"].values() for seconds in cases.values())
    provenance = json.loads((tmp_path / "out" / "evaluation.json").read_text())["provenance"]
    assert provenance["models"]["ours"]["parameters"] == 11
    assert provenance["cohort"]["training_patients_sha256"] == [
        patient_mark(f"patient of case-{n}") for n in range(3)
    ]
    assert set(told) == {"mean_target", "lookup", "linear_patch", "evaluate"}


@pytest.mark.usefixtures("models")
def test_runs_are_named_by_translator_or_by_folder(cohort: FakeCohort, tmp_path: Path) -> None:
    paths = [tmp_path / name for name in "abc"]
    evaluation = run.evaluate(paths, cohort, EvaluationRequest(scoring=ScoringOptions(oracles=())))  # type: ignore[arg-type]  # a fake
    assert evaluation.models == ("unet_regression", "b", "c")


@pytest.mark.usefixtures("models")
def test_runs_of_other_targets_and_no_runs_are_refused(cohort: FakeCohort, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="other makes t2") as caught:
        run.evaluate({"a": tmp_path / "a", "other": tmp_path / "other"}, cohort)  # type: ignore[arg-type]  # a fake
    assert caught.value.code == "E004"
    with pytest.raises(UsageError, match="no run"):
        run.evaluate([], cohort)  # type: ignore[arg-type]  # a fake


@pytest.mark.usefixtures("models")
def test_a_target_of_z_scores_gets_its_range_from_the_training_cases(make_case: Make, tmp_path: Path) -> None:
    ramp = np.linspace(0, 1000, 14 * 17 * 12).reshape(14, 17, 12).astype(np.float32)
    cases = [make_case(n, t2=Volume(ramp, np.eye(4))) for n in range(2)]
    cohort = FakeCohort({"train": cases, "test": cases})
    evaluation = run.evaluate(
        [tmp_path / "free"], cohort, EvaluationRequest(scoring=ScoringOptions(oracles=()))
    )  # type: ignore[arg-type]  # a fake
    assert 500 < evaluation.task.data_range < 1000
    with pytest.raises(UsageError, match="no data range"):
        run.evaluate(
            [tmp_path / "free"],
            FakeCohort({"test": cases}),
            EvaluationRequest(scoring=ScoringOptions(oracles=())),
        )  # type: ignore[arg-type]


@pytest.mark.usefixtures("models")
def test_simulated_modalities_are_named(make_case: Make, tmp_path: Path) -> None:
    cohort = FakeCohort({"train": [make_case(1)], "test": [make_case(0)]}, simulated=True)
    evaluation = run.evaluate([tmp_path / "a"], cohort, EvaluationRequest(scoring=ScoringOptions(oracles=())))  # type: ignore[arg-type]  # a fake
    assert evaluation.task.simulated == ("fa",)


def test_a_scanners_gain_does_not_count_when_the_target_is_normalised(make_case: Make) -> None:
    reference = fit(IntensitySpec("minmax"), np.array([0.0, 1000.0]))
    ramp = np.linspace(0, 1000, 14 * 17 * 12).reshape(14, 17, 12).astype(np.float32)
    same = Volume(ramp, np.eye(4))
    loud = make_case(0, masked=False, t2=Volume(3 * ramp + 100, np.eye(4)))

    class Knowing:
        name = "knowing"

        def translate_case(self, case: Any) -> Volume:  # noqa: ANN401  # fakes stand in for prepared cases
            return same

    plain = EvaluationTask(("t1",), "t2", 1000.0, "cohort", "d" * 64, "test", 3)
    for task, mae in (
        (plain, 1100.0),
        (replace(plain, reference=Reference(reference, "t1", "whole")), 0.0),
    ):
        rows = evaluate_cases(Participants([Knowing()]), [loud], task).rows
        (row,) = [row for row in rows if row.metric == "mae" and row.protocol.region == "whole"]
        assert row.value == pytest.approx(mae, abs=0.1)
        assert row.protocol.target_normalised == (task.reference is not None)
        assert ("target-normalised" in row.protocol.text()) == (task.reference is not None)


@pytest.mark.usefixtures("models")
def test_only_targets_without_a_unit_are_normalised(
    cohort: FakeCohort, make_case: Make, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="which has a unit"):
        run.evaluate(
            [tmp_path / "a"], cohort, EvaluationRequest(scoring=ScoringOptions(target_normalised=True))
        )  # type: ignore[arg-type]  # a fake
    ramp = np.linspace(0, 1000, 14 * 17 * 12).reshape(14, 17, 12).astype(np.float32)
    cases = [make_case(n, t2=Volume(ramp, np.eye(4))) for n in range(2)]
    evaluation = run.evaluate(
        [tmp_path / "free"],
        FakeCohort({"train": cases, "test": cases}),  # type: ignore[arg-type]  # a fake
        EvaluationRequest(scoring=ScoringOptions(oracles=(), target_normalised=True)),
    )
    assert all(row.protocol.target_normalised for row in evaluation.rows)


def test_a_run_is_scored_again_without_a_source(
    make_case: Make, models: dict[str, Any], make_preprocessing: Make, tmp_path: Path
) -> None:
    ramp = np.linspace(0, 1000, 14 * 17 * 12).reshape(14, 17, 12).astype(np.float32)
    cases = [make_case(n, t2=Volume(ramp, np.eye(4))) for n in range(2)]
    cohort = FakeCohort({"train": cases, "test": cases})
    both = make_preprocessing(("t1", "t2"))
    models["two"] = replace(models["a"], preprocessing=replace(both, accepts_missing=True))
    evaluation = run.evaluate(
        [tmp_path / "two"],
        cohort,
        EvaluationRequest(
            translation=TranslationOptions(without=("t2",)), scoring=ScoringOptions(oracles=())
        ),
    )  # type: ignore[arg-type]  # a fake
    assert evaluation.models == ("unet_regression", "unet_regression without t2")
    assert evaluation.records["unet_regression without t2"]["without"] == ["t2"]
    for run_name, source in (("two", "flair"), ("a", "t1")):
        with pytest.raises(UsageError, match=f"without {source}") as refused:
            run.evaluate(
                [tmp_path / run_name],
                cohort,
                EvaluationRequest(
                    translation=TranslationOptions(without=(source,)), scoring=ScoringOptions(oracles=())
                ),
            )  # type: ignore[arg-type]
        assert refused.value.code == "E004"


@pytest.mark.usefixtures("models")
def test_metrics_are_chosen(cohort: FakeCohort, tmp_path: Path) -> None:
    evaluation = run.evaluate(
        [tmp_path / "a"],
        cohort,
        EvaluationRequest(scoring=ScoringOptions(oracles=(), metrics=("nmse", "ssim"))),
    )  # type: ignore[arg-type]  # a fake
    assert {row.metric for row in evaluation.rows} == {"nmse", "ssim"}
    assert "worst NMSE" in " ".join(evaluation.gallery[0].why)
    with pytest.raises(UsageError, match="no metric"):
        run.evaluate(
            [tmp_path / "a"], cohort, EvaluationRequest(scoring=ScoringOptions(oracles=(), metrics=()))
        )  # type: ignore[arg-type]  # a fake
    with pytest.raises(UsageError, match="dice"):
        run.evaluate(
            [tmp_path / "a"], cohort, EvaluationRequest(scoring=ScoringOptions(oracles=(), metrics=("dice",)))
        )  # type: ignore[arg-type]  # a fake


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize("name", ["delta_cf", "stsim2"])
def test_what_cannot_be_taken_is_refused_before_oracles_are_fitted(
    name: str, cohort: FakeCohort, tmp_path: Path
) -> None:
    told: list[str] = []
    with pytest.raises(UsageError, match=f"the metric {name} of") as caught:
        run.evaluate(
            [tmp_path / "a"],
            cohort,  # type: ignore[arg-type]  # a fake
            EvaluationRequest(scoring=ScoringOptions(metrics=("mae", name))),
            progress=lambda what, *_: told.append(what),
        )
    assert caught.value.code == "E004"
    assert told == []


def test_a_target_is_scaled_in_the_region_in_which_training_fitted(make_case: Make) -> None:
    ramp = np.linspace(0, 1000, 14 * 17 * 12).reshape(14, 17, 12).astype(np.float32)
    same = Volume(ramp, np.eye(4))
    case = make_case(0, t2=Volume(3 * ramp + 100, np.eye(4)))  # its mask is a part of the volume
    inside = case.region("t1", "brain")
    spec = IntensitySpec("percentile", 1.0, 99.0)

    class Knowing:
        name = "knowing"

        def translate_case(self, case: Any) -> Volume:  # noqa: ANN401  # fakes stand in for prepared cases
            return same

    for region, mask in (("brain", inside), ("whole", None)):
        reference = Reference(fit(spec, ramp, mask), "t1", region)
        task = EvaluationTask(("t1",), "t2", 1000.0, "cohort", "d" * 64, "test", 3, reference=reference)
        rows = evaluate_cases(Participants([Knowing()]), [case], task).rows
        assert max(row.value for row in rows if row.metric == "mae") < 0.1, region


@pytest.mark.usefixtures("models")
def test_oracles_alone_have_the_figures_that_they_have_beside_a_run(
    cohort: FakeCohort, make_case: Make, make_preprocessing: Make, tmp_path: Path
) -> None:
    alone = run.evaluate_oracles(make_preprocessing(), cohort, output=tmp_path)  # type: ignore[arg-type]  # a fake
    beside = run.evaluate([tmp_path / "a"], cohort)  # type: ignore[arg-type]
    assert alone.models == ()
    assert alone.rows == tuple(row for row in beside.rows if row.translator in alone.oracles)
    assert alone.task == beside.task
    assert (tmp_path / "evaluation.json").is_file()

    ramp = np.linspace(0, 1000, 14 * 17 * 12).reshape(14, 17, 12).astype(np.float32)
    cases = [make_case(n, t2=Volume(ramp, np.eye(4))) for n in range(2)]
    normalised = run.evaluate_oracles(
        make_preprocessing(target="t2", target_map=fit(IntensitySpec("minmax"), ramp)),
        FakeCohort({"train": cases, "test": cases}),  # type: ignore[arg-type]
        ScoringOptions(oracles=["lookup"], target_normalised=True),
    )
    assert normalised.oracles == ("lookup",)
    assert normalised.task.reference is not None
    with pytest.raises(UsageError, match="which has a unit"):
        run.evaluate_oracles(make_preprocessing(), cohort, ScoringOptions(target_normalised=True))  # type: ignore[arg-type]
