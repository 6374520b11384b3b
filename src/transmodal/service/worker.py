"""The work of a job, in a process of its own under limits: uploads decoded, translated, written, a page made of them.

Nothing that a client sent is decoded anywhere else. Words to the server go through files and two numbers through a pipe,
never through pickles.
"""

from __future__ import annotations

import os
import shutil
import signal
import struct
import sys
import traceback
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from transmodal.errors import InternalError, TransmodalError
from transmodal.progress import CountProgress
from transmodal.service import refusals
from transmodal.service.intake import archive
from transmodal.service.jobs import OUTCOME, Policy
from transmodal.storage import files, memory

if TYPE_CHECKING:
    from transmodal.inference.model import Model
    from transmodal.inference.translation import Translation
    from transmodal.volumes import Volume

RESULT, SIDECAR, VIEW = "synthetic.nii.gz", "synthetic.json", "view"
"""What a job leaves in its folder: the volume, its sidecar, and the parts of its page."""
COUNT = struct.Struct("<2q")
"""How far a job is, as it goes through the pipe: windows that are complete, and all windows."""
NO_ROOM = 74
"""Exit status of a process that could not write down what came of its job."""

_MOST_FILES_OPEN = 1024


class JobWork(NamedTuple):
    """One job's work.

    Attributes:
        folder: of the job.
        run: the model's folder or file.
        sources: names of the uploaded files by modality.
        gate: what becomes of a source unlike training's.
        has_page: whether a page is made.
        device: as `inference.load.load` takes it.
        engine: that computes the network.
        memory_bytes: that the work may take besides what the process starts with.
        seconds: of processors that it may take.
    """

    folder: Path
    run: Path
    sources: Mapping[str, str]
    gate: Policy
    has_page: bool
    device: str | None
    engine: str
    memory_bytes: int
    seconds: int


def work(task: JobWork, pipe: Connection) -> None:
    """Do a job, and write down what came of it; the entry of its process."""
    take_limits(task.seconds, task.memory_bytes, task.device)

    def advance(completed: int, total: int) -> None:
        pipe.send_bytes(COUNT.pack(completed, total))  # a server that died ends this process

    outcome: dict[str, Any] = {}
    try:
        _translate(task, advance)
    except Exception as error:
        outcome = describe_failure(error, task.folder)
    write_outcome(task.folder, outcome)


def write_outcome(folder: Path, outcome: Mapping[str, Any]) -> None:
    """Write down what came of a job; where a full disk leaves no room for that, the status of the process says it."""
    try:
        files.write_json(folder / OUTCOME, outcome)
    except TransmodalError as error:
        raise SystemExit(NO_ROOM) from error


def describe_models(models: Mapping[str, Path], device: str | None, engine: str, place: Path) -> None:
    """Load every model once and write down what is known of it; the entry of a process at the server's start."""
    from transmodal.inference.load import load

    _be_quiet()
    facts: dict[str, Any] = {}
    try:
        for name, run in models.items():
            facts[name] = _facts(load(run, device=device, engine=engine))
        outcome = {"models": facts}
    except TransmodalError as error:
        outcome = {"error": refusals.describe(error)}
    except Exception as error:
        outcome = _unexpected(error)
    files.write_json(place, outcome)


def describe_failure(error: Exception, folder: Path) -> dict[str, Any]:
    """Return what is written down of an error of a job: neither the place of its folder nor words of a library."""
    if isinstance(error, TransmodalError):
        return {"error": _described(error, folder)}
    return _unexpected(error)


def take_limits(seconds: int, memory_bytes: int, device: str | None) -> None:
    """Take the limits of a job upon this process, and let it say nothing.

    Args:
        seconds: of processors that it may take.
        memory_bytes: that it may take besides what it starts with.
        device: that the network runs on.
    """
    _be_quiet()
    with suppress(ImportError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
        most = min(_MOST_FILES_OPEN, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        size = memory.address_space()
        if size and (device or "cpu").startswith("cpu"):  # a card's driver reserves more than it takes
            limit = size + memory_bytes
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _translate(task: JobWork, advance: CountProgress) -> None:
    from transmodal.cohorts.headers.source_facts import read_source_facts
    from transmodal.inference.gate import Gate
    from transmodal.inference.load import load
    from transmodal.inference.provenance import sources as origins
    from transmodal.volumes import io

    paths = {modality: _opened(task.folder, name) for modality, name in task.sources.items()}
    volumes = {modality: io.read(path) for modality, path in paths.items()}
    model = load(task.run, device=task.device, engine=task.engine)
    gate = Gate(task.gate, {modality: read_source_facts(path) for modality, path in paths.items()})
    translation = model.translate(volumes, advance=advance, gate=gate)
    about = {
        "origins": {modality: origins.describe(path) for modality, path in paths.items()},
        "reading": {"nonfinite": "refuse"},
    }
    translation.write(task.folder / RESULT, about=about)
    if task.has_page:
        _write_page(task.folder / VIEW, volumes, translation, model)


def _opened(folder: Path, name: str) -> Path:
    """Return what is read of an upload: the file, or the folder that a series was unpacked into."""
    path = folder / name
    if name.endswith(".zip"):
        return archive.unpack(path, folder / name.removesuffix(".zip"))
    if name.endswith(".dcm"):
        series = folder / name.removesuffix(".dcm")
        series.mkdir(mode=0o700)
        shutil.copyfile(path, series / name)  # the upload stays: a job may be done again
        return series
    return path


def _write_page(folder: Path, volumes: Mapping[str, Volume], translation: Translation, model: Model) -> None:
    """Write the parts of a page that are this job's alone: the page itself and its volumes."""
    from transmodal.modalities import modality_of
    from transmodal.viewing.layers import Layer
    from transmodal.viewing.page import Scene, own_parts

    target = model.preprocessing.target
    layers = [Layer(modality_of(name).label, volume.in_grey(), name) for name, volume in volumes.items()]
    label = f"{modality_of(target).label} by {model.recipe.translator}"
    layers.append(Layer(label, translation.volume, target, is_synthetic=True))
    folder.mkdir(mode=0o700)
    for name, part in own_parts(Scene("source and synthetic", layers)).items():
        (folder / (name or "index.html")).write_bytes(part.content)


def _facts(model: Model) -> dict[str, Any]:
    """Return what clients may know of a model: nothing of the cohort that it learned from, nor of its patients."""
    from transmodal.modalities import modality_of

    preprocessing = model.preprocessing
    best = model.provenance.get("best", {})
    return {
        "recipe": model.recipe.name,
        "translator": model.recipe.translator,
        "sources": list(preprocessing.sources),
        "accepts_missing": preprocessing.accepts_missing,
        "target": preprocessing.target,
        "unit": preprocessing.units.get(preprocessing.target, modality_of(preprocessing.target).unit),
        "spacing_mm": preprocessing.spacing_mm,
        "weights_sha256": model.digest,
        "epoch": model.provenance.get("epoch", 0),
        "step": model.provenance.get("step", 0),
        "best": {"metric": str(best.get("metric", "")), "value": best.get("value")},
        "checks_sources": model.reference is not None,
        "device": str(model.device),
        "engine": model.engine_name,
    }


def _described(error: TransmodalError, folder: Path) -> dict[str, str]:
    """Return the parts of an error without the place of the job."""
    parts = refusals.describe(error)
    return {
        name: text.replace(f"{folder}{os.sep}", "").replace(str(folder), "") for name, text in parts.items()
    }


def _unexpected(error: Exception) -> dict[str, Any]:
    """Return what is written down of an error that was raised on no purpose: its type and its place, never its words."""
    if memory.is_out_of_memory(error):
        return {"error": refusals.describe(_shortage())}
    last = traceback.extract_tb(error.__traceback__)[-1]
    bug = InternalError(
        "E601",
        f"{type(error).__name__} while the job was computed",
        "a result, or an error that says what to do",
        "Report it, with the version of transmodal and what kind of file it was.",
    )
    return {"error": refusals.describe(bug), "place": f"{Path(last.filename).name}:{last.lineno}"}


def _shortage() -> TransmodalError:
    return memory.shortage(
        "memory ran out while the job was computed", "Crop the volume, or ask for more memory."
    )


def _be_quiet() -> None:
    """Leave Ctrl-C to the server, and say nothing: words of libraries can quote headers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.umask(0o077)
    sys.stdout.flush()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
