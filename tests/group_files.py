"""A group as files: measured and synthetic FA of eight participants, their label maps, and what is known of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from transmodal.cohorts.case_files import CaseFiles
from transmodal.cohorts.options import PrepareOptions
from transmodal.cohorts.prepare.prepare import prepare
from transmodal.cohorts.store import Cohort
from transmodal.volumes import Volume, io

N = 8
SHAPE = (6, 5, 4)
AFFINE = np.diag([2.0, 2.0, 3.0, 1.0])
AFFINE[:3, 3] = (-5, -4, -3)
VOXEL_MM3 = 12.0
SLOPE = 0.01
"""FA of the left side rises by this each year; the right side's does not."""


def age(n: int) -> int:
    return 20 + 3 * (n * 5 % N)


def labels() -> NDArray[np.uint8]:
    """Left 1, right 2, and a plane of neither."""
    numbers = np.zeros(SHAPE, np.uint8)
    numbers[:2], numbers[3:] = 1, 2
    return numbers


def fa(n: int, shift: float = 0.0) -> Volume:
    draw = np.random.default_rng(n)
    values = 0.2 + shift + 0.002 * draw.standard_normal(SHAPE)
    values[:2] += SLOPE * (age(n) - 20)
    return Volume(values.astype(np.float32), AFFINE)


def write_group(folder: Path) -> Path:
    """Write the folders measured, synthetic and labels, participants.tsv with its JSON, and labels.tsv."""
    for name in ("measured", "synthetic", "labels"):
        (folder / name).mkdir(parents=True)
    for n in range(N):
        io.write(fa(n), folder / f"measured/sub-{n}_fa.nii.gz")
        io.write(
            fa(n, 0.1), folder / f"synthetic/sub-{n}_desc-synthetic_fa.nii.gz", description="SYNTHETIC x"
        )
        io.write(Volume(labels(), AFFINE), folder / f"labels/sub-{n}_dseg.nii.gz")
    rows = [f"sub-{n}\t{age(n)}\t{'FM'[n % 2]}" for n in range(N)]
    (folder / "participants.tsv").write_text("\n".join(["participant_id\tage\tsex", *rows]) + "\n")
    (folder / "participants.json").write_text('{"age": {"Description": "Age.", "Units": "year"}}')
    (folder / "labels.tsv").write_text("label\tname\n1\tLeft side\n2\tRight side\n")
    return folder


def write_cohort(folder: Path, *, segmented: bool = True) -> Cohort:
    """Prepare the measured images of a group and their label maps."""
    cases = [
        CaseFiles(
            f"sub-{n}",
            f"sub-{n}",
            {"fa": folder / f"measured/sub-{n}_fa.nii.gz"},
            segmentation=folder / f"labels/sub-{n}_dseg.nii.gz" if segmented else None,
        )
        for n in range(N)
    ]
    sides = {f"sub-{n}": "test" if n < 6 else "train" for n in range(N)}
    options = PrepareOptions(copies="warn", labels={1: "Left side"})
    return prepare(cases, folder / "cohort", options, sides=sides)
