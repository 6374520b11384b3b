"""Score trained runs on a cohort's split."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from transmodal.commands._passes import Fusing, Normalising, letters

if TYPE_CHECKING:
    from transmodal.cohorts.store import Cohort

STANDARD = "mae,psnr,ssim"
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
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Folders of trained runs of one task.")
    ],
    cohort: Annotated[Path, typer.Option(help="Prepared cohort to score on.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="Folder to write into; RUN/evaluation by default, and one beside it for another cohort than the run's.",
        ),
    ] = None,
    split: Annotated[
        str, typer.Option(help="train, validation or test; all, of a cohort that no run learned from.")
    ] = "test",
    training_cohort: Annotated[
        Path | None,
        typer.Option(help="What the runs learned from, where --cohort is another: for oracles and the drop."),
    ] = None,
    phenotypes: Annotated[
        Path | None, typer.Option(help="CSV or TSV with a column of patients, such as participants.tsv.")
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(
            help="Its column to part patients by, with cuts for numbers: age:10,20; may be repeated."
        ),
    ] = None,
    oracles: Annotated[
        str, typer.Option(help="standard (three that learn nothing), all (and the registered mean), or none.")
    ] = "standard",
    checkpoint: Annotated[str, typer.Option(help="best or last.")] = "best",
    device: Annotated[str | None, typer.Option(help="cpu or cuda.")] = None,
    target_normalised: Annotated[
        bool,
        typer.Option(
            "--target-normalised",
            help="Scale MR targets to the training cohort's units by their own intensities; it is stamped.",
        ),
    ] = False,
    metrics: Annotated[
        str,
        typer.Option(
            help="Comma-separated, such as mae,psnr,ssim,ms_ssim,stsim2; see the reference of metrics."
        ),
    ] = STANDARD,
    save_volumes: Annotated[
        bool,
        typer.Option(
            "--save-volumes",
            help="Also keep every synthetic volume, by hash: transmodal check takes the figures again.",
        ),
    ] = False,
    without: Annotated[
        list[str] | None,
        typer.Option(help="Also score the runs without this source; may be repeated."),
    ] = None,
    axes: Annotated[
        str, typer.Option(help="Slice axes to pass over, such as z or x,y,z; each recipe's by default.")
    ] = "",
    fuse: Annotated[Fusing | None, typer.Option(help="How the passes become one.")] = None,
    draws: Annotated[
        int,
        typer.Option(min=1, help="Passes per axis with noise of their own, of runs that draw noise."),
    ] = 1,
    translate_with: Annotated[
        Normalising | None,
        typer.Option(
            help="What batch normalisation takes: each window's own statistics, or training's averages; the recipe's "
            "by default."
        ),
    ] = None,
    frozen_weights: Annotated[
        list[str] | None,
        typer.Option(
            "--weights",
            metavar="NAME=PATH",
            help="Where a network's weights lie: a run's frozen one (sam), or a metric's (lpips, lpips_heads, inception).",
        ),
    ] = None,
    segmenter: Annotated[
        Path | None, typer.Option(help="ONNX file that labels axial slices, for the metrics dice and hd95.")
    ] = None,
    segmenter_window: Annotated[
        str | None,
        typer.Option(
            metavar="LOW,HIGH", help="Values that it takes as 0 to 1; by default it gets real units."
        ),
    ] = None,
) -> None:
    """Write evaluation.json, evaluation.csv and report.html: figures per case with their protocol, beside oracles.

    Where no case of the split has a pair, unpaired.json and unpaired.html: cycle error, and FID and KID on request.
    """
    from transmodal.cohorts.store import Cohort
    from transmodal.commands._progress import bars
    from transmodal.commands._sources import weights
    from transmodal.errors import UsageError
    from transmodal.evaluation import learned
    from transmodal.evaluation import oracles as known
    from transmodal.evaluation.entrants import Passing
    from transmodal.evaluation.phenotypes import Phenotypes
    from transmodal.evaluation.run import evaluate
    from transmodal.evaluation.sites import folder_of
    from transmodal.volumes import outputs

    chosen = {"standard": known.STANDARD, "all": known.ALL, "none": ()}
    if oracles not in chosen:
        raise UsageError("E001", f"--oracles {oracles}", "standard, all or none", "Choose one of them.")
    chosen_metrics = [name.strip() for name in metrics.split(",") if name.strip()]
    store = Cohort.open(cohort)
    folder = output or folder_of(runs[0], store)
    outputs.check_folder(folder)
    if _without_pairs(runs[0], store, split):
        _score_unpaired(
            runs, store, folder, (split, checkpoint, device), chosen_metrics, weights(frozen_weights)
        )
        return
    needed = learned.choose(
        chosen_metrics,
        weights(frozen_weights),
        segmenter=segmenter,
        window=_window(segmenter_window),
        device=device,
    )
    if bool(by) != (phenotypes is not None):
        raise UsageError(
            "E004",
            "--phenotypes without --by" if phenotypes else "--by without --phenotypes",
            "both",
            "Name a table and what to part by.",
        )
    with bars() as shown:
        evaluation = evaluate(
            runs,
            store,
            split=split,
            training_cohort=training_cohort,
            phenotypes=Phenotypes(phenotypes, tuple(by or ())) if phenotypes else None,
            oracles=chosen[oracles],
            checkpoint=checkpoint,
            device=device,
            without=without or (),
            passes=Passing(
                letters(axes),
                fuse.value if fuse else None,
                draws,
                translate_with.value if translate_with else None,
            ),
            target_normalised=target_normalised,
            metrics=needed.plain,
            judges=needed.judges,
            weights=needed.weights,
            output=folder,
            save_volumes=save_volumes,
            progress=shown.advance,
        )
    print(evaluation.summary_text())
    for note in evaluation.subject.notes:
        print(f"Note: {note}")
    for figure in evaluation.splits:
        print(figure.text())
    print(f"Report: {folder / 'report.html'}")


def _without_pairs(run: Path, cohort: Cohort, split: str) -> bool:
    """Tell whether no case of the split has both the run's source and its target."""
    from transmodal.evaluation.unpaired import lacks_pairs
    from transmodal.recipes import load

    resolved = run / "recipe.yaml"
    if split == "all" or not resolved.is_file():
        return False
    task = load.load(str(resolved)).task
    named = cohort.named_for([*task.source, task.target])
    return lacks_pairs(named.cases(split), task.source, task.target)


def _score_unpaired(
    runs: list[Path],
    cohort: Cohort,
    folder: Path,
    how: tuple[str, str, str | None],
    metrics: list[str],
    weights: Mapping[str, str],
) -> None:
    """Take what needs no pair: the cycle error, and FID and KID where they are asked for."""
    from transmodal.commands._progress import bars
    from transmodal.evaluation.unpaired import CYCLE, evaluate_unpaired

    split, checkpoint, device = how
    with bars() as shown:
        evaluation = evaluate_unpaired(
            runs,
            cohort,
            split=split,
            checkpoint=checkpoint,
            device=device,
            metrics=[CYCLE] if metrics == STANDARD.split(",") else metrics,
            inception=weights.get("inception"),
            output=folder,
            progress=shown.advance,
        )
    print(evaluation.summary_text())
    print(f"Report: {folder / 'unpaired.html'}")


def _window(words: str | None) -> tuple[float, float] | None:
    from transmodal.errors import UsageError

    if words is None:
        return None
    try:
        low, high = (float(word) for word in words.split(","))
    except ValueError:
        raise UsageError(
            "E001", f"--segmenter-window {words}", "LOW,HIGH", "Write it as: --segmenter-window=-1000,2000"
        ) from None
    return low, high
