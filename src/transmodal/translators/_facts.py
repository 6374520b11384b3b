"""Facts about a translator that need no training: counted on the meta device, at the paper's settings."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.graph import Node
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from transmodal import plugins, translators
from transmodal.nets.meta import ShapeMode, shapes_alone
from transmodal.translators._base import Translator

SIDE = 256
"""Side of the slice whose operations are counted; larger where a translator takes other multiples only."""
SMALL_SIDE = 64
"""Side of the slice where parameters alone are counted."""
_SAMPLER = "sampler_steps"
"""The setting of translators that sample: in how many steps."""


@dataclass(frozen=True, slots=True)
class TranslatorFacts:
    """A translator at its paper's settings: one channel in and out, unless the paper says otherwise.

    Attributes:
        name: in recipes.
        paper: citation of its source.
        pairing: `paired` or `unpaired`.
        needs: what every case has to have.
        generator_parameters: those that the translated image depends on; of one generator where there are several.
        trainable_parameters: those of all players of all phases.
        frozen_parameters: those of networks that are used but not trained.
        gflop_per_slice: 1e9 floating-point operations per slice of 256 x 256, two for each multiply-add, frozen
            networks included.
        distribution: the plugin that it comes from, with its version; empty for one of this package.
    """

    name: str
    paper: str
    pairing: str
    needs: tuple[str, ...]
    generator_parameters: int
    trainable_parameters: int
    frozen_parameters: int
    gflop_per_slice: float
    distribution: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the fields for JSON."""
        return {**asdict(self), "needs": list(self.needs)}


class WindowWork(NamedTuple):
    """The work of translating a window.

    Attributes:
        operations: floating-point, two for each multiply-add; of samplers in one step.
        weights: parameters that take part, those of a frozen encoder included.
    """

    operations: int
    weights: int


def facts(name: str) -> TranslatorFacts:
    """Count a translator's parameters and operations; no weights are made and no file is read.

    Raises:
        UsageError: E002 for an unknown name.
        ResourceError: E404 for a plugin that does not work.
    """
    plugin = translators.plugin_of(name)
    with plugins.blame(plugin):
        counted = _count(name)
    return counted if plugin is None else replace(counted, distribution=plugin.distribution.text())


def generator_parameters(name: str, settings: Mapping[str, Any]) -> int:
    """Count the parameters that the translated image depends on; no weights are made and no file is read.

    Args:
        name: of the translator.
        settings: all of its `Config`, such as a checkpoint keeps.

    Raises:
        UsageError: as `translators.build`.
    """
    with shapes_alone():
        translator = _build_once(name, settings)
        # Instance normalisation takes no map of one pixel, which one multiple may end in.
        synthetic = _translate_slice(translator, max(SMALL_SIDE, 2 * translator.size_multiple()))
    return _reached(translator, synthetic)


def window_work(name: str, settings: Mapping[str, Any], window: tuple[int, ...]) -> WindowWork:
    """Count the work of translating a window; no weights are made and no file is read.

    Args:
        name: of the translator.
        settings: all of its `Config`, JSON-able.
        window: its sides, multiples of what the translator takes.

    Raises:
        UsageError: as `translators.build`.
    """
    count = _Count()
    with shapes_alone():
        translator = _build_once(name, settings).eval().requires_grad_(requires_grad=False)
        with count:
            translator(*_blank_inputs(translator, window))
    frozen = translator.frozen().values() if translator.encoder() is not None else ()
    own = sum(part.numel() for part in translator.parameters() if count.took(part))
    return WindowWork(count.operations, own + sum(network.count() for network in frozen))


def _build_once(name: str, settings: Mapping[str, Any]) -> Translator[Any]:
    """Build a translator that samples, if it does, in one step."""
    return translators.build(name, {**settings, **({_SAMPLER: 1} if _SAMPLER in settings else {})})


def citation(name: str) -> str:
    """Return the source that a translator's file names in its first paragraph."""
    text = inspect.getdoc(translators.module_of(name)) or ""
    first = " ".join(text.split("\n\n")[0].split())
    return first.partition(": ")[2].rstrip(".")


def _count(name: str) -> TranslatorFacts:
    translator, generator, operations = _counted(name)
    owned = {
        id(parameter): parameter.numel()
        for phase in translator.phases
        for player in translator.players(phase).values()
        for parameter in player.parameters()
        if parameter.requires_grad
    }
    return TranslatorFacts(
        name,
        citation(name),
        translator.pairing,
        tuple(sorted(translator.needs)),
        generator,
        sum(owned.values()),
        sum(frozen.count() for frozen in translator.frozen().values()),
        round(operations / 1e9, 3),
    )


def _counted(name: str) -> tuple[Translator[Any], int, int]:
    """Build a translator; count the parameters that a slice depends on and what translating it takes.

    A sampler calls one network in every step, so that two of its steps are counted for all of them.
    """
    steps = getattr(translators.checked(name, {}), _SAMPLER, None)
    with shapes_alone():
        translator = translators.build(name, {} if steps is None else {_SAMPLER: 1})
        with _Count() as once:
            synthetic = _translate_slice(translator, SIDE)
        generator = _reached(translator, synthetic)
        if steps is None:
            return translator, generator, once.operations
        with _Count() as twice:
            _translate_slice(translators.build(name, {_SAMPLER: 2}), SIDE)
    return translator, generator, once.operations + (steps - 1) * (twice.operations - once.operations)


def _translate_slice(translator: Translator[Any], least: int) -> Tensor:
    """Translate one slice or patch of nothing whose sides are the least that the translator takes."""
    multiple = translator.size_multiple()
    side = multiple * -(-least // multiple)
    synthetic: Tensor = translator(*_blank_inputs(translator, (side,) * translator.config.spatial_dims))
    return synthetic


def _reached(translator: Translator[Any], synthetic: Tensor) -> int:
    """Count the parameters that an image depends on: those that its gradient would be handed on to."""
    waiting, nodes = [synthetic.grad_fn], set[Node]()
    while waiting:
        node = waiting.pop()
        if node is not None and node not in nodes:
            nodes.add(node)
            waiting += [before for before, _ in node.next_functions]
    leaves = {id(getattr(node, "variable", None)) for node in nodes}
    return sum(parameter.numel() for parameter in translator.parameters() if id(parameter) in leaves)


def _blank_inputs(
    translator: Translator[Any], window: tuple[int, ...]
) -> tuple[Tensor, Tensor, Mapping[str, Tensor] | None, Tensor | None]:
    """Return a translator's inputs for a window of nothing, on the meta device; seeds are read on the CPU."""
    config = translator.config
    source = torch.zeros(1, config.in_channels, *window, device="meta")
    available = torch.ones(1, len(config.source_channels), device="meta")
    noise = torch.zeros(1, dtype=torch.int64, device="cpu") if translator.draws else None
    return source, available, None, noise


class _Count(ShapeMode):  # type: ignore[no-untyped-call]  # torch
    """Counts floating-point operations as torch's own counter does, and notes which tensors they take.

    Attributes:
        operations: two for each multiply-add.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch
        self.operations = 0
        self._storages = set[int]()

    def __torch_dispatch__(
        self,
        func: Any,  # noqa: ANN401 - torch's own signature
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        """Run an operation and count it."""
        words, leaves = kwargs or {}, tree_leaves((args, kwargs))
        self._storages |= {leaf.untyped_storage()._cdata for leaf in leaves if isinstance(leaf, Tensor)}
        result = self.run(func, args, kwargs)
        formula = flop_registry.get(func._overloadpacket)
        self.operations += formula(*args, **words, out_val=result) if formula else 0
        return result

    def took(self, tensor: Tensor) -> bool:
        """Tell whether an operation took a tensor, or a view of it."""
        return tensor.untyped_storage()._cdata in self._storages
