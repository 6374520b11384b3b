"""A session: a translator with its optimisers, its data and its state, in one process."""

from __future__ import annotations

import logging
import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim import Optimizer

from transmodal import checkpoint, translators
from transmodal.batch import Batch
from transmodal.checkpoint import Checkpoint, State
from transmodal.cohorts.quality.training_sources import SourceReference
from transmodal.data.dataset import WindowDataset
from transmodal.data.loader import Epoch, Loader, Share, seed_of
from transmodal.data.resident import ResidentLoader, can_reside
from transmodal.progress import Progress
from transmodal.recipes.alignment_schema import REGISTRATION
from transmodal.recipes.training_schema import Training
from transmodal.training import optimizers as optim
from transmodal.training.acceleration import accelerate
from transmodal.training.alignment.parts import AlignmentParts, build_parts
from transmodal.training.forecast.outlook import Outlook
from transmodal.training.launch import Stop
from transmodal.training.log import Curves
from transmodal.training.planning.phases import PhasePlan
from transmodal.training.planning.plan import Plan
from transmodal.training.planning.starting_run import NAME, load_start
from transmodal.training.planning.workload import count_steps
from transmodal.training.run import Run, versions
from transmodal.translators._base import Translator

_log = logging.getLogger(__name__)


class Interrupted(Exception):  # noqa: N818 - no error: the loop is left, and the run goes on another time
    """The process was asked to stop, and what has to be saved is saved."""


class Assignment(NamedTuple):
    """The task of every process: the plan of a training, and the folder that it is written into."""

    plan: Plan
    run: Run


class WeightsOrigin(NamedTuple):
    """The origin of a run's weights; it stays as it was when the run was begun.

    Attributes:
        config: settings of the translator.
        frozen: SHA-256 of each frozen network.
        starting_weights: SHA-256 of each file of weights that training started from, or `from scratch`.
    """

    config: Mapping[str, Any]
    frozen: Mapping[str, str]
    starting_weights: Mapping[str, str]


@dataclass(slots=True)
class Session:
    """One process's training, between two steps.

    Attributes:
        fabric: device, precision and processes.
        plan: what is trained on what.
        run: the run's folder.
        progress: told by the first process.
        stop: whether this process was asked to stop.
        translator: in training, on the device.
        origin: what its weights come from.
        dataset: windows of the training cases.
        alignment: what copes with pairs that do not lie upon one another.
        state: where training stands.
        reference: what the training sources look like; None until they were looked at.
        curves: of the first process; None in others.
        saved_tensors: of optimisers, until the phase that they were saved in is taken up.
        loader: gives the batches; None before the first epoch.
        unread: words for the steps whose losses were not read yet, and those losses on the device.
        last_loss: sum of the losses that were read last; None before.
        seconds_before: that training took in earlier calls.
        outlook: how long the phase goes on.
        optimizers: of the phase's players, in stepping order.
        began: when this call did, by the monotonic clock, s.
        saved_at: when the state was last saved, by the monotonic clock, s.
    """

    fabric: Fabric
    plan: Plan
    run: Run
    progress: Progress
    stop: Stop
    translator: Translator[Any]
    origin: WeightsOrigin
    dataset: WindowDataset
    alignment: AlignmentParts
    state: State
    reference: SourceReference | None = None
    curves: Curves | None = None
    saved_tensors: Mapping[str, Tensor] | None = None
    loader: Loader | ResidentLoader | None = None
    unread: list[tuple[str, Mapping[str, Tensor]]] = field(default_factory=list)
    last_loss: float | None = None
    seconds_before: float = 0.0
    outlook: Outlook = field(default_factory=Outlook)
    optimizers: dict[str, Optimizer] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)
    saved_at: float = field(default_factory=time.monotonic)

    @property
    def settings(self) -> Training:
        """How the recipe trains."""
        return self.plan.recipe.training

    @property
    def steps_per_epoch(self) -> int:
        """Steps of an epoch, over all processes."""
        return count_steps(self.settings, len(self.dataset))

    def remaining_phases(self) -> Sequence[PhasePlan]:
        """Return the phases from that of the state on."""
        return self.plan.phases[[phase.name for phase in self.plan.phases].index(self.state.phase) :]

    def begin(self, phase: PhasePlan) -> None:
        """Take up a phase: its networks where it follows another, and the optimisers of its players."""
        if phase.name != self.state.phase:
            self.state = State(phase=phase.name, step=self.state.step, scaler=self.state.scaler)
            torch.manual_seed(seed_of(self.settings.seed, "weights", phase.name))
            self.translator.begin(phase.name)
        self.outlook = Outlook(self.state.step)
        accelerate(self.settings, self.translator, self.translator.players(phase.name))
        players = self.players(phase.name)
        fused = (
            self.settings.precision != "16-mixed"
        )  # one undoes the loss scale itself, clipping has to before
        self.optimizers = {
            name: optim.build(self.settings.player(phase.name, name), module, fused=fused)
            for name, module in players.items()
        }
        if self.saved_tensors is not None:
            optim.restore(self.optimizers, players, self.saved_tensors)
            self.saved_tensors = None

    def players(self, phase: str) -> Mapping[str, nn.Module]:
        """Return the translator's players of a phase, and the registration head where there is one."""
        registrar = self.alignment.registrar
        head = {} if registrar is None else {REGISTRATION: registrar.head}
        return {**self.translator.players(phase), **head}

    def align(self, batch: Batch) -> tuple[Batch, dict[str, Tensor]]:
        """Return a batch with its targets bent and the terms of the head that bends them; as it is without a head."""
        registrar = self.alignment.registrar
        if registrar is None:
            return batch, {}
        optimizer, clip = self.optimizers[REGISTRATION], self.settings.gradient_clip
        return registrar.align(self.fabric, self.translator, optimizer, batch, clip=clip)

    def batches(self, phase: PhasePlan) -> Generator[Batch, None, None]:
        """Yield this process's share of the batches that the epoch still has."""
        settings, state = self.settings, self.state
        epoch = Epoch(settings.seed, phase.name, state.epoch, settings.batch, self.steps_per_epoch)
        if self.loader is None:
            self.loader = self._loader()
        return self.loader.batches(epoch, skip=state.epoch_step, step=state.step)

    def _loader(self) -> Loader | ResidentLoader:
        settings, fabric, stream = self.settings, self.fabric, self.dataset.stream
        share = Share(fabric.global_rank, fabric.world_size)
        is_plain = settings.resident == "auto" and not settings.store_features
        if is_plain and can_reside(stream, fabric.device):
            return ResidentLoader(self.dataset, share, fabric.device)
        is_pinned = fabric.device.type == "cuda"
        return Loader(self.dataset, share._replace(workers=settings.workers, is_pinned=is_pinned))

    def close(self) -> None:
        """End the processes that cut windows, and let go of volumes on the device."""
        if self.loader is not None:
            self.loader.close()

    def set_rates(self, phase: PhasePlan) -> dict[str, float]:
        """Set the learning rates of the next step and return them as `lr/player`."""
        steps, state = self.steps_per_epoch, self.state
        number = state.epoch * steps + state.epoch_step
        moment = optim.Moment(state.epoch, phase.epochs, number, phase.epochs * steps)
        return {
            f"lr/{name}": optim.set_rate(optimizer, self.settings.player(phase.name, name), moment)
            for name, optimizer in self.optimizers.items()
        }

    def seed_step(self, phase: PhasePlan) -> None:
        """Seed the layers that draw from torch's own generator: they depend on nothing that ran before, either."""
        place = (phase.name, self.state.epoch, self.state.epoch_step, self.fabric.global_rank)
        torch.manual_seed(seed_of(self.settings.seed, *place))

    def last_step(self, phase: PhasePlan) -> str:
        """Return the last step that is complete, in words."""
        return f"step {self.state.step} (phase {phase.name}, epoch {self.state.epoch + 1})"

    def tell_progress(self, phase: PhasePlan) -> None:
        """Tell the progress of the steps that are complete, with the last loss that was read."""
        loss = "" if self.last_loss is None else f"  loss {self.last_loss:.4g}"
        total_steps = self.steps_per_epoch * sum(item.epochs for item in self.plan.phases)
        note = f"epoch {self.state.epoch + 1}/{phase.epochs}{loss}"
        self.progress.advance("train", self.state.step, total_steps, note)

    def log(self, phase: PhasePlan, values: Mapping[str, float]) -> None:
        """Add a point to each named curve, at the steps that are complete."""
        if self.curves is not None:
            self.curves.add(self.state.step, phase.name, self.state.epoch + 1, values)

    def update(self, **changes: Any) -> None:  # noqa: ANN401 - fields of State
        """Change fields of the state."""
        self.state = self.state.model_copy(update=changes)

    def is_save_due(self) -> bool:
        """Return whether the last checkpoint is older than the recipe allows."""
        return time.monotonic() - self.saved_at >= 60 * self.settings.checkpoint_minutes

    def seconds(self) -> float:
        """Return how long training took so far, over all calls, s."""
        return self.seconds_before + time.monotonic() - self.began

    def advance_or_stop(self, stage: str, completed: int, total: int) -> None:
        """Tell the progress of work before the first step.

        Raises:
            Interrupted: when the process was asked to stop; there is nothing to save yet.
        """
        self.progress.advance(stage, completed, total)
        if self.stop:
            raise Interrupted


def open_session(
    fabric: Fabric, assignment: Assignment, progress: Progress, stop: Stop, saved: Checkpoint | None
) -> Session:
    """Build a session: at its first step, or where a checkpoint left it.

    Args:
        fabric: device, precision and processes.
        assignment: what is trained, and where it is written.
        progress: told by the first process.
        stop: whether this process was asked to stop.
        saved: what to go on from; None begins.

    Raises:
        InputError: E132 when no window is left to train on.
        IntegrityError: E502 when frozen networks or tensors are others than those of the checkpoint.
    """
    plan = assignment.plan
    torch.manual_seed(seed_of(plan.recipe.training.seed, "weights"))
    # A run goes on with the settings that it was begun with, also where defaults have changed since.
    config = plan.config if saved is None else saved.translator_config
    translator = translators.build(plan.recipe.translator, config)
    translator.to(fabric.device)
    origin = _begin(translator, plan, fabric) if saved is None else _restore(translator, saved, fabric)
    alignment = build_parts(plan.recipe.training, translator.config, fabric.device)
    saved_tensors = None if saved is None else saved.optimizers
    if alignment.registrar is not None and saved_tensors is not None:
        saved_tensors = alignment.registrar.restore(saved_tensors)
    return Session(
        fabric=fabric,
        plan=plan,
        run=assignment.run,
        progress=progress,
        stop=stop,
        translator=translator,
        origin=origin,
        dataset=WindowDataset(plan.stream),
        alignment=alignment,
        state=State(phase=plan.phases[0].name) if saved is None else saved.state,
        reference=None if saved is None else saved.reference,
        saved_tensors=saved_tensors,
        seconds_before=0.0 if saved is None else saved.state.seconds,
    )


def _begin(translator: Translator[Any], plan: Plan, fabric: Fabric) -> WeightsOrigin:
    """Fill the networks with the weights that training starts from: of published files, or of a run."""
    pretrained = translator.pretrained()
    if plan.start is None:
        for weights in pretrained.values():
            weights.load()
        starting = {name: weights.digest() for name, weights in pretrained.items()}
    else:
        load_start(translator, plan.start)
        starting = {NAME: plan.start.sha256}
    frozen = {name: network.to(fabric.device).digest() for name, network in translator.frozen().items()}
    return WeightsOrigin(plan.config, frozen, starting)


def _restore(translator: Translator[Any], saved: Checkpoint, fabric: Fabric) -> WeightsOrigin:
    """Give a translator the weights of a checkpoint back."""
    frozen = checkpoint.check_frozen(translator.frozen(), saved, fabric.device)
    if dict(saved.versions) != versions():
        _log.warning(
            "This run was begun with %s: it goes on, but not to the very same numbers.", saved.versions
        )
    checkpoint.restore_weights(translator, saved)
    fabric.strategy.precision.load_state_dict(dict(saved.state.scaler))
    return WeightsOrigin(saved.translator_config, frozen, saved.starting_weights)
