"""Second readings of what our readers accept, by other means: nibabel, ITK, pydicom, safetensors, PyYAML, NumPy, csv."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pydicom
import SimpleITK as sitk  # noqa: N813  (the field's name for it)
import tifffile
import yaml
from numpy.typing import NDArray
from safetensors.numpy import load_file

from promises.entries import Image
from promises.readers import Read, peers
from promises.verdicts import is_same
from transmodal.checkpoint import WEIGHTS
from transmodal.recipes.schema import Recipe
from transmodal.storage.tables import Table

_itk = peers()["SimpleITK"]["metaimage"]
_UNITS = {1: 1000.0, 3: 0.001}


def agrees(format_name: str, path: Path, content: object) -> bool:
    """Return whether a second reading says the same.

    Raises:
        Exception: whatever the second reader raises: it does not read such a file at all.
    """
    second = SECOND[format_name](path)
    if isinstance(content, Image) and isinstance(second, Image) and format_name == "picture":
        return is_same(_in_grey(content), _in_grey(second))
    return is_same(content, second)


def _in_grey(image: Image) -> Image:
    """Return colour whose channels are equal as grey: a grey palette of BMP comes as either."""
    voxels = image.voxels
    if voxels.ndim == 4 and (voxels == voxels[..., :1]).all():
        return Image(voxels[..., 0], image.affine)
    return image


def _nifti(path: Path) -> Image:
    image = nib.load(path)
    affine = np.array(image.affine, float)
    unit = _UNITS.get(int(image.header["xyzt_units"]) & 7, 1.0)
    affine[:3] *= unit
    return Image(np.asanyarray(image.dataobj), affine)


def _metaimage(path: Path) -> Image:
    """Return what ITK reads, but of compressed voxels whose header does not say how many bytes they take.

    Of those ITK gives whatever its memory holds, with a line on the screen and no exception.
    """
    head = path.read_bytes()[:65536].partition(b"ElementDataFile")[0]
    is_compressed = re.search(rb"^CompressedData\s*=\s*[TtYy1]", head, re.MULTILINE) is not None
    if is_compressed and re.search(rb"^CompressedDataSize\s*=", head, re.MULTILINE) is None:
        raise ValueError("compressed voxels of no declared size, which ITK does not inflate")
    return _itk(path)


def _dicom(path: Path) -> Image:
    """Return slices in order, rescaled; only files that say they are of the image."""
    slices = [pydicom.dcmread(file, force=True) for file in sorted(path.iterdir())]
    slices = list({one.SOPInstanceUID: one for one in slices if "PixelData" in one}.values())
    row, column = np.array(slices[0].ImageOrientationPatient, float).reshape(2, 3)
    slices.sort(
        key=lambda one: float(np.dot(np.cross(row, column), np.array(one.ImagePositionPatient, float)))
    )
    planes = [_plane(one) for one in slices]
    return Image(np.stack(planes, axis=2), None)


def _plane(slice_: pydicom.Dataset) -> NDArray[Any]:
    pixels = np.swapaxes(slice_.pixel_array, 0, 1)
    if pixels.ndim == 3:
        return pixels
    return pixels.astype(float) * float(slice_.get("RescaleSlope", 1)) + float(
        slice_.get("RescaleIntercept", 0)
    )


def _picture(path: Path) -> Image:
    """Return pixels by ITK, and those of TIFF by tifffile, since ITK takes some of them down to 8 bits."""
    if path.suffix.lower() == ".tif":
        return Image(_tiff(path), None)
    voxels = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
    if voxels.ndim == 3 and voxels.shape[2] == 4:
        voxels = voxels[..., :3]
    return Image(np.swapaxes(voxels, 0, 1)[:, :, None], None)


def _tiff(path: Path) -> NDArray[Any]:
    with tifffile.TiffFile(path) as file:
        if file.pages[0].photometric == tifffile.PHOTOMETRIC.MINISWHITE:
            raise ValueError("dark and bright exchanged, which tifffile leaves to its callers")
        voxels = np.asarray(file.pages[0].asarray())
    return np.swapaxes(voxels[..., :3] if voxels.ndim == 3 else voxels, 0, 1)[:, :, None]


def _checkpoint(path: Path) -> dict[str, object]:
    return dict(load_file(path / WEIGHTS))


def _recipe(path: Path) -> Recipe:
    return Recipe.model_validate(yaml.safe_load(path.read_bytes().decode("utf-8")))


def _cohort(path: Path) -> dict[str, object]:
    arrays: dict[str, object] = {}
    for case in json.loads((path / "cohort.json").read_text())["cases"]:
        for modality, volume in case["volumes"].items():
            arrays[f"{case['id']} {modality}"] = np.load(path / volume["file"], allow_pickle=False)
            arrays[f"{case['id']} {modality} affine"] = np.array(case["affine"], float)
    return arrays


def _table(path: Path) -> Table:
    """Return rows as the plainest reading has them, of files in UTF-8 that are divided by commas."""
    text = path.read_bytes().decode("utf-8-sig")
    if ";" in text or "\t" in text:
        raise ValueError("divided by others")
    rows = [
        row
        for row in csv.reader(io.StringIO(text, newline=""), skipinitialspace=True)
        if any(map(str.strip, row))
    ]
    if not rows:
        return Table((), ())
    names = [name.strip() for name in rows[0]]
    while names and not names[-1]:
        names.pop()
    body = [
        {name: cell.strip() for name, cell in zip(names, [*row, *[""] * len(names)], strict=False) if name}
        for row in rows[1:]
    ]
    return Table(tuple(names), body)


SECOND: Mapping[str, Read] = {
    "nifti": _nifti,
    "metaimage": _metaimage,
    "dicom": _dicom,
    "picture": _picture,
    "checkpoint": _checkpoint,
    "recipe": _recipe,
    "cohort": _cohort,
    "table": _table,
}
