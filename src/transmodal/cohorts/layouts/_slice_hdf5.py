"""Arrays of MATLAB files of version 7.3, which is HDF5: held against what they declare before the library inflates a chunk.

The library follows links into other files, loads filters from shared objects that it finds, and inflates a chunk to wherever
its stream ends, whatever size it declares. So only arrays that lie in the file itself are read, through filters that MATLAB
writes, and no stream goes on beyond its chunk.
"""

from __future__ import annotations

import importlib
import math
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transmodal.errors import InputError, ResourceError
from transmodal.storage import streams

_DEFLATE = 1
_FILTERS = {_DEFLATE: "deflate", 2: "shuffle", 3: "Fletcher-32"}
_SUM_BYTES = 4
"""Of a Fletcher-32 checksum, which stands behind the values of a chunk and is deflated with them."""
_HARMLESS_BYTES = 1 << 24
"""Chunks, and streams, that cannot come to more are not looked at."""
_MOST_DEFLATED = 1032
"""How many bytes one byte of a deflated stream can stand for."""
_PIECE = 1 << 18


def read_arrays(path: Path, principal: str) -> dict[str, NDArray[Any]]:
    """Return the arrays of two or three dimensions of a file by their names; `principal` alone where it is among them.

    Raises:
        InputError: E101 for a chunk that goes on beyond its size, E102 for filters that MATLAB does not write, E103 for
            arrays that lie in other files, or whose chunks are larger than they are.
        ResourceError: E401 beyond the budget, E404 without h5py.
    """
    try:
        h5py: Any = importlib.import_module("h5py")
    except ImportError as error:
        raise ResourceError(
            "E404",
            f"{path.name} is a .mat file of version 7.3",
            "h5py to read it",
            "pip install 'transmodal[matlab]'",
        ) from error
    with h5py.File(path, "r") as opened:
        datasets = {name: dataset for name, dataset in _own_datasets(h5py, opened) if dataset.ndim in (2, 3)}
        if principal in datasets:
            datasets = {principal: datasets[principal]}
        n_bytes = sum(int(dataset.nbytes) for dataset in datasets.values())
        streams.check_budget(path.name, n_bytes, n_stored=path.stat().st_size)
        for dataset in datasets.values():
            _check_storage(path.name, dataset)
        return {name: np.asarray(dataset) for name, dataset in datasets.items()}


def _own_datasets(h5py: Any, opened: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - a library that may be absent
    """Yield datasets that are no links: a link can lead into any file."""
    for name in opened:
        if isinstance(opened.get(name, getlink=True), h5py.HardLink) and isinstance(
            opened[name], h5py.Dataset
        ):
            yield name, opened[name]


def _check_storage(name: str, dataset: Any) -> None:  # noqa: ANN401
    if dataset.external or dataset.is_virtual:
        raise InputError(
            "E103",
            f"{name} has its values in another file",
            "values in the file itself",
            "Save the slices alone.",
        )
    if dataset.dtype.kind not in "biuf":
        raise InputError(
            "E123",
            f"{name} has values that are no real numbers",
            "integers or floats",
            "Save the slices alone.",
        )
    if dataset.chunks is None:
        return
    chunk_bytes = math.prod(dataset.chunks) * dataset.dtype.itemsize
    if chunk_bytes > max(int(dataset.nbytes), _HARMLESS_BYTES):
        raise InputError(
            "E103",
            f"{name} has chunks of {chunk_bytes} bytes for an array of {dataset.nbytes}",
            "chunks that are no larger than the array",
            "Save the slices again, with save -v7.3.",
        )
    filters = _filters_of(dataset)
    if not set(filters) <= set(_FILTERS) or filters.count(_DEFLATE) > 1:
        raise InputError(
            "E102",
            f"{name} is packed by the HDF5 filters {', '.join(map(str, filters))}",
            f"each once: {', '.join(f'{code} ({word})' for code, word in _FILTERS.items())}",
            "Save the slices again, with save -v7.3.",
        )
    if _DEFLATE in filters:
        _check_streams(name, dataset, chunk_bytes + _SUM_BYTES)


def _filters_of(dataset: Any) -> list[int]:  # noqa: ANN401
    settings = dataset.id.get_create_plist()
    return [int(settings.get_filter(index)[0]) for index in range(settings.get_nfilters())]


def _check_streams(name: str, dataset: Any, most: int) -> None:  # noqa: ANN401
    """Refuse a chunk whose stream gives more than `most` bytes; it is followed piece by piece, and kept nowhere."""
    for index in range(dataset.id.get_num_chunks()):
        chunk = dataset.id.get_chunk_info(index)
        if chunk.size * _MOST_DEFLATED <= _HARMLESS_BYTES:
            continue
        _, content = dataset.id.read_direct_chunk(chunk.chunk_offset)
        if _is_longer(content, most):
            raise InputError(
                "E101",
                f"{name} has a chunk of more than {most} bytes",
                "chunks as long as they declare",
                "Copy it again.",
            )


def _is_longer(content: bytes, most: int) -> bool:
    """Tell whether a stream gives more bytes; one that is no stream is left to its reader."""
    inflater, n_bytes = zlib.decompressobj(), 0
    try:
        while content and n_bytes <= most and not inflater.eof:
            n_bytes += len(inflater.decompress(content, _PIECE))
            content = inflater.unconsumed_tail
    except zlib.error:
        return False
    return n_bytes > most
