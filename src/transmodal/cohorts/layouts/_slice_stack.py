"""Stacks of slices from image, .npy and .mat files: volumes as thick as there are slices, in real values."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from transmodal.cohorts.case import EXTRA, Case, Origin
from transmodal.cohorts.case_files import describe_reading
from transmodal.cohorts.prepare.validate import drop_rgb_channels
from transmodal.cohorts.quality.assumed_spacing import NOTE as ASSUMED
from transmodal.errors import InputError, ResourceError, UsageError
from transmodal.storage import files, placeholders, streams
from transmodal.volumes import Volume, io
from transmodal.volumes.formats import raster
from transmodal.volumes.formats.nifti_affine import assumed_affine
from transmodal.volumes.reading import STRICT, Reading

PICTURES = raster.SUFFIXES
ARRAYS = (".npy", ".mat")
"""Files of arrays that hold slices: one, or many along the first axis."""

ASSUMED_MM = 1.0
"""Spacing of columns, of rows and between slices where none is given."""

Part = Literal["whole", "left", "right"]


class Slices(NamedTuple):
    """Slices of one file.

    Attributes:
        path: a picture or an array.
        part: of a picture: the whole, or the half of one that holds two side by side.
        first: of an array: the first slice.
        last: of an array: the one after the last; 0 for a file with one slice.
    """

    path: Path
    part: Part = "whole"
    first: int = 0
    last: int = 0


@dataclass(frozen=True, slots=True)
class SliceStack:
    """One case made of slices; a `CaseMaker`.

    Nothing in such files tells where the slices lie. Unless `reading` says it, they are taken for axial ones as
    radiologists look at them, anterior at the top and the patient's right at the left.

    Attributes:
        id: name of the case.
        patient: whose it is.
        stacks: slices by modality, `mask` and `segmentation`, in order.
        spacing_mm: of rows, of columns, and between slices; None where it is not given: it is assumed to be
            `ASSUMED_MM` then, and the case's notes say so.
        reading: what becomes of values that are not finite, and how slices lie where that is said.
        group: as in `Case`.
    """

    id: str
    patient: str
    stacks: tuple[tuple[str, tuple[Slices, ...]], ...]
    spacing_mm: tuple[float, float, float] | None = None
    reading: Reading = STRICT
    group: str = ""

    def fingerprint(self) -> str:
        """Return a hash of the files and of how they are taken.

        Raises:
            InputError: E100 when a file is not there.
        """
        parts = [
            (modality, piece.path.name, _sha256(piece.path), *piece[1:])
            for modality, slices in self.stacks
            for piece in slices
        ]
        about = (self.id, self.patient, *([self.group] if self.group else []), self.spacing_mm)
        return files.sha256_text(ascii((*about, parts, *describe_reading(self.reading))))

    def load(self) -> Case:
        """Read the slices.

        Raises:
            InputError: E100 to E102 for files, E121 for arrays of other dimensions, E130 when the slices of
                the case differ in size or number.
            ResourceError: E401 beyond the budget, E402, E403, E404 for a .mat file of version 7.3 without h5py.
        """
        volumes = {name: self._volume(slices) for name, slices in self.stacks}
        origins = {
            name: Origin(
                slices[0].path.name, files.sha256_text(ascii([_sha256(piece.path) for piece in slices]))
            )
            for name, slices in self.stacks
        }
        notes = {} if self.spacing_mm else {ASSUMED: ASSUMED_MM}
        case = Case(
            self.id,
            self.patient,
            {name: volume for name, volume in volumes.items() if name not in EXTRA},
            volumes.get("mask"),
            volumes.get("segmentation"),
            group=self.group,
            origins=origins,
            notes=notes,
        )
        return drop_rgb_channels(case)

    def _volume(self, slices: Sequence[Slices]) -> Volume:
        planes = _unify_kinds(
            [(piece.path.name, plane) for piece in slices for plane in read(piece, self.reading)]
        )
        (first, reference), *remaining = planes
        for name, plane in remaining:
            if plane.shape != reference.shape:
                raise InputError(
                    "E130",
                    f"{name} of {_size(plane)} beside {first} of {_size(reference)}",
                    "slices of one size within a case",
                    "Pad or crop them to one size, or tell the patients apart: --with patient=PATTERN.",
                )
        stack = np.stack([plane.swapaxes(0, 1) for _, plane in planes], axis=2)
        spacing = np.array(self.spacing_mm or [ASSUMED_MM] * 3)
        if self.reading.assume_orientation is not None:
            shape = (stack.shape[0], stack.shape[1], stack.shape[2])
            return Volume(stack, assumed_affine(spacing, shape, self.reading.assume_orientation))
        # Columns run to the patient's left, rows to the back.
        return Volume(stack, np.diag([*(spacing * (-1, -1, 1)), 1.0]))


def spacing_of(words: Sequence[str]) -> tuple[float, float, float] | None:
    """Return the spacing of columns, of rows and between slices that one or two words say; None for no word.

    Raises:
        UsageError: E001 for other words.
    """
    if not words:
        return None
    try:
        within, between = float(words[0]), float(words[-1])
        if not (0 < within < 1000 and 0 < between < 1000) or len(words) > 2:
            raise ValueError(words)
    except ValueError as error:
        raise UsageError(
            "E001", f"spacing_mm={','.join(words)}", "one or two numbers of mm", "Correct it."
        ) from error
    return within, within, between


def read(slices: Slices, reading: Reading = STRICT) -> list[NDArray[Any]]:
    """Return the planes of a file, `(rows, columns)`, or `(rows, columns, 3)` uint8 for colour.

    No value changes but those that are not finite, where `reading` takes them as 0.

    Raises:
        InputError, ResourceError: as `SliceStack.load`.
    """
    path = slices.path
    with streams.guarded(path.name, "slice"):
        if path.suffix.lower() in PICTURES:
            return [_half(_picture(path, reading), slices.part)]
        stack = _stack(path)
        planes = np.array(stack[slices.first : slices.last or len(stack)])
        if reading.nonfinite == "zero" and planes.dtype.kind == "f":
            planes = np.nan_to_num(planes, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
        return list(planes)


def count(path: Path) -> int:
    """Return how many slices a file holds.

    Raises:
        InputError, ResourceError: as `SliceStack.load`.
    """
    if path.suffix.lower() in PICTURES:
        return 1
    with streams.guarded(path.name, "slice"):
        return len(_stack(path))


def _picture(path: Path, reading: Reading) -> NDArray[Any]:
    # A place in space is needed to read one and does not matter here: the stack gets its own.
    volume = io.read(path, Reading(nonfinite=reading.nonfinite, assume_orientation="LPS"))
    plane: NDArray[Any] = volume.voxels[:, :, 0].swapaxes(0, 1)
    return plane


def _half(picture: NDArray[Any], part: Part) -> NDArray[Any]:
    if part == "whole":
        return picture
    middle, odd = divmod(picture.shape[1], 2)
    if odd:
        raise InputError(
            "E103", f"a width of {picture.shape[1]}", "two halves side by side", "Take this picture out."
        )
    return picture[:, :middle] if part == "left" else picture[:, middle:]


def _unify_kinds(planes: list[tuple[str, NDArray[Any]]]) -> list[tuple[str, NDArray[Any]]]:
    """Return planes of one kind where some of a grey stack are stored as grey and others as RGB.

    Whether RGB is grey is seen in the whole of a stack: a slice of one in colour can be black.
    """
    kinds = {plane.ndim for _, plane in planes}
    all_grey = all(plane.ndim == 2 or bool((plane == plane[..., :1]).all()) for _, plane in planes)
    if len(kinds) == 1 or not all_grey:
        return planes
    return [(name, np.stack([plane] * 3, axis=-1) if plane.ndim == 2 else plane) for name, plane in planes]


def _stack(path: Path) -> NDArray[Any]:
    """Return slices along the first axis; of .npy the file is mapped, not read."""
    placeholders.refuse(path)
    stack = (
        _matlab(path) if path.suffix.lower() == ".mat" else np.load(path, mmap_mode="r", allow_pickle=False)
    )
    if stack.ndim == 2:
        stack = stack[None]
    if stack.ndim != 3:
        raise InputError(
            "E121",
            f"{path.name} of shape {stack.shape}",
            "one slice, or slices along the first axis",
            "Split it.",
        )
    return stack


def _matlab(path: Path) -> NDArray[Any]:
    """Return the one array of a .mat file, or `data_fs`, as MATLAB's h5 files show it: slices first."""
    from scipy.io import loadmat

    streams.check_budget(path.name, path.stat().st_size, streams.BUDGET_BYTES)
    try:
        content: dict[str, Any] = loadmat(path)
    except NotImplementedError:  # version 7.3, which is HDF5
        content = _hdf5(path)
    else:
        content = {name: np.asarray(value).T for name, value in content.items() if not name.startswith("__")}
    arrays = {name: value for name, value in content.items() if getattr(value, "ndim", 0) in (2, 3)}
    if "data_fs" not in arrays and len(arrays) != 1:
        names = ", ".join(sorted(arrays)) or "no array"
        raise InputError(
            "E103", f"{path.name} with {names}", "one array, or data_fs", "Save the slices alone."
        )
    array: NDArray[Any] = arrays.get("data_fs", next(iter(arrays.values())))
    return array


def _hdf5(path: Path) -> dict[str, Any]:
    try:
        h5py = importlib.import_module("h5py")
    except ImportError as error:
        raise ResourceError(
            "E404",
            f"{path.name} is a .mat file of version 7.3",
            "h5py to read it",
            "pip install 'transmodal[matlab]'",
        ) from error
    with h5py.File(path, "r") as opened:
        return {name: np.asarray(opened[name]) for name in opened if hasattr(opened[name], "shape")}


def _sha256(path: Path) -> str:
    with streams.guarded(path.name, "slice"):
        return _cached_sha256(path, path.stat().st_mtime_ns, path.stat().st_size)


@lru_cache(maxsize=4096)
def _cached_sha256(path: Path, _modified: int, _size: int) -> str:
    return files.sha256_file(path)


def _size(plane: NDArray[Any]) -> str:
    return " x ".join(map(str, plane.shape))
