"""Units of work of a study: each is written when it is complete, and not done again when the study goes on."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from transmodal.errors import InputError
from transmodal.experiments.counting import Counter
from transmodal.experiments.pool import run_parallel
from transmodal.experiments.record import code_record
from transmodal.experiments.trial import slug
from transmodal.parallel import current_crew
from transmodal.progress import Progress
from transmodal.storage import files

Content = dict[str, Any]
"""Of a unit, JSON-able."""


class WorkUnit(NamedTuple):
    """A piece of work with a result of its own.

    Attributes:
        work: a function of a module, so that it can travel to a process; returns JSON-able content.
        item: that it is called with.
        inputs: all that the content follows from, JSON-able: hashes, options.
    """

    work: Callable[[Any], Content]
    item: Any
    inputs: Mapping[str, Any]


class WorkUnits:
    """Completed units below a study's folder, by the hash of what they follow from.

    A unit of other inputs, or of another commit of the code, is done again.
    """

    def __init__(self, folder: Path, *, workers: int = 1, progress: Progress | None = None) -> None:
        """Take the study's folder, how many units are worked on at once, and who is told of complete ones."""
        self.folder = folder / "units"
        self.workers = workers
        self.progress = progress
        self._code = code_record()

    def complete(self, stage: str, units: Mapping[str, WorkUnit]) -> dict[str, Content]:
        """Return the content of every unit, worked on where it is not at hand.

        Args:
            stage: of the study, as progress shows it; one folder.
            units: by names that are unique in the stage.

        Raises:
            TransmodalError: of the work; units that are complete by then stay.
        """
        counter = Counter(self.progress, stage, len(units))
        contents: dict[str, Content] = {}
        waiting: dict[str, WorkUnit] = {}
        for name, unit in units.items():
            content = self._read(stage, name, unit)
            if content is None:
                waiting[name] = unit
            else:
                contents[name] = content
                counter.advance()

        def keep(name: str, content: Content) -> None:
            path = self._path(stage, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            files.write_json(path, {"inputs": self._digest(waiting[name]), "content": content})
            contents[name] = content
            counter.advance()

        if (self.workers > 1 and len(waiting) > 1) or current_crew() is not None:
            run_parallel(_work, waiting, workers=self.workers, threads=1, report=keep)
        else:
            for name, unit in waiting.items():
                keep(name, unit.work(unit.item))
        return {name: contents[name] for name in units}

    def forget(self, stage: str, name: str) -> None:
        """Let a unit be done again, since what it wrote beside its content is gone."""
        self._path(stage, name).unlink(missing_ok=True)

    def _read(self, stage: str, name: str, unit: WorkUnit) -> Content | None:
        path = self._path(stage, name)
        if not path.is_file():
            return None
        try:
            record = files.read_json(path)
        except InputError:  # cut short by a full disk: the work is done again
            return None
        content = record.get("content")
        is_own = record.get("inputs") == self._digest(unit) and isinstance(content, dict)
        return content if is_own else None

    def _path(self, stage: str, name: str) -> Path:
        return self.folder / slug(stage) / f"{slug(name)}.json"

    def _digest(self, unit: WorkUnit) -> str:
        work = f"{unit.work.__module__}.{unit.work.__qualname__}"
        return files.sha256_text(
            json.dumps([self._code, work, dict(unit.inputs)], sort_keys=True, default=str)
        )


def _work(unit: WorkUnit) -> Content:
    return unit.work(unit.item)
