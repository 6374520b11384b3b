"""Words, dates, times and UIDs that stand nowhere else, and how to find them in what was written or shown."""

from __future__ import annotations

import base64
import binascii
import gzip
import itertools
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

Kind = Literal["header", "name", "id"]
"""Of a canary: a value of a header or a table; a name of a file or a folder; an id of a case or a patient."""

_LETTERS: dict[Kind, str] = {"header": "h", "name": "n", "id": "i"}
_WORD = re.compile(rb"zq[hni][bdfgkmnprt]{5}")
_NUMBER = re.compile(rb"\d{14}|(?<![\w.])\d{8}(?!\w)|\d{6}\.471\d{3}|1\.2\.840\.99999[\d.]+\d")
_BASE64 = re.compile(rb"[A-Za-z0-9+/]{12,}={0,2}")
_LONGEST_BASE64 = 1 << 22


class Canaries:
    """Makes canaries and knows those that it made."""

    def __init__(self) -> None:
        self._words = ("".join(letters) for letters in itertools.product("bdfgkmnprt", repeat=5))
        self._numbers = itertools.count(1)
        self._kinds: dict[bytes, Kind] = {}

    def __len__(self) -> int:
        return len(self._kinds)

    def word(self, kind: Kind = "header") -> str:
        return self._know(f"zq{_LETTERS[kind]}{next(self._words)}", kind).upper()

    def date(self) -> str:
        n = next(self._numbers)
        return self._know(f"{1600 + n // 300}{1 + n // 25 % 12:02d}{1 + n % 25:02d}")

    def time(self) -> str:
        n = next(self._numbers)
        return self._know(f"{n // 1000 % 24:02d}1507.471{n % 1000:03d}")

    def instant(self) -> str:
        return self._know(f"{1700 + next(self._numbers)}0713081507"[:14])

    def uid(self) -> str:
        return self._know(f"1.2.840.99999.735190.9{next(self._numbers):06d}.4711.8150")

    def find(self, content: bytes, kinds: tuple[Kind, ...] = ("header", "name", "id")) -> set[str]:
        """Return the canaries that stand in a content: as they are, in any case, in UTF-16, base64 or inflated."""
        views = (view for part in _inflated(content) for view in _views(part))
        hits = {hit for view in views for hit in (*_WORD.findall(view), *_NUMBER.findall(view))}
        return {hit.decode() for hit in hits if self._kinds.get(hit) in kinds}

    def _know(self, canary: str, kind: Kind = "header") -> str:
        assert canary.encode() not in self._kinds
        self._kinds[canary.encode()] = kind
        return canary


def contents(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Return each file below a folder with its bytes."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.relative_to(folder), path.read_bytes()


def _inflated(content: bytes) -> Iterator[bytes]:
    """Return a content, and what it is compressed from: gzip, and the streams of zlib in a PNG's text."""
    yield content
    if content[:2] == b"\x1f\x8b":
        yield gzip.decompress(content)
    for start in re.finditer(rb"\x78[\x01\x9c\xda]", content[: 1 << 20]):
        try:
            yield zlib.decompressobj().decompress(content[start.start() :], 1 << 16)
        except zlib.error:
            continue


def _views(content: bytes) -> Iterator[bytes]:
    """Return a content in small letters, without the zeros of UTF-16, and what stands in base64 in it."""
    yield content.lower()
    if b"\0" in content:
        yield content.replace(b"\0", b"").lower()
    for run in _BASE64.finditer(content):
        text = run.group().rstrip(b"=")[:_LONGEST_BASE64]
        for start in range(4):
            part = text[start:]
            try:
                yield base64.b64decode(part[: len(part) // 4 * 4]).lower()
            except binascii.Error:
                continue
