"""Make the embedded data: crop the ICBM maps to the brain and register the FA template onto them.

    python tools/register_fa.py FOLDER

FOLDER holds the four original volumes, `icbm152_2009a_sym_{t1,gm,wm}.nii.gz` and `mni_fa_template.nii.gz`.
Written are `src/transmodal/volumes/embedded/{t1,gm,wm,fa}.nii.gz`, `figures.json` beside them with what the
registration reached, and the overlay `docs/images/fa-registration.png`.
It needs `transmodal[tools]`.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
import nibabel as nib
import numpy as np
import SimpleITK as sitk  # noqa: N813  (the field's name for it)
from numpy.typing import NDArray
from scipy import ndimage

from transmodal.volumes import Grid, Volume, io
from transmodal.volumes.geometry import registration, reorient

mpl.use("Agg")
import matplotlib.pyplot as plt

ROOT = Path(__file__).resolve().parents[1]
EMBEDDED = ROOT / "src/transmodal/volumes/embedded"
PICTURE = ROOT / "docs/images/fa-registration.png"
ORIGINALS = {
    "t1": "icbm152_2009a_sym_t1.nii.gz",
    "gm": "icbm152_2009a_sym_gm.nii.gz",
    "wm": "icbm152_2009a_sym_wm.nii.gz",
    "fa": "mni_fa_template.nii.gz",
}
MARGIN = 4  # voxels of air that the crop keeps around the brain
FA_SCALE = 0.0036  # FA per grey level: 255 levels reach 0.918, the template 0.913
FA_CEILING = 0.4  # above it FA tells one tract from another, not white matter from grey
GREY = 0.35  # what grey matter and CSF show where white matter shows 1
RIM = 0.05  # FA above this is taken for brain

Floats = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]


def main() -> None:
    """Read the originals, register, write files, figures and picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the four original volumes lie")
    folder: Path = parser.parse_args().folder
    originals = {name: reorient.reorient(io.read(folder / file)) for name, file in ORIGINALS.items()}
    t1, gm, wm, brain = _cropped(originals)
    fa = originals["fa"].with_voxels(originals["fa"].voxels.astype(np.float32))
    registered, figures = _registered(fa, wm, brain)
    levels = np.rint(np.where(brain, registered.voxels, 0) / FA_SCALE).clip(0, 255)
    EMBEDDED.mkdir(parents=True, exist_ok=True)
    written = {
        "t1": _write("t1", t1, 1.0),
        "gm": _write("gm", gm, 1 / 255),
        "wm": _write("wm", wm, 1 / 255),
        "fa": _write("fa", t1.with_voxels(levels.astype(np.uint8)), FA_SCALE),
    }
    originals_sha256 = {file: _sha256((folder / file).read_bytes()) for file in ORIGINALS.values()}
    versions = {"SimpleITK": sitk.Version_VersionString(), "numpy": np.__version__}
    record = figures | {"originals_sha256": originals_sha256, "embedded": written, "versions": versions}
    (EMBEDDED / "figures.json").write_text(json.dumps(record, indent=2) + "\n")
    _draw(t1, wm, registered, brain)
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")


def _cropped(originals: dict[str, Volume]) -> tuple[Volume, Volume, Volume, Mask]:
    """Return T1, GM, WM and the brain on one grid: the brain's box with a margin, padded where need be."""
    brain = ndimage.binary_fill_holes(originals["t1"].voxels > 0)
    inside = np.argwhere(brain)
    start, stop = inside.min(axis=0) - MARGIN, inside.max(axis=0) + MARGIN + 1
    affine = originals["t1"].affine.copy()
    affine[:3, 3] = originals["t1"].grid.world(start.astype(float))
    grid = Grid(tuple(int(n) for n in stop - start), affine)
    maps = (np.where(brain, originals[name].voxels, 0).astype(np.uint8) for name in ("t1", "gm", "wm"))
    t1, gm, wm = (reorient.resample(originals["t1"].with_voxels(v), grid, how="nearest") for v in maps)
    return t1, gm, wm, ndimage.binary_fill_holes(t1.voxels > 0)


def _registered(fa: Volume, wm: Volume, brain: Mask) -> tuple[Volume, dict[str, Any]]:
    """Register FA against the white matter map on its floor of grey: tracts and the brain's rim both pull."""
    white = wm.voxels / 255
    fixed = wm.with_voxels(np.where(brain, white + GREY * (1 - white), 0).astype(np.float32))
    moving = fa.with_voxels(fa.voxels.clip(0, FA_CEILING) / FA_CEILING)
    header = reorient.resample(fa, wm.grid)
    affine = registration.register(fixed, moving, kind="affine")
    deformable = registration.register(fixed, moving, kind="deformable")
    found = deformable.warp(fa)
    figures = {
        "brain_cm3": _cm3(brain, wm),
        "fa_cm3_native": _cm3(fa.voxels > RIM, fa),
        "header": _agreement(header, white, brain),
        "affine": _agreement(affine.warp(fa), white, brain),
        "deformable": _agreement(found, white, brain)
        | {"jacobian_min": round(deformable.quality.jacobian[0], 4)}
        | {"jacobian_max": round(deformable.quality.jacobian[1], 4)},
    }
    return found, figures


def _agreement(fa: Volume, white: Floats, brain: Mask) -> dict[str, float]:
    rim = fa.voxels > RIM
    return {
        "correlation_with_wm_in_brain": round(float(np.corrcoef(fa.voxels[brain], white[brain])[0, 1]), 4),
        "fa_cm3": _cm3(rim, fa),
        "dice_with_brain": round(float(2 * (rim & brain).sum() / (rim.sum() + brain.sum())), 4),
    }


def _cm3(mask: Mask, volume: Volume) -> float:
    return round(float(mask.sum() * np.prod(volume.spacing) / 1000), 1)


def _write(name: str, volume: Volume, slope: float) -> dict[str, Any]:
    """Write uint8 voxels whose real values are `slope` times as great; no time stamp in the gzip."""
    image = nib.Nifti1Image(volume.voxels.astype(np.uint8), volume.affine)
    image.set_sform(volume.affine, code=4)
    image.set_qform(volume.affine, code=4)
    image.header.set_xyzt_units("mm")
    image.header.set_slope_inter(slope, 0)
    packed = gzip.compress(image.to_bytes(), 9, mtime=0)
    (EMBEDDED / f"{name}.nii.gz").write_bytes(packed)
    return {"bytes": len(packed), "sha256": _sha256(packed), "scl_slope": slope}


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _draw(t1: Volume, wm: Volume, fa: Volume, brain: Mask) -> None:
    """Draw three planes, twice each: FA's contours on the T1, and the brain's and WM's on the FA."""
    i, j, k = (round(n) for n in t1.grid.voxel(np.array([[14.0, -24.0, 4.0], [14.0, -6.0, 18.0]]))[0])
    places = [(2, k), (2, k + 22), (1, j), (1, j + 30), (0, i - 13), (0, i)]
    figure, axes = plt.subplots(3, 4, figsize=(12, 9.6), facecolor="black")
    for (axis, index), left, right in zip(places, axes.flat[::2], axes.flat[1::2], strict=True):
        t1_slice, fa_slice, wm_slice, brain_slice = (
            np.take(v, index, axis).T for v in (t1.voxels, fa.voxels, wm.voxels, brain.astype(float))
        )
        left.imshow(t1_slice, cmap="gray", origin="lower")
        left.contour(fa_slice, [RIM, 0.25, 0.45], colors=["cyan", "yellow", "red"], linewidths=0.7)
        right.imshow(fa_slice, cmap="gray", origin="lower", vmin=0, vmax=0.8)
        right.contour(wm_slice, [127.5], colors=["red"], linewidths=0.7)
        right.contour(brain_slice, [0.5], colors=["cyan"], linewidths=0.7)
    for panel in axes.flat:
        panel.axis("off")
    figure.tight_layout(pad=0.3)
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(PICTURE, dpi=80, metadata={"Software": None})
    plt.close(figure)


if __name__ == "__main__":
    main()
