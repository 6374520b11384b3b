"""A run in Weights & Biases: offline in files beside the training, unless `WANDB_MODE` says otherwise."""

from __future__ import annotations

import importlib
import os
import secrets
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from transmodal.training.log import CurvePoint, Outcome
from transmodal.training.loggers.logged_run import PROJECT, RunFacts

if TYPE_CHECKING:
    from wandb import Run

EXIT_CODES: dict[Outcome, int] = {"finished": 0, "stopped": 130, "failed": 1}


class WandbRun:
    """A run of Weights & Biases.

    Args:
        run: that was begun.
    """

    store = PROJECT  # an id is good offline and online: what was written offline is sent on by `wandb sync`

    def __init__(self, run: Run) -> None:
        self.id, self._run = run.id, run

    def send(self, points: Sequence[CurvePoint], row: int) -> None:
        """Log points, those of one step and phase together.

        W&B drops what comes with a smaller step of its own than it has, also over several starts: that is the row.
        """
        for (step, _), group in groupby(points, lambda point: (point.step, point.phase)):
            together = list(group)
            self._run.log({"step": step, **{point.tag: point.value for point in together}}, step=row)
            row += len(together)

    def finish(self, outcome: Outcome) -> None:
        """Close the run."""
        self._run.finish(exit_code=EXIT_CODES[outcome])


def load() -> None:
    """Import wandb, with its reports of its own errors switched off."""
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    importlib.import_module("wandb")


def connect(facts: RunFacts, recorded: Mapping[str, Any]) -> WandbRun:
    """Begin a run, or go on with the recorded one; code, command line and machine are not sent.

    Raises:
        Exception: as wandb says.
    """
    import wandb

    run = wandb.init(
        project=os.environ.get("WANDB_PROJECT") or PROJECT,
        id=recorded.get("id") or secrets.token_hex(4),
        name=facts.name,
        config={**facts.settings(), **facts.tags()},
        resume="allow",
        mode=os.environ.get("WANDB_MODE") or "offline",  # type: ignore[arg-type]  # wandb refuses other words
        dir=facts.folder,
        settings=wandb.Settings(
            console="off",
            silent=True,
            disable_code=True,
            disable_git=True,
            host="",
            login_timeout=10,
            save_code=False,
            x_disable_machine_info=True,
            x_disable_meta=True,
            x_disable_stats=True,
            x_save_requirements=False,
        ),
    )
    run.define_metric("step", hidden=True)
    run.define_metric("*", step_metric="step")
    return WandbRun(run)
