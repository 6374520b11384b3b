"""Manifests of checkpoints: sealed by their own hash; fields of another kind are refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from transmodal import checkpoint
from transmodal.checkpoint import MANIFEST, WEIGHTS, Checkpoint, manifest
from transmodal.errors import IntegrityError

Reseal = Callable[[Path, Callable[[dict[str, object]], None]], None]


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("format", 99, "format 99"),
        ("files", {}, "other files"),
        ("files", ["x"], "other files"),
        ("files", {WEIGHTS: "0" * 64, "../../etc/passwd": "0" * 64}, "other files"),
        ("state", {"phase": "train", "unknown": 1}, "does not hold"),
        ("recipe", {"name": "x"}, "does not hold"),
        ("cohort", 3, "does not hold"),
        ("sources", {"t1": {"how": 1}}, "does not hold"),
    ],
)
def test_a_manifest_that_makes_no_sense(
    whole: Checkpoint, reseal: Reseal, tmp_path: Path, key: str, value: object, words: str
) -> None:
    checkpoint.save(tmp_path / "last", whole)
    reseal(tmp_path / "last", lambda content: content.update({key: value}))

    with pytest.raises(IntegrityError, match=words) as caught:
        checkpoint.load(tmp_path / "last")
    assert caught.value.code == "E502"


@pytest.mark.parametrize("field", ["frozen", "starting_weights", "units", "versions"])
@pytest.mark.parametrize("value", ["x", 3, [1], ["x", 2], {"t1": 3}, {"t1": [1]}, True])
def test_a_resealed_manifest_with_fields_of_another_kind(
    whole: Checkpoint, reseal: Reseal, tmp_path: Path, field: str, value: object
) -> None:
    checkpoint.save(tmp_path / "last", whole)
    reseal(tmp_path / "last", lambda content: content.update({field: value}))
    with pytest.raises(IntegrityError) as refused:
        checkpoint.load(tmp_path / "last").provenance()
    assert refused.value.code == "E502"


@pytest.mark.parametrize(
    "change",
    [
        {"window": "16"},
        {"window": ["a", "b"]},
        {"window": [16, 1.5]},
        {"window": [[1], [2]]},
        {"window": [0, 16]},
        {"window": [10**9, 10**9]},
        {"cohort": {"name": 3, "digest": "ab"}},
        {"cohort": {"name": "a", "digest": "ab", "patients": "p"}},
        {"cohort": {"name": "a", "digest": "ab", "more": 1}},
    ],
)
def test_a_resealed_manifest_with_a_window_or_cohort_of_another_kind(
    whole: Checkpoint, reseal: Reseal, tmp_path: Path, change: dict[str, object]
) -> None:
    checkpoint.save(tmp_path / "last", whole)
    reseal(tmp_path / "last", lambda content: content.update(change))
    with pytest.raises(IntegrityError) as refused:
        checkpoint.load(tmp_path / "last")
    assert refused.value.code == "E502"


def test_a_manifest_comes_back_whole(whole: Checkpoint) -> None:
    content = json.loads(json.dumps(manifest.to_json(whole, {WEIGHTS: "0" * 64})))
    back = manifest.from_json(content, Path("last"), whole.weights, whole.optimizers)
    assert back == replace(
        whole,
        translator_config=back.translator_config,
        weights_sha256="0" * 64,
        reference=back.reference,
        fingerprint=back.fingerprint,
    )
    assert back.fingerprint is not None
    assert whole.translator_config.items() <= back.translator_config.items()


def test_keys_of_earlier_versions_may_be_missing(whole: Checkpoint) -> None:
    content = json.loads(json.dumps(manifest.to_json(whole, {WEIGHTS: "0" * 64})))
    for key in ("starting_weights", "window", "units", "reference"):
        del content[key]
    back = manifest.from_json(content, Path("last"), whole.weights, {})
    assert (back.starting_weights, back.window, back.units, back.reference) == ({}, None, {}, None)


def test_a_seal_holds_every_byte(tmp_path: Path) -> None:
    path = tmp_path / MANIFEST
    path.write_bytes(manifest.seal({"format": manifest.FORMAT, "files": {}}))
    assert manifest.unseal(path) == {"format": manifest.FORMAT, "files": {}}
    path.write_bytes(path.read_bytes().replace(b'"files"', b'"Files"'))
    with pytest.raises(IntegrityError, match="was changed") as refused:
        manifest.unseal(path)
    assert refused.value.code == "E501"


@pytest.mark.parametrize("text", [b"", b"[1]", b'{"content": 3}', b"\xff", b"[" * 100_000])
def test_bytes_that_are_no_manifest_are_refused(text: bytes, tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_bytes(text)
    with pytest.raises(IntegrityError) as refused:
        manifest.unseal(tmp_path / MANIFEST)
    assert refused.value.code in ("E501", "E502")
