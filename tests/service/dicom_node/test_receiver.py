"""The receiving side in this process, called by dcmtk's tools and by clients that do not keep to the rules."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pydicom
import pytest
from pynetdicom import AE
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]  # made at run time

from dicom_files import N_SLICES, series
from dicom_nodes import free_port, write_rules
from dicom_tools import call, needs
from transmodal.errors import UsageError
from transmodal.service.dicom_node import receiver, rules
from transmodal.service.dicom_node.queue import SOURCE, SeriesQueue
from transmodal.service.dicom_node.receiver import Receiver
from transmodal.service.dicom_node.settings import NodeLimits, NodeSettings

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
"""pynetdicom leaves sockets to be collected."""

LIMITS = NodeLimits(image_bytes=20_000, images=N_SLICES, patience_seconds=1.5)


@contextmanager
def receiving(folder: Path, **changes: object) -> Iterator[tuple[int, SeriesQueue]]:
    path = write_rules(folder / "rules.yaml", 104)
    own = NodeSettings(rules.load(path), path, folder, port=0, limits=LIMITS)
    own = replace(own, **changes)  # type: ignore[arg-type]
    queue = SeriesQueue(folder, own.limits)
    try:
        with Receiver(own, queue).listening() as (_, port):
            yield port, queue
    finally:
        queue.close()


def statuses(port: int, paths: list[Path], title: str = "SCANNER") -> list[int]:
    """Return what a sender is told of each image."""
    entity = AE(title)
    for kind in receiver.IMAGES:
        entity.add_requested_context(kind)
    association = entity.associate("127.0.0.1", port, ae_title="TRANSMODAL")
    if not association.is_established:
        return []
    answers = [association.send_c_store(path) for path in paths]
    association.release()
    return [int(answer.get("Status", -1)) for answer in answers]


def paths_of(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def test_images_are_kept_under_names_of_our_own(tmp_path: Path) -> None:
    sent = paths_of(series(tmp_path / "sent"))
    with receiving(tmp_path) as (port, queue):
        assert statuses(port, sent) == [0] * N_SLICES
        (own,) = queue.series()
        assert (own.rule, own.caller, own.n_images) == ("fa", "SCANNER", N_SLICES)
        kept = paths_of(queue.folder_of(own.mark) / SOURCE)
    read, written = map(pydicom.dcmread, (kept[0], sent[0]))
    everything = {pydicom.dcmread(path).SOPInstanceUID: pydicom.dcmread(path) for path in kept}
    for path in sent:
        written = pydicom.dcmread(path)
        assert everything[written.SOPInstanceUID] == written
    for word in (read.SOPInstanceUID, read.SeriesInstanceUID, "A1"):
        assert not [path for path in tmp_path.rglob("*") if word in path.name and "sent" not in path.parts]
    assert (kept[0].stat().st_mode & 0o777) == 0o600


@needs("storescu", "echoscu")
def test_dcmtk_is_answered(tmp_path: Path) -> None:
    sent = series(tmp_path / "sent")
    with receiving(tmp_path, callers=("SCANNER",)) as (port, queue):
        address = ("127.0.0.1", str(port))
        assert "Response (Success)" in call(
            "echoscu", "-v", "-aet", "SCANNER", "-aec", "TRANSMODAL", *address
        )
        assert "Calling AE Title Not Recognized" in call(
            "echoscu", "-v", "-aet", "EVIL", "-aec", "TRANSMODAL", *address
        )
        assert "Called AE Title Not Recognized" in call(
            "echoscu", "-v", "-aet", "SCANNER", "-aec", "OTHER", *address
        )
        shown = call("storescu", "-v", "+sd", "-aet", "SCANNER", "-aec", "TRANSMODAL", *address, sent)
        assert shown.count("Response (Success)") == N_SLICES
        assert [own.n_images for own in queue.series()] == [N_SLICES]


def test_what_no_rule_takes_is_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "transmodal.service")
    ct = paths_of(series(tmp_path / "ct", "CT"))[:1]
    own = paths_of(series(tmp_path / "own"))[:1]
    header = pydicom.dcmread(own[0])
    header.SyntheticData, header.PatientName = "YES", "CANARY"
    header.save_as(own[0])
    with receiving(tmp_path) as (port, queue):
        assert statuses(port, ct + own) == [receiver.NOT_AUTHORISED] * 2
        assert queue.series() == []
    reasons = [record.fields["why"] for record in caplog.records if hasattr(record, "fields")]
    assert reasons == ["no rule takes this series", "a synthetic image"]
    assert "CANARY" not in str([record.__dict__ for record in caplog.records])


def test_limits_are_said(tmp_path: Path) -> None:
    sent = paths_of(series(tmp_path / "sent"))
    limits = replace(LIMITS, images=2)
    with receiving(tmp_path, limits=limits) as (port, _):
        assert statuses(port, sent[:3]) == [0, 0, receiver.NO_ROOM]
    with receiving(tmp_path, limits=replace(LIMITS, image_bytes=100)) as (port, _):
        assert statuses(port, sent[3:4]) == [receiver.NO_ROOM]


def test_an_image_beyond_the_limit_is_not_taken_into_memory(tmp_path: Path) -> None:
    path = paths_of(series(tmp_path / "sent"))[0]
    header = pydicom.dcmread(path)
    header.ImageComments = "x" * 8000
    header.private_block(0x0011, "t", create=True).add_new(1, "OB", b"x" * 200_000)
    header.save_as(path)
    with receiving(tmp_path) as (port, queue):
        assert statuses(port, [path]) in ([], [-1])
        assert queue.series() == []
        assert statuses(port, [paths_of(tmp_path / "sent")[1]]) == [0]


@pytest.mark.parametrize(
    "content",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        struct.pack(">BBL", 1, 0, 0xFFFFFFFF) + b"x" * 100,
        struct.pack(">BBL", 4, 0, 12) + b"\xff" * 12,
        struct.pack(">BBL", 1, 0, 60) + b"\0" * 10,
        b"",
    ],
    ids=["no DICOM", "four GiB", "data without an association", "silence", "nothing"],
)
def test_clients_that_do_not_keep_to_the_rules_are_left(tmp_path: Path, content: bytes) -> None:
    with receiving(tmp_path) as (port, _):
        with socket.create_connection(("127.0.0.1", port), timeout=120) as client, suppress(ConnectionError):
            client.sendall(content)
            while client.recv(4096):
                pass
        entity = AE("SCANNER")
        entity.add_requested_context(Verification)
        association = entity.associate("127.0.0.1", port, ae_title="TRANSMODAL")
        assert association.is_established
        assert association.send_c_echo().Status == 0
        association.release()


def test_an_address_that_is_taken_is_named(tmp_path: Path) -> None:
    port = free_port()
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        with pytest.raises(UsageError, match=f"port {port}"), receiving(tmp_path, port=port):
            pass
