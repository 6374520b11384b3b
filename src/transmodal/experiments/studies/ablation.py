"""Ablation: a recipe with one idea switched off at a time, over several seeds, on one cohort."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from transmodal._version import __version__
from transmodal.cohorts.store import Cohort
from transmodal.errors import InputError, UsageError, suggest
from transmodal.evaluation import provenance
from transmodal.evaluation.oracles import STANDARD
from transmodal.experiments import series
from transmodal.experiments.series import Job, slug
from transmodal.notice import INTENDED_USE
from transmodal.progress import StageProgress
from transmodal.recipes import load
from transmodal.recipes.schema import Recipe
from transmodal.storage import files, outputs
from transmodal.training.planning.plan import plan as training_plan
from transmodal.training.planning.start import check_start
from transmodal.training.run import Run

LIBRARY = Path(__file__).parent / "library"
METRICS = ("mae", "psnr", "ssim")


class Variant(BaseModel):
    """One way to train.

    Attributes:
        changes: of the recipe, as `dotted.key=value`; none for the recipe as it is.
        recipe: another recipe than the plan's.
        note: what a reader has to know of it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    changes: tuple[str, ...] = ()
    recipe: str | None = None
    note: str = ""


class AblationPlan(BaseModel):
    """What is compared.

    Attributes:
        name: of the study; its page in the docs has the same.
        recipe: what is trained.
        changes: of the recipe, for all variants.
        seeds: of the trainings.
        without: sources without which the runs are scored once more.
        variants: by name; the first is what the others are compared with.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    recipe: str
    changes: tuple[str, ...] = ()
    seeds: Annotated[tuple[int, ...], Field(min_length=1)] = (1, 2, 3)
    without: tuple[str, ...] = ()
    variants: Annotated[dict[str, Variant], Field(min_length=1)]

    def resolved(self, variant: str, seed: int) -> Recipe:
        """Return the recipe of one training."""
        one = self.variants[variant]
        changes = [*self.changes, *one.changes, f"training.seed={seed}"]
        return load.load(one.recipe or self.recipe, changes)


@dataclass(frozen=True, slots=True)
class Ablation:
    """What a study came to; `to_json` is what is kept of it."""

    plan: AblationPlan
    content: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Return everything that the page in the docs is made of."""
        return dict(self.content)


def names() -> list[str]:
    """List the studies that come with the package."""
    return sorted(path.stem for path in LIBRARY.glob("*.yaml"))


def plan_of(name_or_path: str) -> AblationPlan:
    """Load a study by its name in the library or by the path of a YAML file.

    Raises:
        UsageError: E002 for an unknown name, E001 for a study that cannot be.
        InputError: E100 when the file does not exist.
    """
    is_file = name_or_path.endswith((".yaml", ".yml"))
    if not is_file and name_or_path not in names():
        hint = suggest(name_or_path, names(), "Or give a .yaml file.")
        raise UsageError("E002", f"no study {name_or_path!r}", ", ".join(names()) or "a .yaml file", hint)
    path = Path(name_or_path) if is_file else LIBRARY / f"{name_or_path}.yaml"
    if not path.is_file():
        raise InputError("E100", f"{path} does not exist", "a study in YAML", "Check the path.")
    try:
        plan = AblationPlan.model_validate(load.plain_yaml(path.read_text(encoding="utf-8"), path.name))
    except (ValidationError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UsageError("E001", f"{path.name}: {reason}", "a study", "Correct it.") from error
    for variant in plan.variants:  # an unknown key is refused before anything is trained
        plan.resolved(variant, plan.seeds[0])
    return plan


def ablate(
    plan: AblationPlan, cohort: Path, folder: Path, *, workers: int = 1, progress: StageProgress | None = None
) -> Ablation:
    """Train and score every variant with every seed; what is done is not done again.

    Args:
        plan: what is compared.
        cohort: a prepared cohort.
        folder: where runs go; an interrupted study goes on there.
        workers: trainings at once, each with its share of the processor's threads.
        progress: told of trainings done.

    Raises:
        UsageError: as `training.plan`, before anything is trained, and E005 for a folder of other recipes.
        InputError: as `training.plan`.
        ResourceError: E403 for a folder that cannot be written into, E404 for a device that is not there.
    """
    outputs.check_folder(folder)
    store = Cohort.open(cohort)
    jobs = {
        (variant, seed): Job(
            "run",
            plan.resolved(variant, seed),
            cohort,
            folder / slug(variant) / f"seed-{seed}",
            plan.without,
            STANDARD if (variant, seed) == (next(iter(plan.variants)), plan.seeds[0]) else (),
        )
        for seed in plan.seeds
        for variant in plan.variants
    }
    for variant in plan.variants:
        begun = all(Run(jobs[variant, seed].folder).is_saved for seed in plan.seeds)
        check_start(training_plan(jobs[variant, plan.seeds[0]].recipe, store, begins=not begun))
    told = 0

    def tell(_key: tuple[str, int], _figures: dict[str, Any]) -> None:
        nonlocal told
        told += 1
        if progress is not None:
            progress("trainings", told, len(jobs))

    threads = max(1, torch.get_num_threads() // workers)
    done = series.each(_work, jobs, workers=workers, threads=threads, done=tell)
    return Ablation(plan, _content(plan, store, done))


def _work(job: Job) -> dict[str, Any]:
    """Train and score one variant with one seed; return its figures per patient."""
    kept = job.folder / "figures.json"
    result = series.trained(job)
    if kept.exists():
        found: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
        return found
    evaluation = series.scored(job)
    record = evaluation.records["run"]
    figures: dict[str, Any] = {
        "recipe_sha256": files.sha256_text(
            load.dump(provenance.without_paths(job.recipe, provenance.weight_hashes(record)))
        ),
        "weights_sha256": record["weights_sha256"],
        "frozen": dict(record.get("frozen", {})),
        "steps": result.steps,
        "best_validation": result.best,
        "protocols": {},
        "rows": {},
    }
    for row in evaluation.rows:
        if row.metric in METRICS and row.protocol.region == "mask" and row.protocol.dims == 3:
            figures["protocols"][row.metric] = row.protocol.text()
            by_case = figures["rows"].setdefault(row.translator, {}).setdefault(row.metric, {})
            by_case[row.case] = round(row.value, 6)
    files.write_json(kept, figures)
    return figures


def _content(
    plan: AblationPlan, store: Cohort, done: Mapping[tuple[str, int], Mapping[str, Any]]
) -> dict[str, Any]:
    first = next(iter(done.values()))
    oracles = {name: rows for name, rows in first["rows"].items() if name in STANDARD}
    variants = {}
    for name, variant in plan.variants.items():
        runs = {seed: done[name, seed] for seed in plan.seeds}
        variants[name] = {
            "changes": [*plan.changes, *variant.changes],
            "recipe": variant.recipe or plan.recipe,
            "note": variant.note,
            "seeds": {
                str(seed): {
                    "recipe_sha256": run["recipe_sha256"],
                    "weights_sha256": run["weights_sha256"],
                    "steps": run["steps"],
                    "rows": {who: rows for who, rows in run["rows"].items() if who not in STANDARD},
                }
                for seed, run in runs.items()
            },
            "summary": _summary(runs),
        }
    return {
        "study": plan.name,
        "intended_use": INTENDED_USE,
        "version": __version__,
        "commit": series.commit(),
        "cohort": {
            "name": store.manifest.name,
            "digest": store.digest(),
            "cases": {split: len(store.cases(split)) for split in ("train", "validation", "test")},
        },
        "protocols": first["protocols"],
        "random_weights": sorted(
            {
                name
                for run in done.values()
                for name, digest in run["frozen"].items()
                if digest.startswith("random")
            }
        ),
        "oracles": {name: _means(rows) for name, rows in oracles.items()},
        "variants": variants,
    }


def _summary(runs: Mapping[int, Mapping[str, Any]]) -> dict[str, dict[str, dict[str, float]]]:
    """Return mean and standard deviation over seeds of the mean over patients, by who was scored."""
    scored = [who for who in next(iter(runs.values()))["rows"] if who not in STANDARD]
    return {
        who: {
            metric: _spread([_means(run["rows"][who])[metric] for run in runs.values()]) for metric in METRICS
        }
        for who in scored
    }


def _means(rows: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    return {metric: statistics.fmean(by_case.values()) for metric, by_case in rows.items()}


def _spread(values: Sequence[float]) -> dict[str, float]:
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return {"mean": round(statistics.fmean(values), 6), "sd": round(deviation, 6)}
