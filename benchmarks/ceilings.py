"""What this machine can do at most on one thread: products of matrices, and copies. One JSON line.

The figures beside which docs/performance.md holds each of ours. Run it as `python benchmarks/ceilings.py`.
"""

from __future__ import annotations

import numpy as np
from turns import print_line, run_alone, take_turns


def main() -> int:
    print_line({"ceilings": measure()})
    return 0


def measure() -> dict[str, float]:
    """Return GFLOP/s in float32 and float64, and GB/s read and written."""
    side, n = 1024, 1 << 24
    draw = np.random.default_rng(0)
    wide = draw.random((side, side))
    narrow, memory = wide.astype(np.float32), draw.random(n, dtype=np.float32)
    copy = np.empty_like(memory)
    ways = {
        "float32": lambda: narrow @ narrow,
        "float64": lambda: wide @ wide,
        "gb_per_s": lambda: np.copyto(copy, memory),
    }
    best = {name: min(times) for name, times in take_turns(ways, 5).items()}
    flop = 2e-9 * side**3
    figures = {name: flop / best[name] for name in ("float32", "float64")}
    figures["gb_per_s"] = 2e-9 * memory.nbytes / best["gb_per_s"]
    return {name: round(figure, 1) for name, figure in figures.items()}


if __name__ == "__main__":
    run_alone(main)
