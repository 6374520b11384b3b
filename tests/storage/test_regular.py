"""Named pipes, sockets, devices and folders given as files are refused at once by every reader."""

from __future__ import annotations

import os
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from transmodal import checkpoint
from transmodal.errors import InputError, ResourceError, TransmodalError
from transmodal.experiments.ablation.plan import plan_of
from transmodal.recipes.load import load
from transmodal.storage import files, regular, tables
from transmodal.storage.arrays.npy import read_npy
from transmodal.volumes import io

SUFFIXES = {".nii", ".nii.gz", ".mha", ".mhd", ".png", ".tif", ".dcm"}
READERS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "json": ("a.json", files.read_json),
    "hash": ("a.bin", files.sha256_file),
    "array": ("a.npy", read_npy),
    "table": ("a.csv", tables.read),
    "recipe": ("a.yaml", lambda path: load(str(path))),
    "study": ("a.yaml", lambda path: plan_of(str(path))),
    "checkpoint": (checkpoint.MANIFEST, lambda path: checkpoint.load(path.parent)),
    **{suffix: (f"a{suffix}", io.read) for suffix in SUFFIXES},
}


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:  # the path of a socket is short
        yield Path(name)


def place(kind: str, path: Path) -> None:
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))
    elif kind == "zero":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()


@pytest.mark.parametrize("kind", ["pipe", "socket", "zero", "folder"])
@pytest.mark.parametrize("reader", READERS)
def test_what_is_no_file_is_refused_at_once(reader: str, kind: str, folder: Path) -> None:
    name, read = READERS[reader]
    place(kind, folder / name)
    raised: list[BaseException] = []

    def attempt() -> None:
        try:
            read(folder / name)
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(120)

    assert not thread.is_alive(), "it waits"
    assert len(raised) == 1
    assert isinstance(raised[0], TransmodalError), raised


def test_a_file_is_read_up_to_its_limit(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"{}\r\n")
    assert regular.read_bytes(path, 4) == b"{}\r\n"
    assert regular.read_text(path) == "{}\n"
    with pytest.raises(ResourceError) as caught:
        regular.read_bytes(path, 3)
    assert caught.value.code == "E401"


def test_a_link_to_a_file_is_followed_and_a_pipe_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with regular.open_file(tmp_path / "b") as stream:
        assert stream.read() == b"x"
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="pipe is a named pipe") as caught:
        regular.open_file(tmp_path / "pipe")
    assert caught.value.code == "E100"
