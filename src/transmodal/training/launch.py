"""Processes and signals: one process or several, stopped politely, failing with their own error."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from types import FrameType
from typing import Any, Generic, NoReturn, TypeVar

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from torch.multiprocessing.spawn import ProcessExitedException, ProcessRaisedException

from transmodal import errors
from transmodal.errors import ResourceError, TransmodalError, UsageError
from transmodal.inference.device import device_of
from transmodal.processes import Children, death_error, describe_exit, ending_stopped, was_stopped
from transmodal.progress import Progress, Silent
from transmodal.recipes.training_schema import Training

_PEER_IS_GONE = ("closed by peer", "reset by peer", "Broken pipe", "NCCL communicator was aborted")
"""What torch says in a process that waits for one that died."""

_ADVICE = (
    "Most often memory ran out: lower training.processes or training.batch, then start again: "
    "the last checkpoint is kept."
)

Result = TypeVar("Result")
Payload = TypeVar("Payload")
Work = Callable[[Fabric, Payload, Progress, "Stop"], Result]


class Stop:
    """Whether this process was asked to stop, and by which signal."""

    def __init__(self) -> None:
        self.signal: int | None = None

    def __bool__(self) -> bool:
        return self.signal is not None


@contextmanager
def listening(*, forward: bool = False) -> Iterator[Stop]:
    """Take SIGINT and SIGTERM as a request to stop after the step; a second SIGINT interrupts at once.

    Args:
        forward: also ask the child processes.
    """
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def ask(number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT and stop.signal == signal.SIGINT:
            raise KeyboardInterrupt
        stop.signal = number
        for child in multiprocessing.active_children() if forward else []:
            if child.pid is not None:
                with suppress(ProcessLookupError):
                    os.kill(child.pid, signal.SIGTERM)

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def raise_signal(number: int) -> NoReturn:
    """End as a process that was asked to stop does, once everything is saved."""
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(128 + number)


def launch(settings: Training, work: Work[Payload, Result], payload: Payload, progress: Progress) -> Result:
    """Do the work in as many processes as the settings say; return what the first one returns.

    Args:
        settings: device, precision and number of processes.
        work: called in every process with its Fabric, the payload, the progress and the stop.
        payload: what travels to every process; it can be pickled where there are several.
        progress: told by the first process.

    Raises:
        TransmodalError: what a process raised.
        ResourceError: E404 when the device is not there, E402 when a process dies, E405 when one is stopped.
    """
    fabric = _fabric(settings)
    if settings.processes == 1 or _cluster_environment() is not None:
        quiet = progress if fabric.global_rank == 0 else Silent()
        with listening() as stop:
            result: Result = fabric.launch(lambda launched: work(launched, payload, quiet, stop))
        _leave_group()
        return result
    children = Children()
    with tempfile.TemporaryDirectory() as folder, _relay_to(progress, children) as queue:
        child = _Child(work, payload, queue, Path(folder) / "error.json")
        try:
            with listening(forward=True), ending_stopped(children.look):
                first: Result = fabric.launch(child)
        except Exception as error:
            raise _failure(child.failure, error, children) from error
    return first


def is_first() -> bool:
    """Return whether this process is the first of those that torchrun or SLURM started."""
    environment = _cluster_environment()
    return environment is None or environment.global_rank() == 0


def check_devices(settings: Training) -> None:
    """Check that devices, processes and precision can be had, before anything is written.

    Raises:
        UsageError: E004 for settings that do not go together.
        ResourceError: E404 when a device is not there.
    """
    _fabric(settings)


def _fabric(settings: Training) -> Fabric:
    kind, _, index = settings.device.partition(":")
    if index and settings.processes > 1:
        raise UsageError(
            "E004", f"{settings.processes} processes on {settings.device}", "one", "Use training.device=cuda."
        )
    on_cpu = kind == "cpu" or (kind == "auto" and not torch.accelerator.is_available())
    if on_cpu and settings.precision == "16-mixed":  # Fabric would take bfloat16 instead
        raise UsageError(
            "E004", "training.precision 16-mixed on a CPU", "a GPU", "Use 32-true or bf16-mixed."
        )
    device_of(settings.device)
    environment = _cluster_environment()
    strategy = "auto" if settings.processes == 1 else "ddp_spawn"
    try:
        return Fabric(
            accelerator=kind,
            devices=[int(index)] if index else settings.processes,
            num_nodes=1 if environment is None else max(1, environment.world_size() // settings.processes),
            strategy=strategy if environment is None else "ddp",
            precision=settings.precision,
        )
    except (RuntimeError, ValueError) as error:
        raise ResourceError(
            "E404",
            f"device {settings.device} for {settings.processes} processes: {str(error).splitlines()[0]}",
            "devices that are there",
            "Use fewer training.processes, or training.device=cpu.",
        ) from error


def _cluster_environment() -> ClusterEnvironment | None:
    """Return the environment of torchrun or SLURM, where it started one process per device."""
    if TorchElasticEnvironment.detect():
        return TorchElasticEnvironment()
    return SLURMEnvironment() if SLURMEnvironment.detect() else None


@dataclass(frozen=True, slots=True)
class _Child(Generic[Payload, Result]):
    """The work as a child process does it: its progress and its error travel to the parent."""

    work: Work[Payload, Result]
    payload: Payload
    queue: SimpleQueue[Any]
    failure: Path

    def __call__(self, fabric: Fabric) -> Result:
        self.queue.put(("begin",))
        progress = _Relay(self.queue) if fabric.global_rank == 0 else Silent()
        with listening() as stop:
            try:
                result = self.work(fabric, self.payload, progress, stop)
            except TransmodalError as error:
                parts = [type(error).__name__, error.code, error.got, error.expected, error.remedy]
                self.failure.write_text(json.dumps(parts), encoding="utf-8")
                raise
            _leave_group()
            return result


def _leave_group() -> None:
    """Take the group of processes down while everything lives: threads left to the interpreter's end can abort it."""
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


class _Relay:
    """Progress that travels to the process that shows it."""

    def __init__(self, queue: SimpleQueue[Any]) -> None:
        self._queue = queue

    def advance(self, stage: str, completed: int, total: int, note: str = "") -> None:
        """Pass it on."""
        self._queue.put(("advance", stage, completed, total, note))

    def say(self, line: str) -> None:
        """Pass it on."""
        self._queue.put(("say", line))


@contextmanager
def _relay_to(progress: Progress, children: Children) -> Iterator[SimpleQueue[Any]]:
    """Give a queue whose messages are passed on: progress as it is, and that a process begins to who looks at them."""
    queue: SimpleQueue[Any] = multiprocessing.get_context("spawn").SimpleQueue()

    def listen() -> None:
        while (message := queue.get()) is not None:
            kind, *words = message
            if kind == "advance":
                progress.advance(*words)
            elif kind == "begin":
                children.look()
            else:
                progress.say(*words)

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    try:
        yield queue
    finally:
        queue.put(None)
        thread.join(timeout=5)
        queue.close()


def _failure(path: Path, error: Exception, children: Children) -> Exception:
    """Return the error that a child wrote down, or one for a child that died.

    Args:
        path: where a child writes its error.
        error: that the launcher raised.
        children: the training processes.
    """
    if path.exists():
        name, *parts = json.loads(path.read_text(encoding="utf-8"))
        kind: type[TransmodalError] = getattr(errors, name)
        return kind(*parts)
    is_stopped = any(was_stopped(process) for process in children.look())
    if isinstance(error, ProcessExitedException):
        return death_error(
            f"a training process {describe_exit(error.exit_code)}", was_stopped=is_stopped, advice=_ADVICE
        )
    if isinstance(error, ProcessRaisedException) and any(words in str(error) for words in _PEER_IS_GONE):
        return death_error(
            f"a training process {describe_exit(children.signal_code())} while the others waited for it",
            was_stopped=is_stopped,
            advice=_ADVICE,
        )
    return error
