"""The translator itself, run by PyTorch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from transmodal.errors import InternalError
from transmodal.inference.engines._channels_last import ChannelsLastNorms
from transmodal.translators._base import Translator


@dataclass(frozen=True, slots=True)
class TorchEngine:
    """Runs a translator that is in evaluation mode; the mode is its owner's to set.

    Attributes:
        translator: on the device.
        device: where windows are moved to.
    """

    translator: Translator[Any]
    device: torch.device

    def infer(
        self, source: NDArray[np.float32], available: NDArray[np.float32], noise: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Translate a batch of windows; see `Engine`.

        Raises:
            UsageError: E004 for windows that the translator cannot take.
            InternalError: E601 for a translator in training mode, whose dropout and statistics would be training's.
        """
        self.check(source, available)
        with torch.inference_mode(), ChannelsLastNorms():
            windows = torch.from_numpy(source).to(self.device)
            present = torch.from_numpy(available).to(self.device)
            seeds = torch.from_numpy(noise) if self.translator.draws else None
            synthetic = self.translator(windows, present, noise=seeds)
        output: NDArray[np.float32] = synthetic.float().cpu().numpy()
        return output

    def check(self, source: NDArray[np.float32], available: NDArray[np.float32]) -> None:
        """Refuse windows that the translator cannot take, and training mode; as `infer`."""
        if self.translator.training:
            raise InternalError(
                "E601", "a translator in training mode to translate", "evaluation mode", "Call eval() on it."
            )
        self.translator.check(torch.from_numpy(source), torch.from_numpy(available))


def build(translator: Translator[Any], device: torch.device) -> TorchEngine:
    """Build the engine of a translator on a device.

    On the CPU its weights for slices are laid out channels last, in place: batches of windows go through faster then
    (`benchmarks/bench_translate.py`).
    """
    if device.type == "cpu" and translator.config.spatial_dims == 2:
        translator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # known to torch alone
    return TorchEngine(translator, device)
