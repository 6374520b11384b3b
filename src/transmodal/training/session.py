"""One process's training: phases of epochs of steps, validation, checkpoints."""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from lightning_fabric import Fabric
from torch.optim import Optimizer

from transmodal import checkpoint, translators
from transmodal.batch import Batch
from transmodal.checkpoint import Checkpoint, State
from transmodal.cohorts.quality import training_sources
from transmodal.cohorts.quality.training_sources import Reference
from transmodal.data.dataset import WindowDataset
from transmodal.data.loader import batches, seed_of, steps_per_epoch
from transmodal.progress import Progress
from transmodal.training import features, validation
from transmodal.training import optimizers as optim
from transmodal.training.launch import Stop
from transmodal.training.log import Curves
from transmodal.training.plan import PhasePlan, Plan
from transmodal.training.run import Run, held, versions
from transmodal.training.step import (
    any_of,
    check_finite,
    diverged,
    is_out_of_memory,
    out_of_memory,
    step,
    to_numbers,
    total_over_processes,
)
from transmodal.translators._base import Translator

_log = logging.getLogger(__name__)


class Job(NamedTuple):
    """What travels to every process."""

    plan: Plan
    run: Run


class Outcome(NamedTuple):
    """What the first process returns: where training stands, and the signal that stopped it."""

    state: State
    signal: int | None


def work(fabric: Fabric, job: Job, progress: Progress, stop: Stop) -> Outcome:
    """Train in one process; the first one keeps the run's folder."""
    cards = [fabric.device] if fabric.device.type == "cuda" else []
    with torch.random.fork_rng(devices=cards):
        if fabric.global_rank > 0:
            return Session(fabric, job, progress, stop, _saved(job.run)).train(None)
        with held(job.run):
            saved = _saved(job.run)
            first = 0 if saved is None else saved.state.step
            with Curves(job.run.curves, job.run.tensorboard, first) as curves:
                return Session(fabric, job, progress, stop, saved).train(curves)


class _Interrupted(Exception):  # noqa: N818 - no error: the state is saved, leave the loops
    pass


class Session:
    """A translator with its optimisers and its state, in one process."""

    def __init__(
        self, fabric: Fabric, job: Job, progress: Progress, stop: Stop, saved: Checkpoint | None
    ) -> None:
        self._fabric, self._progress, self._stop = fabric, progress, stop
        self._plan, self._run = job
        self._training = self._plan.recipe.training
        torch.manual_seed(seed_of(self._training.seed, "weights"))
        # A run goes on with the settings that it was begun with, also where defaults have changed since.
        self._config = self._plan.config if saved is None else saved.translator_config
        self._translator = translators.build(self._plan.recipe.translator, self._config)
        self._translator.to(fabric.device)
        self._starting_weights = _begun(self._translator) if saved is None else saved.starting_weights
        frozen = self._translator.frozen()
        if saved is None:
            self._frozen = {name: one.to(fabric.device).digest() for name, one in frozen.items()}
        else:
            self._frozen = checkpoint.check_frozen(frozen, saved, fabric.device)
        self._dataset = WindowDataset(self._plan.stream)
        self._reference = None if saved is None else saved.reference
        self._steps = self._steps_per_epoch()
        self._optimizers: dict[str, Optimizer] = {}
        self._curves: Curves | None = None
        self._saved_at = self._began = time.monotonic()
        self._seconds_before = 0.0 if saved is None else saved.state.seconds
        self._saved = saved
        self._state = State(phase=self._plan.phases[0].name) if saved is None else self._take_up(saved)

    def train(self, curves: Curves | None) -> Outcome:
        """Go through the phases from where the state is; `curves` in the first process only."""
        self._curves = curves
        names = [phase.name for phase in self._plan.phases]
        try:
            if self._reference is None and self._fabric.global_rank == 0:
                self._reference = self._look()
            if self._training.store_features:
                self._read_features()
            for phase in self._plan.phases[names.index(self._state.phase) :]:
                self._phase(phase)
            self._set(finished=True)
            self._save()
        except _Interrupted:
            return Outcome(self._state, self._stop.signal or int(signal.SIGTERM))
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            raise out_of_memory(self._training.batch, self._fabric.device) from error
        return Outcome(self._state, None)

    def _look(self) -> Reference:
        """Look at the training sources, for what `translate` holds a source against."""

        def advance(done: int, total: int) -> None:
            self._progress.advance("sources", done, total)
            if self._stop:
                raise _Interrupted

        cases = [one.case for one in self._plan.stream.cases]
        units = {name: spec.method == "window" for name, spec in self._plan.preprocessing.specs.items()}
        return training_sources.fit(cases, units, advance)

    def _read_features(self) -> None:
        def advance(done: int, total: int) -> None:
            self._progress.advance("features", done, total)
            if self._stop:
                raise _Interrupted

        plan = self._plan
        batch = plan.recipe.translation.batch
        self._dataset.features = features.stored(
            self._fabric, self._translator, self._dataset, plan.features, batch=batch, advance=advance
        )

    def _phase(self, phase: PhasePlan) -> None:
        if phase.name != self._state.phase:
            self._state = State(phase=phase.name, step=self._state.step, scaler=self._state.scaler)
            torch.manual_seed(seed_of(self._training.seed, "weights", phase.name))
            self._translator.begin(phase.name)
        players = self._translator.players(phase.name)
        # A fused optimiser undoes the loss scale by itself; clipping has to undo it before.
        fused = self._training.precision != "16-mixed"
        self._optimizers = {
            name: optim.build(self._training.player(phase.name, name), module, fused=fused)
            for name, module in players.items()
        }
        if self._saved is not None:
            optim.restore(self._optimizers, players, self._saved.optimizers)
            self._saved = None
        while self._state.epoch < phase.epochs and not self._state.phase_ended:
            self._epoch(phase)

    def _epoch(self, phase: PhasePlan) -> None:
        self._translator.train()
        for batch in batches(
            self._dataset,
            seed=self._training.seed,
            phase=phase.name,
            epoch=self._state.epoch,
            batch=self._training.batch,
            skip=self._state.epoch_step,
            steps=self._steps,
            step=self._state.step,
            rank=self._fabric.global_rank,
            world=self._fabric.world_size,
            workers=self._training.workers,
        ):
            self._step(phase, batch)
        self._end_epoch(phase)

    def _step(self, phase: PhasePlan, batch: Batch) -> None:
        state, rank = self._state, self._fabric.global_rank
        done = state.epoch * self._steps + state.epoch_step
        moment = optim.Moment(state.epoch, phase.epochs, done, phase.epochs * self._steps)
        rates = {
            f"lr/{name}": optim.set_rate(optimizer, self._training.player(phase.name, name), moment)
            for name, optimizer in self._optimizers.items()
        }
        # Layers that draw from torch's own generator depend on nothing that ran before, either.
        torch.manual_seed(seed_of(self._training.seed, phase.name, state.epoch, state.epoch_step, rank))
        terms = step(
            self._fabric,
            self._translator,
            self._optimizers,
            batch.to(self._fabric.device),
            clip=self._training.gradient_clip,
        )
        values, asked = to_numbers(self._fabric, terms, stop=bool(self._stop))
        check_finite(values, f"step {state.step + 1} (phase {phase.name}, epoch {state.epoch + 1})")
        self._after_step(phase, values, rates, asked=asked)

    def _after_step(
        self, phase: PhasePlan, values: Mapping[str, float], rates: Mapping[str, float], *, asked: bool
    ) -> None:
        sums = dict(self._state.sums)
        for name, value in values.items():
            total, count = sums.get(name, (0.0, 0))
            sums[name] = (total + value, count + 1)
        epoch_step, number = self._state.epoch_step + 1, self._state.step + 1
        if number % self._training.log_every == 0 or epoch_step == self._steps:
            means = {f"loss/{name}": total / count for name, (total, count) in sums.items()}
            self._log(number, phase, {**means, **rates})
            sums = {}
        self._set(step=number, epoch_step=epoch_step, sums=sums)
        note = f"epoch {self._state.epoch + 1}/{phase.epochs}  loss {sum(values.values()):.4g}"
        self._progress.advance("train", number, self._total(), note)
        if asked:
            self._leave()
        if time.monotonic() - self._saved_at >= 60 * self._training.checkpoint_minutes:
            self._save()

    def _end_epoch(self, phase: PhasePlan) -> None:
        epoch = self._state.epoch + 1
        due = epoch % self._training.validate_every == 0 or epoch == phase.epochs
        if due and phase.validated and self._plan.validation:
            self._validate(phase, epoch)
        self._set(epoch=epoch, epoch_step=0)
        if due:
            self._save()

    def _validate(self, phase: PhasePlan, epoch: int) -> None:
        """Score the validation cases, shared out among the processes, and keep the best checkpoint.

        The state changes only when all figures are there: interrupted before, it is done again.
        """
        self._translator.eval()  # until the next epoch begins
        cases, names = self._plan.validation, validation.metrics_of(self._plan)
        table = torch.zeros(len(cases), len(names), dtype=torch.float64)
        for n in range(self._fabric.global_rank, len(cases), self._fabric.world_size):
            if self._stop:
                break
            taken, synthetic = validation.validate(
                self._translator, self._plan, cases[n], self._fabric.device
            )
            table[n] = torch.tensor([taken[name] for name in names], dtype=torch.float64)
            if n == 0:
                path = self._run.samples / f"{phase.name}-epoch-{epoch:04d}.png"
                validation.picture(path, cases[n], self._plan.preprocessing, synthetic)
            self._progress.advance("validate", n + 1, len(cases))
        if any_of(self._fabric, bool(self._stop)):
            self._leave()
        columns = total_over_processes(self._fabric, table).T.tolist()
        means = {name: validation.mean(column) for name, column in zip(names, columns, strict=True)}
        self._log(self._state.step, phase, {f"validation/{name}": value for name, value in means.items()})
        self._judge(phase, epoch, means)

    def _judge(self, phase: PhasePlan, epoch: int, means: Mapping[str, float]) -> None:
        evaluation, patience = self._plan.recipe.evaluation, self._training.early_stopping
        value = means[evaluation.primary]
        better = evaluation.is_better(value, self._state.best)
        stale = 0 if better else self._state.stale + 1
        if better:
            self._set(best=value, best_step=self._state.step)
        self._set(stale=stale, phase_ended=patience is not None and stale >= patience.patience)
        if better and self._fabric.global_rank == 0:
            best = self._state.model_copy(update={"epoch": epoch, "epoch_step": 0})
            checkpoint.save(self._run.best, self._checkpoint(best, optimizers=False))
        shown = ", ".join(f"{name} {one:.4g}" for name, one in means.items())
        ended = f"; no better for {stale} validations, stopping" if self._state.phase_ended else ""
        self._progress.say(
            f"{phase.name} {epoch}/{phase.epochs}: {shown}{' (best)' if better else ''}{ended}"
        )

    def _leave(self) -> None:
        self._save()
        raise _Interrupted

    def _save(self) -> None:
        """Save the state, by the first process; the checkpoint before it is kept."""
        if self._fabric.global_rank == 0:
            checkpoint.save(
                self._run.last, self._checkpoint(self._state, optimizers=True), keep_previous=True
            )
        self._saved_at = time.monotonic()

    def _checkpoint(self, state: State, *, optimizers: bool) -> Checkpoint:
        weights = self._translator.state_dict()
        players = self._translator.players(state.phase)
        tensors = optim.tensors(self._optimizers, players) if optimizers else {}
        for name, tensor in {**weights, **tensors}.items():
            if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
                raise diverged(f"{name} is not finite after step {state.step}", next(iter(players)))
        scaler = self._fabric.strategy.precision.state_dict()
        return Checkpoint(
            recipe=self._plan.recipe,
            translator_config=self._config,
            target_map=self._plan.preprocessing.target_map,
            sources=self._plan.preprocessing.specs,
            cohort=self._plan.cohort,
            state=state.model_copy(update={"scaler": scaler, "seconds": self._seconds()}),
            weights=weights,
            optimizers=tensors,
            frozen=self._frozen,
            starting_weights=self._starting_weights,
            window=self._plan.stream.cutting.size,
            units=self._plan.preprocessing.units,
            versions=versions(),
            reference=self._reference,
        )

    def _seconds(self) -> float:
        return self._seconds_before + time.monotonic() - self._began

    def _take_up(self, saved: Checkpoint) -> State:
        if dict(saved.versions) != versions():
            _log.warning(
                "This run was begun with %s: it goes on, but not to the very same numbers.", saved.versions
            )
        self._translator.load_state_dict(dict(saved.weights))
        self._fabric.strategy.precision.load_state_dict(dict(saved.state.scaler))
        return saved.state

    def _set(self, **changes: Any) -> None:  # noqa: ANN401 - fields of State
        self._state = self._state.model_copy(update=changes)

    def _log(self, number: int, phase: PhasePlan, values: Mapping[str, float]) -> None:
        if self._curves is not None:
            self._curves.add(number, phase.name, self._state.epoch + 1, values)

    def _steps_per_epoch(self) -> int:
        samples, batch = self._training.samples_per_epoch, self._training.batch
        if samples is None:
            return steps_per_epoch(len(self._dataset), batch)
        return max(1, samples // batch)

    def _total(self) -> int:
        return self._steps * sum(phase.epochs for phase in self._plan.phases)


def _saved(run: Run) -> Checkpoint | None:
    return checkpoint.load(run.last, optimizers=True) if run.is_saved else None


def _begun(translator: Translator[Any]) -> dict[str, str]:
    """Fill the networks with the weights that training starts from; return their SHA-256 or `from scratch`."""
    pretrained = translator.pretrained()
    for one in pretrained.values():
        one.load()
    return {name: one.digest() for name, one in pretrained.items()}
