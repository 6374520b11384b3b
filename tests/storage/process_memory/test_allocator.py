"""The allocator is set once per process, and only where it is glibc's; nothing here looks at a clock or at resident memory."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator

import pytest

from transmodal.storage.process_memory import allocator


class Library:
    """Notes the calls to glibc."""

    def __init__(self) -> None:
        self.calls = list[tuple[str, ...]]()
        self.gnu_get_libc_version = True

    def mallopt(self, setting: int, value: int) -> int:
        self.calls.append(("mallopt", str(setting), str(value)))
        return 1

    def malloc_trim(self, n_bytes: int) -> int:
        self.calls.append(("malloc_trim", str(n_bytes)))
        return 1


@pytest.fixture
def fresh() -> Iterator[None]:
    """Forget what was set and looked up, before and after."""
    for place in (allocator._glibc, allocator._set_thresholds):
        place.cache_clear()
    yield
    for place in (allocator._glibc, allocator._set_thresholds):
        place.cache_clear()


@pytest.mark.usefixtures("fresh")
def test_it_is_set_once_and_gives_back_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    library = Library()
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda _: library)
    for _ in range(2):
        allocator.reuse_freed_memory()
    assert library.calls == [("mallopt", "-3", str(32 << 20)), ("mallopt", "-1", str(1 << 30))]
    allocator.give_back()
    assert library.calls[2:] == [("malloc_trim", "0")]


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize("platform", ["darwin", "linux"])
def test_without_glibc_nothing_happens(monkeypatch: pytest.MonkeyPatch, platform: str) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    allocator.reuse_freed_memory()
    allocator.give_back()
    assert allocator._glibc() is None


@pytest.mark.skipif(sys.platform != "linux", reason="glibc, on Linux")
def test_glibc_takes_the_settings() -> None:
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallopt"):
        pytest.skip("the C library is not glibc")
    assert library.mallopt(allocator._MMAP_THRESHOLD, allocator._LARGEST_BLOCK) == 1
    assert library.mallopt(allocator._TRIM_THRESHOLD, allocator._MOST_FREE) == 1
