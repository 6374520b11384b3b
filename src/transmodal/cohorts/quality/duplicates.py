"""Near-duplicates: copies of one image under two patients' names, found among all cases of a cohort.

Equal hashes find a copy only while its voxels are equal (`cohorts.split.split.check_leaks`). Here images are compared by
their likeness: all with all by a matrix product, then the few that are alike, one by one.
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
from transmodal.storage import files
from transmodal.volumes import Volume

_ROWS = 512
"""Rows of the matrix product at once, so that its result stays small."""
_KEPT = 64
"""Images whose detail stays in memory while pairs are looked at."""
_log = logging.getLogger(__name__)


class Copies(NamedTuple):
    """Two images that are copies of one.

    Attributes:
        one: case.
        other: case.
        modality: in which they are most alike.
        correlation: as in `likeness.Agreement`.
        apart_mm: as in `likeness.Agreement`.
    """

    one: str
    other: str
    modality: str
    correlation: float
    apart_mm: float

    def line(self) -> str:
        """Return the pair in words."""
        return (
            f"{self.modality} of {self.one} and {self.other} (correlation {self.correlation:.2f}, "
            f"{self.apart_mm:.1f} mm apart)"
        )


def check(folder: Path, manifest: Manifest, split: Split, *, workers: int = 1) -> list[Copies]:
    """Refuse copies under two patients' names on two sides of a split; warn of those on one side.

    What is kept of each image for this lies under `working/likeness` and is made where it is missing.

    Args:
        folder: the cohort's.
        manifest: its cases; a patient's or group's own images may be alike.
        split: cases on no side do not count.
        workers: processes.

    Returns:
        The copies on one side.

    Raises:
        InputError: E135 naming what stands on two sides, and what to do.
    """
    if manifest.options.copies == "ignore":
        return []
    side_of = {case: name for name in NAMES for case in split.ids(name)}
    entries = [entry for entry in manifest.cases if entry.id in side_of]
    keep_all(folder, entries, workers=workers)
    found = near_duplicates(
        {
            entry.id: {name: kept_at(folder, entry.id, one) for name, one in entry.volumes.items()}
            for entry in entries
        },
        {case: group for group, cases in groups_of(entries).items() for case in cases},
        workers=workers,
    )
    across = [pair for pair in found if side_of[pair.one] != side_of[pair.other]]
    if across and manifest.options.copies == "refuse":
        raise _refused(across, side_of)
    for pair in found:
        _log.warning(
            "copies of one image under two patients' names, %s: %s", _where(pair, side_of), pair.line()
        )
    return found


def near_duplicates(
    kept: Mapping[str, Mapping[str, Path | image_similarity.Detail | None]],
    together: Mapping[str, str] | None = None,
    *,
    workers: int = 1,
) -> list[Copies]:
    """Return the copies among images of one modality, sorted by case.

    Args:
        kept: what `likeness.detail` returned, or the .npy that it stands in, by case and modality.
        together: what each case is kept together with; pairs within are not looked at.
        workers: threads for what is done image by image.
    """
    together = together or {}
    best: dict[tuple[str, str], Copies] = {}
    for modality in sorted({name for images in kept.values() for name in images}):
        images = {
            case: image for case, mine in sorted(kept.items()) if (image := mine.get(modality)) is not None
        }
        for pair in _among(images, together, modality, workers):
            key = pair.one, pair.other
            best[key] = max(best.get(key, pair), pair, key=lambda one: one.correlation)
    return [best[key] for key in sorted(best)]


def keep_all(folder: Path, entries: Sequence[CaseEntry], *, workers: int = 1) -> None:
    """Keep what is compared of every image of which it is not kept yet."""
    todo = {entry.id: (folder, entry) for entry in entries if _missing(folder, entry)}
    for _ in spread(_keep_stored, todo, workers):
        pass


def keep(folder: Path, entry: CaseEntry, volumes: Mapping[str, Volume]) -> None:
    """Keep what is compared of a case's images, under the hash of what it is made from.

    Args:
        folder: the cohort's.
        entry: the case.
        volumes: its images as they are stored, those at least of which nothing is kept yet.
    """
    for name in _missing(folder, entry):
        made = image_similarity.detail(volumes[name])
        path = kept_at(folder, entry.id, entry.volumes[name])
        path.parent.mkdir(parents=True, exist_ok=True)
        # An image that is too small to tell is one with no cells.
        files.write_npy(path, np.zeros((0, 0, 0), np.int8) if made is None else made)


def _keep_stored(job: tuple[Path, CaseEntry]) -> None:
    folder, entry = job
    affine = np.array(entry.affine)
    stored = {name: files.read_npy(folder / entry.volumes[name].file) for name in _missing(folder, entry)}
    keep(folder, entry, {name: Volume(voxels, affine) for name, voxels in stored.items()})


def kept_at(folder: Path, case: str, volume: VolumeEntry) -> Path:
    """Return where what is compared of an image is kept."""
    return folder / "working" / f"likeness-{image_similarity.VERSION}" / case / f"{volume.sha256[:32]}.npy"


def _missing(folder: Path, entry: CaseEntry) -> list[str]:
    return [name for name, one in entry.volumes.items() if not kept_at(folder, entry.id, one).is_file()]


def _among(
    images: Mapping[str, Path | image_similarity.Detail],
    together: Mapping[str, str],
    modality: str,
    workers: int,
) -> Iterator[Copies]:
    with ThreadPoolExecutor(max(1, workers)) as pool:
        made = dict(zip(images, pool.map(_spectrum, images.values()), strict=True))
    spectra = {case: one for case, one in made.items() if one is not None}
    cases = list(spectra)
    read = lru_cache(_KEPT)(lambda case: _read(images[case]))
    for i, j in _alike(np.stack([spectra[case] for case in cases])) if cases else ():
        one, other = cases[i], cases[j]
        if together.get(one, one) != together.get(other, other):
            agreed = image_similarity.agreement(read(one), read(other))
            if agreed.copies:
                yield Copies(one, other, modality, agreed.correlation, agreed.apart_mm)


def _spectrum(image: Path | image_similarity.Detail) -> image_similarity.Floats | None:
    kept = _read(image)
    return image_similarity.spectrum(kept) if kept.size else None


def _alike(spectra: NDArray[np.float32]) -> Iterator[tuple[int, int]]:
    """Yield the pairs of rows, i < j, whose spectra agree."""
    for start in range(0, len(spectra), _ROWS):
        rows = spectra[start : start + _ROWS] @ spectra[start:].T
        for i, j in np.argwhere(np.triu(rows >= image_similarity.MIN_SPECTRAL, 1)):
            yield int(start + i), int(start + j)


def _read(image: Path | image_similarity.Detail) -> image_similarity.Detail:
    return files.read_npy(image, mmap=False) if isinstance(image, Path) else image


def _where(pair: Copies, side_of: Mapping[str, str]) -> str:
    sides = sorted({side_of[pair.one], side_of[pair.other]})
    return f"both in {sides[0]}" if len(sides) == 1 else f"in {' and '.join(sides)}"


def _refused(across: Sequence[Copies], side_of: Mapping[str, str]) -> InputError:
    shown = "; ".join(
        f"{pair.line()}, in {side_of[pair.one]} and {side_of[pair.other]}" for pair in across[:3]
    )
    more = f"; and {len(across) - 3} more pairs" if len(across) > 3 else ""
    words = " ".join(f"--same-patient {pair.one}={pair.other}" for pair in across[:3])
    return InputError(
        "E135",
        f"copies of one image under two patients' names on two sides: {shown}{more}",
        "each patient and image on one side",
        f"If they are one patient, say so: {words} (or a table: --groups); leave a copy out; "
        "or, if they are two patients, --copies warn.",
    )
