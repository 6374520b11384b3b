"""Virtual subjects written as data sets are released, whole or with the defects that real releases have.

What is written prepares with the layout of the same name, so that readers are tried on true anatomy, and
tutorials need no download. The contrasts are the atlas cohort's: all but T1 and FA are simulated, t1ce is T1
with bright lesions, CBCT is CT, and a diffusion series is computed from FA.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple

from transmodal.cohorts.case import Case
from transmodal.cohorts.release_files import SIMULATED
from transmodal.cohorts.simulation import atlas
from transmodal.cohorts.simulation.release import contents, saving
from transmodal.cohorts.simulation.release.defects import Defect, add_defects
from transmodal.cohorts.simulation.release.saving import Files
from transmodal.errors import UsageError
from transmodal.parallel import spread
from transmodal.storage import files


@dataclass(frozen=True)
class Release:
    """A released data set's layout, contents and writer.

    Attributes:
        layout: that reads it.
        options: of the subjects, but for their spacing.
        files: names a subject's files, by its case and number.
        measured: modalities, as the layout names them, that are real averages and not simulated.
        settings: of the layout, as `--with` takes them.
        save: writes a subject's files, defects and all, into the release's folder.
    """

    layout: str
    options: atlas.AtlasOptions
    files: Callable[[Case, int], Files]
    measured: tuple[str, ...] = ("t1",)
    settings: tuple[str, ...] = ()
    save: Callable[[Files, Path], None] = saving.save


class _Job(NamedTuple):
    """One subject to write, as it travels to a worker."""

    release: str
    subject: atlas.AtlasSubject
    folder: Path
    defects: tuple[Defect, ...]


def write(
    name: str,
    n: int,
    folder: Path,
    *,
    spacing_mm: float = 2.0,
    seed: int = 2024,
    defects: Sequence[Defect] = (),
    progress: Callable[[str, int, int], None] | None = None,
    workers: int = 1,
) -> None:
    """Write virtual subjects as a release; the last of them has the defects.

    Args:
        name: one of `RELEASES`.
        n: how many subjects.
        folder: where to.
        spacing_mm: around which every subject's spacing varies.
        seed: of the subjects.
        defects: what is wrong with the last subject.
        progress: told of each subject.
        workers: processes.

    Raises:
        UsageError: E002 for an unknown release, E001 for a number or spacing that cannot be, E004 for a defect
            that pictures cannot have, E005 when the place is not usable.
        ResourceError: E402 naming the subject whose process died, E403 when the disk is full.
    """
    release = release_of(name)
    if release.layout in ("slices", "korean_human") and set(defects) & {
        "axis-order",
        "oblique",
        "unregistered",
    }:
        raise UsageError(
            "E004",
            f"{', '.join(defects)} in pictures",
            "missing or wrong-name: pictures do not say how they lie",
            "Choose another layout.",
        )
    subjects = atlas.subjects(n, replace(release.options, spacing_mm=spacing_mm), seed)
    jobs = {subject.id: _Job(name, subject, Path(folder), ()) for subject in subjects}
    jobs[subjects[-1].id] = jobs[subjects[-1].id]._replace(defects=tuple(defects))
    for n_done, (subject, _) in enumerate(spread(_write, jobs, workers), 1):
        if progress is not None:
            progress(subject, n_done, n)
    with files.atomic_path(Path(folder) / "README.txt") as beside:
        beside.write_text(atlas.NOTICE)
    files.write_json(Path(folder) / SIMULATED, {"measured": list(release.measured), "about": atlas.NOTICE})


def release_of(name: str) -> Release:
    """Return a release by its name.

    Raises:
        UsageError: E002.
    """
    if name not in RELEASES:
        raise UsageError("E002", f"the release {name!r}", ", ".join(RELEASES), "Name one of them.")
    return RELEASES[name]


def _write(job: _Job) -> None:
    release = RELEASES[job.release]
    volumes = release.files(job.subject.load(), job.subject.index)
    release.save(add_defects(volumes, job.defects), job.folder)


def _options(
    *modalities: str, head: Literal["always", "never"], segmentation: bool = False
) -> atlas.AtlasOptions:
    mask: Literal["brain", "head"] = "head" if "ct" in modalities else "brain"
    return atlas.AtlasOptions(modalities=modalities, head=head, segmentation=segmentation, mask=mask)


_TUMOUR = _options("t1", "t2", "flair", head="never", segmentation=True)
RELEASES: Mapping[str, Release] = {
    "synthrad2023": Release(
        "synthrad", _options("t1", "ct", head="always"), contents.synthrad2023_files, ("mr",)
    ),
    "synthrad2025": Release("synthrad", _options("ct", head="always"), contents.synthrad2025_files, ()),
    "brats2020": Release("brats", _TUMOUR, contents.brats2020_files),
    "brats2021": Release("brats", _TUMOUR, contents.brats2021_files),
    "brats2023": Release("brats", _TUMOUR, contents.brats2023_files),
    "ixi": Release("ixi", _options("t1", "t2", "pd", head="always"), contents.ixi_files),
    "abcd": Release("pairs", _options("t1", "fa", head="never"), contents.abcd_files, ("t1", "fa")),
    "diffusion": Release(
        "t1_fa",
        _options("t1", "t2", "fa", head="never"),
        contents.diffusion_files,
        settings=("by=header",),
        save=saving.save_series,
    ),
    "korean_human": Release(
        "korean_human",
        _options("t1", "colour", head="always", segmentation=True),
        contents.korean_human_files,
        ("mr",),
        save=saving.save_stacks,
    ),
    "dicom": Release(
        "dicom",
        _options("t1", "ct", head="always"),
        contents.dicom_files,
        settings=("synthetic=true",),
        save=saving.save_dicom,
    ),
    "bids": Release(
        "bids",
        _options("t1", "t2", "flair", head="always"),
        contents.bids_files,
        save=saving.save_bids,
    ),
    "slices": Release(
        "slices", _options("t1", "t2", head="never"), contents.slices_files, settings=("a=t1", "b=t2")
    ),
}
