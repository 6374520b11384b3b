"""Near-duplicates: copies of one image under two patients' names, found among all cases of a cohort.

Equal hashes find a copy only while its voxels are equal (`cohorts.split.leaks.check_leaks`). Here images are compared by
their similarity: all with all by a matrix product, then the few that are alike, one by one.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from transmodal.cohorts.manifest import CaseEntry, Manifest, VolumeEntry
from transmodal.cohorts.quality import image_similarity
from transmodal.cohorts.split.split import NAMES, Split, groups_of
from transmodal.errors import InputError
from transmodal.parallel import spread
from transmodal.storage.arrays import kept, npy
from transmodal.volumes import Volume

_ROWS = 512
"""Rows of the matrix product at once, so that its result stays small."""
_IN_MEMORY = 64
"""Images whose detail stays in memory while pairs are looked at."""
_log = logging.getLogger(__name__)


class Copies(NamedTuple):
    """Two images that are copies of one.

    Attributes:
        first: case.
        second: case.
        modality: in which they are most alike.
        correlation: as in `image_similarity.Agreement`.
        apart_mm: as in `image_similarity.Agreement`.
    """

    first: str
    second: str
    modality: str
    correlation: float
    apart_mm: float

    def line(self) -> str:
        """Return the pair in words."""
        return (
            f"{self.modality} of {self.first} and {self.second} (correlation {self.correlation:.2f}, "
            f"{self.apart_mm:.1f} mm apart)"
        )


def check(folder: Path, manifest: Manifest, split: Split, *, workers: int = 1) -> list[Copies]:
    """Refuse copies under two patients' names on two sides of a split; warn of those on one side.

    The details of the images that this compares lie under `working/likeness` and are computed where they are missing.

    Args:
        folder: the cohort's.
        manifest: its cases; a patient's or group's own images may be alike.
        split: cases on no side do not count.
        workers: processes.

    Returns:
        The copies on one side.

    Raises:
        InputError: E135 naming the images that stand on two sides, and what to do.
    """
    if manifest.options.copies == "ignore":
        return []
    side_of = {case: name for name in NAMES for case in split.ids(name)}
    entries = [entry for entry in manifest.cases if entry.id in side_of]
    _write_missing_details(folder, entries, workers=workers)
    copies = find_near_duplicates(
        {
            entry.id: {name: find_detail(folder, entry.id, volume) for name, volume in entry.volumes.items()}
            for entry in entries
        },
        {case: group for group, cases in groups_of(entries).items() for case in cases},
        workers=workers,
    )
    across = [pair for pair in copies if side_of[pair.first] != side_of[pair.second]]
    if across and manifest.options.copies == "refuse":
        raise _refusal(across, side_of)
    for pair in copies:
        _log.warning(
            "copies of one image under two patients' names, %s: %s",
            _describe_sides(pair, side_of),
            pair.line(),
        )
    return copies


def find_near_duplicates(
    details: Mapping[str, Mapping[str, Path | image_similarity.Detail | None]],
    group_of: Mapping[str, str] | None = None,
    *,
    workers: int = 1,
) -> list[Copies]:
    """Return the copies among images of one modality, sorted by case.

    Args:
        details: as `image_similarity.detail` returned them, or the .npy that they stand in, by case and modality.
        group_of: the group that each case is kept together with; pairs within are not looked at.
        workers: threads for the work on single images.
    """
    best: dict[tuple[str, str], Copies] = {}
    for modality in sorted({name for images in details.values() for name in images}):
        images = {
            case: image for case, own in sorted(details.items()) if (image := own.get(modality)) is not None
        }
        for pair in _copies_among(images, group_of or {}, modality, workers):
            key = pair.first, pair.second
            best[key] = max(best.get(key, pair), pair, key=lambda copies: copies.correlation)
    return [best[key] for key in sorted(best)]


def write_details(folder: Path, entry: CaseEntry, volumes: Mapping[str, Volume]) -> None:
    """Write the details of a case's images, under the hash of what they are computed from.

    Args:
        folder: the cohort's.
        entry: the case.
        volumes: its images as they are stored, those at least of which no detail is written yet.
    """
    for name in _missing_details(folder, entry):
        detail = image_similarity.detail(volumes[name])
        path = detail_path(folder, entry.id, entry.volumes[name])
        path.parent.mkdir(parents=True, exist_ok=True)
        # An image that is too small to tell is one with no cells.
        kept.write_array(path, np.zeros((0, 0, 0), np.int8) if detail is None else detail)


def detail_path(folder: Path, case: str, volume: VolumeEntry) -> Path:
    """Return the file of an image's detail, without the detail's own hash (`storage.arrays.kept`)."""
    return folder / "working" / f"likeness-{image_similarity.VERSION}" / case / f"{volume.sha256[:32]}.npy"


def find_detail(folder: Path, case: str, volume: VolumeEntry) -> Path | None:
    """Return the file of an image's detail; None where there is none, or none that is whole."""
    existing = kept.find_array(detail_path(folder, case, volume))
    return None if existing is None else existing.path


def _write_missing_details(folder: Path, entries: Sequence[CaseEntry], *, workers: int) -> None:
    todo = {entry.id: (folder, entry) for entry in entries if _missing_details(folder, entry)}
    for _ in spread(_write_stored_details, todo, workers):
        pass


def _write_stored_details(job: tuple[Path, CaseEntry]) -> None:
    folder, entry = job
    affine = np.array(entry.affine)
    stored = {
        name: npy.read_npy(folder / entry.volumes[name].file) for name in _missing_details(folder, entry)
    }
    write_details(folder, entry, {name: Volume(voxels, affine) for name, voxels in stored.items()})


def _missing_details(folder: Path, entry: CaseEntry) -> list[str]:
    return [name for name, volume in entry.volumes.items() if find_detail(folder, entry.id, volume) is None]


def _copies_among(
    images: Mapping[str, Path | image_similarity.Detail],
    group_of: Mapping[str, str],
    modality: str,
    workers: int,
) -> Iterator[Copies]:
    with ThreadPoolExecutor(max(1, workers)) as pool:
        computed = dict(zip(images, pool.map(_spectrum, images.values()), strict=True))
    spectra = {case: spectrum for case, spectrum in computed.items() if spectrum is not None}
    cases = list(spectra)
    read = lru_cache(_IN_MEMORY)(lambda case: _read_detail(images[case]))
    for i, j in _similar_rows(np.stack([spectra[case] for case in cases])) if cases else ():
        first, second = cases[i], cases[j]
        if group_of.get(first, first) != group_of.get(second, second):
            agreement = image_similarity.agreement(read(first), read(second))
            if agreement.are_copies:
                yield Copies(first, second, modality, agreement.correlation, agreement.apart_mm)


def _spectrum(image: Path | image_similarity.Detail) -> image_similarity.Floats | None:
    detail = _read_detail(image)
    return image_similarity.spectrum(detail) if detail.size else None


def _similar_rows(spectra: NDArray[np.float32]) -> Iterator[tuple[int, int]]:
    """Yield the pairs of rows, i < j, whose spectra agree."""
    for start in range(0, len(spectra), _ROWS):
        rows = spectra[start : start + _ROWS] @ spectra[start:].T
        for i, j in np.argwhere(np.triu(rows >= image_similarity.MIN_SPECTRAL, 1)):
            yield int(start + i), int(start + j)


def _read_detail(image: Path | image_similarity.Detail) -> image_similarity.Detail:
    return npy.read_npy(image, mmap=False) if isinstance(image, Path) else image


def _describe_sides(pair: Copies, side_of: Mapping[str, str]) -> str:
    sides = sorted({side_of[pair.first], side_of[pair.second]})
    return f"both in {sides[0]}" if len(sides) == 1 else f"in {' and '.join(sides)}"


def _refusal(across: Sequence[Copies], side_of: Mapping[str, str]) -> InputError:
    examples = "; ".join(
        f"{pair.line()}, in {side_of[pair.first]} and {side_of[pair.second]}" for pair in across[:3]
    )
    more = f"; and {len(across) - 3} more pairs" if len(across) > 3 else ""
    words = " ".join(f"--same-patient {pair.first}={pair.second}" for pair in across[:3])
    return InputError(
        "E135",
        f"copies of one image under two patients' names on two sides: {examples}{more}",
        "each patient and image on one side",
        f"If they are one patient, say so: {words} (or a table: --groups); leave a copy out; "
        "or, if they are two patients, --copies warn.",
    )
