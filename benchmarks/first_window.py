"""Run `transmodal translate` and say, on a last line of JSON, when its mask and its first windows were there.

python benchmarks/first_window.py RUN IMAGE -o OUTPUT

Seconds are the processor's, from the start of the process with all its imports, and the clock's, from the moment that the
variable BEGAN gives by the monotonic clock.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

from transmodal import cli
from transmodal.inference import preprocessing
from transmodal.inference.batching import batches

BEGAN = float(os.environ.get("BEGAN", time.monotonic()))
moments: dict[str, tuple[float, float]] = {}


def main() -> int:
    watch(preprocessing, "find_region", "mask")
    watch(batches, "_try_to_infer", "window")
    status = cli.run(["translate", *sys.argv[1:]])
    note("end")
    print(json.dumps({"moments": moments}), flush=True)
    return status


def watch(module: Any, name: str, what: str) -> None:  # noqa: ANN401
    """Note when a function is called for the first time, and when that call ends."""
    function: Callable[..., Any] = getattr(module, name)

    def call(*values: Any, **words: Any) -> Any:  # noqa: ANN401
        note(f"{what} begins")
        result = function(*values, **words)
        note(f"{what} ends")
        return result

    setattr(module, name, call)


def note(moment: str) -> None:
    moments.setdefault(moment, (time.process_time(), time.monotonic() - BEGAN))


if __name__ == "__main__":
    sys.exit(main())
