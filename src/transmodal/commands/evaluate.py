"""Score trained runs, or volumes that another program made, on a cohort's split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from transmodal.commands._clusters import Scheduler
from transmodal.commands._evaluating import cohort_of, evaluate_words, folder_for, lacks_pairs
from transmodal.commands._evaluation_words import (
    STANDARD,
    CaseWords,
    EvaluationWords,
    FigureWords,
    ModelWords,
    NetworkWords,
    open_cohort,
    words_of,
)
from transmodal.commands._groups import grouped
from transmodal.commands._passes import PassWords
from transmodal.commands._prediction_words import PredictionWords

if TYPE_CHECKING:
    from transmodal.cohorts.store import Cohort

EXAMPLES = (
    "Examples:\n\ntransmodal evaluate runs/t1-to-fa --cohort cohort\n\n"
    "transmodal evaluate runs/unet runs/pix2pix --cohort cohort --oracles all -o comparison\n\n"
    "transmodal evaluate runs/agi-net --cohort cohort --without t2\n\n"
    "transmodal evaluate runs/t1-to-fa --cohort cohort --axes x,y,z -o three-planes\n\n"
    "transmodal evaluate runs/pix2pix --cohort cohort --translate-with running -o running\n\n"
    "transmodal evaluate runs/pix2pix --cohort cohort --engine auto -o fast\n\n"
    "transmodal evaluate runs/t1-to-fa --cohort elsewhere --training-cohort cohort --split all "
    "--phenotypes participants.tsv --by site --by age:10,20\n\n"
    "transmodal evaluate runs/mrnet --cohort cohort --metrics mae,lpips,dice,hd95 --segmenter organs.onnx "
    "--weights lpips=alexnet-owt-7be5be79.pth --weights lpips_heads=alex.pth\n\n"
    "transmodal evaluate runs/t1-to-fa --cohort cohort --scheduler scheduler.json          (the workers of a dask cluster)\n\n"
    "transmodal evaluate --predictions konfai/=konfai --predictions synthsr/=synthsr --cohort cohort -o table\n\n"
    "transmodal evaluate --predictions sct/ --reference ct/ --masks masks/ --target ct -o scored"
)

Runs = Annotated[
    Sequence[Path],
    typer.Argument(
        metavar="RUN...",
        help="Folders of trained runs of one task, files (.tmz) of them or names of transmodal models; none with "
        "--predictions alone.",
    ),
]
CohortFolder = Annotated[
    Path | None, typer.Option(help="Prepared cohort to score on; or --reference, of predictions alone.")
]
Output = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--output",
        help="Folder to write into; RUN/evaluation by default, and one beside it for another cohort than the run's.",
    ),
]
TrainingCohort = Annotated[
    Path | None,
    typer.Option(help="What the runs learned from, where --cohort is another: for oracles and the drop."),
]
SaveVolumes = Annotated[
    bool,
    typer.Option(
        "--save-volumes",
        help="Also keep every synthetic volume, by hash: transmodal check takes the figures again.",
    ),
]
Viewer = Annotated[
    bool,
    typer.Option(
        "--viewer",
        help="Also write a page per case beside the report to go through its volumes, at most 3 MB each.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead: files, figures, notes.")]


@grouped
def run(
    runs: Runs = (),
    cohort: CohortFolder = None,
    training_cohort: TrainingCohort = None,
    output: Output = None,
    *,
    cases: CaseWords,
    figures: FigureWords,
    networks: NetworkWords,
    models: ModelWords,
    passes: PassWords,
    predictions: PredictionWords,
    save_volumes: SaveVolumes = False,
    viewer: Viewer = False,
    scheduler: Scheduler = "",
    as_json: AsJson = False,
) -> None:
    """Write evaluation.json, evaluation.csv and report.html: figures per case with their protocol, beside oracles.

    Where no case of the split has a pair, unpaired.json and unpaired.html: cycle error, and FID and KID on request.
    """
    from transmodal.models import library

    words = EvaluationWords(
        cases, figures, networks, models, passes, predictions, training_cohort, save_volumes, viewer
    )
    folders = [library.resolve(run) for run in runs]
    _score(folders, cohort_of(cohort, words, output), words, output, scheduler, as_json=as_json)


def _score(
    runs: Sequence[Path],
    cohort: Path | Cohort,
    words: EvaluationWords,
    output: Path | None,
    scheduler: str,
    *,
    as_json: bool,
) -> None:
    """Score pairs, or what needs none where the split has none."""
    if runs and lacks_pairs(runs[0], cohort, words.cases.split):
        _refuse_scheduler(scheduler)
        _score_unpaired(runs, open_cohort(cohort), words, output, as_json=as_json)
    else:
        _score_pairs(runs, cohort, words, output, scheduler, as_json=as_json)


def _refuse_scheduler(scheduler: str) -> None:
    from transmodal.errors import UsageError

    if scheduler:
        raise UsageError("E004", "--scheduler without a pair", "a split of pairs", "Leave --scheduler out.")


def _score_pairs(
    runs: Sequence[Path],
    cohort: Path | Cohort,
    words: EvaluationWords,
    output: Path | None,
    scheduler: str,
    *,
    as_json: bool,
) -> None:
    """Take the figures of pairs and print them."""
    from transmodal.commands._progress import bars

    with bars() as progress:
        evaluation = evaluate_words(runs, cohort, words, output, progress, scheduler=scheduler)
    folder = folder_for(runs, open_cohort(cohort), output)
    report = folder / "report.html"
    if as_json:
        content = evaluation.to_json()
        _print_json(
            {
                "folder": str(folder),
                "report": str(report),
                "evaluation": str(folder / "evaluation.json"),
                "summary": content["summary"],
                "split_figures": content["split_figures"],
                "notes": list(evaluation.task.notes),
            }
        )
        return
    print(evaluation.summary_text())
    for note in evaluation.task.notes:
        print(f"Note: {note}")
    for figure in evaluation.splits:
        print(figure.text())
    print(f"Report: {report}")


def _score_unpaired(
    runs: Sequence[Path], cohort: Cohort, words: EvaluationWords, output: Path | None, *, as_json: bool
) -> None:
    """Take the figures that need no pair: the cycle error, and FID and KID where they are asked for."""
    from transmodal.commands import _sources
    from transmodal.commands._progress import bars
    from transmodal.errors import UsageError
    from transmodal.evaluation.unpaired.evaluate import UnpairedOptions, evaluate_unpaired
    from transmodal.evaluation.unpaired.result import CYCLE
    from transmodal.storage import outputs

    if words.has_viewer:
        raise UsageError("E004", "--viewer without a pair", "a split of pairs", "Leave --viewer out.")
    if words.models.engine != "torch":
        raise UsageError("E004", "--engine without a pair", "a split of pairs", "Leave --engine out.")
    folder = folder_for(runs, cohort, output)
    outputs.check_folder(folder)
    metrics = words.figures.metrics
    options = UnpairedOptions(
        words.cases.split,
        words.models.checkpoint,
        words.models.device,
        [CYCLE] if metrics == STANDARD else words_of(metrics),
        _sources.weights(words.networks.weights).get("inception"),
    )
    with bars() as progress:
        evaluation = evaluate_unpaired(runs, cohort, options, output=folder, progress=progress.advance)
    report = folder / "unpaired.html"
    if as_json:
        _print_json({"folder": str(folder), "report": str(report), **evaluation.to_json()})
        return
    print(evaluation.summary_text())
    print(f"Report: {report}")


def _print_json(content: Mapping[str, object]) -> None:
    import json

    print(json.dumps(content, indent=1))
