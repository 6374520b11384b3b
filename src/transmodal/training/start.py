"""What has to hold before a training writes anything: a start that is refused leaves no folder behind."""

from __future__ import annotations

from transmodal.data.dataset import WindowDataset
from transmodal.training import launch
from transmodal.training.plan import Plan


def check_start(plan: Plan) -> None:
    """Check what a plan alone cannot know: whether its devices are there, and whether a window is left to train on.

    Raises:
        UsageError: E004 for devices, processes and precision that do not go together.
        ResourceError: E404 when a device is not there.
        InputError: E132 when no window has enough of the region.
    """
    launch.check(plan.recipe.training)
    WindowDataset(plan.stream)
