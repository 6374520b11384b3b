"""One process of a training: the preparation before the first step, the loop, and its end."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import torch
from lightning_fabric import Fabric

from transmodal.checkpoint import State
from transmodal.cohorts.quality import training_sources
from transmodal.data.workers import worker_death
from transmodal.errors import TransmodalError
from transmodal.progress import Progress
from transmodal.storage import memory
from transmodal.training import features
from transmodal.training.acceleration import set_tf32
from transmodal.training.launch import Stop
from transmodal.training.log import Curves
from transmodal.training.loggers.follower import LOGGERS, LoggerFollower
from transmodal.training.loggers.logged_run import RunFacts
from transmodal.training.loop import train_phases
from transmodal.training.run import lock
from transmodal.training.saving import load_last
from transmodal.training.session import Assignment, Interrupted, Session, open_session
from transmodal.training.step import out_of_memory


class ProcessResult(NamedTuple):
    """The first process's result: the state of the training, and the signal that stopped it."""

    state: State
    signal: int | None


@memory.guarded(
    "the networks were built",
    "Set a smaller settings.width, training.batch=1 and translation.batch=1, in another folder.",
)
def train_in_process(fabric: Fabric, assignment: Assignment, progress: Progress, stop: Stop) -> ProcessResult:
    """Train in one process; the first one keeps the run's folder.

    Raises:
        TransmodalError: as `train.train`.
    """
    cards = [fabric.device] if fabric.device.type == "cuda" else []
    settings = assignment.plan.recipe.training
    with torch.random.fork_rng(devices=cards), set_tf32(settings):
        if fabric.global_rank > 0:
            return train_session(open_session(fabric, assignment, progress, stop, load_last(assignment.run)))
        with lock(assignment.run):
            saved = load_last(assignment.run)
            n_steps, n_in_epoch = (0, 0) if saved is None else (saved.state.step, saved.state.epoch_step)
            board = assignment.run.tensorboard if "tensorboard" in settings.loggers else None
            with Curves(
                assignment.run.curves,
                board,
                n_steps,
                is_validated=n_in_epoch == 0,
                followers=_followers(assignment),
            ) as curves:
                session = open_session(fabric, assignment, progress, stop, saved)
                session.curves = curves
                result = train_session(session)
                curves.is_stopped = result.signal is not None
                return result


def train_session(session: Session) -> ProcessResult:
    """Train a session to the end, or until it is asked to stop.

    Raises:
        InputError: E120 when a loss or a weight is not finite.
        ResourceError: E402 when memory runs out or a process that cuts windows dies, E405 when one is stopped.
    """
    try:
        with in_words(session):
            _prepare(session)
            train_phases(session)
    except Interrupted:
        return ProcessResult(session.state, session.stop.signal or int(signal.SIGTERM))
    return ProcessResult(session.state, None)


@contextmanager
def in_words(session: Session) -> Iterator[None]:
    """Say in words that memory ran out or a process died while the block runs, and close the session behind it.

    Raises:
        ResourceError: E402 when memory runs out or a process that cuts windows dies, E405 when one is stopped.
        Interrupted: as it was raised.
    """
    try:
        yield
    except Interrupted:
        raise
    except Exception as error:
        if (death := worker_death(error)) is not None:
            raise death from error
        if isinstance(error, TransmodalError) or not memory.is_out_of_memory(error):
            raise
        raise out_of_memory(session.settings.batch, session.fabric.device) from error
    finally:
        session.close()


def _followers(assignment: Assignment) -> list[LoggerFollower]:
    """Return what hands the curves on to the recipe's loggers."""
    run, plan = assignment.run, assignment.plan
    facts = RunFacts(run.folder.resolve().name, run.loggers, plan.recipe, plan.cohort)
    return [LoggerFollower(name, facts) for name in plan.recipe.training.loggers if name in LOGGERS]


def _prepare(session: Session) -> None:
    """Look at the training sources, for what `translate` holds a source against, and store features where asked."""
    plan = session.plan
    if session.reference is None and session.fabric.global_rank == 0:
        cases = [source.case for source in plan.stream.cases]
        is_physical = {name: spec.method == "window" for name, spec in plan.preprocessing.specs.items()}
        session.reference = training_sources.fit(
            cases, is_physical, partial(session.advance_or_stop, "sources")
        )
    if session.settings.store_features:
        session.dataset.features = features.fill_store(
            session.fabric,
            session.translator,
            session.dataset,
            plan.features,
            batch=plan.recipe.translation.batch,
            advance=partial(session.advance_or_stop, "features"),
        )
