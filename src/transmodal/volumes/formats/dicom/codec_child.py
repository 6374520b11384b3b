"""The program of the process that decodes compressed DICOM pixels: a path in, an array out, under limits of its own.

It is run by its file and imports nothing of this package, so that it starts fast. Of an error it says the type alone: its
words can quote a header.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pydicom


def main(memory_bytes: int, cpu_seconds: int) -> None:
    """Answer requests until they end; what codecs print goes nowhere.

    A request is a line: a path, as hexadecimal digits. The answer is a line, `array TYPE SIDES` or `error TYPE`, and the
    bytes of the array.

    Args:
        memory_bytes: that decoding may take besides what the process holds as it begins.
        cpu_seconds: that one file may take.
    """
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    _limit_memory(memory_bytes)
    for line in requests:
        _limit_seconds(cpu_seconds)
        _answer(os.fsdecode(bytes.fromhex(line.decode("ascii"))), answers)
        answers.flush()


def _answer(path: str, answers: BinaryIO) -> None:
    try:
        pixels = np.asarray(pydicom.dcmread(path).pixel_array)
    except Exception as error:  # whatever a codec chokes on
        answers.write(f"error {type(error).__name__}\n".encode("ascii"))
        return
    sides = ",".join(str(side) for side in pixels.shape)
    answers.write(f"array {pixels.dtype.str} {sides}\n".encode("ascii"))
    answers.write(pixels.tobytes())


def _limit_memory(n_bytes: int) -> None:
    try:
        import resource

        pages = int(Path("/proc/self/statm").read_bytes().split()[0])
    except (ImportError, OSError):  # the limit of time holds on without
        return
    limit = pages * resource.getpagesize() + n_bytes
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _limit_seconds(n: int) -> None:
    try:
        import resource
    except ImportError:
        return
    limit = int(sum(resource.getrusage(resource.RUSAGE_SELF)[:2])) + n
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
