"""Trained runs stand beside oracles, on the same cases under the same protocol."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from transmodal import translators
from transmodal.cohorts.patient_marks import UNKEYED, PatientKey
from transmodal.errors import UsageError
from transmodal.evaluation import provenance as origin
from transmodal.evaluation import run
from transmodal.evaluation.request import EvaluationRequest, ScoringOptions
from transmodal.evaluation.runs import TranslationOptions
from transmodal.evaluation.task import EvaluationTask
from transmodal.inference import load, synthesis
from transmodal.inference.model import Model
from transmodal.recipes.schema import Recipe
from transmodal.volumes import Volume
from transmodal.volumes.intensity import IntensitySpec, fit

Make = Callable[..., Any]
SUBJECT = EvaluationTask(("t1",), "fa", 1.0, "cohort", "d" * 64, "test", 3)


class FakeCohort:
    """An opened cohort in memory."""

    folder = Path("no folder")
    split = SimpleNamespace(by="patient")
    modalities = ("t1", "fa")

    def units(self) -> dict[str, str]:
        return {}

    def __init__(self, cases: dict[str, list[Any]], simulated: bool = False) -> None:
        self._cases = cases
        volumes = {"t1": SimpleNamespace(simulated=False), "fa": SimpleNamespace(simulated=simulated)}
        entries = [SimpleNamespace(volumes=volumes, mask=object())]
        self.manifest = SimpleNamespace(name="mine", cases=entries, options=SimpleNamespace(labels={}))

    def patient_keys(self) -> tuple[PatientKey, ...]:
        return (UNKEYED,)

    def cases(self, split: str | None = None) -> list[Any]:
        if split is None:
            return [case for cases in self._cases.values() for case in cases]
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
            SimpleNamespace(  # type: ignore[arg-type]  # `synthesise` asks for no more
                adds=0.05,
                draws=False,
                translates_with=lambda: None,
                to=lambda **_: None,
                config=translators.checked(translator, {"width": 2}),
            ),
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
        UNKEYED.mark(f"patient of case-{n}") for n in range(3)
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
