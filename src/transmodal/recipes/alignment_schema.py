"""The part of a recipe that says how training copes with pairs that do not lie upon one another."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from transmodal.recipes.parts import Part

REGISTRATION = "registration"
"""Name of the registration head among the players, whose optimiser stands in `training.players`."""


class RegistrationHead(Part):
    """A registration head: a network that bends each target onto what is translated so far, while training.

    Attributes:
        smoothness: weight of the roughness of the deformation, in squared voxels a voxel, against the absolute error.
        width: channels of its first stage.
        levels: times that the sides are halved; it can see about `2 ** (levels + 1)` voxels far.
    """

    smoothness: Annotated[float, Field(ge=0)] = 0.5
    width: Annotated[int, Field(ge=1)] = 16
    levels: Annotated[int, Field(ge=1, le=7)] = 4


class StructureSettings(Part):
    """A term that holds the structure of synthetic images to that of the sources, by MIND.

    Attributes:
        weight: of the mean absolute difference of descriptors in [0, 1], beside the translator's own terms.
        radius: of the patches that are compared, in voxels.
    """

    weight: Annotated[float, Field(gt=0)] = 1.0
    radius: Annotated[int, Field(ge=1, le=4)] = 1


class AlignmentSettings(Part):
    """Training with pairs that do not lie upon one another; of any translator that learns from pairs.

    Attributes:
        registration: bend targets onto what is translated so far.
        structure: hold what is translated to the structure of the sources.
    """

    registration: RegistrationHead | None = None
    structure: StructureSettings | None = None

    @model_validator(mode="after")
    def _require_a_part(self) -> Self:
        if self.registration is None and self.structure is None:
            raise ValueError("set registration or structure; {} takes its defaults")
        return self
