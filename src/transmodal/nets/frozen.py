"""Networks that are used but never trained or saved, with weights that the user gives by path."""

from __future__ import annotations

import hashlib
import pickle
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from transmodal.errors import InputError, IntegrityError, UsageError

RANDOM = "random"
"""Stands for a path in settings that ask for random weights, which show the plumbing only."""
_SEED = 2024
_WRAPPER = "module."
"""Put before every name of a network by torch's DataParallel and DistributedDataParallel."""

Renamed = Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]]


class FrozenNet:
    """A network in evaluation mode whose weights get no gradient; images that go through it do.

    It is no `nn.Module`, so that a translator that holds one neither registers, trains nor saves it. It is made
    when it is first used: to measure a translator, or to check its recipe, takes no weights.

    Args:
        make: builds the architecture.
        weights: path of a file of weights, `random` for seeded random ones, or None where they were not given.
        published: name and address of the file, and the settings that do without it.
        rename: brings the file's tensors under the architecture's names, all of which it has to give.
    """

    def __init__(
        self, make: Callable[[], nn.Module], weights: str | None, published: str, rename: Renamed = dict
    ) -> None:
        self._make, self._weights, self._published, self._rename = make, weights, published, rename
        self._net: nn.Module | None = None
        self._device = torch.device("cpu")
        self._digest: str | None = None

    @property
    def is_random(self) -> bool:
        """Whether the weights are random."""
        return self._weights == RANDOM

    def check(self) -> None:
        """Refuse weights that are not there, before anything is trained.

        Raises:
            UsageError: E004 when no weights were given.
            InputError: E100 when the file does not exist.
        """
        if self._weights is None:
            raise UsageError("E004", "no pretrained weights", "a file of weights", self._published)
        if not self.is_random and not Path(self._weights).is_file():
            raise InputError("E100", f"{self._weights} does not exist", "a file of weights", self._published)

    def to(self, device: torch.device) -> Self:
        """Move the network to a device, now or when it is made."""
        self._device = device
        if self._net is not None:
            self._net.to(device)
        return self

    def digest(self) -> str:
        """Return the SHA-256 of the weights and their names; random ones are called so."""
        if self._digest is None:
            hasher = hashlib.sha256()
            for name, tensor in sorted(self._network().state_dict().items()):
                hasher.update(name.encode())
                flat = tensor.detach().cpu().contiguous().reshape(-1)
                hasher.update(flat.view(torch.uint8).numpy().tobytes())
            self._digest = f"{RANDOM}:{hasher.hexdigest()}" if self.is_random else hasher.hexdigest()
        return self._digest

    def count(self) -> int:
        """Return the number of parameters, without making the network."""
        with torch.device("meta"):
            return sum(parameter.numel() for parameter in self._make().parameters())

    def __call__(self, *inputs: Tensor) -> Any:  # noqa: ANN401 - what the network returns
        """Run the network; on the meta device its shape alone."""
        if inputs[0].is_meta:
            with torch.device("meta"):
                return self._make().eval()(*inputs)
        return self._network()(*inputs)

    def module(self) -> nn.Module:
        """Return the network itself, for what it gives beside its output.

        Raises:
            UsageError, InputError: as `check`.
        """
        return self._network()

    def _network(self) -> nn.Module:
        if self._net is None:
            self.check()
            with torch.random.fork_rng(devices=[]), torch.device("cpu"):
                torch.manual_seed(_SEED)
                net = self._make()
            if self._weights is not None and not self.is_random:
                _load(net, Path(self._weights), self._rename)
            self._net = net.eval().requires_grad_(False).to(self._device)
        return self._net


def read_tensors(path: Path, inside: Sequence[str] = ()) -> dict[str, Tensor]:
    """Read a file of weights, `.safetensors` or what `torch.save` wrote; nothing is unpickled but tensors.

    The tensors of a network that torch's DataParallel held have the names of the network itself.

    Args:
        path: of the file.
        inside: keys under which `torch.save` may have been given the tensors; the first that is there holds them.

    Raises:
        InputError: E101 when it cannot be read as that.
    """
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        with warnings.catch_warnings():
            # torch warns of pickles' protocols that it may not know; what it does not know it refuses.
            warnings.simplefilter("ignore")
            read = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise _refuse_pickle(path, str(error)) from error
    except (SafetensorError, OSError, RuntimeError, EOFError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            "E101", f"{path} cannot be read: {reason}", "tensors by name", "Download the file again."
        ) from error
    if isinstance(read, Mapping):
        read = next((read[key] for key in inside if isinstance(read.get(key), Mapping)), read)
    if not isinstance(read, Mapping) or not all(isinstance(value, Tensor) for value in read.values()):
        raise InputError(
            "E101", f"{path} holds no tensors by name", "a state dict", "Give the weights' file."
        )
    return _without_wrapper(read)


def _refuse_pickle(path: Path, reason: str) -> InputError:
    """Return the refusal of a file that torch does not take for tensors: one with objects in it, or of another kind."""
    match = re.search(r"GLOBAL ([\w.]+)", reason)
    if match is None:
        return InputError(
            "E101",
            f"{path} cannot be read: torch.save did not write it",
            "tensors by name",
            "Download the file again.",
        )
    return InputError(
        "E101",
        f"{path} cannot be read without running code: it holds {match[1]} beside tensors",
        "tensors by name",
        "Nothing of it was run. Where you trust it, save its tensors alone, in the program that wrote it, with: "
        "torch.save(network.state_dict(), FILE)",
    )


def _without_wrapper(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors under the network's own names: torch's DataParallel puts its own before all of them."""
    is_wrapped = bool(tensors) and all(name.startswith(_WRAPPER) for name in tensors)
    return {name.removeprefix(_WRAPPER) if is_wrapped else name: value for name, value in tensors.items()}


def _load(net: nn.Module, path: Path, rename: Renamed) -> None:
    tensors, state = dict(rename(read_tensors(path))), net.state_dict()
    missing, strange = sorted(set(state) - set(tensors)), sorted(set(tensors) - set(state))
    shapes = sorted(name for name in set(state) & set(tensors) if state[name].shape != tensors[name].shape)
    if missing or strange or shapes:
        parts = [
            f"{len(names)} {fault} such as {names[0]}"
            for fault, names in (("missing", missing), ("not known", strange), ("of another shape", shapes))
            if names
        ]
        raise IntegrityError(
            "E502",
            f"{path}: weights of another architecture ({'; '.join(parts)})",
            f"the {len(state)} tensors of {type(net).__name__}",
            "Give the file that belongs to this setting.",
        )
    net.load_state_dict(tensors)
