"""A request for an evaluation in the words of the command line, and what they mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from transmodal.commands._passes import Computing, PassWords
from transmodal.commands._prediction_words import PredictionWords

if TYPE_CHECKING:
    from transmodal.cohorts.store import Cohort
    from transmodal.evaluation.learned.choose import Choice
    from transmodal.evaluation.request import CaseSelection, EvaluationRequest

CHALLENGES = ("synthrad2023", "synthrad2025")
"""Challenges whose own figures can be taken beside the standard ones."""

STANDARD = "mae,psnr,ssim"
"""Metrics that are taken where none is named."""


@dataclass(frozen=True, slots=True)
class CaseWords:
    """The cases that are scored, in the words of the command line; see `evaluation.request.CaseSelection`."""

    split: Annotated[
        str, typer.Option(help="train, validation or test; all, of a cohort that no run learned from.")
    ] = "test"
    phenotypes: Annotated[
        Path | None, typer.Option(help="CSV or TSV with a column of patients, such as participants.tsv.")
    ] = None
    by: Annotated[
        Sequence[str],
        typer.Option(
            help="Its column to part patients by, with cuts for numbers: age:10,20; may be repeated."
        ),
    ] = ()

    def selection(self, training_cohort: str | Path | Cohort | None) -> CaseSelection:
        """Return the selection of cases, with the cohort that the runs learned from, where it is another.

        Raises:
            UsageError: E004 for a table without columns, or columns without a table.
            InputError: as `Cohort.open`.
        """
        from transmodal.errors import UsageError
        from transmodal.evaluation.external.phenotypes import Phenotypes
        from transmodal.evaluation.request import CaseSelection

        if bool(self.by) != (self.phenotypes is not None):
            raise UsageError(
                "E004",
                "--phenotypes without --by" if self.phenotypes else "--by without --phenotypes",
                "both",
                "Name a table and what to part by.",
            )
        return CaseSelection(
            self.split,
            None if training_cohort is None else open_cohort(training_cohort),
            None if self.phenotypes is None else Phenotypes(self.phenotypes, tuple(self.by)),
        )


@dataclass(frozen=True, slots=True)
class NetworkWords:
    """Networks that runs and figures need beside the runs' own, in the words of the command line."""

    weights: Annotated[
        Sequence[str],
        typer.Option(
            "--weights",
            metavar="NAME=PATH",
            help="Where a network's weights lie: a run's frozen one (sam), or a metric's (lpips, lpips_heads, dists, inception).",
        ),
    ] = ()
    segmenter: Annotated[
        Path | None,
        typer.Option(help="ONNX file that labels axial slices or volumes, for the metrics dice and hd95."),
    ] = None
    segmenter_window: Annotated[
        str | None,
        typer.Option(
            metavar="LOW,HIGH", help="Values that it takes as 0 to 1; by default it gets real units."
        ),
    ] = None


@dataclass(frozen=True, slots=True)
class FigureWords:
    """The figures that are taken, in the words of the command line; see `evaluation.request.ScoringOptions`."""

    oracles: Annotated[
        str, typer.Option(help="standard (three that learn nothing), all (and the registered mean), or none.")
    ] = "standard"
    target_normalised: Annotated[
        bool,
        typer.Option(
            "--target-normalised",
            help="Scale MR targets to the training cohort's units by their own intensities; it is stamped.",
        ),
    ] = False
    metrics: Annotated[
        str,
        typer.Option(
            help="Comma-separated, such as mae,psnr,ssim,ms_ssim,stsim2; see the reference of metrics."
        ),
    ] = STANDARD
    protocols: Annotated[
        Sequence[str],
        typer.Option(
            "--protocol",
            metavar="CHALLENGE",
            help="Also take a challenge's own figures of CT: synthrad2023 or synthrad2025; may be repeated.",
        ),
    ] = ()

    def choice(self, networks: NetworkWords, device: str | None) -> Choice:
        """Return the metrics, opened where they need a network, and the weights of the runs' frozen networks.

        Raises:
            UsageError, InputError, IntegrityError, ResourceError: as `evaluation.learned.choose.choose`.
        """
        from transmodal.commands import _sources
        from transmodal.evaluation.learned.choose import choose

        return choose(
            [*words_of(self.metrics), *challenge_metrics(self.protocols)],
            _sources.weights(networks.weights),
            segmenter=networks.segmenter,
            window=_window(networks.segmenter_window),
            device=device,
        )


@dataclass(frozen=True, slots=True)
class ModelWords:
    """How runs are loaded, in the words of the command line; see `evaluation.runs.TranslationOptions`."""

    checkpoint: Annotated[str, typer.Option(help="best or last.")] = "best"
    device: Annotated[str | None, typer.Option(help="cpu or cuda.")] = None
    without: Annotated[
        Sequence[str],
        typer.Option(help="Also score the runs without this source; may be repeated."),
    ] = ()
    engine: Annotated[
        Computing,
        typer.Option(
            help="What computes the networks: torch, onnxruntime or openvino; auto takes the fastest that computes as torch; int8, of runs that were quantized."
        ),
    ] = Computing.TORCH


@dataclass(frozen=True, slots=True)
class EvaluationWords:
    """A request in the words of the command line.

    Attributes:
        cases, figures, networks, models, passes, predictions: the groups of its options.
        training_cohort: what the runs learned from, where another cohort is scored.
        save_volumes: also keep every synthetic volume.
        has_viewer: also write a page per case that shows its volumes.
    """

    cases: CaseWords
    figures: FigureWords
    networks: NetworkWords
    models: ModelWords
    passes: PassWords
    predictions: PredictionWords
    training_cohort: str | Path | Cohort | None = None
    save_volumes: bool = False
    has_viewer: bool = False

    def request(self) -> EvaluationRequest:
        """Return the request, its names checked and its networks opened.

        Raises:
            UsageError, InputError, IntegrityError, ResourceError: as the parts.
        """
        from transmodal.evaluation.request import EvaluationRequest, ScoringOptions
        from transmodal.evaluation.runs import TranslationOptions

        oracles = oracles_of(self.figures.oracles)
        choice = self.figures.choice(self.networks, self.models.device)
        return EvaluationRequest(
            self.cases.selection(self.training_cohort),
            TranslationOptions(
                self.models.checkpoint,
                self.models.device,
                choice.weights,
                self.passes.passes(),
                tuple(self.models.without),
                self.models.engine.value,
            ),
            ScoringOptions(choice.plain, choice.learned, oracles, self.figures.target_normalised),
            self.save_volumes,
            predictions=self.predictions.predictions(),
            target=self.predictions.target,
            has_viewer=self.has_viewer,
        )


def challenge_metrics(protocols: Sequence[str]) -> list[str]:
    """Return the metrics that are a challenge's own figures, such as those of `synthrad2023`.

    Raises:
        UsageError: E002 for a challenge that is not known.
    """
    from transmodal.errors import UsageError, suggest
    from transmodal.metrics.suite import synthrad

    names: list[str] = []
    for protocol in protocols:
        own = [metric.name for metric in synthrad.METRICS if metric.name.endswith(f"_{protocol}")]
        if protocol not in CHALLENGES:
            advice = suggest(protocol, CHALLENGES, "Choose one of them.")
            raise UsageError("E002", f"--protocol {protocol}", " or ".join(CHALLENGES), advice)
        names += [name for name in own if name not in names]
    return names


def open_cohort(cohort: str | Path | Cohort) -> Cohort:
    """Return a prepared cohort.

    Raises:
        InputError: as `Cohort.open`.
    """
    from transmodal.cohorts.store import Cohort

    return cohort if isinstance(cohort, Cohort) else Cohort.open(Path(cohort))


def words_of(words: str | Sequence[str]) -> list[str]:
    """Return words that commas divide, or that are a list already."""
    parts = words.split(",") if isinstance(words, str) else words
    return [part.strip() for part in parts if part.strip()]


def oracles_of(word: str) -> tuple[str, ...]:
    """Return oracles by the word for several.

    Raises:
        UsageError: E001 for another word.
    """
    from transmodal.errors import UsageError
    from transmodal.evaluation.oracles import fit as oracles

    sets = {"standard": oracles.STANDARD, "all": oracles.NAMES, "none": ()}
    if word not in sets:
        raise UsageError("E001", f"--oracles {word}", "standard, all or none", "Choose one of them.")
    return sets[word]


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
