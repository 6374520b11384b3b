"""The corpus: files by format, each written by code; `all_entries` gathers them."""

from __future__ import annotations

from functools import cache

from promises.corpus import (
    checkpoints,
    cohorts,
    csv_tables,
    dicom_bytes,
    dicom_pixels,
    dicom_places,
    dicom_valid,
    metaimage,
    metaimage_valid,
    nifti_bytes,
    nifti_headers,
    nifti_valid,
    pictures,
    recipes,
)
from promises.entries import Entry

_MODULES = (
    nifti_bytes,
    nifti_headers,
    nifti_valid,
    metaimage,
    metaimage_valid,
    dicom_bytes,
    dicom_pixels,
    dicom_places,
    dicom_valid,
    pictures,
    checkpoints,
    recipes,
    cohorts,
    csv_tables,
)


@cache
def all_entries() -> list[Entry]:
    """Return every entry; names are distinct."""
    return [entry for module in _MODULES for entry in module.entries()]
