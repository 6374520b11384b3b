"""Prepared cohorts whose arrays rotted or whose manifests were changed, with the seal broken or renewed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from promises.corpus.sealed_files import (
    cohort_truth,
    copied,
    cut,
    edit,
    flip,
    replace_manifest,
    reseal_json,
    whole_cohort,
)
from promises.entries import Entry, Faulty, faulty, valid

Change = Callable[[Path], object]
MANIFEST, SPLIT, ARRAY = "cohort.json", "split.json", "cases/case1/t1.npy"


def entries() -> Iterator[Entry]:
    """Yield the entries."""
    yield from faulty("cohort", "bit rot", _rot())
    yield from faulty("cohort", "files missing or odd", _places())
    yield from faulty("cohort", "manifest sealed again", _resealed())
    yield from faulty("cohort", "manifest that is none", _manifests())
    yield from faulty("cohort", "split", _splits())
    yield from valid("cohort", {"whole": (copied(whole_cohort), cohort_truth),
                                "without a seal": (copied(whole_cohort, _unseal), cohort_truth)})  # fmt: skip


def _faults(changes: dict[str, Change], codes: str) -> dict[str, Faulty]:
    return {name: Faulty(copied(whole_cohort, change), codes) for name, change in changes.items()}


def _unseal(folder: Path) -> None:
    """Take the seal away, as cohorts from before there was one have none."""
    import json

    content = json.loads((folder / MANIFEST).read_text())
    content.pop("sha256")
    (folder / MANIFEST).write_text(json.dumps(content))


def _rot() -> dict[str, Faulty]:
    changes: dict[str, Change] = {}
    for share in (0.02, 0.4, 0.8, 1.0):
        changes[f"flip at {share:.0%} of an array"] = flip(ARRAY, share)
    for share in (0.1, 0.5, 0.9):
        changes[f"flip at {share:.0%} of the manifest"] = flip(MANIFEST, share)
    changes["an array cut"] = cut(ARRAY, 0.5)
    changes["an array of zeros"] = edit(ARRAY, lambda content: content[:128] + bytes(len(content) - 128))
    changes["bytes behind an array"] = edit(ARRAY, lambda content: content + b"more")
    changes["the manifest cut"] = cut(MANIFEST, 0.5)
    changes["the split cut"] = cut(SPLIT, 0.5)
    return _faults(changes, "E101 E133 E501")


def _places() -> dict[str, Faulty]:
    changes: dict[str, Change] = {
        "no manifest": lambda folder: (folder / MANIFEST).unlink(),
        "no split": lambda folder: (folder / SPLIT).unlink(),
        "no array": lambda folder: (folder / ARRAY).unlink(),
        "a folder for a manifest": lambda folder: _swap(folder / MANIFEST, Path.mkdir),
        "a folder for an array": lambda folder: _swap(folder / ARRAY, Path.mkdir),
        "a manifest that is a link in a circle": lambda folder: _swap(folder / MANIFEST, _loop),
        "a split that is a link in a circle": lambda folder: _swap(folder / SPLIT, _loop),
        "an array that is a link in a circle": lambda folder: _swap(folder / ARRAY, _loop),
        "a pickle for an array": edit(ARRAY, lambda _: b"\x80\x04cos\nsystem\n(S'ls'\ntR."),
        "an array of objects": edit(ARRAY, lambda content: content.replace(b"'<f4'", b"'|O' ")),
    }
    return {
        **_faults(changes, "E100 E101 E133 E501"),
        "no folder": Faulty(lambda folder: folder / "absent", "E133"),
    }


def _swap(path: Path, put: Callable[[Path], object]) -> None:
    path.unlink()
    put(path)


def _loop(path: Path) -> None:
    path.symlink_to(path.name)


def _case(content: dict[str, Any]) -> dict[str, Any]:
    case: dict[str, Any] = content["cases"][0]
    return case


def _resealed() -> dict[str, Faulty]:
    values: dict[str, object] = {
        "of nothing": None,
        "of text": "x",
        "of a number": 7,
        "of a mapping": {"a": 1},
    }
    changes: dict[str, Change] = {
        f"{key} {name}": reseal_json(
            MANIFEST, lambda content, key=key, value=value: content.update({key: value})
        )
        for key in ("cases", "version", "options")
        for name, value in values.items()
    }
    edits: dict[str, Callable[[dict[str, Any]], object]] = {
        "version 2": lambda content: content.update(version=2),
        "version of a list": lambda content: content.update(version=[1]),
        "an unknown key": lambda content: content.update(colour="blue"),
        "an array above the folder": lambda content: _t1(content).update(file="../../secret.npy"),
        "an array anywhere": lambda content: _t1(content).update(file="/etc/hostname"),
        "an array of no name": lambda content: _t1(content).update(file=""),
        "an array at a zero": lambda content: _t1(content).update(file="a\0b"),
        "a case above": lambda content: _case(content).update(id="../x"),
        "an affine of three rows": lambda content: _case(content).update(affine=[[1, 0, 0, 0]] * 3),
        "a flat affine": lambda content: _case(content).update(affine=[[0, 0, 0, 0]] * 4),
        "an affine of 1e300": lambda content: _case(content).update(
            affine=[[1e300, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
        ),
        "another shape": lambda content: _t1(content).update(shape=[14, 17, 9]),
        "a shape of two": lambda content: _t1(content).update(shape=[14, 170]),
        "a negative side": lambda content: _t1(content).update(shape=[-14, -17, 10]),
        "another type": lambda content: _t1(content).update(dtype="<f8"),
        "a type of no name": lambda content: _t1(content).update(dtype="what"),
        "a type of objects": lambda content: _t1(content).update(dtype="|O"),
        "another hash": lambda content: _t1(content).update(sha256="0" * 64),
        "no volume": lambda content: _case(content).update(volumes={}),
        "a map without a scale": lambda content: _t1(content)["intensity"].pop("scale"),
        "a map of text": lambda content: _t1(content)["intensity"].update(scale="x"),
        "a native affine of 1e300": lambda content: _t1(content).update(
            native_affine=[[1e300, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
        ),
        "a case twice": lambda content: content["cases"].append(content["cases"][0]),
    }
    for name, change in edits.items():
        changes[name] = reseal_json(MANIFEST, change)
    return _faults(changes, "E100 E101 E103 E112 E121 E124 E131 E132 E133 E135 E501")


def _t1(content: dict[str, Any]) -> dict[str, Any]:
    volume: dict[str, Any] = _case(content)["volumes"]["t1"]
    return volume


def _manifests() -> dict[str, Faulty]:
    contents = {
        "a list": b"[1]",
        "a word": b"null",
        "nothing": b"",
        "JSON 100,000 deep": b"[" * 100_000,
        "a number of 6,000 digits": b'{"version": ' + b"9" * 6000 + b"}",
        "NaN": b'{"version": NaN}',
        "UTF-16": '{"version": 1}'.encode("utf-16"),
        "a surrogate": b'{"version": 1, "name": "\\ud800"}',
        "a key twice": b'{"version": 1, "version": 1}',
    }
    return _faults(replace_manifest(MANIFEST, contents), "E101 E133 E501")


def _splits() -> dict[str, Faulty]:
    edits: dict[str, Callable[[dict[str, Any]], object]] = {
        "a patient on two sides": lambda content: content.update(validation=content["train"]),
        "a case of no cohort": lambda content: content.update(test=["absent"]),
        "sides of text": lambda content: content.update(train="case0"),
        "no side": lambda content: content.pop("train"),
        "a seed of text": lambda content: content.update(seed="x"),
        "another unit": lambda content: content.update(by="slice"),
    }
    return _faults({name: reseal_json(SPLIT, change) for name, change in edits.items()},
                   "E101 E131 E132 E133 E135 E501")  # fmt: skip
