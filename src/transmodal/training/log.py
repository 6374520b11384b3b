"""Curves of a training, in CSV and TensorBoard."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from torch.utils.tensorboard import SummaryWriter

from transmodal.storage import files, outputs, regular

VALIDATION = "validation/"
"""How names of curves begin that are taken after an epoch, at its last step."""


class CurvePoint(NamedTuple):
    """One value of one curve; `step` counts the steps that were complete."""

    step: int
    phase: str
    epoch: int
    name: str
    value: float


class Curves:
    """Curves of one run, in `curves.csv` (one value per row) and in TensorBoard.

    Opened at a step, it drops what an interrupted run wrote after it, so that a resumed run's file is the
    uninterrupted one's.

    Args:
        csv_file: path of `curves.csv`.
        tensorboard: folder of TensorBoard's file.
        step: that the run goes on from; 0 for one that begins.
        is_validated: whether the validation after this step is part of what the run goes on from; if not, it will come
            again, and a killed run may have written its figures already.

    Raises:
        UsageError: E005 when a name is taken by something else.
        ResourceError: E403 when the disk is full or may not be written.
    """

    def __init__(self, csv_file: Path, tensorboard: Path, step: int, *, is_validated: bool = True) -> None:
        earlier = [point for point in read(csv_file) if point.step <= step]
        if not is_validated:
            earlier = [
                point for point in earlier if point.step < step or not point.name.startswith(VALIDATION)
            ]
        with files.atomic_path(csv_file) as beside:
            beside.write_text(_rows([CurvePoint._fields, *earlier]), encoding="utf-8")
        with outputs.os_errors():
            self._board = SummaryWriter(str(tensorboard), purge_step=step + 1)
            self._stream = csv_file.open("a", encoding="utf-8", newline="")

    def add(self, step: int, phase: str, epoch: int, values: Mapping[str, float]) -> None:
        """Add one value to each named curve.

        Raises:
            ResourceError: E403 when the disk is full or may not be written.
        """
        points = [CurvePoint(step, phase, epoch, name, value) for name, value in values.items()]
        with outputs.os_errors():
            self._stream.write(_rows(points))
            self._stream.flush()
            for point in points:
                tag = point.name if phase == "train" else f"{phase}/{point.name}"
                self._board.add_scalar(tag, point.value, step)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with outputs.os_errors():
            self._stream.close()
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
