"""Counters of the service, as the text that Prometheus reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from transmodal.storage import memory


class Counters:
    """Counts of answers, refusals and jobs since the service started."""

    def __init__(self) -> None:
        self._answers: Counter[int] = Counter()
        self._refusals: Counter[str] = Counter()
        self._ends: Counter[str] = Counter()
        self._job_seconds = 0.0

    def count_answer(self, status: int) -> None:
        """Count an answer by its status."""
        self._answers[status] += 1

    def count_refusal(self, code: str) -> None:
        """Count a refusal by its error code."""
        self._refusals[code] += 1

    def count_job(self, end: str, seconds: float) -> None:
        """Count a job that came to its end: `done` or `failed`."""
        self._ends[end] += 1
        self._job_seconds += seconds

    def text(self, jobs: Mapping[str, int]) -> str:
        """Return all of them.

        Args:
            jobs: how many there are now, by state.
        """
        families = [
            _family("transmodal_answers_total", "counter", "answers by status", "status", self._answers),
            _family("transmodal_refusals_total", "counter", "refusals by error code", "code", self._refusals),
            _family("transmodal_jobs_total", "counter", "jobs that ended, by end", "end", self._ends),
            _family("transmodal_jobs", "gauge", "jobs that there are, by state", "state", jobs),
            _single("transmodal_job_seconds_total", "counter", "time that jobs took", self._job_seconds),
            _single("process_resident_memory_bytes", "gauge", "memory of the server", memory.resident()),
            _single("process_open_fds", "gauge", "files and connections that are open", _n_open()),
        ]
        return "".join(families)


def _family(name: str, kind: str, words: str, label: str, values: Mapping[str, int] | Counter[int]) -> str:
    lines = [f'{name}{{{label}="{key}"}} {number}' for key, number in sorted(values.items())]
    return _head(name, kind, words) + "".join(f"{line}\n" for line in lines)


def _single(name: str, kind: str, words: str, value: float) -> str:
    return f"{_head(name, kind, words)}{name} {value:.17g}\n"


def _head(name: str, kind: str, words: str) -> str:
    return f"# HELP {name} {words}\n# TYPE {name} {kind}\n"


def _n_open() -> int:
    try:
        return sum(1 for _ in Path("/proc/self/fd").iterdir())
    except OSError:  # not on Linux
        return 0
