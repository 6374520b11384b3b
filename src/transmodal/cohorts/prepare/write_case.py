"""Prepare one case: check, orient, mask, map, hash, and store it whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from transmodal.cohorts.case import EXTRA, Case
from transmodal.cohorts.faults import find_difference, list_damaged
from transmodal.cohorts.manifest import (
    ArrayEntry,
    CaseEntry,
    OriginEntry,
    RegionEntry,
    VolumeEntry,
    matrix,
    read_case,
    write_record,
)
from transmodal.cohorts.options import PrepareOptions, RegionKind
from transmodal.cohorts.prepare import validate
from transmodal.cohorts.quality.pair_notes import write_pairs
from transmodal.cohorts.quality.pairs import measure_pairs
from transmodal.cohorts.units import unit_of_values
from transmodal.errors import InputError, TransmodalError
from transmodal.modalities import modality_of
from transmodal.storage import durable, files
from transmodal.storage.arrays import npy
from transmodal.volumes import Volume
from transmodal.volumes.intensity import fit
from transmodal.volumes.regions.masks import Region, find_region

Regions = Mapping[tuple[str, RegionKind], NDArray[np.bool_]]


class StoredCase(NamedTuple):
    """A prepared case: its entry, and its modalities as they were stored."""

    entry: CaseEntry
    volumes: Mapping[str, Volume]


class PreparedRecord(NamedTuple):
    """A case as an earlier preparation left it.

    Attributes:
        entry: of the case; None where something of it is missing or damaged.
        damage: what is, such as `fa.npy`; empty where nothing is.
    """

    entry: CaseEntry | None
    damage: str = ""


def load_prepared(folder: Path, name: str, recorded: CaseEntry | None = None) -> PreparedRecord:
    """Return a case that is prepared already, every byte of it compared with its hash.

    Args:
        folder: the cohort's folder.
        name: the case's folder name.
        recorded: its entry in the manifest that there is; one of the two was changed where they differ.
    """
    place = folder / "cases" / name
    if not place.exists():
        return PreparedRecord(None)
    try:
        entry = read_case(place / "case.json")
    except TransmodalError:
        return PreparedRecord(None, "case.json")
    if entry.id != name or (recorded is not None and find_difference(entry, recorded)):
        return PreparedRecord(None, "case.json")
    damaged = list_damaged(folder, entry)
    if damaged:
        return PreparedRecord(None, ", ".join(Path(array.file).name for array in damaged))
    return PreparedRecord(entry)


def fingerprint(inputs: str, modalities: Mapping[str, object], options: PrepareOptions) -> str:
    """Return a hash of the inputs of a case and of the options that decide its arrays."""
    return files.sha256_text(f"{inputs!a}\n{options.fingerprint(tuple(sorted(modalities)))}")


def store(case: Case, inputs: str, folder: Path, name: str, options: PrepareOptions) -> StoredCase:
    """Check a case and write its folder, which appears whole or not at all.

    Where the case was prepared before, `cohort.json` is removed before the folder is replaced:
    it would describe arrays that are no longer there.

    Args:
        case: as it was loaded.
        inputs: the maker's fingerprint.
        folder: the cohort's folder.
        name: the case's folder name.
        options: what to compute.

    Raises:
        InputError: E103, E120 to E125, E130, E131 for a fault of the case.
    """
    case = validate.drop_rgb_channels(case)
    oriented, voxels = validate.check(case)
    units = {name: unit_of_values(name, voxels[name], options.intensity.get(name)) for name in case.volumes}
    final = folder / "cases" / name
    # Files that are written go to the disk while the pairs of contrasts are compared.
    with files.atomic_folder(final) as beside, durable.flushing() as flush:
        writer = _Writer(case, oriented, voxels, units, options, _Place(beside, name, flush))
        entry = writer.write(fingerprint(inputs, case.volumes, options))
        # Last: a folder without it is not prepared.
        write_record(beside / "case.json", entry)
        if final.exists():
            (folder / "cohort.json").unlink(missing_ok=True)
    for stale in folder.glob(f"working/*/{name}"):
        shutil.rmtree(stale, ignore_errors=True)
    return StoredCase(entry, writer.volumes)


class _Place(NamedTuple):
    """The folder that a case is written into before it takes its name, and the function that flushes a file to the disk."""

    beside: Path
    name: str
    flush: Callable[[Path], None]

    def write(self, name: str, voxels: NDArray[Any], origin: OriginEntry | None = None) -> ArrayEntry:
        """Write an array and return its entry."""
        path = self.beside / f"{name}.npy"
        digest = npy.put_npy(path, voxels)
        self.flush(path)
        file = f"cases/{self.name}/{path.name}"
        return ArrayEntry(file=file, dtype=voxels.dtype.str, shape=voxels.shape, sha256=digest, origin=origin)


class _Writer:
    """Writes one case's arrays, which need one another: maps are fitted in regions."""

    def __init__(
        self,
        case: Case,
        oriented: Mapping[str, Volume],
        voxels: Mapping[str, NDArray[Any]],
        units: Mapping[str, str],
        options: PrepareOptions,
        place: _Place,
    ) -> None:
        self._case = case
        self._voxels = voxels
        self._units = units
        self._options = options
        self._place = place
        self.volumes = {name: Volume(voxels[name], oriented[name].affine) for name in case.volumes}

    def write(self, fingerprint: str) -> CaseEntry:
        """Write every array and return the case's entry."""
        regions, region_entries = self._regions()
        modalities = sorted(self._case.volumes)
        mask, segmentation = (self._array(name) if name in self._voxels else None for name in EXTRA)
        return CaseEntry(
            id=self._place.name,
            patient=_text(self._case.patient),
            group=_text(self._case.group),
            affine=matrix(self.volumes[modalities[0]].affine),
            volumes={modality: self._volume(modality, regions) for modality in modalities},
            mask=mask,
            segmentation=segmentation,
            regions=tuple(region_entries),
            fingerprint=fingerprint,
            notes={**self._case.notes, **write_pairs(measure_pairs(self.volumes))},
        )

    def _regions(self) -> tuple[Regions, list[RegionEntry]]:
        masks: dict[tuple[str, RegionKind], NDArray[np.bool_]] = {}
        entries = []
        for modality, kinds in sorted(self._options.regions.items()):
            for kind in kinds if modality in self._case.volumes else ():
                computed = self._region(modality, kind)
                if not computed.mask.any():
                    raise InputError(
                        "E124", f"an empty {kind} region of {modality}", "a region with voxels", "Look at it."
                    )
                masks[modality, kind] = computed.mask
                array = self._place.write(f"region_{modality}_{kind}", computed.mask.astype(np.uint8))
                entries.append(
                    RegionEntry(**dict(array), modality=modality, kind=kind, method=computed.method)
                )
        return masks, entries

    def _region(self, modality: str, kind: RegionKind) -> Region:
        try:
            return find_region(self.volumes[modality], kind)
        except InputError as error:
            raise InputError(error.code, f"{modality}: {error.got}", error.expected, error.remedy) from error

    def _volume(self, modality: str, regions: Regions) -> VolumeEntry:
        voxels = self._voxels[modality]
        inside, fitted_in = self._inside(modality, regions)
        spec = self._options.intensity.get(modality, modality_of(modality).intensity)
        native = self._case.volumes[modality]
        array = self._array(modality)
        return VolumeEntry(
            **dict(array),
            content_sha256=files.sha256_array(voxels, np.float32)
            if voxels.dtype != np.float32
            else array.sha256,
            native_shape=native.grid.shape,
            native_affine=matrix(native.grid.affine),
            native_space=native.space,
            intensity=fit(spec, voxels, inside).to_json(),
            fitted_in=fitted_in,
            simulated=modality in self._case.simulated,
            unit=self._units[modality],
        )

    def _inside(self, modality: str, regions: Regions) -> tuple[NDArray[np.bool_] | None, str]:
        """Return the mask that a map is fitted in, and its name: own region, data set's mask, another's region, all."""
        own = [key for key in regions if key[0] == modality]
        if not own and "mask" in self._voxels:
            return self._voxels["mask"].view(np.bool_), "mask"  # 0 and 1 in a byte each
        for key in own or list(regions):
            return regions[key], f"{key[1]} of {key[0]}"
        return None, "whole"

    def _array(self, name: str) -> ArrayEntry:
        origin = self._case.origins.get(name)
        entry = None
        if origin is not None:
            # Records of a file's name hold no backslash, which would part folders elsewhere.
            file_name = _text(origin.name).replace("\\", "%") if self._options.record_names else ""
            entry = OriginEntry(name=file_name, sha256=origin.sha256)
        return self._place.write(name, self._voxels[name], entry)


def _text(name: str) -> str:
    """Return a name as JSON can hold it: bytes of a file name that are no UTF-8 are written out."""
    return name.encode(errors="surrogateescape").decode(errors="backslashreplace")
