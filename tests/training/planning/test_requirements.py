"""What a recipe needs of a cohort: labels, regions, one kind of voxels, enough cases."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from transmodal.cohorts.layouts import slices
from transmodal.cohorts.prepare.prepare import prepare
from transmodal.cohorts.store import Cohort
from transmodal.errors import InputError, TransmodalError, UsageError
from transmodal.recipes.schema import Recipe
from transmodal.training.planning.plan import plan
from transmodal.translators.unet_regression.translator import UNetRegression

Tiny = Callable[..., Recipe]


def refusal(recipe: Recipe, cohort: Cohort) -> TransmodalError:
    with pytest.raises((UsageError, InputError)) as caught:
        plan(recipe, cohort)
    return caught.value


def test_grey_in_one_case_and_colour_in_another(tiny: Tiny, cohort: Cohort) -> None:
    odd = cohort.split.train[1]
    cases = tuple(
        case.model_copy(
            update={
                "volumes": {
                    **case.volumes,
                    "fa": case.volumes["fa"].model_copy(update={"shape": (14, 17, 10, 3)}),
                }
            }
        )
        if case.id == odd
        else case
        for case in cohort.manifest.cases
    )
    error = refusal(
        tiny(), Cohort(cohort.folder, cohort.manifest.model_copy(update={"cases": cases}), cohort.split)
    )

    assert error.code == "E122"
    assert odd in error.got


def test_a_missing_region_is_named(tiny: Tiny, cohort: Cohort) -> None:
    error = refusal(tiny(changes={"data": {"region": "brain"}}), cohort)

    assert error.code == "E131"
    assert "t1=brain" in error.remedy


@pytest.mark.parametrize("need", ["mask", "segmentation"])
def test_a_missing_need_is_named(
    tiny: Tiny,
    make_cohort: Callable[..., Cohort],
    phantom: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    need: str,
) -> None:
    bare = make_cohort([phantom(n, with_mask=False) for n in range(6)])
    plan(tiny(), bare)
    monkeypatch.setattr(UNetRegression, "needs", frozenset({"target", need}))

    error = refusal(tiny(), bare)
    assert error.code == "E131"
    assert f"without {need}" in error.got


def test_wrong_segmentations_are_for_who_looks_at_them(
    tiny: Tiny, cohort: Cohort, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = tiny(mislabelling={"kind": "shift", "step": 2})
    error = refusal(recipe, cohort)
    assert error.code == "E004"
    assert "training.mislabelling=null" in error.remedy
    monkeypatch.setattr(UNetRegression, "wants", frozenset({"segmentation"}))
    assert plan(recipe, cohort).stream.mislabelling == recipe.training.mislabelling


def test_splits_that_are_too_small(
    tiny: Tiny, make_cohort: Callable[..., Cohort], phantom: Callable[..., Any]
) -> None:
    blind = make_cohort([phantom(n) for n in range(2)], (1, 0, 1))
    none = Cohort(blind.folder, blind.manifest, blind.split.model_copy(update={"train": ()}))
    assert refusal(tiny(), none).code == "E132"
    assert plan(tiny(), blind).validation == ()
    error = refusal(tiny(early_stopping={"patience": 1}), blind)
    assert error.code == "E132"
    assert "early_stopping" in error.got


@pytest.mark.parametrize(
    ("said", "spacing_mm", "is_refused"),
    [((), 2.0, True), ((), None, False), ((), 1.0, False), (("2", "4"), 4.0, False), (("1",), 2.0, False)],
)
def test_pictures_are_not_resampled_by_a_spacing_that_nobody_said(
    said: tuple[str, ...], spacing_mm: float | None, is_refused: bool, tiny: Tiny, tmp_path: Path
) -> None:
    """18 pictures became 9 slices, since 1 mm was assumed and the recipe asked for 2."""
    for place in ("trainA", "trainB"):
        (tmp_path / place).mkdir()
        for patient, n in (("p", 18), ("q", 18)):
            for number in range(n):
                pixels = np.random.default_rng([number, ord(patient), ord(place[-1])]).random((8, 10))
                np.save(tmp_path / place / f"{patient}1_{number}.npy", pixels.astype(np.float32))
    cases = slices.find(tmp_path, slices.Options(a="t1", b="fa", spacing_mm=said)).cases
    sides = {cases[0].id: "train", cases[1].id: "validation"}
    cohort = prepare(cases, tmp_path / "cohort", sides=sides)
    recipe = tiny(changes={"data": {"spacing_mm": spacing_mm}, "windows": {"axes": ["z"]}})
    if not is_refused:
        plan(recipe, cohort)
        return
    error = refusal(recipe, cohort)
    assert error.code == "E004"
    assert "10 x 8 x 18 voxels of" in error.got
    assert "would become 5 x 4 x 9" in error.got
    assert "--with spacing_mm=WITHIN,BETWEEN" in error.remedy
    assert "--set data.spacing_mm=null" in error.remedy


@pytest.mark.parametrize(
    ("translator", "alignment", "said"),
    [
        ("cyclegan", {"registration": {}}, "learns without pairs"),
        ("cyclegan", {"structure": {}}, "learns without pairs"),
        ("aldm", {"structure": {}}, "other things than its image"),
    ],
)
def test_alignment_is_refused_where_it_can_do_nothing(
    tiny: Tiny, cohort: Cohort, translator: str, alignment: dict[str, object], said: str
) -> None:
    error = refusal(tiny(translator, alignment=alignment), cohort)

    assert error.code == "E004"
    assert said in error.got
    assert "null" in error.remedy


def test_alignment_beside_a_plane_is_refused(tiny: Tiny, cohort: Cohort) -> None:
    windows = {"axes": ["z", "x"], "plane_channels": True}
    changes = {"windows": windows, "settings": {"width": 16, "levels": 2}}
    error = refusal(tiny(changes=changes, alignment={"registration": {}}), cohort)
    assert (error.code, "windows.plane_channels=false" in error.remedy) == ("E004", True)
    told = plan(tiny(changes=changes), cohort)
    assert told.config["plane_channels"] == 3
    assert told.stream.plane_channels
    assert told.preprocessing.plane_channels
