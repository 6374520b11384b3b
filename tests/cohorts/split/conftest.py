from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from transmodal.cohorts.manifest import CaseEntry, VolumeEntry, matrix
from transmodal.modalities import modality_of
from transmodal.volumes.intensity import fit


@pytest.fixture
def entry() -> Callable[..., CaseEntry]:
    """Return a maker of entries of cases that have one image each."""
    return make_entry


def make_entry(name: str, patient: str = "", group: str = "", content: str = "") -> CaseEntry:
    volume = VolumeEntry(
        file=f"cases/{name}/t1.npy",
        dtype="<i2",
        shape=(2, 3, 4),
        sha256=f"sha of {name}",
        content_sha256=content or f"content of {name}",
        native_shape=(2, 3, 4),
        native_affine=matrix(np.eye(4)),
        intensity=fit(modality_of("t1").intensity, np.arange(24)).to_json(),
        fitted_in="whole",
    )
    return CaseEntry(
        id=name,
        patient=patient or name,
        group=group,
        affine=matrix(np.eye(4)),
        volumes={"t1": volume},
        fingerprint=name,
    )
