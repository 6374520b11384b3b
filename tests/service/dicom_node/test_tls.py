"""The node over TLS: dcmtk as a sender with and without a certificate, a destination, and files that are no certificates."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from dicom_files import N_SLICES, series
from dicom_nodes import destination, node_at, source_series, write_rules
from dicom_tools import needs, place_of
from patience import wait_for
from refusals import refusal
from transmodal.errors import ResourceError
from transmodal.service.dicom_node import rules, sender
from transmodal.service.dicom_node.queue import SeriesQueue
from transmodal.service.dicom_node.receiver import Receiver
from transmodal.service.dicom_node.sender import Parcel
from transmodal.service.dicom_node.settings import NodeLimits, NodeSettings
from transmodal.service.dicom_node.tls import TlsFiles

pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.skipif(shutil.which("openssl") is None, reason="not installed: openssl"),
]
"""pynetdicom leaves sockets to be collected."""


class Authority(NamedTuple):
    """An authority that signs certificates of 127.0.0.1, in a folder."""

    folder: Path

    @property
    def certificate(self) -> Path:
        return self.folder / "ca.pem"

    def sign(self, name: str) -> TlsFiles:
        """Return certificate and key of a name, and the authority."""
        pem, key, request = (self.folder / f"{name}.{ending}" for ending in ("pem", "key", "csr"))
        extension = self.folder / "names.txt"
        extension.write_text("subjectAltName=IP:127.0.0.1\n")
        openssl(
            "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", key, "-out", request
        )
        own = ("-CA", self.certificate, "-CAkey", self.folder / "ca.key", "-CAcreateserial")
        openssl("x509", "-req", "-in", request, *own, "-days", "2", "-extfile", extension, "-out", pem)
        return TlsFiles(pem, key, self.certificate)


def openssl(*words: str | Path) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


def authority(folder: Path) -> Authority:
    folder.mkdir()
    out = ("-keyout", folder / "ca.key", "-out", folder / "ca.pem")
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=Authority", *out)
    return Authority(folder)


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("tls") / "hospital")


@pytest.fixture(scope="module")
def node(hospital: Authority) -> TlsFiles:
    return hospital.sign("node")


@pytest.fixture(scope="module")
def scanner(hospital: Authority) -> TlsFiles:
    return hospital.sign("scanner")


@contextmanager
def receiving(folder: Path, tls: TlsFiles) -> Iterator[tuple[int, SeriesQueue]]:
    path = write_rules(folder / "rules.yaml", 104)
    own = NodeSettings(
        rules.load(path), path, folder, port=0, limits=NodeLimits(patience_seconds=5.0), tls=tls
    )
    queue = SeriesQueue(folder, own.limits)
    try:
        with Receiver(own, queue).listening() as (_, port):
            yield port, queue
    finally:
        queue.close()


def store(port: int, folder: Path, *options: str | Path | None) -> int:
    """Return the exit status of dcmtk's storescu."""
    line = [place_of("storescu"), "-to", "20", "-ta", "20", "+sd", "-aet", "SCANNER", "-aec", "TRANSMODAL"]
    words = [*line, *options, "127.0.0.1", port, folder]
    return subprocess.run([str(word) for word in words], capture_output=True, check=False).returncode


@needs("storescu")
def test_senders_show_a_certificate_while_a_silent_one_keeps_nobody_waiting(
    tmp_path: Path, node: TlsFiles, scanner: TlsFiles
) -> None:
    sent = series(tmp_path / "sent")
    known = ("+tls", scanner.key, scanner.certificate, "+cf", node.authorities)
    with receiving(tmp_path, node) as (port, queue):
        with socket.create_connection(("127.0.0.1", port)):
            assert store(port, sent) != 0
            assert store(port, sent, "+tla", "+cf", node.authorities) != 0
            assert queue.series() == []
            assert store(port, sent, *known) == 0
        assert [own.n_images for own in queue.series()] == [N_SLICES]
        assert store(port, sent, *known) == 0  # by when the end of the silent connection is noticed


@needs("storescu")
def test_without_authorities_any_sender_is_encrypted(tmp_path: Path, node: TlsFiles) -> None:
    sent = series(tmp_path / "sent")
    with receiving(tmp_path, TlsFiles(node.certificate, node.key)) as (port, queue):
        assert store(port, sent, "+tla", "+cf", node.authorities) == 0
        assert [own.n_images for own in queue.series()] == [N_SLICES]


def test_a_destination_over_tls_is_known_by_its_authority_and_name(
    tmp_path: Path, hospital: Authority, node: TlsFiles
) -> None:
    folder = series(tmp_path / "series")
    parcel = Parcel(folder, sorted(path.name for path in folder.iterdir()))
    stranger = authority(tmp_path / "stranger")
    research = hospital.sign("research").server_context()
    with destination(research) as own:
        place = rules.Destination(host="127.0.0.1", port=own.port, ae_title="RESEARCH", tls=True)
        sender.send(parcel, "TRANSMODAL", place, lambda name: True, node.client_context())
        assert own.taken.total() == N_SLICES
        for wrong, host in ((TlsFiles(authorities=stranger.certificate), "127.0.0.1"), (node, "localhost")):
            place = rules.Destination(host=host, port=own.port, ae_title="RESEARCH", tls=True)
            with pytest.raises(ResourceError, match="over TLS") as refused:
                sender.send(parcel, "TRANSMODAL", place, lambda name: True, wrong.client_context())
            assert refused.value.code == "E407"
        assert own.taken.total() == N_SLICES


@needs("storescu")
def test_a_node_in_a_process_of_its_own_takes_and_sends_over_tls_alone(
    tmp_path: Path, hospital: Authority, node: TlsFiles, scanner: TlsFiles
) -> None:
    """From the command line to the research node: files of PEM in, dcmtk in front of it, both ways encrypted."""
    images = source_series(tmp_path / "source")
    known = ("+tls", scanner.key, scanner.certificate, "+cf", node.authorities)
    words = (f"--tls-cert={node.certificate}", f"--tls-key={node.key}", f"--tls-ca={node.authorities}")
    with destination(hospital.sign("research").server_context()) as research:
        path = write_rules(tmp_path / "rules.yaml", research.port, tls=True)
        with node_at(path, tmp_path / "queue", *words) as own:
            assert store(own.port, images) != 0
            assert store(own.port, images, "+tla", "+cf", node.authorities) != 0
            assert own.states() == []
            assert store(own.port, images, *known) == 0
            wait_for(lambda: own.states() == ["sent"])
        assert research.taken.total() == len(list(images.iterdir()))
    assert own.process.returncode == 143


def test_old_protocols_are_not_spoken(node: TlsFiles) -> None:
    contexts = (node.server_context(), node.client_context())
    assert {context and context.minimum_version for context in contexts} == {ssl.TLSVersion.TLSv1_2}
    assert TlsFiles().server_context() is None


def test_files_that_do_not_do_are_said_with_their_option(
    tmp_path: Path, node: TlsFiles, scanner: TlsFiles
) -> None:
    text, locked = tmp_path / "notes.pem", tmp_path / "locked.key"
    text.write_text("no certificate")
    assert node.key is not None
    openssl("rsa", "-in", node.key, "-aes256", "-passout", "pass:secret", "-out", locked)
    missing = tmp_path / "missing.pem"
    refusals = {
        "missing.pem of --tls-cert does not exist": TlsFiles(missing, node.key),
        "notes.pem of --tls-cert cannot be used": TlsFiles(text, node.key),
        "notes.pem of --tls-key cannot be used": TlsFiles(node.certificate, text),
        "locked.key of --tls-key cannot be used": TlsFiles(node.certificate, locked),
        "notes.pem of --tls-ca cannot be used": TlsFiles(node.certificate, node.key, text),
        "scanner.key is not the key of node.pem": TlsFiles(node.certificate, scanner.key),
    }
    for words, files in refusals.items():
        assert words in refusal(files.server_context)


@pytest.mark.parametrize(
    ("files", "is_over_tls", "words"),
    [
        (TlsFiles(certificate=Path("a")), False, "--tls-cert without --tls-key"),
        (TlsFiles(key=Path("a")), False, "--tls-key without --tls-cert"),
        (TlsFiles(), True, "a destination over TLS without --tls-ca"),
        (TlsFiles(authorities=Path("a")), False, "neither listens nor sends over TLS"),
    ],
)
def test_what_does_not_go_together_is_refused(files: TlsFiles, *, is_over_tls: bool, words: str) -> None:
    assert words in refusal(lambda: files.check(is_destination_over_tls=is_over_tls))
