"""A prepared cohort, opened: memory-mapped volumes on the canonical or on a working grid."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transmodal.cohorts.aliases import renaming
from transmodal.cohorts.manifest import ArrayEntry, CaseEntry, Manifest, RegionKind, read_manifest
from transmodal.cohorts.split.split import Split, check_leaks, read_split
from transmodal.cohorts.units import own_units
from transmodal.errors import InputError, IntegrityError, ResourceError, suggest
from transmodal.storage import files
from transmodal.volumes import Grid, Volume
from transmodal.volumes.geometry.reorient import How, resample, working_grid
from transmodal.volumes.intensity import IntensityMap
from transmodal.volumes.regions.masks import region

_log = logging.getLogger(__name__)


class PreparedCase:
    """One case of a cohort; arrays are mapped when they are asked for, and read-only."""

    def __init__(self, folder: Path, entry: CaseEntry) -> None:
        self._folder = folder
        self.entry = entry

    @property
    def folder(self) -> Path:
        """The cohort's folder."""
        return self._folder

    @property
    def id(self) -> str:
        """Name of the case."""
        return self.entry.id

    @property
    def patient(self) -> str:
        """Whose case it is."""
        return self.entry.patient

    @property
    def modalities(self) -> tuple[str, ...]:
        """The modalities that the case has."""
        return tuple(self.entry.volumes)

    @property
    def grid(self) -> Grid:
        """The canonical grid that the case's arrays share."""
        first = next(iter(self.entry.volumes.values()))
        return Grid((first.shape[0], first.shape[1], first.shape[2]), np.array(self.entry.affine))

    def volume(self, modality: str, spacing_mm: float | None = None) -> Volume:
        """Return a modality in real units, closest to RAS.

        Args:
            modality: which.
            spacing_mm: spacing of the working grid; made once and kept beside the cohort. None: as prepared.

        Raises:
            InputError: E131 when the case lacks the modality.
        """
        entry = self.entry.volumes.get(modality)
        if entry is None:
            raise InputError(
                "E131",
                f"case {self.id} has {', '.join(sorted(self.entry.volumes))}",
                f"{modality}",
                "Prepare the cohort with that modality, or choose another recipe.",
            )
        return self._on_grid(entry, spacing_mm, "linear")

    def mask(self, spacing_mm: float | None = None) -> NDArray[np.bool_] | None:
        """Return the data set's mask, or None."""
        return None if self.entry.mask is None else self._flags(self.entry.mask, spacing_mm)

    def segmentation(self, spacing_mm: float | None = None) -> NDArray[np.integer[Any]] | None:
        """Return the data set's labels, or None."""
        if self.entry.segmentation is None:
            return None
        labels: NDArray[np.integer[Any]] = self._on_grid(
            self.entry.segmentation, spacing_mm, "nearest"
        ).voxels
        return labels

    def region(self, modality: str, kind: RegionKind, spacing_mm: float | None = None) -> NDArray[np.bool_]:
        """Return the mask that `prepare` computed from a source; `whole` is all ones.

        Raises:
            InputError: E131 when it was not prepared.
        """
        if kind == "whole":
            return np.ones(working_grid(self.grid, spacing_mm).shape, dtype=bool)
        for entry in self.entry.regions:
            if (entry.modality, entry.kind) == (modality, kind):
                return self._flags(entry, spacing_mm)
        raise InputError(
            "E131",
            f"case {self.id} without a {kind} region of {modality}",
            f"a cohort prepared with --region {modality}={kind}",
            f"Prepare the cohort again with --region {modality}={kind}.",
        )

    def computed_region(
        self, modality: str, kind: RegionKind, spacing_mm: float | None = None
    ) -> NDArray[np.bool_]:
        """Return a region of a modality: as prepared, else computed now and kept beside the cohort.

        Args:
            modality: in which it lies; colour is looked at as the mean of its channels.
            kind: what it covers.
            spacing_mm: of the working grid; None: as prepared.

        Raises:
            InputError: E131 when the case lacks the modality, E124 and E112 when nothing is found.
        """
        is_prepared = any((one.modality, one.kind) == (modality, kind) for one in self.entry.regions)
        if is_prepared or kind == "whole":
            return self.region(modality, kind, spacing_mm)
        volume = self.volume(modality)
        digest = self.entry.volumes[modality].sha256[:32]
        path = self._folder / "working" / "regions-1" / self.id / f"{digest}-{kind}.npy"
        flags = _mapped(path, self.grid.shape, np.dtype(np.uint8))
        if flags is None:
            grey = volume.voxels.mean(axis=-1, dtype=np.float32) if volume.is_colour else volume.voxels
            flags = region(Volume(grey, volume.affine), kind).mask.astype(np.uint8)
            if not flags.any():
                raise InputError(
                    "E124", f"an empty {kind} of {modality}", "a region with voxels", "Look at the image."
                )
            # Where the cohort can only be read, it is computed anew by every process.
            with suppress(ResourceError):
                _make(path, flags)
        grid = working_grid(self.grid, spacing_mm)
        if grid != self.grid:
            flags = resample(Volume(flags, self.grid.affine), grid, how="nearest").voxels
        inside: NDArray[np.bool_] = flags.view(np.bool_)
        return inside

    def native_grid(self, modality: str) -> Grid:
        """Return the grid that the modality came on."""
        self.volume(modality)
        return self.entry.volumes[modality].native_grid

    def intensity(self, modality: str) -> IntensityMap:
        """Return the intensity map that `prepare` fitted."""
        self.volume(modality)
        return self.entry.volumes[modality].intensity_map

    def _flags(self, entry: ArrayEntry, spacing_mm: float | None) -> NDArray[np.bool_]:
        # Stored as 0 and 1 in a byte each, which is what a bool is: no copy.
        flags: NDArray[np.bool_] = self._on_grid(entry, spacing_mm, "nearest").voxels.view(np.bool_)
        return flags

    def _on_grid(self, entry: ArrayEntry, spacing_mm: float | None, how: How) -> Volume:
        if spacing_mm is None:
            return self._prepared(entry)
        grid = working_grid(self.grid, spacing_mm)
        if grid == self.grid:
            return self._prepared(entry)
        # Named by what it is made from: an array of another preparation is never taken for it.
        kept = self._folder / "working" / f"{float(spacing_mm)!r}mm" / self.id / f"{entry.sha256[:32]}.npy"
        is_colour = len(entry.shape) == 4
        dtype = np.dtype(entry.dtype if how == "nearest" or is_colour else np.float32)
        shape = (*grid.shape, 3) if is_colour else grid.shape
        voxels = _mapped(kept, shape, dtype)
        if voxels is None:
            _make(kept, _resampled(self._prepared(entry), grid, how, dtype))
            voxels = files.read_npy(kept)
        return Volume(voxels, grid.affine)

    def _prepared(self, entry: ArrayEntry) -> Volume:
        path = self._folder / entry.file
        voxels = _mapped(path, entry.shape, np.dtype(entry.dtype))
        if voxels is None:
            raise IntegrityError(
                "E501",
                f"{entry.file} is missing, truncated or of another shape",
                f"{entry.shape} of {entry.dtype}",
                "Prepare the cohort again: what is whole is kept.",
            )
        return Volume(voxels, self.grid.affine)


def _renamed(case: CaseEntry, renamed: Mapping[str, str]) -> CaseEntry:
    return case.model_copy(
        update={
            "volumes": {renamed.get(name, name): one for name, one in case.volumes.items()},
            "regions": tuple(
                one.model_copy(update={"modality": renamed.get(one.modality, one.modality)})
                for one in case.regions
            ),
        }
    )


def _mapped(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any] | None:
    try:
        voxels = files.read_npy(path)
    except InputError:
        return None
    return voxels if (voxels.shape, voxels.dtype) == (shape, dtype) else None


def _resampled(volume: Volume, grid: Grid, how: How, dtype: np.dtype[Any]) -> NDArray[Any]:
    moved = resample(volume, grid, how=how).voxels
    if volume.is_colour:
        moved = np.clip(np.rint(moved), 0, 255)
    return moved.astype(dtype, copy=False)


def _make(path: Path, voxels: NDArray[Any]) -> None:
    """Write an array that other processes may be making too: each writes it whole, the last stays."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResourceError(
            "E403",
            f"cannot make {path.parent}: {error.strerror}",
            "a cohort folder that can be written",
            "Resampled arrays are kept there: copy the cohort to where you may write.",
        ) from error
    files.write_npy(path, voxels)


class Cohort:
    """A prepared cohort: its manifest, its split, its cases."""

    def __init__(
        self, folder: Path, manifest: Manifest, split: Split, *, recorded: Manifest | None = None
    ) -> None:
        self.folder = folder
        self.manifest = manifest
        self.split = split
        self._recorded = recorded or manifest

    @staticmethod
    def open(folder: Path) -> Cohort:
        """Open a prepared cohort.

        Raises:
            InputError: E133 when the folder is none, E135 when its split leaks.
        """
        folder = Path(folder)
        missing = [name for name in ("cohort.json", "split.json") if not (folder / name).is_file()]
        if missing:
            begun = (folder / "cases").is_dir()
            raise InputError(
                "E133",
                f"{folder} without {' and '.join(missing)}",
                "a prepared cohort",
                "Its preparation was interrupted: run it again, it goes on."
                if begun
                else "Prepare it: transmodal prepare --help.",
            )
        manifest, split = read_manifest(folder / "cohort.json"), read_split(folder / "split.json")
        check_leaks(manifest, split)
        return Cohort(folder, manifest, split)

    @property
    def modalities(self) -> tuple[str, ...]:
        """Every modality that some case has."""
        return self.manifest.modalities

    def units(self) -> Mapping[str, str]:
        """Return the unit of each modality whose values are not in the modality's own."""
        return own_units(self.manifest.cases)

    def cases(self, split: str | None = None) -> list[PreparedCase]:
        """Return the cases of `train`, `validation` or `test`; all of them for None."""
        wanted = None if split is None else set(self.split.ids(split))
        return [
            PreparedCase(self.folder, entry)
            for entry in self.manifest.cases
            if wanted is None or entry.id in wanted
        ]

    def case(self, id: str) -> PreparedCase:  # noqa: A002 - a case's id is its id
        """Return one case.

        Raises:
            InputError: E132 when there is none of that id.
        """
        for case in self.cases():
            if case.id == id:
                return case
        raise InputError(
            "E132",
            f"no case {id}",
            f"one of {len(self.manifest.cases)} cases",
            suggest(id, [entry.id for entry in self.manifest.cases], "Look into cohort.json.", cutoff=0.4),
        )

    def named_for(self, wanted: Sequence[str]) -> Cohort:
        """Return the cohort with its modalities under the names that a recipe has for them (`cohorts.aliases`).

        Its digest stays that of what was prepared.

        Args:
            wanted: the recipe's sources and target.
        """
        renamed = renaming(wanted, self.modalities)
        if not renamed:
            return self
        for name, other in renamed.items():
            _log.warning("%s of %s is taken as %s", name, self.manifest.name, other)
        manifest = self.manifest.model_copy(
            update={
                "modalities": tuple(sorted(renamed.get(name, name) for name in self.modalities)),
                "cases": tuple(_renamed(case, renamed) for case in self.manifest.cases),
                "options": self.manifest.options.named_by(renamed),
            }
        )
        return Cohort(self.folder, manifest, self.split, recorded=self._recorded)

    def digest(self) -> str:
        """Return a hash of the content and of the split: equal for what trains and scores alike.

        The names of the cohort and of the input files, and when and where it was prepared, do not matter.
        """
        return files.sha256_text(self._recorded.digest() + self.split.digest())

    def verify(self) -> int:
        """Read every prepared array and compare its hash; return how many there are.

        Arrays under `working` are made from these and can be removed at any time.

        Raises:
            IntegrityError: E501 naming the first that differs, and how many do.
        """
        arrays = [array for entry in self.manifest.cases for array in entry.arrays()]
        bad = [array.file for array in arrays if not self._is_whole(array)]
        if bad:
            raise IntegrityError(
                "E501",
                f"{bad[0]} has another content than cohort.json says ({len(bad)} of {len(arrays)} arrays)",
                "what was prepared",
                f"Remove the folder {Path(bad[0]).parent} and prepare again.",
            )
        return len(arrays)

    def _is_whole(self, array: ArrayEntry) -> bool:
        try:
            return files.sha256_array(files.read_npy(self.folder / array.file)) == array.sha256
        except InputError:
            return False
