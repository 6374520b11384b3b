"""Uploads: bytes that are counted as they come, and known by what they begin with, not by what they are called."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

from transmodal.service.refusals import bad_request, too_much
from transmodal.storage import files

SUFFIXES = (".nii.gz", ".nii", ".mha", ".zip", ".dcm")
"""Of the files that uploads become."""

_HEAD_BYTES = 352
_META_IMAGE = re.compile(rb"\s*(ObjectType|NDims)\s*=")
_BLOCK_BYTES = 1 << 20


def suffix_of(head: bytes) -> str:
    """Return the ending of the format that a content begins as; empty for what is not taken.

    Args:
        head: the first 352 bytes, or all where there are fewer.
    """
    if head[:3] == b"\x1f\x8b\x08":
        return ".nii.gz"
    if head[:4] == b"PK\x03\x04":
        return ".zip"
    if head[344:348] == b"n+1\0" or head[4:8] == b"n+2\0":
        return ".nii"
    if head[128:132] == b"DICM":
        return ".dcm"
    return ".mha" if _META_IMAGE.match(head) else ""


async def receive(parts: AsyncIterator[bytes], folder: Path, stem: str, limit: int) -> str:
    """Write an upload into a folder; until it is whole, what was there before stays.

    Args:
        parts: of the body, as they come.
        folder: of the job.
        stem: name of the file without its ending.
        limit: most bytes.

    Returns:
        The name of the file.

    Raises:
        Refusal: 413 beyond the limit, 415 for a format that is not taken.
    """
    block = bytearray()
    async for part in parts:
        block += part
        if len(block) >= _HEAD_BYTES:
            break
    suffix = suffix_of(bytes(block[:_HEAD_BYTES]))
    if not suffix:
        raise bad_request(
            "a body that is no image",
            "a NIfTI (.nii, .nii.gz) or MetaImage (.mha) file, a DICOM file, or a zip archive of a DICOM series",
            "Send the file as it is: curl -T FILE, without a form around it.",
            415,
        )
    name = stem + suffix
    with files.atomic_path(folder / name, 0o600) as beside, beside.open("wb") as file:
        n_bytes = 0
        async for content in _blocks(block, parts):
            n_bytes += len(content)
            if n_bytes > limit:
                raise too_large(limit)
            await asyncio.to_thread(file.write, content)
    return name


def too_large(limit: int) -> Exception:
    """Return the refusal of a body beyond a limit."""
    return too_much(
        "a body that is too large",
        f"at most {limit} bytes",
        "Crop the image or compress it; the service's --max-upload allows more.",
        413,
    )


async def _blocks(block: bytearray, parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield what came already and what comes, in blocks of a MiB or so."""
    async for part in parts:
        block += part
        if len(block) >= _BLOCK_BYTES:
            yield bytes(block)
            block.clear()
    if block:
        yield bytes(block)
