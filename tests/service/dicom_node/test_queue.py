from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from transmodal.errors import ResourceError
from transmodal.service.dicom_node import queue as queues
from transmodal.service.dicom_node.queue import SOURCE, Arrival, QueuedSeries, SeriesQueue
from transmodal.service.dicom_node.settings import NodeLimits


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return a time that a test moves."""
    now = [1000.0]
    monkeypatch.setattr(queues.time, "time", lambda: now[0])
    return now


@pytest.fixture
def queue(tmp_path: Path, clock: list[float]) -> Iterator[SeriesQueue]:
    own = SeriesQueue(
        tmp_path,
        NodeLimits(images=3, series=2, series_bytes=100, quiet_seconds=5, keep_seconds=50, retry_seconds=10),
    )
    yield own
    own.close()


def take(queue: SeriesQueue, mark: str = "i1", content: bytes = b"a", series: str = "s1") -> bool:
    return queue.take(Arrival(series, mark, content), "fa", "SCANNER")


def translated(queue: SeriesQueue, names: list[str]) -> QueuedSeries:
    (series,) = queue.due("received")
    begun = queue.begin(series)
    assert begun is not None
    assert queue.enter_outgoing(begun, names)
    (series,) = queue.due("translated")
    return series


def test_a_series_goes_its_way(queue: SeriesQueue, clock: list[float], tmp_path: Path) -> None:
    assert take(queue)
    assert take(queue, "i2", b"bb")
    assert (tmp_path / "series/s1" / SOURCE / "i2.dcm").read_bytes() == b"bb"
    assert queue.due("received", 5) == []
    clock[0] += 5
    (series,) = queue.due("received", 5)
    assert (series.state, series.n_images, series.rule, series.caller) == ("received", 2, "fa", "SCANNER")
    series = translated(queue, ["1", "2"])
    assert queue.unsent(series) == ["1", "2"]
    assert queue.mark_sent(series, "1")
    assert queue.unsent(series) == ["2"]
    assert queue.mark_sent(series, "2")
    assert queue.advance(series, "sent")
    (series,) = queue.series()
    assert (series.state, series.n_outgoing, series.n_sent) == ("sent", 2, 2)
    clock[0] += 49
    assert queue.remove_old() == 0
    clock[0] += 2
    assert queue.remove_old() == 1
    assert queue.series() == []
    assert not (tmp_path / "series/s1").exists()


def test_what_comes_a_second_time_changes_nothing(queue: SeriesQueue) -> None:
    assert take(queue)
    series = translated(queue, ["1"])
    assert not take(queue)
    assert queue.advance(series, "sent")
    assert not take(queue)
    assert [own.state for own in queue.series()] == ["sent"]


def test_a_failed_series_that_comes_again_is_tried_again(queue: SeriesQueue) -> None:
    take(queue)
    assert queue.advance(translated(queue, ["1"]), "failed", "E407")
    assert take(queue)
    (series,) = queue.series()
    assert (series.state, series.code, series.attempts) == ("received", "", 0)


@pytest.mark.parametrize("content", [b"a", b"other"], ids=["another image", "other bytes"])
def test_a_series_that_changes_begins_anew(queue: SeriesQueue, content: bytes) -> None:
    take(queue)
    (series,) = queue.due("received")
    begun = queue.begin(series)
    assert begun is not None
    assert take(queue, "i2" if content == b"a" else "i1", content)
    assert not queue.enter_outgoing(begun, ["1"])
    assert queue.postpone(begun, "E402", 3) == "received"
    assert [own.attempts for own in queue.series()] == [0]
    old = translated(queue, ["1", "2"])
    assert take(queue, "i3", b"c")
    assert not queue.mark_sent(old, "1")
    assert not queue.advance(old, "sent")
    assert queue.begin(series) is None
    assert [own.state for own in queue.series()] == ["received"]
    new = translated(queue, ["1"])
    assert new.n_outgoing == 1
    assert not queue.mark_sent(old, "1")  # an answer to what was made before
    assert queue.unsent(new) == ["1"]


def test_attempts_are_spread_and_end(queue: SeriesQueue, clock: list[float]) -> None:
    take(queue)
    waits = []
    for _ in range(3):
        series = translated(queue, ["1"]) if not waits else queue.due("translated")[0]
        assert queue.postpone(series, "E407", 4) == "translated"
        assert queue.due("translated") == []
        (series,) = queue.series()
        waits.append(series.due - clock[0])
        clock[0] = series.due
    assert waits == [10, 20, 40]
    assert queue.postpone(queue.due("translated")[0], "E407", 4) == "failed"
    (series,) = queue.series()
    assert (series.code, series.attempts, series.changed) == ("E407", 4, clock[0])
    assert queue.remove_old() == 0


def test_waits_end_at_an_hour(queue: SeriesQueue, clock: list[float]) -> None:
    take(queue)
    series = translated(queue, ["1"])._replace(attempts=500)
    queue.postpone(series, "E407", 1000)
    assert queue.series()[0].due == clock[0] + queues.LONGEST_WAIT


def test_limits(queue: SeriesQueue, tmp_path: Path) -> None:
    for mark in ("i1", "i2", "i3"):
        take(queue, mark)
    with pytest.raises(ResourceError, match="more than 3 images"):
        take(queue, "i4")
    assert take(queue, "i3", b"changed")
    take(queue, series="s2", content=b"x" * 60)
    with pytest.raises(ResourceError, match="more bytes"):
        take(queue, "i2", b"y" * 41, series="s2")
    assert take(queue, "i1", b"y" * 100, series="s2")
    with pytest.raises(ResourceError, match="more than 2 series") as caught:
        take(queue, series="s3")
    assert caught.value.code == "E406"
    assert not (tmp_path / "series/s3").exists()


def test_what_a_kill_left_is_taken_up(tmp_path: Path, clock: list[float]) -> None:
    own = SeriesQueue(tmp_path, NodeLimits())
    take(own)
    begun = own.begin(own.due("received")[0])
    assert begun is not None
    (tmp_path / "series/s1" / SOURCE / "i9.dcm").touch()
    (tmp_path / "series/s9" / SOURCE).mkdir(parents=True)
    own.close()
    again = SeriesQueue(tmp_path, NodeLimits())
    again.recover()
    assert [series.state for series in again.series()] == ["received"]
    assert [path.name for path in (tmp_path / "series").rglob("*.dcm")] == ["i1.dcm"]
    assert not (tmp_path / "series/s9").exists()
    again.close()


def test_what_cannot_be_written_is_not_entered(queue: SeriesQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    take(queue)

    def fail(*_: object) -> None:
        raise ResourceError("E403", "full", "room", "Free space.")

    monkeypatch.setattr(queues.files, "atomic_path", fail)
    with pytest.raises(ResourceError):
        take(queue, "i2")
    assert [series.n_images for series in queue.series()] == [1]


def test_an_image_that_was_refused_is_missed_until_it_comes(
    queue: SeriesQueue, clock: list[float], tmp_path: Path
) -> None:
    for mark in ("i1", "i2", "i3"):
        take(queue, mark)
    with pytest.raises(ResourceError):
        take(queue, "i4")
    (series,) = queue.due("received")
    assert queue.refusal_of(series) == "E406"
    queue.close()
    roomy = SeriesQueue(tmp_path, NodeLimits(images=4, series=2, series_bytes=100, keep_seconds=50))
    assert roomy.refusal_of(series) == "E406"  # a node that was started again knows it too
    take(roomy, "i4")
    assert roomy.refusal_of(series) == ""
    for number in range(9):
        with pytest.raises(ResourceError):
            take(roomy, f"j{number}")
    ((n_rows,),) = roomy._database.rows("SELECT count(*) FROM refused")
    assert n_rows == 4  # a sender cannot fill the disk by what is refused
    clock[0] += 51
    roomy.remove_old()
    assert roomy.refusal_of(series) == ""
    roomy.close()
