"""The brain of a head at 1 mm: the quick way beside the thorough one, deepbet and bare filters; interleaved, one JSON line.

The thorough way is what `find_brain` does where the quick one is not sure, and what it did for every head before. deepbet
(two networks) takes part where it is installed. The filters make no brain mask, but are what scripts begin with: SimpleITK's
Otsu threshold, an opening, a closing and the largest part. All read one virtual T1 head whose true brain is known, in memory. Run it as
`python benchmarks/bench_brain.py`, or with `--smoke` for a few seconds. It fails where the quick mask is less than 0.98
Dice of the thorough one, or is farther from the true brain by more than 0.002.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any
from unittest.mock import patch

import numpy as np
import SimpleITK as sitk  # noqa: N813  (the field's name for it)
from numpy.typing import NDArray
from turns import Way, has, milliseconds, print_line, ratio_of, read_words, run_alone, take_turns, version_of

from transmodal.cohorts.simulation.atlas import AtlasOptions, subjects
from transmodal.volumes import Volume
from transmodal.volumes.geometry import itk
from transmodal.volumes.geometry.reorient import reorient
from transmodal.volumes.regions import brain, template_alignment
from transmodal.volumes.regions.recent_masks import RecentMasks

GOALS = {"thorough": 3.5}
LEAST_DICE, WORSE = 0.98, 0.002
BALL = [2, 2, 2]
Mask = NDArray[np.bool_]


def main() -> int:
    smoke = read_words(__doc__).smoke
    rounds = 1 if smoke else 3
    volume, truth = head(4.0 if smoke else 1.0)
    brain.RECENT = RecentMasks(0)  # every call searches
    ways: dict[str, Way] = {
        "quick": lambda: brain.find_brain(volume).mask,
        "thorough": lambda: find_thoroughly(volume),
        "otsu, SimpleITK": lambda: find_by_otsu(volume),
    }
    if has("deepbet"):
        ways["deepbet"] = deepbet_of(volume)
    masks = {name: np.asarray(way()) for name, way in ways.items()}
    seconds = take_turns(ways, rounds)
    ratios = {name: ratio_of(seconds["quick"], times) for name, times in seconds.items() if name != "quick"}
    true = {name: round(dice(mask, truth), 4) for name, mask in masks.items()}
    agreement = dice(masks["quick"], masks["thorough"])
    peers = [version_of("SimpleITK"), version_of("deepbet") if "deepbet" in ways else None]
    line: dict[str, Any] = {
        "benchmark": "brain",
        "peer": ", ".join(["thorough way of this version", *(peer for peer in peers if peer)]),
        "threads": 1,
        "clock": "processor time",
        "rounds": rounds,
        "smoke": smoke,
        "shape": list(volume.voxels.shape),
        "ratio": {name: ratio for name, (ratio, _) in ratios.items()},
        "spread": {name: spread for name, (_, spread) in ratios.items()},
        "goal": GOALS,
        "ours_ms": dict.fromkeys(ratios, milliseconds(seconds["quick"])),
        "limits": {name: {"mb": round((volume.voxels.nbytes + truth.nbytes) / 1e6, 1)} for name in ratios},
        "agreement": round(agreement, 4),
        "dice_with_truth": true,
        "notes": [
            f"brain: Dice {agreement:.3f} of the quick mask with the thorough one; with the virtual head's true brain "
            + ", ".join(f"{name} {value:.3f}" for name, value in true.items())
            + ". The filters of SimpleITK leave the head, not the brain."
        ],
    }
    print_line(line)
    return 0 if agreement >= LEAST_DICE and true["quick"] >= true["thorough"] - WORSE else 1


def head(spacing_mm: float) -> tuple[Volume, Mask]:
    """Return a virtual T1 head in RAS and its true brain."""
    options = AtlasOptions(spacing_mm=spacing_mm, modalities=("t1",), head="always", segmentation=False)
    case = subjects(4, options)[3].load()
    if case.mask is None:
        raise RuntimeError("the virtual head has no mask")
    return reorient(case.volumes["t1"]), reorient(case.mask).voxels > 0


def find_thoroughly(volume: Volume) -> Mask:
    """Search as where no fit is sure, without the quick try before."""
    with ExitStack() as patches:
        patches.enter_context(patch.object(template_alignment, "_SURE", float("inf")))
        patches.enter_context(patch.object(template_alignment, "_pose_quickly", lambda *_: []))
        return brain.find_brain(volume).mask


def find_by_otsu(volume: Volume) -> Mask:
    """Return what a few filters make of a head, which is the head."""
    bright = sitk.OtsuThreshold(itk.to_image(volume), 0, 1)
    solid = sitk.BinaryMorphologicalClosing(sitk.BinaryMorphologicalOpening(bright, BALL), BALL)
    parts = sitk.RelabelComponent(sitk.ConnectedComponent(solid))
    return np.asarray(itk.to_voxels(parts) == 1)


def deepbet_of(volume: Volume) -> Way:
    """Return deepbet's way from voxels to mask, its networks loaded."""
    from deepbet import BrainExtraction  # type: ignore[import-not-found, unused-ignore]  # a peer

    networks = BrainExtraction(no_gpu=True)
    voxels = volume.voxels.astype(np.float32)

    def find() -> Mask:
        return np.asarray(networks.postprocess(networks.run_model(voxels.copy()) > 0.5) > 0)

    return find


def dice(mask: Mask, other: Mask) -> float:
    return float(2 * (mask & other).sum() / max(int(mask.sum() + other.sum()), 1))


if __name__ == "__main__":
    run_alone(main)
