"""Memory: how much there is, how much an image may take, and one error for every library's way to say that it ran out."""

from __future__ import annotations

import errno
import resource
from pathlib import Path

import numpy as np
import pytest
import torch

from transmodal.errors import InputError, ResourceError, UsageError
from transmodal.storage import memory


def numpy_error() -> BaseException:
    with pytest.raises(MemoryError) as caught:
        np.empty(1 << 60, np.uint8)
    return caught.value


def torch_error(*shape: int) -> BaseException:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(*shape)
    return caught.value


SHORTAGES = {
    "python": MemoryError(),
    "numpy": numpy_error(),
    "torch": torch_error(1 << 60),
    "torch, beyond what can be counted": torch_error(1 << 40, 1 << 40),
    "a card": torch.OutOfMemoryError("CUDA out of memory"),
    "the system": OSError(errno.ENOMEM, "Cannot allocate memory"),
    "ITK": RuntimeError("Failed to allocate memory for image."),
    "what was converted before": ResourceError("E402", "a", "b", "c"),
}


@pytest.mark.parametrize("error", SHORTAGES.values(), ids=SHORTAGES)
def test_shortages_are_known(error: BaseException) -> None:
    assert memory.is_out_of_memory(error)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("oh"),
        ValueError("can allocate memory"),
        OSError(errno.ENOSPC, "No space"),
        KeyError("out of memory"),
        InputError("E101", "a file that says: out of memory", "b", "c"),
    ],
)
def test_other_errors_are_no_shortage(error: BaseException) -> None:
    assert not memory.is_out_of_memory(error)
    with pytest.raises(type(error)) as caught, memory.guarded("something was done", "Do less."):
        raise error
    assert caught.value is error


def test_a_guarded_function_says_what_was_under_way_and_what_helps() -> None:
    @memory.guarded("a cake was baked", "Bake a smaller one.")
    def bake() -> None:
        torch.empty(1 << 60)

    with pytest.raises(ResourceError) as caught:
        bake()
    assert caught.value.line() == (
        "error[E402]: memory ran out while a cake was baked; expected memory that suffices. Bake a smaller one."
    )
    assert caught.value.exit_status == 4


def system(root: Path, *, files: dict[str, str]) -> Path:
    """Write the files of /proc and /sys that say how much memory there is."""
    for name, text in {"proc/meminfo": "MemTotal: 9000000 kB\nMemAvailable: 8388608 kB\n", **files}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


GROUPS: dict[str, tuple[dict[str, str], float]] = {
    "the machine's, where there is no group": ({}, 8),
    "version 2, less what is used but for cached files": (
        {
            "proc/self/cgroup": "0::/a/b\n",
            "sys/fs/cgroup/a/b/memory.max": f"{4 << 30}\n",
            "sys/fs/cgroup/a/b/memory.current": f"{3 << 30}\n",
            "sys/fs/cgroup/a/b/memory.stat": f"anon 5\ninactive_file {1 << 30}\n",
        },
        2,
    ),
    "of a group above": (
        {
            "proc/self/cgroup": "0::/a/b\n",
            "sys/fs/cgroup/a/memory.max": f"{5 << 30}\n",
            "sys/fs/cgroup/a/memory.current": "0\n",
            "sys/fs/cgroup/a/b/memory.max": "max\n",
            "sys/fs/cgroup/a/b/memory.current": "0\n",
        },
        5,
    ),
    "version 1, in a container": (
        {
            "proc/self/cgroup": "9:cpu:/docker/x\n4:memory:/docker/x\n0::/\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{6 << 30}\n",
            "sys/fs/cgroup/memory/memory.usage_in_bytes": f"{3 << 30}\n",
        },
        3,
    ),
    "version 1 without a limit": (
        {
            "proc/self/cgroup": "4:memory:/\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{(1 << 63) - 4096}\n",
            "sys/fs/cgroup/memory/memory.usage_in_bytes": f"{3 << 30}\n",
        },
        8,
    ),
    "nothing, where more is used than may be": (
        {
            "proc/self/cgroup": "0::/\n",
            "sys/fs/cgroup/memory.max": "100\n",
            "sys/fs/cgroup/memory.current": "200\n",
        },
        0,
    ),
}


@pytest.mark.parametrize(("files", "gib"), GROUPS.values(), ids=GROUPS)
def test_memory_is_the_least_of_all_limits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], gib: float
) -> None:
    monkeypatch.delenv(memory.MEMORY, raising=False)
    assert memory.available(system(tmp_path, files=files)) == gib * memory.GIB


def test_a_limit_of_address_space_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = system(tmp_path, files={"proc/self/status": "VmSize:  1048576 kB\nVmRSS: 524288 kB\n"})
    monkeypatch.setattr(resource, "getrlimit", lambda _: (3 << 30, resource.RLIM_INFINITY))
    assert memory.available(root) == 2 << 30
    assert memory.resident(root) == 1 << 29


def test_this_machine_says_what_it_has() -> None:
    amount = memory.available()
    assert amount is not None
    assert amount > 1 << 20
    assert memory.resident() > 1 << 20


def test_the_environment_says_what_to_count_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(memory.MEMORY, "2")
    assert memory.available() == 2 << 30
    assert memory.budget() == 1 << 29
    monkeypatch.setenv(memory.MEMORY, "1000")
    assert memory.budget() == memory.MOST_BYTES
    monkeypatch.setenv(memory.BUDGET, "0.5")
    assert memory.budget() == memory.budget(3) == 1 << 29
    for text in ("plenty", "0", "-1", "nan", "1e30"):
        monkeypatch.setenv(memory.BUDGET, text)
        with pytest.raises(UsageError, match=memory.BUDGET):
            memory.budget()


def test_large_images_may_be_compressed_twenty_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(memory.MEMORY, "1000")
    assert memory.budget(1000) == 1 << 30
    assert memory.budget(100 << 20) == 2000 << 20
    assert memory.budget(1 << 30) == memory.MOST_BYTES
