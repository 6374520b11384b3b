"""Tables before and beside a node: which rule the series of a folder would come under, and how far those of a queue are."""

from __future__ import annotations

import time
from pathlib import Path

from transmodal.counts import counted
from transmodal.service.dicom_node.database import Database
from transmodal.service.dicom_node.facts import is_synthetic
from transmodal.service.dicom_node.queue import QueuedSeries, list_series
from transmodal.service.dicom_node.rules import Rules, SeriesFacts
from transmodal.storage import listing
from transmodal.volumes.formats.dicom.headers import Damage, read_headers
from transmodal.volumes.formats.dicom.slice_header import Slice

_UID_END = 6
_HEADS = ("series", "rule", "from", "state", "images", "sent", "attempts", "next try", "code")


def preview(rules: Rules, folder: Path, caller: str) -> list[str]:
    """Return a line for every series in a folder: which rule takes it. Nothing of a patient stands there.

    Args:
        rules: of a node.
        folder: of DICOM files.
        caller: AE title that would send them.

    Raises:
        InputError: E100 where there is no such folder.
    """
    series: dict[str, list[Slice]] = {}
    n_damaged = 0
    for header in read_headers(listing.files_below(folder)):
        if isinstance(header, Slice):
            series.setdefault(header.text("SeriesInstanceUID"), []).append(header)
        n_damaged += isinstance(header, Damage)
    lines = [_describe(rules, uid, slices, caller) for uid, slices in sorted(series.items())]
    if n_damaged:
        lines.append(f"{counted(n_damaged, 'file')} cannot be read")
    return lines or ["no DICOM images"]


def status(folder: Path) -> list[str]:
    """Return the lines of a table of the series in a node's folder.

    Raises:
        InputError: E100 for a folder of no node.
        IntegrityError, ResourceError: where its database cannot be read.
    """
    database = Database(folder, is_new=False)
    try:
        rows = [_HEADS, *map(_cells, list_series(database))]
    finally:
        database.close()
    widths = [max(len(row[n]) for row in rows) for n in range(len(_HEADS))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def _describe(rules: Rules, uid: str, slices: list[Slice], caller: str) -> str:
    first = slices[0]
    is_own = any(is_synthetic(header.text("SyntheticData")) for header in slices)
    facts = SeriesFacts(first.text("Modality"), first.text("SeriesDescription"), caller, is_own)
    rule = rules.choose(facts)
    verdict = "refused: it is synthetic" if is_own else "refused: no rule takes it"
    return f"***{uid[-_UID_END:]}  {counted(len(slices), 'image')}  {f'rule {rule.name}' if rule is not None else verdict}"


def _cells(series: QueuedSeries) -> tuple[str, ...]:
    wait = series.due - time.time()
    return (
        series.mark[:12],
        series.rule,
        series.caller,
        series.state,
        str(series.n_images),
        f"{series.n_sent}/{series.n_outgoing}",
        str(series.attempts),
        f"in {wait:.0f} s" if series.state != "failed" and wait > 0 else "",
        series.code,
    )
