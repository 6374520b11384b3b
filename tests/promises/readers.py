"""Readers under test: ours for every format, and those that people use today for images."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from promises.entries import Image
from transmodal import checkpoint, translators
from transmodal.cohorts.store import Cohort
from transmodal.recipes import load as recipes
from transmodal.storage import tables
from transmodal.volumes import io
from transmodal.volumes.formats import raster

Read = Callable[[Path], object]

IMAGES = ("nifti", "metaimage", "dicom", "picture")
FORMATS = (*IMAGES, "checkpoint", "recipe", "cohort", "table")
OURS = "transmodal"
_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def read_ours(format_name: str, path: Path) -> object:
    """Read a file as users do, through the one door for its format."""
    return _OURS[format_name](path)


def read_weights(path: Path) -> dict[str, object]:
    """Read the weights of a checkpoint, without building the translator of its settings."""
    return {name: tensor.numpy() for name, tensor in checkpoint.load(path, optimizers=True).weights.items()}


def peers() -> Mapping[str, Mapping[str, Read]]:
    """Return the readers of others that are installed, by name and format; each reads only what it says it can."""
    readers: dict[str, Mapping[str, Read]] = {
        "nibabel": {"nifti": _nibabel},
        "SimpleITK": dict.fromkeys(IMAGES, _simpleitk),
    }
    if importlib.util.find_spec("monai"):
        readers["MONAI"] = dict.fromkeys(IMAGES, _monai)
    if importlib.util.find_spec("torchio"):
        readers["torchio"] = dict.fromkeys(IMAGES, _torchio)
    return readers


def _image(path: Path) -> Image:
    volume = io.read(path)
    return Image(volume.voxels, volume.affine)


def _checkpoint(path: Path) -> dict[str, object]:
    """Return the weights of the translator that is built, by name, with where training stands."""
    content = checkpoint.load(path, optimizers=True)
    translator = translators.build(content.recipe.translator, content.translator_config)
    checkpoint.restore_weights(translator, content)
    weights = {name: tensor.numpy() for name, tensor in translator.state_dict().items()}
    return {"recipe": content.recipe, "state": content.state, "cohort": content.cohort, **weights}


def _cohort(path: Path) -> dict[str, object]:
    """Return every array of every case, as training touches them."""
    cohort = Cohort.open(path)
    arrays: dict[str, object] = {}
    for case in cohort.cases():
        for modality in case.modalities:
            volume = case.volume(modality)
            case.intensity(modality), case.native_grid(modality)
            arrays[f"{case.id} {modality}"] = np.asarray(volume.voxels)
            arrays[f"{case.id} {modality} affine"] = volume.affine
    return arrays


def _nibabel(path: Path) -> Image:
    import nibabel as nib

    image = nib.load(path)
    return Image(np.asanyarray(image.dataobj), np.asarray(image.affine))


def _simpleitk(path: Path) -> Image:
    import SimpleITK as sitk  # noqa: N813  (the field's name for it)

    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    if path.is_dir():
        reader = sitk.ImageSeriesReader()
        reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(path)))
        image = reader.Execute()
    else:
        image = sitk.ReadImage(str(path))
    voxels = sitk.GetArrayFromImage(image)
    n_axes = image.GetDimension()
    voxels = np.moveaxis(voxels, list(range(n_axes)), list(range(n_axes))[::-1])
    affine = np.eye(4)
    if n_axes == 3:
        affine[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
        affine[:3, 3] = image.GetOrigin()
    return Image(voxels, _LPS @ affine)


def _monai(path: Path) -> Image:
    from monai.transforms import LoadImage

    image = LoadImage(image_only=True)(str(path))
    return Image(image.numpy(), np.asarray(image.affine, dtype=float))


def _torchio(path: Path) -> Image:
    import torchio

    image = torchio.ScalarImage(path)
    return Image(_last(image.data.numpy()), np.asarray(image.affine, dtype=float))


def _last(voxels: NDArray[Any]) -> NDArray[Any]:
    """Return voxels with their channels, which torchio has first, last; one channel is none."""
    return voxels[0] if len(voxels) == 1 else np.moveaxis(voxels, 0, -1)


_OURS: Mapping[str, Read] = {
    **dict.fromkeys(("nifti", "metaimage", "dicom"), _image),
    "picture": lambda path: Image(raster.read(path, assume_orientation="LPS").voxels, None),
    "checkpoint": _checkpoint,
    "recipe": recipes.load,
    "cohort": _cohort,
    "table": tables.read,
}
