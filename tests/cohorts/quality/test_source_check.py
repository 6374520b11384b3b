"""Sources compared with the sources of training: right ones pass, others are named."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import ndimage

from transmodal.cohorts.quality.finding import Outcome
from transmodal.cohorts.quality.source_check import check_source, grid_findings, image_findings
from transmodal.cohorts.quality.training_sources import ModalityReference, build_reference
from transmodal.volumes import Grid, Volume
from transmodal.volumes.appearance import Tissue, measure_appearance

BrainOf = Callable[..., Volume]
TRAINED = ("t1", "t2")


def reference_of(volumes: list[Volume], *, in_unit: bool = False) -> ModalityReference:
    return build_reference(
        [measure_appearance(one) for one in volumes], [one.grid for one in volumes], in_unit=in_unit
    )


@pytest.fixture(scope="module")
def trained(brain_of: BrainOf) -> dict[str, ModalityReference]:
    return {name: reference_of([brain_of(name, n) for n in range(3)]) for name in TRAINED}


def outcome(known: ModalityReference, volume: Volume) -> Outcome:
    findings, _ = check_source(known, volume)
    return max((one.outcome for one in findings), key=("pass", "warn", "refuse").index, default="pass")


@pytest.mark.parametrize("run", TRAINED)
@pytest.mark.parametrize("contrast", ["t1", "t2", "pd", "flair", "fa"])
def test_another_contrast_does_not_pass(
    trained: dict[str, ModalityReference], brain_of: BrainOf, run: str, contrast: str
) -> None:
    found = outcome(trained[run], brain_of(contrast, 9))
    assert found == "pass" if contrast == run else found != "pass"


def test_reasons_have_words_and_figures(trained: dict[str, ModalityReference], brain_of: BrainOf) -> None:
    findings, figures = check_source(trained["t1"], brain_of("t2", 9))
    (one,) = findings
    assert one.outcome == "refuse"
    assert one.evidence == "image"
    assert "grey matter shows 1.3" in one.text
    assert "it looks like T2" in one.text
    assert figures["grey"] == pytest.approx(1.33, rel=0.1)


def test_what_lies_between_two_contrasts_and_beyond_training_is_named(
    trained: dict[str, ModalityReference], brain_of: BrainOf
) -> None:
    seen = measure_appearance(brain_of("t1", 9))
    assert seen is not None
    # A FLAIR of a virtual subject in which grey matter is a little darker than white matter.
    flair = Tissue(0.952, 0.367, 0.288, 0.008, 0.095, 0.444, 775.6)
    (one,) = image_findings(trained["t1"], seen._replace(tissue=flair))
    assert one.outcome == "warn"
    assert "it looks like FLAIR as much" in one.text


@pytest.mark.parametrize("spoiled", ["reversed", "noise", "upside down"])
def test_what_no_run_should_take_is_named(
    trained: dict[str, ModalityReference], brain_of: BrainOf, spoiled: str
) -> None:
    brain = brain_of("t1", 9)
    draw = np.random.default_rng(4)
    voxels = {
        "reversed": brain.voxels.max() - brain.voxels,
        "noise": draw.random(brain.voxels.shape, np.float32),
        "upside down": np.ascontiguousarray(brain.voxels[:, :, ::-1]),
    }[spoiled]
    assert outcome(trained["t1"], brain.with_voxels(voxels)) == "refuse"


def test_hounsfield_units_and_none_are_told_apart(
    trained: dict[str, ModalityReference], brain_of: BrainOf
) -> None:
    brain = brain_of("t1", 9)
    hu = brain.with_voxels(np.where(brain.voxels > 0, brain.voxels / 15, -1000).astype(np.float32))
    (one,) = check_source(trained["t1"], hu)[0]
    assert one.outcome == "refuse"
    assert "look like Hounsfield units" in one.text
    known = reference_of([body(n, hu=True) for n in range(3)], in_unit=True)
    (other,) = check_source(known, body(9))[0]
    assert other.outcome == "refuse"
    assert "are no Hounsfield units" in other.text


def test_a_map_in_another_unit_is_refused(brain_of: BrainOf) -> None:
    known = reference_of([brain_of("fa", n) for n in range(3)], in_unit=True)
    fa = brain_of("fa", 9)
    assert outcome(known, fa) == "pass"
    (one,) = check_source(known, fa.with_voxels(fa.voxels * 1000))[0]
    assert one.outcome == "refuse"
    assert "another unit" in one.text


def body(seed: int, *, hu: bool = False) -> Volume:
    """An ellipsoid with two organs in it, 240 x 180 x 160 mm."""
    draw = np.random.default_rng(seed)
    x, y, z = np.meshgrid(*((np.arange(n) - n / 2) * 4.0 for n in (76, 60, 44)), indexing="ij", sparse=True)
    size = draw.uniform(0.95, 1.05)
    inside = (x / 120) ** 2 + (y / 90) ** 2 + (z / 300) ** 2 < size
    organ = ((x - 40) / 50) ** 2 + (y / 50) ** 2 + (z / 50) ** 2 < size
    shown = inside * 300.0 + organ * 200.0 + inside * 20 * draw.standard_normal(inside.shape)
    if hu:
        shown = np.where(inside, shown / 10, -1000)
    return Volume(shown.astype(np.float32), np.diag([4.0, 4.0, 4.0, 1.0]))


def test_bodies_are_held_against_training_alone() -> None:
    known = reference_of([body(n) for n in range(3)])
    assert (known.kind, known.contrast) == ("other", "")
    right = body(9)
    assert outcome(known, right) == "pass"
    assert outcome(known, right.with_voxels(right.voxels * 3)) == "pass"
    assert outcome(known, right.with_voxels(right.voxels.max() - right.voxels)) == "refuse"
    noise = np.random.default_rng(0).random(right.voxels.shape, np.float32)
    assert outcome(known, right.with_voxels(noise)) == "refuse"
    half = Volume(right.voxels[:, :, ::3], right.affine)
    assert outcome(known, half) == "warn"


def test_few_and_small_cases_are_not_judged(brain_of: BrainOf) -> None:
    few = reference_of([brain_of("t1", n) for n in range(2)])
    assert few.kind == "none"
    findings, figures = check_source(few, brain_of("t2"))
    assert findings == []
    assert figures["image"] == "not judged: 2 training cases, and 3 are needed"
    tiny = Volume(ndimage.gaussian_filter(np.random.default_rng(0).random((20, 20, 20)), 2), np.eye(4))
    small = reference_of([tiny] * 5)
    assert (
        check_source(small, tiny)[1]["image"] == "not judged: training's images are too small, thin or even"
    )


def test_an_image_too_small_to_judge_is_a_warning_where_training_was_not(
    trained: dict[str, ModalityReference],
) -> None:
    tiny = Volume(np.random.default_rng(0).random((20, 20, 20), np.float32), np.eye(4))
    findings, _ = check_source(trained["t1"], tiny)
    assert {one.outcome for one in findings} == {"warn"}
    assert any("too small" in one.text for one in findings)


def test_grids_far_from_training_are_named(trained: dict[str, ModalityReference]) -> None:
    known = trained["t1"]
    assert grid_findings(known, Grid((180, 220, 180), np.eye(4))) == []
    (thick,) = grid_findings(known, Grid((180, 220, 18), np.diag([1.0, 1.0, 10.0, 1.0])))
    assert thick.outcome == "warn"
    assert "spacing 1 x 1 x 10 mm; training had 2.8" in thick.text
    (slab,) = grid_findings(known, Grid((180, 220, 20), np.eye(4)))
    assert "field of view 20 mm top to bottom" in slab.text
