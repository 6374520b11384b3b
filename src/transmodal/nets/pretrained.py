"""Published weights that a network starts its training from, given by path; without a path it starts from scratch."""

from __future__ import annotations

import hashlib
import re
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from transmodal.errors import InputError, IntegrityError, TransmodalError
from transmodal.nets.frozen import read_tensors
from transmodal.notice import FROM_SCRATCH
from transmodal.storage import memory, regular, streams

_NESTED = ("model", "state_dict")
"""Keys under which published files may hold their tensors."""
_UNREADABLE = (
    ValueError, OSError, EOFError, KeyError, TypeError, RuntimeError, zipfile.BadZipFile, zlib.error
)  # fmt: skip
"""Raised by numpy for a file that is no archive of arrays, or a damaged one."""


class WeightFile(NamedTuple):
    """A published file of weights.

    Attributes:
        file: its name.
        address: where it is published.
        licence: of the weights, as far as their publisher states one.
    """

    file: str
    address: str
    licence: str

    def __str__(self) -> str:
        return f"{self.file} of {self.address} ({self.licence})"


def identity(tensor: Tensor) -> Tensor:
    """Return a tensor unchanged."""
    return tensor


class TensorMap(NamedTuple):
    """One tensor of a module, and the tensors of a file that it is made of.

    Attributes:
        target: name in the module that is filled.
        sources: names in the file.
        convert: makes the module's tensor of the file's, given in that order; unchanged by default.
    """

    target: str
    sources: tuple[str, ...]
    convert: Callable[..., Tensor] = identity


class PretrainedWeights:
    """Weights that fill part of a network once, when its training begins; from then on they are trained.

    Checkpoints hold the trained weights: neither to go on with a run nor to translate takes the file again.

    Args:
        module: that is filled.
        weights: path of the file; None to start from scratch.
        published: which file that is.
        tensors: that are taken out of the file, and where each goes. All of them have to be there.
        ignored: patterns of whole names in the file that are deliberately not taken: a classification head, say.
            Any other name in the file is refused.
    """

    def __init__(
        self,
        module: nn.Module,
        weights: str | None,
        published: WeightFile,
        tensors: Sequence[TensorMap],
        ignored: Sequence[str] = (),
    ) -> None:
        self._module, self._weights, self._published = module, weights, published
        self._tensors, self._ignored = tuple(tensors), tuple(ignored)

    def check(self) -> None:
        """Refuse a file that is missing or does not fit, before anything is trained; the network stays as it is.

        Raises:
            InputError: E100 when the file does not exist, E101 when it is no file of tensors.
            IntegrityError: E502 when it holds weights of another architecture.
            ResourceError: E402 when it does not fit into memory.
        """
        if self._weights is not None:
            self._read(Path(self._weights))

    def load(self) -> None:
        """Fill the network; from scratch, leave it as it was drawn.

        Raises:
            TransmodalError: as `check`; nothing was filled then.
        """
        if self._weights is None:
            return
        tensors, state = self._read(Path(self._weights)), self._module.state_dict()
        with torch.no_grad():
            for name, tensor in tensors.items():
                state[name].copy_(tensor)

    def digest(self) -> str:
        """Return the file's SHA-256, or `from scratch`.

        Raises:
            InputError: E100 when the file does not exist.
        """
        if self._weights is None:
            return FROM_SCRATCH
        with regular.open_file(self._existing(Path(self._weights))) as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    def record(self) -> dict[str, str]:
        """Return what training starts from, JSON-able: the file's SHA-256 or `from scratch`, and what is published."""
        return {"sha256": self.digest(), "published": str(self._published)}

    def _existing(self, path: Path) -> Path:
        if not path.is_file():
            raise InputError(
                "E100",
                f"{path} does not exist",
                "a file of weights to start from",
                f"Download {self._published}; or leave the setting out to start from scratch.",
            )
        return path

    def _read(self, path: Path) -> dict[str, Tensor]:
        """Return the file's tensors under the module's names and in its shapes."""
        content = read_weights(self._existing(path))
        required = {name for tensor in self._tensors for name in tensor.sources}
        unknown = sorted(name for name in set(content) - required if not self._is_ignored(name))
        tensors, misshapen = dict[str, Tensor](), list[str]()
        shapes = {name: tensor.shape for name, tensor in self._module.state_dict().items()}
        for tensor_map in self._tensors:
            if all(name in content for name in tensor_map.sources):
                tensor = _convert(tensor_map, content)
                if tensor is None or tensor.shape != shapes[tensor_map.target]:
                    misshapen += tensor_map.sources
                else:
                    tensors[tensor_map.target] = tensor
        self._refuse(path, sorted(required - set(content)), unknown, sorted(set(misshapen)))
        _check_numbers(path, tensors)
        return tensors

    def _is_ignored(self, name: str) -> bool:
        return any(re.fullmatch(pattern, name) for pattern in self._ignored)

    def _refuse(self, path: Path, missing: list[str], unknown: list[str], misshapen: list[str]) -> None:
        parts = [
            f"{len(names)} {fault} such as {names[0]}"
            for fault, names in (
                ("missing", missing),
                ("not known", unknown),
                ("of another shape", misshapen),
            )
            if names
        ]
        if parts:
            raise IntegrityError(
                "E502",
                f"{path}: weights of another architecture ({'; '.join(parts)})",
                f"{self._published.file}, and a network as large as its own",
                f"Give {self._published}, and leave the network's sizes as they are by default.",
            )


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read a file of published weights: `.npz`, `.safetensors` or what `torch.save` wrote; only tensors are read.

    Raises:
        InputError: E101 when it cannot be read as that.
        ResourceError: E402 when it does not fit into memory.
    """
    try:
        return _read_arrays(path) if path.suffix == ".npz" else read_tensors(path, inside=_NESTED)
    except Exception as error:
        if isinstance(error, TransmodalError) or not memory.is_out_of_memory(error):
            raise
        raise memory.shortage(
            f"{path} does not fit into memory", "Free memory, or download the file again.", "weights that do"
        ) from error


def _read_arrays(path: Path) -> dict[str, Tensor]:
    try:
        with regular.open_file(path) as stream, np.load(stream, allow_pickle=False) as archive:
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise ValueError("one array instead of arrays by name")
            n_stored = path.stat().st_size
            members = [] if archive.zip is None else archive.zip.infolist()
            n_bytes = sum(int(member.file_size) for member in members)
            # Weights do not come near a ratio of twenty, whatever memory there is.
            streams.check_budget(path.name, n_bytes, max(memory.GIB, 20 * n_stored))
            return {name: torch.from_numpy(np.ascontiguousarray(archive[name])) for name in archive.files}
    except _UNREADABLE as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            "E101", f"{path} cannot be read: {reason}", "arrays by name", "Download the file again."
        ) from error


def _convert(tensor_map: TensorMap, content: Mapping[str, Tensor]) -> Tensor | None:
    """Return the module's tensor in float32; None where the file's are not of a kind that it can be made of."""
    sources = [content[name] for name in tensor_map.sources]
    if not all(tensor.is_floating_point() for tensor in sources):
        return None
    try:
        return tensor_map.convert(*(tensor.float() for tensor in sources))
    except (RuntimeError, IndexError, ValueError):  # a shape that cannot be rearranged so
        return None


def _check_numbers(path: Path, tensors: Mapping[str, Tensor]) -> None:
    for name, tensor in tensors.items():
        if not tensor.is_meta and not bool(torch.isfinite(tensor).all()):
            raise InputError(
                "E101", f"{path}: {name} is not finite", "finite numbers", "Download the file again."
            )
