"""Cases of prepared cohorts taken into another one: their arrays linked where the disk can, else copied."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from transmodal.cohorts.manifest import ArrayEntry, CaseEntry
from transmodal.cohorts.quality import image_similarity
from transmodal.errors import InputError, IntegrityError
from transmodal.storage import files


class Taken(NamedTuple):
    """A case of a prepared cohort, and what it is in the new one.

    Attributes:
        folder: the cohort that it stands in.
        entry: what it is there.
        now: what it becomes; the arrays are the same, their files may have other names.
    """

    folder: Path
    entry: CaseEntry
    now: CaseEntry


def renamed(entry: CaseEntry, prefix: str) -> CaseEntry:
    """Return an entry under a name, patient and group with a prefix, its arrays in a folder of that name."""
    name = f"{prefix}-{entry.id}"

    def at(array: ArrayEntry) -> str:
        return f"cases/{name}/{Path(array.file).name}"

    changed = {
        "id": name,
        "patient": f"{prefix}-{entry.patient}",
        "group": entry.group and f"{prefix}-{entry.group}",
        "volumes": {what: one.model_copy(update={"file": at(one)}) for what, one in entry.volumes.items()},
        "regions": tuple(one.model_copy(update={"file": at(one)}) for one in entry.regions),
    }
    for what in ("mask", "segmentation"):
        one = getattr(entry, what)
        changed[what] = one and one.model_copy(update={"file": at(one)})
    return entry.model_copy(update=changed)


def take(
    cases: Sequence[Taken], folder: Path, progress: Callable[[str, int, int], None] | None = None
) -> None:
    """Put cases into a cohort's folder, every array compared with its hash; working arrays are left behind.

    A hard link is safe: `prepare` never writes into an array, it replaces its folder.

    Args:
        cases: what to take.
        folder: the new cohort's, which has no cases yet.
        progress: told of each case.

    Raises:
        IntegrityError: E501 naming an array whose content is not what its cohort says.
        ResourceError: E403 when the disk is full.
    """
    for done, one in enumerate(cases, 1):
        place = folder / "cases" / one.now.id
        place.mkdir(parents=True)
        for was, now in zip(one.entry.arrays(), one.now.arrays(), strict=True):
            _check(one.folder / was.file, was)
            _link(one.folder / was.file, folder / now.file)
        files.write_json(place / "case.json", one.now.model_dump(mode="json"))
        for volume in one.now.volumes.values():
            kept = Path(f"likeness-{image_similarity.VERSION}") / "{}" / f"{volume.sha256[:32]}.npy"
            was_at, now_at = (
                base / "working" / str(kept).format(case)
                for base, case in ((one.folder, one.entry.id), (folder, one.now.id))
            )
            if was_at.is_file():
                now_at.parent.mkdir(parents=True, exist_ok=True)
                _link(was_at, now_at)
        if progress is not None:
            progress(one.now.id, done, len(cases))


def _check(path: Path, array: ArrayEntry) -> None:
    try:
        whole = files.sha256_array(files.read_npy(path)) == array.sha256
    except InputError:
        whole = False
    if not whole:
        raise IntegrityError(
            "E501",
            f"{path} has another content than cohort.json says",
            "what was prepared",
            f"Remove the folder {path.parent} and prepare that cohort again.",
        )


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another disk, or one that cannot link
        shutil.copyfile(source, target)
