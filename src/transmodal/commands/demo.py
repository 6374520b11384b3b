"""The demo: from the embedded atlas to a report, in one command."""

from __future__ import annotations

import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from transmodal.progress import Progress

if TYPE_CHECKING:
    from transmodal.cohorts.store import Cohort
    from transmodal.recipes.schema import Recipe

EXAMPLES = (
    "Examples:\n\ntransmodal demo\n\ntransmodal demo --task mr-to-ct -o mr-to-ct\n\n"
    "transmodal demo --task t1-t2-to-pd --translator agi_net --translator unet_regression"
)


class Task(StrEnum):
    """What the demo translates; targets other than FA are simulated."""

    T1_TO_FA = "t1-to-fa"
    T1_TO_T2 = "t1-to-t2"
    MR_TO_CT = "mr-to-ct"
    FLAIR_TO_T2 = "flair-to-t2"
    T1_TO_FLAIR = "t1-to-flair"
    T1_T2_TO_PD = "t1-t2-to-pd"
    MR_TO_COLOUR = "mr-to-colour"


LIMITS = (
    "Virtual subjects: one average anatomy, warped; they share their texture. The figures say that the software "
    "works, nothing about the clinical worth of a model.",
)
"""What stands beside every figure of the demo."""


def run(
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Folder to write into, or to continue.")
    ] = Path("demo"),
    task: Annotated[Task, typer.Option(help="What to translate.")] = Task.T1_TO_FA,
    translator: Annotated[
        list[str] | None,
        typer.Option(help="Translators to train; may be repeated. Default: unet_regression and pix2pix."),
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change a key of the recipes, such as training.epochs=2."),
    ] = None,
    subjects: Annotated[str, typer.Option(help="Virtual subjects to train:validate:test.")] = "16:2:4",
    spacing_mm: Annotated[float, typer.Option(min=1, max=8, help="Spacing of the subjects, mm.")] = 2.0,
    seed: Annotated[int, typer.Option(help="Seed of the subjects and of the split.")] = 2024,
    workers: Annotated[int, typer.Option(min=1, help="Processes that make the subjects.")] = 2,
) -> None:
    """Make virtual subjects from the embedded atlas, train, translate, evaluate and report: 6.4 minutes on two idle cores.

    T1 and FA are real group averages, warped for every subject; other contrasts are simulated.
    Run it again and it goes on from where it stopped.
    """
    from transmodal.commands._progress import bars
    from transmodal.evaluation.cohort_report.draw import draw_page
    from transmodal.recipes import load
    from transmodal.storage import outputs
    from transmodal.training import launch

    start = time.perf_counter()
    folder = output / task.value
    names = list(dict.fromkeys(translator or ["unet_regression", "pix2pix"]))
    recipes = {name: load.load(recipe_name(task.value, name), changes or []) for name in names}
    outputs.check_folder(folder)
    for recipe in recipes.values():
        launch.check_devices(recipe.training)
    with bars() as shown:
        cohort = make_cohort(
            folder / "cohort", recipes, numbers(subjects), (spacing_mm, seed, workers), shown
        )
        runs = {name: folder / "runs" / name for name in names}
        page = draw_page(cohort, workers, shown)
        for name, recipe in recipes.items():
            train_one(recipe, cohort, runs[name], shown)
        words = write_example(cohort, runs[names[0]], folder / "example")
        target = recipes[names[0]].task.target
        text = score(cohort, runs, target, folder / "evaluation", shown)
    print(text)
    print(f"Report:   {folder / 'evaluation' / 'report.html'}")
    if page is not None:
        print(f"Cohort:   {page} shows every pair")
    print(f"Example:  {folder / 'example'} holds sources and what was made of them")
    print(f"Try it:   transmodal translate {runs[names[0]]} {words} -o synthetic.nii.gz")
    print(f"Took {(time.perf_counter() - start) / 60:.1f} minutes.")


def recipe_name(task: str, translator: str) -> str:
    """Return the recipe that trains a translator for a task of the demo.

    Raises:
        UsageError: E002 when there is none.
    """
    from transmodal.errors import UsageError
    from transmodal.recipes import load

    name = (
        f"{task}-small" if translator == "unet_regression" else f"{task}-{translator.replace('_', '-')}-small"
    )
    if name not in load.names():
        known = [one for one in load.names() if one.startswith(task) and one.endswith("-small")]
        raise UsageError(
            "E002",
            f"no recipe {name}",
            f"one of {', '.join(known)}",
            "Choose unet_regression or pix2pix, or train a recipe of your own: transmodal train.",
        )
    return name


def make_cohort(
    folder: Path,
    recipes: dict[str, Recipe],
    counts: tuple[int, ...],
    making: tuple[float, int, int],
    shown: Progress,
) -> Cohort:
    """Prepare virtual subjects with the modalities and regions that the recipes need."""
    from transmodal.cohorts.options import PrepareOptions
    from transmodal.cohorts.prepare.prepare import prepare
    from transmodal.cohorts.simulation import atlas
    from transmodal.errors import UsageError

    if len(counts) != 3:
        raise UsageError("E001", "--subjects", "three counts such as 16:2:4", "Correct it.")
    spacing_mm, seed, workers = making
    modalities = {one for recipe in recipes.values() for one in (*recipe.task.source, recipe.task.target)}
    regions: dict[str, tuple[Any, ...]] = {}
    for recipe in recipes.values():
        if recipe.data.region != "whole":
            regions[recipe.task.source[0]] = (recipe.data.region,)
    # CT shows the head: a T1 without one could not tell of it, and the skull is what is looked at.
    whole_head = "ct" in modalities
    options = atlas.AtlasOptions(
        spacing_mm=spacing_mm,
        modalities=tuple(sorted(modalities)),
        head="always" if whole_head else "half",
        mask="head" if whole_head else "brain",
    )
    made = atlas.subjects(sum(counts), options, seed=seed)
    return prepare(
        made,
        folder,
        PrepareOptions(regions=regions, counts=(counts[0], counts[1], counts[2]), seed=seed),
        progress=lambda case, done, total: shown.advance("virtual subjects", done, total, case),
        workers=workers,
    )


def train_one(recipe: Recipe, cohort: Cohort, run_folder: Path, shown: Progress) -> None:
    """Train a recipe, or go on with it."""
    from transmodal.training.train import train

    shown.say(f"{recipe.translator}: {train(recipe, cohort, run_folder, progress=shown).line()}")


def write_example(cohort: Cohort, run_folder: Path, folder: Path) -> str:
    """Write a test subject's sources as files and translate them; return the words that `translate` takes."""
    from transmodal.inference.load import load
    from transmodal.storage import files
    from transmodal.volumes import io
    from transmodal.volumes.geometry.reorient import resample

    model = load(run_folder)
    case = cohort.cases("test")[0]
    folder.mkdir(parents=True, exist_ok=True)
    sources, origins = {}, {}
    for modality in model.preprocessing.sources:
        sources[modality] = resample(case.volume(modality), case.native_grid(modality))
        path = folder / f"{modality}.nii.gz"
        io.write(sources[modality], path)
        origins[modality] = {"name": path.name, "sha256": files.sha256_file(path)}
    target = folder / f"synthetic_{model.preprocessing.target}.nii.gz"
    model.translate(sources).write(target, about={"origins": origins})
    named = {modality: folder / f"{modality}.nii.gz" for modality in sources}
    return " ".join(f"{name}={path}" if len(named) > 1 else f"{path}" for name, path in named.items())


def score(cohort: Cohort, runs: dict[str, Path], target: str, folder: Path, shown: Progress) -> str:
    """Evaluate the runs beside every oracle, write the report and return its summary.

    MR targets are scaled by their own intensities first: the virtual scanners' gains are in no source.
    """
    from transmodal.evaluation import oracles
    from transmodal.evaluation.request import EvaluationRequest, ScoringOptions
    from transmodal.evaluation.run import evaluate
    from transmodal.modalities import modality_of

    request = EvaluationRequest(
        scoring=ScoringOptions(oracles=oracles.ALL, target_normalised=not modality_of(target).unit),
        notes=LIMITS,
    )
    evaluation = evaluate(runs, cohort, request, output=folder, progress=shown.advance)
    return evaluation.summary_text()


def numbers(text: str) -> tuple[int, ...]:
    """Read counts such as `16:2:4`.

    Raises:
        UsageError: E001 when they are none.
    """
    from transmodal.errors import UsageError

    try:
        return tuple(int(part) for part in text.split(":"))
    except ValueError as error:
        raise UsageError("E001", f"counts {text!r}", "numbers such as 16:2:4", "Correct them.") from error
