"""Manifests of checkpoints: sealed by their own hash; fields of another kind are refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from refusals import refusal
from transmodal import checkpoint
from transmodal.checkpoint import MANIFEST, OPTIMIZERS, WEIGHTS, Checkpoint, manifest
from transmodal.errors import IntegrityError
from transmodal.notice import INTENDED_USE
from transmodal.storage import files

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


REMEDY = "Copy the checkpoint again, use the run's other checkpoint, or train again."


def test_the_parts_of_a_manifest_are_what_earlier_versions_call_them(whole: Checkpoint) -> None:
    content = manifest.to_json(whole, {WEIGHTS: "0" * 64})
    recipe, state, reference = (content.pop(key) for key in ("recipe", "state", "reference"))
    assert content == {
        "format": 1,
        "intended_use": INTENDED_USE,
        "files": {"weights.safetensors": "0" * 64},
        "translator_config": {"width": 2, "source_channels": [1]},
        "target_map": whole.target_map.to_json(),
        "sources": {"t1": {"method": "percentile", "low": 0.5, "high": 99.5}},
        "cohort": {"name": "heads", "digest": "ab12", "patients": (), "patients_key": ""},
        "frozen": {"sam": "cd34"},
        "starting_weights": {},
        "window": (16, 24),
        "units": {},
        "versions": {"torch": "2"},
    }
    assert recipe == whole.recipe.model_dump(mode="json")
    assert (state["phase"], state["step"], state["sums"]) == ("train", 17, {"l1": [0.1, 3]})
    assert reference is None
    json.dumps([recipe, state])  # nothing but what JSON has


def test_every_part_comes_back(whole: Checkpoint) -> None:
    full = replace(
        whole,
        starting_weights={"generator": "ef56"},
        units={"fa": "1"},
        cohort=whole.cohort._replace(patients=("a", "b"), patients_key="key"),
        window=(1, 1 << 15),
    )
    content = json.loads(json.dumps(manifest.to_json(full, {WEIGHTS: "1" * 64})))
    folder = Path("somewhere") / "last"
    back = manifest.from_json(content, folder, full.weights, full.optimizers)
    for field in (
        "recipe",
        "target_map",
        "sources",
        "cohort",
        "state",
        "frozen",
        "starting_weights",
        "window",
        "units",
        "versions",
    ):
        assert getattr(back, field) == getattr(full, field), field
    assert back.weights is full.weights
    assert back.optimizers is full.optimizers
    assert back.weights_sha256 == "1" * 64
    assert back.fingerprint == manifest.fingerprint(content, folder)
    content["window"] = [1, (1 << 15) + 1]
    assert "does not hold" in refusal(lambda: manifest.from_json(content, folder, {}, {}))


def test_a_fingerprint_is_of_the_whole_and_of_each_part() -> None:
    content = {"format": 1, "window": [2, 3], "units": {"b": "x", "a": "y"}}
    mark = manifest.fingerprint(content, Path("runs") / "last")
    assert mark.name == "last"
    assert mark.sha256 == files.sha256_text(json.dumps(content, indent=1))
    assert mark.parts == {
        "format": files.sha256_text("1")[:16],
        "window": files.sha256_text("[2, 3]")[:16],
        "units": files.sha256_text('{"a": "y", "b": "x"}')[:16],
    }


def test_bytes_of_a_seal_stay_as_they_are() -> None:
    text = '{\n "a": [\n  1.5\n ]\n}'
    sealed = manifest.seal({"a": [1.5]})
    assert sealed == f'{{"sha256": "{files.sha256_text(text)}",\n"content": {text}}}\n'.encode()
    with pytest.raises(ValueError, match="not JSON compliant"):
        manifest.seal({"a": float("nan")})


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (None, "E502]: checkpoint FOLDER: manifest.json is missing; expected a whole checkpoint. REMEDY"),
        (b"", "E502]: checkpoint FOLDER: manifest.json is no manifest; expected a whole checkpoint. REMEDY"),
        (b"{}", "E502]: checkpoint FOLDER: manifest.json is no manifest; expected a whole checkpoint. REMEDY"),
        (b"[1]", "E502]: checkpoint FOLDER: manifest.json is no manifest; expected a whole checkpoint. REMEDY"),
        (b"[" * 100_000, "E502]: checkpoint FOLDER: manifest.json is no manifest; expected a whole checkpoint. REMEDY"),
        (b'{"content": {}}', "E501]: FOLDER/manifest.json was changed since it was written; expected what its hash says. REMEDY"),
        (b'{"content": 3}', "E501]: FOLDER/manifest.json was changed since it was written; expected what its hash says. REMEDY"),
        (manifest.seal({"format": 2}) + b" ", "E501]: FOLDER/manifest.json was changed since it was written; expected what its hash says. REMEDY"),
        (manifest.seal({"format": 2}), "E502]: FOLDER/manifest.json of format 2; expected format 1. Read it with the version of transmodal that wrote it."),
        (manifest.seal({}), "E502]: FOLDER/manifest.json of format None; expected format 1. Read it with the version of transmodal that wrote it."),
    ],
)  # fmt: skip
def test_a_refusal_says_what_became_of_the_manifest(content: bytes | None, line: str, tmp_path: Path) -> None:
    path = tmp_path / MANIFEST
    if content is not None:
        path.write_bytes(content)
    expected = line.replace("FOLDER", str(tmp_path)).replace("REMEDY", REMEDY)
    assert refusal(lambda: manifest.unseal(path)) == f"error[{expected}"


def test_a_manifest_that_is_no_file_is_named_as_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / MANIFEST
    (tmp_path / "file").touch()
    whole_checkpoint = f"; expected a whole checkpoint. {REMEDY}"
    assert refusal(lambda: manifest.unseal(tmp_path / "file" / MANIFEST)) == (
        f"error[E502]: checkpoint {tmp_path / 'file'}: manifest.json is missing{whole_checkpoint}"
    )
    path.mkdir()
    assert refusal(lambda: manifest.unseal(path)) == (
        f"error[E502]: checkpoint {tmp_path}: manifest.json is a folder{whole_checkpoint}"
    )
    path.rmdir()
    path.symlink_to(path)
    assert refusal(lambda: manifest.unseal(path)) == (
        f"error[E502]: checkpoint {tmp_path}: manifest.json is a link that leads back to itself{whole_checkpoint}"
    )


def test_a_manifest_that_may_not_be_read_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(manifest.regular, "read_bytes", refuse)
    path = tmp_path / MANIFEST
    assert refusal(lambda: manifest.unseal(path)) == (
        f"error[E403]: cannot read {path}: Permission denied; expected a file that may be read. Check permissions."
    )


@pytest.mark.parametrize(
    ("named", "fault"),
    [
        (None, "its manifest names other files than a checkpoint has"),
        ({OPTIMIZERS: "0"}, "its manifest names other files than a checkpoint has"),
        ({WEIGHTS: "0", "more": "0"}, "its manifest names other files than a checkpoint has"),
        ([WEIGHTS], "its manifest names other files than a checkpoint has"),
        ({WEIGHTS: 3}, "its manifest has hashes that are none"),
        ({WEIGHTS: "0", OPTIMIZERS: None}, "its manifest has hashes that are none"),
    ],
)
def test_files_that_a_manifest_names(named: object, fault: str) -> None:
    assert refusal(lambda: manifest.hashes_of({"files": named}, Path("last"))) == (
        f"error[E502]: checkpoint last: {fault}; expected a whole checkpoint. {REMEDY}"
    )
    for good in ({WEIGHTS: "0"}, {WEIGHTS: "0", OPTIMIZERS: "1"}):
        assert manifest.hashes_of({"files": good}, Path("last")) == good


def test_a_part_that_is_missing_or_of_another_kind_is_said(whole: Checkpoint) -> None:
    content = json.loads(json.dumps(manifest.to_json(whole, {WEIGHTS: "0" * 64})))
    line = refusal(lambda: manifest.from_json({**content, "files": {}}, Path("last"), {}, {}))
    assert line == (
        "error[E502]: checkpoint last: its manifest does not hold what it should (KeyError('weights.safetensors')); "
        f"expected a whole checkpoint. {REMEDY}"
    )
    for change in (
        {"frozen": {"sam": 3}},
        {"cohort": {**content["cohort"], "more": 1}},
        {"window": [True]},
        {"versions": None},
    ):
        assert "checkpoint last: its manifest does not hold what it should" in refusal(
            lambda change=change: manifest.from_json({**content, **change}, Path("last"), {}, {})  # type: ignore[misc]
        )
