"""A benchmark: every training once, the same figures each time, and failures that stop nobody else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from transmodal.errors import InputError, UsageError
from transmodal.evaluation.oracles.fit import STANDARD
from transmodal.experiments import trial
from transmodal.experiments.benchmark import run
from transmodal.experiments.benchmark.record import Outcome
from transmodal.experiments.benchmark.run import (
    Benchmark,
    TimeEstimate,
    benchmark,
    score_oracles,
    train_and_score,
)
from transmodal.experiments.benchmark.suite import Entry, Suite
from transmodal.experiments.benchmark.table import NOT_CONVERGED, page
from transmodal.experiments.trial import Trial


def figures(folder: Path) -> dict[str, Any]:
    """Return every figure of every evaluation below a folder, as it was written."""
    return {
        str(path.relative_to(folder)): json.loads(path.read_text())["rows"]
        for path in folder.rglob("evaluation.json")
    }


def test_every_entry_with_every_seed_and_the_oracles_once(done: Any) -> None:  # noqa: ANN401
    written = sorted(figures(done.folder))
    runs = [
        f"runs/{entry}/seed-{seed}/evaluation" for entry in ("whole", "l1-alone", "to-t2") for seed in (1, 2)
    ]
    assert written == sorted(f"{place}/evaluation.json" for place in [*runs, "oracles/fa", "oracles/t2"])
    assert [what[:3] for what in done.counts if what[0] == "trainings"] == [
        ("trainings", n, 6) for n in range(1, 7)
    ]
    assert done.counts[-1] == ("trainings", 6, 6, "")

    for target, rows in {"fa": {"whole", "l1-alone"}, "t2": {"to-t2"}}.items():
        comparison = done.result.comparisons[target]
        names = {one.name.removesuffix(" (not converged)") for one in comparison.rows}
        assert names == rows | set(STANDARD)
        assert comparison.reference.startswith("l1-alone" if target == "fa" else "to-t2")
        assert all(one.seeds == (1, 2) for one in comparison.rows if not one.is_oracle)


def test_what_is_done_is_not_done_again(done: Any, suite: Suite, cohort: Path, heard: Any) -> None:  # noqa: ANN401
    before = {path: path.stat().st_mtime_ns for path in done.folder.rglob("*") if path.suffix != ".json"}
    before |= {path: path.stat().st_mtime_ns for path in done.folder.rglob("evaluation.json")}
    again = benchmark(suite, cohort, done.folder, progress=heard)
    assert {**again.content, "commit": None} == {**done.result.content, "commit": None}
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert {note for *_, note in heard.counts} == {""}, "an estimate without anything to estimate from"


def test_the_same_seeds_give_the_same_figures_to_the_last_digit(
    done: Any,  # noqa: ANN401
    suite: Suite,
    cohort: Path,
    tmp_path: Path,
) -> None:
    """In another folder, one training at a time instead of two, and as a part of the suite."""
    part = suite.narrowed(["l1-alone"], [2])
    benchmark(part, cohort, tmp_path, whole=suite, workers=1)
    ours, theirs = figures(tmp_path), figures(done.folder)
    assert set(ours) == {"runs/l1-alone/seed-2/evaluation/evaluation.json", "oracles/fa/evaluation.json"}
    for path, rows in ours.items():
        assert rows == theirs[path], path


def test_a_training_that_fails_stops_no_other(suite: Suite, cohort: Path, tmp_path: Path) -> None:
    broken = suite.entries["l1-alone"].model_copy(update={"changes": ("training.players.generator.lr=1e30",)})
    part = suite.model_copy(
        update={"entries": {"broken": broken, "whole": suite.entries["whole"]}, "seeds": (1,)}
    )
    result: Benchmark = benchmark(part, cohort, tmp_path)
    assert set(result.failures) == {("broken", 1)}
    assert "E120" in result.failures["broken", 1]
    comparison = result.comparisons["fa"]
    assert "broken" not in {one.name for one in comparison.rows}
    assert any("broken with seed 1 has no figures" in note for note in comparison.notes)
    assert result.content["entries"]["broken"]["seeds"]["1"]["failure"] == result.failures["broken", 1]
    assert result.content["entries"]["broken"]["over_seeds"] == {}


def test_a_recipe_that_the_cohort_cannot_serve_is_refused_before_anything_is_trained(
    suite: Suite, cohort: Path, tmp_path: Path
) -> None:
    other = suite.entries["whole"].model_copy(update={"changes": ("task.source=[pd]",)})
    part = suite.model_copy(update={"entries": {**suite.entries, "other": other}})
    with pytest.raises(InputError, match="no pd"):
        benchmark(part, cohort, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_starting_weights_are_asked_for_until_every_seed_of_an_entry_is_begun(
    done: Any,  # noqa: ANN401
    suite: Suite,
    cohort: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[bool] = []

    def planned(*_: object, begins: bool) -> None:
        asked.append(begins)
        if len(asked) % len(suite.entries) == 0:
            raise InputError("E132", "enough", "three entries", "")

    monkeypatch.setattr(trial, "plan", planned)
    monkeypatch.setattr(trial, "check_start", lambda _: None)
    more = suite.model_copy(update={"seeds": (*suite.seeds, 3)})
    for one, folder in ((suite, done.folder), (more, done.folder), (suite, tmp_path)):
        with pytest.raises(InputError, match="enough"):
            benchmark(one, cohort, folder)
    assert asked == [False] * 3 + [True] * 6


def test_the_estimate_knows_each_entrys_time(heard: Any) -> None:  # noqa: ANN401
    keys = [(entry, seed) for seed in (1, 2) for entry in ("quick", "slow")]
    estimate = TimeEstimate(heard, keys, workers=2)
    estimate(("quick", 1), Outcome(seconds=60.0))
    estimate(("slow", 1), Outcome(seconds=600.0))
    estimate(("quick", 2), Outcome())
    estimate(("slow", 2), Outcome(seconds=600.0))
    # 3 trainings of a minute by 2 workers; a minute and ten; ten minutes, half of it for each; nothing
    notes = ["about 2 min left", "about 6 min left", "about 5 min left", ""]
    assert heard.counts == [("trainings", n, 4, note) for n, note in enumerate(notes, start=1)]


def test_what_a_process_does_with_one_entry(
    done: Any,  # noqa: ANN401
    suite: Suite,
    cohort: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recipe = suite.resolved("whole", 1)
    again = train_and_score(Trial("whole", recipe, cohort, done.folder / "runs" / "whole" / "seed-1"))
    assert (again.steps, again.seconds, again.failure) == (4, None, "")

    new = Trial("whole", recipe, cohort, tmp_path / "run")
    outcome = train_and_score(new)
    assert outcome.seconds is not None
    assert (tmp_path / "run" / "evaluation" / "evaluation.json").is_file()

    other = train_and_score(new._replace(recipe=suite.resolved("l1-alone", 1)))
    assert "E005" in other.failure

    def broken(_: Trial) -> None:
        raise TypeError("of None")

    monkeypatch.setattr(run, "train_trial", broken)
    assert train_and_score(new).failure == "error[E601]: TypeError: a bug in transmodal"


def test_oracles_are_scored_once(suite: Suite, cohort: Path, done: Any, tmp_path: Path) -> None:  # noqa: ANN401
    job = Trial("fa", suite.resolved("whole", 1), cohort, tmp_path)
    score_oracles(job)
    assert figures(tmp_path)["evaluation.json"] == figures(done.folder)["oracles/fa/evaluation.json"]
    before = (tmp_path / "evaluation.json").stat().st_mtime_ns
    score_oracles(job)
    assert (tmp_path / "evaluation.json").stat().st_mtime_ns == before


def test_one_training_has_a_row_for_each_normalisation(
    suite_file: Path, cohort: Path, tmp_path: Path
) -> None:
    recipe = suite_file.with_name("tiny-recipe.yaml").read_text()
    (tmp_path / "gan.yaml").write_text(
        recipe.replace("unet_regression", "pix2pix")
        .replace("levels: 2", "levels: 3, discriminator_layers: 1")
        .replace("generator: {lr: 0.01}", "")
    )
    entry = Entry(recipe=str(tmp_path / "gan.yaml"), also=("running",))
    suite = Suite(name="both", about="a", budget="b", cohort="c", seeds=(1, 2), entries={"pix2pix": entry})
    done = benchmark(suite, cohort, tmp_path / "out")
    assert not done.failures
    also = "pix2pix, normalised by running averages"
    names = [one.name.removesuffix(NOT_CONVERGED) for one in done.comparisons["fa"].rows]
    assert set(names) == {"pix2pix", also, *STANDARD}
    entries = done.content["entries"]
    assert list(entries) == ["pix2pix", also]
    for seed in ("1", "2"):
        own, other = (entries[name]["seeds"][seed] for name in ("pix2pix", also))
        assert own["weights_sha256"] == other["weights_sha256"]
        assert own["figures"]["mae"] != other["figures"]["mae"]
    assert len(list((tmp_path / "out").rglob("checkpoints"))) == 2
    assert entries[also]["note"] == "the trainings of pix2pix, translated once more"
    assert "±" in next(line for line in page(done.content).splitlines() if also in line)


@pytest.mark.parametrize(("name", "words"), [("unet", "has no batch normalisation"), ("gan", "takes it")])
def test_rows_with_other_statistics_need_a_choice(
    suite_file: Path, cohort: Path, tmp_path: Path, name: str, words: str
) -> None:
    recipe = suite_file.with_name("tiny-recipe.yaml").read_text()
    (tmp_path / "unet.yaml").write_text(recipe)
    (tmp_path / "gan.yaml").write_text(
        recipe.replace("unet_regression", "pix2pix")
        .replace("levels: 2", "levels: 3, translate_with: running")
        .replace("generator: {lr: 0.01}", "")
    )
    entry = Entry(recipe=str(tmp_path / f"{name}.yaml"), also=("running",))
    suite = Suite(name="both", about="a", budget="b", cohort="c", seeds=(1,), entries={"row": entry})
    with pytest.raises(UsageError, match=words) as caught:
        benchmark(suite, cohort, tmp_path / "out")
    assert caught.value.code == "E004"
    assert not (tmp_path / "out").exists()
