"""Evaluating in the words of the command line, for the command and for Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from transmodal.commands._evaluation_words import (
    STANDARD,
    CaseWords,
    EvaluationWords,
    FigureWords,
    ModelWords,
    NetworkWords,
    open_cohort,
)
from transmodal.commands._passes import PassWords, computing_of
from transmodal.commands._prediction_words import PredictionWords
from transmodal.commands._words import Words, list_words, path_of
from transmodal.progress import Progress
from transmodal.storage import memory, orphans

if TYPE_CHECKING:
    from transmodal.cohorts.store import Cohort
    from transmodal.evaluation.result import Evaluation


def evaluate(
    runs: Words = (),
    cohort: str | Path | Cohort | None = None,
    *,
    output: str | Path | None = None,
    split: str = "test",
    training_cohort: str | Path | Cohort | None = None,
    phenotypes: str | Path | None = None,
    by: str | Sequence[str] = (),
    oracles: str = "standard",
    checkpoint: str = "best",
    device: str | None = None,
    engine: str = "torch",
    target_normalised: bool = False,
    metrics: str | Sequence[str] = STANDARD,
    protocol: str | Sequence[str] = (),
    save_volumes: bool = False,
    viewer: bool = False,
    without: str | Sequence[str] = (),
    axes: str | Sequence[str] = "",
    fuse: Literal["mean", "median"] | None = None,
    draws: int = 1,
    translate_with: Literal["batch_statistics", "running"] | None = None,
    flips: str | Sequence[str] = "",
    weights: Sequence[str] | Mapping[str, str] = (),
    segmenter: str | Path | None = None,
    segmenter_window: str | None = None,
    predictions: Words | PredictionWords = (),
    scheduler: str = "",
    progress: Progress | None = None,
) -> Evaluation:
    """Score trained runs, or volumes of another program, and write the report, as `transmodal evaluate` does.

    Args:
        runs: folder of a run, or of several of one task, or names of `transmodal models`; by name, they have these
            names in tables.
        cohort: prepared: its folder, or the cohort that `transmodal.prepare` returns.
        output: folder to write into; `RUN/evaluation` by default, and one beside it for another cohort than the run's.
        split: `train`, `validation` or `test`; `all`, of a cohort that no run learned from.
        training_cohort: what the runs learned from, where `cohort` is another.
        phenotypes: table with a column of patients.
        by: its columns to part patients by, with cuts for numbers such as `age:10,20`.
        oracles: `standard`, `all` or `none`.
        checkpoint: `best` or `last`.
        device: such as `cpu` or `cuda:0`; a GPU by default where there is one.
        engine: what computes the networks: `torch`, `onnxruntime`, `openvino`, `auto`, or `int8`, of runs that were quantized.
        target_normalised: scale MR targets to the training cohort's units by their own intensities.
        metrics: such as `mae,psnr,ssim`, or a list of them.
        protocol: challenges whose own figures are taken too: `synthrad2023`, `synthrad2025`.
        save_volumes: also keep every synthetic volume, so that figures can be taken again.
        viewer: also write a page per case beside the report that shows its volumes.
        without: sources without which the runs are scored once more.
        axes: slice axes, such as `x,y,z`; each recipe's by default.
        fuse: how passes become one; each recipe's by default.
        draws: passes per axis with noise of their own, of runs that draw noise.
        translate_with: what batch normalisation takes; each recipe's by default.
        flips: axes, such as `x`, along each of which volumes are mirrored for one more pass, of runs whose windows
            such a pass changes.
        weights: where networks' weights lie, by name or as words `name=path`.
        segmenter: ONNX file that labels axial slices or volumes, for `dice` and `hd95`.
        segmenter_window: values that it takes as 0 to 1, such as `-1000,2000`.
        predictions: folders of volumes that another program made, one per case; by name, they have these names in tables;
            a `PredictionWords` says more of them.
        scheduler: of a dask cluster whose workers translate and score, as `cluster.crew.working_on` takes it.
        progress: told how far it is.

    Raises:
        UsageError: E001, E002, E004 for words that do not fit; E004 for a split without pairs: see `evaluation.unpaired`.
        InputError: for runs and cohorts that are none.
        ResourceError: E403 for a place that cannot be written, E404 for a device that is not there.
    """
    cases = CaseWords(split, path_of(phenotypes), list_words(by))
    figures = FigureWords(oracles, target_normalised, ",".join(list_words(metrics)), list_words(protocol))
    networks = NetworkWords(list_words(weights), path_of(segmenter), segmenter_window)
    models = ModelWords(checkpoint, device, list_words(without), computing_of(engine))
    mirrored = ",".join(list_words(flips))
    passes = PassWords(",".join(list_words(axes)), fuse, draws, translate_with, mirrored)
    volumes = _prediction_words(predictions)
    words = EvaluationWords(
        cases, figures, networks, models, passes, volumes, training_cohort, save_volumes, viewer
    )
    return evaluate_words(
        runs, cohort_of(cohort, words, output), words, output, progress, scheduler=scheduler
    )


@memory.guarded(
    "figures were taken",
    "Free memory, or ask for less: --metrics mae --oracles none, and --axes z where there are more.",
)
def evaluate_words(
    runs: Words,
    cohort: str | Path | Cohort,
    words: EvaluationWords,
    output: str | Path | None,
    progress: Progress | None,
    *,
    scheduler: str = "",
) -> Evaluation:
    """Score runs on a split of pairs; arguments and errors as `evaluate`."""
    from transmodal.cluster.crew import working_on
    from transmodal.errors import UsageError
    from transmodal.evaluation.run import evaluate as score
    from transmodal.storage import outputs

    request = words.request()
    folders = runs_of(runs, is_needed=not request.predictions.folders)
    listed = list(folders.values() if isinstance(folders, Mapping) else folders)
    store, split = open_cohort(cohort), words.cases.split
    folder = folder_for(listed, store, output)
    outputs.check_folder(folder)
    if listed and lacks_pairs(listed[0], store, split):
        raise UsageError(
            "E004",
            f"the {split} split of {store.manifest.name}, no case of which has a pair",
            "a split of pairs",
            "Call transmodal.evaluation.unpaired.evaluate_unpaired, as the command does.",
        )
    spread = None
    if scheduler:
        from transmodal.commands._case_work import order_of, spread_cases

        spread = partial(spread_cases, order_of(folders, store, words, folder))
    advance = None if progress is None else progress.advance
    announce = None if progress is None else progress.say
    with working_on(scheduler, [*listed, store.folder, folder]), orphans.cleared(folder):
        evaluation = score(
            folders, store, request, output=folder, spread=spread, progress=advance, announce=announce
        )
    if folder.parent in listed:  # the run's card tells the figures that lie in its folder
        from transmodal.exporting import card

        card.refresh(folder.parent)
    return evaluation


def cohort_of(
    cohort: str | Path | Cohort | None, words: EvaluationWords, output: str | Path | None
) -> Path | Cohort:
    """Return the cohort that is scored on; one of the references alone is prepared below the output.

    Raises:
        UsageError: E004 for a cohort and references, or neither, and for references without predictions or a folder.
        InputError: as `evaluation.predictions.reference.prepare_reference`.
    """
    from transmodal.errors import UsageError

    volumes = words.predictions
    if (cohort is None) == (volumes.reference is None):
        problem = "--cohort and --reference" if cohort is not None else "neither --cohort nor --reference"
        raise UsageError("E004", problem, "one of them", "Name a prepared cohort, or a folder of references.")
    if cohort is not None:
        if volumes.masks is not None:
            raise UsageError("E004", "--masks beside --cohort", "the cohort's own masks", "Leave it out.")
        return Path(cohort) if isinstance(cohort, str) else cohort
    if not volumes.folders or output is None:
        lacks = "--predictions" if not volumes.folders else "-o"
        raise UsageError("E004", f"--reference without {lacks}", f"{lacks} FOLDER beside it", "Name it.")
    from transmodal.evaluation.cohort_report.draw import draw_page
    from transmodal.evaluation.predictions import folder
    from transmodal.evaluation.predictions.reference import prepare_reference

    prepared = prepare_reference(
        folder.parse(str(volumes.reference)),
        volumes.target,
        Path(output),
        masks=None if volumes.masks is None else folder.parse(volumes.masks),
        reading=volumes.reading.reading(),
    )
    draw_page(prepared, 1, None)
    return prepared


def runs_of(runs: Words, *, is_needed: bool = True) -> list[Path] | dict[str, Path]:
    """Return folders of runs, or files of them; one is a list of one.

    Raises:
        UsageError: E004 where there is none, and one is needed; E002 for no model of the package.
    """
    from transmodal.errors import UsageError
    from transmodal.models import library

    if isinstance(runs, Mapping):
        folders: list[Path] | dict[str, Path] = {name: library.resolve(run) for name, run in runs.items()}
    else:
        words = [runs] if isinstance(runs, str | Path) else runs
        folders = [library.resolve(run) for run in words]
    if not folders and is_needed:
        raise UsageError("E004", "no run", "one or more", "Name the folders of trained runs.")
    return folders


def folder_for(runs: Sequence[Path], cohort: Cohort, output: str | Path | None) -> Path:
    """Return where an evaluation goes: the output, else a folder of the first run; here for a model of the package.

    Raises:
        UsageError: E004 for neither.
    """
    from transmodal.errors import UsageError
    from transmodal.evaluation.external.sites import evaluation_folder
    from transmodal.models import library

    if output is not None:
        return Path(output)
    if not runs:
        raise UsageError("E004", "--predictions without -o", "a folder to write into", "Name it: -o FOLDER.")
    folder = evaluation_folder(runs[0], cohort)
    return Path(folder.name) if library.is_own(runs[0]) else folder


def lacks_pairs(run: Path, cohort: str | Path | Cohort, split: str) -> bool:
    """Return whether no case of the split has both the run's source and its target."""
    from transmodal.checkpoint import archive
    from transmodal.evaluation.task import lacks_pairs
    from transmodal.recipes import load

    resolved = run / "recipe.yaml"
    if archive.is_archive(run):
        task = archive.load(archive.read(run)).recipe.task
    elif resolved.is_file():
        task = load.load(str(resolved)).task
    else:
        return False
    if split == "all":
        return False
    store = open_cohort(cohort).named_for([*task.source, task.target])
    return lacks_pairs(store.cases(split), task.source, task.target)


def _prediction_words(predictions: Words | PredictionWords) -> PredictionWords:
    """Return folders as words, `FOLDER=name` where they have names."""
    if isinstance(predictions, PredictionWords):
        return predictions
    if isinstance(predictions, Mapping):
        return PredictionWords([f"{folder}={name}" for name, folder in predictions.items()])
    return PredictionWords(list_words(predictions))
