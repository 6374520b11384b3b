"""Virtual subjects written as data sets are released, whole or with the defects that real releases have.

What is written prepares with the layout of the same name, so that readers are tried on true anatomy, and
tutorials need no download. The contrasts are the atlas cohort's: all but T1 and FA are simulated, t1ce is T1
with bright lesions, CBCT is CT, and a diffusion series is computed from FA.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple, get_args

import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

from transmodal.cohorts.case import Case
from transmodal.cohorts.release_files import SIMULATED
from transmodal.cohorts.simulation import atlas, release_saving
from transmodal.cohorts.simulation.contrasts import LABELS
from transmodal.cohorts.simulation.release_saving import Files
from transmodal.errors import UsageError
from transmodal.parallel import spread
from transmodal.storage import files
from transmodal.volumes import Volume
from transmodal.volumes.geometry.reorient import reorient

Defect = Literal["missing", "axis-order", "oblique", "unregistered", "wrong-name"]
DEFECTS: tuple[Defect, ...] = get_args(Defect)
"""A file is missing; one has another axis order, which is no fault; all lie obliquely, which is none either; one
has moved against the others by 8 mm and 5 degrees; one has a name that no release has."""


@dataclass(frozen=True)
class Release:
    """How one release looks.

    Attributes:
        layout: that reads it.
        options: of the subjects, but for their spacing.
        files: names a subject's files, by its case and number.
        measured: modalities, as the layout names them, that are real averages and not simulated.
        told: what the layout has to be told with `--with`.
        save: writes a subject's files, defects and all, into the release's folder.
    """

    layout: str
    options: atlas.AtlasOptions
    files: Callable[[Case, int], Files]
    measured: tuple[str, ...] = ("t1",)
    told: tuple[str, ...] = ()
    save: Callable[[Files, Path], None] = release_saving.save


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
    jobs = {one.id: _Job(name, one, Path(folder), ()) for one in subjects}
    jobs[subjects[-1].id] = jobs[subjects[-1].id]._replace(defects=tuple(defects))
    for done, (subject, _) in enumerate(spread(_write, jobs, workers), 1):
        if progress is not None:
            progress(subject, done, n)
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
    made = RELEASES[job.release].files(job.subject.load(), job.subject.index)
    for defect in job.defects:
        made = _WITH[defect](made)
    RELEASES[job.release].save(made, job.folder)


def _synthrad2023(case: Case, n: int) -> Files:
    name = f"1B{'ABC'[n % 3]}{n + 1:03d}"
    files = _synthrad(case, "mr", case.volumes["t1"])
    return {f"Task1/brain/{name}/{what}.nii.gz": volume for what, volume in files.items()}


def _synthrad2025(case: Case, n: int) -> Files:
    name = f"2HN{'ABCDE'[n % 5]}{n + 1:03d}"
    files = _synthrad(case, "cbct", _cone_beam(case.volumes["ct"], n))
    return {f"Task2/HN/{name}/{what}.mha": volume for what, volume in files.items()}


def _synthrad(case: Case, name: str, source: Volume) -> dict[str, Volume]:
    """Return source, CT and the head's outline, dilated."""
    assert case.mask is not None
    body = ndimage.binary_dilation(case.mask.voxels > 0).astype(np.uint8)
    return {name: source, "ct": case.volumes["ct"], "mask": case.mask.with_voxels(body)}


def _cone_beam(ct: Volume, n: int) -> Volume:
    """Return a CT as a cone beam shows it: scatter takes a tenth of its contrast with water, and noise is 40 HU."""
    noise = np.random.default_rng([2025, n]).normal(0.0, 40.0, ct.voxels.shape)
    hu = 0.9 * ct.voxels.astype(np.float32) + noise
    return ct.with_voxels(np.clip(np.rint(hu), -1024, 3071).astype(np.int16))


def _brats2020(case: Case, n: int) -> Files:
    name = f"BraTS20_Training_{n + 1:03d}"
    return {f"{name}/{name}_{what}.nii": one for what, one in _brats(case, enhancing=4).items()}


def _brats2021(case: Case, n: int) -> Files:
    name = f"BraTS2021_{n:05d}"
    return {f"{name}/{name}_{what}.nii.gz": one for what, one in _brats(case, enhancing=4).items()}


def _brats2023(case: Case, n: int) -> Files:
    name, new = (
        f"BraTS-GLI-{n:05d}-000",
        {"t1": "t1n", "t1ce": "t1c", "t2": "t2w", "flair": "t2f", "seg": "seg"},
    )
    return {f"{name}/{name}-{new[what]}.nii.gz": one for what, one in _brats(case, enhancing=3).items()}


def _brats(case: Case, *, enhancing: int) -> dict[str, Volume]:
    """Return four contrasts without a skull, and lesions as tumours with an oedema around."""
    assert case.mask is not None
    assert case.segmentation is not None
    brain = case.mask.voxels > 0
    tumour = case.segmentation.voxels == LABELS["lesion"]
    seg = np.where(ndimage.binary_dilation(tumour), 2, 0)
    seg[tumour] = enhancing
    stripped = {name: np.where(brain, one.voxels, 0) for name, one in case.volumes.items()}
    stripped["t1ce"] = np.where(tumour, stripped["t1"].max(), stripped["t1"])
    made = {name: case.mask.with_voxels(stripped[name]) for name in ("t1", "t1ce", "t2", "flair")}
    return {**made, "seg": case.mask.with_voxels(np.where(brain, seg, 0).astype(np.uint8))}


def _ixi(case: Case, n: int) -> Files:
    """T1 in an axis order of its own, from another moment: the head has moved."""
    name = f"IXI{n + 2:03d}-{('Guys', 'HH', 'IOP')[n % 3]}-{n + 828:04d}"
    contrasts = {"pd": case.volumes["pd"], "t2": case.volumes["t2"]}
    contrasts["t1"] = reorient(_moved(case.volumes["t1"], (3.0, -5.0, 4.0), (2.0, -1.0, 4.0)), "PSR")
    return {f"IXI-{what.upper()}/{name}-{what.upper()}.nii.gz": one for what, one in contrasts.items()}


def _abcd(case: Case, n: int) -> Files:
    endings = {"t1": "brain", "fa": "FA"}
    return {f"sub-NDARINV{n:08d}.{endings[what]}.nii.gz": case.volumes[what] for what in ("t1", "fa")}


def _diffusion(case: Case, n: int) -> Files:
    """T1 in an axis order of its own, in the same world; FA and T2 (as b0) by names for what they become."""
    name = f"sub-{n + 1:04d}"
    brain = case.volumes["t1"].voxels > 0
    b0 = case.volumes["t2"].with_voxels(np.where(brain, case.volumes["t2"].voxels, 0))
    there = f"{name}/dwi/{name}_space-T1w_desc-preproc_"
    return {
        f"{name}/anat/{name}_desc-preproc_T1w.nii.gz": reorient(case.volumes["t1"], "PSR"),
        f"{there}dwi.nii.gz": b0,
        f"{there}fa.nii.gz": case.volumes["fa"],
    }


def _dicom(case: Case, n: int) -> Files:
    return {f"{case.id}/{what}": case.volumes[what] for what in ("t1", "ct")}


def _bids(case: Case, n: int) -> Files:
    name = f"sub-{n + 1:02d}"
    suffixes = {"t1": "T1w", "t2": "T2w", "flair": "FLAIR"}
    return {f"{name}/anat/{name}_{suffixes[what]}.nii.gz": case.volumes[what] for what in suffixes}


def _slices(case: Case, n: int) -> Files:
    """Axial slices in 16 bits, two folders, the last subject of five to test."""
    side, made = "test" if n % 5 == 4 else "train", {}
    for letter, what in (("A", "t1"), ("B", "t2")):
        volume = reorient(case.volumes[what], "LPS")
        for k in range(volume.voxels.shape[2]):
            one = volume.voxels[:, :, k : k + 1].clip(0, 65535).astype(np.uint16)
            made[f"{side}{letter}/{case.id}_{k:03d}.png"] = Volume(one, volume.affine)
    return made


def _korean_human(case: Case, n: int) -> Files:
    """Three stacks of pictures from head to feet; MR lacks the lowest slice. Labels by their colours."""
    made: Files = {}
    assert case.segmentation is not None
    stacks = {
        "mr": case.volumes["t1"],
        "colour": case.volumes["colour"],
        "segmentation": release_saving.in_colours(case.segmentation),
    }
    for what, volume in stacks.items():
        one = reorient(volume, "LPI")
        voxels = one.voxels.clip(0, 65535).astype(np.uint16) if what == "mr" else one.voxels
        for k in range(voxels.shape[2] - (what == "mr")):
            made[f"body{n + 1}/{what}/{what}_{k + 1:04d}.png"] = Volume(voxels[:, :, k : k + 1], one.affine)
    return made


def _options(
    *modalities: str, head: Literal["always", "never"], segmentation: bool = False
) -> atlas.AtlasOptions:
    mask: Literal["brain", "head"] = "head" if "ct" in modalities else "brain"
    return atlas.AtlasOptions(modalities=modalities, head=head, segmentation=segmentation, mask=mask)


_TUMOUR = _options("t1", "t2", "flair", head="never", segmentation=True)
RELEASES: Mapping[str, Release] = {
    "synthrad2023": Release("synthrad", _options("t1", "ct", head="always"), _synthrad2023, ("mr",)),
    "synthrad2025": Release("synthrad", _options("ct", head="always"), _synthrad2025, ()),
    "brats2020": Release("brats", _TUMOUR, _brats2020),
    "brats2021": Release("brats", _TUMOUR, _brats2021),
    "brats2023": Release("brats", _TUMOUR, _brats2023),
    "ixi": Release("ixi", _options("t1", "t2", "pd", head="always"), _ixi),
    "abcd": Release("pairs", _options("t1", "fa", head="never"), _abcd, ("t1", "fa")),
    "diffusion": Release(
        "t1_fa",
        _options("t1", "t2", "fa", head="never"),
        _diffusion,
        told=("by=header",),
        save=release_saving.save_series,
    ),
    "korean_human": Release(
        "korean_human",
        _options("t1", "colour", head="always", segmentation=True),
        _korean_human,
        ("mr",),
        save=release_saving.save_stacks,
    ),
    "dicom": Release(
        "dicom",
        _options("t1", "ct", head="always"),
        _dicom,
        told=("synthetic=true",),
        save=release_saving.save_dicom,
    ),
    "bids": Release(
        "bids",
        _options("t1", "t2", "flair", head="always"),
        _bids,
        save=release_saving.save_bids,
    ),
    "slices": Release("slices", _options("t1", "t2", head="never"), _slices, told=("a=t1", "b=t2")),
}


def _missing(made: Files) -> Files:
    return dict(list(made.items())[1:])


def _axis_order(made: Files) -> Files:
    first = next(iter(made))
    return {**made, first: reorient(made[first], "IPL")}


def _oblique(made: Files) -> Files:
    turn = _turn((7.0, -4.0, 12.0))
    return {path: Volume(one.voxels, turn @ one.affine) for path, one in made.items()}


def _unregistered(made: Files) -> Files:
    first = next(iter(made))
    return {**made, first: _moved(made[first], (8.0, 0.0, 0.0), (0.0, 0.0, 5.0))}


def _wrong_name(made: Files) -> Files:
    first = PurePosixPath(next(iter(made)))
    return {str(first.with_name(f"copy of {first.name}")): made[str(first)], **_missing(made)}


_WITH: Mapping[Defect, Callable[[Files], Files]] = {
    "missing": _missing,
    "axis-order": _axis_order,
    "oblique": _oblique,
    "unregistered": _unregistered,
    "wrong-name": _wrong_name,
}


def _moved(volume: Volume, shift_mm: Sequence[float], degrees: Sequence[float]) -> Volume:
    """Turn a volume about its middle and shift it: its header says so, as a scanner's would; no voxel changes."""
    middle = volume.grid.world((np.array(volume.grid.shape) - 1) / 2)
    turn = _turn(degrees)
    turn[:3, 3] = middle + np.array(shift_mm) - turn[:3, :3] @ middle
    return Volume(volume.voxels, turn @ volume.affine)


def _turn(degrees: Sequence[float]) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix()
    return matrix
