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

from transmodal.errors import InputError, IntegrityError, ResourceError
from transmodal.nets.frozen import read_tensors
from transmodal.notice import FROM_SCRATCH

_NESTED = ("model", "state_dict")
"""Keys under which published files may hold their tensors."""
_UNREADABLE = (
    ValueError, OSError, EOFError, KeyError, TypeError, RuntimeError, zipfile.BadZipFile, zlib.error
)  # fmt: skip
"""What numpy raises for a file that is no archive of arrays, or a damaged one."""


class Published(NamedTuple):
    """What weights there are.

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


def as_it_is(tensor: Tensor) -> Tensor:
    """Return a tensor unchanged."""
    return tensor


class Taken(NamedTuple):
    """One tensor of ours, and what it is made of.

    Attributes:
        ours: name in the module that is filled.
        theirs: names in the file.
        form: makes ours of theirs, given in that order; as it is by default.
    """

    ours: str
    theirs: tuple[str, ...]
    form: Callable[..., Tensor] = as_it_is


class StartingWeights:
    """Weights that fill part of a network once, when its training begins; from then on they are trained.

    Checkpoints hold what became of them: neither to go on with a run nor to translate takes the file again.

    Args:
        into: the module that is filled.
        weights: path of the file; None to start from scratch.
        published: what the file is.
        taken: what is taken out of the file, and where it goes. All of it has to be there.
        left: patterns of whole names in the file that are deliberately not taken: a classification head, say.
            Any other name in the file is refused.
    """

    def __init__(
        self,
        into: nn.Module,
        weights: str | None,
        published: Published,
        taken: Sequence[Taken],
        left: Sequence[str] = (),
    ) -> None:
        self._into, self._weights, self._published = into, weights, published
        self._taken, self._left = tuple(taken), tuple(left)

    def check(self) -> None:
        """Refuse a file that is missing or does not fit, before anything is trained; the network stays as it is.

        Raises:
            InputError: E100 when the file does not exist, E101 when it is no file of tensors.
            IntegrityError: E502 when it holds weights of another architecture.
            ResourceError: E402 when it does not fit into memory.
        """
        if self._weights is not None:
            self._made(Path(self._weights))

    def load(self) -> None:
        """Fill the network; from scratch, leave it as it was drawn.

        Raises:
            TransmodalError: as `check`; nothing was filled then.
        """
        if self._weights is None:
            return
        made, ours = self._made(Path(self._weights)), self._into.state_dict()
        with torch.no_grad():
            for name, tensor in made.items():
                ours[name].copy_(tensor)

    def digest(self) -> str:
        """Return the file's SHA-256, or `from scratch`.

        Raises:
            InputError: E100 when the file does not exist.
        """
        if self._weights is None:
            return FROM_SCRATCH
        with self._there(Path(self._weights)).open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    def record(self) -> dict[str, str]:
        """Return what training starts from, JSON-able: the file's SHA-256 or `from scratch`, and what is published."""
        return {"sha256": self.digest(), "published": str(self._published)}

    def _there(self, path: Path) -> Path:
        if not path.is_file():
            raise InputError(
                "E100",
                f"{path} does not exist",
                "a file of weights to start from",
                f"Download {self._published}; or leave the setting out to start from scratch.",
            )
        return path

    def _made(self, path: Path) -> dict[str, Tensor]:
        """Return the file's tensors under our names and in our shapes."""
        given = read_published(self._there(path))
        used = {name for one in self._taken for name in one.theirs}
        strange = sorted(
            name for name in set(given) - used if not any(re.fullmatch(left, name) for left in self._left)
        )
        made, shapes = dict[str, Tensor](), list[str]()
        wanted = {name: tensor.shape for name, tensor in self._into.state_dict().items()}
        for one in self._taken:
            if all(name in given for name in one.theirs):
                tensor = _formed(one, given)
                if tensor is None or tensor.shape != wanted[one.ours]:
                    shapes += one.theirs
                else:
                    made[one.ours] = tensor
        self._refuse(path, sorted(used - set(given)), strange, sorted(set(shapes)))
        _check_numbers(path, made)
        return made

    def _refuse(self, path: Path, missing: list[str], strange: list[str], shapes: list[str]) -> None:
        parts = [
            f"{len(names)} {what} such as {names[0]}"
            for what, names in (("missing", missing), ("not known", strange), ("of another shape", shapes))
            if names
        ]
        if parts:
            raise IntegrityError(
                "E502",
                f"{path}: weights of another architecture ({'; '.join(parts)})",
                f"{self._published.file}, and a network as large as its own",
                f"Give {self._published}, and leave the network's sizes as they are by default.",
            )


def read_published(path: Path) -> dict[str, Tensor]:
    """Read a file of published weights: `.npz`, `.safetensors` or what `torch.save` wrote; only tensors are read.

    Raises:
        InputError: E101 when it cannot be read as that.
        ResourceError: E402 when it does not fit into memory.
    """
    try:
        return _read_arrays(path) if path.suffix == ".npz" else read_tensors(path, inside=_NESTED)
    except MemoryError as error:
        raise ResourceError(
            "E402", f"{path} does not fit into memory", "weights that do", "Download the file again."
        ) from error


def _read_arrays(path: Path) -> dict[str, Tensor]:
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as read:
            if not isinstance(read, np.lib.npyio.NpzFile):
                raise ValueError("one array instead of arrays by name")
            return {name: torch.from_numpy(np.ascontiguousarray(read[name])) for name in read.files}
    except _UNREADABLE as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            "E101", f"{path} cannot be read: {reason}", "arrays by name", "Download the file again."
        ) from error


def _formed(one: Taken, given: Mapping[str, Tensor]) -> Tensor | None:
    """Return our tensor in float32; None where theirs are not of a kind that it can be made of."""
    theirs = [given[name] for name in one.theirs]
    if not all(tensor.is_floating_point() for tensor in theirs):
        return None
    try:
        return one.form(*(tensor.float() for tensor in theirs))
    except (RuntimeError, IndexError, ValueError):  # a shape that cannot be rearranged so
        return None


def _check_numbers(path: Path, made: Mapping[str, Tensor]) -> None:
    for name, tensor in made.items():
        if not tensor.is_meta and not bool(torch.isfinite(tensor).all()):
            raise InputError(
                "E101", f"{path}: {name} is not finite", "finite numbers", "Download the file again."
            )
