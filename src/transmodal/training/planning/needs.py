"""Needs of a training, all told from its plan: its work, its device, its memory and its disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import torch

from transmodal.inference.device import device_of
from transmodal.inference.memory import MemoryEstimate
from transmodal.training.planning.disk import estimate_disk
from transmodal.training.planning.plan import Plan
from transmodal.training.planning.workload import Workload


class Needs(NamedTuple):
    """Needs of a training.

    Attributes:
        plan: of the training.
        work: that it has.
        memory: that it takes in this process.
    """

    plan: Plan
    work: Workload
    memory: MemoryEstimate

    def lines(self, place: Path | None = None) -> list[str]:
        """Return them, a line each.

        Args:
            place: where the run goes; None where that is not known.
        """
        disk = estimate_disk(self.plan, self.work)
        return [
            self.memory.line(),
            self.work.line(),
            f"device: {self.device()}",
            disk.line(place),
        ]

    def device(self) -> str:
        """Return the device in words, with processes and precision."""
        settings = self.plan.recipe.training
        device = device_of(settings.device)
        if device.type == "cuda":
            words = f"{device} ({torch.cuda.get_device_name(device)})"
        else:
            n_threads = torch.get_num_threads()
            words = f"{device}, {n_threads} thread{'' if n_threads == 1 else 's'}"
        processes = "" if settings.processes == 1 else f", {settings.processes} processes"
        return f"{words}, {settings.precision}{processes}"

    def to_json(self) -> dict[str, Any]:
        """Return them as `--json` prints them, in bytes."""
        settings = self.plan.recipe.training
        return {
            "training": self.work.to_json(),
            "device": {
                "name": self.device(),
                "processes": settings.processes,
                "precision": settings.precision,
            },
            "memory": {"peak": self.memory.peak, "new": self.memory.more},
            "disk": estimate_disk(self.plan, self.work).to_json(),
        }
