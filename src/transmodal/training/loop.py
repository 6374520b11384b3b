"""The loop: phases of epochs of steps, validated and saved where that is due.

`session.py` has what is trained, `step.py` how the players learn, `saving.py` the checkpoints.
"""

from __future__ import annotations

from contextlib import closing

from transmodal.batch import Batch
from transmodal.progress import duration
from transmodal.training.planning.phases import PhasePlan
from transmodal.training.readings import read_where_due
from transmodal.training.saving import save_last
from transmodal.training.session import Interrupted, Session
from transmodal.training.step import step
from transmodal.training.validation import validate


def train_phases(session: Session) -> None:
    """Train from where the session's state is to the end of the last phase.

    Raises:
        Interrupted: when the process was asked to stop; the state is saved.
        InputError: E120 when a loss or a weight is not finite.
    """
    for phase in session.remaining_phases():
        session.begin(phase)
        while session.state.epoch < phase.epochs and not session.state.phase_ended:
            _train_epoch(session, phase)
    session.update(finished=True)
    save_last(session)


def _train_epoch(session: Session, phase: PhasePlan) -> None:
    session.translator.train()
    with closing(session.batches(phase)) as batches:
        for batch in batches:
            train_step(session, phase, batch)
    epoch = session.state.epoch + 1
    is_due = epoch % session.settings.validate_every == 0 or epoch == phase.epochs
    if is_due and phase.validated and session.plan.validation:
        validate(session, phase)
    session.update(epoch=epoch, epoch_step=0)
    if is_due:
        save_last(session)


def train_step(session: Session, phase: PhasePlan, batch: Batch) -> None:
    """Let the players of a phase learn from one batch; log, tell and save where that is due.

    Raises:
        Interrupted: when the process was asked to stop; the state is saved.
        InputError: E120 when a loss or a weight is not finite.
    """
    rates = session.set_rates(phase)
    session.seed_step(phase)
    session.translator.check_available(batch.available)  # while it lies where reading it costs nothing
    batch, terms = session.align(batch.to(session.fabric.device))
    terms |= step(
        session.fabric,
        session.translator,
        {name: session.optimizers[name] for name in session.translator.players(phase.name)},
        batch,
        clip=session.settings.gradient_clip,
        further=session.alignment.structure,
    )
    session.update(step=session.state.step + 1, epoch_step=session.state.epoch_step + 1)
    is_stopping = read_where_due(session, phase, terms, rates)
    session.tell_progress(phase)
    if not session.unread and session.outlook.note(session.state.step):
        _tell_time(session, phase)
    if is_stopping:
        save_last(session)
        raise Interrupted
    if not session.unread and session.is_save_due():
        save_last(session)


def _tell_time(session: Session, phase: PhasePlan) -> None:
    """Say how long the phase goes on, by the steps that were timed."""
    state, per_step = session.state, session.outlook.per_step
    if per_step is None:
        return
    n_steps = (
        phase.epochs * session.steps_per_epoch - state.epoch * session.steps_per_epoch - state.epoch_step
    )
    further = ", and its validations on top" if phase.validated and session.plan.validation else ""
    session.progress.say(
        f"time: about {duration(n_steps * per_step)} for the {n_steps} steps of {phase.name} that are left, "
        f"{per_step:.3g} s each{further}"
    )
