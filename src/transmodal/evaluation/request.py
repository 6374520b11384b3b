"""The request of an evaluation: which cases, translated how, scored by which metrics beside which oracles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from transmodal.cohorts.store import Cohort
from transmodal.evaluation.external.phenotypes import Phenotypes
from transmodal.evaluation.learned.base import NO_LEARNED_METRICS, LearnedMetrics
from transmodal.evaluation.oracles.fit import STANDARD as STANDARD_ORACLES
from transmodal.evaluation.oracles.fit import check_names as check_oracles
from transmodal.evaluation.predictions.predicted import NO_PREDICTIONS, Predictions
from transmodal.evaluation.runs import STANDARD as STANDARD_TRANSLATION
from transmodal.evaluation.runs import TranslationOptions
from transmodal.evaluation.score import STANDARD
from transmodal.metrics import registry
from transmodal.metrics.naming import check_names


@dataclass(frozen=True, slots=True)
class CaseSelection:
    """The cases that are scored, and the cohorts and groups that their figures are held against.

    Attributes:
        split: `train`, `validation` or `test`, or `all` of a cohort that no run learned from.
        training_cohort: the cohort that the runs learned from, where another one is scored: oracles are fitted on its
            training split, and its test split gives the figures that a drop is taken from.
        phenotypes: table and columns that patients are parted by.
    """

    split: str = "test"
    training_cohort: Cohort | Path | None = None
    phenotypes: Phenotypes | None = None


@dataclass(frozen=True, slots=True)
class ScoringOptions:
    """The figures that are taken, and the oracles beside the runs.

    Attributes:
        metrics: out of `metrics.registry.names`.
        learned: metrics that need a network; see `evaluation.learned.choose.choose`.
        oracles: names out of `evaluation.oracles.fit.NAMES`; left out where they would be fitted on another cohort
            than the runs learned from.
        target_normalised: scale each target without a unit (MR contrasts) to the training cohort's units by
            its own intensities; it is stamped into the protocol.
    """

    metrics: Sequence[str] = STANDARD
    learned: LearnedMetrics = NO_LEARNED_METRICS
    oracles: Sequence[str] = STANDARD_ORACLES
    target_normalised: bool = False

    def check(self) -> None:
        """Refuse names of metrics and oracles that are not known.

        Raises:
            UsageError: E002 for an unknown name, E004 without a metric.
        """
        check_names(self.metrics, registry.names())
        check_oracles(self.oracles)


@dataclass(frozen=True, slots=True)
class EvaluationRequest:
    """Everything that an evaluation is asked for, beside its runs and its cohort.

    Attributes:
        selection: which cases are scored.
        translation: how runs are loaded and translate.
        scoring: which figures are taken, beside which oracles.
        save_volumes: also write every synthetic volume, with its hash in evaluation.json.
        notes: remarks that a reader of the figures has to know.
        predictions: folders of volumes that another program made, scored beside the runs.
        target: modality of the predictions, where there is no run; empty takes the one that can be meant.
        has_viewer: also write a page per case beside the report, which shows its volumes.
    """

    selection: CaseSelection = CaseSelection()
    translation: TranslationOptions = STANDARD_TRANSLATION
    scoring: ScoringOptions = ScoringOptions()
    save_volumes: bool = False
    notes: Sequence[str] = ()
    predictions: Predictions = NO_PREDICTIONS
    target: str = ""
    has_viewer: bool = False
