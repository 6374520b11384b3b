from __future__ import annotations

import json
from pathlib import Path

import pytest

from transmodal.errors import IntegrityError, TransmodalError
from transmodal.storage import files, sealed

CONTENT = {"name": "a", "affine": [[1.0, -0.1], [1e-17, 3]], "labels": {2: "two", 10: "ten"}, "none": None}


def test_what_was_sealed_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    files.write_json(path, sealed.seal(CONTENT))
    record = sealed.read(path)
    assert record.content == json.loads(json.dumps(CONTENT))
    assert not record.is_changed
    sealed.check(path, record, "Nothing.")
    path.write_text(json.dumps(json.loads(path.read_text())))  # in other words, the same content
    assert not sealed.read(path).is_changed


def test_what_was_never_sealed_is_taken(tmp_path: Path) -> None:
    files.write_json(tmp_path / "a.json", CONTENT)
    record = sealed.read(tmp_path / "a.json")
    assert record.seal is None
    assert not record.is_changed


def test_every_flipped_bit_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    files.write_json(path, sealed.seal(CONTENT))
    whole = path.read_bytes()
    content = sealed.read(path).content
    for at in range(len(whole)):
        for bit in range(8):
            damaged = bytearray(whole)
            damaged[at] ^= 1 << bit
            path.write_bytes(damaged)
            try:
                record = sealed.read(path)
            except TransmodalError:
                continue
            # The name of the seal may be hit: the object has an unknown key then, which its reader refuses.
            assert record.is_changed or record.content == content or set(record.content) != set(content)


def test_a_changed_number_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    files.write_json(path, {**sealed.seal(CONTENT), "name": "b"})
    with pytest.raises(
        IntegrityError, match=r"a\.json was changed since it was written.*Mend it\."
    ) as caught:
        sealed.check(path, sealed.read(path), "Mend it.")
    assert caught.value.code == "E501"
