"""Attacks on the service from its network: each is refused with a status of 4xx, or breaks nothing but its own job.

Most are bytes on a bare socket, since clients by the book do not send them. After each the service answers as before, and
what lies outside of the folder of jobs is untouched.
"""

from __future__ import annotations

import gzip
import io as streams
import json
import os
import pickle
import socket
import struct
import sys
import threading
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from patience import PATIENCE_SECONDS
from served import SOURCE, Answer, Served, answer_on

Attack = Callable[[Served], Answer]
REFUSED = range(400, 500)
N_BAD = int(os.environ.get("TRANSMODAL_BAD_REQUESTS", "1000"))
"""How many bad requests are sent in a row; 10,000 on demand."""
MIB = 1 << 20


def head(first: str, *lines: str, host: str = "127.0.0.1", body: bytes = b"") -> bytes:
    return "\r\n".join([first, f"Host: {host}", *lines, "", ""]).encode("latin-1") + body


def raw(first: str, *lines: str, host: str = "127.0.0.1", body: bytes = b"") -> Attack:
    return lambda served: served.send(head(first, *lines, host=host, body=body))


def path(target: str) -> Attack:
    return raw(f"GET {target} HTTP/1.1")


def json_body(body: bytes, kind: str = "application/json") -> Attack:
    return lambda served: served.ask("POST", "/jobs", body, {"Content-Type": kind})


def upload(content: Callable[[], bytes], place: str = "t1", **headers: str) -> Attack:
    """An upload that is refused as it comes."""

    def attack(served: Served) -> Answer:
        job = served.begin()
        try:
            sent = {name.replace("_", "-"): value for name, value in headers.items()}
            return served.ask("PUT", f"/jobs/{job}/sources/{place}", content(), sent)
        finally:
            assert served.ask("DELETE", f"/jobs/{job}").status == 204

    return attack


def upload_raw(*lines: str, body: bytes = b"") -> Attack:
    """An upload by bare bytes."""

    def attack(served: Served) -> Answer:
        job = served.begin()
        try:
            return served.send(head(f"PUT /jobs/{job}/sources/t1 HTTP/1.1", *lines, body=body))
        finally:
            served.ask("DELETE", f"/jobs/{job}")

    return attack


def endless_chunks(served: Served) -> Answer:
    """Chunks that never end, of what begins as a NIfTI: counted, and cut off."""
    job = served.begin()
    try:
        with socket.create_connection((served.host, served.port), timeout=PATIENCE_SECONDS) as connection:
            connection.sendall(head(f"PUT /jobs/{job}/sources/t1 HTTP/1.1", "Transfer-Encoding: chunked"))
            block = SOURCE.read_bytes().ljust(65536, b"\0")
            chunk = b"10000\r\n" + block + b"\r\n"
            try:
                for _ in range(640):
                    connection.sendall(chunk)
            except OSError:
                pass
            return answer_on(connection)
    finally:
        served.ask("DELETE", f"/jobs/{job}")


def slow_head(served: Served) -> Answer:
    """A head that comes a byte at a time."""
    with socket.create_connection((served.host, served.port), timeout=PATIENCE_SECONDS) as connection:
        try:
            for sign in head("GET /health HTTP/1.1", "X: " + "a" * 100):
                connection.sendall(bytes([sign]))
                time.sleep(0.03)
        except OSError:
            pass
        return answer_on(connection)


def slow_body(served: Served) -> Answer:
    """A body that comes a byte at a time."""
    job = served.begin()
    try:
        with socket.create_connection((served.host, served.port), timeout=PATIENCE_SECONDS) as connection:
            connection.sendall(head(f"PUT /jobs/{job}/sources/t1 HTTP/1.1", "Content-Length: 100000"))
            try:
                for sign in SOURCE.read_bytes()[:200]:
                    connection.sendall(bytes([sign]))
                    time.sleep(0.05)
            except OSError:
                pass
            return answer_on(connection)
    finally:
        served.ask("DELETE", f"/jobs/{job}")


def guessed_ids(served: Served) -> Answer:
    """Ids that are near one that there is."""
    job = served.begin()
    near = [job[:-1] + sign for sign in "0123456789abcdef" if sign != job[-1]]
    answers = [served.ask("GET", f"/jobs/{word}") for word in [*near, job.upper(), f"{job}0", job[:-1]]]
    served.ask("DELETE", f"/jobs/{job}")
    assert {answer.status for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    return answers[-1]


def result_before_its_time(served: Served) -> Answer:
    job = served.begin()
    try:
        return served.ask("GET", f"/jobs/{job}/result")
    finally:
        served.ask("DELETE", f"/jobs/{job}")


def start_without_a_source(served: Served) -> Answer:
    job = served.begin()
    try:
        return served.ask("POST", f"/jobs/{job}/start")
    finally:
        served.ask("DELETE", f"/jobs/{job}")


def too_many_jobs(served: Served) -> Answer:
    jobs, answer = [], served.ask("POST", "/jobs", b'{"model": "fa"}')
    while answer.status == 201 and len(jobs) < 100:
        jobs.append(answer.json()["id"])
        answer = served.ask("POST", "/jobs", b'{"model": "fa"}')
    assert answer.headers["retry-after"]
    for job in jobs:
        assert served.ask("DELETE", f"/jobs/{job}").status == 204
    return answer


def multipart() -> bytes:
    return (
        b'--x\r\nContent-Disposition: form-data; name="f"; filename="../../DOE.nii"\r\n\r\nabc\r\n--x--\r\n'
    )


DEEP = b'{"model":' + b"[" * 6000 + b"]" * 6000 + b"}"
JSON = "application/json"

ATTACKS: dict[str, Attack] = {
    # paths and names
    "a path upwards": path("/../../etc/passwd"),
    "a path upwards, percent-encoded": path("/%2e%2e/%2e%2e/etc/passwd"),
    "a path upwards, encoded twice": path("/%252e%252e%252fetc/passwd"),
    "a job that is a path": path("/jobs/..%2f..%2fetc%2fpasswd/result"),
    "a page's part that is a path": path("/view/x/..%2f..%2fjob.json"),
    "an absolute address": raw("GET http://example.org/health HTTP/1.1", host="example.org"),
    "a NUL in a path": path("/jobs/%00/result"),
    "backslashes in a path": path("/jobs/..%5c..%5cjob.json"),
    "a source that is a path": upload(SOURCE.read_bytes, "..%2f..%2ft1"),
    "a source of another modality": upload(SOURCE.read_bytes, "ct"),
    "a model that is a path": json_body(b'{"model": "../../run"}'),
    "ids that are guessed": guessed_ids,
    "a ticket that is guessed": path("/view/" + "A" * 32 + "/"),
    "an address of 16 KiB": path("/" + "a" * 15000),
    # bodies and their lengths
    "a Content-Length beyond the limit": upload_raw("Content-Length: 99999999999"),
    "a negative Content-Length": upload_raw("Content-Length: -1"),
    "a Content-Length that is no number": upload_raw("Content-Length: 1e3"),
    "two Content-Lengths": upload_raw("Content-Length: 5", "Content-Length: 6", body=b"abcdef"),
    "Content-Length and chunks": upload_raw(
        "Content-Length: 5", "Transfer-Encoding: chunked", body=b"0\r\n\r\n"
    ),
    "chunks that are no chunks": upload_raw("Transfer-Encoding: chunked", body=b"zz\r\nabc\r\n"),
    "a chunk of 2^63 bytes": upload_raw("Transfer-Encoding: chunked", body=b"7fffffffffffffffff\r\nabc"),
    "an encoding that is none": upload_raw("Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"),
    "chunks without end": endless_chunks,
    "a body beyond the limit": upload(lambda: SOURCE.read_bytes() + bytes(3 * MIB)),
    "a compressed body": upload(lambda: gzip.compress(bytes(MIB)), Content_Encoding="gzip"),
    "a head that comes slowly": slow_head,
    "a body that comes slowly": slow_body,
    "a body with a request for a page": raw(
        "GET /health HTTP/1.1", "Content-Length: 20000", body=bytes(20000)
    ),
    # contents
    "a pickle": upload(lambda: pickle.dumps({"a": os.getcwd})),
    "a form": upload(multipart, Content_Type="multipart/form-data; boundary=x"),
    "an empty body": upload(lambda: b""),
    "HTML": upload(lambda: b"<!doctype html><script>alert(1)</script>"),
    "an ELF program": upload(lambda: b"\x7fELF" + bytes(400)),
    "a tar archive with a link": upload(lambda: b"link".ljust(156, b"\0") + b"2../../etc/passwd" + bytes(400)),
    # JSON
    "JSON beyond 16 KiB": json_body(b'{"model": "' + b"a" * 20000 + b'"}'),
    "JSON of 6,000 levels": json_body(DEEP[:16000]),
    "JSON that is none": json_body(b'{"model": "fa"'),
    "JSON with an unknown key": json_body(b'{"model": "fa", "run": "/etc"}'),
    "JSON with another type": json_body(b'{"model": {"$ne": ""}}'),
    "JSON with a policy that there is not": json_body(b'{"model": "fa", "gate": "off"}'),
    "a form in place of JSON": json_body(b"model=fa", "application/x-www-form-urlencoded"),
    "bytes that are no UTF-8": json_body(b'{"model": "\xff\xfe"}'),
    "numbers that are none": json_body(b'{"model": NaN}'),
    # heads
    "another host": raw("GET /health HTTP/1.1", host="evil.example"),
    "a host that begins like ours": raw("GET /health HTTP/1.1", host="127.0.0.1.evil.example"),
    "a host with a user": raw("GET /health HTTP/1.1", host="127.0.0.1@evil.example"),
    "no host": lambda served: served.send(b"GET /health HTTP/1.1\r\n\r\n"),
    "no host, HTTP/1.0": lambda served: served.send(b"GET /health HTTP/1.0\r\n\r\n"),
    "two hosts": raw("GET /health HTTP/1.1", "Host: evil.example"),
    "another site's page": raw("GET /models HTTP/1.1", "Origin: https://evil.example"),
    "a page without an origin": raw("GET /models HTTP/1.1", "Origin: null"),
    "a request that another site made": raw("GET /models HTTP/1.1", "Sec-Fetch-Site: cross-site"),
    "a preflight of another site": raw(
        "OPTIONS /jobs HTTP/1.1", "Origin: https://evil.example", "Access-Control-Request-Method: POST"
    ),
    "a header with a line in it": raw("GET /health HTTP/1.1", "X: a\r\n b\x00c"),
    "a header without a name": raw("GET /health HTTP/1.1", ": a"),
    "a header of 20 KiB": raw("GET /health HTTP/1.1", "X: " + "a" * 20000),
    "a thousand headers": raw("GET /health HTTP/1.1", *(f"X-{n}: {'a' * 20}" for n in range(1000))),
    "an upgrade": raw("GET /health HTTP/1.1", "Connection: Upgrade", "Upgrade: websocket"),
    "HTTP/2 by preface": lambda served: served.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "TLS": lambda served: served.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500)),
    "noise": lambda served: served.send(bytes(range(256)) * 100),
    # methods, states and numbers
    "an unknown method": raw("HACK /jobs HTTP/1.1"),
    "TRACE": raw("TRACE /health HTTP/1.1"),
    "CONNECT": raw("CONNECT example.org:443 HTTP/1.1"),
    "DELETE of everything": raw("DELETE /jobs HTTP/1.1"),
    "a list of all jobs": path("/jobs"),
    "a result before its time": result_before_its_time,
    "a start without a source": start_without_a_source,
    "more jobs than there may be": too_many_jobs,
}  # fmt: skip


@pytest.fixture(autouse=True)
def untouched(jobs_folder: Path) -> Iterator[None]:
    """Nothing but the log and the folder of jobs lies where the service was started."""
    before = sorted(path.name for path in jobs_folder.parent.iterdir())
    yield
    assert sorted(path.name for path in jobs_folder.parent.iterdir()) == before


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_refused_and_the_service_answers_on(served: Served, name: str) -> None:
    answer = _answer(served, name)
    assert answer.status in REFUSED, answer
    error = answer.json()["error"]
    assert set(error) == {"code", "got", "expected", "remedy"}
    assert error["code"] in ("E006", "E007", "E008", "E406")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in answer.headers
    assert served.ask("GET", "/health").json() == {"status": "ok"}


def _answer(served: Served, name: str) -> Answer:
    """Return the answer; a client that still sends when the connection is closed may lose it, and asks again."""
    for _ in range(20):
        with suppress(ConnectionError):
            return ATTACKS[name](served)
    raise AssertionError(f"no answer to {name}")


def header(shape: tuple[int, int, int] = (8, 8, 8), code: int = 4, offset: float = 352.0) -> bytes:
    """A NIfTI header of its own making."""
    content = bytearray(352)
    struct.pack_into("<i", content, 0, 348)
    struct.pack_into("<8h", content, 40, 3, *shape, 1, 1, 1, 1)
    struct.pack_into("<2h", content, 70, code, 16)
    struct.pack_into("<8f", content, 76, 1, 1, 1, 1, 1, 1, 1, 1)
    struct.pack_into("<f", content, 108, offset)
    struct.pack_into("<h", content, 254, 1)
    struct.pack_into("<12f", content, 280, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0)
    content[344:348] = b"n+1\0"
    return bytes(content)


def gzip_bomb(shape: tuple[int, int, int]) -> bytes:
    """A gzip stream a thousand times its size, of a header and zeros without end."""
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    parts = [packer.compress(header(shape))]
    parts += [packer.compress(bytes(16 * MIB)) for _ in range(8)]
    return b"".join([*parts, packer.flush()])


def archive(*entries: tuple[str, bytes], mode: int = 0) -> bytes:
    buffer = streams.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in entries:
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = mode << 16
            packed.writestr(entry, content)
    return buffer.getvalue()


def lying_archive() -> bytes:
    """An archive whose entry says that it holds ten bytes."""
    content = bytearray(archive(("a.dcm", bytes(8 * MIB))))
    for place in (content.index(b"PK\x03\x04") + 22, content.index(b"PK\x01\x02") + 24):
        struct.pack_into("<I", content, place, 10)
    return bytes(content)


MHD = (
    b"ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\nDimSize = 8 8 8\n"
    b"TransformMatrix = 1 0 0 0 1 0 0 0 1\nOffset = 0 0 0\nElementSpacing = 1 1 1\nElementType = MET_UCHAR\nElementDataFile = "
)

CONTENTS: dict[str, tuple[Callable[[], bytes], tuple[str, ...]]] = {
    "a header of 2^45 voxels": (lambda: header((32767, 32767, 32767)), ("E101", "E401")),
    "a header of negative sides": (lambda: header((-1, 8, 8)) + bytes(1024), ("E103", "E121", "E124", "E101")),
    "voxels that begin in the header": (lambda: header(offset=-1e9) + bytes(1024), ("E101", "E103")),
    "a gzip bomb behind a small header": (lambda: gzip_bomb((8, 8, 8)), ("E101",)),
    "a gzip bomb with a large header": (lambda: gzip_bomb((2048, 2048, 2048)), ("E401",)),
    "half a gzip stream": (lambda: SOURCE.read_bytes()[:2000], ("E101",)),
    "a pickle within gzip": (lambda: gzip.compress(pickle.dumps(os.getcwd)), ("E101", "E102")),
    "MetaImage that names a file of the system": (lambda: MHD + b"/etc/passwd\n", ("E102", "E103")),
    "MetaImage that names a pattern": (lambda: MHD + b"../%d.raw 1 9 1\n", ("E102", "E103")),
    "an archive that leads upwards": (lambda: archive(("../../slip.dcm", bytes(200))), ("E100", "E102")),
    "an archive with an absolute path": (lambda: archive(("/tmp/slip.dcm", bytes(200))), ("E100", "E102")),
    "an archive with a link": (
        lambda: archive(("link.dcm", b"../../../../etc/passwd"), mode=0o120777), ("E100", "E102")),
    "an archive that is a bomb": (lambda: archive(("a.dcm", bytes(256 * MIB))), ("E401",)),
    "an archive that lies of its size": (lying_archive, ("E101", "E401")),
    "an archive of 20,000 files": (
        lambda: archive(*((f"{n}", b"") for n in range(12000))), ("E401",)),
    "an archive in an archive": (lambda: archive(("a.zip", archive(("b", b"c")))), ("E100", "E102")),
    "half an archive": (lambda: archive(("a.dcm", os.urandom(5000)))[:3000], ("E101",)),
    "DICOM that is only its beginning": (lambda: bytes(128) + b"DICM" + bytes(300), ("E101", "E102", "E103", "E100")),
}  # fmt: skip


@pytest.mark.parametrize("name", CONTENTS)
def test_a_content_that_attacks_fails_alone(served: Served, name: str) -> None:
    make, codes = CONTENTS[name]
    job = served.translate(make(), gate="warn")
    try:
        assert job["state"] == "failed"
        assert job["error"]["code"] in codes, job["error"]
        assert "/" + job["id"] not in job["error"]["got"] + job["error"]["remedy"]
        assert served.ask("GET", f"/jobs/{job['id']}/result").status == 409
        assert served.ask("GET", "/health").status == 200
    finally:
        served.ask("DELETE", f"/jobs/{job['id']}")
    assert not Path("/tmp/slip.dcm").exists()


def test_there_are_more_attacks_than_were_promised() -> None:
    assert len(ATTACKS) + len(CONTENTS) >= 80


def test_slow_clients_by_the_hundred_keep_nobody_out(served: Served) -> None:
    sockets = [
        socket.create_connection((served.host, served.port), timeout=PATIENCE_SECONDS) for _ in range(200)
    ]
    try:
        for connection in sockets:
            connection.sendall(b"GET /health HTTP/1.1\r\nX: ")
        assert served.ask("GET", "/health").status == 200
        statuses = {answer_on(connection).status for connection in sockets}
        assert statuses == {408}
    finally:
        for connection in sockets:
            connection.close()
    assert settled(served) < 40


def settled(served: Served) -> float:
    """Return how many files are open once connections that ended are gone."""
    for _ in range(1000):
        if (n_open := served.figure("process_open_fds")) < 40:
            break
        time.sleep(0.1)
    return n_open


BAD = (
    head("GET /nowhere HTTP/1.1"),
    head("GET /health HTTP/1.1", host="evil.example"),
    head("POST /jobs HTTP/1.1", "Content-Type: application/json", "Content-Length: 3", body=b"{{{"),
    head("PUT /jobs/" + "0" * 32 + "/sources/t1 HTTP/1.1", "Content-Length: 4000000000"),
    head("DELETE /jobs/" + "f" * 32 + " HTTP/1.1"),
    b"\x00\x01\x02 noise\r\n\r\n",
    head("GET /models HTTP/1.1", "Content-Length: 5", "Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    head("GET /" + "a" * 4000 + " HTTP/1.1"),
)


def test_bad_requests_without_number_leave_memory_and_files_as_they_were(served: Served) -> None:
    for request in BAD * 5:
        served.send(request)
    before, n_open = served.figure("process_resident_memory_bytes"), settled(served)
    threads = [threading.Thread(target=send_bad, args=(served, n)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert served.ask("GET", "/health").status == 200
    growth = served.figure("process_resident_memory_bytes") - before
    sys.stderr.write(f"{N_BAD} bad requests: {growth / MIB:+.1f} MiB\n")  # shown by -s
    assert growth < 50 * MIB
    assert settled(served) <= n_open + 4


def send_bad(served: Served, start: int) -> None:
    for n in range(start, N_BAD, 4):
        assert served.send(BAD[n % len(BAD)]).status in REFUSED


def test_logs_hold_no_word_of_any_request(served: Served) -> None:
    job = served.begin()
    content = bytearray(gzip.decompress(SOURCE.read_bytes()))
    content[148:167] = b"ZQHBDFGK^DOE^JOHN.."
    served.ask(
        "PUT",
        f"/jobs/{job}/sources/t1?file=ZQNBDFGK.nii",
        bytes(content)[:3000],
        {"X-File": "ZQNBDFGK", "Content-Disposition": 'attachment; filename="ZQNBDFGK.nii"'},
    )
    served.ask("POST", f"/jobs/{job}/start")
    assert served.wait(job)["error"]["code"] == "E101"
    served.ask("GET", "/ZQNBDFGK")
    served.ask("POST", "/jobs", json.dumps({"model": "ZQIBDFGK"}).encode())
    served.ask("DELETE", f"/jobs/{job}")
    text = served.errors.read_text()
    assert "job ended" in text
    assert '"route": "/jobs/{job}/sources/{modality}"' in text
    for word in ("ZQ", job, "DOE", "sources/t1"):
        assert word not in text
