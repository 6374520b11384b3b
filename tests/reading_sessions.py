"""A small cohort with two systems' predictions, a session made of it, and readers whose behaviour is planted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from phantoms import Images, Phantom, Place
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.cohorts.store import Cohort
from transmodal.experiments.reader.answers import open_answers
from transmodal.experiments.reader.lesions import LesionSource
from transmodal.experiments.reader.make import MadeSession, make_session
from transmodal.experiments.reader.selection import ReaderRequest
from transmodal.experiments.reader.session import PictureTruth, ReaderItem, ReaderKey, ReaderSession
from transmodal.volumes import Volume, io

N_TEST = 8
LESION = 3
"""Label of lesions: a small ball below the middle of every second head."""

Answering = Callable[[ReaderItem, tuple[PictureTruth, ...]], str]
"""Chooses the answer to an item, knowing the truth of its pictures."""


@dataclass(frozen=True)
class ReadPhantom(Phantom):
    """A head in FA, with noise; every second one has a lesion."""

    shape = (18, 20, 14)

    def images(self, place: Place) -> Images:
        head = place.head()
        draw = np.random.default_rng(self.number)
        lesion = (place.i**2 + place.j**2 + (place.k + 0.3) ** 2 < 0.05) & (self.number % 2 == 0)
        fa = np.where(lesion, 0.1, 0.5 + 0.2 * np.sin(5 * place.j + self.number))
        fa = np.clip(fa + 0.05 * draw.standard_normal(fa.shape), 0, 1)  # a scanner's noise is in the air too
        t1 = np.where(head, 100 * fa, 1)
        return Images(
            {"t1": t1.astype(np.float32), "fa": fa.astype(np.float32)},
            head.astype(np.uint8),
            np.where(lesion, LESION, head).astype(np.uint8),
        )


class ReadingGround(NamedTuple):
    """A prepared cohort, and folders of predictions by the name of a system."""

    cohort: Cohort
    systems: dict[str, Path]


class Sitting(NamedTuple):
    """A session's folder, its content, and its key."""

    folder: Path
    session: ReaderSession
    key: ReaderKey

    @property
    def key_file(self) -> Path:
        return self.folder.parent / "key.json"


def write_ground(folder: Path) -> ReadingGround:
    """Prepare a cohort, and write the predictions of `smooth` and `flat`, without noise."""
    cohort = prepare(
        [ReadPhantom(n) for n in range(N_TEST + 2)], folder / "cohort", PrepareOptions(counts=(1, 1, N_TEST))
    )
    systems = {name: folder / name for name in ("smooth", "flat")}
    for name, place in systems.items():
        place.mkdir()
        for case in cohort.cases():
            measured = case.volume("fa")
            values = (
                0.3 + 0.4 * np.asarray(measured.voxels) if name == "smooth" else 0.5 * (measured.voxels > 0.3)
            )
            io.write(Volume(values.astype(np.float32), measured.affine), place / f"{case.id}.nii.gz")
    return ReadingGround(cohort, systems)


def make(ground: ReadingGround, folder: Path, **changes: object) -> MadeSession:
    """Make a session `session` in a folder, its key `key.json` beside it."""
    words = {
        "systems": tuple(f"{place}={name}" for name, place in ground.systems.items()),
        "target": "fa",
        "questions": ("origin", "lesion", "preference"),
        "lesions": LesionSource((LESION,)),
        "n_slices": 2,
        "seed": 5,
        **changes,
    }
    return make_session(ReaderRequest(**words), ground.cohort, folder / "session", folder / "key.json")  # type: ignore[arg-type]  # by name


def truths_of(key: ReaderKey, item: ReaderItem) -> tuple[PictureTruth, ...]:
    return tuple(key.pictures[name] for name in item.pictures)


def read_all_items(
    folder: Path, session: ReaderSession, key: ReaderKey, reader: str, answering: Answering
) -> None:
    """Let a reader answer every item of a session."""
    with open_answers(folder, session, reader) as answers:
        for place, name in enumerate(answers.order):
            item = session.items[name]
            answers.add(place, answering(item, truths_of(key, item)), 1.5)


def knowing(item: ReaderItem, truths: tuple[PictureTruth, ...]) -> str:
    """Answer as one who is told everything: real is better than `smooth`, and that is better than `flat`."""
    if item.question == "origin":
        return "real" if truths[0].system == "real" else "synthetic"
    if item.question == "lesion":
        return "yes" if truths[0].has_lesion and truths[0].system != "flat" else "no"
    ranks = [("real", "smooth", "flat").index(truth.system) for truth in truths]
    return "left" if ranks[0] < ranks[1] else "right"


def guessing(seed: int) -> Answering:
    """Return a reader who draws every answer."""
    draw = np.random.default_rng(seed)
    words = {"origin": ("real", "synthetic"), "lesion": ("yes", "no"), "preference": ("left", "right")}
    return lambda item, _: str(draw.choice(words[item.question]))


def lines_of(path: Path) -> Iterable[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
