"""The environment of a translation: device, precision, threads and versions, on which the last bits of a volume depend."""

from __future__ import annotations

import platform
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from importlib import metadata
from typing import Any, NamedTuple

import torch
from torch import nn

from transmodal._version import __version__

_PACKAGES = ("numpy", "scipy", "SimpleITK", "nibabel", "pillow", "pydicom")


class EnvironmentDifference(NamedTuple):
    """Something recorded that is not so here.

    Attributes:
        name: of it, such as `versions.torch`.
        recorded: its value in the sidecar.
        current: its value now.
    """

    name: str
    recorded: str
    current: str

    def line(self) -> str:
        """Return it on one line."""
        return f"{self.name}: {self.recorded} is recorded, here it is {self.current}"


def describe(network: nn.Module, device: torch.device) -> dict[str, Any]:
    """Return on what a network runs in this process now, JSON-able.

    Args:
        network: its first floating-point parameter tells the precision.
        device: where it runs.
    """
    card = {"card": torch.cuda.get_device_name(device)} if device.type == "cuda" else {}
    kinds = [value.dtype for value in network.parameters() if value.is_floating_point()]
    return {
        "device": str(device),
        **card,
        "precision": str(kinds[0] if kinds else torch.get_default_dtype()).removeprefix("torch."),
        "float32_products": torch.get_float32_matmul_precision(),
        "threads": torch.get_num_threads(),
        "machine": platform.machine(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "system": platform.system(),
        "versions": dict(versions()),
    }


@lru_cache(maxsize=1)
def versions() -> Mapping[str, str]:
    """Return the versions that a volume's voxels, or the bytes of its file, depend on.

    Torch tells its build as well, such as `2.13.0+cu130`, which its package on PyPI leaves out.
    """
    return {
        "transmodal": __version__,
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        **{name.lower(): metadata.version(name) for name in _PACKAGES},
        "zlib": zlib.ZLIB_RUNTIME_VERSION,
    }


@contextmanager
def threads(number: int) -> Iterator[None]:
    """Let torch share the work of one operation among so many threads, for as long as the block runs.

    Sums are taken in another order by another number of threads, and round to other last bits.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def compare(recorded: Mapping[str, Any], current: Mapping[str, Any]) -> list[EnvironmentDifference]:
    """Return what differs between two environments, by name; what one of them does not say counts as different."""
    first, second = _flat(recorded), _flat(current)
    names = [*first, *(name for name in second if name not in first)]
    pairs = [(name, first.get(name, "nothing"), second.get(name, "nothing")) for name in names]
    return [EnvironmentDifference(*pair) for pair in pairs if pair[1] != pair[2]]


def _flat(environment: Mapping[str, Any]) -> dict[str, str]:
    values = dict[str, str]()
    for name, value in environment.items():
        if isinstance(value, Mapping):
            values |= {f"{name}.{key}": str(part) for key, part in value.items()}
        else:
            values[name] = str(value)
    return values
