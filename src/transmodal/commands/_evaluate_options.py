"""Options of `transmodal evaluate`, with their help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from transmodal.commands._passes import Fusing, Normalising

Runs = Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of trained runs of one task.")]
CohortFolder = Annotated[Path, typer.Option(help="Prepared cohort to score on.")]
Output = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--output",
        help="Folder to write into; RUN/evaluation by default, and one beside it for another cohort than the run's.",
    ),
]
Split = Annotated[
    str, typer.Option(help="train, validation or test; all, of a cohort that no run learned from.")
]
TrainingCohort = Annotated[
    Path | None,
    typer.Option(help="What the runs learned from, where --cohort is another: for oracles and the drop."),
]
PhenotypeTable = Annotated[
    Path | None, typer.Option(help="CSV or TSV with a column of patients, such as participants.tsv.")
]
GroupColumns = Annotated[
    list[str] | None,
    typer.Option(help="Its column to part patients by, with cuts for numbers: age:10,20; may be repeated."),
]
OracleSet = Annotated[
    str, typer.Option(help="standard (three that learn nothing), all (and the registered mean), or none.")
]
Checkpoint = Annotated[str, typer.Option(help="best or last.")]
Device = Annotated[str | None, typer.Option(help="cpu or cuda.")]
TargetNormalised = Annotated[
    bool,
    typer.Option(
        "--target-normalised",
        help="Scale MR targets to the training cohort's units by their own intensities; it is stamped.",
    ),
]
Metrics = Annotated[
    str,
    typer.Option(help="Comma-separated, such as mae,psnr,ssim,ms_ssim,stsim2; see the reference of metrics."),
]
SaveVolumes = Annotated[
    bool,
    typer.Option(
        "--save-volumes",
        help="Also keep every synthetic volume, by hash: transmodal check takes the figures again.",
    ),
]
WithoutSources = Annotated[
    list[str] | None,
    typer.Option(help="Also score the runs without this source; may be repeated."),
]
Axes = Annotated[
    str, typer.Option(help="Slice axes to pass over, such as z or x,y,z; each recipe's by default.")
]
Fuse = Annotated[Fusing | None, typer.Option(help="How the passes become one.")]
Draws = Annotated[
    int,
    typer.Option(min=1, help="Passes per axis with noise of their own, of runs that draw noise."),
]
TranslateWith = Annotated[
    Normalising | None,
    typer.Option(
        help="What batch normalisation takes: each window's own statistics, or training's averages; the recipe's "
        "by default."
    ),
]
Weights = Annotated[
    list[str] | None,
    typer.Option(
        "--weights",
        metavar="NAME=PATH",
        help="Where a network's weights lie: a run's frozen one (sam), or a metric's (lpips, lpips_heads, inception).",
    ),
]
Segmenter = Annotated[
    Path | None, typer.Option(help="ONNX file that labels axial slices, for the metrics dice and hd95.")
]
SegmenterWindow = Annotated[
    str | None,
    typer.Option(metavar="LOW,HIGH", help="Values that it takes as 0 to 1; by default it gets real units."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead: files, figures, notes.")]
