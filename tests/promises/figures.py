"""Figures of the corpus: how many files of each fault every reader refuses, reads right, or takes without a word."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from promises.corpus import all_entries
from promises.entries import Entry
from promises.peer_process import PeerProcess
from promises.readers import OURS, Read, peers, read_ours
from promises.verdicts import Verdict, outcome_of
from transmodal.errors import TransmodalError


def run_corpus(names: Iterable[str] | None = None) -> dict[str, Any]:
    """Give every file of the corpus to every reader that is installed.

    Args:
        names: readers beside ours that are asked; None for all that are installed.

    Returns:
        A structure that goes into JSON: `entries` (numbers of `faulty` and `valid` files), `versions` of the readers,
        `refused_or_right` (per reader, of the faulty and the valid files that it reads at all, how many it judges
        rightly: faulty ones refused, valid ones read right; and how many faulty ones brought it down or kept it for ever), `by_fault` (format, fault, reader: number of each outcome),
        `exceptions` (per reader the classes by which it refuses), `ours_unexpected` (names of entries on which our
        verdict is not the expected one, with the verdict; empty when the promise holds).
    """
    readers = {name: read for name, read in peers().items() if names is None or name in set(names)}
    entries = all_entries()
    verdicts: dict[str, dict[str, Verdict]] = {OURS: {}, **{name: {} for name in readers}}
    with ExitStack() as stack:
        processes = {
            name: stack.enter_context(PeerProcess(name, partial(_readers_of, name))) for name in readers
        }
        for entry in entries:
            with tempfile.TemporaryDirectory() as folder:
                path = entry.write(Path(folder))
                verdicts[OURS][entry.name] = judge_ours(entry, path)
                for name, formats in readers.items():
                    if entry.format in formats:
                        verdicts[name][entry.name] = processes[name].judge(entry.name, path)
    return _summarise(entries, verdicts)


def _readers_of(name: str) -> Mapping[str, Read]:
    return peers()[name]


def judge_ours(entry: Entry, path: Path) -> Verdict:
    """Give a file to our reader; an exception of another family is no refusal and comes out as it is."""
    try:
        content = read_ours(entry.format, path)
    except TransmodalError as error:
        return Verdict("refused", f"{type(error).__name__} {error.code}")
    return Verdict(outcome_of(entry, content))


def is_expected(entry: Entry, verdict: Verdict) -> bool:
    """Return whether our verdict is that of the entry: right, or refused by one of its codes."""
    if entry.is_valid:
        return verdict.outcome == "right"
    return verdict.outcome == "refused" and verdict.words.split()[-1] in entry.codes


def _summarise(entries: list[Entry], verdicts: Mapping[str, Mapping[str, Verdict]]) -> dict[str, Any]:
    by_fault: dict[str, dict[str, dict[str, Counter[str]]]] = {}
    exceptions: dict[str, Counter[str]] = {reader: Counter() for reader in verdicts}
    right: dict[str, Counter[str]] = {reader: Counter() for reader in verdicts}
    for entry in entries:
        for reader, judged in verdicts.items():
            verdict = judged.get(entry.name)
            if verdict is None:
                continue
            row = by_fault.setdefault(entry.format, {}).setdefault(entry.fault, {})
            row.setdefault(reader, Counter())[verdict.outcome] += 1
            kind = "valid" if entry.is_valid else "faulty"
            right[reader][f"{kind}_given"] += 1
            right[reader][f"{kind}_judged_rightly"] += verdict.outcome == (
                "right" if entry.is_valid else "refused"
            )
            if not entry.is_valid:
                right[reader]["faulty_read_right"] += verdict.outcome == "right"
                right[reader]["faulty_stuck"] += verdict.outcome == "stuck"
            if verdict.words:
                exceptions[reader][verdict.words.split()[0]] += 1
    unexpected = {
        entry.name: " ".join(verdicts[OURS][entry.name])
        for entry in entries
        if not is_expected(entry, verdicts[OURS][entry.name])
    }
    n_valid = sum(entry.is_valid for entry in entries)
    figures = {
        "entries": {"faulty": len(entries) - n_valid, "valid": n_valid},
        "versions": {name: version(name.lower()) for name in verdicts},
        "refused_or_right": right,
        "by_fault": by_fault,
        "exceptions": exceptions,
        "ours_unexpected": unexpected,
    }
    plain: dict[str, Any] = json.loads(json.dumps(figures))
    return plain


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Keep what libraries in C and C++ print over bad files from the screen."""
    sys.stderr.flush()
    kept, sink = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(sink)
