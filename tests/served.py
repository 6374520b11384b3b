"""A service in a process of its own on a free port, and clients of it: by the book, and on a bare socket."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from patience import PATIENCE_SECONDS, wait_for

EARLIER = Path(__file__).parent / "contract" / "earlier"
RUN, SOURCE = EARLIER / "run", EARLIER / "source-t1.nii.gz"


class Answer(NamedTuple):
    """An answer of HTTP; status 0 where there was none."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> Any:  # noqa: ANN401  # as JSON is
        return json.loads(self.content)


@dataclass
class Served:
    """A running service."""

    host: str
    port: int
    process: subprocess.Popen[str]
    errors: Path
    token: str = ""

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Return the answer to a request; those with a body are JSON unless headers say otherwise."""
        sent = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if body is not None and method == "POST":
            sent["Content-Type"] = "application/json"
        connection = http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE_SECONDS)
        try:
            with suppress(ConnectionError):  # a refused body is answered before it is whole
                connection.request(method, path, body, {**sent, **(headers or {})})
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def send(self, request: bytes, seconds: float = PATIENCE_SECONDS) -> Answer:
        """Return the answer to bytes on a bare socket, read until the service closes or falls silent."""
        with socket.create_connection((self.host, self.port), timeout=seconds) as connection:
            with suppress(OSError):  # refused before all was sent
                connection.sendall(request)
            return answer_on(connection)

    def begin(self, model: str = "fa", gate: str = "refuse") -> str:
        """Return the id of a new job."""
        answer = self.ask("POST", "/jobs", json.dumps({"model": model, "gate": gate}).encode())
        assert answer.status == 201, answer
        return str(answer.json()["id"])

    def translate(self, content: bytes, model: str = "fa", gate: str = "refuse") -> dict[str, Any]:
        """Return a job at its end."""
        job = self.begin(model, gate)
        answer = self.ask("PUT", f"/jobs/{job}/sources/t1", content)
        assert answer.status == 200, answer
        assert self.ask("POST", f"/jobs/{job}/start").status == 202
        return self.wait(job)

    def wait(self, job: str, states: tuple[str, ...] = ("done", "failed")) -> dict[str, Any]:
        """Return a job once it is in one of the states."""
        found: dict[str, Any] = {}

        def is_there() -> bool:
            answer = self.ask("GET", f"/jobs/{job}")
            assert answer.status == 200, answer
            found.update(answer.json())
            return found["state"] in states

        wait_for(is_there)
        return found

    def figure(self, name: str) -> float:
        """Return a figure of /metrics."""
        text = self.ask("GET", "/metrics").content.decode()
        match = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
        assert match, text
        return float(match[1])

    def events(self) -> list[dict[str, Any]]:
        """Return the lines of the log so far; every line but the notice is JSON."""
        lines = self.errors.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and return the exit status."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_SECONDS)


def answer_on(connection: socket.socket) -> Answer:
    """Read one answer from a socket, and what follows, until the other side closes."""
    content = bytearray()
    try:
        while part := connection.recv(65536):
            content += part
            if is_whole(bytes(content)):
                break
    except OSError:
        pass
    head, _, body = bytes(content).partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    status = int(first.split()[1]) if first.startswith("HTTP/1.1 ") else 0
    return Answer(status, dict(pair.lower().split(": ", 1) for pair in lines if ": " in pair), body)


def is_whole(content: bytes) -> bool:
    head, separator, body = content.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head)
    return bool(separator) and length is not None and len(body) >= int(length[1])


@contextmanager
def serving(folder: Path, *options: str, token: str = "", run: Path = RUN) -> Iterator[Served]:
    """Start a service of the earlier run under the name `fa`, and end it with the block."""
    errors = folder / f"errors-{time.monotonic_ns()}.txt"
    line = [sys.executable, "-m", "transmodal", "serve", f"fa={run}", "--port", "0", "--device", "cpu"]
    with errors.open("w") as log:
        process = subprocess.Popen(
            [*line, *options],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
    try:
        assert process.stdout is not None
        address = process.stdout.readline()
        match = re.fullmatch(r"http://([\d.]+):(\d+)/\n", address)
        assert match, errors.read_text()
        host = "127.0.0.1" if match[1] == "0.0.0.0" else match[1]
        yield Served(host, int(match[2]), process, errors, token)
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if process.stdout is not None:
            process.stdout.close()
