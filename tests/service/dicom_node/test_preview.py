from __future__ import annotations

from pathlib import Path

import pydicom
import pytest

from dicom_files import N_SLICES, series
from dicom_nodes import write_rules
from transmodal.errors import InputError
from transmodal.service.dicom_node import preview, rules
from transmodal.service.dicom_node.queue import Arrival, SeriesQueue
from transmodal.service.dicom_node.settings import NodeLimits


def test_every_series_of_a_folder_has_its_rule(tmp_path: Path) -> None:
    def is_synthetic(header: pydicom.Dataset, _: int) -> None:
        header.SyntheticData = "YES"

    folder = tmp_path / "archive"
    folder.mkdir()
    series(folder / "a")
    series(folder / "b", "CT")
    series(folder / "c", change=is_synthetic)
    (folder / "broken.dcm").write_bytes(b"x")
    own = rules.load(
        write_rules(tmp_path / "rules.yaml", 104, rule={"match": {"modality": "MR", "caller": "S*"}})
    )
    *lines, last = preview.preview(own, folder, "SCANNER")
    assert last == "1 file cannot be read"
    assert sorted(line.split("  ", 1)[1] for line in lines) == [
        f"{N_SLICES} images  refused: it is synthetic",
        f"{N_SLICES} images  refused: no rule takes it",
        f"{N_SLICES} images  rule fa",
    ]
    assert "rule fa" not in str(preview.preview(own, folder, "OTHER"))
    assert "fl3d" not in str(lines)
    (tmp_path / "empty").mkdir()
    assert preview.preview(own, tmp_path / "empty", "") == ["no DICOM images"]


def test_the_table_of_a_queue(tmp_path: Path) -> None:
    queue = SeriesQueue(tmp_path, NodeLimits(retry_seconds=1000))
    for mark in ("s1" * 16, "s2" * 16):
        queue.take(Arrival(mark, "i1", b"a"), "fa", "SCANNER")
    first, _ = queue.due("received")
    begun = queue.begin(first)
    assert begun is not None
    queue.postpone(begun, "E402", 3)
    heads, *rows = (line.split() for line in preview.status(tmp_path))
    assert heads[:5] == ["series", "rule", "from", "state", "images"]
    cells = {row[0]: row[1:] for row in rows}
    assert cells["s2" * 6] == ["fa", "SCANNER", "received", "1", "0/0", "0"]
    assert cells["s1" * 6][:6] == ["fa", "SCANNER", "received", "1", "0/0", "1"]
    assert cells["s1" * 6][-1] == "E402"
    queue.close()


def test_a_folder_of_no_node_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not the folder of a DICOM node"):
        preview.status(tmp_path)
    assert list(tmp_path.iterdir()) == []
