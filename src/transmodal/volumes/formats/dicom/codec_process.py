"""Compressed DICOM pixels decoded in a process of its own: a codec that crashes, hangs or swells takes nothing along."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import numpy as np
from numpy.typing import NDArray

from transmodal.errors import InputError, ResourceError, TransmodalError
from transmodal.processes import describe_exit
from transmodal.storage import memory
from transmodal.volumes.formats.dicom.slice_header import Slice

CPU_SECONDS = 60
"""Time of a processor that decoding one file may take."""
PATIENCE_SECONDS = 180.0
"""How long one file is waited for."""

_CHILD = Path(__file__).with_name("codec_child.py")
_START = "import runpy, sys; sys.path[:] = sys.argv[4:]; runpy.run_path(sys.argv.pop(1), run_name='__main__')"
_GROUND_BYTES = 512 << 20
"""What codecs may take besides the image."""


class CodecProcess:
    """One process for the files of a series, which starts with the first of them that is compressed.

    Use it as a context: the process ends with the block.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._end()

    def decode(self, header: Slice) -> NDArray[Any]:
        """Return a file's pixels as they are stored.

        Raises:
            InputError: E101 where the codec refuses the file, dies of it, or does not come to an end.
            ResourceError: E401 where it takes more memory than the budget.
        """
        process = self._begin()
        if process.stdin is None or process.stdout is None:  # pragma: no cover - pipes were asked for
            raise BrokenPipeError
        timer = threading.Timer(PATIENCE_SECONDS, process.kill)
        timer.daemon = True
        timer.start()
        try:
            process.stdin.write(os.fsencode(header.path.absolute()).hex().encode("ascii") + b"\n")
            process.stdin.flush()
            return _read_answer(header.name, process.stdout)
        except (BrokenPipeError, EOFError):
            raise self._death(header.name, process) from None
        finally:
            timer.cancel()

    def _begin(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            limits = (str(2 * memory.budget() + _GROUND_BYTES), str(CPU_SECONDS))
            self._process = subprocess.Popen(
                [sys.executable, "-c", _START, str(_CHILD), *limits, *sys.path],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        return self._process

    def _death(self, name: str, process: subprocess.Popen[bytes]) -> TransmodalError:
        """Return the error for a file that the process died of."""
        self._end()
        return _error(name, f"its decoder {describe_exit(process.returncode)}")

    def _end(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.communicate()


def _read_answer(name: str, answers: IO[bytes]) -> NDArray[Any]:
    """Read an array, or the error in its place.

    Raises:
        EOFError: where the process ends before.
        InputError: E101.
        ResourceError: E401.
    """
    line = answers.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    kind, word, *sides = line.decode("ascii").split()
    if kind == "error":
        if word == "MemoryError":
            raise ResourceError(
                "E401",
                f"{name} takes more memory to decode than the budget",
                f"at most {memory.budget() / memory.GIB:.3g} GiB",
                f"Check that it is what you think it is, or {memory.advise_budget(2 * memory.budget())}.",
            )
        raise _error(name, f"{word} in its decoder")
    dtype, shape = np.dtype(word), tuple(int(side) for side in sides[0].split(","))
    content = bytearray(math.prod(shape) * dtype.itemsize)
    view = memoryview(content)
    while view:
        n_bytes = answers.readinto(view)  # type: ignore[attr-defined]  # a buffered reader has it
        if not n_bytes:
            raise EOFError
        view = view[n_bytes:]
    return np.frombuffer(content, dtype).reshape(shape)


def _error(name: str, cause: str) -> InputError:
    return InputError(
        "E101",
        f"{name} cannot be decoded: {cause}",
        "a whole DICOM file",
        "Copy or export it again, or export it without compression.",
    )
