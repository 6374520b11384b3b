"""The files of one virtual subject in each release: its volumes by their path below the release's folder."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from transmodal.cohorts.case import Case
from transmodal.cohorts.simulation.contrasts import LABELS
from transmodal.cohorts.simulation.release import saving
from transmodal.cohorts.simulation.release.defects import move
from transmodal.cohorts.simulation.release.saving import Files
from transmodal.volumes import Volume
from transmodal.volumes.geometry.reorient import reorient


def synthrad2023_files(case: Case, n: int) -> Files:
    """Return MR, CT and the body mask of SynthRAD2023, task 1."""
    name = f"1B{'ABC'[n % 3]}{n + 1:03d}"
    files = _synthrad(case, "mr", case.volumes["t1"])
    return {f"Task1/brain/{name}/{image}.nii.gz": volume for image, volume in files.items()}


def synthrad2025_files(case: Case, n: int) -> Files:
    """Return CBCT, CT and the body mask of SynthRAD2025, task 2."""
    name = f"2HN{'ABCDE'[n % 5]}{n + 1:03d}"
    files = _synthrad(case, "cbct", _cone_beam(case.volumes["ct"], n))
    return {f"Task2/HN/{name}/{image}.mha": volume for image, volume in files.items()}


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


def brats2020_files(case: Case, n: int) -> Files:
    """Return four contrasts and labels of BraTS 2020."""
    name = f"BraTS20_Training_{n + 1:03d}"
    return {f"{name}/{name}_{image}.nii": volume for image, volume in _brats(case, enhancing=4).items()}


def brats2021_files(case: Case, n: int) -> Files:
    """Return four contrasts and labels of BraTS 2021."""
    name = f"BraTS2021_{n:05d}"
    return {f"{name}/{name}_{image}.nii.gz": volume for image, volume in _brats(case, enhancing=4).items()}


def brats2023_files(case: Case, n: int) -> Files:
    """Return four contrasts and labels of BraTS 2023."""
    name, new = (
        f"BraTS-GLI-{n:05d}-000",
        {"t1": "t1n", "t1ce": "t1c", "t2": "t2w", "flair": "t2f", "seg": "seg"},
    )
    return {
        f"{name}/{name}-{new[image]}.nii.gz": volume for image, volume in _brats(case, enhancing=3).items()
    }


def _brats(case: Case, *, enhancing: int) -> dict[str, Volume]:
    """Return four contrasts without a skull, and lesions as tumours with an oedema around."""
    assert case.mask is not None
    assert case.segmentation is not None
    brain = case.mask.voxels > 0
    tumour = case.segmentation.voxels == LABELS["lesion"]
    seg = np.where(ndimage.binary_dilation(tumour), 2, 0)
    seg[tumour] = enhancing
    stripped = {name: np.where(brain, volume.voxels, 0) for name, volume in case.volumes.items()}
    stripped["t1ce"] = np.where(tumour, stripped["t1"].max(), stripped["t1"])
    volumes = {name: case.mask.with_voxels(stripped[name]) for name in ("t1", "t1ce", "t2", "flair")}
    return {**volumes, "seg": case.mask.with_voxels(np.where(brain, seg, 0).astype(np.uint8))}


def ixi_files(case: Case, n: int) -> Files:
    """Return PD, T2 and T1 of IXI; T1 has an axis order of its own, and the head has moved."""
    name = f"IXI{n + 2:03d}-{('Guys', 'HH', 'IOP')[n % 3]}-{n + 828:04d}"
    contrasts = {"pd": case.volumes["pd"], "t2": case.volumes["t2"]}
    contrasts["t1"] = reorient(move(case.volumes["t1"], (3.0, -5.0, 4.0), (2.0, -1.0, 4.0)), "PSR")
    return {
        f"IXI-{contrast.upper()}/{name}-{contrast.upper()}.nii.gz": volume
        for contrast, volume in contrasts.items()
    }


def abcd_files(case: Case, n: int) -> Files:
    """Return T1 and FA, named as ABCD's."""
    endings = {"t1": "brain", "fa": "FA"}
    return {
        f"sub-NDARINV{n:08d}.{endings[modality]}.nii.gz": case.volumes[modality] for modality in ("t1", "fa")
    }


def diffusion_files(case: Case, n: int) -> Files:
    """Return T1 in an axis order of its own, in the same world; FA and T2 (as b0) by names for what they become."""
    name = f"sub-{n + 1:04d}"
    brain = case.volumes["t1"].voxels > 0
    b0 = case.volumes["t2"].with_voxels(np.where(brain, case.volumes["t2"].voxels, 0))
    prefix = f"{name}/dwi/{name}_space-T1w_desc-preproc_"
    return {
        f"{name}/anat/{name}_desc-preproc_T1w.nii.gz": reorient(case.volumes["t1"], "PSR"),
        f"{prefix}dwi.nii.gz": b0,
        f"{prefix}fa.nii.gz": case.volumes["fa"],
    }


def dicom_files(case: Case, n: int) -> Files:
    """Return T1 and CT, to be written as DICOM series."""
    return {f"{case.id}/{modality}": case.volumes[modality] for modality in ("t1", "ct")}


def bids_files(case: Case, n: int) -> Files:
    """Return T1, T2 and FLAIR of a BIDS dataset."""
    name = f"sub-{n + 1:02d}"
    suffixes = {"t1": "T1w", "t2": "T2w", "flair": "FLAIR"}
    return {
        f"{name}/anat/{name}_{suffixes[modality]}.nii.gz": case.volumes[modality] for modality in suffixes
    }


def slices_files(case: Case, n: int) -> Files:
    """Return axial slices in 16 bits, in two folders; the last subject of five is for testing."""
    side, slices = "test" if n % 5 == 4 else "train", {}
    for letter, modality in (("A", "t1"), ("B", "t2")):
        volume = reorient(case.volumes[modality], "LPS")
        for k in range(volume.voxels.shape[2]):
            plane = volume.voxels[:, :, k : k + 1].clip(0, 65535).astype(np.uint16)
            slices[f"{side}{letter}/{case.id}_{k:03d}.png"] = Volume(plane, volume.affine)
    return slices


def korean_human_files(case: Case, n: int) -> Files:
    """Return three stacks of pictures from head to feet; MR lacks the lowest slice. Labels by their colours."""
    slices: Files = {}
    assert case.segmentation is not None
    stacks = {
        "mr": case.volumes["t1"],
        "colour": case.volumes["colour"],
        "segmentation": saving.in_colours(case.segmentation),
    }
    for image, volume in stacks.items():
        oriented = reorient(volume, "LPI")
        voxels = oriented.voxels.clip(0, 65535).astype(np.uint16) if image == "mr" else oriented.voxels
        for k in range(voxels.shape[2] - (image == "mr")):
            slices[f"body{n + 1}/{image}/{image}_{k + 1:04d}.png"] = Volume(
                voxels[:, :, k : k + 1], oriented.affine
            )
    return slices
