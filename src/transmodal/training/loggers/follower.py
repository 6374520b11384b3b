"""A follower of the curves: it hands them on to a logger from a thread of its own, and never ends a training."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from transmodal.errors import TransmodalError
from transmodal.storage import files
from transmodal.training.log import CurvePoint, Outcome
from transmodal.training.loggers import mlflow_run, wandb_run
from transmodal.training.loggers.logged_run import LoggedRun, Logger, RunFacts

PATIENCE_SECONDS = 30.0
"""How long the end of a training waits for a logger."""

LOGGERS = {
    "mlflow": Logger(mlflow_run.load, mlflow_run.connect),
    "wandb": Logger(wandb_run.load, wandb_run.connect),
}
"""By their names in recipes."""

_log = logging.getLogger(__name__)


class LoggerFollower:
    """Follows the curves of one run for one logger.

    It counts the rows of `curves.csv` that the logger has taken. A run that goes on takes up the logger's run by its id and
    hands on the rows after those: nothing twice, nothing left out, also where the logger joins an older run.

    Args:
        name: of the logger.
        facts: of the run; its folder is made where it is missing.
        patience: how long the end of a training waits for the logger, s; None takes `PATIENCE_SECONDS`.
    """

    def __init__(self, name: str, facts: RunFacts, *, patience: float | None = None) -> None:
        self._name, self._facts = name, facts
        self._patience = PATIENCE_SECONDS if patience is None else patience
        self._queue: SimpleQueue[Sequence[CurvePoint] | Outcome] = SimpleQueue()
        self._thread = threading.Thread(target=self._follow, name=f"logger {name}", daemon=True)

    @property
    def record(self) -> Path:
        """Where the logger's run and the number of its rows are recorded."""
        return self._facts.folder / f"{self._name}.json"

    def begin(self, earlier: Sequence[CurvePoint]) -> None:
        """Begin with the rows that the run has already."""
        self.add(earlier)
        try:
            LOGGERS[
                self._name
            ].load()  # here, as processes that are forked during an import may wait for it for ever
        except Exception as error:
            self._leave(error)
        else:
            self._thread.start()

    def add(self, points: Sequence[CurvePoint]) -> None:
        """Take rows; training does not wait for the logger."""
        self._queue.put(points)

    def end(self, outcome: Outcome) -> None:
        """Wait until the logger has all rows, no longer than its patience."""
        self._queue.put(outcome)
        if self._thread.ident is not None:
            self._thread.join(self._patience)
        if self._thread.is_alive():
            _log.warning(
                "%s does not answer within %g s and is left: curves.csv has all curves.",
                self._name,
                self._patience,
            )

    def _follow(self) -> None:
        try:
            recorded = self._recorded()
            run = LOGGERS[self._name].connect(self._facts, recorded)
            is_known = (run.id, run.store) == (recorded.get("id"), recorded.get("store"))
            self._hand_on(run, recorded["rows"] if is_known else 0)
        except Exception as error:  # whatever a package raises: training goes on
            self._leave(error)

    def _leave(self, error: Exception) -> None:
        """Say once that the logger is left."""
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        _log.warning(
            "%s takes no more curves: %s. Training goes on, and curves.csv has all curves.",
            self._name,
            first.rstrip("."),
        )

    def _hand_on(self, run: LoggedRun, n_taken: int) -> None:
        """Send rows as they come, until the end of the training.

        Args:
            run: of the logger.
            n_taken: rows that it has from earlier starts.
        """
        n_seen, outcome = 0, None
        while outcome is None:
            points, outcome = self._waiting()
            new = points[max(0, n_taken - n_seen) :]
            n_seen += len(points)
            if new:
                run.send(new, n_taken)
                n_taken = n_seen
            files.write_json(self.record, {"id": run.id, "store": run.store, "rows": n_taken})
        run.finish(outcome)

    def _waiting(self) -> tuple[list[CurvePoint], Outcome | None]:
        """Return the rows that wait, at least one message of them, and how the training ended once it has."""
        points: list[CurvePoint] = []
        message = self._queue.get()
        while True:
            if isinstance(message, str):
                return points, message
            points.extend(message)
            try:
                message = self._queue.get_nowait()
            except Empty:
                return points, None

    def _recorded(self) -> dict[str, Any]:
        """Return what an earlier start recorded; nothing where it cannot be read: the logger begins again then."""
        self._facts.folder.mkdir(parents=True, exist_ok=True)
        try:
            recorded = files.read_json(self.record)
        except TransmodalError:
            return {}
        is_whole = isinstance(recorded.get("id"), str) and isinstance(recorded.get("rows"), int)
        return recorded if is_whole else {}
