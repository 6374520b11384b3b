"""Checkpoints that rotted, that were changed and sealed again, that hold pickles, or lack what they need."""

from __future__ import annotations

import io
import os
import pickle
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import safetensors.torch
import torch

from promises.corpus.sealed_files import (
    checkpoint_truth,
    content,
    copied,
    cut,
    edit,
    flip,
    replace_manifest,
    replace_weights,
    reseal_checkpoint,
    whole_checkpoint,
)
from promises.entries import Entry, Faulty, faulty, valid
from transmodal.checkpoint import MANIFEST, OPTIMIZERS, WEIGHTS

Change = Callable[[Path], object]


def entries() -> Iterator[Entry]:
    """Yield the entries."""
    yield from faulty("checkpoint", "bit rot", _rot())
    yield from faulty("checkpoint", "files missing or odd", _places())
    yield from faulty("checkpoint", "manifest sealed again", _resealed())
    yield from faulty("checkpoint", "manifest that is none", _manifests())
    yield from faulty("checkpoint", "weights sealed again", _weights())
    yield from faulty("checkpoint", "payload", _payloads())
    yield from valid("checkpoint", {"whole": (copied(whole_checkpoint), checkpoint_truth),
                                    "without optimisers": (copied(whole_checkpoint, _drop_optimizers), checkpoint_truth),
                                    "with keys of a later version": (
                                        copied(whole_checkpoint, reseal_checkpoint(_add_key)), checkpoint_truth)})  # fmt: skip


def _faults(changes: dict[str, Change], codes: str) -> dict[str, Faulty]:
    return {name: Faulty(copied(whole_checkpoint, change), codes) for name, change in changes.items()}


def _add_key(manifest: dict[str, object]) -> None:
    manifest["colour"] = "blue"


def _drop_optimizers(folder: Path) -> None:
    (folder / OPTIMIZERS).unlink()
    reseal_checkpoint(lambda content: content["files"].pop(OPTIMIZERS))(folder)


def _rot() -> dict[str, Faulty]:
    changes: dict[str, Change] = {}
    for name in (WEIGHTS, OPTIMIZERS, MANIFEST):
        for share in (0.0, 0.3, 0.7, 1.0):
            changes[f"flip at {share:.0%} of {name}"] = flip(name, share)
        changes[f"cut of {name}"] = cut(name, 0.6)
        changes[f"zeros for {name}"] = edit(name, lambda content: bytes(len(content)))
        changes[f"bytes behind {name}"] = edit(name, lambda content: content + b"more")
    return _faults(changes, "E501 E502")


def _places() -> dict[str, Faulty]:
    changes: dict[str, Change] = {
        "no weights": lambda folder: (folder / WEIGHTS).unlink(),
        "no optimisers": lambda folder: (folder / OPTIMIZERS).unlink(),
        "no manifest": lambda folder: (folder / MANIFEST).unlink(),
        "a folder for weights": lambda folder: _swap_for_folder(folder / WEIGHTS),
        "a folder for a manifest": lambda folder: _swap_for_folder(folder / MANIFEST),
        "a link in a circle for a manifest": lambda folder: _loop(folder / MANIFEST),
        "a link in a circle for weights": lambda folder: _loop(folder / WEIGHTS),
        "an empty manifest": lambda folder: (folder / MANIFEST).write_bytes(b""),
    }
    missing = {"no folder": Faulty(lambda folder: folder / "absent", "E100")}
    return {**_faults(changes, "E502"), **missing}


def _swap_for_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


def _resealed() -> dict[str, Faulty]:
    changes: dict[str, Change] = {
        f"{key} {name}": reseal_checkpoint(lambda content, key=key, value=value: content.update({key: value}))
        for key in (
            "recipe",
            "translator_config",
            "target_map",
            "sources",
            "cohort",
            "state",
            "frozen",
            "versions",
        )
        for name, value in (("of nothing", None), ("of text", "x"), ("of a list", [1]))
    }
    values: dict[str, tuple[str, object]] = {
        "a window of text": ("window", "large"),
        "a window of 0": ("window", [0, 4]),
        "a window of infinity": ("window", [2**80, 4]),
        "units of a list": ("units", [1]),
        "a reference of text": ("reference", "x"),
        "format 2": ("format", 2),
        "format of text": ("format", "1"),
        "files above": ("files", {"../w": "00", WEIGHTS: "00"}),
        "no files": ("files", {}),
        "files of a list": ("files", [WEIGHTS]),
        "a hash of a number": ("files", {WEIGHTS: 3}),
    }
    for name, (key, value) in values.items():
        changes[name] = reseal_checkpoint(lambda content, key=key, value=value: content.update({key: value}))
    for key in ("recipe", "translator_config", "target_map", "sources", "cohort", "state"):
        changes[f"no {key}"] = reseal_checkpoint(lambda content, key=key: content.pop(key))
    changes["a width of text"] = reseal_checkpoint(
        lambda content: content["translator_config"].update(width="x")
    )
    changes["a step of text"] = reseal_checkpoint(lambda content: content["state"].update(step="x"))
    changes["a scale of 0"] = reseal_checkpoint(lambda content: content["target_map"].update(scale=0))
    changes["an unknown translator"] = reseal_checkpoint(
        lambda content: content["recipe"].update(translator="x")
    )
    changes["a translator of a path"] = reseal_checkpoint(
        lambda content: content["recipe"].update(translator="../../os")
    )
    return _faults(changes, "E001 E002 E003 E103 E501 E502")


def _manifests() -> dict[str, Faulty]:
    contents = {
        "a list": b"[1, 2]",
        "a word": b"null",
        "a list in content": b'{"sha256": "0", "content": []}',
        "JSON 100,000 deep": b"[" * 100_000,
        "a number of 6,000 digits": b'{"sha256": "0", "content": ' + b"9" * 6000 + b"}",
        "not UTF-8": b"\xff\xfe\x00",
        "NaN": b'{"sha256": "0", "content": {"a": NaN}}',
        "a surrogate": b'{"sha256": "0", "content": {"a": "\\ud800"}}',
    }
    return _faults(replace_manifest(MANIFEST, contents), "E501 E502")


def _weights() -> dict[str, Faulty]:
    def header(text: bytes, data: bytes = b"") -> Change:
        return replace_weights(struct.pack("<Q", len(text)) + text + data)

    changes: dict[str, Change] = {
        "no byte": replace_weights(b""),
        "a header of 2^40 bytes": replace_weights(struct.pack("<Q", 1 << 40) + b"{}"),
        "a header that is no JSON": header(b"{{{"),
        "a tensor behind the end": header(b'{"a":{"dtype":"F32","shape":[9],"data_offsets":[0,36]}}'),
        "tensors that overlap": header(
            b'{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}}',
            bytes(6),
        ),
        "an unknown type": header(b'{"a":{"dtype":"X9","shape":[1],"data_offsets":[0,4]}}', bytes(4)),
        "a negative side": header(b'{"a":{"dtype":"U8","shape":[-4],"data_offsets":[0,4]}}', bytes(4)),
    }
    return {
        **_faults(changes, "E502"),
        "weights of NaN": Faulty(copied(whole_checkpoint, _hole), "E502"),
        "no tensor": Faulty(copied(whole_checkpoint, replace_weights(safetensors.torch.save({}))), "E502"),
    }


def _hole(folder: Path) -> None:
    holed = {name: tensor * torch.nan for name, tensor in content().weights.items()}
    replace_weights(safetensors.torch.save(holed))(folder)


class _Payload:
    """What runs when it is unpickled, and leaves a mark where it did."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("/tmp/transmodal-payload-ran",)


def _payloads() -> dict[str, Faulty]:
    raw = pickle.dumps(_Payload())
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("archive/data.pkl", raw)
    changes: dict[str, Change] = {}
    for name, payload in (("a pickle", raw), ("a .pt", packed.getvalue())):
        changes[f"{name} for weights"] = replace_weights(payload)
        changes[f"{name} for a manifest"] = edit(MANIFEST, lambda _, payload=payload: payload)
    return _faults(changes, "E502")
