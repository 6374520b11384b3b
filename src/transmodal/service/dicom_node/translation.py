"""The translation of a received series, in a process of its own under limits: nothing received is decoded anywhere else."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal, NamedTuple

from transmodal.errors import ResourceError, TransmodalError
from transmodal.processes import death_error, describe_exit
from transmodal.service import refusals, runner, worker
from transmodal.service.jobs import OUTCOME
from transmodal.storage import files, listing

RESULT = "synthetic"
"""Folder of the synthetic series, and name of its sidecar."""


class SeriesWork(NamedTuple):
    """One series' work.

    Attributes:
        source: folder of what was received.
        output: folder for what comes of it, which is there.
        model: folder or file of the run.
        description: of the synthetic series.
        key_file: secret of pseudonyms where it is de-identified; None keeps the patient's.
        is_burned_in: whether the word SYNTHETIC is written into the pixels.
        gate: what becomes of a series unlike training's.
        device: as `inference.load.load` takes it.
        engine: that computes the network.
        memory_bytes: that the work may take besides what the process starts with.
        seconds: that it may take.
    """

    source: Path
    output: Path
    model: Path
    description: str
    key_file: Path | None
    is_burned_in: bool
    gate: Literal["refuse", "strict", "warn"]
    device: str | None
    engine: str
    memory_bytes: int
    seconds: float


def translate(task: SeriesWork) -> list[str]:
    """Translate a series in a process of its own; return the names of the synthetic images.

    Raises:
        TransmodalError: as the process says it.
        ResourceError: E402 where it dies, E406 where it takes too long.
    """
    context = runner.processes()
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=work, args=(task, sender), daemon=False)
    process.start()
    sender.close()
    end = time.monotonic() + task.seconds
    try:
        while process.is_alive() and time.monotonic() < end:
            _drain(receiver)
            process.join(runner.LOOK_SECONDS)
        was_alive = process.is_alive()
    finally:
        if process.is_alive():
            process.kill()
        process.join()
        receiver.close()
    if was_alive:
        raise _late_error(task.seconds)
    if process.exitcode == worker.NO_ROOM:
        raise refusals.place_error()
    if not (task.output / OUTCOME).exists():
        raise death_error(
            f"the process of the translation {describe_exit(process.exitcode)}", was_stopped=False
        )
    outcome = files.read_json(task.output / OUTCOME)
    if "error" in outcome:
        raise refusals.error_of(outcome["error"])
    return sorted(path.name for path in listing.files_in(task.output / RESULT))


def work(task: SeriesWork, pipe: Connection) -> None:
    """Translate a series, and write down what came of it; the entry of its process."""
    worker.take_limits(int(task.seconds * (os.cpu_count() or 1)) + 1, task.memory_bytes, task.device)

    def advance(completed: int, total: int) -> None:
        pipe.send_bytes(worker.COUNT.pack(completed, total))  # a node that died ends this process

    outcome: dict[str, Any] = {}
    try:
        _write(task, advance)
    except BrokenPipeError:
        return
    except Exception as error:
        outcome = worker.describe_failure(error, task.source)
    worker.write_outcome(task.output, outcome)


def _write(task: SeriesWork, advance: Callable[[int, int], None]) -> None:
    """Translate and write the series."""
    from transmodal.cohorts.headers.source_facts import read_source_facts
    from transmodal.inference.dicom.series import SeriesForm
    from transmodal.inference.gate import Gate
    from transmodal.inference.load import load
    from transmodal.inference.provenance import sources as origins
    from transmodal.volumes import binding, io
    from transmodal.volumes.formats.dicom.export.deidentification import Pseudonyms, read_key
    from transmodal.volumes.formats.dicom.export.origin import read_origin

    origin = read_origin([task.source])
    volume = io.read(task.source)
    model = load(task.model, device=task.device, engine=task.engine)
    (modality,) = model.preprocessing.sources
    gate = Gate(task.gate, {modality: read_source_facts(task.source)})
    translation = model.translate({modality: volume}, advance=advance, gate=gate)
    pseudonyms = None if task.key_file is None else Pseudonyms(read_key(task.key_file))
    series = series_uid(origin.images[0].series, "".join(binding.of_volume(volume)), model.digest)
    form = SeriesForm(
        model.preprocessing.target,
        origin,
        pseudonyms,
        task.is_burned_in,
        task.description,
        series if pseudonyms is None else pseudonyms.of_uid(series),
    )
    about = {"origins": {modality: origins.describe(task.source)}, "reading": {"nonfinite": "refuse"}}
    translation.write(task.output / RESULT, about=about, form=form)


def series_uid(source: str, content: str, weights: str) -> str:
    """Return the SeriesInstanceUID of what a model makes of a series: the same of the same images, so that it replaces itself.

    Of more images, such as one that came late, it is another: archives keep an image whose UID they have, and slices of two
    volumes would stand in one series.

    Args:
        source: SeriesInstanceUID of the source.
        content: hashes of its voxels and its place.
        weights: SHA-256 of the model's weights.
    """
    from pydicom.uid import generate_uid

    return generate_uid(entropy_srcs=["dicom-node", source, content, weights])


def is_final(error: TransmodalError) -> bool:
    """Return whether a second attempt would end in the same way: what is wrong is the series, or the model."""
    return not isinstance(error, ResourceError) or error.code in ("E401", "E404")


def _drain(receiver: Connection) -> None:
    """Take what the process says of how far it is, which nobody asks for; that it ended is noticed elsewhere."""
    with suppress(EOFError, OSError):
        while receiver.poll():
            receiver.recv_bytes(worker.COUNT.size)


def _late_error(seconds: float) -> ResourceError:
    return ResourceError(
        "E406",
        f"a translation of more than {seconds:g} seconds",
        f"at most {seconds:g} seconds",
        "Ask for more time: --job-seconds.",
    )
