"""Scoring over a cluster: a worker opens the evaluation once, as the command did, and works on the cases that it is given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import torch

from transmodal.cohorts.store import Cohort, PreparedCase
from transmodal.commands._evaluation_words import EvaluationWords, open_cohort, words_of
from transmodal.errors import IntegrityError, UsageError
from transmodal.evaluation.case_scorer import CaseOutcome, CaseScorer
from transmodal.evaluation.run import open_evaluation
from transmodal.metrics import registry
from transmodal.parallel import current_crew


class EvaluationOrder(NamedTuple):
    """An evaluation as it travels: words and paths alone.

    Attributes:
        runs: folders of runs; by name, they have these names in tables.
        cohort: folder of the cohort that is scored.
        words: what is asked for.
        output: folder that is written into.
        threads: of torch.
    """

    runs: Mapping[str, Path] | Sequence[Path]
    cohort: Path
    words: EvaluationWords
    output: Path
    threads: int


@dataclass(frozen=True, slots=True)
class CaseWork:
    """The work on a case, on a worker.

    Attributes:
        order: the evaluation's.
        number: drawn for the order, by which a process knows that it has opened it.
    """

    order: EvaluationOrder
    number: str

    def __call__(self, case: str) -> CaseOutcome:
        """Translate and score a case.

        Raises:
            IntegrityError: E501 when the cohort has no such case by now.
            TransmodalError: as `evaluation.run.evaluate`.
        """
        opened = _open(self.order, self.number)
        torch.set_num_threads(opened.threads)
        if case not in opened.cases:
            raise IntegrityError(
                "E501",
                f"the cohort has no case {case}",
                "the cases that it had when the command began",
                "Evaluate when the cohort is no longer being changed.",
            )
        prepared = opened.cases[case]
        return opened.scorer.outcome(prepared, opened.scorer.translate(prepared))


def spread_cases(order: EvaluationOrder, cases: Sequence[str]) -> Iterator[tuple[str, CaseOutcome]]:
    """Yield what is taken of each case, in no order, by the crew that works in the place of this process.

    Raises:
        TransmodalError: as `CaseWork`, and as the crew.
    """
    crew = current_crew()
    assert crew is not None, "cases are spread over a crew"
    yield from crew.run(CaseWork(order, uuid4().hex), {case: case for case in cases})


def order_of(
    runs: Mapping[str, Path] | Sequence[Path],
    cohort: Cohort,
    words: EvaluationWords,
    output: Path,
) -> EvaluationOrder:
    """Return an evaluation as it travels.

    Raises:
        UsageError: E004 for what one process has to do: viewer pages, predictions, and figures of a whole split.
    """
    of_split = [name for name in words_of(words.figures.metrics) if registry.find(name).learned == "split"]
    alone = {
        "--viewer": words.has_viewer,
        "--predictions": bool(words.predictions.folders),
        f"--metrics {','.join(of_split)}": bool(of_split),
    }
    for word, is_asked in alone.items():
        if is_asked:
            raise UsageError(
                "E004",
                f"{word} with --scheduler",
                "one of them: that is work of one process",
                f"Evaluate without --scheduler, or leave {word} out.",
            )
    training = words.training_cohort
    if isinstance(training, Cohort):
        words = replace(words, training_cohort=training.folder)
    return EvaluationOrder(runs, cohort.folder, words, output, torch.get_num_threads())


class _OpenOrder(NamedTuple):
    """An evaluation that this process has opened, and its cases by name."""

    scorer: CaseScorer
    cases: Mapping[str, PreparedCase]
    threads: int


_OPEN_ORDERS: dict[str, _OpenOrder] = {}
"""The one order that this process has opened, by its number."""


def _open(order: EvaluationOrder, number: str) -> _OpenOrder:
    if number not in _OPEN_ORDERS:
        torch.set_num_threads(order.threads)
        opened = open_evaluation(
            order.runs, open_cohort(order.cohort), order.words.request(), output=order.output
        )
        cases = {case.id: case for case in opened.cases}
        _OPEN_ORDERS.clear()
        _OPEN_ORDERS[number] = _OpenOrder(opened.scorer, cases, order.threads)
    return _OPEN_ORDERS[number]
