"""Evaluating in the words of the command line, for the command and for Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from transmodal.commands._evaluation_words import (
    STANDARD,
    CaseWords,
    EvaluationWords,
    FigureWords,
    PassWords,
    open_cohort,
)
from transmodal.progress import Progress
from transmodal.storage import memory

if TYPE_CHECKING:
    from transmodal.cohorts.store import Cohort
    from transmodal.evaluation.result import Evaluation

Runs = str | Path | Sequence[str | Path] | Mapping[str, str | Path]


def evaluate(
    runs: Runs,
    cohort: str | Path | Cohort,
    *,
    output: str | Path | None = None,
    split: str = "test",
    training_cohort: str | Path | Cohort | None = None,
    phenotypes: str | Path | None = None,
    by: str | Sequence[str] = (),
    oracles: str = "standard",
    checkpoint: str = "best",
    device: str | None = None,
    target_normalised: bool = False,
    metrics: str | Sequence[str] = STANDARD,
    save_volumes: bool = False,
    without: str | Sequence[str] = (),
    axes: str | Sequence[str] = "",
    fuse: Literal["mean", "median"] | None = None,
    draws: int = 1,
    translate_with: Literal["batch_statistics", "running"] | None = None,
    weights: Sequence[str] | Mapping[str, str] = (),
    segmenter: str | Path | None = None,
    segmenter_window: str | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Score trained runs on a cohort's split and write the report, as `transmodal evaluate` does.

    Args:
        runs: folder of a run, or of several of one task; by name, they have these names in tables.
        cohort: prepared: its folder, or the cohort that `transmodal.prepare` returns.
        output: folder to write into; `RUN/evaluation` by default, and one beside it for another cohort than the run's.
        split: `train`, `validation` or `test`; `all`, of a cohort that no run learned from.
        training_cohort: what the runs learned from, where `cohort` is another.
        phenotypes: table with a column of patients.
        by: its columns to part patients by, with cuts for numbers such as `age:10,20`.
        oracles: `standard`, `all` or `none`.
        checkpoint: `best` or `last`.
        device: such as `cpu` or `cuda:0`; a GPU by default where there is one.
        target_normalised: scale MR targets to the training cohort's units by their own intensities.
        metrics: such as `mae,psnr,ssim`, or a list of them.
        save_volumes: also keep every synthetic volume, so that figures can be taken again.
        without: sources without which the runs are scored once more.
        axes: slice axes, such as `x,y,z`; each recipe's by default.
        fuse: how passes become one; each recipe's by default.
        draws: passes per axis with noise of their own, of runs that draw noise.
        translate_with: what batch normalisation takes; each recipe's by default.
        weights: where networks' weights lie, by name or as words `name=path`.
        segmenter: ONNX file that labels axial slices, for `dice` and `hd95`.
        segmenter_window: values that it takes as 0 to 1, such as `-1000,2000`.
        progress: told how far it is.

    Raises:
        UsageError: E001, E002, E004 for words that do not fit; E004 for a split without pairs: see `evaluation.unpaired`.
        InputError: for runs and cohorts that are none.
        ResourceError: E403 for a place that cannot be written, E404 for a device that is not there.
    """
    figures = FigureWords(metrics, oracles, weights, segmenter, segmenter_window, target_normalised)
    passes = PassWords(axes, fuse, draws, translate_with)
    cases = CaseWords(split, training_cohort, phenotypes, by)
    words = EvaluationWords(cases, figures, passes, checkpoint, device, without, save_volumes)
    return evaluate_words(runs, cohort, words, output, progress)


@memory.guarded(
    "figures were taken",
    "Free memory, or ask for less: --metrics mae --oracles none, and --axes z where there are more.",
)
def evaluate_words(
    runs: Runs,
    cohort: str | Path | Cohort,
    words: EvaluationWords,
    output: str | Path | None,
    progress: Progress | None,
) -> Evaluation:
    """Score runs on a split of pairs; arguments and errors as `evaluate`."""
    from transmodal.errors import UsageError
    from transmodal.evaluation.run import evaluate as score
    from transmodal.storage import outputs

    folders = runs_of(runs)
    first = next(iter(folders.values() if isinstance(folders, Mapping) else folders))
    request = words.request()
    store, split = open_cohort(cohort), words.cases.split
    folder = folder_for(first, store, output)
    outputs.check_folder(folder)
    if lacks_pairs(first, store, split):
        raise UsageError(
            "E004",
            f"the {split} split of {store.manifest.name}, no case of which has a pair",
            "a split of pairs",
            "Call transmodal.evaluation.unpaired.evaluate_unpaired, as the command does.",
        )
    advance = None if progress is None else progress.advance
    announce = None if progress is None else progress.say
    return score(folders, store, request, output=folder, progress=advance, announce=announce)


def runs_of(runs: Runs) -> list[Path] | dict[str, Path]:
    """Return folders of runs; one is a list of one.

    Raises:
        UsageError: E004 where there is none.
    """
    from transmodal.errors import UsageError

    if isinstance(runs, Mapping):
        folders: list[Path] | dict[str, Path] = {name: Path(run) for name, run in runs.items()}
    else:
        folders = [Path(runs)] if isinstance(runs, str | Path) else [Path(run) for run in runs]
    if not folders:
        raise UsageError("E004", "no run", "one or more", "Name the folders of trained runs.")
    return folders


def folder_for(run: Path, cohort: Cohort, output: str | Path | None) -> Path:
    """Return where an evaluation goes."""
    from transmodal.evaluation.external.sites import evaluation_folder

    return evaluation_folder(run, cohort) if output is None else Path(output)


def lacks_pairs(run: Path, cohort: str | Path | Cohort, split: str) -> bool:
    """Return whether no case of the split has both the run's source and its target."""
    from transmodal.evaluation.task import lacks_pairs
    from transmodal.recipes import load

    resolved = run / "recipe.yaml"
    if split == "all" or not resolved.is_file():
        return False
    task = load.load(str(resolved)).task
    store = open_cohort(cohort).named_for([*task.source, task.target])
    return lacks_pairs(store.cases(split), task.source, task.target)
