"""Search settings of a small recipe: `python tools/search_recipes.py RECIPE COHORT FOLDER`.

Candidates stand in `tools/searches.yaml`. Each is trained on one thread and judged on the validation subjects alone; the
test subjects are looked at once, by the recipe as it was before and by the candidate that validation chose. An interrupted
search goes on. The figures go to `docs/results/searches/RECIPE.json`.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import yaml

from transmodal import checkpoint
from transmodal.cohorts.store import Cohort
from transmodal.evaluation.oracles import fit as oracles
from transmodal.evaluation.request import CaseSelection, EvaluationRequest, ScoringOptions
from transmodal.evaluation.result import Evaluation
from transmodal.evaluation.run import evaluate, evaluate_oracles
from transmodal.experiments.record import commit
from transmodal.experiments.trial import Trial, is_normalised, slug, train_trial
from transmodal.recipes import load as recipes
from transmodal.recipes.schema import Recipe
from transmodal.storage import files
from transmodal.training.planning.plan import plan

PLANS = Path(__file__).with_name("searches.yaml")
RESULTS = Path(__file__).parents[1] / "docs" / "results" / "searches"
BEFORE = "as before"
METRICS = ("mae", "psnr", "ssim")
Figures = dict[str, float]


def figures(evaluation: Evaluation, name: str) -> Figures:
    """Return the means over subjects inside the evaluation mask, in 3D."""
    values: dict[str, list[float]] = {}
    for row in evaluation.rows:
        protocol = row.protocol
        if (
            row.translator == name
            and protocol.region == "mask"
            and protocol.dims == 3
            and row.value is not None
        ):
            values.setdefault(row.metric, []).append(row.value)
    return {metric: statistics.fmean(values[metric]) for metric in METRICS}


def judge(run: Path, cohort: Cohort, recipe: Recipe, split: str) -> Figures:
    """Return a run's figures on a split."""
    normalised = is_normalised(recipe.task.target)
    evaluation = evaluate(
        {"run": run},
        cohort,
        EvaluationRequest(
            CaseSelection(split), scoring=ScoringOptions(oracles=(), target_normalised=normalised)
        ),
    )
    return figures(evaluation, "run")


def judge_oracles(cohort: Cohort, recipe: Recipe, split: str) -> dict[str, Figures]:
    """Return the figures of the oracles that learn no network."""
    preprocessing = plan(recipe, cohort, begins=False).preprocessing
    normalised = is_normalised(recipe.task.target)
    evaluation = evaluate_oracles(
        preprocessing, cohort, ScoringOptions(target_normalised=normalised), split=split
    )
    return {name: figures(evaluation, name) for name in oracles.STANDARD}


def search(
    name: str, candidates: Mapping[str, Sequence[str]], cohort: Cohort, folder: Path
) -> dict[str, Any]:
    """Train every candidate, choose by validation, and return everything that the record holds."""
    tried: dict[str, dict[str, Any]] = {}
    for label, changes in candidates.items():
        recipe, run = recipes.load(name, changes), folder / slug(label)
        train_trial(Trial(label, recipe, cohort.folder, run))
        state = checkpoint.peek(run / "checkpoints" / "last")
        tried[label] = {
            "changes": list(changes),
            "recipe_sha256": files.sha256_text(recipes.dump(recipe)),
            "steps": None if state is None else state.step,
            "validation": judge(run, cohort, recipe, "validation"),
        }
        print(name, label, tried[label], flush=True)
    best = min(tried, key=lambda label: tried[label]["validation"]["mae"])
    for label in dict.fromkeys((BEFORE, best)):
        recipe = recipes.load(name, candidates[label])
        tried[label]["test"] = judge(folder / slug(label), cohort, recipe, "test")
    recipe = recipes.load(name, candidates[BEFORE])
    return {
        "recipe": name,
        "seed": recipe.training.seed,
        "commit": commit(),
        "cohort": {
            "digest": cohort.digest(),
            "cases": {split: len(cohort.cases(split)) for split in ("train", "validation", "test")},
        },
        "candidates": tried,
        "chosen": best,
        "oracles": {split: judge_oracles(cohort, recipe, split) for split in ("validation", "test")},
    }


def main(name: str, cohort: Path, folder: Path) -> None:
    """Search and write the record."""
    torch.set_num_threads(1)
    plans = yaml.safe_load(PLANS.read_text(encoding="utf-8"))
    if name not in plans:
        raise SystemExit(f"no search for {name}; one of {', '.join(plans)}")
    content = search(name, plans[name], Cohort.open(cohort), folder / name)
    RESULTS.mkdir(parents=True, exist_ok=True)
    files.write_json(RESULTS / f"{name}.json", content)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        raise SystemExit(__doc__)
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
