"""No data run code: 44 files and words that would leave a mark, each given to the reader that users reach with it."""

from __future__ import annotations

import hashlib
import io as streams
import json
import os
import pickle
import shlex
import shutil
import struct
import subprocess
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import yaml

from dicom_files import series
from transmodal import checkpoint, translators
from transmodal.checkpoint import MANIFEST, WEIGHTS, manifest
from transmodal.cohorts.layouts import pairs
from transmodal.cohorts.layouts._slice_files import Slices
from transmodal.cohorts.layouts._slice_files import read as read_slices
from transmodal.cohorts.prepare.naming import folder_names
from transmodal.cohorts.store import Cohort
from transmodal.errors import TransmodalError
from transmodal.experiments.ablation.plan import LIBRARY as STUDIES
from transmodal.experiments.benchmark.suite import suite_of
from transmodal.nets.pretrained import read_weights
from transmodal.recipes import load as recipes
from transmodal.storage import sealed
from transmodal.storage.arrays import npy
from transmodal.volumes import Volume, io
from transmodal.volumes.reading import Reading

EARLIER = Path(__file__).with_name("earlier")
RECIPE = (EARLIER / "tiny.yaml").read_text()
Give = Callable[[Path, Path], object]
"""Writes the payload into a folder, with a mark that its code would leave, and gives it to the reader."""


class Reduced:
    """Is pickled as a call."""

    def __init__(self, function: Callable[..., object], *words: object) -> None:
        self.call = function, words

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.call


def touch(mark: Path) -> str:
    return f"touch {shlex.quote(str(mark))}"


def pickles(mark: Path) -> dict[str, bytes]:
    """Return the pickles that leave a mark, by how they call."""
    command, code = touch(mark), f"open({str(mark)!r}, 'w').close()"
    reduced = pickle.dumps(Reduced(os.system, command), 2)
    nested = pickle.loads(pickle.dumps(reduced))
    return {
        "reduce": reduced,
        "stack global": pickle.dumps(Reduced(os.system, command), 4),
        "protocol 0": b"cposix\nsystem\n(V" + command.encode() + b"\ntR.",
        "inst": b"(V" + command.encode() + b"\niposix\nsystem\n.",
        "obj": b"(cposix\nsystem\nV" + command.encode() + b"\no.",
        "eval": pickle.dumps(Reduced(eval, code), 2),
        "exec": pickle.dumps(Reduced(exec, code), 4),
        "a process": pickle.dumps(Reduced(subprocess.check_call, ["touch", str(mark)]), 4),
        "a pickle within": pickle.dumps(Reduced(pickle.loads, nested), 4),
        "torch's own loader": b"ctorch.storage\n_load_from_bytes\n(C"
        + struct.pack("B", len(reduced))
        + reduced
        + b"tR.",
    }


KINDS = tuple(pickles(Path("mark")))


def weights(kind: str, ending: str = ".pt") -> Give:
    def give(folder: Path, mark: Path) -> object:
        (folder / f"w{ending}").write_bytes(pickles(mark)[kind])
        return read_weights(folder / f"w{ending}")

    return give


def zipped_weights(kind: str) -> Give:
    def give(folder: Path, mark: Path) -> object:
        with zipfile.ZipFile(folder / "w.pth", "w") as archive:
            for name, content in {
                "data.pkl": pickles(mark)[kind],
                "version": b"3\n",
                "byteorder": b"little",
            }.items():
                archive.writestr(f"archive/{name}", content)
        return read_weights(folder / "w.pth")

    return give


def objects(read: Callable[[Path], object], name: str) -> Give:
    """Return an array of objects, which NumPy pickles."""

    def give(folder: Path, mark: Path) -> object:
        array = np.array([Reduced(os.system, touch(mark))], dtype=object)
        save = np.savez if name.endswith(".npz") else np.save
        save(folder / name, array, allow_pickle=True)
        return read(folder / name)

    return give


def bare(read: Callable[[Path], object], name: str) -> Give:
    def give(folder: Path, mark: Path) -> object:
        (folder / name).write_bytes(pickles(mark)["reduce"])
        return read(folder / name)

    return give


def header(read: Callable[[Path], object]) -> Give:
    """Return an .npy whose header is an expression."""

    def give(folder: Path, mark: Path) -> object:
        text = f"{{'descr': __import__('os').system({touch(mark)!r}) and '<f4', 'fortran_order': False, 'shape': (1,)}}\n"
        head = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()
        (folder / "a.npy").write_bytes(head + bytes(4))
        return read(folder / "a.npy")

    return give


def recipe(change: Callable[[str, Path], str]) -> Give:
    def give(folder: Path, mark: Path) -> object:
        (folder / "mine.yaml").write_text(change(RECIPE, mark))
        return recipes.load(str(folder / "mine.yaml"))

    return give


def tagged(tag: str) -> Give:
    return recipe(lambda text, mark: text.replace("name: tiny", f"name: {tag.format(touch(mark))}"))


def override(word: str) -> Give:
    return lambda _, mark: recipes.load("t1-to-fa-small", [word.format(touch(mark))])


def translator(name: str) -> Give:
    """Return a recipe that names a module of the user's folder as its translator."""

    def give(folder: Path, mark: Path) -> object:
        (folder / "evil.py").write_text(f"open({str(mark)!r}, 'w').close()\n")
        (folder / "mine.yaml").write_text(
            RECIPE.replace("translator: unet_regression", f"translator: {name}")
        )
        found = recipes.load(str(folder / "mine.yaml"))
        return translators.build(found.translator, {})

    return give


def design(read: Callable[[str], object]) -> Give:
    def give(folder: Path, mark: Path) -> object:
        (folder / "mine.yaml").write_text(
            f"name: !!python/object/apply:os.system [{touch(mark)!r}]\nseeds: [1]\n"
        )
        return read(str(folder / "mine.yaml"))

    return give


def saved(change: Callable[[dict[str, Any], Path, Path], None]) -> Give:
    """Return a checkpoint of ours, sealed again after a change."""

    def give(folder: Path, mark: Path) -> object:
        place = shutil.copytree(EARLIER / "run" / "checkpoints" / "best", folder / "best")
        content = manifest.unseal(place / MANIFEST)
        change(content, place, mark)
        (place / MANIFEST).write_bytes(manifest.seal(content))
        (folder / "evil.py").write_text(f"open({str(mark)!r}, 'w').close()\n")
        return checkpoint.load(place)

    return give


def pickled_weights(content: dict[str, Any], place: Path, mark: Path) -> None:
    payload = pickles(mark)["reduce"]
    (place / WEIGHTS).write_bytes(payload)
    content["files"][WEIGHTS] = hashlib.sha256(payload).hexdigest()


def another_translator(content: dict[str, Any], _: Path, mark: Path) -> None:
    content["recipe"]["translator"] = "evil"


def another_class(content: dict[str, Any], _: Path, mark: Path) -> None:
    content["translator_config"] = {"__class__": "os.system", "__reduce__": ["os.system", touch(mark)]}


def cohort(folder: Path, mark: Path) -> object:
    """Open a cohort, sealed again, of whose arrays one is of objects."""
    place = shutil.copytree(EARLIER / "cohort", folder / "cohort")
    array = place / "cases" / "sub0" / "fa.npy"
    np.save(array, np.array([Reduced(os.system, touch(mark))], dtype=object), allow_pickle=True)
    content = json.loads((place / "cohort.json").read_text())
    content.pop(sealed.KEY, None)
    content["cases"][0]["volumes"]["fa"]["dtype"] = "|O"
    (place / "cohort.json").write_text(json.dumps(sealed.seal(content)))
    return [case.volume("fa") for case in Cohort.open(place).cases()]


def expanded_type(folder: Path, mark: Path) -> object:
    """Open a cohort, sealed again, whose type of numbers is an expression."""
    place = shutil.copytree(EARLIER / "cohort", folder / "cohort")
    content = json.loads((place / "cohort.json").read_text())
    content.pop(sealed.KEY, None)
    content["cases"][0]["volumes"]["fa"]["dtype"] = f"__import__('os').system({touch(mark)!r})"
    (place / "cohort.json").write_text(json.dumps(sealed.seal(content)))
    return Cohort.open(place)


def named(template: str, ending: str) -> Give:
    """Return an image whose name is words of a shell; a mark lies beside it, without a slash."""

    def give(folder: Path, mark: Path) -> object:
        path = folder / f"{template.format(mark.name)}{ending}"
        io.write(Volume(np.ones((3, 3, 1), np.uint8), np.eye(4)), path)
        return io.read(path, Reading(assume_orientation="LPS"))

    return give


def packed_series(folder: Path, mark: Path) -> object:
    """Read a compressed series in a folder whose name is words of a shell: a process of its own decodes it."""
    place = series(folder / f"$(touch {mark.name})")
    for path in place.iterdir():
        dataset = pydicom.dcmread(path)
        dataset.compress("1.2.840.10008.1.2.5")
        dataset.save_as(path)
    return io.read(place)


def pointer(folder: Path, mark: Path) -> object:
    """Read a pointer of Git LFS whose name is words of a shell: the remedy is a command that is shown and not run."""
    path = folder / f"a$(touch {mark.name}).nii.gz"
    path.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 4\n")
    return io.read(path)


def formula(folder: Path, mark: Path) -> object:
    """Name the folder of a case whose id a spreadsheet would compute; the folder's name stands in its tables."""
    rows = [f"=cmd|'/c {touch(mark)}'!A0", f"@SUM(1){touch(mark)}", "+1", "-1", "\t=1"]
    for n, name in enumerate(("t1", "fa")):
        io.write(Volume(np.full((3, 3, 3), n + 1, np.float32), np.eye(4)), folder / f"{name}.nii.gz")
    table = "case,t1,fa\n" + "".join(f'"{row}",t1.nii.gz,fa.nii.gz\n' for row in rows)
    (folder / "pairs.csv").write_text(table)
    names = list(folder_names(pairs.find(folder).cases))
    assert all(name[0].isalnum() for name in names), names
    return names


def script(folder: Path, mark: Path) -> object:
    """Load a recipe whose name is HTML: it stands in reports."""
    (folder / "mine.yaml").write_text(RECIPE.replace("name: tiny", "name: <script>alert(1)</script>"))
    return recipes.load(str(folder / "mine.yaml"))


def read_stack(path: Path) -> object:
    return read_slices(Slices(path))


PAYLOADS: dict[str, Give] = {
    **{f"weights, {kind}": weights(kind) for kind in KINDS},
    **{f"weights in a zip, {kind}": zipped_weights(kind) for kind in ("reduce", "stack global", "torch's own loader")},
    "weights called .safetensors": weights("reduce", ".safetensors"),
    "weights called .npz": weights("reduce", ".npz"),
    "weights of objects.npz": objects(read_weights, "w.npz"),
    "an array of objects": objects(npy.read_npy, "a.npy"),
    "slices of objects": objects(read_stack, "a.npy"),
    "a pickle called .npy": bare(npy.read_npy, "a.npy"),
    "slices that are a pickle.npy": bare(read_stack, "a.npy"),
    "slices that are a pickle.mat": bare(read_stack, "a.mat"),
    "the header of an array": header(npy.read_npy),
    "the header of slices": header(read_stack),
    "a cohort with an array of objects": cohort,
    "a cohort with a type that is code": expanded_type,
    "a checkpoint with a pickle": saved(pickled_weights),
    "a checkpoint of another translator": saved(another_translator),
    "a checkpoint of another class": saved(another_class),
    "YAML, apply": tagged("!!python/object/apply:os.system [{!r}]"),
    "YAML, new": tagged("!!python/object/new:os.system [{!r}]"),
    "YAML, process": tagged("!!python/object/apply:subprocess.check_output [[sh, -c, {!r}]]"),
    "YAML, eval": tagged("!!python/object/apply:builtins.eval ['__import__(\"os\").system({!r})']"),
    "YAML, module": tagged("!!python/module:evil {!r}"),
    "YAML, name": tagged("!!python/name:os.system {!r}"),
    "YAML in an override": override("training.seed=!!python/object/apply:os.system [{!r}]"),
    "a key of an override": override("__import__('os').system({!r})=1"),
    "a recipe of the user's module": translator("evil"),
    "a recipe of a module of Python": translator("os"),
    "a recipe of a path": translator("../evil"),
    "a recipe with a target to call": recipe(lambda text, mark: f"{text}_target_: os.system\n_args_: [{touch(mark)!r}]\n"),
    "a suite": design(suite_of),
    "a study": design(lambda name: STUDIES.read(Path(name))),
    "a name that runs a command.png": named("a$(touch {})", ".png"),
    "a name that ends a command.nii.gz": named(";touch {};", ".nii.gz"),
    "a name with a command within.mha": named("a`touch {}`", ".mha"),
    "a folder of compressed DICOM": packed_series,
    "a pointer of Git LFS": pointer,
    "a formula as a case": formula,
    "a recipe called by a script": script,
}  # fmt: skip


def test_there_are_forty_payloads_and_more() -> None:
    assert len(PAYLOADS) >= 40


@pytest.mark.parametrize("name", PAYLOADS)
def test_no_payload_leaves_its_mark(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, mark = tmp_path / "given", tmp_path / "given" / "mark"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(folder)
    with suppress(TransmodalError):
        PAYLOADS[name](folder, mark)
    assert not mark.exists()


@pytest.mark.parametrize("kind", KINDS)
def test_the_pickles_would_leave_theirs(kind: str, tmp_path: Path) -> None:
    with suppress(RuntimeError):  # of torch, which has run it by then
        pickle.loads(pickles(tmp_path / "mark")[kind])
    assert (tmp_path / "mark").exists()


def test_the_tags_would_leave_theirs(tmp_path: Path) -> None:
    yaml.unsafe_load(f"name: !!python/object/apply:os.system [{touch(tmp_path / 'mark')!r}]")
    assert (tmp_path / "mark").exists()


def test_the_arrays_would_leave_theirs(tmp_path: Path) -> None:
    stream = streams.BytesIO()
    np.save(stream, np.array([Reduced(os.system, touch(tmp_path / "mark"))], dtype=object), allow_pickle=True)
    np.load(streams.BytesIO(stream.getvalue()), allow_pickle=True)
    assert (tmp_path / "mark").exists()
