"""Run an ablation: every variant with every seed, the oracles beside the first training."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from transmodal.cohorts.store import Cohort
from transmodal.evaluation.oracles.fit import STANDARD
from transmodal.experiments.ablation.plan import AblationPlan
from transmodal.experiments.counting import Counter
from transmodal.experiments.design import Key
from transmodal.experiments.pool import run_parallel
from transmodal.experiments.record import code_record, cohort_record, recipe_sha256, spread
from transmodal.experiments.trial import Trial, plan_row, score_trial, slug, train_trial
from transmodal.progress import Progress
from transmodal.storage import files, orphans, outputs

METRICS = ("mae", "psnr", "ssim")
Rows = Mapping[str, Mapping[str, Mapping[str, float]]]
"""Values by what was scored, metric and case."""


@dataclass(frozen=True, slots=True)
class Ablation:
    """The result of a study; `to_json` is its record."""

    plan: AblationPlan
    content: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Return everything that the page in the docs is made of."""
        return dict(self.content)


def ablate(
    plan: AblationPlan, cohort: Path, folder: Path, *, workers: int = 1, progress: Progress | None = None
) -> Ablation:
    """Train and score every variant with every seed; complete ones are not done again.

    Args:
        plan: what is compared.
        cohort: a prepared cohort.
        folder: where runs go; an interrupted study goes on there.
        workers: trainings at once, each with its share of the processor's threads.
        progress: told of trainings that are complete.

    Raises:
        UsageError: as `training.planning.plan`, before anything is trained, and E005 for a folder of other recipes.
        InputError: as `training.planning.plan`.
        ResourceError: E403 for a folder that cannot be written into, E404 for a device that is not there.
    """
    outputs.check_folder(folder)
    store = Cohort.open(cohort)
    trials = {key: _trial(plan, key, cohort, folder) for key in plan.trainings()}
    for variant in plan.variants:
        plan_row([trials[variant, seed] for seed in plan.seeds], store)
    with orphans.cleared(folder):
        records = run_parallel(
            train_and_score,
            trials,
            workers=workers,
            threads=max(1, torch.get_num_threads() // workers),
            report=Counter(progress, "trainings", len(trials)),
        )
    return Ablation(plan, _content(plan, store, records))


def train_and_score(trial: Trial) -> dict[str, Any]:
    """Train and score one variant with one seed; return its record, with figures per case.

    Raises:
        TransmodalError: as `train_trial` and `score_trial`; E101 for figures that are no JSON object.
    """
    path = trial.folder / "figures.json"
    result = train_trial(trial)
    if path.exists():
        return files.read_json(path)
    evaluation = score_trial(trial)
    model = evaluation.records["run"]
    record = {
        "recipe_sha256": recipe_sha256(trial.recipe, model),
        "weights_sha256": model["weights_sha256"],
        "frozen": dict(model.get("frozen", {})),
        "steps": result.steps,
        "best_validation": result.best,
        "protocols": {},
        "rows": {},
    }
    for row in evaluation.rows:
        if row.metric in METRICS and row.protocol.region == "mask" and row.protocol.dims == 3:
            record["protocols"][row.metric] = row.protocol.text()
            by_case = record["rows"].setdefault(row.translator, {}).setdefault(row.metric, {})
            by_case[row.case] = round(row.value, 6)
    files.write_json(path, record)
    return record


def _trial(plan: AblationPlan, key: Key, cohort: Path, folder: Path) -> Trial:
    variant, seed = key
    is_first = key == (next(iter(plan.variants)), plan.seeds[0])
    return Trial(
        "run",
        plan.resolved(variant, seed),
        cohort,
        folder / slug(variant) / f"seed-{seed}",
        without=plan.without,
        oracles=STANDARD if is_first else (),
    )


def _content(plan: AblationPlan, cohort: Cohort, records: Mapping[Key, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the study's record, JSON-able."""
    first = next(iter(records.values()))
    networks = [network for record in records.values() for network in record["frozen"].items()]
    return {
        "study": plan.name,
        **code_record(),
        "cohort": cohort_record(cohort),
        "protocols": first["protocols"],
        "random_weights": sorted({name for name, digest in networks if digest.startswith("random")}),
        "oracles": {name: _means(rows) for name, rows in first["rows"].items() if name in STANDARD},
        "variants": {
            variant: _variant(plan, variant, {seed: records[variant, seed] for seed in plan.seeds})
            for variant in plan.variants
        },
    }


def _variant(plan: AblationPlan, variant: str, records: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    against = plan.variants[variant].against
    return {
        "changes": plan.changes_of(variant),
        "recipe": plan.recipe_of(variant),
        "note": plan.variants[variant].note,
        **({"against": against} if against else {}),
        "seeds": {
            str(seed): {
                "recipe_sha256": record["recipe_sha256"],
                "weights_sha256": record["weights_sha256"],
                "steps": record["steps"],
                "rows": _without_oracles(record["rows"]),
            }
            for seed, record in records.items()
        },
        "summary": _summary([_without_oracles(record["rows"]) for record in records.values()]),
    }


def _summary(seeds: list[Rows]) -> dict[str, dict[str, dict[str, float]]]:
    """Return mean and standard deviation over seeds of the mean over cases, by what was scored."""
    summary: dict[str, dict[str, dict[str, float]]] = {}
    for name in seeds[0]:
        means = [_means(rows[name]) for rows in seeds]
        spreads = {metric: spread([by_metric[metric] for by_metric in means]) for metric in METRICS}
        summary[name] = {
            metric: {"mean": round(over_seeds.mean, 6), "sd": round(over_seeds.sd, 6)}
            for metric, over_seeds in spreads.items()
        }
    return summary


def _without_oracles(rows: Rows) -> Rows:
    return {name: by_metric for name, by_metric in rows.items() if name not in STANDARD}


def _means(rows: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    return {metric: statistics.fmean(by_case.values()) for metric, by_case in rows.items()}
