"""Inside a run: MRNet's stages and SAM's layers of a trained run, and what cannot be looked into."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from transmodal.cohorts.store import Cohort
from transmodal.experiments.study.bench import Bench
from transmodal.experiments.study.entrants import plan_trials, read_entrants, train_entrants
from transmodal.experiments.study.scored import score_entrants
from transmodal.experiments.study.studies.spectrum import networks
from transmodal.experiments.study.studies.spectrum.answer import Options
from transmodal.experiments.study.studies.spectrum.networks import NetworkItem, measure_network

BenchOf = Callable[..., Bench[Options]]
RECIPE = """
name: tiny-mrnet
translator: mrnet
task: {source: [t1], target: fa}
windows: {kind: slice, axes: [z], size: [64, 64]}
settings: {width: 4, levels: 4, sam: random, sam_model: tiny, sam_size: 256, mask_hidden: 4}
training: {epochs: 1, batch: 2, samples_per_epoch: 2, device: cpu}
"""


def test_stages_of_a_run_have_the_frequencies_that_their_maps_show(
    bench_of: BenchOf, textured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = bench_of(lambda target, _: target)
    monkeypatch.undo()  # a real run takes the place of what stands for one
    (tmp_path / "mrnet.yaml").write_text(RECIPE)
    trials = plan_trials([str(tmp_path / "mrnet.yaml")], [], [1], textured, tmp_path / "runs")
    (entrant,) = read_entrants(list(train_entrants(trials, Cohort.open(textured)).values()))
    scored = score_entrants(bench, [entrant])[entrant.label]
    case = scored.cases()[0].id
    item = NetworkItem(entrant, scored.folder, bench.cohort.folder, case, 4, "cpu")
    content = measure_network(item)
    assert content["random"] == ["sam"]
    names = [name for name in content["stages"] if "decoder" not in name]
    own = [f"{part} {n}" for n in (1, 2, 3) for part in ("encoder", "adapted", "fused")]
    assert names == ["SAM layer 2", "SAM neck", *own]  # the fourth stage has 4 pixels a side
    highest = {name: 16 / 15 * stage["middles"][-1] for name, stage in content["stages"].items()}
    assert [highest[f"fused {n}"] for n in (1, 2, 3)] == pytest.approx([0.25, 0.125, 0.0625])
    assert highest["SAM neck"] == pytest.approx(0.125)  # 16 tokens of 64 pixels
    assert list(content["slice"]) == list(content["grey"])
    assert len(content["slice"]) == 8


def test_a_case_with_specks_of_a_mask_has_neither(bench_of: BenchOf, monkeypatch: pytest.MonkeyPatch) -> None:
    bench: Bench[Any] = bench_of(lambda target, _: target)
    monkeypatch.setattr(networks, "FEWEST_PIXELS", 10_000)
    case = bench.cohort.cases("test")[0]
    item = NetworkItem(bench.entrants[0], bench.folder, bench.cohort.folder, case.id, 1, None)
    content = measure_network(item)
    assert content["slice"] == content["stages"] == {}
    assert content["patient"] == case.patient
