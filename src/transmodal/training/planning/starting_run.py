"""A run whose best weights another training starts from: fine-tuning. Its optimisers and its state are left behind."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from torch import nn

from transmodal import checkpoint
from transmodal.checkpoint import Checkpoint, CohortMark
from transmodal.errors import IntegrityError, UsageError
from transmodal.inference.load import read_saved
from transmodal.translators._base import Translator

NAME = "run"
"""Under which it stands among the weights that a training starts from."""


class StartingRun(NamedTuple):
    """A run that fits the translator that is to be trained.

    Attributes:
        place: its folder, or the file that it was exported as.
        sha256: of the weights' file of its best checkpoint.
        recipe: the name of its recipe.
        cohort: that it learned from.
    """

    place: Path
    sha256: str
    recipe: str
    cohort: CohortMark

    def record(self) -> dict[str, str]:
        """Return it as a run's record and a model card tell it."""
        return {"sha256": self.sha256, "published": f"best weights of a run of {self.recipe}"}

    def joined(self, mark: CohortMark) -> CohortMark:
        """Return the mark of a cohort with the patients besides that this run learned from.

        Only those whose marks were made by the same key: of others nobody can tell who they are.
        """
        if not mark.patients_key or mark.patients_key != self.cohort.patients_key:
            return mark
        return mark._replace(patients=tuple(sorted({*mark.patients, *self.cohort.patients})))


def plan_start(place: Path, name: str, blank: Translator[Any]) -> StartingRun:
    """Return the run at a place, once its network is seen to be the one that is to be trained.

    Args:
        place: folder of the run, or the file that it was exported as.
        name: of the translator that is to be trained.
        blank: that translator, on the meta device.

    Raises:
        UsageError: E004 for a network of another architecture: the first differing setting is named; and for a
            translator that is trained in several phases.
        InputError: E134 when there is no such run.
        IntegrityError: E501 or E502 when its checkpoint is damaged.
    """
    saved, _ = read_saved(place, "best")
    if len(blank.phases) > 1:
        raise UsageError(
            "E004",
            f"--from of {name}, which is trained in the phases {', '.join(blank.phases)}",
            "a translator of one phase",
            "Leave --from out.",
        )
    difference = _difference(name, blank, saved)
    if difference:
        raise UsageError(
            "E004",
            f"--from {place.name}: {difference}",
            "a run of the same network",
            "Train by that run's recipe (its recipe.yaml), or --set the settings that differ.",
        )
    return StartingRun(place, saved.weights_sha256, saved.recipe.name, saved.cohort)


def load_start(translator: nn.Module, start: StartingRun) -> None:
    """Give a translator the weights of a run.

    Raises:
        IntegrityError: E501 when the run's weights are others than when the training was planned, or damaged.
    """
    saved, _ = read_saved(start.place, "best")
    if saved.weights_sha256 != start.sha256:
        raise IntegrityError(
            "E501",
            f"{start.place.name} has the weights {saved.weights_sha256[:12]}...",
            f"{start.sha256[:12]}..., as when the training was planned",
            "Let nothing train in that run meanwhile, then start again.",
        )
    checkpoint.restore_weights(translator, saved)


def _difference(name: str, blank: Translator[Any], saved: Checkpoint) -> str:
    """Return the first setting in which two networks differ, with both values; nothing where they are one."""
    if saved.recipe.translator != name:
        return f"translator is {saved.recipe.translator}, not {name}"
    own: Mapping[str, Any] = blank.config.model_dump(mode="json")
    free = {*blank.pretrained(), *blank.frozen()}  # files that were read when its training began
    for key, value in own.items():
        is_free = key in free or key.endswith("_weight")  # of losses
        if not is_free and saved.translator_config.get(key, value) != value:
            return f"settings.{key} is {saved.translator_config[key]}, not {value}"
    shapes = {key: tuple(tensor.shape) for key, tensor in blank.state_dict().items()}
    before = {key: tuple(tensor.shape) for key, tensor in saved.weights.items()}
    differing = [key for key in {**shapes, **before} if shapes.get(key) != before.get(key)]
    return f"the tensor {differing[0]} is of another shape" if differing else ""
