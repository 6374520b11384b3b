"""Phantoms with labelled halves whose values differ between people, and a recipe that learns in a second."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from phantoms import Images, Phantom, Place
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.experiments.study.record import StudyCohort, StudyRecord, StudyTable

RECIPE = """
name: tiny
translator: unet_regression
task: {source: [t1], target: fa}
windows: {kind: slice, axes: [z]}
settings: {width: 4, levels: 2}
training: {epochs: 1, batch: 2, samples_per_epoch: 2, device: cpu, players: {generator: {lr: 0.01}}}
"""


@dataclass(frozen=True)
class HalvedPhantom(Phantom):
    """A head with two labelled halves; FA in each is the person's own, and T1 shows the first of them."""

    shape = (14, 13, 12)

    def images(self, place: Place) -> Images:
        head, draws = place.head(), np.random.default_rng(self.number).normal(0, 0.1, 2)
        labels = np.where(head, np.where(place.i < 0.1, 1, 2), 0)
        own = np.where(labels == 1, draws[0], draws[1]) + 0.05 * np.sin(3 * place.j)
        t1 = np.where(head, 600 + 800 * draws[0] + 100 * np.sin(3 * place.j), 5)
        fa = np.where(head, 0.5 + own, 0)
        return Images(
            {"t1": t1.astype(np.float32), "fa": fa.astype(np.float32)},
            head.astype(np.uint8),
            labels.astype(np.uint8),
        )


@pytest.fixture(scope="session")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a prepared cohort of nine phantoms, six of which are to be tested on."""
    folder = tmp_path_factory.mktemp("halves") / "cohort"
    prepare([HalvedPhantom(n) for n in range(9)], folder, PrepareOptions(counts=(2, 1, 6)))
    return folder


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """Return the path of a recipe that learns in a second."""
    path = tmp_path / "tiny.yaml"
    path.write_text(RECIPE)
    return path


RecordOf = Callable[..., StudyRecord]


@pytest.fixture
def record_of() -> RecordOf:
    """Return a function that makes a record with figures of one table, other fields by name."""

    def make(*figures: object, **fields: object) -> StudyRecord:
        content: dict[str, object] = {
            "study": "example",
            "about": "Does it work?",
            "reading": "Look at it.",
            "intended_use": "Not a medical device.",
            "tool_version": "0",
            "commit": None,
            "cohort": StudyCohort(name="few", digest="d" * 64, cases={"test": 6}),
            "split": "test",
            "protocol": "Means.",
            "figures": figures,
            "tables": (StudyTable(name="Main", caption="All of it."),),
            "command": "transmodal study example",
        }
        return StudyRecord.model_validate({**content, **fields})

    return make
