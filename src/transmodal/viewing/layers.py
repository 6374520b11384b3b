"""Layers of a scene: volumes with a name, a unit, a window and a mark where no scanner measured them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from transmodal.errors import InputError, UsageError
from transmodal.modalities import modality_of
from transmodal.volumes import Volume
from transmodal.volumes.volume import Voxels

Role = Literal["volume", "difference", "spread"]


class WindowPreset(NamedTuple):
    """Values from black to white, under the name that the page offers it by."""

    name: str
    low: float
    high: float


CT_WINDOWS = (
    WindowPreset("brain", 0.0, 80.0),
    WindowPreset("bone", -500.0, 1300.0),
    WindowPreset("soft tissue", -160.0, 240.0),
    WindowPreset("lung", -1350.0, 150.0),
)
"""Windows of radiology, in HU."""
FA_WINDOW = WindowPreset("FA", 0.0, 1.0)
_AIR = -500.0
"""A volume without a name of its modality has the windows of CT where values lie below, which no other image has."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One volume of a scene.

    Attributes:
        name: as the page shows it.
        volume: grey, or colour of type uint8.
        modality: its name, such as `ct`; empty where it is not known.
        role: an image, a signed difference of two, or the spread of a synthetic image over its passes.
        is_synthetic: whether its sidecar or its header says that no scanner measured it.
        spacing_mm: of the file, where the volume was brought to a coarser grid; None where it is on its own.
    """

    name: str
    volume: Volume
    modality: str = ""
    role: Role = "volume"
    is_synthetic: bool = False
    spacing_mm: tuple[float, float, float] | None = None

    @property
    def unit(self) -> str:
        """Unit of the values; empty where there is none or it is not known."""
        return modality_of(self.modality).unit if self.modality else ""


def difference(layers: Sequence[Layer]) -> Layer:
    """Return the second volume minus the first; in colour the mean absolute difference over the channels.

    Args:
        layers: of which the first two of the role `volume` count.

    Raises:
        UsageError: E004 with fewer than two volumes.
        InputError: E130 where their grids differ, E122 for grey beside colour.
    """
    pair = [layer for layer in layers if layer.role == "volume"][:2]
    if len(pair) < 2:
        raise UsageError(
            "E004", "--difference of one volume", "two volumes", "Name a second, or leave it out."
        )
    first, second = (layer.volume for layer in pair)
    if not first.grid.same_as(second.grid):
        raise InputError(
            "E130",
            f"volumes {first.grid.shape} and {second.grid.shape} whose voxels lie at different places",
            "one grid for --difference",
            "Bring them onto one grid first, or leave --difference out.",
        )
    if first.is_colour != second.is_colour:
        raise InputError(
            "E122", "a difference of grey and colour", "two of a kind", "Leave --difference out."
        )
    signed = second.voxels.astype(np.float32) - first.voxels.astype(np.float32)
    values = np.abs(signed).mean(axis=-1) if first.is_colour else signed
    name = f"{pair[1].name} minus {pair[0].name}"
    modality = pair[0].modality if pair[0].unit == pair[1].unit else ""
    is_synthetic = any(layer.is_synthetic for layer in pair)
    return Layer(name, first.with_voxels(values), modality, "difference", is_synthetic)


def windows(layer: Layer) -> list[WindowPreset]:
    """Return the windows that fit a layer, the one that it opens with first; none for colour."""
    if layer.volume.is_colour:
        return []
    values = layer.volume.voxels
    low, high = float(values.min()), float(values.max())
    if layer.role == "difference":
        limit = _robust_limit(np.abs(values))
        return [
            WindowPreset("nearly all", -limit, limit),
            WindowPreset("all", -max(-low, high, 1e-6), max(-low, high, 1e-6)),
        ]
    if layer.role == "spread":
        return [
            WindowPreset("nearly all", 0.0, _robust_limit(values)),
            WindowPreset("all", 0.0, max(high, 1e-6)),
        ]
    return [
        *modality_windows(layer.modality, low),
        _robust(values),
        WindowPreset("all", low, high if high > low else low + 1.0),
    ]


def modality_windows(modality: str, low: float) -> list[WindowPreset]:
    """Return the windows of a modality by its record, and those of CT.

    Args:
        modality: its name; empty where it is not known, and the values say whether it is CT.
        low: the least value.
    """
    is_ct = modality in ("ct", "cbct") or (not modality and low < _AIR)
    own = modality_of(modality).window if modality else (None, None)
    clinical = [FA_WINDOW] if modality == "fa" else list(CT_WINDOWS) if is_ct else []
    if own[0] is not None and own[1] is not None:
        return [WindowPreset("whole range", own[0], own[1]), *clinical]
    return clinical


def _robust(values: Voxels) -> WindowPreset:
    content = values[values > values.min()] if values.size else values
    low = float(np.percentile(values, 1))  # with the background, which is black
    high = float(np.percentile(content if content.size else values, 99.5))
    return WindowPreset("nearly all", low, high if high > low else low + 1.0)


def _robust_limit(values: Voxels) -> float:
    """Return a limit that nearly all values other than 0 lie below; never 0."""
    content = values[values > 0]
    return max(float(np.percentile(content, 99)) if content.size else 0.0, 1e-6)
