"""Bytes of image files: read once, to the last one, under a budget; every failure is raised as an error of this package."""

from __future__ import annotations

import errno
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from transmodal.errors import InputError, ResourceError, TransmodalError
from transmodal.storage import memory, placeholders, regular

GZIP_MAGIC = b"\x1f\x8b"

_NOWHERE = {errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP}
_READ = 1 << 18
_BLOCK = 1 << 18  # a few of them fit into the cache, so that what is inflated is copied from there


@contextmanager
def guarded(name: str, kind: str) -> Iterator[None]:
    """Turn whatever a library raises over a bad file into one of our errors.

    Args:
        name: the file, for the message.
        kind: what it should be, such as "NIfTI file".

    Raises:
        InputError: E100 when it is gone, E138 for a link that leads nowhere, E101 for all that the format's library chokes on.
        ResourceError: E402 when memory does not suffice, E403 when it may not be read.
    """
    try:
        yield
    except TransmodalError:
        raise
    except OSError as error:
        if error.errno in _NOWHERE:
            if isinstance(error.filename, (str, Path)):
                placeholders.refuse(Path(error.filename))
            raise InputError("E100", f"{name} does not exist", f"a {kind}", "Check the path.") from error
        if error.errno is None or error.errno == errno.EINVAL:  # raised by a decoder, not by the system
            raise _corrupt_error(name, kind, error) from error
        raise ResourceError(
            "E403", f"cannot read {name}: {error.strerror}", "a file that may be read", "Check permissions."
        ) from error
    except Exception as error:
        if memory.is_out_of_memory(error):
            raise memory.shortage(f"{name} does not fit into memory", "Crop it.", "a smaller one") from error
        raise _corrupt_error(name, kind, error) from error


def check_budget(name: str, size: int, budget: int | None = None, *, n_stored: int | None = None) -> None:
    """Refuse an image of a size beyond the budget, before anything of that size is read.

    Args:
        name: the image, for the message.
        size: bytes that it takes, inflated, and as real values.
        budget: most of them; None takes `memory.budget`.
        n_stored: bytes of its file, where that can be compressed.

    Raises:
        ResourceError: E401.
    """
    most = memory.budget(n_stored) if budget is None else budget
    if size > most:
        raise ResourceError(
            "E401",
            f"{name} declares or holds {size / memory.GIB:.3g} GiB",
            f"at most {most / memory.GIB:.3g} GiB, by the memory there is and the size of the file",
            f"Check that it is what you think it is, and crop it, or {memory.advise_budget(size)}.",
        )


def blocks(path: Path, *, gzipped: bool) -> Iterator[bytes]:
    """Yield a file's content block by block; a gzip stream is inflated and proven whole at its end.

    Raises:
        InputError: E101 when the stream is cut off, fails its checksum or is followed by other bytes, E102
            when the content is not what `gzipped` says, E138 for a pointer of git-annex or Git LFS.
    """
    placeholders.refuse(path)
    with regular.open_file(path) as stream:
        magic = stream.read(2)
        stream.seek(0)
        if gzipped != (magic == GZIP_MAGIC):
            raise InputError(
                "E102",
                f"{path.name} is {'not ' if gzipped else ''}gzipped",
                "content that the name promises",
                "Rename it or download it again.",
            )
        yield from _inflate_blocks(path.name, stream) if gzipped else _read_blocks(stream)


def head(parts: Iterator[bytes], size: int) -> bytes:
    """Take blocks until there are `size` bytes; fewer come back where the file ends before."""
    start = b""
    while len(start) < size and (block := next(parts, b"")):
        start += block
    return start


def gather(name: str, start: bytes, blocks_after: Iterator[bytes], size: int) -> NDArray[np.uint8]:
    """Gather a file that has to be exactly `size` bytes long, its start having been read already.

    Raises:
        InputError: E101 when it is shorter or longer.
    """
    content = np.empty(size, dtype=np.uint8)
    filled = 0
    for block in chain([start], blocks_after):
        if filled + len(block) > size:
            raise _size_error(name, "more than ", size, size)
        content[filled : filled + len(block)] = np.frombuffer(block, dtype=np.uint8)
        filled += len(block)
    if filled < size:
        raise _size_error(name, "", filled, size)
    return content


def inflate(name: str, data: bytes, size: int) -> bytes:
    """Inflate a zlib or gzip stream that has to give exactly `size` bytes.

    Raises:
        InputError: E101 when it is cut off, fails its checksum, gives more or less, or is followed by bytes.
    """
    inflater = zlib.decompressobj(47)  # zlib or gzip, by its magic
    try:
        plain = inflater.decompress(data, size + 1)
    except zlib.error as error:
        raise _stream_error(name, f"is corrupt ({error})") from error
    if len(plain) > size:
        raise _size_error(name, "more than ", size, size)
    if not inflater.eof:
        raise _stream_error(name, f"ends after {len(plain)} bytes")
    if len(plain) < size:
        raise _size_error(name, "", len(plain), size)
    if inflater.unused_data:
        raise _stream_error(name, "has bytes behind its stream")
    return plain


def _read_blocks(stream: BinaryIO) -> Iterator[bytes]:
    while block := stream.read(_BLOCK):
        yield block


def _inflate_blocks(name: str, stream: BinaryIO) -> Iterator[bytes]:
    inflater, total = zlib.decompressobj(31), 0
    chunk = stream.read(_READ)
    try:
        while chunk:
            block = inflater.decompress(chunk, _BLOCK)
            total += len(block)
            if block:  # an empty member is part of a whole stream, an empty block says that nothing follows
                yield block
            if not inflater.eof:
                chunk = inflater.unconsumed_tail or stream.read(_READ)
                continue
            chunk = inflater.unused_data or stream.read(_READ)
            if not chunk:
                return
            if chunk[:2] != GZIP_MAGIC[: len(chunk)]:
                raise _stream_error(name, "has bytes behind its gzip stream")
            inflater = zlib.decompressobj(31)  # a stream may have several members, as bgzip writes them
    except zlib.error as error:
        raise _stream_error(name, f"is corrupt after {total} bytes ({error})") from error
    raise _stream_error(name, f"ends after {total} bytes")


def _stream_error(name: str, fault: str) -> InputError:
    return InputError(
        "E101", f"{name} {fault}", "a whole stream whose checksum holds", "Copy or download it again."
    )


def _size_error(name: str, more: str, n_bytes: int, size: int) -> InputError:
    return InputError(
        "E101",
        f"{name} has {more}{n_bytes} bytes",
        f"{size} as its header declares",
        "Copy or export it again.",
    )


def _corrupt_error(name: str, kind: str, error: Exception) -> InputError:
    return InputError(
        "E101", f"{name} cannot be read ({error})", f"a whole {kind}", "Copy or export it again."
    )
