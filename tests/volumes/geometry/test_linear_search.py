"""The search uphill: where it starts, and that a known shift is found."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813  (the field's name for it)

from transmodal.errors import InputError
from transmodal.volumes import Volume
from transmodal.volumes.geometry import itk
from transmodal.volumes.geometry.linear_search import climb, find_starts, register_linearly
from transmodal.volumes.geometry.similarity import Metric
from transmodal.volumes.geometry.working_pair import WorkingPair


def blob(*shift: float) -> Volume:
    i, j, k = np.indices((20, 22, 18))
    bright = np.exp(-((i - 9) ** 2 / 20 + (j - 11) ** 2 / 30 + (k - 8) ** 2 / 12))
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    affine[:3, 3] = shift
    return Volume(bright.astype(np.float32), affine)


def pair_of(*shift: float) -> WorkingPair:
    return WorkingPair.of(blob(0, 0, 0), blob(*shift), None, "correlation")


def test_starts_are_the_headers_and_the_centres() -> None:
    headers, centres = find_starts(pair_of(6, -4, 2))
    assert headers.GetTranslation() == (0, 0, 0)
    np.testing.assert_allclose(
        centres.GetTranslation(), (-6, 4, 2), atol=1e-4
    )  # right and front turn in LPS+


def test_a_known_shift_is_found_and_the_metric_told() -> None:
    pair = pair_of(6, -4, 2)
    place, value = climb(pair, find_starts(pair)[0])
    np.testing.assert_allclose(place.TransformPoint((0.0, 0.0, 0.0)), (-6, 4, 2), atol=0.3)
    assert value == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("stretch", [False, True])
def test_the_best_start_goes_on_rigidly_or_stretched(stretch: bool) -> None:
    pair = pair_of(6, -4, 2)
    found = register_linearly(pair, pair, find_starts(pair), stretch=stretch)
    assert isinstance(found, sitk.AffineTransform if stretch else sitk.Euler3DTransform)
    np.testing.assert_allclose(itk.matrix(found)[:3, 3], (-6, 4, 2), atol=0.6)


@pytest.mark.parametrize("metric", ["mutual_information", "correlation"])
def test_volumes_that_never_overlap_are_refused(metric: Metric) -> None:
    pair = WorkingPair.of(blob(0, 0, 0), blob(5000, 0, 0), None, metric)
    headers = find_starts(pair)[0]
    with pytest.raises(InputError, match="overlap") as refused:
        climb(pair, headers)
    assert refused.value.code == "E004"
    with pytest.raises(InputError, match="overlap"):
        register_linearly(pair, pair, [headers], stretch=False)


@pytest.mark.parametrize("metric", ["mutual_information", "correlation"])
def test_headers_that_lie_apart_leave_the_centres_to_start_from(metric: Metric) -> None:
    pair = WorkingPair.of(blob(0, 0, 0), blob(5000, 0, 0), None, metric)
    place = register_linearly(pair, pair, find_starts(pair), stretch=False)
    np.testing.assert_allclose(itk.matrix(place)[:3, 3], (-5000, 0, 0), atol=0.6)


SEARCH = """
import numpy as np
from transmodal.volumes import Volume
from transmodal.volumes.geometry.linear_search import climb, find_starts
from transmodal.volumes.geometry.working_pair import WorkingPair
from transmodal.volumes.regions.template_alignment import coarse_template
t1, _, ring = coarse_template()
turned = Volume(t1.voxels, np.diag([1.0, 1.0, -1.0, 1.0]) @ t1.affine)  # no place fits, and sums decide
pair = WorkingPair.of(t1, turned, ring, "mutual_information").at(8.0)
for start in find_starts(pair):
    place, value = climb(pair, start)
    print([number.hex() for number in (*place.GetParameters(), value)])
"""


def test_two_processes_come_to_the_same_place_to_the_last_bit_whatever_the_cores() -> None:
    def search(n_threads: int) -> str:
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *sys.path]),
            "PYTHONHASHSEED": str(n_threads),
            "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": str(n_threads),
        }
        words = [sys.executable, "-c", SEARCH]
        return subprocess.run(words, env=environment, check=True, capture_output=True, text=True).stdout

    first, second = search(1), search(3)
    assert first.count("0x") == 14
    assert first == second
