"""Scale: what preparing, translating and evaluating very many cases takes, by the rates of a few."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from transmodal.counts import counted
from transmodal.progress import duration
from transmodal.training.planning.disk import size


class Rate(NamedTuple):
    """Cost of one more case to a verb.

    Attributes:
        verb: such as `prepare`.
        seconds: of one process.
        n_bytes: that it writes.
    """

    verb: str
    seconds: float
    n_bytes: int


class ScalePlan(NamedTuple):
    """Cost of very many cases.

    Attributes:
        cases: how many.
        workers: processes at once, on one machine or many, each as fast as the one that was measured.
        measured: cases that the rates are of.
        rates: verb by verb.
    """

    cases: int
    workers: int
    measured: int
    rates: Sequence[Rate]

    def seconds(self, rate: Rate) -> float:
        """Return how long a verb takes, in turns of as many cases as there are workers."""
        return math.ceil(self.cases / self.workers) * rate.seconds

    def lines(self) -> list[str]:
        """Return it, a line for each verb."""
        processes = "1 process" if self.workers == 1 else f"{self.workers} processes"
        return [
            f"{rate.verb}: about {duration(self.seconds(rate))} for {counted(self.cases, 'case')} by {processes}, "
            f"{size(self.cases * rate.n_bytes)} of disk ({rate.seconds:.3g} s and {size(rate.n_bytes)} each, "
            f"{self.measured} measured)"
            for rate in self.rates
        ]

    def to_json(self) -> dict[str, Any]:
        """Return it as `--json` prints it, in seconds and bytes."""
        return {
            "cases": self.cases,
            "workers": self.workers,
            "measured": self.measured,
            "verbs": {
                rate.verb: {
                    "seconds": round(self.seconds(rate), 1),
                    "bytes": self.cases * rate.n_bytes,
                    "seconds_per_case": round(rate.seconds, 4),
                    "bytes_per_case": rate.n_bytes,
                }
                for rate in self.rates
            },
        }
