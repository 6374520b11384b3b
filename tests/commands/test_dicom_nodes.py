"""Tables and errors of the verb; the node itself is met in tests/service/dicom_node."""

from __future__ import annotations

from pathlib import Path

import pytest

from dicom_files import series
from dicom_nodes import write_rules
from transmodal.commands import _dicom_nodes as nodes
from transmodal.errors import InputError, UsageError
from transmodal.service.dicom_node.queue import Arrival, SeriesQueue
from transmodal.service.dicom_node.settings import NodeLimits


def test_rules_of_a_folder_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    series(tmp_path / "series")
    write_rules(tmp_path / "rules.yaml", 104, rule={"match": {"caller": "SCAN*"}})
    nodes.show_rules(tmp_path / "rules.yaml", tmp_path / "series", "SCANNER")
    nodes.show_rules(tmp_path / "rules.yaml", tmp_path / "series", "OTHER")
    first, second = capsys.readouterr().out.splitlines()
    assert first.endswith("6 images  rule fa")
    assert second.endswith("6 images  refused: no rule takes it")


def test_the_queue_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    queue = SeriesQueue(tmp_path, NodeLimits())
    queue.take(Arrival("s1", "i1", b"a"), "fa", "SCANNER")
    queue.close()
    nodes.show_status(tmp_path)
    assert "received" in capsys.readouterr().out.splitlines()[1]
    with pytest.raises(InputError):
        nodes.show_status(tmp_path / "gone")


def test_a_call_without_rules_is_told_so() -> None:
    assert isinstance(nodes.no_rules_error(), UsageError)
