"""Contrast parameters of tissues: relaxation times, signal equations, HU, colours, labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from transmodal.cohorts.simulation.draws import Floats


class Relaxation(NamedTuple):
    """T1 and T2 in ms and proton density relative to water; numbers, or one per voxel."""

    t1: Floats | float
    t2: Floats | float
    pd: Floats | float


RELAXATION: Mapping[float, Mapping[str, Relaxation]] = MappingProxyType(
    {
        # csf, gm, wm, fat, muscle and lesion at 1.5 T as BrainWeb uses them
        1.5: {
            "csf": Relaxation(2569, 329, 1.00),
            "gm": Relaxation(833, 83, 0.86),
            "wm": Relaxation(500, 70, 0.77),
            "lesion": Relaxation(752, 237, 0.76),
            "fat": Relaxation(350, 70, 1.00),
            "muscle": Relaxation(900, 47, 1.00),
            "skin": Relaxation(800, 40, 0.75),
            "diploe": Relaxation(420, 60, 0.38),
            "bone": Relaxation(300, 4, 0.10),
            "eye": Relaxation(2500, 320, 0.98),
        },
        # gm and wm at 3 T after Wansapura 1999
        3.0: {
            "csf": Relaxation(4163, 1500, 1.00),
            "gm": Relaxation(1331, 110, 0.82),
            "wm": Relaxation(832, 80, 0.70),
            "lesion": Relaxation(1350, 220, 0.84),
            "fat": Relaxation(382, 68, 0.90),
            "muscle": Relaxation(1412, 50, 0.80),
            "skin": Relaxation(1100, 38, 0.70),
            "diploe": Relaxation(450, 55, 0.35),
            "bone": Relaxation(300, 3, 0.10),
            "eye": Relaxation(3900, 1200, 0.98),
        },
    }
)
"""By field strength in tesla."""

HU: Mapping[str, float] = MappingProxyType(
    {
        "air": -1000,
        "csf": 8,
        "gm": 39,
        "wm": 27,
        "lesion": 19,
        "fat": -100,
        "muscle": 52,
        "skin": 45,
        "diploe": 350,
        "bone": 1250,
        "eye": 10,
    }
)

COLOURS: Mapping[str, tuple[int, int, int]] = MappingProxyType(
    {
        "air": (0, 0, 0),
        "csf": (92, 84, 88),
        "gm": (172, 128, 108),
        "wm": (222, 200, 172),
        "lesion": (190, 162, 138),
        "fat": (226, 190, 112),
        "muscle": (134, 48, 42),
        "skin": (206, 158, 132),
        "diploe": (158, 84, 66),
        "bone": (224, 206, 176),
        "eye": (70, 72, 84),
    }
)
"""sRGB of a frozen section."""

LABELS: Mapping[str, int] = MappingProxyType(
    {
        "outside": 0,
        "csf": 1,
        "gm": 2,
        "wm": 3,
        "lesion": 4,
        "bone": 5,
        "diploe": 6,
        "fat": 7,
        "muscle": 8,
        "skin": 9,
        "eye": 10,
        "air": 11,
    }
)
"""The segmentation's labels; `air` is air within the head, `wm` includes the spinal cord."""

T1_TR_MS = 18.0
T1_FLIP_DEG = 30.0
_JITTER = 0.03


@dataclass(frozen=True, slots=True)
class Scanner:
    """One subject's field strength, tissues and protocols.

    Attributes:
        field_t: 1.5 or 3 tesla.
        tissues: relaxation by tissue, a few percent off the table.
        t2: TR and TE in ms of the T2-weighted spin echo.
        pd: TR and TE of the proton-density-weighted one.
        flair: TR, TE and TI of the inversion recovery.
        t1_fat: what T1 shows of fat, relative to white matter; sequences suppress part of it.
    """

    field_t: float
    tissues: Mapping[str, Relaxation]
    t2: tuple[float, float]
    pd: tuple[float, float]
    flair: tuple[float, float, float]
    t1_fat: float


def draw_scanner(rng: np.random.Generator) -> Scanner:
    """Draw field strength, relaxation times and protocols."""
    field = float(rng.choice([1.5, 3.0]))
    tissues = {
        name: Relaxation(*(np.array(values) * np.exp(_JITTER * rng.standard_normal(3))).tolist())
        for name, values in RELAXATION[field].items()
    }
    tr, te = 4500 * rng.uniform(0.9, 1.1), (76 if field == 1.5 else 58) * rng.uniform(0.95, 1.05)
    pd = 3400 * rng.uniform(0.9, 1.1), 18 * rng.uniform(0.9, 1.1)
    flair_tr = 9000 * rng.uniform(0.95, 1.05)
    null = np.log(2 / (1 + np.exp(-flair_tr / tissues["csf"].t1))) * tissues["csf"].t1
    flair = (flair_tr, 112 * rng.uniform(0.95, 1.05), float(null * rng.uniform(0.985, 1.01)))
    return Scanner(field, tissues, (tr, te), pd, flair, rng.uniform(1.15, 1.75))


def spin_echo(tissue: Relaxation, tr: float, te: float) -> Floats | float:
    """Return `PD (1 - exp(-TR / T1)) exp(-TE / T2)`."""
    return tissue.pd * (1 - np.exp(-tr / tissue.t1)) * np.exp(-te / tissue.t2)


def inversion_recovery(tissue: Relaxation, tr: float, te: float, ti: float) -> Floats | float:
    """Return `|PD (1 - 2 exp(-TI / T1) + exp(-TR / T1)) exp(-TE / T2)|`."""
    recovered = 1 - 2 * np.exp(-ti / tissue.t1) + np.exp(-tr / tissue.t1)
    return np.abs(tissue.pd * recovered * np.exp(-te / tissue.t2))


def spoiled_echo(tissue: Relaxation, tr: float = T1_TR_MS, flip_deg: float = T1_FLIP_DEG) -> Floats | float:
    """Return the steady state of a spoiled gradient echo: less steep in T1 than a spin echo."""
    flip = np.deg2rad(flip_deg)
    remaining = np.exp(-tr / tissue.t1)
    signal: Floats | float = tissue.pd * np.sin(flip) * (1 - remaining) / (1 - np.cos(flip) * remaining)
    return signal


def crisp(fraction: Floats) -> Floats:
    """Sharpen the border of bone: CT resolves it better than the grid; CSF beside it keeps its HU."""
    sharp: Floats = np.clip((fraction - np.float32(0.5)) / np.float32(0.14), 0, 1)
    return sharp


def to_int16(values: Floats) -> NDArray[np.int16]:
    """Round to the integers that scanners store."""
    return np.rint(values).clip(-32768, 32767).astype(np.int16)
