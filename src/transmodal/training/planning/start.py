"""Checks before a training writes anything: a start that is refused leaves no folder behind."""

from __future__ import annotations

from transmodal.data.dataset import WindowDataset
from transmodal.training import launch
from transmodal.training.loggers import packages
from transmodal.training.planning.plan import Plan
from transmodal.training.planning.workload import Workload, count_work


def check_start(plan: Plan) -> Workload:
    """Check that devices and loggers of a plan are there, and that a window is left to train on; return the work.

    Raises:
        UsageError: E004 for devices, processes and precision that do not go together.
        ResourceError: E404 when a device or the package of a logger is not there.
        InputError: E132 when no window has enough of the region.
    """
    launch.check_devices(plan.recipe.training)
    packages.check(plan.recipe.training.loggers)
    return count_work(plan, len(WindowDataset(plan.stream)))
