"""A translation in the words of the command line; light, as the command imports them to show help."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from transmodal.commands._passes import Computing

if TYPE_CHECKING:
    from transmodal.commands._bids import Selection
    from transmodal.commands._volume_work import Loading
    from transmodal.inference.gate import Policy
    from transmodal.inference.passes import Passes


@dataclass(frozen=True, slots=True)
class ImageWords:
    """The images that are taken of a cohort or a BIDS dataset."""

    split: Annotated[str, typer.Option(help="Of a cohort: train, validation, test or all.")] = "test"
    subject: Annotated[
        Sequence[str],
        typer.Option(help="Of a BIDS dataset: a subject to translate, such as sub-01; may be repeated."),
    ] = ()
    space: Annotated[
        str, typer.Option(help="Of a BIDS dataset: images of this space-, not those without one.")
    ] = ""

    def selection(self) -> Selection:
        """Return the images of a BIDS dataset."""
        from transmodal.commands._bids import Selection

        return Selection(tuple(self.subject), self.space)


@dataclass(frozen=True, slots=True)
class RunWords:
    """How a run is loaded."""

    checkpoint: Annotated[str, typer.Option(help="best or last.")] = "best"
    device: Annotated[str | None, typer.Option(help="cpu or cuda.")] = None
    engine: Annotated[
        Computing,
        typer.Option(
            help="What computes the network: torch, or onnxruntime or openvino (faster on a CPU); auto takes the fastest "
            "that is installed and computes as torch does; int8, for which transmodal quantize made the run ready, the fastest."
        ),
    ] = Computing.TORCH
    weights: Annotated[
        Sequence[str],
        typer.Option(
            metavar="NAME=PATH",
            help="Where a frozen network's weights lie now, such as sam=sam_vit_b_01ec64.pth.",
        ),
    ] = ()

    with_run: Annotated[
        Sequence[str],
        typer.Option(
            metavar="RUN",
            help="Another run that translates together with the first, as an ensemble; may be repeated.",
        ),
    ] = ()
    combine: Annotated[
        Literal["mean", "median"] | None,
        typer.Option(help="How the volumes of several runs become one; the mean by default."),
    ] = None

    def loading(self, run: Path, passes: Passes) -> Loading:
        """Return how the model of a run is loaded.

        Raises:
            UsageError: E001 for weights without a name or a path.
        """
        from transmodal.commands import _sources
        from transmodal.commands._volume_work import Loading

        weights = tuple(_sources.weights(self.weights).items())
        other_runs = tuple(self.with_run)
        return Loading(
            run, self.checkpoint, self.device, weights, self.engine.value, passes, other_runs, self.combine
        )


@dataclass(frozen=True, slots=True)
class WritingWords:
    """Outputs that are written, those that may be replaced, and the fate of sources that do not look like training's."""

    disagreement: Annotated[
        bool,
        typer.Option(
            "--disagreement",
            help="Also write the standard deviation over the passes, or over the runs of several.",
        ),
    ] = False
    interval: Annotated[
        float | None,
        typer.Option(
            metavar="LEVEL",
            help="Also write the lower and upper volume of an interval, such as 0.9; needs transmodal calibrate first.",
        ),
    ] = None
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace outputs that are synthetic themselves.")
    ] = False
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Refuse a source on a warning of the gate, not only on a refusal."),
    ] = False
    force: Annotated[
        bool, typer.Option("--force", help="Translate what the gate refuses; the sidecar says so.")
    ] = False
    record_names: Annotated[
        bool,
        typer.Option("--record-names", help="Write the names of the sources' files into the sidecars."),
    ] = False

    def gate(self) -> Policy:
        """Return the policy for doubtful sources.

        Raises:
            UsageError: E004 for both of its options.
        """
        from transmodal.commands import _gate

        return _gate.policy(strict=self.strict, force=self.force)
