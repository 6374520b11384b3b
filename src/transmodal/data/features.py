"""Features of a frozen encoder, stored beside the cohort, so that training reads them instead of recomputing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from transmodal.data.dataset import WindowDataset
from transmodal.data.eight_bits import pack, unpack
from transmodal.data.recent import RecentCases
from transmodal.data.stream import Stream, StreamCase
from transmodal.errors import IntegrityError, ResourceError
from transmodal.progress import CountProgress
from transmodal.storage import files
from transmodal.storage.arrays import kept
from transmodal.volumes.windows.cut import Window

Encode = Callable[[Tensor], Tensor]
"""From sources `(B, C, *S)` in [-1, 1] to features `(B, *F)`, all of which float16 holds exactly."""


class FeatureStore:
    """One array per case, memory-mapped, of float16 or of bytes; a case that has its file is not encoded again.

    The file's name holds a hash of all that the features depend on: the encoder's weights, the case's arrays, the
    maps of intensities, the grid, how windows are cut, and which. Runs that agree in these share the files.

    Args:
        folder: of all feature files of a cohort.
        encoder: SHA-256 of the encoder's weights.
        dataset: whose sources are encoded, without augmentation.
        is_packed: whether the features are rounded to eight bits (`eight_bits.round_features`) and stored so.
    """

    def __init__(
        self, folder: Path, encoder: str, dataset: WindowDataset, *, is_packed: bool = False
    ) -> None:
        self._dataset, self._is_packed = dataset, is_packed
        self._spans = dataset.spans()
        self._paths = [
            folder / f"{source.case.id}-{_key(encoder, dataset, source, span)}.npy"
            for source, span in zip(dataset.stream.cases, self._spans, strict=True)
        ]
        self._open: RecentCases[NDArray[Any]] = RecentCases(self._open_case)
        self._case_of = [n for n, span in enumerate(self._spans) for _ in span]

    def missing(self) -> list[int]:
        """Return the numbers of the cases that are not encoded yet."""
        return [
            n
            for n, (path, span) in enumerate(zip(self._paths, self._spans, strict=True))
            if span and kept.find_array(path) is None
        ]

    def fill(self, encode: Encode, numbers: Sequence[int], batch: int, advance: CountProgress) -> None:
        """Encode cases, each of whose files is whole or not there.

        Args:
            encode: the encoder.
            numbers: of the cases.
            batch: windows at once.
            advance: called with the windows that are complete, and all.

        Raises:
            ResourceError: E403 when the disk has no room for them.
        """
        total, completed = sum(len(self._spans[n]) for n in numbers), 0
        for n in numbers:
            parts: list[NDArray[Any]] = []
            for chunk in _chunks(self._spans[n], batch):
                source = torch.stack([self._dataset[index, 0].source for index in chunk])
                features = encode(source)
                parts.append(pack(features) if self._is_packed else features.cpu().numpy().astype(np.float16))
                if not completed and len(parts) == 1:
                    _check_room(self._paths[n].parent, parts[0].nbytes // len(chunk) * total, total)
                advance(completed + sum(map(len, parts)), total)
            completed += len(self._spans[n])
            self._paths[n].parent.mkdir(parents=True, exist_ok=True)
            kept.write_array(self._paths[n], np.concatenate(parts))

    def __call__(self, index: int) -> Tensor:
        """Return one window's features, float32.

        Raises:
            IntegrityError: E502 when its case was not encoded, or its file is damaged.
        """
        number = self._case_of[index]
        stored = self._open[number][index - self._spans[number].start]
        return torch.from_numpy(unpack(stored) if self._is_packed else np.asarray(stored, dtype=np.float32))

    def _open_case(self, number: int) -> NDArray[Any]:
        dtype = np.dtype(np.int8 if self._is_packed else np.float16)
        return _open_features(self._paths[number], len(self._spans[number]), dtype)


def _key(encoder: str, dataset: WindowDataset, source: StreamCase, span: range) -> str:
    stream = dataset.stream
    content: dict[str, Any] = {
        "encoder": encoder,
        "arrays": [
            [name, source.case.entry.volumes[name].sha256 if name in source.case.modalities else None]
            for name in stream.sources
        ],
        "region": _region_of(stream, source),
        "maps": [None if source_map is None else source_map.to_json() for source_map in source.source_maps],
        "spacing_mm": stream.spacing_mm,
        "cutting": asdict(stream.cutting),
        "windows": [[window.axis, *window.start] for window in _windows(dataset, span)],
    }
    return files.sha256_text(json.dumps(content, sort_keys=True))[:24]


def _windows(dataset: WindowDataset, span: range) -> Iterator[Window]:
    return (dataset.window(index) for index in span)


def _region_of(stream: Stream, source: StreamCase) -> list[str]:
    hashes = [entry.sha256 for entry in source.case.entry.regions if entry.kind == stream.region]
    return [stream.region, *hashes]


def _chunks(span: range, size: int) -> Iterator[range]:
    return (span[start : start + size] for start in range(0, len(span), size))


def _check_room(folder: Path, n_bytes: int, windows: int) -> None:
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if n_bytes > free:
        raise ResourceError(
            "E403",
            f"{free / 1e9:.1f} GB free for the features of {windows} windows",
            f"{n_bytes / 1e9:.1f} GB",
            "Set training.store_features=false, a smaller settings.sam_size, or move the cohort.",
        )


def _open_features(path: Path, windows: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    existing = kept.find_array(path)
    stored: NDArray[Any] = np.empty(0) if existing is None else existing.array
    content = "none that are whole" if existing is None else f"{stored.dtype} of {stored.shape}"
    if stored.dtype != dtype or stored.ndim < 2 or len(stored) != windows:
        raise IntegrityError(
            "E502",
            f"features {path.name}: {content}",
            f"{dtype} features of {windows} windows",
            "Delete the file: the next training makes it anew.",
        )
    return stored
