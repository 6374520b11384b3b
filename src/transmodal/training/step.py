"""One step: synthesise once, then every player learns from the same outputs, in the translator's order."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, Literal, Protocol, cast

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim import Optimizer

from transmodal.batch import Batch
from transmodal.errors import InputError, ResourceError
from transmodal.precision import NarrowMapsInFloat32
from transmodal.storage import memory
from transmodal.translators._base import Translator

# The gradients of several processes are averaged here, player by player, and the translator is not wrapped in
# DistributedDataParallel: its reducer expects every parameter's gradient in every backward pass. With two
# players it stops at the second pass ("Expected to have finished reduction"); told to find unused parameters it
# runs, but then the generator's step has to compute and send the discriminator's gradients only to throw them
# away, and a backward pass limited to one player's parameters stops it again. Fabric's own wrapper would also
# cast the batch, target included, to bfloat16 in mixed precision, which is too coarse for HU.


class FurtherTerms(Protocol):
    """Terms of a player that no translator knows of."""

    def terms(
        self, translator: Translator[Any], player: str, batch: Batch, outputs: tuple[Any, ...]
    ) -> dict[str, Tensor]:
        """Return weighted terms by name, none of which the translator's own has; nothing for other players."""
        ...


def step(
    fabric: Fabric,
    translator: Translator[Any],
    optimizers: Mapping[str, Optimizer],
    batch: Batch,
    *,
    clip: float | None = None,
    further: FurtherTerms | None = None,
) -> dict[str, Tensor]:
    """Let every player learn once; return its terms as `player/term`, detached.

    A player's losses are taken when all players before it have stepped: a generator that comes after its
    discriminator is judged by the updated one. A backward pass reaches this player's parameters only.

    Args:
        fabric: precision and processes.
        translator: whose players they are.
        optimizers: by player, in stepping order.
        batch: this process's share, on the device.
        clip: largest norm of a player's gradient; None does not clip.
        further: terms beside the translator's own; None adds nothing.
    """
    with autocast(fabric):
        outputs = translator.synthesise(batch)
    names, terms = list(optimizers), dict[str, Tensor]()
    for name, optimizer in optimizers.items():
        with autocast(fabric):
            losses = translator.losses(name, batch, outputs)
            if further is not None:
                losses = losses | further.terms(translator, name, batch, outputs)
        # Players may share the outputs' graph, so only the last may free it.
        descend(fabric, translator, optimizer, losses, clip=clip, keeps_graph=name != names[-1])
        terms.update({f"{name}/{term}": value.detach() for term, value in losses.items()})
    _agree_on_buffers(fabric, translator)
    return terms


def descend(
    fabric: Fabric,
    module: nn.Module,
    optimizer: Optimizer,
    losses: Mapping[str, Tensor],
    *,
    clip: float | None = None,
    keeps_graph: bool = False,
) -> None:
    """Take one step of an optimiser down the sum of its losses; gradients reach its own parameters only.

    Args:
        fabric: precision and processes, over which gradients are averaged.
        module: that the optimiser's parameters are of.
        optimizer: that steps.
        losses: scalars by name.
        clip: largest norm of the gradient; None does not clip.
        keeps_graph: whether another optimiser is going to go back through the graph.
    """
    total = torch.stack([term.float() for term in losses.values()]).sum()
    optimizer.zero_grad(set_to_none=True)
    parameters = [tensor for group in optimizer.param_groups for tensor in group["params"]]
    fabric.backward(total, inputs=parameters, retain_graph=keeps_graph)
    _average(fabric, [tensor.grad for tensor in parameters if tensor.grad is not None])
    if clip is not None:
        fabric.clip_gradients(module, optimizer, max_norm=clip, error_if_nonfinite=False)
    fabric.strategy.optimizer_step(optimizer)


def to_numbers(
    fabric: Fabric, rows: Sequence[Mapping[str, Tensor]], *, stop: bool
) -> tuple[list[dict[str, float]], bool]:
    """Return the means over the processes of each step's terms, and whether any process was asked to stop.

    All numbers come from the device at once.
    """
    stacked = torch.stack([term.float() for terms in rows for term in terms.values()])
    if fabric.world_size > 1:
        flag = torch.full((1,), float(stop), device=stacked.device)
        stacked = _reduce(fabric, torch.cat([stacked, flag]), "mean")
    values = stacked.tolist()
    is_stopping = stop if fabric.world_size == 1 else values.pop() > 0
    remaining = iter(values)
    return [{name: next(remaining) for name in terms} for terms in rows], is_stopping


def check_finite(terms: Mapping[str, float], place: str) -> None:
    """Stop where a loss is not finite.

    Args:
        terms: losses as `player/term`.
        place: which step this is.

    Raises:
        InputError: E120, naming the player, the term and the step.
    """
    for name, value in terms.items():
        if not math.isfinite(value):
            player = name.split("/")[0]
            raise diverged(f"loss {name} is {value} at {place}", player)


def diverged(finding: str, player: str) -> InputError:
    """Return the error for training that left the finite numbers."""
    return InputError(
        "E120",
        finding,
        "finite numbers",
        f"Lower training.players.{player}.lr, set training.gradient_clip, or use training.precision 32-true; "
        "the last checkpoint is from before.",
    )


def out_of_memory(batch: int, device: torch.device) -> ResourceError:
    """Return the error for memory that ran out, with what to set instead."""
    return memory.shortage(
        f"memory ran out with {batch} windows per step on {device}",
        f"Set training.batch={max(1, batch // 2)} and translation.batch=1, or a smaller windows.size, "
        "in another folder.",
        "room for one step and one validation volume",
    )


def total_over_processes(fabric: Fabric, values: Tensor) -> Tensor:
    """Add up a tensor over the processes."""
    if fabric.world_size == 1:
        return values
    return _reduce(fabric, values.to(fabric.device), "sum").cpu()


@contextmanager
def autocast(fabric: Fabric) -> Iterator[None]:
    """Compute in the precision of the training while the block runs."""
    with fabric.autocast(), NarrowMapsInFloat32() if torch.is_autocast_enabled("cpu") else nullcontext():
        yield


def _average(fabric: Fabric, gradients: Sequence[Tensor]) -> None:
    """Average gradients over the processes, in one message."""
    if fabric.world_size == 1 or not gradients:
        return
    mean = _reduce(fabric, torch.cat([gradient.reshape(-1) for gradient in gradients]), "mean")
    sizes = [gradient.numel() for gradient in gradients]
    for gradient, averaged in zip(gradients, torch.split(mean, sizes), strict=True):
        gradient.copy_(averaged.view_as(gradient))


def _agree_on_buffers(fabric: Fabric, module: nn.Module) -> None:
    """Give every process the first one's buffers (BatchNorm's running statistics), as DDP does."""
    buffers = [buffer for buffer in module.buffers() if buffer.is_floating_point()]
    if fabric.world_size == 1 or not buffers:
        return
    flat = torch.cat([buffer.reshape(-1) for buffer in buffers])
    first = _reduce(fabric, flat if fabric.global_rank == 0 else torch.zeros_like(flat), "sum")
    sizes = [buffer.numel() for buffer in buffers]
    for buffer, agreed in zip(buffers, torch.split(first, sizes), strict=True):
        buffer.copy_(agreed.view_as(buffer))


def _reduce(fabric: Fabric, values: Tensor, operation: Literal["mean", "sum"]) -> Tensor:
    reduced = fabric.all_reduce(values, reduce_op=operation)
    return cast(Tensor, reduced)


def any_of(fabric: Fabric, flag: bool) -> bool:
    """Return whether the flag is set in any process."""
    if fabric.world_size == 1:
        return flag
    return bool(_reduce(fabric, torch.full((1,), float(flag), device=fabric.device), "sum") > 0)
