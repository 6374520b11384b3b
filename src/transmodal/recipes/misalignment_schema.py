"""The part of a recipe that plants a misalignment, to study what training makes of it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from transmodal.recipes.parts import Modality, Part

MoveName = Literal["translation", "rotation", "scale", "non-rigid"]


class PlantedMisalignment(Part):
    """A misalignment that is planted for a study: one modality of every training case lies beside the others.

    Each case is moved once and stays so for the whole training, in a direction of its own. Validation, test and translation see
    every case as it is.

    Attributes:
        modality: that is moved, of the sources or the target; masks and labels go with the target.
        kind: of the move; a non-rigid one is a smooth field, whose step is its longest way.
        step: how far: voxels of the working grid, degrees, % or voxels.
        seed: that each case's direction is drawn from, together with its id.
    """

    modality: Modality
    kind: MoveName = "translation"
    step: Annotated[float, Field(gt=0, le=15)]
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 2024
