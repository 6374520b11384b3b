"""A node in a process of its own: killed while it translates and while it sends, and with dcmtk on both of its sides."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pydicom
import pytest

from dicom_nodes import destination, node_at, source_series, write_rules
from dicom_tools import needs, place_of
from patience import PATIENCE_SECONDS, wait_for
from transmodal.errors import InputError, ResourceError, TransmodalError, UsageError
from transmodal.service.dicom_node import node as nodes
from transmodal.service.dicom_node import rules
from transmodal.service.dicom_node.node import DicomNode
from transmodal.service.dicom_node.queue import Arrival, SeriesQueue
from transmodal.service.dicom_node.settings import NodeLimits, NodeSettings


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return source_series(tmp_path_factory.mktemp("node") / "source")


@needs("storescu", "storescp")
def test_what_is_killed_in_the_middle_arrives_once(source: Path, tmp_path: Path) -> None:
    """Killed while it translates, then while it sends; started again, it goes on from there. dcmtk is on both of its sides."""
    queue, images, arrived = tmp_path / "queue", sorted(source.iterdir()), tmp_path / "arrived"
    arrived.mkdir()
    with destination() as research:
        rule: dict[str, object] = {"deidentify": True, "description": "FA"}
        path = write_rules(tmp_path / "rules.yaml", research.port, rule=rule)
        with node_at(path, queue) as node:
            assert node.send(*images).returncode == 0
            wait_for(lambda: node.states() == ["translating"])
            node.kill()
        assert node.states() == ["translating"]
        assert research.taken.total() == 0
        logs = [node.errors]
        with node_at(path, queue) as node:
            research.before = lambda number: node.kill() or 0xA700 if number == 4 else 0
            node.process.wait(PATIENCE_SECONDS)
        assert node.states() == ["translated"]
        assert list(research.taken.values()) == [1, 1, 1]
        logs.append(node.errors)
    with node_at(path, queue) as node:
        wait_for(lambda: '"code": "E407"' in node.errors.read_text())  # nobody is there
        line = [place_of("storescp"), "-aet", "RESEARCH", "-od", str(arrived), str(research.port)]
        with subprocess.Popen(line) as peer:
            wait_for(lambda: node.states() == ["sent"])
            assert node.send(*images).returncode == 0  # a second time: nothing new
            peer.terminate()
    logs.append(node.errors)
    assert node.states() == ["sent"]
    assert node.process.returncode == 143
    headers = [pydicom.dcmread(image) for image in arrived.iterdir()]
    uids = {header.SOPInstanceUID for header in headers}
    assert len(uids) == len(headers) == len(images) - 3
    assert not uids & set(research.taken)
    assert {(header.SeriesDescription, header.SyntheticData) for header in headers} == {
        ("SYNTHETIC FA", "YES")
    }
    said = "".join(log.read_text() for log in logs)
    assert said.count('"event": "series sent"') == 1
    for words in (
        said,
        str(headers),
        str(list(queue.rglob("*"))),
        str((queue / "queue.sqlite").read_bytes()),
    ):
        assert "CANARY" not in words


@contextmanager
def node_of(folder: Path, limits: NodeLimits) -> Iterator[tuple[DicomNode, SeriesQueue]]:
    """A node in this process, with one series in its queue."""
    path = write_rules(folder / "rules.yaml", 104)
    own = NodeSettings(rules.load(path), path, folder, port=0, limits=limits)
    queue = SeriesQueue(folder, limits)
    try:
        queue.take(Arrival("s1", "i1", b"a"), "fa", "SCANNER")
        yield DicomNode(own, queue), queue
    finally:
        queue.close()


@pytest.fixture
def translate(monkeypatch: pytest.MonkeyPatch) -> list[list[str] | TransmodalError]:
    """Return what translations come to, one after the other."""
    ends: list[list[str] | TransmodalError] = []

    def stand_in(task: nodes.translation.SeriesWork) -> list[str]:
        end = ends.pop(0)
        if isinstance(end, TransmodalError):
            raise end
        return end

    monkeypatch.setattr(nodes.translation, "translate", stand_in)
    return ends


NOW = NodeLimits(quiet_seconds=0, retry_seconds=0, attempts=2)
DEATH = ResourceError("E402", "a", "b", "c")


def test_a_translation_is_tried_again_and_given_up(
    tmp_path: Path, translate: list[list[str] | TransmodalError]
) -> None:
    with node_of(tmp_path, NOW) as (node, queue):
        translate.extend([DEATH, DEATH])
        node.translate_due()
        node.translate_due()
        assert [(own.state, own.attempts) for own in queue.series()] == [("received", 2)]
        translate.append(["0001.dcm"])
        node.translate_due()
        assert [(own.state, own.attempts) for own in queue.series()] == [("translated", 0)]


def test_what_is_wrong_with_a_series_fails_it_at_once(
    tmp_path: Path, translate: list[list[str] | TransmodalError]
) -> None:
    with node_of(tmp_path, NOW) as (node, queue):
        translate.append(InputError("E140", "a", "b", "c"))
        node.translate_due()
        assert [(own.state, own.code) for own in queue.series()] == [("failed", "E140")]


def test_a_rule_that_is_gone_fails_its_series(tmp_path: Path) -> None:
    with node_of(tmp_path, NOW) as (node, queue):
        queue.take(Arrival("s1", "i2", b"b"), "gone", "SCANNER")
        node.translate_due()
        assert [(own.state, own.code) for own in queue.series()] == [("failed", "E004")]


def test_sending_is_tried_again_and_given_up(
    tmp_path: Path, translate: list[list[str] | TransmodalError], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ResourceError("E407", "a", "b", "c")

    monkeypatch.setattr(nodes.sender, "send", fail)
    with node_of(tmp_path, NOW) as (node, queue):
        translate.append(["0001.dcm"])
        node.translate_due()
        node.send_due()
        assert [(own.state, own.code) for own in queue.series()] == [("translated", "E407")]
        node.send_due()
        assert [(own.state, own.code) for own in queue.series()] == [("failed", "E407")]


def test_a_series_that_is_over_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes, "SWEEP_SECONDS", -1)
    with node_of(tmp_path, NodeLimits(quiet_seconds=0, keep_seconds=-1)) as (node, queue):
        queue.take(Arrival("s1", "i2", b"b"), "gone", "SCANNER")
        node.translate_due()
        assert queue.series() == []


def test_a_node_outlives_a_full_disk(
    tmp_path: Path, translate: list[list[str] | TransmodalError], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nodes, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(nodes, "LOOK_SECONDS", 0.01)
    ends: list[Exception] = [ResourceError("E403", "a", "b", "c"), OSError(28, "full"), KeyboardInterrupt()]  # type: ignore[list-item]

    def fail() -> None:
        raise ends.pop(0)

    with node_of(tmp_path, NOW) as (node, _):
        monkeypatch.setattr(node, "translate_due", fail)
        with pytest.raises(KeyboardInterrupt):
            node.run()
    assert ends == []


@pytest.mark.parametrize(
    ("sources", "target", "words"), [(["t1", "t2"], "fa", "2 sources"), (["t1"], "colour", "as DICOM")]
)
def test_models_of_another_kind_are_refused_at_the_start(
    tmp_path: Path, sources: list[str], target: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_rules(tmp_path / "rules.yaml", 104)
    facts: dict[str, Any] = {"fa": {"sources": sources, "target": target}}
    monkeypatch.setattr(nodes, "runner", SimpleNamespace(describe_models=lambda own: facts))
    with pytest.raises(UsageError, match=words):
        nodes.check_models(NodeSettings(rules.load(path), path, tmp_path))


def test_of_a_series_with_a_refused_image_nothing_is_made(
    tmp_path: Path, translate: list[list[str] | TransmodalError]
) -> None:
    with node_of(tmp_path, replace(NOW, images=1)) as (node, queue):
        (own,) = queue.series()
        with pytest.raises(ResourceError):
            queue.take(Arrival(own.mark, "of another place", b"b"), own.rule, "SCANNER")
        node.translate_due()  # the stand-in has nothing to give
        assert [(own.state, own.code) for own in queue.series()] == [("failed", "E406")]
