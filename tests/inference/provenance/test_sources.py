from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from transmodal.errors import InputError
from transmodal.inference.provenance import sources


def test_a_file_is_named_by_its_hash_and_a_folder_by_those_of_its_files(tmp_path: Path) -> None:
    (tmp_path / "DOE").mkdir()
    (tmp_path / "DOE" / "b").write_bytes(b"b")
    (tmp_path / "DOE" / "a").write_bytes(b"a")
    assert sources.describe(tmp_path / "DOE" / "a") == {"sha256": hashlib.sha256(b"a").hexdigest()}
    first = sources.describe(tmp_path / "DOE")
    assert (first["name"], first["n_files"]) == ("DICOM series", 2)
    (tmp_path / "DOE" / "a").rename(tmp_path / "DOE" / "c")
    assert sources.describe(tmp_path / "DOE") == first  # names are not in it
    (tmp_path / "DOE" / "c").write_bytes(b"x")
    assert sources.describe(tmp_path / "DOE") != first
    with pytest.raises(InputError):
        sources.describe(tmp_path / "nowhere")
