"""Which modules are mutated, and which test files have to notice it."""

from __future__ import annotations

Modules = dict[str, tuple[str, ...]]
"""Test files by the module whose mutants they have to notice."""
_DICOM = "volumes/formats/dicom"

GROUPS: dict[str, Modules] = {
    "readers": {
        "volumes/formats/nifti.py": ("volumes/formats/test_nifti.py",),
        "volumes/formats/nifti_header.py": (
            "volumes/formats/test_nifti_header.py",
            "volumes/formats/test_nifti.py",
        ),
        "volumes/formats/nifti_affine.py": (
            "volumes/formats/test_nifti_affine.py",
            "volumes/formats/test_nifti.py",
        ),
        "volumes/formats/metaimage.py": (
            "volumes/formats/test_metaimage.py",
            "volumes/formats/test_metaimage_header.py",
        ),
        "volumes/formats/metaimage_header.py": ("volumes/formats/test_metaimage_header.py",),
        "volumes/formats/png.py": ("volumes/formats/test_png.py",),
    },
    "DICOM": {
        f"{_DICOM}/checks.py": (f"{_DICOM}/test_checks.py", f"{_DICOM}/test_series.py"),
        f"{_DICOM}/headers.py": (f"{_DICOM}/test_headers.py", f"{_DICOM}/test_header_values.py"),
        f"{_DICOM}/kinds.py": (f"{_DICOM}/test_kinds.py",),
        f"{_DICOM}/pixels.py": (f"{_DICOM}/test_pixels.py", f"{_DICOM}/test_series.py"),
        f"{_DICOM}/plane.py": (f"{_DICOM}/test_plane.py",),
        f"{_DICOM}/series.py": (f"{_DICOM}/test_series.py",),
        f"{_DICOM}/slice_header.py": (f"{_DICOM}/test_slice_header.py", f"{_DICOM}/test_series.py"),
    },
    "pictures": {
        "volumes/formats/bmp.py": ("volumes/formats/test_bmp.py",),
        "volumes/formats/raster.py": ("volumes/formats/test_raster.py",),
        "volumes/formats/tiff.py": ("volumes/formats/test_tiff.py", "volumes/formats/test_raster.py"),
        "volumes/formats/tiff_strips.py": (
            "volumes/formats/test_tiff_strips.py",
            "volumes/formats/test_tiff.py",
        ),
    },
    "geometry": {
        "volumes/geometry/reorient.py": ("volumes/geometry/test_reorient.py",),
        "volumes/geometry/resampling.py": ("volumes/geometry/test_resampling.py",),
        "volumes/geometry/interpolation.py": ("volumes/geometry/test_interpolation.py",),
    },
    "intensity": {"volumes/intensity.py": ("volumes/test_intensity.py",)},
    "split": {
        "cohorts/split/split.py": ("cohorts/split/test_split.py",),
        "cohorts/split/leaks.py": ("cohorts/split/test_leaks.py",),
        "cohorts/split/folds.py": ("cohorts/split/test_folds.py",),
    },
    "checkpoint": {
        "checkpoint/manifest.py": ("checkpoint/test_manifest.py", "checkpoint/test_folder.py"),
        "checkpoint/checks.py": ("checkpoint/test_checks.py",),
    },
    "metrics": {
        "metrics/slices.py": ("metrics/test_slices.py",),
        "metrics/suite/ssim.py": ("metrics/suite/test_ssim.py",),
        "metrics/suite/voxels.py": ("metrics/suite/test_voxels.py",),
    },
}
