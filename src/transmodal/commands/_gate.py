"""The gate on the command line: `--strict` and `--force`, facts from paths, and how outcomes are reported."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence

from transmodal.cohorts.headers.source_facts import read_source_facts
from transmodal.commands._jobs import Job
from transmodal.errors import InputError, UsageError
from transmodal.inference.gate import Gate, Policy
from transmodal.progress import Progress

REFUSED = "E140"


def policy(*, strict: bool, force: bool) -> Policy:
    """Return the policy for doubtful sources.

    Raises:
        UsageError: E004 for both options.
    """
    if strict and force:
        raise UsageError("E004", "--strict with --force", "one of the two", "Leave one out.")
    return "strict" if strict else "warn" if force else "refuse"


def of(job: Job, policy: Policy, *, alone: bool) -> Gate:
    """Return how a job's sources are checked; a prepared case's are arrays that say nothing of themselves."""
    words = (
        {} if job.case is not None else {name: read_source_facts(path) for name, path in job.paths.items()}
    )
    return Gate(policy, words, "" if alone else job.name)


class GateTally:
    """Counts the gate's outcomes, and keeps going past jobs that it refuses."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._alone = len(jobs) == 1
        self._n = len(jobs)
        self._outcomes: Counter[str] = Counter()
        self._refused: list[str] = []

    def add(self, outcome: str) -> None:
        """Count a job that was translated."""
        self._outcomes[outcome] += 1

    def refuse(self, job: Job, error: InputError) -> None:
        """Print that a job is refused and go on; a job that is alone, and another error, raise.

        Raises:
            InputError: the one that was given.
        """
        if self._alone or error.code != REFUSED:
            raise error
        print(error.line(), file=sys.stderr)
        self._refused.append(job.name)

    def report(self, progress: Progress) -> None:
        """Report the outcomes.

        Raises:
            InputError: E141 where some of several were refused.
        """
        counts = ", ".join(f"{n} {outcome}" for outcome, n in sorted(self._outcomes.items()))
        if counts:
            progress.say(f"gate: {next(iter(self._outcomes)) if self._alone else counts}")
        if self._refused:
            names = ", ".join(self._refused[:5]) + (" and more" if len(self._refused) > 5 else "")
            raise InputError(
                "E141",
                f"{len(self._refused)} of {self._n} refused at the gate: {names}",
                "sources like those that the run was trained on",
                "The others are translated. Look at these, and translate them all the same with --force.",
            )
