"""The cost of integers is that of the engine on validation subjects, and limits hold on either side."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from transmodal.cohorts.store import Cohort
from transmodal.inference.load import load
from transmodal.quantizing.loss import Loss, measure_loss

EARLIER = Path(__file__).parent.parent / "contract" / "earlier"


def loss(psnr_db: float = 0.0, **shifts_hu: float) -> Loss:
    return Loss(2, (), psnr_db, {name.replace("_", " "): shift for name, shift in shifts_hu.items()})


@pytest.mark.parametrize(
    ("measured", "words"),
    [
        (loss(0.1), []),
        (loss(-1.0, soft_tissue=-2.0, bone=10.0), []),
        (loss(0.11), ["PSNR falls by 0.11 dB"]),
        (loss(float("nan")), ["PSNR falls by nan dB"]),
        (loss(0.0, soft_tissue=2.1, bone=-11.0), ["soft tissue moves by +2.1 HU", "bone moves by -11 HU"]),
    ],
)
def test_limits(measured: Loss, words: list[str]) -> None:
    assert [excess.split(", of ")[0] for excess in measured.excesses()] == words


def test_a_network_costs_nothing_beside_itself_and_much_beside_a_spoiled_one() -> None:
    model, cohort = load(EARLIER / "run"), Cohort.open(EARLIER / "cohort")
    same = measure_loss(model, model, cohort)
    assert same.psnr_db == 0
    assert same.excesses() == []
    assert same.subjects == len(cohort.cases("validation"))
    other = load(EARLIER / "run")
    with torch.no_grad():
        for weight in other.translator.parameters():
            weight.mul_(1.5)
    spoiled = measure_loss(model, replace(other, digest="0" * 64), cohort)
    assert spoiled.psnr_db != 0
    figures = {figure["metric"]: figure for figure in reversed(spoiled.figures)}
    assert figures["psnr"]["float32"] - figures["psnr"]["int8"] == pytest.approx(spoiled.psnr_db)
    assert np.isfinite(spoiled.psnr_db)
