"""How much memory a training takes, told from its plan before anything is written: a step, and a validation case."""

from __future__ import annotations

import torch

from transmodal import translators
from transmodal.inference.device import device_of
from transmodal.inference.memory import MemoryEstimate, Network, estimate, real_sources
from transmodal.nets.meta import shapes_alone
from transmodal.nets.registration import warp
from transmodal.storage import memory
from transmodal.training.alignment.registrar import Registrar
from transmodal.training.planning.plan import Plan
from transmodal.translators._base import TranslatorConfig
from transmodal.translators._memory import LiveBytes, step_bytes, weight_bytes
from transmodal.volumes.geometry.reorient import working_grid
from transmodal.volumes.windows.fitting import sides_of

ADVICE = "Set a smaller settings.width, windows.size or training.batch, a coarser data.spacing_mm, or translation.batch=1"
_SCORING = 10
"""Real volumes of a case that live while its figures are taken."""


def estimate_training(plan: Plan) -> MemoryEstimate:
    """Return what training by a plan takes in this process.

    Raises:
        ResourceError: E401 for a working grid beyond the budget.
    """
    settings = plan.recipe.training
    is_here = device_of(settings.device).type == "cpu"
    config = translators.checked(plan.recipe.translator, plan.config)
    network = Network(plan.recipe.translator, config, plan.preprocessing, is_here)
    cases = [real_sources(case.grid, plan.preprocessing) for case in plan.validation]
    validation = estimate(network, cases)
    scoring = max((_SCORING * sources.n_bytes // sources.n_sources for sources in cases), default=0)
    shape = (max(1, settings.batch // settings.processes), config.in_channels, *_window(plan))
    head = _head_bytes(plan, config, shape) if is_here else 0
    steps = [
        step_bytes(network.name, plan.config, shape, phase.name) + head if is_here else 0
        for phase in plan.phases
    ]
    weights = weight_bytes(network.name, plan.config) if is_here else 0
    more = max(*steps, weights + max(validation.more, scoring))
    return MemoryEstimate(memory.resident(), more, settings.batch)


def _head_bytes(plan: Plan, config: TranslatorConfig, shape: tuple[int, ...]) -> int:
    """Return what a step of the registration head takes; 0 without one."""
    alignment = plan.recipe.training.alignment
    if alignment is None or alignment.registration is None:
        return 0
    count = LiveBytes()
    with shapes_alone():
        registrar = Registrar(alignment.registration, config, torch.device("meta"))
        target = torch.zeros(shape[0], config.target_channels, *shape[2:])
        with count:
            displacement = registrar.head(target, target)
            terms = registrar.terms(warp(target, displacement), target, displacement)
            torch.autograd.backward(torch.stack(list(terms.values())).sum())
    return count.peak


def _window(plan: Plan) -> tuple[int, ...]:
    """Return the sides of the largest windows that training cuts."""
    cutting = plan.stream.cutting
    if cutting.size is not None:
        return cutting.size
    shapes = [working_grid(source.case.grid, plan.stream.spacing_mm).shape for source in plan.stream.cases]
    windows = [
        tuple(side.out for side in sides_of(shape, axis, cutting))
        for shape in shapes
        for axis in plan.stream.axes
    ]
    return max(windows)
