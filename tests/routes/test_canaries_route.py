"""Canaries in DICOM headers and file names: none comes out, in what is written or shown, in one success and many failures."""

from __future__ import annotations

import gzip
import itertools
import logging
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom import config
from pydicom.dataset import Dataset
from pydicom.uid import UID

from transmodal import cli
from transmodal.volumes import Volume
from transmodal.volumes.formats.dicom.privacy import quiet
from transmodal.volumes.formats.dicom.writing import SeriesAbout, write_series

RECIPE = """
name: tiny
translator: unet_regression
task: {source: [t1], target: ct}
windows: {kind: slice, axes: [z]}
settings: {width: 4, levels: 1}
training: {epochs: 1, batch: 4, samples_per_epoch: 4}
"""
N_SLICES = 6
PATIENT_WORDS = (
    *(
        "PatientName",
        "PatientID",
        "PatientBirthName",
        "PatientMotherBirthName",
        "OtherPatientIDs",
        "OtherPatientNames",
    ),
    *("AccessionNumber", "StudyID", "PatientAddress", "PatientTelephoneNumbers", "MedicalRecordLocator"),
    *(
        "ReferringPhysicianName",
        "InstitutionName",
        "InstitutionAddress",
        "StationName",
        "EthnicGroup",
        "Occupation",
    ),
    *("StudyDescription", "AdditionalPatientHistory", "PatientReligiousPreference", "MilitaryRank"),
)
SERIES_WORDS = (
    "PerformingPhysicianName",
    "OperatorsName",
    "InstitutionalDepartmentName",
    "DeviceSerialNumber",
)
SLICE_WORDS = ("ImageComments", "PatientComments", "NameOfPhysiciansReadingStudy", "DerivationDescription")
DATES = ("PatientBirthDate", "StudyDate", "SeriesDate", "AcquisitionDate")


class Canaries:
    """Words, dates and UIDs that stand nowhere else, and how to find them."""

    def __init__(self) -> None:
        self._words = ("zqx" + "".join(letters) for letters in itertools.product("bdfgkmnprt", repeat=4))
        self._numbers = itertools.count(1)
        self.words: list[str] = []
        self.numbers: list[str] = []

    def word(self) -> str:
        self.words.append(next(self._words))
        return self.words[-1].upper()

    def date(self) -> str:
        n = next(self._numbers)
        self.numbers.append(f"19{30 + n // 12:02d}{1 + n % 12:02d}{1 + n % 28:02d}")
        return self.numbers[-1]

    def uid(self) -> str:
        self.numbers.append(
            f"1.2.840.99999.735190.{next(self._numbers):06d}.4711.8150{next(self._numbers):05d}7"[:60]
        )
        self.numbers[-1] = self.numbers[-1].replace(".0", ".9")
        return self.numbers[-1]

    def find(self, content: bytes) -> list[str]:
        """Return the canaries that stand in a content, in any case."""
        text = content.decode("latin-1").lower()
        numbers = set(re.findall(r"(?<![\w.])\d{8}(?![\w])|1\.2\.840\.99999[\d.]+\d", text))
        words = set(re.findall(r"zqx[a-z]{4}", text))
        return sorted((words & set(self.words)) | (numbers & set(self.numbers)))


def plant(folder: Path, canaries: Canaries, n: int) -> None:
    """Write T1 and CT of one patient, with canaries in each header and in each file's name."""
    draw = np.random.default_rng(n)
    i, j, k = np.indices((12, 12, N_SLICES)) - np.array([6, 6, 3]).reshape(3, 1, 1, 1)
    head = i**2 + j**2 + 1.5 * k**2 < 20
    t1 = (head * (200 + 300 * draw.random(head.shape))).astype(np.int16)
    patient = {keyword: canaries.word() for keyword in PATIENT_WORDS}
    dates = {keyword: canaries.date() for keyword in DATES}
    study, frame = canaries.uid(), canaries.uid()
    for modality, voxels in {"MR": t1, "CT": np.where(head, t1 - 300, -1000).astype(np.int16)}.items():
        target = folder / patient["PatientName"] / modality
        target.parent.mkdir(parents=True, exist_ok=True)
        about = SeriesAbout(modality, "t1_mprage", "x", study, frame)
        write_series(Volume(voxels, np.diag([-4.0, -4.0, 4.0, 1.0])), target, about)
        series = {keyword: canaries.word() for keyword in SERIES_WORDS}
        uid, description = canaries.uid(), f"t1 mprage {canaries.word()}"
        for path in sorted(target.iterdir()):
            dataset = pydicom.dcmread(path)
            free = {keyword: canaries.word() for keyword in SLICE_WORDS}
            for keyword, value in {**patient, **dates, **series, **free}.items():
                setattr(dataset, keyword, value)
            dataset.SeriesInstanceUID, dataset.SeriesDescription = uid, description
            dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = canaries.uid()
            dataset.add_new((0x0011, 0x0010), "LO", canaries.word())
            dataset.add_new((0x0011, 0x1001), "LT", canaries.word())
            # pydicom warns of these and quotes them.
            dataset.add_new("PatientAge", "AS", canaries.word())
            dataset.add_new("PatientBirthTime", "TM", canaries.word())
            name = f"{patient['PatientName']}_{patient['AccessionNumber']}_{dates['PatientBirthDate']}"
            dataset.save_as(target / f"{name}_{patient['InstitutionName']}_{dataset.SOPInstanceUID}.dcm")
            path.unlink()


@pytest.fixture(autouse=True, scope="module")
def lenient() -> Iterator[None]:
    """Let pydicom write values that are not as DICOM has them."""
    before = config.settings.writing_validation_mode
    config.settings.writing_validation_mode = config.IGNORE
    yield
    config.settings.writing_validation_mode = before


@pytest.fixture(scope="module")
def canaries() -> Canaries:
    return Canaries()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, canaries: Canaries) -> Path:
    """An archive of three patients under `archive`, a recipe, and an empty folder for what is written."""
    folder = tmp_path_factory.mktemp("canaries")
    for n in range(3):
        with quiet():  # pydicom warns of what is planted
            plant(folder / "archive", canaries, n)
    (folder / "tiny.yaml").write_text(RECIPE)
    (folder / "out").mkdir()
    assert len(set(canaries.words + canaries.numbers)) >= 300
    return folder


@pytest.fixture(scope="module")
def archive_parts(place: Path) -> list[Path]:
    """The folder of each series, T1 and CT of a patient after one another."""
    return [part / kind for part in sorted((place / "archive").iterdir()) for kind in ("MR", "CT")]


def written(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        yield path.name, path.name.encode()
        if path.is_file():
            content = path.read_bytes()
            yield path.name, gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content


def leaks(canaries: Canaries, shown: str, *folders: Path) -> dict[str, list[str]]:
    """Return what came out, by where."""
    contents = [("shown", shown.encode()), *(part for folder in folders for part in written(folder))]
    return {name: found for name, content in contents if (found := canaries.find(content))}


@pytest.fixture(scope="module")
def run(place: Path, archive_parts: list[Path]) -> Path:
    for line in (
        f"prepare dicom {place}/archive -o {place}/out/cohort --counts 1:1:1 --workers 1 --region t1=body",
        f"train {place}/tiny.yaml --cohort {place}/out/cohort -o {place}/out/run --device cpu",
    ):
        assert cli.run(line.split()) == 0
    return place / "out" / "run"


def test_no_canary_comes_out_where_all_goes_well(
    place: Path,
    canaries: Canaries,
    request: pytest.FixtureRequest,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> None:
    shutil.copytree(next((place / "archive").iterdir()) / "MR", tmp_path / "t1")
    with caplog.at_level(logging.DEBUG):
        run = request.getfixturevalue("run")
        for line in (
            f"prepare dicom {place}/archive --dry-run",
            f"evaluate {run} --cohort {place}/out/cohort",
            f"translate {run} {tmp_path}/t1 -o {place}/out/ct.nii.gz --device cpu",
            f"verify {place}/out/cohort",
        ):
            assert cli.run(line.split()) == 0
    names = {path.name for path in (place / "out").rglob("*")}
    assert {"cohort.html", "cohort.json", "report.html", "evaluation.json", "ct.nii.gz", "ct.json"} <= names
    assert leaks(canaries, "".join(capfd.readouterr()) + caplog.text, place / "out") == {}


def _edit(change: Callable[[Dataset, int, Canaries], None]) -> Callable[[Path, Canaries], None]:
    def edit(folder: Path, canaries: Canaries) -> None:
        for n, path in enumerate(sorted(folder.iterdir())):
            dataset = pydicom.dcmread(path)
            change(dataset, n, canaries)
            dataset.save_as(path)

    return edit


def _set(values: Callable[[int, Canaries], dict[str, object]]) -> Callable[[Path, Canaries], None]:
    def change(dataset: Dataset, n: int, canaries: Canaries) -> None:
        for keyword, value in values(n, canaries).items():
            setattr(dataset, keyword, value)

    return _edit(change)


def _as_text(keyword: str, n_values: int = 1) -> Callable[[Path, Canaries], None]:
    """Put a canary where numbers are expected, as a file of another maker could have it."""

    def change(dataset: Dataset, _: int, canaries: Canaries) -> None:
        words = [canaries.word() for _ in range(n_values)]
        if keyword in dataset:
            del dataset[keyword]
        dataset.add_new(keyword, "LO", words if n_values > 1 else words[0])

    return _edit(change)


def _delete(keyword: str, which: slice = slice(None)) -> Callable[[Path, Canaries], None]:
    def delete(folder: Path, _: Canaries) -> None:
        for path in sorted(folder.iterdir())[which]:
            dataset = pydicom.dcmread(path)
            delattr(dataset, keyword)
            dataset.save_as(path)

    return delete


def _content(change: Callable[[bytes], bytes]) -> Callable[[Path, Canaries], None]:
    def write(folder: Path, _: Canaries) -> None:
        path = sorted(folder.iterdir())[2]
        path.write_bytes(change(path.read_bytes()))

    return write


def _gap(folder: Path, _: Canaries) -> None:
    sorted(folder.iterdir(), key=lambda path: pydicom.dcmread(path).ImagePositionPatient[2])[2].unlink()


def _syntax(dataset: Dataset, _: int, canaries: Canaries) -> None:
    dataset.file_meta.TransferSyntaxUID = UID(canaries.uid())
    dataset.set_original_encoding(is_implicit_vr=False, is_little_endian=True)


def _lone(folder: Path, _: Canaries) -> None:
    first, *others = sorted(folder.iterdir())
    for path in others:
        path.unlink()
    first.write_bytes(first.read_bytes()[:-20])


def fail(line: str, output: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> str:
    """Return all that a line of words prints and logs, which is refused for its input."""
    output.mkdir()
    capfd.readouterr()
    caplog.clear()
    with caplog.at_level(logging.DEBUG):
        assert cli.run(line.split()) in (2, 3, 4)
    shown = "".join(capfd.readouterr()) + caplog.text
    assert "error[E1" in shown, shown
    return shown


TRANSLATE_FAILURES: dict[str, Callable[[Path, Canaries], None]] = {
    "two series": _set(lambda n, c: {"SeriesInstanceUID": c.uid(), "Modality": c.word()}),
    "two kinds": _set(lambda n, c: {"ImageType": ["ORIGINAL", "PRIMARY", c.word()]}),
    "two sequences": _set(lambda n, c: {"SequenceName": c.word()}),
    "two frames": _set(lambda n, c: {"FrameOfReferenceUID": c.uid()}),
    "no colour known": _set(lambda n, c: {"PhotometricInterpretation": "ZQXBBBB"}),
    "one place": _set(lambda n, c: {"ImagePositionPatient": [0, 0, 0]}),
    "multi-frame": _set(lambda n, c: {"NumberOfFrames": 3}),
    "mosaic": _set(lambda n, c: {"ImageType": ["ORIGINAL", "MOSAIC", c.word()]}),
    "flat spacing": _set(lambda n, c: {"PixelSpacing": [-4, 4]}),
    "position as text": _as_text("ImagePositionPatient", 3),
    "orientation as text": _as_text("ImageOrientationPatient", 6),
    "slope as text": _as_text("RescaleSlope"),
    "intercept as text": _as_text("RescaleIntercept"),
    "bits as text": _as_text("BitsAllocated"),
    "rows as text": _as_text("Rows"),
    "no position": _delete("ImagePositionPatient"),
    "one without pixels": _delete("PixelData", slice(2, 3)),
    "empty file": _content(lambda _: b""),
    "cut in the header": _content(lambda content: content[:900]),
    "cut in the pixels": _content(lambda content: content[:-50]),
    "zeros": _content(lambda content: bytes(len(content))),
    "a page": _content(lambda _: b"<html>no such image</html>"),
    "missing slice": _gap,
    "lone and cut": _lone,
    "unknown syntax": _edit(_syntax),
}


@pytest.mark.parametrize("failure", TRANSLATE_FAILURES)
def test_no_canary_comes_out_of_a_translation_that_fails(
    failure: str,
    run: Path,
    archive_parts: list[Path],
    canaries: Canaries,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    shutil.copytree(archive_parts[0], tmp_path / "t1")
    with quiet():
        TRANSLATE_FAILURES[failure](tmp_path / "t1", canaries)
    line = f"translate {run} {tmp_path}/t1 -o {tmp_path}/out/ct.nii.gz --device cpu"
    shown = fail(line, tmp_path / "out", capfd, caplog)
    assert leaks(canaries, shown, tmp_path / "out") == {}, shown


PREPARE_FAILURES: dict[str, Callable[[Path, Canaries], None]] = {
    "another patient": _set(lambda n, c: {"PatientID": c.word()}),
    "nobody": _set(lambda n, c: {"PatientID": ""}),
    "no series": _set(lambda n, c: {"SeriesInstanceUID": ""}),
    "no clear modality": _set(
        lambda n, c: {"SeriesDescription": c.word(), "Modality": "MR", "EchoTime": 9000}
    ),
    "no known modality": _set(lambda n, c: {"Modality": "ZQXBBBB"}),
    "damage": _content(lambda content: content[:900]),
}


@pytest.mark.parametrize("failure", PREPARE_FAILURES)
def test_no_canary_comes_out_of_a_preparation_that_fails(
    failure: str,
    archive_parts: list[Path],
    canaries: Canaries,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    shutil.copytree(archive_parts[0], tmp_path / "archive" / "t1")
    with quiet():
        PREPARE_FAILURES[failure](tmp_path / "archive" / "t1", canaries)
    line = f"prepare dicom {tmp_path}/archive -o {tmp_path}/out/cohort --workers 1 --with need=t1"
    shown = fail(line, tmp_path / "out", capfd, caplog)
    assert leaks(canaries, shown, tmp_path / "out") == {}, shown
