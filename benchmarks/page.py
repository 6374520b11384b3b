"""The page of performance: every ratio that was measured, its limit beside it, and in words where it falls short."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import goals

ROOT = Path(__file__).parents[1]
RECORD = ROOT / "docs" / "results" / "speed" / "record.json"
PAGE = ROOT / "docs" / "performance.md"
NO_REASON = "no reason is known yet"
HEAD = """\
# Performance

How fast our paths are beside what others have, what the machine could do at most, and where we fall short. The page is written
by `python tools/write_performance.py` from `docs/results/speed/record.json`, which `python -m benchmarks --record` measures.

```bash
pip install "transmodal[benchmarks]"
python -m benchmarks                     # all of them, on a quiet machine: about half an hour
python -m benchmarks metrics             # one of them
python -m benchmarks --record            # keeps the figures and writes this page
```

Both sides run in one process, on one thread unless the row says otherwise, and take turns; a ratio is the median of the
per-round ratios, and greater is better for us; of estimates, in the rows of memory and plan, 1 is best. Ratios hold where others use
the machine too; milliseconds do not. *Limit* is the least work there is, by the rate that the same machine reached in the same run for
products of matrices or for copies.
"""


class Row(NamedTuple):
    """One ratio of one benchmark; `limit_ms` and `limit` are empty where none is known."""

    benchmark: str
    name: str
    peer: str
    ratio: float
    spread: tuple[float, float] | None
    goal: float | None
    ours_ms: float | None
    limit_ms: float | None
    limit: str
    reason: str

    @property
    def is_short(self) -> bool:
        return self.goal is not None and self.ratio < self.goal


def read_record(path: Path = RECORD) -> dict[str, Any]:
    """Return what was measured, by file; nothing where nothing was."""
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return record


def write_page() -> None:
    PAGE.write_text(page(read_record()), encoding="utf-8")


def rows(record: Mapping[str, Any]) -> list[Row]:
    """Return one row per ratio."""
    return [
        row
        for entry in record.values()
        for line in entry["lines"]
        for row in _rows_of(line, entry["ceilings"])
    ]


def table(ratios: Sequence[Row]) -> list[str]:
    """Return the lines of the table."""
    lines = ["| work | beside | ratio (rounds) | goal | ours, ms | limit, ms |", "|---|---|---|---|---|---|"]
    for row in ratios:
        spread = "" if row.spread is None else f" ({row.spread[0]:g} to {row.spread[1]:g})"
        goal = "-" if row.goal is None else f"{row.goal:g}{', **not met**' if row.is_short else ''}"
        cells = (
            _work(row),
            row.peer,
            f"{row.ratio:g}{spread}",
            goal,
            _number(row.ours_ms),
            _number(row.limit_ms),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def page(record: Mapping[str, Any]) -> str:
    """Return the text of the page."""
    if not record:
        return f"{HEAD}\nNothing was measured yet.\n"
    ratios = rows(record)
    measured = {_work(row): goals.Measured(row.ratio, row.ours_ms) for row in ratios}
    parts = [
        HEAD,
        *table(ratios),
        "",
        "## The goals",
        *goals.table(measured),
        "",
        "## How near the limit",
        *_limits(ratios),
        "",
        "## What falls short",
    ]
    parts += [
        f"- {_name(row)}: {row.ratio:g} of {row.goal:g}{_best(row)}: {row.reason}."
        for row in ratios
        if row.is_short
    ] or ["Every ratio with a goal meets it."]
    notes = [note for entry in record.values() for line in entry["lines"] for note in line.get("notes", [])]
    parts += ["", "## Notes", *(f"- {note}" for note in notes)] if notes else []
    parts += ["", "## How the figures were taken", *_origins(record)]
    return "\n".join(parts) + "\n"


def _rows_of(line: Mapping[str, Any], ceilings: Mapping[str, float]) -> Iterator[Row]:
    benchmark = line["benchmark"]
    ratios = _by_name(line["ratio"], benchmark)
    goals, times = (_by_name(line.get(key), benchmark) for key in ("goal", "ours_ms"))
    per_item = next((value for key, value in line.items() if key.startswith("ms_per_")), {})
    for name, ratio in ratios.items():
        limit_ms, limit = _limit(_of(line.get("limits", {}), name) or {}, ceilings)
        spread = line.get("spread", {}).get(name)
        yield Row(
            benchmark,
            name,
            _peer(name, line["peer"]),
            ratio,
            None if spread is None else (spread[0], spread[1]),
            _of(goals, name),
            _of(times, name) or _of(per_item, "ours" + "".join(name.partition(", ")[1:])),
            limit_ms,
            limit,
            _of(line.get("reasons", {}), name) or NO_REASON,
        )


def _of(values: Mapping[str, Any], name: str) -> Any:  # noqa: ANN401
    """Return the value of a ratio; `torchio` holds for `torchio, 2 workers` too."""
    return values.get(name, values.get(name.partition(", ")[0]))


def _by_name(value: float | Mapping[str, Any] | None, benchmark: str) -> dict[str, Any]:
    if value is None:
        return {}
    return dict(value) if isinstance(value, Mapping) else {benchmark: value}


def _peer(name: str, line: str) -> str:
    """Return that of several peers which a ratio's name has as a part, with its version; all of them otherwise."""
    peers, parts = (
        re.split(r"[,;] (?=[A-Za-z])", line),
        {part.split()[0].lower() for part in name.split(", ")},
    )
    matching = [peer for peer in peers if peer.split()[0].lower() in parts]
    return matching[0] if len(matching) == 1 else line


def _limit(work: Mapping[str, Any], ceilings: Mapping[str, float]) -> tuple[float | None, str]:
    """Return the milliseconds that the work takes at the machine's best, and how that comes about."""
    if "gflop" in work and work["dtype"] in ceilings:
        rate = ceilings[work["dtype"]]
        return 1e3 * work["gflop"] / rate, f"{work['gflop']:.3g} GFLOP in {work['dtype']} at {rate:g} GFLOP/s"
    if "mb" in work and "gb_per_s" in ceilings:
        rate = ceilings["gb_per_s"]
        return work["mb"] / rate, f"{work['mb']:.3g} MB at {rate:g} GB/s"
    return None, ""


def _limits(ratios: Sequence[Row]) -> list[str]:
    lines: dict[str, None] = {}
    for row in ratios:
        if row.limit_ms is not None and row.ours_ms:
            share = 100 * row.limit_ms / row.ours_ms
            lines[
                f"- {row.benchmark}, {_own_work(row, ratios)}: {row.limit} take {row.limit_ms:.3g} ms; ours takes {row.ours_ms:.3g} ms, so "
                f"that the limit is {share:.0f} % of it."
            ] = None
    bare = sorted({row.benchmark for row in ratios if row.limit_ms is None or not row.ours_ms})
    return [*lines, *([f"- No limit was worked out for: {', '.join(bare)}."] if bare else [])]


def _own_work(row: Row, ratios: Sequence[Row]) -> str:
    """Return a row's name, without the peer's where several rows hold one time of ours beside several peers."""
    work = row.name.rpartition(", ")[0]
    others = [
        other.ours_ms
        for other in ratios
        if other.benchmark == row.benchmark and other.name.rpartition(", ")[0] == work
    ]
    return work if work and len(others) > 1 and set(others) == {row.ours_ms} else row.name


def _origins(record: Mapping[str, Any]) -> Iterator[str]:
    yield "| file | when | commit | machine | load before, after | float32, float64, copies | took | versions |"
    yield "|---|---|---|---|---|---|---|---|"
    for name, entry in record.items():
        origin, best = entry["origin"], entry["ceilings"]
        cells = (
            f"bench_{name}.py{'' if not entry['status'] else ' (**its own check fails**)'}",
            origin["date"],
            origin["commit"],
            origin["machine"],
            f"{origin['load']:g}, {origin['load_after']:g}",
            f"{best['float32']:g} GFLOP/s, {best['float64']:g} GFLOP/s, {best['gb_per_s']:g} GB/s"
            if best
            else "-",
            f"{origin['seconds']} s",
            ", ".join(f"{package} {version}" for package, version in origin["versions"].items()),
        )
        yield f"| {' | '.join(cells)} |"


def _work(row: Row) -> str:
    return row.benchmark if row.name == row.benchmark else f"{row.benchmark}: {row.name}"


def _name(row: Row) -> str:
    return row.benchmark if row.name == row.benchmark else f"{row.benchmark}, {row.name}"


def _best(row: Row) -> str:
    """Say the ratio of a path that would take the limit's time, where that is known."""
    if row.limit_ms is None or not row.ours_ms:
        return ""
    return f" ({row.ratio * row.ours_ms / row.limit_ms:.3g} at the limit)"


def _number(value: float | None) -> str:
    """Return three digits of a figure, never as a power of ten: 2160, 71.8, 0.868."""
    if value is None:
        return "-"
    text = f"{value:.3g}"
    return f"{float(text):,.0f}" if "e+" in text else text
