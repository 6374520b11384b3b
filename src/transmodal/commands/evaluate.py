"""Score trained runs on a cohort's split."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from transmodal.commands import _evaluate_options as options
from transmodal.commands._evaluating import evaluate_words, folder_for, lacks_pairs
from transmodal.commands._evaluation_words import (
    STANDARD,
    CaseWords,
    EvaluationWords,
    FigureWords,
    PassWords,
    open_cohort,
    words_of,
)

if TYPE_CHECKING:
    from transmodal.cohorts.store import Cohort

EXAMPLES = (
    "Examples:\n\ntransmodal evaluate runs/t1-to-fa --cohort cohort\n\n"
    "transmodal evaluate runs/unet runs/pix2pix --cohort cohort --oracles all -o comparison\n\n"
    "transmodal evaluate runs/agi-net --cohort cohort --without t2\n\n"
    "transmodal evaluate runs/t1-to-fa --cohort cohort --axes x,y,z -o three-planes\n\n"
    "transmodal evaluate runs/pix2pix --cohort cohort --translate-with running -o running\n\n"
    "transmodal evaluate runs/t1-to-fa --cohort elsewhere --training-cohort cohort --split all "
    "--phenotypes participants.tsv --by site --by age:10,20\n\n"
    "transmodal evaluate runs/mrnet --cohort cohort --metrics mae,lpips,dice,hd95 --segmenter organs.onnx "
    "--weights lpips=alexnet-owt-7be5be79.pth --weights lpips_heads=alex.pth"
)


def run(
    runs: options.Runs,
    cohort: options.CohortFolder,
    output: options.Output = None,
    split: options.Split = "test",
    training_cohort: options.TrainingCohort = None,
    phenotypes: options.PhenotypeTable = None,
    by: options.GroupColumns = None,
    oracles: options.OracleSet = "standard",
    checkpoint: options.Checkpoint = "best",
    device: options.Device = None,
    target_normalised: options.TargetNormalised = False,
    metrics: options.Metrics = STANDARD,
    save_volumes: options.SaveVolumes = False,
    without: options.WithoutSources = None,
    axes: options.Axes = "",
    fuse: options.Fuse = None,
    draws: options.Draws = 1,
    translate_with: options.TranslateWith = None,
    frozen_weights: options.Weights = None,
    segmenter: options.Segmenter = None,
    segmenter_window: options.SegmenterWindow = None,
    as_json: options.AsJson = False,
) -> None:
    """Write evaluation.json, evaluation.csv and report.html: figures per case with their protocol, beside oracles.

    Where no case of the split has a pair, unpaired.json and unpaired.html: cycle error, and FID and KID on request.
    """
    figures = FigureWords(
        metrics, oracles, frozen_weights or (), segmenter, segmenter_window, target_normalised
    )
    passes = PassWords(
        axes, fuse.value if fuse else None, draws, translate_with.value if translate_with else None
    )
    cases = CaseWords(split, training_cohort, phenotypes, by or ())
    words = EvaluationWords(cases, figures, passes, checkpoint, device, without or (), save_volumes)
    if lacks_pairs(runs[0], cohort, split):
        _score_unpaired(runs, open_cohort(cohort), words, output, as_json=as_json)
    else:
        _score_pairs(runs, cohort, words, output, as_json=as_json)


def _score_pairs(
    runs: list[Path], cohort: Path, words: EvaluationWords, output: Path | None, *, as_json: bool
) -> None:
    """Take the figures of pairs and print them."""
    from transmodal.commands._progress import bars

    with bars() as progress:
        evaluation = evaluate_words(runs, cohort, words, output, progress)
    folder = folder_for(runs[0], open_cohort(cohort), output)
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
    runs: list[Path], cohort: Cohort, words: EvaluationWords, output: Path | None, *, as_json: bool
) -> None:
    """Take the figures that need no pair: the cycle error, and FID and KID where they are asked for."""
    from transmodal.commands import _sources
    from transmodal.commands._progress import bars
    from transmodal.evaluation.unpaired.evaluate import UnpairedOptions, evaluate_unpaired
    from transmodal.evaluation.unpaired.result import CYCLE
    from transmodal.storage import outputs

    folder = folder_for(runs[0], cohort, output)
    outputs.check_folder(folder)
    metrics = words.figures.metrics
    options = UnpairedOptions(
        words.cases.split,
        words.checkpoint,
        words.device,
        [CYCLE] if metrics == STANDARD else words_of(metrics),
        _sources.weights(words.figures.weights).get("inception"),
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
