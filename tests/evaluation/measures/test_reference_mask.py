from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from phantoms import Images, Phantom, Place
from transmodal.cohorts.case import Case
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.cohorts.store import Cohort, PreparedCase
from transmodal.evaluation.casewise import evaluate_cases
from transmodal.evaluation.measures import reference_mask
from transmodal.evaluation.measures.reference_mask import MaskedCase, ReferenceMask, choose, mask_cases
from transmodal.evaluation.participants import Participants
from transmodal.evaluation.records import store as stored
from transmodal.evaluation.report.write import write
from transmodal.evaluation.request import ScoringOptions
from transmodal.evaluation.run import evaluate_oracles
from transmodal.evaluation.task import build_task
from transmodal.evaluation.verify import check as verify
from transmodal.volumes import Volume
from transmodal.volumes.geometry.reorient import resample, working_grid
from transmodal.volumes.regions import template
from transmodal.volumes.regions.masks import find_region

SHAPE = (30, 34, 28)
Make = Callable[..., Any]


@dataclass(frozen=True)
class BallPhantom(Phantom):
    """T1 of a head in air, and FA that is 0 outside a smaller ball, as QSIPrep gives it."""

    with_mask: bool = False
    shape = SHAPE
    spacing_mm = (3.0, 3.0, 3.0)

    def images(self, place: Place) -> Images:
        i, j, k = place
        noise = np.random.default_rng(self.number).normal(size=SHAPE)
        far = np.sqrt((i - 0.02 * self.number) ** 2 + j**2 + k**2)
        t1 = np.where(far < 0.85, 600 + 200 * np.sin(3 * i) + 20 * noise, 5.0)
        fa = np.where(far < 0.6, 0.5 + 0.3 * np.sin(4 * j + self.number), 0.0)
        mask = (far < 0.5).astype(np.uint8) if self.with_mask else None
        return Images({"t1": t1.astype(np.float32), "fa": fa.astype(np.float32)}, mask)


def make(folder: Path, cases: Sequence[Any]) -> Cohort:
    return prepare(cases, folder, PrepareOptions(counts=(2, 1, len(cases) - 3), copies="ignore"))


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    return make(tmp_path_factory.mktemp("plain") / "cohort", [BallPhantom(n) for n in range(5)])


class Off:
    """Makes the target with a constant error everywhere, air included."""

    name = "off"

    def __init__(self, by: float) -> None:
        self.by = by

    def translate_case(self, case: PreparedCase) -> Volume:
        fa = case.volume("fa")
        return fa.with_voxels(np.where(fa.voxels > 0, fa.voxels + self.by, fa.voxels).astype(np.float32))

    def record(self) -> dict[str, Any]:
        return {"weights_sha256": "f" * 64}


def test_figures_are_taken_where_the_target_is(cohort: Cohort, make_preprocessing: Make) -> None:
    preprocessing = make_preprocessing(region="whole", low=0.0, high=900.0)
    evaluation = evaluate_oracles(preprocessing, cohort, ScoringOptions(oracles=("lookup",)))
    assert evaluation.task.mask == ReferenceMask("fa", "body")
    texts = {row.protocol.region: row.protocol.text() for row in evaluation.rows if row.metric == "mae"}
    assert texts["mask"].startswith("inside the evaluation mask, the body of the measured fa; 3D")
    assert texts["whole"].startswith("whole volume; 3D")
    for case in cohort.cases("test"):
        inside = find_region(case.volume("fa"), "body").mask
        fa = case.volume("fa").voxels
        assert inside[fa > 0].mean() > 0.95
        assert inside.mean() < 0.3
        mae = {
            row.protocol.region: row.value
            for row in evaluation.rows
            if row.metric == "mae" and row.case == case.id
        }
        assert mae["mask"] > 2 * mae["whole"]  # most of the volume is air, which is right by nature


def test_the_mask_comes_from_the_reference_and_not_from_what_was_made(
    cohort: Cohort, make_preprocessing: Make
) -> None:
    preprocessing = make_preprocessing(region="whole")
    case = cohort.cases("test")[0]
    (one,) = mask_cases(cohort, [case], "fa", ("body",))
    wanted = find_region(case.volume("fa"), "body").mask
    np.testing.assert_array_equal(one.mask(), wanted)
    task = replace(build_task(cohort, preprocessing, ("t1",), "test"), mask=ReferenceMask("fa", "body"))
    small, large = (evaluate_cases(Participants([Off(by)]), [one], task) for by in (0.01, 0.2))
    assert small.targets == large.targets
    assert small.targets[case.id].mask == stored.hash_target(one, "fa").mask is not None
    by_region = {row.protocol.region: row.value for row in large.rows if row.metric == "mae"}
    made = Off(0.2).translate_case(case).voxels
    off = np.abs(made - case.volume("fa").voxels)
    assert by_region["mask"] == pytest.approx(off[wanted].mean(), rel=1e-6)
    assert by_region["whole"] == pytest.approx(off.mean(), rel=1e-6)


def test_regions_do_not_collapse(cohort: Cohort, make_preprocessing: Make) -> None:
    cases = cohort.cases("test")
    task = build_task(cohort, make_preprocessing(region="whole"), ("t1",), "test")
    before = evaluate_cases(Participants([Off(0.1)]), cases, task).regions
    inside = mask_cases(cohort, cases, "fa", ("body",))
    after = evaluate_cases(
        Participants([Off(0.1)]), inside, replace(task, mask=ReferenceMask("fa", "body"))
    ).regions
    assert sum(one.n == 0 for one in before) > 5 * len(cases)  # air is more than half of the volume
    filled = [one for one in after if one.n > 0]
    assert len(filled) >= 9 * len(cases)
    assert all(one.measured > 0.1 for one in filled if one.region != "1 of 10")


def test_a_data_set_with_masks_stays_as_it_is(tmp_path: Path, make_preprocessing: Make) -> None:
    cohort = make(tmp_path / "cohort", [BallPhantom(n, with_mask=n != 3) for n in range(5)])
    evaluation = evaluate_oracles(
        make_preprocessing(region="whole", high=900.0), cohort, ScoringOptions(oracles=("lookup",))
    )
    assert evaluation.task.mask is None
    assert {row.protocol.mask for row in evaluation.rows} == {""}
    assert "mask" not in evaluation.rows[0].protocol.to_json()
    assert "mask" not in evaluation.to_json()["scoring"]
    assert not any(
        isinstance(one, MaskedCase) for one in mask_cases(cohort, cohort.cases(), "fa", ("body",))
    )  # not the third either, which has none


def test_figures_can_be_taken_again(cohort: Cohort, make_preprocessing: Make, tmp_path: Path) -> None:
    preprocessing = make_preprocessing(region="whole")
    cases = cohort.cases("test")
    mask = choose(cohort, cases, "fa", "whole")
    task = replace(build_task(cohort, preprocessing, ("t1",), "test"), mask=mask)
    store = stored.VolumeStore(tmp_path)
    evaluation = evaluate_cases(
        Participants([Off(0.05)], (), {"off": Off(0.05).record()}),
        mask_cases(cohort, cases, "fa", ("body",)),
        task,
        store=store,
    )
    write(evaluation, tmp_path)
    checked = verify.check(tmp_path, cohort)
    assert checked.figures > 0
    assert checked.exact == checked.figures
    assert "body of the measured fa" in (tmp_path / "report.html").read_text()


@dataclass(frozen=True)
class Stripped:
    """FA in the shape of a brain, or of a box; T1 alike."""

    number: int
    is_brain: bool = True

    @property
    def id(self) -> str:
        return f"case{self.number}"

    @property
    def patient(self) -> str:
        return self.id

    def fingerprint(self) -> str:
        return f"{self}"

    def load(self) -> Case:
        whole = template.mask()
        mask = resample(whole, working_grid(whole.grid, 4.0), how="nearest")
        inside = mask.voxels > 0
        if not self.is_brain:
            inside = np.zeros_like(inside)
            inside[10:20, 10:20, 10:20] = True
        draw = np.random.default_rng(self.number)
        fa = np.where(inside, 0.3 + 0.4 * draw.random(inside.shape), 0)
        return Case(
            self.id,
            self.patient,
            {
                "t1": mask.with_voxels((500 * fa).astype(np.float32)),
                "fa": mask.with_voxels(fa.astype(np.float32)),
            },
        )


def test_the_recipes_region_is_preferred_where_it_is_found_in_every_case(tmp_path: Path) -> None:
    options = PrepareOptions(ratios=(1, 0, 0))
    brains = prepare([Stripped(n) for n in range(2)], tmp_path / "a", options)
    assert choose(brains, brains.cases(), "fa", "brain") == ReferenceMask("fa", "brain")
    (one, _) = mask_cases(brains, brains.cases(), "fa", ("brain", "body"))
    flags = one.mask()
    assert flags is not None
    fa = brains.cases()[0].volume("fa").voxels
    assert flags[fa > 0].mean() > 0.99
    assert (flags & (fa == 0)).mean() < 0.01
    mixed = prepare([Stripped(0), Stripped(1, is_brain=False)], tmp_path / "b", options)
    assert choose(mixed, mixed.cases(), "fa", "brain") == ReferenceMask("fa", "body")


def test_a_cohort_that_can_only_be_read_is_masked_all_the_same(
    cohort: Cohort, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    own = make(tmp_path / "cohort", [BallPhantom(n) for n in range(5)])
    (own.folder / "working").mkdir(exist_ok=True)
    (own.folder / "working" / "regions-1").write_text("a file where a folder would go")
    (one,) = mask_cases(own, own.cases("test")[:1], "fa", ("body",))
    (other,) = mask_cases(cohort, cohort.cases("test")[:1], "fa", ("body",))
    np.testing.assert_array_equal(one.mask(), other.mask())


def test_a_prepared_region_of_the_target_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = PrepareOptions(ratios=(1, 0, 0), regions={"fa": ("body",)})
    cohort = prepare([BallPhantom(0)], tmp_path / "cohort", options)
    case = cohort.cases()[0]
    (one,) = mask_cases(cohort, [case], "fa", ("body",))
    np.testing.assert_array_equal(one.mask(), case.region("fa", "body"))
    assert not (cohort.folder / "working" / "regions-1").exists()
    assert reference_mask.kinds_of("around_brain") == ("around_brain", "body")
