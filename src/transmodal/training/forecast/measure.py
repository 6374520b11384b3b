"""Measuring a training's pace: a few of its real steps on its real data, a validation case and a save, in a folder that goes."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from typing import NamedTuple

import torch
from lightning_fabric import Fabric
from torch import Tensor

from transmodal.cohorts.quality import training_sources
from transmodal.data.eight_bits import pack, unpack
from transmodal.data.features import FeatureStore
from transmodal.progress import Progress, Silent
from transmodal.training import scoring
from transmodal.training.acceleration import set_tf32
from transmodal.training.forecast.pace import NO_FEATURES, FeaturePace, Pace, StepPace
from transmodal.training.launch import Stop
from transmodal.training.log import Curves
from transmodal.training.loop import train_step
from transmodal.training.planning.phases import PhasePlan
from transmodal.training.planning.workload import Workload
from transmodal.training.process import in_words
from transmodal.training.saving import save_best, save_last
from transmodal.training.session import Assignment, Interrupted, Session, open_session
from transmodal.training.step import any_of

Clock = Callable[[], float]

WARM_STEPS = 3
"""Steps of a phase before the timed ones."""
MOST_STEPS = 200
"""Steps of a phase that are timed at most."""
MOST_OPENED = 16
"""Cases whose opening is timed."""


class Measurement(NamedTuple):
    """The task of every process that measures.

    Attributes:
        assignment: the plan, and a folder that is removed afterwards.
        work: of the training.
        seconds: for which steps of each phase are timed, at least two of them.
        clock: tells seconds.
    """

    assignment: Assignment
    work: Workload
    seconds: float
    clock: Clock = time.monotonic


class MeasuredPace(NamedTuple):
    """The first process's result: the pace, or none and the signal that stopped the measurement."""

    pace: Pace | None
    signal: int


def measure_in_process(
    fabric: Fabric, measurement: Measurement, progress: Progress, stop: Stop
) -> MeasuredPace:
    """Measure in one process of as many as the training has.

    Raises:
        TransmodalError: as a training.
    """
    cards = [fabric.device] if fabric.device.type == "cuda" else []
    settings = measurement.assignment.plan.recipe.training
    with torch.random.fork_rng(devices=cards), set_tf32(settings):
        watch = _Watch(fabric.device, measurement.clock)
        session = open_session(fabric, measurement.assignment, Silent(), stop, None)
        run = session.run
        try:
            with in_words(session), Curves(run.curves, run.tensorboard, 0) as curves:
                session.curves = curves if fabric.global_rank == 0 else None
                return MeasuredPace(_measure(session, measurement, progress, watch), 0)
        except Interrupted:
            return MeasuredPace(None, stop.signal or int(signal.SIGTERM))


def _measure(session: Session, measurement: Measurement, progress: Progress, watch: _Watch) -> Pace:
    work, n_stages = measurement.work, len(session.plan.phases) + 3
    tell = partial(progress.advance, "measure", total=n_stages)
    _look_at_sources(session)
    start = watch.lap()
    opening = _time_opening(session, watch)
    features = _time_features(session, watch) if session.settings.store_features else NO_FEATURES
    tell(1, note="start")
    steps = {}
    for n, phase in enumerate(session.plan.phases, start=2):
        steps[phase.name] = _time_steps(session, phase, work, measurement.seconds, watch)
        tell(n, note=f"steps of {phase.name}")
    validation, drawing, extra = _time_validation(session, watch) if work.translations else (0.0, 0.0, 0.0)
    tell(n_stages - 1, note="validation")
    save_last(session)
    watch.lap()
    save_last(session)  # as all but the first: the one before is looked at, and kept
    last = watch.lap()
    save_best(session, 1)
    best = watch.lap()
    tell(n_stages, note="saving")
    return Pace(
        start + extra, opening, steps, validation, drawing, last, best, features, _card_bytes(session)
    )


class _Watch:
    """Tells seconds between moments at which the device has done all that it was given."""

    def __init__(self, device: torch.device, clock: Clock) -> None:
        self._device, self._clock = device, clock
        self._before = clock()

    def lap(self) -> float:
        """Return the seconds since the last lap."""
        if self._device.type != "cpu":
            torch.accelerator.synchronize(self._device)
        now = self._clock()
        seconds, self._before = now - self._before, now
        return seconds

    def since(self) -> float:
        """Return the seconds since the last lap without waiting for the device."""
        return self._clock() - self._before


def _look_at_sources(session: Session) -> None:
    """Look at the training sources, as a training does before its first step."""
    plan = session.plan
    if session.fabric.global_rank == 0:
        is_physical = {name: spec.method == "window" for name, spec in plan.preprocessing.specs.items()}
        cases = [source.case for source in plan.stream.cases]
        session.reference = training_sources.fit(
            cases, is_physical, partial(session.advance_or_stop, "sources")
        )


def _time_opening(session: Session, watch: _Watch) -> float:
    """Return the seconds of opening one case, the mean over the first ones."""
    spans = [span for span in session.dataset.spans() if span][:MOST_OPENED]
    watch.lap()
    for span in spans:
        session.dataset[span.start, 0]
    return watch.lap() / len(spans)


def _time_features(session: Session, watch: _Watch) -> FeaturePace:
    """Time a batch of a frozen encoder, and let the steps read features as if all were stored."""
    translator, dataset, plan = session.translator, session.dataset, session.plan
    encoder = translator.encoder() or ""
    store = FeatureStore(plan.features, encoder, dataset, is_packed=translator.has_byte_features)
    spans = dataset.spans()
    windows = sum(len(spans[n]) for n in store.missing())
    if not windows:
        dataset.features = store
        return NO_FEATURES
    size = min(plan.recipe.translation.batch, len(dataset))
    with torch.inference_mode():
        for _ in range(2):  # the first one is warm-up
            watch.lap()
            source = torch.stack([dataset[index, 0].source for index in range(size)])
            features = translator.encode(source.to(session.fabric.device))
            seconds = watch.lap()
    if features is None:
        raise AssertionError("a plan that stores features is of a translator with an encoder")
    dataset.features = _SameFeatures(features[:1].cpu(), is_packed=translator.has_byte_features)
    return FeaturePace(seconds / size / session.fabric.world_size, windows, dataset.features.n_bytes)


class _SameFeatures:
    """Gives one window's features for every window, unpacked each time as stored ones are.

    Args:
        features: of one window, with the batch dimension.
        is_packed: whether they are stored in bytes.
    """

    def __init__(self, features: Tensor, *, is_packed: bool) -> None:
        self._is_packed = is_packed
        self._stored = pack(features) if is_packed else features.half().numpy()

    @property
    def n_bytes(self) -> int:
        """Bytes that they are stored in."""
        return self._stored.nbytes

    def __call__(self, index: int) -> Tensor:
        """Return them, float32."""
        stored = self._stored[0]
        return torch.from_numpy(unpack(stored) if self._is_packed else stored.astype("float32"))


def _time_steps(
    session: Session, phase: PhasePlan, work: Workload, seconds: float, watch: _Watch
) -> StepPace:
    """Train a phase for some steps, and time those after the first ones."""
    total = next(load.steps for load in work.phases if load.name == phase.name)
    n_warm = min(WARM_STEPS, total - 1)
    session.begin(phase)
    session.translator.train()
    watch.lap()
    first, n = 0.0, 0
    for n, _ in enumerate(_run_steps(session, phase), start=1):
        n_timed = n - n_warm
        is_enough = n_timed >= MOST_STEPS or (n_timed >= 2 and watch.since() >= seconds)
        if n == n_warm:
            first = watch.lap()
        elif n == total or any_of(session.fabric, n_timed > 0 and is_enough):
            break
    per_step = watch.lap() / (n - n_warm)
    return StepPace(per_step, max(0.0, first - n_warm * per_step), n - n_warm)


def _run_steps(session: Session, phase: PhasePlan) -> Iterator[None]:
    """Train step by step, epoch after epoch, without the ends of epochs."""
    while True:
        with closing(session.batches(phase)) as batches:
            for batch in batches:
                train_step(session, phase, batch)
                yield
        session.update(epoch=session.state.epoch + 1, epoch_step=0)


def _time_validation(session: Session, watch: _Watch) -> tuple[float, float, float]:
    """Return the seconds of one case of the mean size, of a picture, and what the first case takes more."""
    plan, device = session.plan, session.fabric.device
    session.translator.eval()
    case = plan.validation[0]
    watch.lap()
    scoring.score_case(session.translator, plan, case, device)
    first = watch.lap()
    _, synthetic = scoring.score_case(session.translator, plan, case, device)
    second = watch.lap()
    scoring.draw_case(session.run.samples / "sample.png", case, plan.preprocessing, synthetic)
    drawing = watch.lap()
    sizes = [float(torch.Size(item.grid.shape).numel()) for item in plan.validation]
    scale = sum(sizes) / len(sizes) / sizes[0] / min(session.fabric.world_size, len(sizes))
    return second * scale, drawing, max(0.0, first - second)


def _card_bytes(session: Session) -> int:
    """Return the bytes of the card that were taken at most, by steps and validation; 0 on a CPU."""
    device = session.fabric.device
    return torch.cuda.max_memory_reserved(device) if device.type == "cuda" else 0
