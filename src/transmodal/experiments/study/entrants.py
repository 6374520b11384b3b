"""The runs of a study: folders of trained ones, and recipes that are trained first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from transmodal.checkpoint import Checkpoint
from transmodal.checkpoint import load as load_checkpoint
from transmodal.cohorts.store import Cohort
from transmodal.errors import InputError, UsageError
from transmodal.evaluation import provenance
from transmodal.experiments.counting import Counter
from transmodal.experiments.pool import run_parallel
from transmodal.experiments.record import recipe_sha256
from transmodal.experiments.study.bench import Entrant
from transmodal.experiments.study.record import StudyModel
from transmodal.experiments.trial import Trial, plan_row, slug, train_trial
from transmodal.parallel import current_crew
from transmodal.progress import Progress
from transmodal.recipes.differences import changes_of
from transmodal.recipes.load import load
from transmodal.training.run import Run

MOST_CHANGES = 2
"""As many changes of a recipe name a row; more would not be read."""


class Words(NamedTuple):
    """The words that name runs and recipes, told apart.

    Attributes:
        runs: folders of trained runs.
        recipes: names in the library, or paths of YAML files.
    """

    runs: tuple[Path, ...]
    recipes: tuple[str, ...]


def tell_apart(words: Sequence[str | Path]) -> Words:
    """Return which words are folders of runs and which are recipes.

    Raises:
        UsageError: E002 for what is neither a folder nor a recipe.
        InputError: E134 for a folder that holds no run.
    """
    runs, recipes = [], []
    for word in words:
        if Run(Path(word)).record.is_file():
            runs.append(Path(word))
        elif Path(word).is_dir():
            raise InputError(
                "E134", f"{word} without run.json", "a run folder", "Train it first: transmodal train."
            )
        else:
            load(str(word))
            recipes.append(str(word))
    return Words(tuple(runs), tuple(recipes))


def read_entrants(folders: Sequence[Path]) -> tuple[Entrant, ...]:
    """Read runs; those of one recipe that differ in their seed share a row.

    Raises:
        InputError: E134 for a folder without a checkpoint, E100 without a recipe.
        UsageError: E004 for a run that is named twice.
    """
    entrants = [_read(folder) for folder in folders]
    in_rows = [entrant._replace(row=row) for entrant, row in zip(entrants, name_rows(entrants), strict=True)]
    _check_twins(in_rows)
    order = list(dict.fromkeys(entrant.row for entrant in in_rows))
    return tuple(sorted(in_rows, key=lambda entrant: order.index(entrant.row)))


def name_rows(entrants: Sequence[Entrant]) -> list[str]:
    """Return the name of each entrant's row, which is that of its recipe but for the seed.

    A row is named by its translator; where an earlier row has that name, with its recipe, or with what was changed in the
    recipe of an earlier one; else with its folder.
    """
    names: dict[str, str] = {}
    earlier: list[Entrant] = []
    digests = [provenance.recipe_digest(entrant.recipe) for entrant in entrants]
    for digest, entrant in zip(digests, entrants, strict=True):
        if digest not in names:
            names[digest] = next(name for name in _names(entrant, earlier) if name not in names.values())
            earlier.append(entrant)
    return [names[digest] for digest in digests]


def train_entrants(
    trials: Mapping[str, Trial], cohort: Cohort, *, workers: int = 1, progress: Progress | None = None
) -> dict[str, Path]:
    """Train recipes, or go on with their trainings; finished ones are not touched.

    Args:
        trials: by a name each; every one is planned before the first is trained.
        cohort: prepared.
        workers: trainings at once, each with one thread; one alone is trained in this process.
        progress: told of trainings that are complete.

    Returns:
        The folder of every run.

    Raises:
        TransmodalError: as `training.train.train`.
    """
    for trial in trials.values():
        plan_row([trial], cohort)
    report = Counter(progress, "trainings", len(trials))
    if workers == 1 and current_crew() is None:
        for name, trial in trials.items():
            report(name, train_trial(trial))
    else:
        run_parallel(train_trial, trials, workers=workers, threads=1, report=report)
    return {name: trial.folder for name, trial in trials.items()}


def plan_trials(
    recipes: Sequence[str], changes: Sequence[str], seeds: Sequence[int], cohort: Path, folder: Path
) -> dict[str, Trial]:
    """Return a trial of every recipe with every seed, whose runs go below a folder.

    Raises:
        TransmodalError: as `recipes.load`.
    """
    trials = {}
    for seed in seeds:
        for name in recipes:
            recipe = load(name, [*changes, f"training.seed={seed}"])
            label = f"{recipe.name}, seed {seed}"
            trials[label] = Trial(recipe.name, recipe, cohort, folder / slug(recipe.name) / f"seed-{seed}")
    return trials


def describe(entrant: Entrant) -> StudyModel:
    """Return the record of a run: recipe, weights, frozen networks, all by hash."""
    provenance_of = _saved(entrant.folder).provenance()
    frozen: Mapping[str, str] = provenance_of["frozen"]
    return StudyModel(
        row=entrant.row,
        translator=entrant.recipe.translator,
        recipe=entrant.recipe.name,
        recipe_sha256=recipe_sha256(entrant.recipe, provenance_of),
        weights_sha256=entrant.weights_sha256,
        seed=entrant.seed,
        random_weights=tuple(sorted(name for name, digest in frozen.items() if digest.startswith("random"))),
    )


def _read(folder: Path) -> Entrant:
    saved = _saved(folder)
    return Entrant(saved.recipe.translator, folder, saved.recipe, saved.weights_sha256)


def _saved(folder: Path) -> Checkpoint:
    run = Run(folder)
    if not run.best.is_dir() and not run.is_saved:
        raise InputError(
            "E134", f"{folder} without checkpoint", "a run folder", "Train it first: transmodal train."
        )
    return load_checkpoint(run.best if run.best.is_dir() else run.last)


def _names(entrant: Entrant, earlier: Sequence[Entrant]) -> Iterator[str]:
    """Yield names of an entrant's row, the shortest first; a recipe that was changed is called by its changes."""
    translator = entrant.recipe.translator
    base = next((other.recipe for other in earlier if other.recipe.name == entrant.recipe.name), None)
    details = [entrant.recipe.name] if base is None else []
    if base is not None and len(changes := changes_of(entrant.recipe, base)) <= MOST_CHANGES:
        details.append(", ".join(changes))
    yield from (translator, *(f"{translator} ({detail})" for detail in (*details, entrant.folder.name)))
    yield str(entrant.folder)


def _check_twins(entrants: Sequence[Entrant]) -> None:
    labels = [entrant.label for entrant in entrants]
    twins = sorted(label for label in labels if labels.count(label) > 1)
    if twins:
        raise UsageError(
            "E004",
            f"two runs of {twins[0]}",
            "runs that differ in recipe or seed",
            "Name each run once; a second training of a recipe needs another seed.",
        )
