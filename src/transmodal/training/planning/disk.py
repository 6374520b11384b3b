"""How much disk a run takes, told from its plan before anything is written: checkpoints, pictures, curves."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from transmodal import translators
from transmodal.evaluation.drawing.planes import PLANES, Frame
from transmodal.nets.meta import shapes_alone
from transmodal.recipes.alignment_schema import REGISTRATION
from transmodal.training.alignment.registrar import Registrar
from transmodal.training.planning.plan import Plan
from transmodal.training.planning.workload import Workload
from transmodal.translators._base import Translator

_NAME_BYTES = 120
"""What safetensors writes beside each tensor: its name, shape and place."""
_MANIFEST_BYTES = 20_000
_RECORD_BYTES = 30_000
"""Of a run's record, recipe and card."""
_POINT_BYTES = 130
"""Of one point of a curve, in CSV and in TensorBoard's file."""
_TERMS = 4
"""Curves of each player: its terms and its rate."""
_PICTURE_SHARE = 0.3
"""Bytes of a sample picture per byte of its pixels: air and masks compress to nothing."""


class DiskEstimate(NamedTuple):
    """Bytes that a run takes.

    Attributes:
        last: of one checkpoint with optimisers; two are kept, and a third is there while one is written.
        best: of the checkpoint without them; 0 where nothing is validated.
        pictures: of the validations' samples.
        curves: of CSV and TensorBoard.
    """

    last: int
    best: int
    pictures: int
    curves: int

    @property
    def run(self) -> int:
        """Bytes of the run's folder once it is finished."""
        return 2 * self.last + self.best + self.pictures + self.curves + _RECORD_BYTES

    @property
    def peak(self) -> int:
        """Bytes at most at once, while a checkpoint is written."""
        return self.run + self.last

    def line(self, place: Path | None = None) -> str:
        """Return the estimate on one line, with what is free at a place.

        Args:
            place: where the run goes; it need not be there yet.
        """
        free = "" if place is None else f"; {size(free_at(place))} free"
        return (
            f"disk: about {size(self.run)} for the run (a checkpoint to go on from {size(self.last)}, twice; the best one "
            f"{size(self.best)}; pictures and curves {size(self.pictures + self.curves)}){free}"
        )

    def to_json(self) -> dict[str, int]:
        """Return it as `--json` prints it, in bytes."""
        return {**self._asdict(), "run": self.run, "peak": self.peak}


def estimate_disk(plan: Plan, work: Workload) -> DiskEstimate:
    """Return what training by a plan writes.

    Args:
        plan: of the training.
        work: that it has.
    """
    with shapes_alone():
        blank: Translator[Any] = translators.build(plan.recipe.translator, plan.config)
    weights = _file_bytes(blank.state_dict().values())
    head = _head(plan, blank)
    moments = max(_moment_bytes(plan, blank, phase.name, head) for phase in plan.phases)
    n_players = max(len(phase.players) for phase in plan.phases)
    points = n_players * _TERMS * (work.steps // plan.recipe.training.log_every + work.epochs)
    return DiskEstimate(
        last=weights + moments + _MANIFEST_BYTES,
        best=weights + _MANIFEST_BYTES if work.translations else 0,
        pictures=work.validations * _picture_bytes(plan),
        curves=points * _POINT_BYTES,
    )


def free_at(place: Path) -> int:
    """Return the bytes that are free where a path is, or is going to be."""
    place = place.absolute()
    return shutil.disk_usage(next(path for path in (place, *place.parents) if path.exists())).free


def size(n_bytes: float) -> str:
    """Return a number of bytes in words, such as `14.2 MB`."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6)):
        if n_bytes >= factor:
            return f"{n_bytes / factor:.3g} {unit}"
    return f"{n_bytes / 1e3:.3g} kB"


def _file_bytes(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.nbytes + _NAME_BYTES for tensor in tensors)


def _head(plan: Plan, blank: Translator[Any]) -> nn.Module | None:
    alignment = plan.recipe.training.alignment
    if alignment is None or alignment.registration is None:
        return None
    with shapes_alone():
        return Registrar(alignment.registration, blank.config, torch.device("meta")).head


def _moment_bytes(plan: Plan, blank: Translator[Any], phase: str, head: nn.Module | None) -> int:
    """Return the bytes of the optimisers' tensors in a phase, and of the registration head, which lies beside them."""
    players = {**blank.players(phase), **({} if head is None else {REGISTRATION: head})}
    total = 0 if head is None else _file_bytes(head.state_dict().values())
    for name, module in players.items():
        n_moments = 1 if plan.recipe.training.player(phase, name).optimizer == "sgd" else 2
        for parameter in module.parameters():
            if parameter.requires_grad:
                total += n_moments * (parameter.nbytes + _NAME_BYTES) + _NAME_BYTES
    return total


def _picture_bytes(plan: Plan) -> int:
    """Return the bytes of one sample: source, synthetic and target on three planes of a case."""
    if not plan.validation:
        return 0
    frame = Frame.of(plan.validation[0].grid, None)
    pixels = 3 * sum(math.prod(frame.size(plane)) for plane in PLANES)
    return int(_PICTURE_SHARE * pixels * max(plan.stream.channels or (1,)))
