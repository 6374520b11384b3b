"""The volumes of a virtual subject: each modality from its anatomy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transmodal.cohorts.simulation import acquisition, individual
from transmodal.cohorts.simulation.contrasts import (
    COLOURS,
    HU,
    LABELS,
    Relaxation,
    crisp,
    inversion_recovery,
    spin_echo,
    spoiled_echo,
    to_int16,
)
from transmodal.cohorts.simulation.draws import Floats
from transmodal.cohorts.simulation.subject import AnatomyOnGrid

Signal = Callable[[Relaxation], "Floats | float"]

WHITE = 224.04
GREY = 168.43
FLUID = 70.38
"""Signal of each tissue in the embedded T1, by least squares over the brain."""
_SHELLS = ("bone", "diploe", "fat", "muscle", "skin", "eye")


def t1(anatomy: AnatomyOnGrid, *, stripped: bool) -> NDArray[np.int16]:
    """Return T1: the real volume in the brain, a spoiled gradient echo around it unless stripped."""
    rng = anatomy.subject.stream("t1")
    level = rng.uniform(350, 900)
    tissues = anatomy.subject.scanner.tissues
    scale = WHITE / float(spoiled_echo(tissues["wm"]))
    signal = anatomy.full(_real_t1(anatomy))
    if stripped:
        # what the surface's voxels hold beside brain is fluid: what they show is as with the head
        signal += (anatomy.mask - anatomy.full(anatomy.brain.inside)).clip(0) * np.float32(FLUID)
    else:
        by_tissue = {name: scale * float(spoiled_echo(tissues[name])) for name in _SHELLS}
        by_tissue |= {"csf": FLUID, "cord": WHITE, "fat": WHITE * anatomy.subject.scanner.t1_fat}
        signal += _around(anatomy, by_tissue)
    signal *= np.float32(level / WHITE)
    noisy = _add_noise(anatomy, rng, signal, level)
    return to_int16(np.where(anatomy.mask, noisy, 0) if stripped else noisy)


def fa(anatomy: AnatomyOnGrid) -> NDArray[np.float32]:
    """Return FA: the real volume in the brain, 0 elsewhere."""
    rng = anatomy.subject.stream("fa")
    change, brain, tissue = anatomy.change("fa"), anatomy.brain, anatomy.tissue
    share = _shares(anatomy)
    factor = 1 + sum(share[name] * np.expm1(change[name]) for name in individual.TISSUES)
    real = brain.fa / np.maximum(brain.inside, 0.5) * factor * individual.fa_share(tissue.lesion)
    noisy = acquisition.gaussian(rng, anatomy.full(real), rng.uniform(0.006, 0.016))
    return np.where(anatomy.mask, noisy, 0).clip(0, 1).astype(np.float32)


def t2(anatomy: AnatomyOnGrid) -> NDArray[np.int16]:
    """Return a T2-weighted spin echo."""
    tr, te = anatomy.subject.scanner.t2
    return _render_weighted(anatomy, "t2", lambda tissue: spin_echo(tissue, tr, te))


def pd(anatomy: AnatomyOnGrid) -> NDArray[np.int16]:
    """Return a proton-density-weighted spin echo."""
    tr, te = anatomy.subject.scanner.pd
    return _render_weighted(anatomy, "pd", lambda tissue: spin_echo(tissue, tr, te))


def flair(anatomy: AnatomyOnGrid) -> NDArray[np.int16]:
    """Return an inversion recovery that nulls fluid."""
    tr, te, ti = anatomy.subject.scanner.flair
    return _render_weighted(anatomy, "flair", lambda tissue: inversion_recovery(tissue, tr, te, ti))


def ct(anatomy: AnatomyOnGrid) -> NDArray[np.int16]:
    """Return HU: tissues with texture, bone with a border sharper than the grid."""
    rng = anatomy.subject.stream("ct")
    shells, change, tissue = anatomy.shells, anatomy.change("hu"), anatomy.tissue
    hu = {name: value + rng.normal(0, 1 + 0.02 * abs(value)) for name, value in HU.items()} | {"air": -1000.0}
    brain = tissue.csf * hu["csf"] + tissue.lesion * hu["lesion"]
    for name, fraction in (("gm", tissue.gm), ("wm", tissue.wm)):
        brain += fraction * np.exp(change[name]) * np.float32(hu[name])
    texture = shells.texture
    bone = shells.bone * (np.float32(hu["bone"]) + 170 * texture)
    bone += shells.diploe * (np.float32(hu["diploe"]) + 110 * texture)
    hard = shells.bone + shells.diploe
    soft = anatomy.full(brain) + shells.csf * hu["csf"] + shells.cord * hu["wm"] + shells.air * hu["air"]
    for name in ("fat", "muscle", "skin", "eye"):
        soft += getattr(shells, name) * np.float32(hu[name])
    fluid = np.clip((anatomy.full(anatomy.brain.inside) + shells.csf) / np.maximum(1 - hard, 1e-3), 0, 1)
    share = fluid * crisp(hard) + (1 - fluid) * hard
    mixed = share * bone / np.maximum(hard, 1e-3) + (1 - share) * soft / np.maximum(1 - hard, 1e-3)
    return to_int16(acquisition.gaussian(rng, mixed, rng.uniform(4, 9)).clip(-1024, 3000))


def colour(anatomy: AnatomyOnGrid) -> NDArray[np.uint8]:
    """Return a section's photograph: `(I, J, K, 3)` sRGB, black outside the head."""
    rng = anatomy.subject.stream("colour")
    grain = rng.standard_normal(anatomy.subject.grid.shape, dtype=np.float32)
    light = 1 + np.float32(0.05) * anatomy.shells.texture + np.float32(0.03) * grain
    parts = _parts(anatomy)
    tones = {name: np.array(rgb) * np.exp(0.04 * rng.standard_normal(3)) for name, rgb in COLOURS.items()}
    channels = []
    for channel in range(3):
        mixed = sum(fraction * np.float32(tones[name][channel]) for name, fraction in parts.items())
        channels.append((mixed * light).clip(0, 255))
    return np.stack(channels, axis=-1).astype(np.uint8)


def segmentation(anatomy: AnatomyOnGrid) -> NDArray[np.uint8]:
    """Return the label, of `contrasts.LABELS`, of the tissue that fills most of each voxel."""
    parts = _parts(anatomy)
    parts["outside"] = anatomy.shells.air - anatomy.shells.inner_air
    parts["air"] = anatomy.shells.inner_air
    best = np.full(anatomy.subject.grid.shape, -1, np.float32)
    labels = np.zeros(anatomy.subject.grid.shape, np.uint8)
    for name, fraction in parts.items():
        more = fraction > best
        labels[more] = LABELS[name]
        np.maximum(best, fraction, out=best)
    return labels


MAKERS: Mapping[str, Callable[[AnatomyOnGrid], NDArray[Any]]] = MappingProxyType(
    {"fa": fa, "t2": t2, "pd": pd, "flair": flair, "ct": ct, "colour": colour}
)
"""By modality; T1 is apart because it may be stripped."""


def _real_t1(anatomy: AnatomyOnGrid) -> Floats:
    """Return the real T1 at the brain's voxels, with the subject's own tissue and lesions in it."""
    change, tissues = anatomy.change("t1"), anatomy.subject.scanner.tissues
    share, tissue = _shares(anatomy), anatomy.tissue
    factor = np.ones(anatomy.brain.indices.shape, np.float32)
    for name in individual.TISSUES:
        factor += share[name] * np.expm1(np.float32(individual.T1_SENSITIVITY) * change[name])
    dark = float(spoiled_echo(tissues["lesion"])) / float(spoiled_echo(tissues["wm"]))
    factor *= 1 - tissue.lesion / np.maximum(anatomy.brain.inside, 0.5) * np.float32(1 - dark)
    return anatomy.brain.t1 * factor


def _render_weighted(anatomy: AnatomyOnGrid, name: str, signal: Signal) -> NDArray[np.int16]:
    """Return the whole head under a signal equation."""
    rng = anatomy.subject.stream(name)
    level = rng.uniform(300, 900)
    tissues = anatomy.subject.scanner.tissues
    white = float(signal(tissues["wm"]))
    tissue = anatomy.tissue
    brain = tissue.csf * np.float32(signal(tissues["csf"])) + tissue.lesion * np.float32(
        signal(tissues["lesion"])
    )
    for kind, own in _own_tissues(anatomy).items():
        brain += getattr(tissue, kind) * signal(own)
    by_tissue = {kind: float(signal(tissues[kind])) for kind in (*_SHELLS, "csf")} | {"cord": white}
    whole = (anatomy.full(brain) + _around(anatomy, by_tissue)) * np.float32(level / white)
    return to_int16(_add_noise(anatomy, rng, whole, level))


def _own_tissues(anatomy: AnatomyOnGrid) -> dict[str, Relaxation]:
    """Return grey and white matter as they are in each of the brain's voxels.

    What the real T1 shows beyond its tissues' means, the deep grey nuclei above all, enters T1 and T2.
    """
    brain = anatomy.brain
    expected = GREY * brain.gm + WHITE * brain.wm + FLUID * brain.csf
    texture = np.log(np.maximum(brain.t1, 1) / np.maximum(expected, 1)).clip(-0.15, 0.15) * (
        brain.inside > 0.9
    )
    longer = texture / np.float32(individual.T1_SENSITIVITY)
    t1, t2, pd = (anatomy.change(parameter) for parameter in ("t1", "t2", "pd"))
    own = {}
    for kind in individual.TISSUES:
        base = anatomy.subject.scanner.tissues[kind]
        own[kind] = Relaxation(
            base.t1 * np.exp(t1[kind] + longer),
            base.t2 * np.exp(t2[kind] + longer / 3),
            base.pd * np.exp(pd[kind]),
        )
    return own


def _around(anatomy: AnatomyOnGrid, by_tissue: Mapping[str, float]) -> Floats:
    """Return the signal of what is not brain; soft tissue is a little uneven."""
    shells = anatomy.shells
    soft = sum(
        getattr(shells, name) * np.float32(value) for name, value in by_tissue.items() if name != "csf"
    )
    around: Floats = soft * (1 + np.float32(0.06) * shells.texture) + shells.csf * np.float32(
        by_tissue["csf"]
    )
    return around


def _add_noise(anatomy: AnatomyOnGrid, rng: np.random.Generator, signal: Floats, level: float) -> Floats:
    """Return a signal after bias field and Rician noise."""
    biased = signal * anatomy.bias(rng, rng.uniform(0.02, 0.06))
    return acquisition.rician(rng, biased, level * rng.uniform(0.01, 0.028))


def _shares(anatomy: AnatomyOnGrid) -> dict[str, Floats]:
    """Return which share of the brain in a voxel is grey and white matter, lesions included."""
    room = np.maximum(anatomy.brain.inside, 1e-3)
    return {"gm": anatomy.brain.gm / room, "wm": anatomy.brain.wm / room}


def _parts(anatomy: AnatomyOnGrid) -> dict[str, Floats]:
    """Return the fraction of every voxel that each solid or fluid tissue fills."""
    shells, tissue = anatomy.shells, anatomy.tissue
    parts = {name: getattr(shells, name) for name in _SHELLS}
    parts["csf"] = shells.csf + anatomy.full(tissue.csf)
    parts["wm"] = shells.cord + anatomy.full(tissue.wm)
    parts["gm"], parts["lesion"] = anatomy.full(tissue.gm), anatomy.full(tissue.lesion)
    return parts
