"""A prepared cohort, opened: memory-mapped volumes on the canonical or on a working grid."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transmodal.cohorts import manifest_index
from transmodal.cohorts.aliases import find_renames
from transmodal.cohorts.faults import list_damaged, open_array
from transmodal.cohorts.manifest import REPAIR, ArrayEntry, CaseEntry, Manifest, read_manifest
from transmodal.cohorts.options import RegionKind
from transmodal.cohorts.patient_marks import PatientKey, marking_keys
from transmodal.cohorts.split.leaks import check_leaks
from transmodal.cohorts.split.split import Split, read_split
from transmodal.cohorts.units import own_units
from transmodal.cohorts.working_arrays import resample_array
from transmodal.counts import counted
from transmodal.errors import InputError, IntegrityError, suggest
from transmodal.storage import files
from transmodal.storage.arrays import kept
from transmodal.storage.process_memory.collecting import pause_collecting
from transmodal.volumes import Grid, Volume
from transmodal.volumes.geometry.reorient import How, working_grid
from transmodal.volumes.intensity import IntensityMap

_log = logging.getLogger(__name__)


class PreparedCase:
    """One case of a cohort, in the cohort's folder; arrays are mapped when they are asked for, and read-only."""

    def __init__(self, folder: Path, entry: CaseEntry) -> None:
        self.folder = folder
        self.entry = entry

    @property
    def id(self) -> str:
        """Name of the case."""
        return self.entry.id

    @property
    def patient(self) -> str:
        """The patient whose case it is."""
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

    def n_channels(self, modality: str) -> int:
        """Return the channels of a modality that the case has: 1 for grey, 3 for colour."""
        return 3 if len(self.entry.volumes[modality].shape) == 4 else 1

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
        """Return the mask that `prepare` computed from a source; `whole` is all ones, in a byte of memory.

        Raises:
            InputError: E131 when it was not prepared.
        """
        if kind == "whole":
            return np.broadcast_to(np.True_, working_grid(self.grid, spacing_mm).shape)
        for entry in self.entry.regions:
            if (entry.modality, entry.kind) == (modality, kind):
                return self._flags(entry, spacing_mm)
        raise InputError(
            "E131",
            f"case {self.id} without a {kind} region of {modality}",
            f"a cohort prepared with --region {modality}={kind}",
            f"Prepare the cohort again with --region {modality}={kind}, or with --for RECIPE, "
            "which computes what the recipe needs.",
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
        place = self.folder / "working" / f"{float(spacing_mm)!r}mm" / self.id / f"{entry.sha256[:32]}.npy"
        is_colour = len(entry.shape) == 4
        dtype = np.dtype(entry.dtype if how == "nearest" or is_colour else np.float32)
        shape = (*grid.shape, 3) if is_colour else grid.shape
        voxels = kept.find_or_make_array(
            place, shape, dtype, lambda: resample_array(self._prepared(entry), grid, how, dtype)
        )
        return Volume(voxels, grid.affine)

    def _prepared(self, entry: ArrayEntry) -> Volume:
        return Volume(open_array(self.folder, self.id, entry), self.grid.affine)


class Cohort:
    """A prepared cohort: its manifest, its split, its cases.

    Attributes:
        folder: of the cohort.
        manifest: its cases and arrays.
        split: its training, validation and test.
        repaired: files that the preparation which returned this found damaged and made anew, by case.
    """

    def __init__(
        self,
        folder: Path,
        manifest: Manifest,
        split: Split,
        *,
        content_digest: Callable[[], str] | None = None,
        repaired: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.repaired = repaired or {}
        self.manifest = manifest
        self.split = split
        self._content_digest = content_digest or manifest.digest

    @staticmethod
    def open(folder: Path) -> Cohort:
        """Open a prepared cohort.

        Raises:
            InputError: E133 when the folder is none, E135 when its split leaks.
        """
        folder = Path(folder)
        missing = [name for name in ("cohort.json", "split.json") if not (folder / name).is_file()]
        if missing:
            is_interrupted = (folder / "cases").is_dir()
            raise InputError(
                "E133",
                f"{folder} without {' and '.join(missing)}",
                "a prepared cohort",
                "Its preparation was interrupted: run it again, it goes on."
                if is_interrupted
                else "Prepare it: transmodal prepare --help.",
            )
        with pause_collecting():
            indexed = manifest_index.read_indexed(folder)
            manifest = read_manifest(folder / "cohort.json") if indexed is None else indexed.manifest
            split = read_split(folder / "split.json")
            if indexed is None or indexed.record.may_leak(split):
                check_leaks(manifest, split)
        return Cohort(folder, manifest, split, content_digest=indexed and indexed.content_digest)

    @property
    def modalities(self) -> tuple[str, ...]:
        """Every modality that some case has."""
        return self.manifest.modalities

    def units(self) -> Mapping[str, str]:
        """Return the unit of each modality whose values are not in the modality's own."""
        return own_units(self.manifest.cases)

    def patient_keys(self) -> tuple[PatientKey, ...]:
        """Return the keys that mark its patients, its own first; none where they cannot be read."""
        return marking_keys(self.folder, has_key=self.manifest.has_patient_key)

    def cases(self, split: str | None = None) -> list[PreparedCase]:
        """Return the cases of `train`, `validation` or `test`; all of them for None."""
        entries: Sequence[CaseEntry] = self.manifest.cases
        if split is not None:
            entries = manifest_index.choose(self.manifest, set(self.split.ids(split)))
        return [PreparedCase(self.folder, entry) for entry in entries]

    def case(self, id: str) -> PreparedCase:  # noqa: A002 - a case's id is its id
        """Return one case.

        Raises:
            InputError: E132 when there is none of that id.
        """
        for entry in manifest_index.choose(self.manifest, {id}):
            return PreparedCase(self.folder, entry)
        raise InputError(
            "E132",
            f"no case {id}",
            f"one of {counted(len(self.manifest.cases), 'case')}",
            suggest(id, [entry.id for entry in self.manifest.cases], "Look into cohort.json.", cutoff=0.4),
        )

    def named_for(self, modalities: Sequence[str]) -> Cohort:
        """Return the cohort with its modalities under the names that a recipe has for them (`cohorts.aliases`).

        Its digest stays that of the prepared cohort.

        Args:
        modalities: the recipe's sources and target.
        """
        names = find_renames(modalities, self.modalities)
        if not names:
            return self
        for modality, name in names.items():
            _log.warning("%s of %s is taken as %s", modality, self.manifest.name, name)
        manifest = self.manifest.with_names(names)
        return Cohort(self.folder, manifest, self.split, content_digest=self._content_digest)

    def digest(self) -> str:
        """Return a hash of the content and of the split: equal for cohorts that train and score alike.

        The names of the cohort and of the input files, and when and where it was prepared, do not matter.
        """
        return files.sha256_text(self._content_digest() + self.split.digest())

    def after_repair(self, repaired: Mapping[str, str]) -> Cohort:
        """Return the cohort with the files that a preparation repaired, by case."""
        return Cohort(
            self.folder,
            self.manifest,
            self.split,
            content_digest=self._content_digest,
            repaired=repaired,
        )

    def verify(self) -> int:
        """Compare every prepared array with its hash, once per process; return how many there are.

        Arrays under `working` are made from these and can be removed at any time.

        Raises:
            IntegrityError: E501 naming the first that differs, and how many do.
        """
        n_arrays = sum(len(entry.arrays()) for entry in self.manifest.cases)
        damaged = [array for entry in self.manifest.cases for array in list_damaged(self.folder, entry)]
        if damaged:
            raise IntegrityError(
                "E501",
                f"{damaged[0].file} has another content than cohort.json says ({len(damaged)} of {n_arrays} arrays)",
                "what was prepared",
                REPAIR,
            )
        return n_arrays
