"""MATLAB files of version 7.3: what they declare is held against the budget, and nothing beyond the file is opened."""

from __future__ import annotations

import os
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from refusals import refusal
from transmodal.cohorts.layouts import _slice_hdf5
from transmodal.cohorts.layouts._slice_files import Slices, count, read
from transmodal.cohorts.layouts._slice_hdf5 import read_arrays

h5py = pytest.importorskip("h5py", reason="is of the extra `matlab`")
STACK = np.arange(3 * 6 * 8, dtype=np.float32).reshape(3, 6, 8)
TURNED = STACK.swapaxes(1, 2)


def opened(path: Path) -> Any:  # noqa: ANN401
    """Return a file to write datasets into, whose head says MATLAB."""
    return h5py.File(path, "w", userblock_size=512)


def sealed(path: Path) -> Path:
    with path.open("r+b") as raw:
        raw.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")
    return path


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"chunks": (1, 6, 8)},
        {"chunks": (1, 6, 8), "compression": "gzip", "shuffle": True, "fletcher32": True},
        {"chunks": (2, 4, 4), "compression": "gzip", "maxshape": (None, 6, 8)},
    ],
)
def test_what_matlab_writes_is_read(
    options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_slice_hdf5, "_HARMLESS_BYTES", 200)  # so that each chunk is looked at
    with opened(tmp_path / "a.mat") as file:
        file.create_dataset("x", data=STACK, **options)
    path = sealed(tmp_path / "a.mat")
    np.testing.assert_array_equal(read(Slices(path)), TURNED)
    np.testing.assert_array_equal(read(Slices(path, first=1, last=3)), TURNED[1:])
    assert count(path) == 3


def test_a_file_of_h5py_without_matlabs_header_is_read(tmp_path: Path) -> None:
    """As Python programs write the matrices of SynDiff."""
    with h5py.File(tmp_path / "a.mat", "w") as file:
        file["data_fs"], file["more"] = STACK, STACK + 1
    np.testing.assert_array_equal(read(Slices(tmp_path / "a.mat")), TURNED)
    assert count(tmp_path / "a.mat") == 3


def test_the_array_of_that_name_is_read_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(tmp_path / "a.mat") as file:
        file["data_fs"], file["line"], file["note"] = STACK, np.arange(5), "text"
        file["group/x"] = STACK
        file["more"] = np.zeros((200, 200))
    monkeypatch.setenv("TRANSMODAL_BUDGET_GIB", str(STACK.nbytes / 2**30))
    assert list(read_arrays(sealed(tmp_path / "a.mat"), "data_fs")) == ["data_fs"]
    assert "E401" in refusal(lambda: read_arrays(tmp_path / "a.mat", "others"))
    monkeypatch.delenv("TRANSMODAL_BUDGET_GIB")
    assert sorted(read_arrays(tmp_path / "a.mat", "others")) == ["data_fs", "more"]


def test_chunks_larger_than_their_array_are_refused_before_they_are_inflated(tmp_path: Path) -> None:
    """128 MiB of zeros that deflate to 130 kB, of which the array shows a hundred values."""
    with opened(tmp_path / "a.mat") as file:
        data = file.create_dataset(
            "x", (10, 10), "f8", chunks=(4096, 4096), maxshape=(None, None), compression="gzip"
        )
        deflater = zlib.compressobj()
        content = b"".join(deflater.compress(bytes(1 << 20)) for _ in range(128)) + deflater.flush()
        data.id.write_direct_chunk((0, 0), content)
    path = sealed(tmp_path / "a.mat")
    assert path.stat().st_size < 200_000
    assert refusal(lambda: read(Slices(path))) == (
        "error[E103]: a.mat has chunks of 134217728 bytes for an array of 800; expected chunks that are no larger than the "
        "array. Save the slices again, with save -v7.3."
    )


def test_a_stream_that_goes_on_beyond_its_chunk_is_refused_before_the_library_follows_it(
    tmp_path: Path,
) -> None:
    """The library inflates a chunk to the end of its stream, whatever the chunk declares: here 64 MiB instead of 512 bytes."""
    with opened(tmp_path / "a.mat") as file:
        data = file.create_dataset("x", (8, 8), "f8", chunks=(8, 8), compression="gzip")
        data.id.write_direct_chunk((0, 0), zlib.compress(bytes(64 << 20)))
    path = sealed(tmp_path / "a.mat")
    tracemalloc.start()
    assert refusal(lambda: read(Slices(path))) == (
        "error[E101]: a.mat has a chunk of more than 516 bytes; expected chunks as long as they declare. Copy it again."
    )
    assert tracemalloc.get_traced_memory()[1] < 8 << 20
    tracemalloc.stop()


def test_filters_that_matlab_does_not_write_are_not_asked_for(tmp_path: Path) -> None:
    with opened(tmp_path / "a.mat") as file:
        file.create_dataset("x", data=STACK, compression="lzf")
    assert refusal(lambda: read(Slices(sealed(tmp_path / "a.mat")))) == (
        "error[E102]: a.mat is packed by the HDF5 filters 32000; expected each once: 1 (deflate), 2 (shuffle), "
        "3 (Fletcher-32). Save the slices again, with save -v7.3."
    )
    with opened(tmp_path / "b.mat") as file:
        settings = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        settings.set_chunk((3, 6, 8))
        settings.set_deflate(4)
        settings.set_deflate(4)
        space = h5py.h5s.create_simple((3, 6, 8))
        h5py.h5d.create(file.id, b"x", h5py.h5t.NATIVE_FLOAT, space, settings)
    assert "packed by the HDF5 filters 1, 1;" in refusal(lambda: read(Slices(sealed(tmp_path / "b.mat"))))


def test_values_in_other_files_are_not_read(tmp_path: Path) -> None:
    secret = tmp_path / "elsewhere"
    secret.mkdir()
    STACK.tofile(secret / "values.raw")
    with h5py.File(secret / "b.h5", "w") as file:
        file["x"] = STACK
    with opened(tmp_path / "external.mat") as file:
        place = [(os.fspath(secret / "values.raw"), 0, STACK.nbytes)]
        file.create_dataset("x", STACK.shape, "f4", external=place)
    with opened(tmp_path / "virtual.mat") as file:
        layout = h5py.VirtualLayout(STACK.shape, "f4")
        layout[:] = h5py.VirtualSource(os.fspath(secret / "b.h5"), "x", shape=STACK.shape)
        file.create_virtual_dataset("x", layout)
    for name in ("external.mat", "virtual.mat"):
        path = sealed(tmp_path / name)
        assert refusal(lambda path=path: read(Slices(path))) == (  # type: ignore[misc]
            f"error[E103]: {name} has its values in another file; expected values in the file itself. Save the slices alone."
        )
    with opened(tmp_path / "link.mat") as file:
        file["x"] = h5py.ExternalLink(os.fspath(secret / "b.h5"), "x")
        file["y"] = h5py.SoftLink("/x")
    assert "link.mat with no array" in refusal(lambda: read(Slices(sealed(tmp_path / "link.mat"))))


def test_values_that_are_no_real_numbers_are_refused(tmp_path: Path) -> None:
    with opened(tmp_path / "a.mat") as file:
        file["x"] = STACK + 1j
    assert refusal(lambda: read(Slices(sealed(tmp_path / "a.mat")))) == (
        "error[E123]: a.mat has values that are no real numbers; expected integers or floats. Save the slices alone."
    )
