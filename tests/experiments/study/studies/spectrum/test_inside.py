"""What is told of networks inside: a planted filter and a planted change by fusing, and neither where there is none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from transmodal.experiments.study.studies.spectrum.gratings import FREQUENCIES
from transmodal.experiments.study.studies.spectrum.inside import (
    FINE_SHARE,
    MEAN_FREQUENCY,
    POWER,
    RESPONSES,
    STAGE_CURVES,
    STAGES,
    list_stageless,
    look_inside,
)
from transmodal.experiments.study.studies.spectrum.stages import STAGE_RINGS

MIDDLES = list((np.arange(STAGE_RINGS) + 0.5) / 16)


def stage_of(fine: float) -> dict[str, list[float]]:
    """Return a spectrum with so much of its power in the upper half of its rings."""
    half = STAGE_RINGS // 2
    shares = [(1 - fine) / half] * half + [fine / half] * half
    return {"shares": shares, "counts": [4.0] * STAGE_RINGS, "middles": MIDDLES}


def case_of(number: int, fall: float, fused: float, random: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return a case whose gratings fall by frequency, and whose fused stage has so large a fine share; patients differ a bit."""
    own = 0.01 * np.sin(number)
    gratings = {f"{f:g}": [1 + own * np.cos(99 * f) - fall * f, 0.0] for f in FREQUENCIES}
    stages = {"encoder 1": stage_of(0.3 + own), "fused 1": stage_of(fused - own)}
    return {
        "patient": f"p{number}",
        "random": list(random),
        "stages": stages,
        "slice": gratings,
        "grey": gratings,
    }


def rows_of(fall: float, fused: float, **changes: Any) -> dict[str, list[list[dict[str, Any]]]]:  # noqa: ANN401
    return {"mrnet": [[case_of(n, fall, fused, **changes) for n in range(8)]]}


def test_a_planted_filter_and_a_planted_change_by_fusing_are_told() -> None:
    found = look_inside(rows_of(1.5, 0.5, random=("sam",)))
    passed, fused, random = found.sentences
    assert passed == (
        "mrnet passes 0.89 of the amplitude of gratings of up to 0.125 cycles per pixel and 0.48 of those from 0.25 on: "
        "fine ones pass less."
    )
    assert fused.endswith("against the stage without the features that are joined: fused 1 have more of it.")
    assert random.startswith("mrnet: the weights of SAM are random")
    assert "have less of it" in look_inside(rows_of(0, 0.1)).sentences[1]
    assert look_inside(rows_of(-1, 0.3)).sentences[0].endswith("fine ones pass more.")


def test_nothing_is_told_of_a_flat_network_whose_stages_are_alike() -> None:
    passed, fused = look_inside(rows_of(0, 0.3)).sentences
    assert passed.endswith("which is not shown to differ.")
    assert fused.endswith("fused 1 are not shown to have another share.")


def test_figures_are_those_of_the_spectra() -> None:
    figures = {(f.table, f.row, f.group, f.figure): f for f in look_inside(rows_of(0, 0.5)).figures}
    assert figures[STAGES, "mrnet", "fused 1", FINE_SHARE].value == pytest.approx(0.5, abs=0.01)
    assert figures[STAGES, "mrnet", "fused 1", MEAN_FREQUENCY].value == pytest.approx(0.25, abs=0.01)
    assert figures[STAGES, "mrnet", "fused 1", FINE_SHARE].n == 8
    assert figures[STAGE_CURVES, "mrnet: fused 1", "0.03125", POWER].value == pytest.approx(-9.03, abs=0.2)
    assert figures[RESPONSES, "mrnet", "0.25", "on a slice"].interval is not None
    on_grey = figures[RESPONSES, "mrnet", "0.25", "on grey"]  # no subject is seen on it
    assert (on_grey.value, on_grey.interval, on_grey.n) == (pytest.approx(1, abs=0.02), None, 0)


def test_networks_without_stages_are_named_and_empty_cases_left_out() -> None:
    rows = rows_of(0, 0.5)
    bare = [{**case, "stages": {}} for case in rows["mrnet"][0]]
    assert list_stageless({**rows, "unet": [bare]}) == ["unet"]
    found = look_inside({"unet": [bare], "none": [[{**bare[0], "slice": {}}]]})
    assert {figure.table for figure in found.figures} == {RESPONSES}
    assert {figure.row for figure in found.figures} == {"unet"}
    assert len(found.sentences) == 1
