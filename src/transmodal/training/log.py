"""Curves of a training, in CSV, in TensorBoard, and in the loggers that follow them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Literal, NamedTuple, Protocol, Self

from torch.utils.tensorboard import SummaryWriter

from transmodal.storage import files, outputs, regular

VALIDATION = "validation/"
"""How names of curves begin that are taken after an epoch, at its last step."""

Outcome = Literal["finished", "stopped", "failed"]
"""How a training ended: trained to the end, asked to stop, or by an error."""


class CurvePoint(NamedTuple):
    """One value of one curve; `step` counts the steps that were complete."""

    step: int
    phase: str
    epoch: int
    name: str
    value: float

    @property
    def tag(self) -> str:
        """The name that it has in loggers: those of a phase of its own begin with it."""
        return self.name if self.phase == "train" else f"{self.phase}/{self.name}"


class Follower(Protocol):
    """A receiver of the curves, row by row; it never raises."""

    def begin(self, earlier: Sequence[CurvePoint]) -> None:
        """Begin with the rows that the run has already."""
        ...

    def add(self, points: Sequence[CurvePoint]) -> None:
        """Take the next rows."""
        ...

    def end(self, outcome: Outcome) -> None:
        """Take that the training ended."""
        ...


class Curves:
    """Curves of one run, in `curves.csv` (one value per row), in TensorBoard, and in what follows them.

    Opened at a step, it drops what an interrupted run wrote after it, so that a resumed run's file is the
    uninterrupted one's.

    Args:
        csv_file: path of `curves.csv`.
        tensorboard: folder of TensorBoard's file; None writes none.
        step: that the run goes on from; 0 for one that begins.
        is_validated: whether the validation after this step is part of what the run goes on from; if not, it will come
            again, and a killed run may have written its figures already.
        followers: that take the same rows.

    Attributes:
        is_stopped: whether training was asked to stop before its end.

    Raises:
        UsageError: E005 when a name is taken by something else.
        ResourceError: E403 when the disk is full or may not be written.
    """

    def __init__(
        self,
        csv_file: Path,
        tensorboard: Path | None,
        step: int,
        *,
        is_validated: bool = True,
        followers: Sequence[Follower] = (),
    ) -> None:
        earlier = [point for point in read(csv_file) if point.step <= step]
        if not is_validated:
            earlier = [
                point for point in earlier if point.step < step or not point.name.startswith(VALIDATION)
            ]
        with files.atomic_path(csv_file) as beside:
            beside.write_text(_rows([CurvePoint._fields, *earlier]), encoding="utf-8")
        with outputs.os_errors():
            self._board = (
                None if tensorboard is None else SummaryWriter(str(tensorboard), purge_step=step + 1)
            )
            self._stream = csv_file.open("a", encoding="utf-8", newline="")
        self.is_stopped = False
        self._followers = followers
        for follower in followers:
            follower.begin(earlier)

    def add(self, step: int, phase: str, epoch: int, values: Mapping[str, float]) -> None:
        """Add one value to each named curve.

        Raises:
            ResourceError: E403 when the disk is full or may not be written.
        """
        points = [CurvePoint(step, phase, epoch, name, value) for name, value in values.items()]
        with outputs.os_errors():
            self._stream.write(_rows(points))
            self._stream.flush()
            if self._board is not None:
                for point in points:
                    self._board.add_scalar(point.tag, point.value, step)
        for follower in self._followers:
            follower.add(points)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        is_failed = isinstance(error, Exception)  # an interrupt is none
        is_stopped = self.is_stopped or error is not None
        for follower in self._followers:
            follower.end("failed" if is_failed else "stopped" if is_stopped else "finished")
        with outputs.os_errors():
            self._stream.close()
            if self._board is not None:
                self._board.close()


def read(path: Path) -> list[CurvePoint]:
    """Read `curves.csv`; a last row that was cut off is left out, and a missing file is empty."""
    if not path.exists():
        return []
    whole, _, _ = regular.read_text(path).rpartition("\n")
    points = []
    for row in csv.reader(whole.splitlines()[1:]):
        with suppress(ValueError):
            step, phase, epoch, name, value = row
            points.append(CurvePoint(int(step), phase, int(epoch), name, float(value)))
    return points


def _rows(rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
