from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from served import SOURCE
from transmodal.service.intake import uploads
from transmodal.service.refusals import Refusal


def head(place: int, mark: bytes) -> bytes:
    return bytes(place) + mark + bytes(400)


@pytest.mark.parametrize(
    ("content", "suffix"),
    [
        (b"\x1f\x8b\x08" + bytes(20), ".nii.gz"), (head(344, b"n+1\0"), ".nii"), (head(4, b"n+2\0"), ".nii"),
        (b"ObjectType = Image\n", ".mha"), (b"NDims=3\n", ".mha"), (b"PK\x03\x04", ".zip"),
        (head(128, b"DICM"), ".dcm"), (b"", ""), (b"\x80\x04", ""), (b"PK", ""), (b"ObjectTypes", ""),
        (head(344, b"ni1\0"), ""), (b"\x89PNG\r\n", ""),
    ],
)  # fmt: skip
def test_a_format_is_known_by_its_beginning(content: bytes, suffix: str) -> None:
    assert uploads.suffix_of(content[:352]) == suffix
    assert suffix in ("", *uploads.SUFFIXES)


def receive(content: bytes, folder: Path, limit: int = 1 << 30, step: int = 100, breaks: bool = False) -> str:
    async def parts() -> AsyncIterator[bytes]:
        for start in range(0, len(content), step):
            yield content[start : start + step]
        if breaks:
            raise RuntimeError

    return asyncio.run(uploads.receive(parts(), folder, "t1", limit))


def test_an_upload_is_written_as_it_came(tmp_path: Path) -> None:
    content = SOURCE.read_bytes()
    assert receive(content, tmp_path) == "t1.nii.gz"
    assert (tmp_path / "t1.nii.gz").read_bytes() == content
    large = content + bytes(3 << 20)
    assert receive(large, tmp_path, step=1 << 16) == "t1.nii.gz"
    assert (tmp_path / "t1.nii.gz").read_bytes() == large
    assert (tmp_path / "t1.nii.gz").stat().st_mode & 0o077 == 0


def test_an_upload_that_is_refused_or_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    content = SOURCE.read_bytes()
    with pytest.raises(Refusal) as caught:
        receive(content, tmp_path, limit=len(content) - 1)
    assert caught.value.status == 413
    with pytest.raises(Refusal) as caught:
        receive(b"x" * 500, tmp_path)
    assert caught.value.status == 415
    with pytest.raises(RuntimeError):
        receive(content, tmp_path, breaks=True)
    assert list(tmp_path.iterdir()) == []
    receive(content, tmp_path, limit=len(content))
