"""Score trained runs on a cohort's split."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from transmodal.commands._evaluating import STANDARD
from transmodal.commands._passes import Fusing, Normalising

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
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object instead: files, figures, notes.")
    ] = False,
) -> None:
    """Write evaluation.json, evaluation.csv and report.html: figures per case with their protocol, beside oracles.

    Where no case of the split has a pair, unpaired.json and unpaired.html: cycle error, and FID and KID on request.
    """
    import json

    from transmodal.commands import _evaluating
    from transmodal.commands._progress import bars

    if _evaluating.lacks_pairs(runs[0], cohort, split):
        store = _evaluating.opened(cohort)
        _score_unpaired(
            runs,
            store,
            _evaluating.folder_for(runs[0], store, output),
            (split, checkpoint, device),
            metrics,
            frozen_weights or [],
            as_json=as_json,
        )
        return
    with bars() as shown:
        evaluation = _evaluating.evaluate(
            runs,
            cohort,
            output=output,
            split=split,
            training_cohort=training_cohort,
            phenotypes=phenotypes,
            by=by or (),
            oracles=oracles,
            checkpoint=checkpoint,
            device=device,
            target_normalised=target_normalised,
            metrics=metrics,
            save_volumes=save_volumes,
            without=without or (),
            axes=axes,
            fuse=fuse.value if fuse else None,
            draws=draws,
            translate_with=translate_with.value if translate_with else None,
            weights=frozen_weights or (),
            segmenter=segmenter,
            segmenter_window=segmenter_window,
            progress=shown,
        )
    folder = _evaluating.folder_for(runs[0], _evaluating.opened(cohort), output)
    report = folder / "report.html"
    if as_json:
        content = evaluation.to_json()
        print(
            json.dumps(
                {
                    "folder": str(folder),
                    "report": str(report),
                    "evaluation": str(folder / "evaluation.json"),
                    "summary": content["summary"],
                    "split_figures": content["split_figures"],
                    "notes": list(evaluation.task.notes),
                },
                indent=1,
            )
        )
        return
    print(evaluation.summary_text())
    for note in evaluation.task.notes:
        print(f"Note: {note}")
    for figure in evaluation.splits:
        print(figure.text())
    print(f"Report: {report}")


def _score_unpaired(
    runs: list[Path],
    cohort: Cohort,
    folder: Path,
    how: tuple[str, str, str | None],
    metrics: str,
    weights: list[str],
    *,
    as_json: bool,
) -> None:
    """Take what needs no pair: the cycle error, and FID and KID where they are asked for."""
    import json

    from transmodal.commands import _evaluating, _sources
    from transmodal.commands._progress import bars
    from transmodal.evaluation.unpaired import CYCLE, evaluate_unpaired
    from transmodal.storage import outputs

    split, checkpoint, device = how
    outputs.check_folder(folder)
    with bars() as shown:
        evaluation = evaluate_unpaired(
            runs,
            cohort,
            split=split,
            checkpoint=checkpoint,
            device=device,
            metrics=[CYCLE] if metrics == STANDARD else _evaluating.words_of(metrics),
            inception=_sources.weights(weights).get("inception"),
            output=folder,
            progress=shown.advance,
        )
    report = folder / "unpaired.html"
    if as_json:
        print(json.dumps({"folder": str(folder), "report": str(report), **evaluation.to_json()}, indent=1))
        return
    print(evaluation.summary_text())
    print(f"Report: {report}")
