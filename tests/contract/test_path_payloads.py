"""No data lead outside of their folder: names that would, in each key and table that names a file or becomes one."""

from __future__ import annotations

import hashlib
import json
import shutil
import string
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset

import transmodal
from dicom_files import series
from transmodal import checkpoint
from transmodal.checkpoint import MANIFEST, manifest
from transmodal.cohorts.layouts import dicom, pairs
from transmodal.cohorts.prepare.naming import folder_names
from transmodal.cohorts.store import Cohort
from transmodal.errors import TransmodalError
from transmodal.evaluation.records import read as records
from transmodal.evaluation.records.store import plain
from transmodal.experiments.benchmark.suite import suite_of
from transmodal.experiments.trial import slug
from transmodal.inference.provenance import sidecar as sidecars
from transmodal.nets.pretrained import read_weights
from transmodal.recipes import load as recipes
from transmodal.storage import sealed
from transmodal.volumes import Volume, binding, io

EARLIER = Path(__file__).with_name("earlier")
SECRET = "secret.npy"
UP = "../secret.npy"
PATHS = (
    *(UP, "../../outside/secret.npy", "cases/../../secret.npy", "{outside}/secret.npy", "..", "../"),
    *("..\\secret.npy", "C:secret.npy", "C:\\secret.npy", "file:///{outside}/secret.npy", "secret.npy\0.npy"),
)
"""Paths out of a folder, in the ways of several systems; `{outside}` is a folder that was not named."""
WORDS = (
    *(UP, "..", ".", "/", "{outside}/x", "a/b", "..\\x", "C:x", "x\0y", "%2e%2e%2fx", "\uff0e\uff0e\uff0fx", "~", "~root/x"),
    *("-rf", ".hidden", "CON", "nul.txt", "x" * 400, "dot.", "white space", "line\nbreak", "$(touch x)", ""),
)  # fmt: skip
"""Words that become names of files and folders."""
RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}


class Place:
    """A folder that is named, beside one that is not.

    Attributes:
        folder: named.
        outside: with a secret in it.
    """

    def __init__(self, root: Path) -> None:
        self.folder, self.outside = root / "place" / "folder", root / "outside"
        for path in (self.folder, self.outside):
            path.mkdir(parents=True)
        for path in (self.outside, self.folder.parent, root):
            np.save(path / SECRET, np.full((14, 17, 10), 0.7, np.float32))

    def hostile(self, name: str) -> str:
        return name.format(outside=self.outside)

    def around(self) -> dict[str, str]:
        """Return the hash of every file but those of the folder that is named."""
        root = self.outside.parent
        return {
            str(path): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
            for path in sorted(root.rglob("*"))
            if not path.is_relative_to(self.folder)
        }


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    made = Place(tmp_path)
    monkeypatch.chdir(made.folder)
    return made


def resealed(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    content = json.loads(path.read_text())
    content.pop(sealed.KEY, None)
    change(content)
    path.write_text(json.dumps(sealed.seal(content)))


Read = Callable[[Place, str], object]


def of_cohort(change: Callable[[dict[str, Any], str], None]) -> Read:
    def read(place: Place, name: str) -> object:
        copy = shutil.copytree(EARLIER / "cohort", place.folder / "cohort")
        resealed(copy / "cohort.json", lambda content: change(content["cases"][0], name))
        return [np.asarray(case.volume("fa").voxels) for case in Cohort.open(copy).cases()]

    return read


def of_evaluation(place: Place, name: str) -> object:
    copy = shutil.copytree(EARLIER / "evaluation", place.folder / "evaluation")

    def change(content: dict[str, Any]) -> None:
        content["volumes"]["unet_regression"]["sub0"][0]["file"] = name

    resealed(copy / records.NAME, change)
    return records.parse(copy / records.NAME)


def of_checkpoint(place: Place, name: str) -> object:
    copy = shutil.copytree(EARLIER / "run" / "checkpoints" / "best", place.folder / "best")
    content = manifest.unseal(copy / MANIFEST)
    content["files"][name] = hashlib.sha256((place.outside / SECRET).read_bytes()).hexdigest()
    (copy / MANIFEST).write_bytes(manifest.seal(content))
    return checkpoint.load(copy)


def of_metaimage(place: Place, name: str) -> object:
    volume = Volume(np.ones((14, 17, 10), np.float32), np.eye(4))
    io.write(volume, place.folder / "a.mhd")
    header = (place.folder / "a.mhd").read_text(encoding="utf-8")
    lines = [line for line in header.splitlines() if not line.startswith(("ElementDataFile", "Compressed"))]
    text = "\n".join([*lines, "CompressedData = False", "HeaderSize = -1", f"ElementDataFile = {name}", ""])
    (place.folder / "a.mhd").write_text(text, encoding="utf-8")
    return io.read(place.folder / "a.mhd").voxels


def of_sidecar(change: Callable[[dict[str, Any], str], None]) -> Read:
    """Return a folder of synthetic images, one of whose sidecars names another image."""

    def read(place: Place, name: str) -> object:
        image = place.folder / "fa.nii.gz"
        about = binding.write(Volume(np.ones((2, 3, 4), np.float32), np.eye(4)), image)._asdict()
        record: dict[str, Any] = {
            "synthetic": True,
            "environment": {},
            "image": {"name": image.name, **about},
        }
        change(record, name)
        sidecars.write(place.folder / "fa.json", record)
        return [fault.fault for fault in transmodal.verify(place.folder).faults]

    return read


def name_image(record: dict[str, Any], name: str) -> None:
    record["image"]["name"] = name


def name_origin(record: dict[str, Any], name: str) -> None:
    record["of"] = {"name": name, "sha256": "0"}


def name_array(case: dict[str, Any], name: str) -> None:
    case["volumes"]["fa"]["file"] = name


def name_mask(case: dict[str, Any], name: str) -> None:
    case["mask"]["file"] = name


def name_case(case: dict[str, Any], name: str) -> None:
    case["id"] = name


KEYS: Mapping[str, Read] = {
    "an array of a cohort": of_cohort(name_array),
    "a mask of a cohort": of_cohort(name_mask),
    "a case of a cohort": of_cohort(name_case),
    "a volume of an evaluation": of_evaluation,
    "a file of a checkpoint": of_checkpoint,
    "the voxels of a MetaImage": of_metaimage,
    "the image of a sidecar": of_sidecar(name_image),
    "the image that a spread is of": of_sidecar(name_origin),
}
"""Keys that name a file: each is read, and is to refuse the name or to stay in its folder."""


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("key", KEYS)
def test_nothing_outside_is_read_or_written(key: str, name: str, place: Place) -> None:
    before = place.around()
    content: object = ()
    with suppress(TransmodalError):
        content = KEYS[key](place, place.hostile(name))
    assert place.around() == before
    arrays = content if isinstance(content, list) else [content]
    assert not any(isinstance(array, np.ndarray) and np.isclose(array, 0.7).any() for array in arrays)


def case_of_table(place: Place, name: str) -> list[str]:
    """Return the folders of the cases of a table."""
    io.write(Volume(np.ones((3, 3, 3), np.float32), np.eye(4)), place.folder / "image.nii.gz")
    quoted = name.replace('"', '""')
    (place.folder / "pairs.csv").write_text(f'case,t1,fa\n"{quoted}",image.nii.gz,image.nii.gz\n', "utf-8")
    return list(folder_names(pairs.find(place.folder).cases))


def case_of_dicom(place: Place, name: str) -> list[str]:
    """Return the folders of the cases of an archive of DICOM."""

    def change(header: Dataset, n: int) -> None:
        header.PatientID, header.PatientName, header.StudyInstanceUID = name, name, f"1.2.{UP}"
        header.SOPInstanceUID = f"{n}{UP}"

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's, of values that are none
        series(place.folder / "archive", change=change)
    return list(folder_names(dicom.find(place.folder / "archive", dicom.Options(need=("t1",))).cases))


NAMES: Mapping[str, Callable[[Place, str], list[str]]] = {
    "a case of a table": case_of_table,
    "a translator of an evaluation": lambda _, name: [f"01-{plain(name)}"],
    "a variant of a study": lambda _, name: [f"x{slug(name)}"],
}
"""Words that become names: each is refused, or becomes a name that every file system can have."""


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("key", NAMES)
def test_a_word_becomes_a_name_or_is_refused(key: str, word: str, place: Place) -> None:
    before, names = place.around(), []
    with suppress(TransmodalError):
        names = NAMES[key](place, place.hostile(word))
    assert place.around() == before
    for name in names:
        assert_is_plain(name)


@pytest.mark.parametrize("word", [UP, "/etc/x", "CON"])
def test_no_word_of_dicom_becomes_a_path(word: str, place: Place) -> None:
    before, names = place.around(), []
    with suppress(TransmodalError):
        names = case_of_dicom(place, word)
    assert place.around() == before
    for name in names:
        assert_is_plain(name)
        assert word.strip("./") not in name


def assert_is_plain(name: str) -> None:
    letters = set(name) - set("._-")
    assert 0 < len(name.encode()) <= 255
    assert all(letter.isalnum() for letter in letters), name
    assert not name.startswith((".", "-")), name
    assert not name.endswith("."), name
    assert name.partition(".")[0].lower() not in RESERVED, name


@pytest.mark.parametrize("word", WORDS)
def test_no_recipe_and_no_entry_of_a_suite_is_a_path(word: str, place: Place) -> None:
    """Their names become folders of runs."""
    name = place.hostile(word)
    recipe = (EARLIER / "tiny.yaml").read_text()
    text = recipe.replace("name: tiny", f"name: {json.dumps(name)}")
    (place.folder / "mine.yaml").write_text(text, "utf-8")
    suite = f"name: a\nabout: a\nbudget: a\ncohort: a\nentries:\n  {json.dumps(name)}: {{recipe: t1-to-fa-small}}\n"
    (place.folder / "suite.yaml").write_text(suite, "utf-8")
    names = []
    with suppress(TransmodalError):
        names.append(recipes.load("mine.yaml").name)
    with suppress(TransmodalError):
        names += suite_of("suite.yaml").entries
    for folder in names:
        assert set(folder) <= set(string.ascii_lowercase + string.digits + "._-"), folder
        assert folder[0] not in "._-", folder


@pytest.mark.parametrize("name", [*PATHS, *WORDS])
def test_names_within_an_archive_are_keys(name: str, place: Place) -> None:
    """Arrays are taken out of an archive by name, into memory."""
    before = place.around()
    with suppress(TransmodalError, ValueError):  # the latter of NumPy, which writes no such name
        np.savez(place.folder / "w.npz", **{place.hostile(name): np.ones(3, np.float32)})
        read_weights(place.folder / "w.npz")
    assert place.around() == before


def test_two_words_that_differ_in_capitals_are_no_two_folders(place: Place) -> None:
    io.write(Volume(np.ones((3, 3, 3), np.float32), np.eye(4)), place.folder / "image.nii.gz")
    (place.folder / "pairs.csv").write_text(
        "case,t1,fa\nanna,image.nii.gz,image.nii.gz\nANNA,image.nii.gz,image.nii.gz\n"
    )
    with pytest.raises(TransmodalError, match="a name of its own"):
        folder_names(pairs.find(place.folder).cases)


def test_there_are_sixty_payloads_and_more() -> None:
    assert len(PATHS) * len(KEYS) + len(WORDS) * (len(NAMES) + 1) >= 60


@pytest.mark.parametrize("key", KEYS)
def test_every_key_is_read_where_its_name_is_right(key: str, place: Place) -> None:
    """What is refused above is refused for the name."""
    right = {
        "an array of a cohort": "cases/sub0/fa.npy",
        "a mask of a cohort": "cases/sub0/mask.npy",
        "a case of a cohort": "sub0",
        "a volume of an evaluation": "volumes/01-unet_regression/sub0.nii.gz",
        "the image of a sidecar": "fa.nii.gz",
        "the image that a spread is of": "fb.nii.gz",
    }
    if key in right:
        KEYS[key](place, right[key])
