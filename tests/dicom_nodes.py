"""A DICOM node in a process of its own on a free port, series to send to it, and a destination that counts what it gets."""

from __future__ import annotations

import os
import re
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pydicom
import yaml
from pynetdicom import AE, evt

from dicom_tools import place_of
from transmodal.service.dicom_node.receiver import IMAGES
from transmodal.volumes import io
from transmodal.volumes.formats.dicom.writing import SeriesAbout, write_series

EARLIER = Path(__file__).parent / "contract" / "earlier"
RUN = EARLIER / "run"
PATIENT, STUDY = "CANARYID", "1.2.3"


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def source_series(folder: Path, description: str = "t1 mprage CANARYNAME") -> Path:
    """Write a T1 that the earlier run takes, as a series of some slices."""
    source = io.read(EARLIER / "source-t1.nii.gz")
    whole = source.with_voxels(np.rint(source.voxels).astype(np.int16))
    write_series(whole, folder, SeriesAbout("MR", description, PATIENT, STUDY, "1.2.9", 7))
    for path in folder.iterdir():
        header = pydicom.dcmread(path)
        header.PatientName = "CANARYNAME"
        header.save_as(path)
    return folder


def write_rules(
    path: Path,
    port: int,
    title: str = "RESEARCH",
    rule: dict[str, object] | None = None,
    *,
    tls: bool = False,
) -> Path:
    """Write rules of one destination on this machine, which is called over TLS where it is so."""
    own = {
        "name": "fa",
        "match": {"modality": "MR", "description": "*T1*"},
        "model": str(RUN),
        "gate": "warn",
        **(rule or {}),
    }
    destination = {"host": "127.0.0.1", "port": port, "ae_title": title, "tls": tls}
    path.write_text(yaml.safe_dump({"destination": destination, "rules": [own]}))
    return path


@dataclass
class Node:
    """A running node."""

    folder: Path
    port: int
    process: subprocess.Popen[str]
    errors: Path

    def states(self) -> list[str]:
        """Return the states of its series by a look at the database from outside."""
        with closing(sqlite3.connect(self.folder / "queue.sqlite", timeout=30)) as database:
            return [row[0] for row in database.execute("SELECT state FROM series ORDER BY changed")]

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)

    def send(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        """Call dcmtk's storescu."""
        line = [place_of("storescu"), "-aet", "SCANNER", "-aec", "TRANSMODAL", "127.0.0.1", str(self.port)]
        return subprocess.run([*line, *map(str, words)], capture_output=True, text=True, check=False)


@contextmanager
def node_at(rules: Path, folder: Path, *options: str, port: int = 0) -> Iterator[Node]:
    """Start a node, and end it with the block."""
    errors = folder.parent / f"errors-{time.monotonic_ns()}.txt"
    line = [sys.executable, "-m", "transmodal", "dicom-node", str(rules), "--folder", str(folder)]
    quick = ["--port", str(port), "--device", "cpu", "--wait", "0.3", "--retry", "0.2"]
    with errors.open("w") as log:
        process = subprocess.Popen(
            [*line, *quick, *options],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
    try:
        assert process.stdout is not None
        match = re.fullmatch(r"TRANSMODAL@127\.0\.0\.1:(\d+)\n", process.stdout.readline())
        assert match, errors.read_text()
        yield Node(folder, int(match[1]), process, errors)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(60)
        if process.stdout is not None:
            process.stdout.close()


@dataclass
class Destination:
    """A research node that keeps nothing but counts.

    Attributes:
        port: that it listens at.
        taken: SOPInstanceUIDs and how often each was answered with success.
        before: called with the number of the image before it is answered; returns its status.
    """

    port: int
    before: Callable[[int], int] = lambda number: 0
    taken: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def store(self, event: evt.Event) -> int:
        with self.lock:
            number = self.taken.total() + 1
            status = self.before(number)
            if status == 0:
                self.taken[str(event.request.AffectedSOPInstanceUID)] += 1  # type: ignore[union-attr]
            return status


@contextmanager
def destination(tls: ssl.SSLContext | None = None) -> Iterator[Destination]:
    """Listen with a destination while the block runs, over TLS where it has a certificate."""
    entity = AE("RESEARCH")
    for kind in IMAGES:
        entity.add_supported_context(kind)
    own = Destination(0)
    server = entity.start_server(
        ("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, own.store)], ssl_context=tls
    )
    try:
        own.port = server.socket.getsockname()[1]  # type: ignore[union-attr]
        yield own
    finally:
        entity.shutdown()
