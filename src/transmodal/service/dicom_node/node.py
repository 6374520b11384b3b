"""The node: receives, translates and sends at the same time, each by what the queue says; whatever ends it, it goes on."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from transmodal.errors import TransmodalError, UsageError
from transmodal.inference.dicom.series import dicom_modality
from transmodal.service import logs, runner, settings
from transmodal.service.dicom_node import sender, translation
from transmodal.service.dicom_node.queue import SOURCE, QueuedSeries, SeriesQueue
from transmodal.service.dicom_node.receiver import Receiver
from transmodal.service.dicom_node.rules import Rule, model_of
from transmodal.service.dicom_node.settings import NodeSettings
from transmodal.service.server import own_folder

LOOK_SECONDS = 0.2
SWEEP_SECONDS = 10.0
PAUSE_SECONDS = 5.0
"""After an error of the node itself, such as a full disk."""
TRANSLATIONS = 3
"""Attempts to translate a series that fails for want of memory or time."""
KEY = "key"
"""File with the secret of pseudonyms, which holds as long as the folder does."""


class DicomNode:
    """Work on the series of a queue.

    Args:
        settings: of the node.
        queue: of the series.
    """

    def __init__(self, settings: NodeSettings, queue: SeriesQueue) -> None:
        self._settings, self._queue = settings, queue
        self._tls = settings.tls.client_context() if settings.rules.destination.tls else None
        self._is_over = threading.Event()
        self._swept = time.monotonic()

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Send beside what the block does."""
        thread = threading.Thread(target=self._repeat, args=(self.send_due,))
        thread.start()
        try:
            yield
        finally:
            self._is_over.set()
            thread.join()

    def run(self) -> None:
        """Translate until an exception ends it, such as that of SIGTERM."""
        self._repeat(self.translate_due)

    def translate_due(self) -> None:
        """Translate the series that are complete, and remove those whose time is over."""
        for series in self._queue.due("received", self._settings.limits.quiet_seconds):
            if code := self._queue.refusal_of(series):
                self._give_up(series, code)
            elif (current := self._queue.begin(series)) is not None:
                self._translate(current)
        if time.monotonic() - self._swept > SWEEP_SECONDS:
            self._swept = time.monotonic()
            self._queue.remove_old()

    def send_due(self) -> None:
        """Send the series that are translated and whose time it is."""
        for series in self._queue.due("translated"):
            if self._is_over.is_set():
                return
            self._send(series)

    def _repeat(self, step: Callable[[], None]) -> None:
        """Do a step again and again; an error of the node itself makes it wait."""
        pause = LOOK_SECONDS
        while not self._is_over.wait(pause):
            pause = LOOK_SECONDS
            try:
                step()
            except (TransmodalError, OSError) as error:  # such as a full disk, which may have room again
                logs.event("node waits", {"exception": type(error).__name__})
                pause = PAUSE_SECONDS

    def _translate(self, series: QueuedSeries) -> None:
        began = time.monotonic()
        folder = self._queue.folder_of(series.mark)
        output = folder / _output_of(series)
        shutil.rmtree(output, ignore_errors=True)
        output.mkdir(mode=0o700)
        try:
            names = translation.translate(self._task_of(series, folder / SOURCE, output))
        except TransmodalError as error:
            self._fail(series, error, TRANSLATIONS, began)
            return
        is_current = self._queue.enter_outgoing(series, names)
        self._log("series translated" if is_current else "series changed meanwhile", series, began)

    def _send(self, series: QueuedSeries) -> None:
        began = time.monotonic()
        names = self._queue.unsent(series)
        folder = self._queue.folder_of(series.mark) / _output_of(series) / translation.RESULT

        def enter(name: str) -> bool:
            return self._queue.mark_sent(series, name) and not self._is_over.is_set()

        try:
            if names:
                parcel = sender.Parcel(folder, names)
                own = self._settings
                sender.send(parcel, own.ae_title, own.rules.destination, enter, self._tls)
        except TransmodalError as error:
            self._fail(series, error, self._settings.limits.attempts, began)
            return
        if not self._queue.unsent(series) and self._queue.advance(series, "sent"):
            self._log("series sent", series, began)

    def _fail(self, series: QueuedSeries, error: TransmodalError, most: int, began: float) -> None:
        """Let a series wait for another attempt, or give it up after so many."""
        if translation.is_final(error):
            state = "failed"
            self._queue.advance(series, "failed", error.code)
        else:
            state = self._queue.postpone(series, error.code, most)
        logs.event(
            "series failed" if state == "failed" else "series waits",
            {
                "series": series.mark[:12],
                "rule": series.rule,
                "code": error.code,
                "seconds": round(time.monotonic() - began, 3),
            },
        )

    def _give_up(self, series: QueuedSeries, code: str) -> None:
        """Translate no series of which an image was refused: its volume would be cut off where that lay."""
        if self._queue.advance(series, "failed", code):
            logs.event("series failed", {"series": series.mark[:12], "rule": series.rule, "code": code})

    def _log(self, name: str, series: QueuedSeries, began: float) -> None:
        seconds = round(time.monotonic() - began, 3)
        logs.event(name, {"series": series.mark[:12], "rule": series.rule, "seconds": seconds})

    def _task_of(self, series: QueuedSeries, source: Path, output: Path) -> translation.SeriesWork:
        """Return the work of a series by its rule.

        Raises:
            UsageError: E004 where the rule is gone.
        """
        own, limits = self._settings, self._settings.limits
        rule = own.rules.of_name(series.rule)
        if rule is None:
            raise UsageError(
                "E004", f"no rule {series.rule} any more", "the rule that it came under", "Send it again."
            )
        return translation.SeriesWork(
            source,
            output,
            model_of(rule, own.rules_path),
            rule.description,
            own.folder / KEY if rule.deidentify else None,
            rule.burn_in,
            rule.gate,
            own.device,
            own.engine,
            limits.memory_bytes,
            limits.seconds,
        )


def serve(own: NodeSettings, announce: Callable[[str], None]) -> None:
    """Receive, translate and send until SIGTERM or Ctrl-C.

    Args:
        own: settings of the node.
        announce: called with the node's AE title and address once it listens.

    Raises:
        UsageError: E004 where another node has the folder or a model is not one of one source, E005 for a folder that
            cannot be used, E001 for an address that cannot be listened at.
        InputError: as `TlsFiles.server_context`.
        TransmodalError: as `runner.describe_models`, for a model that does not load.
    """
    os.umask(0o077)
    with own_folder(own.folder):
        queue = SeriesQueue(own.folder, own.limits)
        try:
            node, receiver = DicomNode(own, queue), Receiver(own, queue)
            check_models(own)
            queue.recover()
            logs.start()
            with receiver.listening() as (host, port), node.sending():
                announce(f"{own.ae_title}@{host}:{port}")
                node.run()
        finally:
            queue.close()


def check_models(own: NodeSettings) -> None:
    """Load the model of every rule once, in a process of its own.

    Raises:
        UsageError: E004 for a model of several sources, or whose target is neither CT nor MR.
        TransmodalError: as `runner.describe_models`.
    """
    models = {rule.name: model_of(rule, own.rules_path) for rule in own.rules.rules}
    facts = runner.describe_models(
        settings.Settings(models, own.folder, device=own.device, engine=own.engine)
    )
    for rule in own.rules.rules:
        _check_model(rule, facts[rule.name]["sources"], facts[rule.name]["target"])


def _check_model(rule: Rule, sources: list[str], target: str) -> None:
    if len(sources) != 1:
        raise UsageError(
            "E004",
            f"a model of {len(sources)} sources in the rule {rule.name}",
            "a model of one source: series come one by one",
            "Give another model.",
        )
    dicom_modality(target)


def _output_of(series: QueuedSeries) -> str:
    """Return the name of the folder for what is made of a series as it is now."""
    return f"output-{series.generation}"
