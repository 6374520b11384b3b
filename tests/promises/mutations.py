"""Mutations of files: of their bytes, and of what lies in a gzip stream, a PNG's chunks or a sealed JSON object."""

from __future__ import annotations

import copy
import gzip
import hashlib
import json
import random
import re
import struct
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from promises.corpus.picture_files import PNG_MAGIC, chunk
from transmodal.checkpoint import MANIFEST, OPTIMIZERS, WEIGHTS, manifest
from transmodal.storage import sealed

Files = Mapping[str, bytes]
"""Content of files by their path below a folder."""

_NUMBERS = (
    0,
    1,
    -1,
    2,
    127,
    128,
    255,
    256,
    32767,
    32768,
    65535,
    2**31 - 1,
    -(2**31),
    2**31,
    2**32 - 1,
    2**63 - 1,
)
_WORDS = (
    b"0",
    b"-1",
    b"nan",
    b"inf",
    b"1e300",
    b"1e999",
    b"9" * 400,
    b"",
    b"\0",
    b"\xff\xfe",
    b"../",
    b"\n",
    b'"',
)
_VALUES: tuple[Any, ...] = (
    *(None, True, 0, -1, 1, 2.5, 2**31, 2**70, 1e300, "", "x", "x" * 5000, "../x", "\0", "\ud83d"),
    *([], [1], [[]], {}, {"a": 1}),
)
_KEEP_RAW = 0.4
"""Share of mutations that leave the structure of a file out of account."""


def mutate_files(files: Files, draw: random.Random) -> dict[str, bytes]:
    """Return files of which one or two were changed; what seals them may be renewed.

    Args:
        files: of a valid entry.
        draw: decides everything.
    """
    changed = dict(files)
    for _ in range(draw.choice((1, 1, 1, 2))):
        name = draw.choice(sorted(changed))
        mutate = mutate_bytes if draw.random() < _KEEP_RAW else _structured(name, changed[name])
        changed[name] = mutate(changed[name], draw)
    if MANIFEST in changed and draw.random() > _KEEP_RAW:
        changed[MANIFEST] = _with_hashes(changed)
    return changed


def mutate_bytes(content: bytes, draw: random.Random) -> bytes:
    """Return content with one to four places changed."""
    for _ in range(draw.choice((1, 1, 2, 4))):
        content = draw.choice(_CHANGES)(content, draw)
    return content


def _flip(content: bytes, draw: random.Random) -> bytes:
    if not content:
        return content
    place = draw.randrange(len(content))
    return content[:place] + bytes([content[place] ^ 1 << draw.randrange(8)]) + content[place + 1 :]


def _number(content: bytes, draw: random.Random) -> bytes:
    """Write an interesting number over a place, in either byte order, as a float at times."""
    size = draw.choice((1, 2, 4, 8))
    if draw.random() < 0.2 and size > 2:
        data = struct.pack(
            "f" if size == 4 else "d", draw.choice((0.0, -1.0, 1e30, float("nan"), float("inf")))
        )
    else:
        number = draw.choice(_NUMBERS) % 2 ** (8 * size)
        data = number.to_bytes(size, draw.choice(("little", "big")))
    place = _aligned(content, size, draw)
    return content[:place] + data + content[place + size :]


def _aligned(content: bytes, size: int, draw: random.Random) -> int:
    """Return a place, in the header of a file as often as in all of it."""
    end = len(content) if draw.random() < 0.5 else min(len(content), 400)
    return draw.randrange(max(end, 1)) // size * size


def _word(content: bytes, draw: random.Random) -> bytes:
    """Put a word in the place of a number that is written as text, or anywhere."""
    numbers = list(re.finditer(rb"[-+.\d]+", content[:4096]))
    if numbers and draw.random() < 0.8:
        match = draw.choice(numbers)
        return content[: match.start()] + draw.choice(_WORDS) + content[match.end() :]
    place = draw.randrange(len(content) + 1)
    return content[:place] + draw.choice(_WORDS) + content[place:]


def _cut(content: bytes, draw: random.Random) -> bytes:
    return content[: draw.randrange(len(content) + 1)]


def _drop(content: bytes, draw: random.Random) -> bytes:
    start = draw.randrange(len(content) + 1)
    return content[:start] + content[start + draw.choice((1, 2, 8, 64)) :]


def _repeat(content: bytes, draw: random.Random) -> bytes:
    start = draw.randrange(len(content) + 1)
    part = content[start : start + draw.choice((1, 4, 40, 400))]
    return content[:start] + part * draw.choice((2, 3, 50)) + content[start + len(part) :]


_CHANGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    *(_flip, _flip, _number, _number, _number, _word, _word, _cut, _drop, _repeat),
)


def _structured(name: str, content: bytes) -> Callable[[bytes, random.Random], bytes]:
    """Return the mutation that keeps the structure of a file whole around what it changes."""
    if content.startswith(b"\x1f\x8b"):
        return _in_gzip
    if content.startswith(PNG_MAGIC):
        return _in_png
    if name == MANIFEST:
        return _in_manifest
    if name.endswith(".json"):
        return _in_sealed
    return mutate_bytes


def _in_gzip(content: bytes, draw: random.Random) -> bytes:
    try:
        return gzip.compress(mutate_bytes(gzip.decompress(content), draw), 1, mtime=0)
    except (OSError, EOFError, zlib.error):  # changed before
        return mutate_bytes(content, draw)


def _in_png(content: bytes, draw: random.Random) -> bytes:
    """Change one chunk, with a checksum that holds; pixels inflated."""
    chunks, place = [], len(PNG_MAGIC)
    while place + 12 <= len(content):
        size = int.from_bytes(content[place : place + 4], "big")
        chunks.append((content[place + 4 : place + 8], content[place + 8 : place + 8 + size]))
        place += 12 + size
    if not chunks:
        return mutate_bytes(content, draw)
    number = draw.randrange(len(chunks))
    kind, data = chunks[number]
    mutate = _in_stream if kind == b"IDAT" and draw.random() < 0.7 else mutate_bytes
    chunks[number] = kind, mutate(data, draw)
    return PNG_MAGIC + b"".join(chunk(*part) for part in chunks)


def _in_stream(data: bytes, draw: random.Random) -> bytes:
    """Change what a zlib stream gives."""
    try:
        return zlib.compress(mutate_bytes(zlib.decompressobj().decompress(data, 1 << 20), draw))
    except zlib.error:  # changed before
        return mutate_bytes(data, draw)


def _in_manifest(content: bytes, draw: random.Random) -> bytes:
    try:
        return manifest.seal(_change_tree(json.loads(content)["content"], draw))
    except (ValueError, KeyError, TypeError):  # changed before
        return mutate_bytes(content, draw)


def _in_sealed(content: bytes, draw: random.Random) -> bytes:
    try:
        tree = json.loads(content)
        tree.pop(sealed.KEY, None)
        return json.dumps(sealed.seal(_change_tree(tree, draw))).encode()
    except (ValueError, AttributeError, TypeError):
        return mutate_bytes(content, draw)


def _change_tree(tree: Any, draw: random.Random) -> Any:  # noqa: ANN401 - JSON
    """Return JSON in which one value, at any depth, is another one, is gone, or stands twice."""
    tree = copy.deepcopy(tree)
    inner, depth = tree, draw.randrange(8)
    while True:
        keys = sorted(inner) if isinstance(inner, dict) else list(range(len(inner)))
        if not keys:
            return tree
        key = draw.choice(keys)
        if depth == 0 or not isinstance(inner[key], dict | list):
            break
        inner, depth = inner[key], depth - 1
    if draw.random() < 0.2:
        del inner[key]
    elif isinstance(inner, list) and draw.random() < 0.2:
        inner.append(inner[key])
    else:
        inner[key] = draw.choice(_VALUES)
    return tree


def _with_hashes(files: Files) -> bytes:
    """Return a checkpoint's manifest with the hashes of files as they are now."""
    try:
        content = json.loads(files[MANIFEST])["content"]
        for name in (WEIGHTS, OPTIMIZERS):
            if name in content["files"] and name in files:
                content["files"][name] = hashlib.sha256(files[name]).hexdigest()
        return manifest.seal(content)
    except (ValueError, KeyError, TypeError):
        return files[MANIFEST]
