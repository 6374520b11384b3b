"""The demo: from the embedded atlas to a report, gone on with where it stopped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transmodal.cohorts.options import PrepareOptions
from transmodal.cohorts.prepare.prepare import prepare
from transmodal.cohorts.simulation import atlas
from transmodal.cohorts.store import Cohort
from transmodal.errors import UsageError
from transmodal.evaluation.cohort_report.draw import draw_page
from transmodal.evaluation.oracles import fit as oracles
from transmodal.evaluation.request import EvaluationRequest, ScoringOptions
from transmodal.evaluation.run import evaluate
from transmodal.experiments.trial import is_normalised
from transmodal.inference.load import load as load_model
from transmodal.progress import Progress, report_stage
from transmodal.recipes import load
from transmodal.recipes.schema import Recipe
from transmodal.storage import files, outputs
from transmodal.training import launch
from transmodal.training.loggers import packages
from transmodal.training.train import train
from transmodal.volumes import io
from transmodal.volumes.geometry.reorient import resample

LIMITS = (
    "Virtual subjects: one average anatomy, warped; they share their texture. The figures say that the software "
    "works, nothing about the clinical worth of a model.",
)
"""Notes beside every figure of the demo."""


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """Options of the demo: its task, its translators and its subjects.

    Attributes:
        task: what is translated, such as `t1-to-fa`.
        translators: that are trained, in order; the first translates the example.
        changes: of their recipes, as `dotted.key=value`.
        counts: virtual subjects to train, validate and test.
        spacing_mm: of the subjects.
        seed: of the subjects and of the split.
        workers: processes that make the subjects.
    """

    task: str
    translators: tuple[str, ...]
    changes: tuple[str, ...] = ()
    counts: tuple[int, int, int] = (16, 2, 4)
    spacing_mm: float = 2.0
    seed: int = 2024
    workers: int = 2


@dataclass(frozen=True, slots=True)
class DemoResult:
    """The files and figures of the demo.

    Attributes:
        summary: of the evaluation, as text.
        report: the evaluation's page.
        cohort_page: that shows every pair; None where it could not be written.
        example: folder of a test subject's sources and its synthetic volume.
        run: that translated the example.
        sources: files of the example by modality.
    """

    summary: str
    report: Path
    cohort_page: Path | None
    example: Path
    run: Path
    sources: Mapping[str, Path]


def run_demo(folder: Path, options: DemoOptions, progress: Progress) -> DemoResult:
    """Make virtual subjects, train, translate one as an example, evaluate and report.

    Args:
        folder: to write into, or to continue.
        options: what is made of what.
        progress: told of subjects, steps and cases.

    Raises:
        UsageError: E002 for a translator without a recipe for the task, and as `recipes.load` for the changes.
        TransmodalError: as `prepare`, `train`, `translate` and `evaluate`.
    """
    recipes = {
        name: load.load(recipe_name(options.task, name), options.changes) for name in options.translators
    }
    outputs.check_folder(folder)
    for recipe in recipes.values():
        launch.check_devices(recipe.training)
        packages.check(recipe.training.loggers)
    cohort = make_cohort(folder / "cohort", list(recipes.values()), options, progress)
    page = draw_page(cohort, options.workers, progress)
    runs = {name: folder / "runs" / name for name in recipes}
    for name, recipe in recipes.items():
        result = train(recipe, cohort, runs[name], progress=progress)
        progress.say(f"{recipe.translator}: {result.line()}")
    first = next(iter(recipes))
    sources = write_example(cohort, runs[first], folder / "example")
    summary = score_runs(cohort, runs, recipes[first].task.target, folder / "evaluation", progress)
    return DemoResult(
        summary=summary,
        report=folder / "evaluation" / "report.html",
        cohort_page=page,
        example=folder / "example",
        run=runs[first],
        sources=sources,
    )


def recipe_name(task: str, translator: str) -> str:
    """Return the recipe that trains a translator for a task of the demo.

    Raises:
        UsageError: E002 when there is none.
    """
    name = (
        f"{task}-small" if translator == "unet_regression" else f"{task}-{translator.replace('_', '-')}-small"
    )
    if name not in load.names():
        names = [recipe for recipe in load.names() if recipe.startswith(task) and recipe.endswith("-small")]
        raise UsageError(
            "E002",
            f"no recipe {name}",
            f"one of {', '.join(names)}",
            "Choose unet_regression or pix2pix, or train a recipe of your own: transmodal train.",
        )
    return name


def make_cohort(folder: Path, recipes: Sequence[Recipe], options: DemoOptions, progress: Progress) -> Cohort:
    """Prepare virtual subjects with the modalities and regions that the recipes need."""
    modalities = {name for recipe in recipes for name in (*recipe.task.source, recipe.task.target)}
    regions: dict[str, tuple[Any, ...]] = {}
    for recipe in recipes:
        if recipe.data.region != "whole":
            regions[recipe.task.source[0]] = (recipe.data.region,)
    # CT shows the head: a T1 without one could not tell of it, and the skull is what is looked at.
    whole_head = "ct" in modalities
    subjects = atlas.subjects(
        sum(options.counts),
        atlas.AtlasOptions(
            spacing_mm=options.spacing_mm,
            modalities=tuple(sorted(modalities)),
            head="always" if whole_head else "half",
            mask="head" if whole_head else "brain",
        ),
        seed=options.seed,
    )
    return prepare(
        subjects,
        folder,
        PrepareOptions(regions=regions, counts=options.counts, seed=options.seed),
        progress=report_stage(progress, "virtual subjects"),
        workers=options.workers,
    )


def write_example(cohort: Cohort, run: Path, folder: Path) -> dict[str, Path]:
    """Write a test subject's sources as files and translate them; return the sources' files by modality."""
    model = load_model(run)
    case = cohort.cases("test")[0]
    folder.mkdir(parents=True, exist_ok=True)
    sources, paths, origins = {}, {}, {}
    for modality in model.preprocessing.sources:
        sources[modality] = resample(case.volume(modality), case.native_grid(modality))
        paths[modality] = folder / f"{modality}.nii.gz"
        io.write(sources[modality], paths[modality])
        origins[modality] = {"sha256": files.sha256_file(paths[modality])}
    target = folder / f"synthetic_{model.preprocessing.target}.nii.gz"
    model.translate(sources).write(target, about={"origins": origins})
    return paths


def score_runs(
    cohort: Cohort, runs: Mapping[str, Path], target: str, folder: Path, progress: Progress
) -> str:
    """Evaluate the runs beside every oracle, write the report and return its summary.

    MR targets are scaled by their own intensities first: the virtual scanners' gains are in no source.
    """
    request = EvaluationRequest(
        scoring=ScoringOptions(oracles=oracles.NAMES, target_normalised=is_normalised(target)), notes=LIMITS
    )
    evaluation = evaluate(runs, cohort, request, output=folder, progress=progress.advance)
    return evaluation.summary_text()
