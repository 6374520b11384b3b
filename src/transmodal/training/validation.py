"""Validation: the validation cases scored, shared out among the processes, and the best checkpoint chosen."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from transmodal.metrics import registry
from transmodal.training import scoring
from transmodal.training.log import VALIDATION
from transmodal.training.planning.phases import PhasePlan
from transmodal.training.saving import save_best, save_last
from transmodal.training.session import Interrupted, Session
from transmodal.training.step import any_of, total_over_processes


def validate(session: Session, phase: PhasePlan) -> None:
    """Score the validation cases at the end of an epoch, and keep the weights where they are the best so far.

    The state changes only when all figures are there: interrupted before, it is done again.

    Raises:
        Interrupted: when a process was asked to stop; the state is saved.
        InputError: E120 when a weight is not finite.
    """
    figures = _mean_figures(session, phase)
    session.log(phase, {f"{VALIDATION}{metric}": figure for metric, figure in figures.items()})
    _choose(session, phase, figures)


def _mean_figures(session: Session, phase: PhasePlan) -> dict[str, float]:
    """Return the mean of each metric over the cases, the same in every process."""
    plan, fabric = session.plan, session.fabric
    session.translator.eval()  # until the next epoch begins
    cases, metrics = plan.validation, scoring.metrics_of(plan)
    table = torch.zeros(len(cases), len(metrics), dtype=torch.float64)
    for n in range(fabric.global_rank, len(cases), fabric.world_size):
        if session.stop:
            break
        figures, synthetic = scoring.score_case(session.translator, plan, cases[n], fabric.device)
        table[n] = torch.tensor([figures[metric] for metric in metrics], dtype=torch.float64)
        if n == 0:
            path = session.run.samples / f"{phase.name}-epoch-{session.state.epoch + 1:04d}.png"
            scoring.draw_case(path, cases[n], plan.preprocessing, synthetic)
        session.progress.advance("validate", n + 1, len(cases))
    if any_of(fabric, bool(session.stop)):
        save_last(session)
        raise Interrupted
    columns = total_over_processes(fabric, table).T.tolist()
    return {metric: scoring.mean(column) for metric, column in zip(metrics, columns, strict=True)}


def _choose(session: Session, phase: PhasePlan, figures: Mapping[str, float]) -> None:
    """Save the weights where they are the best so far, and end the phase where they have not been for too long."""
    epoch = session.state.epoch + 1
    selection, stopping = session.plan.recipe.evaluation, session.settings.early_stopping
    figure = figures[selection.primary]
    is_better = registry.is_improvement(selection.primary, figure, session.state.best)
    stale = 0 if is_better else session.state.stale + 1
    if is_better:
        session.update(best=figure, best_step=session.state.step)
    session.update(stale=stale, phase_ended=stopping is not None and stale >= stopping.patience)
    if is_better:
        save_best(session, epoch)
    text = ", ".join(f"{metric} {value:.4g}" for metric, value in figures.items())
    ending = f"; no better for {stale} validations, stopping" if session.state.phase_ended else ""
    session.progress.say(
        f"{phase.name} {epoch}/{phase.epochs}: {text}{' (best)' if is_better else ''}{ending}"
    )
