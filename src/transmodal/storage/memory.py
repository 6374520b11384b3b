"""Memory: how much of it there is, how much one image may take, and one error where it runs out or would."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from transmodal.errors import ResourceError, TransmodalError, UsageError

MEMORY = "TRANSMODAL_MEMORY_GIB"
"""Environment variable: memory to count on, GiB, where it is not what the system says."""
BUDGET = "TRANSMODAL_BUDGET_GIB"
"""Environment variable: most that one image may take, GiB."""

GIB = 1 << 30
MOST_BYTES = 4 * GIB
"""Most that one image may take, however much memory there is."""
_SHARE = 4
"""An image may take the fourth part of the memory: it lies there twice while it is read, and again while it is used."""
_INFLATION = 20
_HARMLESS_BYTES = GIB
"""Images up to this size may be compressed as far as they like: masks are, a thousand times."""
_UNLIMITED = 1 << 60
"""Limits of control groups from here on are none: version 1 writes the largest number of pages."""

_WORDS = (
    "can't allocate memory",  # torch on the CPU
    "out of memory",  # torch on cards, and what runs on them
    "Failed to allocate memory",  # ITK
    "bad_alloc",
    "Storage size calculation overflowed",  # torch, for sizes beyond any memory
    "numel: integer multiplication overflow",
    "array is too big",  # numpy, likewise
    "Maximum allowed dimension exceeded",
)
_TYPES = ("OutOfMemoryError",)
"""Names of torch's types, which is not imported here."""


def available(root: Path = Path("/")) -> int | None:
    """Return how many bytes this process can still take; None where the system does not say.

    On Linux the least of MemAvailable, of what every control group above the process leaves (versions 1 and 2; files
    that are cached count as free), and of what the limit of address space (`ulimit -v`) leaves; elsewhere all memory
    that the machine has. The environment variable `TRANSMODAL_MEMORY_GIB` takes the place of all of them.

    Args:
        root: where `proc` and `sys` lie.

    Raises:
        UsageError: E001 when the environment variable is no positive number.
    """
    setting = _from_environment(MEMORY)
    if setting is not None:
        return setting
    amounts = [*_of_machine(root), *_of_groups(root), *_of_address_space(root)]
    return max(0, min(amounts)) if amounts else _physical()


def resident(root: Path = Path("/")) -> int:
    """Return how many bytes of memory this process holds; 0 where the system does not say."""
    return _kibibytes(root / "proc/self/status").get("VmRSS", 0)


def address_space(root: Path = Path("/")) -> int:
    """Return how many bytes of addresses this process holds; 0 where the system does not say."""
    return _kibibytes(root / "proc/self/status").get("VmSize", 0)


def budget(n_stored: int | None = None) -> int:
    """Return how many bytes one image may take as it is read: a quarter of the memory there is, at most 4 GiB.

    Beyond 1 GiB it may take no more than twenty times what it takes as it is stored: images of patients hold noise and
    do not come near that. The environment variable `TRANSMODAL_BUDGET_GIB` takes the place of all this.

    Args:
        n_stored: bytes of its file, where that can be compressed.

    Raises:
        UsageError: E001 when an environment variable is no positive number.
    """
    setting = _from_environment(BUDGET)
    if setting is not None:
        return setting
    memory = available()
    most = MOST_BYTES if memory is None else min(MOST_BYTES, memory // _SHARE)
    return most if n_stored is None else min(most, max(_HARMLESS_BYTES, _INFLATION * n_stored))


def advise_budget(n_bytes: int) -> str:
    """Return the words that raise the budget to what a size needs."""
    return f"raise the budget: set the environment variable {BUDGET}={-(-n_bytes // GIB)}"


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that memory ran out, or that no memory could ever hold what was asked for."""
    if isinstance(error, TransmodalError):
        return error.code == "E402"
    if isinstance(error, MemoryError) or any(kind.__name__ in _TYPES for kind in type(error).__mro__):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, (RuntimeError, ValueError)) and any(words in str(error) for words in _WORDS)


def shortage(demand: str, remedy: str, expected: str = "memory that suffices") -> ResourceError:
    """Return the error for memory that ran out, or would.

    Args:
        demand: what asked for it.
        remedy: what needs less.
        expected: how much would do, where that is known.
    """
    return ResourceError("E402", demand, expected, remedy)


@contextmanager
def guarded(work: str, remedy: str) -> Iterator[None]:
    """Turn errors of any library over memory into one of this package; as a decorator, of all that a function does.

    Args:
        work: that is under way, such as "translating".
        remedy: what needs less.

    Raises:
        ResourceError: E402.
    """
    try:
        yield
    except TransmodalError:
        raise
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        raise shortage(f"memory ran out while {work}", remedy) from error


def _from_environment(name: str) -> int | None:
    text = os.environ.get(name, "")
    if not text:
        return None
    with suppress(ValueError):
        if 0 < (number := float(text)) < _UNLIMITED / GIB:
            return int(number * GIB)
    raise UsageError(
        "E001",
        f"the environment variable {name} is no size",
        "GiB, such as 8",
        "Set it to a number, or unset it.",
    )


def _of_machine(root: Path) -> Iterator[int]:
    free = _kibibytes(root / "proc/meminfo").get("MemAvailable")
    if free is not None:
        yield free


def _of_address_space(root: Path) -> Iterator[int]:
    try:
        import resource
    except ImportError:  # not on Windows
        return
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit != resource.RLIM_INFINITY:
        yield limit - address_space(root)


def _of_groups(root: Path) -> Iterator[int]:
    """Yield what each control group above this process leaves."""
    for line in _lines(root / "proc/self/cgroup"):
        number, _, remainder = line.partition(":")
        controllers, _, path = remainder.partition(":")
        if number == "0":
            names = ("memory.max", "memory.current", "inactive_file")
            yield from _of_hierarchy(root / "sys/fs/cgroup", path, names)
        elif "memory" in controllers.split(","):
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
            yield from _of_hierarchy(root / "sys/fs/cgroup/memory", path, names)


def _of_hierarchy(mount: Path, path: str, names: tuple[str, str, str]) -> Iterator[int]:
    """Yield what the groups of a path leave; in a container the path is the host's, and the mount is its end."""
    parts = [part for part in path.split("/") if part not in ("", "..")]
    for depth in range(len(parts) + 1):
        group = mount.joinpath(*parts[:depth])
        limit, use = (_number(group / name) for name in names[:2])
        if limit is not None and use is not None and limit < _UNLIMITED:
            cached = dict(_pairs(group / "memory.stat")).get(names[2], 0)
            yield limit - max(0, use - cached)


def _physical() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


def _kibibytes(path: Path) -> dict[str, int]:
    """Return the sizes of a file of /proc, in bytes."""
    return {name.rstrip(":"): n << 10 for name, n in _pairs(path)}


def _pairs(path: Path) -> Iterator[tuple[str, int]]:
    for line in _lines(path):
        words = line.split()
        if len(words) >= 2 and words[1].isdigit():
            yield words[0], int(words[1])


def _number(path: Path) -> int | None:
    text = "".join(_lines(path))
    return int(text) if text.isdigit() else None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return []
