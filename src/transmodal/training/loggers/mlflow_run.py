"""A run in MLflow: on the server that MLflow is set to, or in files beside the training."""

from __future__ import annotations

import importlib
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from transmodal.training.log import CurvePoint, Outcome
from transmodal.training.loggers.logged_run import PROJECT, RunFacts

if TYPE_CHECKING:
    from mlflow import MlflowClient

STATUS: dict[Outcome, str] = {"finished": "FINISHED", "stopped": "KILLED", "failed": "FAILED"}

MAX_METRICS = 1000
MAX_PARAMETERS = 100
MAX_TEXT = 500
"""What MLflow takes in one call, and characters of a parameter in the oldest stores."""

_NO_NAME = re.compile(r"[^\w\-. :/]")


class MlflowRun:
    """A run in a store of MLflow.

    Args:
        client: of the store.
        run_id: of a run that is there.
        store: address of the store.
    """

    def __init__(self, client: MlflowClient, run_id: str, store: str) -> None:
        self.id, self.store, self._client = run_id, store, client

    def send(self, points: Sequence[CurvePoint], row: int) -> None:
        """Log points as metrics, each at its step."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        for start in range(0, len(points), MAX_METRICS):
            metrics = [
                Metric(_NO_NAME.sub("_", point.tag), point.value, now, point.step)
                for point in points[start : start + MAX_METRICS]
            ]
            self._client.log_batch(self.id, metrics=metrics)

    def finish(self, outcome: Outcome) -> None:
        """Set the run's status."""
        self._client.set_terminated(self.id, STATUS[outcome])


def load() -> None:
    """Import MLflow, with its reports of its own use switched off."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    importlib.import_module("mlflow")


def connect(facts: RunFacts, recorded: Mapping[str, Any]) -> MlflowRun:
    """Begin a run, or go on with the recorded one.

    Without an address of its own (`MLFLOW_TRACKING_URI`) MLflow writes files into the run's folder: nothing leaves the
    machine.

    Raises:
        MlflowException: as the store says.
    """
    import mlflow

    store = (
        mlflow.get_tracking_uri()
        if mlflow.is_tracking_uri_set()
        else (facts.folder / "mlflow").absolute().as_uri()
    )
    with _files_allowed():
        client = mlflow.MlflowClient(tracking_uri=store)
        if recorded.get("store") == store:
            client.update_run(recorded["id"], status="RUNNING")
            return MlflowRun(client, recorded["id"], store)
        run = client.create_run(_experiment(client), run_name=facts.name, tags=facts.tags())
        run_id: str = run.info.run_id
        _log_settings(client, run_id, facts.settings())
    return MlflowRun(client, run_id, store)


def _experiment(client: MlflowClient) -> str:
    """Return the id of the experiment that MLflow is set to, or of ours; it is made where it is missing."""
    from mlflow.environment_variables import MLFLOW_EXPERIMENT_NAME
    from mlflow.exceptions import MlflowException

    name = MLFLOW_EXPERIMENT_NAME.get() or PROJECT
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        try:
            created_id: str = client.create_experiment(name)
        except MlflowException:  # another training made it meanwhile
            experiment = client.get_experiment_by_name(name)
            if experiment is None:
                raise
        else:
            return created_id
    experiment_id: str = experiment.experiment_id
    return experiment_id


def _log_settings(client: MlflowClient, run_id: str, settings: Mapping[str, str]) -> None:
    from mlflow.entities import Param

    parameters = [Param(_NO_NAME.sub("_", key), value[:MAX_TEXT]) for key, value in settings.items()]
    for start in range(0, len(parameters), MAX_PARAMETERS):
        client.log_batch(run_id, params=parameters[start : start + MAX_PARAMETERS])


@contextmanager
def _files_allowed() -> Iterator[None]:
    """Let MLflow write files: it does where it is told to, and other stores take a database."""
    name = "MLFLOW_ALLOW_FILE_STORE"
    before = os.environ.get(name)
    os.environ.setdefault(name, "true")
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(name, None)
