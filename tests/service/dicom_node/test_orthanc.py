"""A real PACS, Orthanc, on both sides of a node: STOW in, C-STORE to the node and back, C-FIND, QIDO and WADO."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from email.parser import BytesParser
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import pydicom
import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE
from pynetdicom.sop_class import (  # type: ignore[attr-defined]  # made at run time
    StudyRootQueryRetrieveInformationModelFind,
)

from dicom_nodes import PATIENT, STUDY, free_port, node_at, source_series, write_rules
from dicom_tools import needs, place_of
from patience import PATIENCE_SECONDS, wait_for
from transmodal.volumes import io

PLUGINS = [
    path
    for place in ("/usr/share/orthanc/plugins", "/usr/lib/orthanc", "/usr/local/share/orthanc/plugins")
    for path in sorted(Path(place).glob("libOrthancDicomWeb.so*"))
]
pytestmark = [
    needs("Orthanc"),
    pytest.mark.skipif(not PLUGINS, reason="not installed: DICOMweb for Orthanc (Debian's orthanc-dicomweb)"),
]
FENCE = "transmodal-fence"


class Orthanc(NamedTuple):
    """A running Orthanc."""

    web: int
    port: int

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes, str]:
        """Return status, content and its type."""
        connection = http.client.HTTPConnection("127.0.0.1", self.web, timeout=PATIENCE_SECONDS)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.getheader("Content-Type", "")
        finally:
            connection.close()

    def json(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401  # as JSON is
        content = None if body is None else json.dumps(body).encode()
        status, text, _ = self.ask(method, path, content, {"Accept": "application/json"})
        assert status == 200, (path, text)
        return json.loads(text or b"null")

    def is_up(self) -> bool:
        try:
            return self.ask("GET", "/system")[0] == 200
        except OSError:
            return False

    def store(self, paths: list[Path]) -> None:
        """Store files by STOW-RS."""
        part = f"--{FENCE}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        body = b"".join(part + path.read_bytes() + b"\r\n" for path in paths) + f"--{FENCE}--\r\n".encode()
        kind = f'multipart/related; type="application/dicom"; boundary={FENCE}'
        status, text, _ = self.ask(
            "POST", "/dicom-web/studies", body, {"Content-Type": kind, "Accept": "application/dicom+json"}
        )
        assert status == 200, text

    def retrieve(self, study: str, series: str) -> list[bytes]:
        """Return the files of a series by WADO-RS."""
        status, content, kind = self.ask(
            "GET",
            f"/dicom-web/studies/{study}/series/{series}",
            headers={"Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'},
        )
        assert status == 200, content
        message = BytesParser().parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + content)
        return [bytes(part.get_payload(decode=True)) for part in message.get_payload()]  # type: ignore[union-attr, arg-type]


@contextmanager
def orthanc(folder: Path) -> Iterator[Orthanc]:
    """Start an Orthanc on this machine alone."""
    own = Orthanc(free_port(), free_port())
    settings = {
        "Name": "research",
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "Plugins": [str(PLUGINS[-1])],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
        "HttpPort": own.web,
        "HttpBindAddresses": ["127.0.0.1"],
        "DicomPort": own.port,
        "DicomAet": "RESEARCH",
        "DicomAlwaysAllowFind": True,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
    }
    (folder / "orthanc.json").write_text(json.dumps(settings))
    with (folder / "orthanc.log").open("w") as log:
        process = subprocess.Popen(
            [place_of("Orthanc"), str(folder / "orthanc.json")],
            stdout=log,
            stderr=log,
            env={**os.environ, "http_proxy": "", "no_proxy": "127.0.0.1"},
        )
    try:
        yield own
    finally:
        process.terminate()
        process.wait(60)


def find_series(port: int, study: str) -> dict[str, str]:
    """Return the SeriesDescriptions of a study by SeriesInstanceUID, as C-FIND says them."""
    entity = AE("TRANSMODAL")
    entity.add_requested_context(StudyRootQueryRetrieveInformationModelFind)
    association = entity.associate("127.0.0.1", port, ae_title="RESEARCH")
    assert association.is_established
    query = Dataset()
    query.QueryRetrieveLevel, query.StudyInstanceUID = "SERIES", study
    query.SeriesInstanceUID = query.SeriesDescription = ""
    answers = list(association.send_c_find(query, StudyRootQueryRetrieveInformationModelFind))
    association.release()
    return {str(own.SeriesInstanceUID): str(own.SeriesDescription) for _, own in answers if own is not None}


def test_a_series_goes_to_the_node_and_comes_back(tmp_path: Path) -> None:
    source = source_series(tmp_path / "source", "t1 mprage")
    with orthanc(tmp_path) as pacs:
        path = write_rules(
            tmp_path / "rules.yaml", pacs.port, rule={"description": "FA", "match": {"caller": "RESEARCH"}}
        )
        with node_at(path, tmp_path / "queue", "--accept", "RESEARCH") as node:
            wait_for(pacs.is_up)
            pacs.store(sorted(source.iterdir()))
            pacs.json(
                "PUT", "/modalities/node", {"AET": "TRANSMODAL", "Host": "127.0.0.1", "Port": node.port}
            )
            (own,) = pacs.json("GET", "/series")
            sent = pacs.json("POST", "/modalities/node/store", own)
            assert sent["FailedInstancesCount"] == 0
            wait_for(lambda: node.states() == ["sent"])

            listed = find_series(pacs.port, STUDY)
            (series,) = [uid for uid, words in listed.items() if words == "SYNTHETIC FA"]
            assert len(listed) == 2
            (entry,) = pacs.json("GET", f"/dicom-web/studies/{STUDY}/series?SeriesInstanceUID={series}")
            assert entry["00201209"]["Value"] == [len(list(source.iterdir()))]
            _check_files(pacs, series, tmp_path)

            (new,) = set(pacs.json("GET", "/series")) - {own}
            back = pacs.ask("POST", "/modalities/node/store", json.dumps(new).encode())
            assert back[0] != 200  # what is synthetic does not go round
            assert node.states() == ["sent"]
            assert "a synthetic image" in node.errors.read_text()


def _check_files(pacs: Orthanc, series: str, folder: Path) -> None:
    """Compare what WADO gives with what the node made."""
    (made,) = (folder / "queue").glob("series/*/output-*/synthetic")
    written = {pydicom.dcmread(path).SOPInstanceUID: pydicom.dcmread(path) for path in made.iterdir()}
    headers = [pydicom.dcmread(BytesIO(content)) for content in pacs.retrieve(STUDY, series)]
    assert {header.SOPInstanceUID for header in headers} == set(written)
    assert len(headers) == len(written)
    for header in headers:
        assert (header.PatientID, header.SyntheticData) == (PATIENT, "YES")
        assert (header.pixel_array == written[header.SOPInstanceUID].pixel_array).all()
        assert len(header.SourceImageSequence) == len(list((folder / "source").iterdir()))
    assert io.read(made).grid.shape == io.read(folder / "source").grid.shape
