"""Readings: losses stay on the device until they are read, since reading lets the processor wait for an accelerator.

On the CPU they are read after every step. On an accelerator they are read where a point of the curves is due, at the end
of an epoch, after `MOST_UNREAD` steps, and before anything is saved: no checkpoint is of after a loss that is not finite.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from transmodal.training.planning.phases import PhasePlan
from transmodal.training.session import Session
from transmodal.training.step import check_finite, to_numbers

MOST_UNREAD = 50
"""Steps after which losses are read though no point is due: so many a request to stop may wait in several processes."""


def read_where_due(
    session: Session, phase: PhasePlan, terms: Mapping[str, Tensor], rates: Mapping[str, float]
) -> bool:
    """Note the terms of a step that is complete, read all that are unread where that is due, and return whether to stop.

    Args:
        session: whose state has counted the step.
        phase: that is trained.
        terms: losses as `player/term`, on the device.
        rates: learning rates of the step, as `lr/player`.

    Raises:
        InputError: E120 for a loss that is not finite, naming its step.
    """
    session.unread.append((session.last_step(phase), terms))
    if not _is_due(session):
        return False
    places, rows = zip(*session.unread, strict=True)
    session.unread.clear()
    numbers, is_stopping = to_numbers(session.fabric, rows, stop=bool(session.stop))
    for place, losses in zip(places, numbers, strict=True):
        check_finite(losses, place)
        _add(session, losses)
    if _is_point_due(session):
        _log(session, phase, rates)
    return is_stopping


def is_read_at_once(device: torch.device) -> bool:
    """Return whether reading a loss costs nothing on a device."""
    return device.type == "cpu"


def _add(session: Session, losses: Mapping[str, float]) -> None:
    """Add a step's losses to the curves' current points."""
    sums = dict(session.state.sums)
    for name, value in losses.items():
        total, count = sums.get(name, (0.0, 0))
        sums[name] = (total + value, count + 1)
    session.last_loss = sum(losses.values())
    session.update(sums=sums)


def _log(session: Session, phase: PhasePlan, rates: Mapping[str, float]) -> None:
    """Add the curves' current points, means over steps, and begin new ones."""
    means = {f"loss/{name}": total / count for name, (total, count) in session.state.sums.items()}
    session.log(phase, {**means, **rates})
    session.update(sums={})


def _is_due(session: Session) -> bool:
    """Several processes read together, so all of them decide by what they have in common: the number of the step."""
    if is_read_at_once(session.fabric.device) or session.settings.checkpoint_minutes == 0:
        return True
    is_alone = session.fabric.world_size == 1
    if is_alone and (bool(session.stop) or session.is_save_due()):
        return True
    return len(session.unread) >= MOST_UNREAD or _is_point_due(session)


def _is_point_due(session: Session) -> bool:
    state = session.state
    return state.step % session.settings.log_every == 0 or state.epoch_step == session.steps_per_epoch
