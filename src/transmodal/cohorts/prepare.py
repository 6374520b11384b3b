"""Prepare: cases in, a cohort folder out; checked, oriented, hashed, split; resumable."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from transmodal.cohorts.case import Case, CaseMaker
from transmodal.cohorts.manifest import (
    VERSION,
    ArrayEntry,
    CaseEntry,
    Manifest,
    RegionEntry,
    RegionKind,
    VolumeEntry,
    matrix,
)
from transmodal.cohorts.split import Split, check_leaks, read_split, split_by_group
from transmodal.cohorts.store import Cohort
from transmodal.errors import InputError, ResourceError, TransmodalError
from transmodal.volumes import Volume, files
from transmodal.volumes.geometry import reorient
from transmodal.volumes.intensity import IntensitySpec, fit, spec_for
from transmodal.volumes.masks import region

Progress = Callable[[str, int, int], None]
"""Told the case that is done, how many are, and of how many."""


class PrepareOptions(BaseModel):
    """What is prepared, and how it is split.

    Attributes:
        regions: masks to compute, by source modality: `{"t1": ("brain",)}`.
        intensity: intensity maps by modality, where the modality's default does not fit.
        ratios: shares of training, validation and test.
        counts: numbers of patients (or groups) instead of shares.
        seed: of the split.
        keep_going: leave failing cases out and record them, instead of stopping at the end.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    regions: Mapping[str, tuple[RegionKind, ...]] = {}
    intensity: Mapping[str, IntensitySpec] = {}
    ratios: tuple[float, float, float] = (8, 1, 1)
    counts: tuple[int, int, int] | None = None
    seed: int = 2024
    keep_going: bool = False

    def fingerprint(self) -> str:
        """Return a hash of what decides a case's arrays; the split decides none."""
        return files.sha256_text(f"{VERSION} {self.model_dump_json(include={'regions', 'intensity'})}")


@dataclass(frozen=True, slots=True)
class _Job:
    """One case to prepare, as it travels to a worker."""

    maker: CaseMaker
    folder: Path
    name: str
    options: PrepareOptions


def prepare(
    cases: Sequence[CaseMaker],
    folder: Path,
    options: PrepareOptions | None = None,
    *,
    progress: Progress | None = None,
    workers: int = 1,
) -> Cohort:
    """Prepare a cohort, or continue to; cases that stand already are left as they are.

    Args:
        cases: files, or makers of virtual subjects.
        folder: the cohort's folder.
        options: what to compute and how to split.
        progress: told of each case.
        workers: processes; the result does not depend on how many.

    Raises:
        InputError: what is wrong with the cases, all of them tried first; E132 when there is none.
        ResourceError: E402 when a worker process died.
    """
    options = options or PrepareOptions()
    folder = Path(folder)
    jobs = [_Job(case, folder / "cases" / name, name, options) for case, name in _named(cases)]
    folder.mkdir(parents=True, exist_ok=True)
    entries: list[CaseEntry] = []
    failures: dict[str, TransmodalError] = {}
    for job, result in _results(jobs, workers):
        if isinstance(result, TransmodalError):
            failures[job.name] = result
        else:
            entries.append(result)
        if progress is not None:
            progress(job.name, len(entries) + len(failures), len(jobs))
    if failures and (not options.keep_going or not entries):
        raise _summary(failures, len(jobs))
    return _finish(folder, entries, failures, options)


def _finish(
    folder: Path, entries: list[CaseEntry], failures: Mapping[str, TransmodalError], options: PrepareOptions
) -> Cohort:
    entries = sorted(entries, key=lambda entry: entry.id)
    manifest = Manifest(
        name=folder.resolve().name,
        modalities=tuple(sorted({modality for entry in entries for modality in entry.volumes})),
        cases=tuple(entries),
        left_out={name: error.line() for name, error in sorted(failures.items())},
    )
    split = _split(folder / "split.json", manifest, options)
    check_leaks(manifest, split)
    _write_if_changed(folder / "split.json", split.model_dump(mode="json"))
    _write_if_changed(folder / "cohort.json", manifest.model_dump(mode="json"))
    return Cohort.open(folder)


def _split(path: Path, manifest: Manifest, options: PrepareOptions) -> Split:
    """Keep a split that still names exactly these cases; it may have been made by hand."""
    wanted = split_by_group(manifest.cases, options.ratios, counts=options.counts, seed=options.seed)
    if path.exists():
        kept = read_split(path)
        known = {case.id for case in manifest.cases}
        if set(kept.train) | set(kept.validation) | set(kept.test) == known and kept.seed == options.seed:
            sizes = [len(kept.ids(name)) == len(wanted.ids(name)) for name in ("train", "validation", "test")]
            return kept if all(sizes) else wanted
    return wanted


def _write_if_changed(path: Path, data: dict[str, Any]) -> None:
    if not path.exists() or files.read_json(path) != data:
        files.write_json(path, data)


def _results(jobs: Sequence[_Job], workers: int) -> Iterator[tuple[_Job, CaseEntry | TransmodalError]]:
    if workers <= 1 or len(jobs) == 1:
        for job in jobs:
            yield job, _try(job)
        return
    # Spawned, not forked: a fork of a process with threads (BLAS, ITK) can hang.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        futures = {pool.submit(_try, job): job for job in jobs}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BrokenProcessPool as error:
            pool.shutdown(cancel_futures=True)
            raise ResourceError(
                "E402",
                "a process that prepares cases died, most often for lack of memory",
                "processes that live",
                "Use --workers 1; what is done is kept.",
            ) from error


def _try(job: _Job) -> CaseEntry | TransmodalError:
    """Prepare a case; an error is returned, so that the other cases go on."""
    try:
        return _prepared(job)
    except TransmodalError as error:
        return error
    except MemoryError:
        return ResourceError(
            "E402", f"case {job.name} needs more memory than there is", "enough", "Free some."
        )


def _prepared(job: _Job) -> CaseEntry:
    fingerprint = files.sha256_text(job.maker.fingerprint() + job.options.fingerprint())
    record = job.folder / "case.json"
    if record.exists():
        try:
            entry = CaseEntry.model_validate(files.read_json(record))
        except (ValidationError, InputError):
            entry = None
        if entry is not None and entry.fingerprint == fingerprint and _arrays_stand(job, entry):
            return entry
        record.unlink()
    case = job.maker.load()
    _check(case, job.name)
    job.folder.mkdir(parents=True, exist_ok=True)
    entry = _Writer(job, case).write(fingerprint)
    files.write_json(record, entry.model_dump(mode="json"))
    return entry


def _arrays_stand(job: _Job, entry: CaseEntry) -> bool:
    root = job.folder.parent.parent
    return all((root / array.file).is_file() for array in entry.arrays())


class _Writer:
    """Writes one case's arrays and keeps the entries."""

    def __init__(self, job: _Job, case: Case) -> None:
        self._job = job
        self._case = case
        self._volumes = {name: reorient(volume) for name, volume in case.volumes.items()}
        self._mask = None if case.mask is None else reorient(case.mask)

    def write(self, fingerprint: str) -> CaseEntry:
        regions: dict[tuple[str, RegionKind], NDArray[np.bool_]] = {}
        entries = []
        for modality, kinds in self._job.options.regions.items():
            for kind in kinds if modality in self._volumes else ():
                found = region(self._volumes[modality], kind)
                regions[modality, kind] = found.mask
                array = self._array(f"region_{modality}_{kind}", found.mask.astype(np.uint8))
                entries.append(
                    RegionEntry(**array.model_dump(), modality=modality, kind=kind, method=found.method)
                )
        segmentation = self._case.segmentation
        return CaseEntry(
            id=self._job.name,
            patient=self._case.patient,
            group=self._case.group,
            affine=matrix(next(iter(self._volumes.values())).affine),
            volumes={name: self._volume(name, regions) for name in sorted(self._volumes)},
            mask=None
            if self._mask is None
            else self._array("mask", (self._mask.voxels > 0).astype(np.uint8)),
            segmentation=None
            if segmentation is None
            else self._array("segmentation", reorient(segmentation).voxels),
            regions=tuple(entries),
            fingerprint=fingerprint,
        )

    def _volume(
        self, modality: str, regions: Mapping[tuple[str, RegionKind], NDArray[np.bool_]]
    ) -> VolumeEntry:
        volume = self._volumes[modality]
        inside = next((mask for (name, _), mask in regions.items() if name == modality), None)
        if inside is None and self._mask is not None:
            inside = self._mask.voxels > 0
        spec = self._job.options.intensity.get(modality, spec_for(modality))
        native = self._case.volumes[modality].grid
        return VolumeEntry(
            **self._array(modality, volume.voxels).model_dump(),
            native_shape=native.shape,
            native_affine=matrix(native.affine),
            intensity=fit(spec, volume.voxels, inside).to_json(),
            simulated=modality in self._case.simulated,
        )

    def _array(self, name: str, voxels: NDArray[Any]) -> ArrayEntry:
        path = self._job.folder / f"{name}.npy"
        kept = voxels.astype(np.float32) if voxels.dtype == np.float64 else voxels
        digest = files.write_npy(path, kept)
        relative = path.relative_to(self._job.folder.parent.parent).as_posix()
        return ArrayEntry(file=relative, dtype=kept.dtype.str, shape=kept.shape, sha256=digest)


def _check(case: Case, name: str) -> None:
    if not case.volumes:
        raise InputError("E131", f"case {name} has no volume", "one or more", "Check its folder.")
    named = dict(case.volumes)
    named.update(
        {k: v for k, v in (("mask", case.mask), ("segmentation", case.segmentation)) if v is not None}
    )
    (first, one), *others = named.items()
    for other, volume in others:
        if not volume.grid.same_as(one.grid):
            raise InputError(
                "E130",
                f"case {name}: {other} {_grid_text(volume)} and {first} {_grid_text(one)}{_apart(one, volume)}",
                "all volumes of a case on one grid",
                "Register or resample them onto the target's grid first.",
            )
    for modality, volume in named.items():
        _check_content(f"case {name}: {modality}", volume, flags=modality in ("mask", "segmentation"))


def _check_content(what: str, volume: Volume, *, flags: bool) -> None:
    voxels = volume.voxels
    if voxels.dtype.kind == "f" and not np.isfinite(voxels).all():
        count = int((~np.isfinite(voxels)).sum())
        raise InputError(
            "E120", f"{what} has {count} voxels that are not finite", "numbers", "Repair the image."
        )
    low, high = voxels.min(), voxels.max()
    if low == high and not (flags and high > 0):
        raise InputError("E124", f"{what} is {low:g} everywhere", "an image with content", "Check the file.")


def _grid_text(volume: Volume) -> str:
    i, j, k = volume.grid.shape
    return f"({i} x {j} x {k}, {volume.orientation})"


def _apart(one: Volume, other: Volume) -> str:
    if one.grid.shape != other.grid.shape:
        return ""
    distance = np.abs(one.grid.corners() - other.grid.corners()).max()
    return f", whose corners lie {distance:.3g} mm apart"


def _named(cases: Sequence[CaseMaker]) -> list[tuple[CaseMaker, str]]:
    """Give every case a folder name that stays inside the cohort, whatever its id says."""
    if not cases:
        raise InputError("E132", "no case", "one or more", "Check the folder and the layout.")
    named: list[tuple[CaseMaker, str]] = []
    taken: dict[str, str] = {}
    for case in cases:
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", case.id).strip(".-")[:100] or "case"
        if name != case.id:
            name = f"{name}-{files.sha256_text(case.id)[:8]}"
        if name.lower() in taken:
            raise InputError(
                "E135", f"two cases called {case.id}", "one name per case", "Rename one of the folders."
            )
        taken[name.lower()] = case.id
        named.append((case, name))
    return named


def _summary(failures: Mapping[str, TransmodalError], n: int) -> TransmodalError:
    name, first = sorted(failures.items())[0]
    if len(failures) == 1 and n == 1:
        return first
    more = f" (and {len(failures) - 1} more: {', '.join(sorted(failures)[1:4])})" if len(failures) > 1 else ""
    got = first.got if name in first.got else f"case {name}: {first.got}"
    remedy = f"{first.remedy} The other cases are kept; --keep-going leaves failing ones out."
    return type(first)(
        first.code, f"{len(failures)} of {n} cases failed{more}: {got}", first.expected, remedy
    )
