"""A prepared cohort, opened: memory-mapped volumes on the canonical or on a working grid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transmodal.cohorts.manifest import ArrayEntry, CaseEntry, Manifest, RegionKind, read_manifest
from transmodal.cohorts.split import Split, check_leaks, read_split
from transmodal.errors import InputError, IntegrityError
from transmodal.volumes import Grid, Volume, files
from transmodal.volumes.geometry import How, resample, working_grid
from transmodal.volumes.intensity import IntensityMap


class PreparedCase:
    """One case of a cohort; arrays are mapped when they are asked for, and read-only."""

    def __init__(self, folder: Path, entry: CaseEntry) -> None:
        self._folder = folder
        self.entry = entry

    @property
    def id(self) -> str:
        """Name of the case."""
        return self.entry.id

    @property
    def patient(self) -> str:
        """Whose case it is."""
        return self.entry.patient

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

    def native_grid(self, modality: str) -> Grid:
        """Return the grid that the modality came on."""
        self.volume(modality)
        return self.entry.volumes[modality].native_grid

    def intensity(self, modality: str) -> IntensityMap:
        """Return the intensity map that `prepare` fitted."""
        self.volume(modality)
        return self.entry.volumes[modality].intensity_map

    def _flags(self, entry: ArrayEntry, spacing_mm: float | None) -> NDArray[np.bool_]:
        flags: NDArray[np.bool_] = self._on_grid(entry, spacing_mm, "nearest").voxels > 0
        return flags

    def _on_grid(self, entry: ArrayEntry, spacing_mm: float | None, how: How) -> Volume:
        prepared = Volume(files.read_npy(self._folder / entry.file), np.array(self.entry.affine))
        grid = working_grid(prepared.grid, spacing_mm)
        if grid == prepared.grid:
            return prepared
        kept = self._folder / "working" / f"{spacing_mm:g}mm" / self.id / f"{entry.sha256[:32]}.npy"
        if not kept.exists():
            moved = resample(prepared, grid, how=how).voxels
            if prepared.is_colour:
                moved = np.clip(np.rint(moved), 0, 255).astype(np.uint8)
            kept.parent.mkdir(parents=True, exist_ok=True)
            files.write_npy(kept, moved)
        return Volume(files.read_npy(kept), grid.affine)


class Cohort:
    """A prepared cohort: its manifest, its split, its cases."""

    def __init__(self, folder: Path, manifest: Manifest, split: Split) -> None:
        self.folder = folder
        self.manifest = manifest
        self.split = split

    @staticmethod
    def open(folder: Path) -> Cohort:
        """Open a prepared cohort.

        Raises:
            InputError: E133 when the folder is none, E135 when its split leaks.
        """
        folder = Path(folder)
        if not (folder / "cohort.json").is_file() or not (folder / "split.json").is_file():
            raise InputError(
                "E133",
                f"{folder} without cohort.json and split.json",
                "a prepared cohort",
                "Prepare it: transmodal prepare --help.",
            )
        manifest, split = read_manifest(folder / "cohort.json"), read_split(folder / "split.json")
        check_leaks(manifest, split)
        return Cohort(folder, manifest, split)

    @property
    def modalities(self) -> tuple[str, ...]:
        """Every modality that some case has."""
        return self.manifest.modalities

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
        raise InputError("E132", f"no case {id}", f"one of {len(self.manifest.cases)} cases", "Check the id.")

    def digest(self) -> str:
        """Return a hash of the content and of the split."""
        return files.sha256_text(self.manifest.digest() + self.split.model_dump_json())

    def verify(self) -> None:
        """Read every array and compare its hash.

        Raises:
            IntegrityError: E501 for the first that differs.
        """
        for entry in self.manifest.cases:
            for array in entry.arrays():
                if files.sha256_array(files.read_npy(self.folder / array.file)) != array.sha256:
                    raise IntegrityError(
                        "E501",
                        f"{array.file} has another content than cohort.json says",
                        array.sha256[:12],
                        "Remove the case's folder and prepare again.",
                    )
