"""Ablations: every variant with every seed, once, and a table that says what was measured."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from patience import wait_for
from phantoms import SmoothPhantom
from subject_files import tiny_recipe
from transmodal import cli
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.errors import InputError
from transmodal.experiments.ablation.plan import plan_of
from transmodal.experiments.ablation.run import ablate
from transmodal.experiments.ablation.table import rows

RECIPE = tiny_recipe(
    data="{}",
    training="{epochs: 1, batch: 2, samples_per_epoch: 4, device: cpu, players: {generator: {lr: 0.01}}}",
)
STUDY = """
name: tiny
recipe: RECIPE
seeds: [1, 2]
variants:
  whole: {}
  without SSIM: {changes: [settings.ssim_weight=0], note: L1 alone}
"""


class Heard:
    """Progress that remembers the counts."""

    def __init__(self) -> None:
        self.counts: list[tuple[str, int, int]] = []

    def advance(self, stage: str, completed: int, total: int, note: str = "") -> None:
        self.counts.append((stage, completed, total))

    def say(self, line: str) -> None:
        raise AssertionError(line)


@dataclass(frozen=True)
class Done:
    """A study that was run, where, and its counts."""

    study: Path
    cohort: Path
    folder: Path
    content: dict[str, Any]
    counts: list[tuple[str, int, int]]


def write_study(folder: Path) -> Path:
    (folder / "tiny.yaml").write_text(RECIPE)
    path = folder / "study.yaml"
    path.write_text(STUDY.replace("RECIPE", str(folder / "tiny.yaml")))
    return path


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Done:
    folder, heard = tmp_path_factory.mktemp("ablation"), Heard()
    options = PrepareOptions(counts=(2, 1, 2))
    cohort = prepare([SmoothPhantom(n) for n in range(5)], folder / "cohort", options).folder
    study = write_study(folder)
    content = ablate(plan_of(str(study)), cohort, folder / "out", progress=heard).to_json()
    return Done(study, cohort, folder / "out", content, heard.counts)


def test_every_variant_with_every_seed_once(done: Done, tmp_path: Path) -> None:
    first = done.content
    assert done.counts == [("trainings", n, 4) for n in (1, 2, 3, 4)]
    assert list(first["variants"]) == ["whole", "without SSIM"]
    assert set(first["oracles"]) == {"mean_target", "lookup", "linear_patch"}
    hashes = set()
    for name, variant in first["variants"].items():
        means = []
        for seed, run in variant["seeds"].items():
            by_case = run["rows"]["run"]["mae"]
            assert set(by_case) == set(first["variants"]["whole"]["seeds"][seed]["rows"]["run"]["mae"])
            assert len(by_case) == 2
            means.append(statistics.fmean(by_case.values()))
            hashes |= {run["recipe_sha256"], run["weights_sha256"]}
        summary = variant["summary"]["run"]["mae"]
        assert summary["mean"] == pytest.approx(statistics.fmean(means), abs=1e-6), name
        assert summary["sd"] == pytest.approx(statistics.stdev(means), abs=1e-6), name
    assert len(hashes) == 8

    written = {path: path.stat().st_mtime_ns for path in done.folder.rglob("weights.safetensors")}
    again = ablate(plan_of(str(done.study)), done.cohort, done.folder).to_json()
    assert {**again, "commit": None} == {**first, "commit": None}
    assert {path: path.stat().st_mtime_ns for path in written} == written

    shutil.copytree(done.folder, tmp_path / "out")
    figures = tmp_path / "out/whole/seed-1/figures.json"
    figures.write_text(figures.read_text()[:40])
    with pytest.raises(InputError, match=r"figures\.json is no JSON"):
        ablate(plan_of(str(done.study)), done.cohort, tmp_path / "out")


def test_the_command_writes_figures_and_their_table(
    done: Done, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    shutil.copytree(done.folder, out)
    assert cli.run(["ablate", str(done.study), "--cohort", str(done.cohort), "-o", str(out)]) == 0
    content = json.loads((out / "ablation.json").read_text())
    shown = capsys.readouterr().out
    assert all(line in shown for line in rows(content))


def test_trainings_end_with_a_study_that_was_killed(done: Done, tmp_path: Path) -> None:
    out, study = tmp_path / "out", write_study(tmp_path)
    words = ["ablate", str(study), "--cohort", str(done.cohort), "-o", str(out)]
    long = study.with_name("tiny.yaml")
    long.write_text(long.read_text().replace("epochs: 1,", "epochs: 2000, validate_every: 2000,"))
    started = subprocess.Popen([sys.executable, "-m", "transmodal", *words])
    curves = out / "whole" / "seed-1" / "curves.csv"
    wait_for(lambda: curves.is_file() and len(curves.read_text().splitlines()) > 5)
    started.kill()
    started.wait()
    wait_for(lambda: not workers_of(out))


def workers_of(folder: Path) -> list[str]:
    """Return processes that hold a file below the folder."""
    holding = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            links = [str(link.readlink()) for link in (process / "fd").iterdir()]
        except OSError:
            continue
        if any(link.startswith(str(folder)) for link in links):
            holding.append(process.name)
    return holding
