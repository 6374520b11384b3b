"""Checkpoints of a session: the last state with its optimisers, and the best weights."""

from __future__ import annotations

import time
from collections.abc import Mapping

import torch
from torch import Tensor

from transmodal import checkpoint, translators
from transmodal.checkpoint import Checkpoint, State
from transmodal.training import optimizers as optim
from transmodal.training.run import Run, versions
from transmodal.training.session import Session
from transmodal.training.step import diverged


def load_last(run: Run) -> Checkpoint | None:
    """Return the checkpoint that a run goes on from; None for a run that begins."""
    return checkpoint.load(run.last, optimizers=True) if run.is_saved else None


def save_last(session: Session) -> None:
    """Save the state, by the first process; the checkpoint before it is kept.

    Raises:
        InputError: E120 when a weight is not finite; nothing is saved then.
    """
    if session.fabric.global_rank == 0:
        content = checkpoint_of(session, session.state, optimizers=True)
        checkpoint.save(session.run.last, content, keep_previous=True)
    session.saved_at = time.monotonic()


def save_best(session: Session, epoch: int) -> None:
    """Save the weights as the best after an epoch, without optimisers, by the first process.

    Raises:
        InputError: E120 when a weight is not finite; nothing is saved then.
    """
    if session.fabric.global_rank == 0:
        best = session.state.model_copy(update={"epoch": epoch, "epoch_step": 0})
        checkpoint.save(session.run.best, checkpoint_of(session, best, optimizers=False))


def checkpoint_of(session: Session, state: State, *, optimizers: bool) -> Checkpoint:
    """Return what is saved of a session.

    Args:
        session: whose weights they are.
        state: that is saved with them.
        optimizers: whether the optimisers' tensors are saved too.

    Raises:
        InputError: E120 when a weight is not finite.
    """
    weights = session.translator.state_dict()
    players = session.players(state.phase)
    tensors = optim.tensors(session.optimizers, players) if optimizers else {}
    if (
        optimizers and session.alignment.registrar is not None
    ):  # of no use but to go on: it translates nothing
        tensors |= session.alignment.registrar.tensors()
    _check_finite({**weights, **tensors}, state, next(iter(players)))
    plan, origin = session.plan, session.origin
    scaler = session.fabric.strategy.precision.state_dict()
    plugin = translators.plugin_of(plan.recipe.translator)
    return Checkpoint(
        recipe=plan.recipe,
        translator_config=origin.config,
        target_map=plan.preprocessing.target_map,
        sources=plan.preprocessing.specs,
        cohort=plan.cohort,
        state=state.model_copy(update={"scaler": scaler, "seconds": session.seconds()}),
        weights=weights,
        optimizers=tensors,
        frozen=origin.frozen,
        starting_weights=origin.starting_weights,
        window=plan.stream.cutting.size,
        units=plan.preprocessing.units,
        versions=versions(),
        plugin=None if plugin is None else plugin.distribution,
        reference=session.reference,
    )


def _check_finite(tensors: Mapping[str, Tensor], state: State, player: str) -> None:
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise diverged(f"{name} is not finite after step {state.step}", player)
