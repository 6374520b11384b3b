"""The part of a recipe that plants wrong segmentations, to study what training makes of them."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from transmodal.recipes.parts import Part

LONGEST = 15
"""Voxels by which labels are shifted, eroded or dilated at most."""


class PlantedMislabelling(Part):
    """Wrong segmentations that are planted for a study: the labels of every training case are damaged in a known way.

    Each case is damaged once and stays so for the whole training, in a way of its own. Validation and test see every case as it
    is; translating needs no labels.

    Attributes:
        kind: `swap`: labels trade places among themselves, others in every case, so that no rule undoes it; `erode`: labels lose
            their rims, which become 0; `dilate`: labels grow over their neighbours, in an order drawn for the case; `shift`:
            all labels lie beside the image, in a direction drawn for the case.
        step: how much: % of a case's labels that trade places, at least two; or voxels of the working grid.
        seed: that each case's damage is drawn from, together with its id.
    """

    kind: Literal["swap", "erode", "dilate", "shift"]
    step: Annotated[float, Field(gt=0, le=100)]
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 2024

    @model_validator(mode="after")
    def _near(self) -> Self:
        if self.kind != "swap" and self.step > LONGEST:
            raise ValueError(f"{self.kind} by {self.step:g} voxels: {LONGEST} at most")
        return self
