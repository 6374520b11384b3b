"""A request for an evaluation in the words of the command line, and what they mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from transmodal.commands._passes import letters

if TYPE_CHECKING:
    from transmodal.cohorts.store import Cohort
    from transmodal.evaluation.learned.choose import Choice
    from transmodal.evaluation.request import CaseSelection, EvaluationRequest

STANDARD = "mae,psnr,ssim"
"""Metrics that are taken where none is named."""


class CaseWords(NamedTuple):
    """The cases that are scored, in the words of the command line; see `evaluation.request.CaseSelection`."""

    split: str
    training_cohort: str | Path | Cohort | None
    phenotypes: str | Path | None
    by: str | Sequence[str]

    def selection(self) -> CaseSelection:
        """Return the selection of cases.

        Raises:
            UsageError: E004 for a table without columns, or columns without a table.
            InputError: as `Cohort.open`.
        """
        from transmodal.errors import UsageError
        from transmodal.evaluation.external.phenotypes import Phenotypes
        from transmodal.evaluation.request import CaseSelection

        columns = (self.by,) if isinstance(self.by, str) else tuple(self.by)
        if bool(columns) != (self.phenotypes is not None):
            raise UsageError(
                "E004",
                "--phenotypes without --by" if self.phenotypes else "--by without --phenotypes",
                "both",
                "Name a table and what to part by.",
            )
        return CaseSelection(
            self.split,
            None if self.training_cohort is None else open_cohort(self.training_cohort),
            None if self.phenotypes is None else Phenotypes(Path(self.phenotypes), columns),
        )


class FigureWords(NamedTuple):
    """The figures that are taken, in the words of the command line; see `evaluation.request.ScoringOptions`."""

    metrics: str | Sequence[str]
    oracles: str
    weights: Sequence[str] | Mapping[str, str]
    segmenter: str | Path | None
    segmenter_window: str | None
    target_normalised: bool

    def choice(self, device: str | None) -> Choice:
        """Return the metrics, opened where they need a network, and the weights of the runs' frozen networks.

        Raises:
            UsageError, InputError, IntegrityError, ResourceError: as `evaluation.learned.choose.choose`.
        """
        from transmodal.commands import _sources
        from transmodal.evaluation.learned.choose import choose

        return choose(
            words_of(self.metrics),
            _sources.weights(self.weights),
            segmenter=None if self.segmenter is None else Path(self.segmenter),
            window=_window(self.segmenter_window),
            device=device,
        )


class PassWords(NamedTuple):
    """The passes by which runs translate, in the words of the command line; see `evaluation.runs.Passes`."""

    axes: str | Sequence[str]
    fuse: Literal["mean", "median"] | None
    draws: int
    translate_with: Literal["batch_statistics", "running"] | None


class EvaluationWords(NamedTuple):
    """A request in the words of the command line."""

    cases: CaseWords
    figures: FigureWords
    passes: PassWords
    checkpoint: str
    device: str | None
    without: str | Sequence[str]
    save_volumes: bool

    def request(self) -> EvaluationRequest:
        """Return the request, its names checked and its networks opened.

        Raises:
            UsageError, InputError, IntegrityError, ResourceError: as the parts.
        """
        from transmodal.evaluation.request import EvaluationRequest, ScoringOptions
        from transmodal.evaluation.runs import TranslationOptions
        from transmodal.inference.passes import Passes

        oracles = oracles_of(self.figures.oracles)
        choice = self.figures.choice(self.device)
        without = (self.without,) if isinstance(self.without, str) else self.without
        passes = Passes(letters(self.passes.axes), *self.passes[1:])
        return EvaluationRequest(
            self.cases.selection(),
            TranslationOptions(self.checkpoint, self.device, choice.weights, passes, without),
            ScoringOptions(choice.plain, choice.learned, oracles, self.figures.target_normalised),
            self.save_volumes,
        )


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
