"""Prepare one case: check, orient, mask, map, hash, and store it whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from transmodal.cohorts.case import EXTRA, MODALITY, Case
from transmodal.cohorts.doubts import notes_of
from transmodal.cohorts.manifest import (
    ArrayEntry,
    CaseEntry,
    OriginEntry,
    PrepareOptions,
    RegionEntry,
    RegionKind,
    VolumeEntry,
    matrix,
)
from transmodal.errors import InputError, TransmodalError
from transmodal.volumes import Volume, files
from transmodal.volumes.geometry import reorient
from transmodal.volumes.intensity import fit, spec_for
from transmodal.volumes.masks import Region, region

Regions = Mapping[tuple[str, RegionKind], NDArray[np.bool_]]


def standing(folder: Path, name: str) -> CaseEntry | None:
    """Return the entry of a case that is prepared already; None where something is missing.

    Args:
        folder: the cohort's folder.
        name: the case's folder name.
    """
    try:
        entry = CaseEntry.model_validate(files.read_json(folder / "cases" / name / "case.json"))
        arrays = [(one, files.read_npy(folder / one.file)) for one in entry.arrays()]
    except (ValidationError, TransmodalError):
        return None
    whole = all((array.dtype.str, array.shape) == (one.dtype, one.shape) for one, array in arrays)
    return entry if whole and entry.id == name else None


def fingerprint(inputs: str, modalities: Mapping[str, object], options: PrepareOptions) -> str:
    """Return a hash of the inputs of a case and of the options that decide its arrays."""
    return files.sha256_text(f"{inputs!a}\n{options.fingerprint(tuple(sorted(modalities)))}")


def store(case: Case, inputs: str, folder: Path, name: str, options: PrepareOptions) -> CaseEntry:
    """Check a case and write its folder, which appears whole or not at all.

    Where an older preparation of the case stands, `cohort.json` goes before the folder is replaced:
    it would describe arrays that are no longer there.

    Args:
        case: what was loaded.
        inputs: the maker's fingerprint.
        folder: the cohort's folder.
        name: the case's folder name.
        options: what to compute.

    Raises:
        InputError: E103, E120 to E124, E130, E131 for what is wrong with the case.
    """
    oriented, voxels = check(case)
    final = folder / "cases" / name
    with files.atomic_folder(final) as beside:
        writer = _Writer(case, oriented, voxels, options)
        entry = writer.write(beside, name, fingerprint(inputs, case.volumes, options))
        # Last: a folder without it is not prepared.
        files.write_json(beside / "case.json", entry.model_dump(mode="json"))
        if final.exists():
            (folder / "cohort.json").unlink(missing_ok=True)
    for stale in folder.glob(f"working/*/{name}"):
        shutil.rmtree(stale, ignore_errors=True)
    return entry


def check(case: Case) -> tuple[dict[str, Volume], dict[str, NDArray[Any]]]:
    """Return a case's volumes in the closest RAS orientation, and their voxels as they are stored.

    Raises:
        InputError: as `store`.
    """
    oriented = _oriented(case)
    _check_one_grid(oriented)
    return oriented, {what: _checked(what, volume) for what, volume in oriented.items()}


class _Writer:
    """Writes one case's arrays and keeps what they need from one another."""

    def __init__(
        self,
        case: Case,
        oriented: Mapping[str, Volume],
        voxels: Mapping[str, NDArray[Any]],
        options: PrepareOptions,
    ) -> None:
        self._case = case
        self._oriented = oriented
        self._voxels = voxels
        self._options = options

    def write(self, beside: Path, name: str, fingerprint: str) -> CaseEntry:
        """Write every array into `beside` and return the case's entry."""
        regions, region_entries = self._regions(beside, name)
        modalities = sorted(self._case.volumes)
        mask, segmentation = (
            self._array(beside, name, what) if what in self._voxels else None for what in EXTRA
        )
        return CaseEntry(
            id=name,
            patient=_text(self._case.patient),
            group=_text(self._case.group),
            affine=matrix(self._oriented[modalities[0]].affine),
            volumes={modality: self._volume(beside, name, modality, regions) for modality in modalities},
            mask=mask,
            segmentation=segmentation,
            regions=tuple(region_entries),
            fingerprint=fingerprint,
            notes={**self._case.notes, **notes_of(self._prepared())},
        )

    def _prepared(self) -> dict[str, Volume]:
        return {
            modality: Volume(self._voxels[modality], self._oriented[modality].affine)
            for modality in self._case.volumes
        }

    def _regions(self, beside: Path, name: str) -> tuple[Regions, list[RegionEntry]]:
        found: dict[tuple[str, RegionKind], NDArray[np.bool_]] = {}
        entries = []
        for modality, kinds in sorted(self._options.regions.items()):
            for kind in kinds if modality in self._case.volumes else ():
                one = self._region(modality, kind)
                if not one.mask.any():
                    raise InputError(
                        "E124", f"an empty {kind} region of {modality}", "a region with voxels", "Look at it."
                    )
                found[modality, kind] = one.mask
                array = _write(beside, name, f"region_{modality}_{kind}", one.mask.astype(np.uint8))
                entries.append(RegionEntry(**dict(array), modality=modality, kind=kind, method=one.method))
        return found, entries

    def _region(self, modality: str, kind: RegionKind) -> Region:
        try:
            return region(Volume(self._voxels[modality], self._oriented[modality].affine), kind)
        except InputError as error:
            raise InputError(error.code, f"{modality}: {error.got}", error.expected, error.remedy) from error

    def _volume(self, beside: Path, name: str, modality: str, regions: Regions) -> VolumeEntry:
        voxels = self._voxels[modality]
        inside, where = self._inside(modality, regions)
        spec = self._options.intensity.get(modality, spec_for(modality))
        native = self._case.volumes[modality].grid
        array = self._array(beside, name, modality)
        return VolumeEntry(
            **dict(array),
            content_sha256=files.sha256_array(voxels, np.float32)
            if voxels.dtype != np.float32
            else array.sha256,
            native_shape=native.shape,
            native_affine=matrix(native.affine),
            intensity=fit(spec, voxels, inside).to_json(),
            fitted_in=where,
            simulated=modality in self._case.simulated,
        )

    def _inside(self, modality: str, regions: Regions) -> tuple[NDArray[np.bool_] | None, str]:
        """Return where intensities are looked at: own region, data set's mask, another's region, all."""
        own = [key for key in regions if key[0] == modality]
        if not own and "mask" in self._voxels:
            return self._voxels["mask"] > 0, "mask"
        for key in own or list(regions):
            return regions[key], f"{key[1]} of {key[0]}"
        return None, "whole"

    def _array(self, beside: Path, name: str, what: str) -> ArrayEntry:
        origin = self._case.origins.get(what)
        entry = None
        if origin is not None:
            named = _text(origin.name) if self._options.record_names else ""
            entry = OriginEntry(name=named, sha256=origin.sha256)
        return _write(beside, name, what, self._voxels[what], entry)


def _write(
    beside: Path, name: str, what: str, voxels: NDArray[Any], origin: OriginEntry | None = None
) -> ArrayEntry:
    digest = files.write_npy(beside / f"{what}.npy", voxels)
    file = f"cases/{name}/{what}.npy"
    return ArrayEntry(file=file, dtype=voxels.dtype.str, shape=voxels.shape, sha256=digest, origin=origin)


def _text(name: str) -> str:
    """Return a name as JSON can hold it: bytes of a file name that are no UTF-8 are written out."""
    return name.encode(errors="surrogateescape").decode(errors="backslashreplace")


def _oriented(case: Case) -> dict[str, Volume]:
    if not case.volumes:
        raise InputError("E131", "no volume", "one or more", "Check the case's folder.")
    for modality in case.volumes:
        if not MODALITY.fullmatch(modality):
            raise InputError(
                "E103", f"a modality called {modality!r}", "a name such as t1 or flair", "Rename the file."
            )
    extra = [(what, volume) for what, volume in zip(EXTRA, (case.mask, case.segmentation), strict=True)]
    given = {what: volume for what, volume in [*sorted(case.volumes.items()), *extra] if volume is not None}
    for what, volume in given.items():
        _check_numbers(what, volume)
    return {what: reorient(volume) for what, volume in given.items()}


def _check_one_grid(volumes: Mapping[str, Volume]) -> None:
    (first, one), *others = volumes.items()
    for other, volume in others:
        if not volume.grid.same_as(one.grid):
            apart = np.linalg.norm(one.grid.corners() - volume.grid.corners(), axis=1).max()
            raise InputError(
                "E130",
                f"{other} {_grid_text(volume)} and {first} {_grid_text(one)}, corners up to {apart:.3g} mm apart",
                "volumes of a case on one grid",
                "Register or resample them onto the target's grid first.",
            )


def _grid_text(volume: Volume) -> str:
    spacing = " x ".join(f"{mm:.3g}" for mm in volume.spacing)
    return f"({' x '.join(map(str, volume.grid.shape))} of {spacing} mm)"


def _check_numbers(what: str, volume: Volume) -> None:
    voxels = volume.voxels
    if voxels.dtype.kind not in "biuf" or (volume.is_colour and voxels.dtype != np.uint8):
        wanted = "uint8 sRGB" if volume.is_colour else "integers or real numbers"
        raise InputError("E123", f"{what} of type {voxels.dtype}", wanted, "Convert the image.")
    if voxels.dtype.kind == "f" and not np.isfinite(voxels).all():
        bad = np.argwhere(~np.isfinite(voxels))
        first = tuple(int(index) for index in bad[0])
        raise InputError(
            "E120",
            f"{what} has {len(bad)} voxels that are not finite, the first at {first}",
            "numbers",
            "Repair the image.",
        )


def _checked(what: str, volume: Volume) -> NDArray[Any]:
    """Return the voxels as they are stored, or refuse them."""
    voxels = volume.voxels
    if what in EXTRA and volume.is_colour:
        raise InputError("E122", f"{what} is in colour", "a grey image", "Give another image.")
    if what == "mask":
        return _as_mask(voxels)
    if what == "segmentation":
        return _as_labels(voxels)
    if voxels.min() == voxels.max():
        raise InputError(
            "E124", f"{what} is {voxels.min():g} everywhere", "an image with content", "Check the file."
        )
    return _as_kept(what, voxels)


def _as_kept(what: str, voxels: NDArray[Any]) -> NDArray[Any]:
    if voxels.dtype == np.bool_:
        return voxels.astype(np.uint8)
    if voxels.dtype.kind == "f" and voxels.dtype.itemsize > 4:
        if float(np.abs(voxels).max()) > float(np.finfo(np.float32).max):
            raise InputError("E123", f"{what} beyond float32", "values up to 3.4e38", "Rescale the image.")
        return voxels.astype(np.float32)
    return voxels.astype(voxels.dtype.newbyteorder("="), copy=False)


def _as_mask(voxels: NDArray[Any]) -> NDArray[np.uint8]:
    inside = voxels != 0
    if not inside.any():
        raise InputError("E124", "an empty mask", "a mask with voxels", "Check the file.")
    values = voxels[inside]
    if values.min() != values.max():
        raise InputError(
            "E123",
            f"a mask with values from {values.min():g} to {values.max():g}",
            "0 and one other value",
            "Threshold it; labels belong into segmentation.",
        )
    kept: NDArray[np.uint8] = inside.astype(np.uint8)
    return kept


def _as_labels(voxels: NDArray[Any]) -> NDArray[Any]:
    low, high = float(voxels.min()), float(voxels.max())
    if voxels.dtype.kind == "f" and not np.array_equal(voxels, np.rint(voxels)):
        raise InputError("E123", "a segmentation with fractions", "integer labels", "Check the file.")
    for kind in (np.uint8, np.int16, np.int32):
        if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
            return voxels.astype(kind)
    raise InputError(
        "E123", f"labels from {low:g} to {high:g}", "labels that 32 bits hold", "Number them anew."
    )
