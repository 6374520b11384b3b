"""Stacks of slices from image, .npy and .mat files: volumes as thick as there are slices, in real values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transmodal.cohorts.case import EXTRA, Case, Origin
from transmodal.cohorts.case_files import describe_reading
from transmodal.cohorts.layouts._slice_files import MATLAB, Slices, read
from transmodal.cohorts.prepare.validate import drop_rgb_channels
from transmodal.cohorts.quality.assumed_spacing import NOTE as ASSUMED
from transmodal.errors import InputError, UsageError
from transmodal.storage import files, streams
from transmodal.volumes import Volume
from transmodal.volumes.formats.nifti_affine import assumed_affine
from transmodal.volumes.reading import STRICT, Reading

ASSUMED_MM = 1.0
"""Spacing of columns, of rows and between slices where none is given."""


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

    @property
    def modalities(self) -> tuple[str, ...]:
        """Modalities of the case."""
        return tuple(modality for modality, _ in self.stacks)

    def fingerprint(self) -> str:
        """Return a hash of the files and of how they are taken.

        Raises:
            InputError: E100 when a file is not there.
        """
        parts = [
            (modality, piece.path.name, _sha256(piece.path), *piece[1:], *_axes(piece.path))
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


def _unify_kinds(planes: list[tuple[str, NDArray[Any]]]) -> list[tuple[str, NDArray[Any]]]:
    """Return planes of one kind where some of a grey stack are stored as grey and others as RGB.

    Whether RGB is grey is seen in the whole of a stack: a slice of one in colour can be black.
    """
    kinds = {plane.ndim for _, plane in planes}
    all_grey = all(plane.ndim == 2 or bool((plane == plane[..., :1]).all()) for _, plane in planes)
    if len(kinds) == 1 or not all_grey:
        return planes
    return [(name, np.stack([plane] * 3, axis=-1) if plane.ndim == 2 else plane) for name, plane in planes]


def _axes(path: Path) -> tuple[str, ...]:
    """Return the order in which a .mat file's axes are taken: cases that were prepared transposed are prepared again."""
    return ("rows x columns",) if path.suffix.lower() == MATLAB else ()


def _sha256(path: Path) -> str:
    with streams.guarded(path.name, "slice"):
        return _cached_sha256(path, path.stat().st_mtime_ns, path.stat().st_size)


@lru_cache(maxsize=4096)
def _cached_sha256(path: Path, _modified: int, _size: int) -> str:
    return files.sha256_file(path)


def _size(plane: NDArray[Any]) -> str:
    return " x ".join(map(str, plane.shape))
